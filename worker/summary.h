/* SPDX-License-Identifier: MIT
 *
 * What others see of the sessions of this worker: one summary each in the region, as of
 * the moment the session last came to rest; and ending those that others want to end.
 */
#ifndef WEIR_WORKER_SUMMARY_H
#define WEIR_WORKER_SUMMARY_H

#include "worker/session.h"

void summary_init(void);
/* The client and its address are known. */
void summary_begin(struct session *s);
void summary_end(struct session *s);
/* t rests and is in another phase than when it was shown last. */
void summary_show(struct txn *t);

/* s has changed its state and has nothing to do with a server. */
static inline void
summary_state(struct session *s, enum shm_session_state state)
{
	shm_session_show(s->summary,
			 shm_session_pack((struct shm_session_where){
				 .state = state, .listener = s->bind->shm.index}),
			 s->since_us);
}

static inline void
summary_count(struct txn *t)
{
	shm_session_count(t->s->summary, t->bytes_in, t->bytes_out);
}

/* t rests: it waits for an event. */
static inline void
summary_rest(struct txn *t)
{
	if (t->phase != t->shown_phase)
		summary_show(t);
	else if (t->phase == PHASE_DATA)
		summary_count(t);
}
/* SHM_MAIL_KILL: ends what shall end. */
void summary_kill(void);

#endif
