/* SPDX-License-Identifier: MIT
 *
 * Carrying bytes from one connection to the other. Worker. A flow owns its pending
 * buffer and, while bytes are in it, a pipe.
 */
#include "worker/flow.h"

#include <errno.h>
#include <fcntl.h>

#include "lib/base/num.h"
#include "worker/self.h"

enum {
	FLOW_READ_BYTES = 16 * 1024, /* first read; doubled while the receiver keeps up */
	FLOW_SHIFT_MAX = 3,	     /* 128 KB */
	FLOW_BUDGET = 16,	     /* rounds per wake-up */
	FLOW_STREAK = 3,	     /* reads that prove bulk */
	FLOW_SPLICE_MIN = 128 * 1024, /* announced bytes worth a pipe */
	FLOW_SLOW_MS = 100,
	CHUNK_ROOM = 24, /* hex digits and CRLF before the payload */
};

void
flow_init(struct flow *f, enum http_body in, uint64_t length, enum http_body out,
	  const struct http_limits *limits)
{
	f->in = (uint8_t)in;
	f->out = (uint8_t)out;
	f->is_source_done = in == HTTP_BODY_NONE;
	f->streak = f->read_shift = 0;
	f->is_slow = f->has_surplus = false;
	f->left = in == HTTP_BODY_LENGTH ? length : UINT64_MAX;
	f->moved = f->taken = f->blocked_at_ms = 0;
	f->pending = f->raw = NULL;
	f->pipe = NULL;
	f->limits = limits;
	f->why = HTTP_REJECT_none;
	if (in == HTTP_BODY_CHUNKED)
		http_chunk_init(&f->chunk);
}

void
flow_fini(struct flow *f)
{
	buf_put(&self.bufs, &f->pending);
	buf_put(&self.bufs, &f->raw);
	net_pipes_put(&self.pipes, &f->pipe);
}

bool
flow_queue(struct flow *f, const char *p, size_t n)
{
	return n == 0 || buf_append(&self.bufs, &f->pending, p, n);
}

/* Takes chunks from p into self.tx at `body`; returns the payload length, -1: the byte
 * behind *used is bad. */
static long
decode_chunks(struct flow *f, const char *p, size_t n, char *body, size_t *used,
	      struct span *trailers)
{
	size_t len = 0, at = 0;
	while (at < n) {
		size_t took = 0;
		struct span data;
		enum http_chunk_result r = http_chunk_decode(
			&f->chunk, p + at, n - at, f->limits, &took, &data, &f->why);
		at += took;
		*used = at;
		if (r == HTTP_CHUNK_BAD)
			return -1;
		if (r == HTTP_CHUNK_END) {
			f->is_source_done = true;
			*trailers = data;
			break;
		}
		if (r == HTTP_CHUNK_MORE)
			break;
		memcpy(body + len, data.p, data.n);
		len += data.n;
	}
	return (long)len;
}

/* Frames self.tx[CHUNK_ROOM, +len) as one chunk, and the end if it is the end. */
static struct span
frame_chunk(struct flow *f, size_t len, struct span trailers)
{
	char *start = self.tx + CHUNK_ROOM, *end = start + len;
	if (len) {
		char hex[16];
		size_t digits = num_put_hex(hex, len);
		start -= digits + 2;
		memcpy(start, hex, digits);
		memcpy(start + digits, "\r\n", 2);
		memcpy(end, "\r\n", 2);
		end += 2;
	}
	if (f->is_source_done) {
		memcpy(end, "0\r\n", 3);
		end += 3;
		end += http_trailers_filter(
			trailers, end, (size_t)(self.tx + WORKER_TX_BYTES - end - 2));
		memcpy(end, "\r\n", 2);
		end += 2;
	}
	return span_of(start, (size_t)(end - start));
}

/* The body of an answer to a HEAD that became a GET ends here. */
static inline size_t
passed_on(const struct flow *f, long len)
{
	return f->out == HTTP_BODY_NONE ? 0 : (size_t)len;
}

