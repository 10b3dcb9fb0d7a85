/* SPDX-License-Identifier: MIT
 *
 * Values that people set at run time, one word each in the object's record. A word
 * holds the value and the configured one it was based on: when the configuration says
 * something else by now, the configuration counts. The control process writes them;
 * everybody reads them where they decide. (State and weight of servers are the admin
 * word, health.h.)
 */
#ifndef WEIR_SHM_HAND_H
#define WEIR_SHM_HAND_H

#include "shm/object.h"

enum shm_hand {
	SHM_HAND_MAXCONN,	  /* GLOBAL, FRONTEND, SERVER */
	SHM_HAND_RATE_LIMIT,	  /* GLOBAL: connections per second */
	SHM_HAND_SESS_RATE_LIMIT, /* GLOBAL: sessions per second */
	SHM_HAND_CLOSED,	  /* FRONTEND: enum shm_closed */
	SHM_HANDS_N,
	SHM_HANDS_MAX = 7, /* room to append */
};

enum shm_closed {
	SHM_IS_OPEN,
	SHM_IS_PAUSED, /* until it is enabled */
	SHM_IS_SHUT,   /* until the next start */
};

/* Who set something last, and when: uid in the upper half, seconds since 1970 below. */
struct shm_hands {
	_Atomic uint64_t
		word[SHM_HANDS_MAX]; /* value + 1 in the upper half, base below */
	_Atomic uint64_t by;
};
_Static_assert(sizeof(struct shm_hands) == 64, "one line");

struct shm_hand_by {
	uint32_t uid;
	uint32_t wall_s; /* 0: nobody has */
};

/* What counts: the value set by hand, or the configured one. */
uint32_t shm_hand_value(const struct shm_object *o, enum shm_hand which,
			uint32_t configured);
/* Control only. false: another process holds its lease. */
bool shm_hand_set(struct shm *s, const struct shm_object *o, enum shm_hand which,
		  uint32_t configured, uint32_t value, uint32_t uid);
/* As configured again. */
bool shm_hand_clear(struct shm *s, const struct shm_object *o, enum shm_hand which);
/* Whoever has changed the object in another way (its admin word). */
void shm_hand_sign(const struct shm_object *o, uint32_t uid);
struct shm_hand_by shm_hand_by(const struct shm_object *o);

#endif
