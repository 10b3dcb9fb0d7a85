/* SPDX-License-Identifier: MIT
 *
 * The sender of log lines, one per process (worker, checker, control, master).
 *
 * Each target has a buffer that is filled line by line and handed to the kernel by one
 * sendmmsg(): over the target's own connected UDP socket, or over the socketpair to
 * control. What the kernel does not take at once is gone: a proxy that waits for its
 * logs is down. Nothing is allocated per line; the text of the time is made once per
 * second.
 */
#include "lib/net/log_target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "lib/net/log_header.h"

enum {
	SINK_BYTES = 64 * 1024,
	SINK_MESSAGES = 64,
	MOST_HEADER_BYTES = LOG_HEADER_BYTES + LOG_TAG_BYTES + LOG_SD_BYTES,
	/* longest line, its newline, the index byte of the relay */
	SINK_ROOM = LOG_LINE_BYTES + 2,
	/* A target that refuses (ICMP) fails every second datagram: after that many
	 * system calls the rest of the batch is given up. */
	FLUSH_ATTEMPTS = 4,
	SOCKET_BUFFER_BYTES = 1024 * 1024,
};

struct sink {
	const struct log_target *target;
	int fd;		     /* UDP: ours; else the relay, -1: none */
	bool is_connected;   /* UDP only */
	bool is_relay;	     /* datagrams start with the target's index */
	bool is_packed;	     /* several lines may share a datagram */
	time_t connect_at_s; /* when to try connect() again */
	unsigned messages_n;
	size_t used_bytes;
	char *bytes;	      /* [SINK_BYTES] */
	unsigned *lines;      /* [SINK_MESSAGES] lines of each message */
	struct iovec *iov;    /* [SINK_MESSAGES] */
	struct mmsghdr *msgs; /* [SINK_MESSAGES], each with one iov */
};

struct logger {
	struct sink sinks[LOG_TARGETS_MAX];
	size_t sinks_n;
	uint64_t pending; /* bit: that sink has lines */
	uint64_t
		oldest_ms; /* when logger_flush_due saw pending lines first; 0: not yet */
	struct log_header header;
	struct log_counts counts;
	void (*local)(void *arg, const struct log_target *t, struct span line);
	void *local_arg;
	char *line; /* [SINK_ROOM] for `local` */
	_Atomic uint64_t
		*samples; /* [LOG_TARGETS_MAX]; its own, or those of all processes */
	_Atomic uint64_t own_samples[LOG_TARGETS_MAX];
};

/* The coarse clock: a few ms late, a third of the price. */
static inline struct timespec
wall(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return ts;
}

/* Writes the line, cut at LOG_LINE_BYTES, without newline; returns its length. */
static inline size_t
put_line(struct logger *l, const struct log_target *t, int level,
	 const struct log_text *text, char *at)
{
	size_t head_n = 0, most = t->bytes_max ? t->bytes_max : LOG_LINE_BYTES;
	if (t->format != LOG_FORMAT_RAW)
		head_n = log_header_put(&l->header, t, level, text, at);
	if (head_n >= most)
		return most;
	size_t n = text->text.n < most - head_n ? text->text.n : most - head_n;
	memcpy(at + head_n, text->text.p, n);
	return head_n + n;
}

/* --- sending --------------------------------------------------------------------- */

static unsigned
lines_between(const struct sink *k, unsigned from, unsigned to)
{
	unsigned n = 0;
	for (unsigned i = from; i < to; i++)
		n += k->lines[i];
	return n;
}

/* A network that was not there at the start may come later: once per second. */
static bool
sink_connect(struct sink *k)
{
	if (k->fd < 0)
		return false;
	if (k->is_relay || k->is_connected)
		return true;
	time_t now_s = wall().tv_sec;
	if (now_s < k->connect_at_s)
		return false;
	k->connect_at_s = now_s + 1;
	k->is_connected = connect(k->fd, &k->target->addr.u.sa, k->target->addr.len) == 0;
	return k->is_connected;
}