bool
flow_encode(struct flow *f, const char *p, size_t n, struct span *out, size_t *used)
{
	struct span trailers = {NULL, 0};
	long len;
	if (f->is_source_done) { /* everything belongs to the next message */
		*out = span_of(NULL, 0);
		*used = 0;
		return true;
	}
	if (f->in == HTTP_BODY_CHUNKED) {
		len = decode_chunks(f, p, n, self.tx + CHUNK_ROOM, used, &trailers);
		if (len < 0) {
			self.bad = span_of(p, n);
			self.bad_at = *used;
			return false;
		}
	} else {
		len = (long)(n < f->left ? n : f->left);
		*used = (size_t)len;
		if (f->in == HTTP_BODY_LENGTH) {
			f->left -= (uint64_t)len;
			f->is_source_done = f->left == 0;
		}
		if (f->out != HTTP_BODY_CHUNKED) {
			*out = span_of(p, passed_on(f, len));
			f->moved += (uint64_t)len;
			return true;
		}
		memcpy(self.tx + CHUNK_ROOM, p, (size_t)len);
	}
	f->moved += (uint64_t)len;
	*out = f->out == HTTP_BODY_CHUNKED
		       ? frame_chunk(f, (size_t)len, trailers)
		       : span_of(self.tx + CHUNK_ROOM, passed_on(f, len));
	return true;
}

static enum flow_end
blocked(struct flow *f)
{
	if (!f->blocked_at_ms)
		f->blocked_at_ms = now_ms();
	f->read_shift = 0;
	return FLOW_WAIT;
}

