/* SPDX-License-Identifier: MIT
 *
 * One direction of a transfer: bytes from one connection to another, decoded and encoded
 * on the way (Content-Length, chunked, until close, tunnel), with back-pressure and with
 * splice(2) once the direction proves to be bulk.
 */
#ifndef WEIR_WORKER_FLOW_H
#define WEIR_WORKER_FLOW_H

#include "lib/base/buf.h"
#include "lib/http/chunk.h"
#include "lib/http/framing.h"
#include "lib/net/conn.h"
#include "lib/net/pipes.h"

struct flow {
	uint8_t in, out;     /* enum http_body; NONE: nothing to carry */
	bool is_source_done; /* the last body byte was taken from the source */
	uint8_t streak;	     /* reads in a row that filled the buffer */
	uint8_t read_shift;  /* size of the next read: 16 KB << this */
	bool is_slow;	     /* the receiver was blocked for long: no splice for now */
	bool has_surplus;    /* the source sent more than its message */
	uint64_t left;	     /* LENGTH: bytes still to come */
	uint64_t moved;	     /* payload bytes passed on */
	uint64_t taken;	     /* bytes read from the source, chunk framing and all */
	uint64_t blocked_at_ms;
	struct http_chunk chunk;
	struct buf *pending; /* encoded bytes that the receiver did not take */
	struct buf *raw;     /* an incomplete trailer section */
	struct net_pipe *pipe;
	const struct http_limits *limits;
	enum http_reject why;
};

enum flow_end {
	FLOW_DONE,    /* everything is with the receiver's kernel */
	FLOW_WAIT,    /* for an event of either side */
	FLOW_YIELD,   /* the budget is used up: run again next round */
	FLOW_STARVED, /* no buffer is free: run again in some milliseconds */
	FLOW_SRC_EOF, /* the source closed before the end of the body */
	FLOW_SRC_FAILED,
	FLOW_DST_FAILED,
	FLOW_BAD, /* chunk syntax: `why`; self.bad says where */
};

void flow_init(struct flow *f, enum http_body in, uint64_t length, enum http_body out,
	       const struct http_limits *limits);
/* Gives buffers and pipe back. */
void flow_fini(struct flow *f);
static inline bool
flow_is_flushed(const struct flow *f)
{
	return !f->pending && (!f->pipe || f->pipe->held_bytes == 0);
}
static inline bool
flow_is_done(const struct flow *f)
{
	return f->is_source_done && flow_is_flushed(f);
}
/* Payload that the receiver took, give or take the framing of a chunk: it changes only
 * when the receiver is awake. */
static inline uint64_t
flow_delivered(const struct flow *f)
{
	return f->moved - buf_len(f->pending) - (f->pipe ? f->pipe->held_bytes : 0);
}
/* Encodes body bytes p[0, n), read together with a head, for sending right behind the
 * forwarded head. *out borrows from p or the static buffer; *used tells how many were
 * taken (the rest belongs to the next message). false on bad chunks: `why`, self.bad. */
bool flow_encode(struct flow *f, const char *p, size_t n, struct span *out, size_t *used);
/* Queues bytes before everything else that the flow will send. false: no buffer. */
bool flow_queue(struct flow *f, const char *p, size_t n);
/* Reads and encodes into *into, as far as there is something and while it holds less than
 * `most` bytes. FLOW_DONE: the whole body is there, or as much as was wanted. */
enum flow_end flow_collect(struct flow *f, struct net_conn *from, struct buf **into,
			   size_t most, struct buf **rest,
			   void (*count)(void *arg, uint64_t n), void *arg);
/* Moves what can be moved. Bytes read past the end of the body go to *rest; with
 * rest == NULL they are dropped and has_surplus is set. `count` is
 * called before bytes become visible to the receiver. */
enum flow_end flow_run(struct flow *f, struct net_conn *from, struct net_conn *to,
		       struct buf **rest, void (*count)(void *arg, uint64_t n),
		       void *arg);

#endif