static void
sink_flush(struct logger *l, struct sink *k)
{
	unsigned at = 0, n = k->messages_n;
	int attempts = sink_connect(k) ? FLUSH_ATTEMPTS : 0;
	while (at < n && attempts-- > 0) {
		int r = sendmmsg(k->fd, k->msgs + at, n - at,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		bool is_full = r < 0 && (errno == EAGAIN || errno == ENOBUFS);
		unsigned taken = r > 0 ? (unsigned)r : 0;
		l->counts.sent += lines_between(k, at, at + taken);
		at += taken;
		if (is_full)
			break;
		if (at < n && taken == 0) { /* refused, unreachable, too long */
			l->counts.dropped += k->lines[at];
			at++;
		}
	}
	l->counts.dropped += lines_between(k, at, n);
	k->messages_n = 0;
	k->used_bytes = 0;
	l->pending &= ~(1ULL << (k - l->sinks));
}

void
logger_flush(struct logger *l)
{
	while (l->pending)
		sink_flush(l, &l->sinks[__builtin_ctzll(l->pending)]);
	l->oldest_ms = 0;
}

uint64_t
logger_flush_due(struct logger *l, uint64_t now_ms)
{
	if (!l->pending)
		return UINT64_MAX;
	if (l->oldest_ms == 0)
		l->oldest_ms = now_ms;
	uint64_t waited_ms = now_ms > l->oldest_ms ? now_ms - l->oldest_ms : 0;
	if (waited_ms < LOG_DELAY_MS)
		return LOG_DELAY_MS - waited_ms;
	logger_flush(l);
	return UINT64_MAX;
}

/* --- queueing ----------------------------------------------------------------------- */

/* True when the line could be appended to the last datagram. */
static bool
sink_pack(struct logger *l, struct sink *k, int level, const struct log_text *text)
{
	unsigned last = k->messages_n - 1;
	size_t have = k->iov[last].iov_len, most = MOST_HEADER_BYTES + text->text.n;
	if (have + 1 + most > LOG_LINE_BYTES + 1 ||
	    k->used_bytes + SINK_ROOM > SINK_BYTES)
		return false;
	char *at = k->bytes + k->used_bytes;
	*at = '\n';
	size_t n = 1 + put_line(l, k->target, level, text, at + 1);
	k->iov[last].iov_len += n;
	k->used_bytes += n;
	k->lines[last]++;
	return true;
}

static void
sink_add(struct logger *l, struct sink *k, int level, const struct log_text *text)
{
	if (k->is_packed && k->messages_n && sink_pack(l, k, level, text))
		return;
	if (k->messages_n == SINK_MESSAGES || k->used_bytes + SINK_ROOM > SINK_BYTES)
		sink_flush(l, k);
	char *at = k->bytes + k->used_bytes, *p = at;
	if (k->is_relay)
		*p++ = (char)k->target->index;
	p += put_line(l, k->target, level, text, p);
	if (!k->is_relay)
		*p++ = '\n';
	size_t n = (size_t)(p - at);
	k->iov[k->messages_n] = (struct iovec){at, n};
	k->lines[k->messages_n] = 1;
	k->messages_n++;
	k->used_bytes += n;
	l->pending |= 1ULL << (k - l->sinks);
}

static void
give_locally(struct logger *l, struct sink *k, int level, const struct log_text *text)
{
	if (!l->local) {
		l->counts.dropped++;
		return;
	}
	size_t n = put_line(l, k->target, level, text, l->line);
	l->local(l->local_arg, k->target, span_of(l->line, n));
	l->counts.sent++;
}

/* Whether the target takes this line of its sample. */
static bool
sink_samples(struct logger *l, const struct sink *k)
{
	const struct log_target *t = k->target;
	if (!t->sample_n)
		return true;
	uint64_t number = atomic_fetch_add_explicit(&l->samples[k - l->sinks], 1,
						    memory_order_relaxed);
	return t->sample_mask >> number % t->sample_n & 1;
}

void
logger_write(struct logger *l, uint64_t mask, int level, const struct log_text *text)
{
	if (l->sinks_n < LOG_TARGETS_MAX)
		mask &= (1ULL << l->sinks_n) - 1;
	if (!mask)
		return;
	struct timespec now = wall();
	log_header_refresh(&l->header, &now);
	for (; mask; mask &= mask - 1) {
		struct sink *k = &l->sinks[__builtin_ctzll(mask)];
		const struct log_target *t = k->target;
		if (level > t->level_max || !sink_samples(l, k))
			continue;
		int shown = level < t->level_min ? t->level_min : level;
		if (k->bytes)
			sink_add(l, k, shown, text);
		else
			give_locally(l, k, shown, text);
	}
}

void
logger_line(struct logger *l, uint64_t mask, int level, struct span text)
{
	logger_write(l, mask, level, &(struct log_text){.text = text});
}

struct log_counts
logger_counts(struct logger *l)
{
	struct log_counts c = l->counts;
	l->counts = (struct log_counts){0, 0};
	return c;
}

/* --- birth and death ------------------------------------------------------------------
 */

static void
sink_open_udp(struct sink *k)
{
	int family = k->target->addr.u.sa.sa_family, bytes = SOCKET_BUFFER_BYTES;
	k->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (k->fd < 0)
		return; /* its lines count as dropped */
	(void)setsockopt(k->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	(void)sink_connect(k);
}

static void
sink_init(struct sink *k, const struct log_target *t, int relay_fd)
{
	*k = (struct sink){.target = t, .fd = -1};
	if (t->kind == LOG_TO_UDP) {
		sink_open_udp(k);
	} else {
		if (relay_fd < 0)
			return; /* control itself: give_locally() */
		k->is_relay = true;
		k->is_packed = t->kind != LOG_TO_UNIX;
		k->fd = relay_fd;
	}
	k->bytes = must_alloc(SINK_BYTES);
	k->lines = must_calloc(SINK_MESSAGES, sizeof(*k->lines));
	k->iov = must_calloc(SINK_MESSAGES, sizeof(*k->iov));
	k->msgs = must_calloc(SINK_MESSAGES, sizeof(*k->msgs));
	for (size_t i = 0; i < SINK_MESSAGES; i++) {
		k->msgs[i].msg_hdr.msg_iov = &k->iov[i];
		k->msgs[i].msg_hdr.msg_iovlen = 1;
	}
}

struct logger *
logger_new(const struct log_target *targets, size_t targets_n, const char *tag,
	   int relay_fd,
	   void (*local)(void *arg, const struct log_target *t, struct span line),
	   void *local_arg)
{
	must(targets_n <= LOG_TARGETS_MAX);
	struct logger *l = must_calloc(1, sizeof(*l));
	l->local = local;
	l->local_arg = local_arg;
	l->line = must_alloc(SINK_ROOM);
	l->samples = l->own_samples;
	log_header_init(&l->header, tag);
	l->sinks_n = targets_n;
	for (size_t i = 0; i < targets_n; i++)
		sink_init(&l->sinks[i], &targets[i], relay_fd);
	return l;
}

void
logger_show_pid(struct logger *l, pid_t pid)
{
	l->header.shown_pid = pid;
	l->header.at_s = -1;
}

void
logger_share_samples(struct logger *l, _Atomic uint64_t next[LOG_TARGETS_MAX])
{
	l->samples = next;
}

void
logger_free(struct logger **lp)
{
	struct logger *l = *lp;
	if (!l)
		return;
	logger_flush(l);
	for (size_t i = 0; i < l->sinks_n; i++) {
		struct sink *k = &l->sinks[i];
		if (k->fd >= 0 && !k->is_relay)
			close(k->fd);
		free(k->bytes);
		free(k->lines);
		free(k->iov);
		free(k->msgs);
	}
	free(l->line);
	free(l);
	*lp = NULL;
}