/* Sends what waits. FLOW_DONE: nothing waits any more. */
static enum flow_end
flush(struct flow *f, struct net_conn *to)
{
	size_t sent;
	if (f->pending) {
		if (!to->is_writable)
			return blocked(f);
		struct span s = buf_span(f->pending);
		enum net_io io = net_conn_write(to, s.p, s.n, &sent);
		f->pending->from += (uint32_t)sent;
		if (io == NET_FAILED)
			return FLOW_DST_FAILED;
		if (io != NET_DONE)
			return blocked(f);
		buf_put(&self.bufs, &f->pending);
	}
	while (f->pipe && f->pipe->held_bytes) {
		if (!to->is_writable)
			return blocked(f);
		ssize_t r =
			splice(f->pipe->read_fd, NULL, to->watch.fd, NULL,
			       f->pipe->held_bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (r > 0) {
			f->pipe->held_bytes -= (size_t)r;
		} else if (r < 0 && errno == EAGAIN) {
			to->is_writable = false;
		} else if (!(r < 0 && errno == EINTR)) {
			return FLOW_DST_FAILED;
		}
	}
	if (f->blocked_at_ms) {
		if (now_ms() - f->blocked_at_ms >= FLOW_SLOW_MS)
			f->is_slow = true;
		f->blocked_at_ms = 0;
	}
	return FLOW_DONE;
}

/* Sends s now or keeps what is refused. */
static enum flow_end
pass_on(struct flow *f, struct net_conn *to, struct span s)
{
	size_t sent = 0;
	if (s.n == 0)
		return FLOW_DONE;
	if (to->is_writable) {
		enum net_io io = net_conn_write(to, s.p, s.n, &sent);
		if (io == NET_FAILED)
			return FLOW_DST_FAILED;
		if (io == NET_DONE) {
			if (s.n >= (size_t)FLOW_READ_BYTES &&
			    f->read_shift < FLOW_SHIFT_MAX)
				f->read_shift++;
			return FLOW_DONE;
		}
	}
	if (!flow_queue(f, s.p + sent, s.n - sent))
		return FLOW_DST_FAILED; /* room was checked before reading */
	return blocked(f);
}

static enum flow_end
source_closed(struct flow *f, struct net_conn *to)
{
	if (f->in != HTTP_BODY_CLOSE && f->in != HTTP_BODY_TUNNEL)
		return FLOW_SRC_EOF;
	f->is_source_done = true;
	if (f->out == HTTP_BODY_CHUNKED)
		return pass_on(f, to, SPAN("0\r\n\r\n"));
	return FLOW_DONE;
}

static bool
wants_splice(const struct flow *f)
{
	return f->streak >= FLOW_STREAK && !f->is_slow && f->out != HTTP_BODY_CHUNKED &&
	       f->in != HTTP_BODY_CHUNKED && f->out != HTTP_BODY_NONE &&
	       f->left >= FLOW_SPLICE_MIN;
}

/* One splice from the source into the empty pipe. */
static enum flow_end
splice_in(struct flow *f, struct net_conn *from, struct net_conn *to,
	  void (*count)(void *arg, uint64_t n), void *arg)
{
	size_t want = f->pipe->cap_bytes;
	if (f->in == HTTP_BODY_LENGTH && f->left < want)
		want = (size_t)f->left;
	ssize_t r = splice(from->watch.fd, NULL, f->pipe->write_fd, NULL, want,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (r < 0) {
		if (errno == EINTR)
			return FLOW_DONE;
		if (errno != EAGAIN)
			return FLOW_SRC_FAILED;
		from->is_readable = false; /* the pipe is empty: so the socket is */
		return FLOW_WAIT;
	}
	if (r == 0) {
		from->is_eof = true;
		return source_closed(f, to);
	}
	f->pipe->held_bytes = (size_t)r;
	f->moved += (uint64_t)r;
	f->taken += (uint64_t)r;
	if (f->in == HTTP_BODY_LENGTH) {
		f->left -= (uint64_t)r;
		f->is_source_done = f->left == 0;
	}
	if (r < FLOW_READ_BYTES / 4)
		f->streak = 0;
	count(arg, (uint64_t)r);
	shm_count(&self.global, SHM_GLOBAL_splice_bytes, (uint64_t)r);
	return FLOW_DONE;
}

/* How much to read, so that what the receiver refuses stays small. */
static size_t
read_size(const struct flow *f, const struct net_conn *to)
{
	size_t most = (size_t)FLOW_READ_BYTES << f->read_shift, room;
	if (f->read_shift == 0)
		return most;
	room = net_conn_room(to);
	if (room < most)
		most = room > FLOW_READ_BYTES ? room : FLOW_READ_BYTES;
	return most;
}

/* What was read but not taken: the next message of a pipeline, surplus of a server, or an
 * incomplete trailer section. false: no buffer. */
static bool
keep_rest(struct flow *f, struct span over, size_t used, struct buf **rest)
{
	if (f->is_source_done) {
		bool kept = true;
		if (over.n && rest)
			kept = buf_append(&self.bufs, rest, over.p, over.n);
		f->has_surplus = over.n && !rest;
		buf_put(&self.bufs, &f->raw);
		return kept;
	}
	if (!f->raw)
		return over.n == 0 || buf_append(&self.bufs, &f->raw, over.p, over.n);
	f->raw->from += (uint32_t)used;
	if (over.n == 0)
		buf_put(&self.bufs, &f->raw);
	return true;
}

/* What one read brought: `out` is encoded, in[used, ) is not taken. */
struct taken {
	struct span in, out;
	size_t used;
};

/* FLOW_DONE: *t is filled, and points into self.rx, self.tx or f->raw. */
static enum flow_end
take(struct flow *f, struct net_conn *from, size_t cap, struct taken *t)
{
	size_t n;
	if (self.bufs.limit_bytes &&
	    self.bufs.used_bytes + 2 * cap > self.bufs.limit_bytes) {
		shm_count(&self.global, SHM_GLOBAL_buffers_exhausted, 1);
		return FLOW_STARVED;
	}
	switch (net_conn_read(from, self.rx, cap, &n)) {
	case NET_DONE:
		break;
	case NET_AGAIN:
		return FLOW_WAIT;
	case NET_CLOSED:
		return FLOW_SRC_EOF;
	case NET_FAILED:
		return FLOW_SRC_FAILED;
	}
	f->taken += n;
	f->streak = n < FLOW_READ_BYTES	      ? 0
		    : f->streak < FLOW_STREAK ? f->streak + 1
					      : FLOW_STREAK;
	t->in = span_of(self.rx, n);
	if (f->raw) {
		if (!buf_append(&self.bufs, &f->raw, t->in.p, t->in.n))
			return FLOW_SRC_FAILED;
		t->in = buf_span(f->raw);
	}
	return flow_encode(f, t->in.p, t->in.n, &t->out, &t->used) ? FLOW_DONE : FLOW_BAD;
}

static enum flow_end
copy_round(struct flow *f, struct net_conn *from, struct net_conn *to, struct buf **rest,
	   void (*count)(void *arg, uint64_t n), void *arg)
{
	struct taken t;
	enum flow_end end = take(f, from, read_size(f, to), &t);
	if (end == FLOW_SRC_EOF)
		return source_closed(f, to);
	if (end != FLOW_DONE)
		return end;
	count(arg, t.out.n);
	end = pass_on(f, to, t.out);
	if (!keep_rest(f, span_of(t.in.p + t.used, t.in.n - t.used), t.used, rest))
		return FLOW_SRC_FAILED;
	return end;
}

/* The source closed, which is the end of its body. */
static enum flow_end
collect_end(struct flow *f, struct buf **into)
{
	struct span last = f->out == HTTP_BODY_CHUNKED ? SPAN("0\r\n\r\n") : SPAN("");
	f->is_source_done = true;
	return buf_append(&self.bufs, into, last.p, last.n) ? FLOW_DONE : FLOW_SRC_FAILED;
}

enum flow_end
flow_collect(struct flow *f, struct net_conn *from, struct buf **into, size_t most,
	     struct buf **rest, void (*count)(void *arg, uint64_t n), void *arg)
{
	while (!f->is_source_done && buf_len(*into) < most) {
		struct taken t;
		if (!from->is_readable)
			return FLOW_WAIT;
		enum flow_end end = take(f, from, FLOW_READ_BYTES, &t);
		if (end == FLOW_SRC_EOF && f->in == HTTP_BODY_CLOSE)
			return collect_end(f, into);
		if (end != FLOW_DONE)
			return end;
		count(arg, t.out.n);
		if (!buf_append(&self.bufs, into, t.out.p, t.out.n) ||
		    !keep_rest(f, span_of(t.in.p + t.used, t.in.n - t.used), t.used,
			       rest))
			return FLOW_SRC_FAILED;
	}
	return FLOW_DONE;
}

enum flow_end
flow_run(struct flow *f, struct net_conn *from, struct net_conn *to, struct buf **rest,
	 void (*count)(void *arg, uint64_t n), void *arg)
{
	for (unsigned i = 0; i < FLOW_BUDGET; i++) {
		enum flow_end end = flush(f, to);
		if (end != FLOW_DONE)
			return end;
		if (f->is_source_done) {
			net_pipes_put(&self.pipes, &f->pipe);
			return FLOW_DONE;
		}
		if (wants_splice(f) && !f->pipe)
			f->pipe = net_pipes_get(&self.pipes);
		else if (!wants_splice(f))
			net_pipes_put(&self.pipes, &f->pipe);
		if (!from->is_readable) {
			net_pipes_put(&self.pipes, &f->pipe);
			return FLOW_WAIT;
		}
		end = f->pipe ? splice_in(f, from, to, count, arg)
			      : copy_round(f, from, to, rest, count, arg);
		if (end == FLOW_WAIT && f->pipe && f->pipe->held_bytes == 0)
			net_pipes_put(&self.pipes, &f->pipe);
		if (end != FLOW_DONE)
			return end;
	}
	return FLOW_YIELD;
}
