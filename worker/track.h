/* SPDX-License-Identifier: MIT
 *
 * Stick tables in a worker: what connections and requests track (sc0 to sc11), and what
 * is counted for it (configuration.txt, track-sc0 and 11.1). Trackers come from a pool.
 */
#ifndef WEIR_WORKER_TRACK_H
#define WEIR_WORKER_TRACK_H

#include "shm/stick/stick.h"
#include "worker/fetch/context.h"

struct rt_table {
	const struct cfg_table *cfg;
	struct shm_stick stick;
	int16_t column[STICK_TYPES_N];	 /* index of its first value; -1: not stored */
	uint8_t elements[STICK_TYPES_N]; /* 0: not stored */
	uint64_t distrusted_until_ms;	 /* a lock's owner did not run */
};

/* Somebody follows an entry; the list is a session's or a txn's. */
struct tracker {
	struct tracker *next;
	struct rt_table *table;
	struct shm_stick_ref ref;
	uint8_t sc;
	/* As they were inside the last change made here. The key is behind them. */
	uint64_t values[];
};

void track_init(void);
struct rt_table *table_of(const struct cfg_table *t);
/* Index of a value in views of the table; -1: it is not stored. */
int table_value(const struct rt_table *t, enum stick_type type, uint32_t element);
/* The sample as a key of the table; false: it does not convert, or is empty. */
bool track_key(const struct rt_table *t, const struct expr_context *c,
	       struct expr_sample *s, unsigned char key[STICK_KEY_BYTES_MAX]);

/* Follows the key from now on, for the txn or (t is NULL) the session. status: of the
 * response when that is known, else 0. false: no room, or busy. */
bool track_begin(struct session *s, struct txn *t, const struct cfg_table *table,
		 uint8_t sc, const unsigned char *key, int status);
/* The tracker of that number, NULL: none. */
struct tracker *track_find(const struct session *s, const struct txn *t, uint8_t sc);
const void *tracker_key(const struct tracker *k);
/* Changes one value and refreshes all; false: the entry is gone, or busy. */
bool track_change(struct tracker *k, int value, enum shm_stick_act act, uint64_t n);
/* Changes of a key nobody follows; waits for a busy bucket, as all of these. */
enum shm_stick_result track_update(struct rt_table *t, const void *key,
				   const struct shm_stick_op *ops, unsigned n,
				   unsigned flags, struct shm_stick_ref *ref,
				   uint64_t *values);
/* A token for a key. */
enum shm_stick_result track_take(struct rt_table *t, const void *key,
				 const struct shm_stick_limit *l, struct shm_token *out);
/* A list is given back. */
void track_end(struct tracker **list);
/* What could not be given back at once; true when nothing is left. */
bool track_settle(void);

/* The connection has passed the rules of its session. */
void track_session(struct session *s);
static inline bool
track_has_any(const struct txn *t)
{
	return t->trackers || t->s->trackers;
}
/* A request has come. */
void track_request_run(struct txn *t);
static inline void
track_request(struct txn *t)
{
	t->is_counted = true;
	if (track_has_any(t))
		track_request_run(t);
}
/* An answer has come, or the client did something wrong (400). */
void track_status_run(struct txn *t, int status);
static inline void
track_status(struct txn *t, int status)
{
	if (track_has_any(t))
		track_status_run(t, status);
}
/* The bytes since the last time. */
void track_bytes(struct txn *t);

#endif
