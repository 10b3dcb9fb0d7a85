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
	SHM_HAND_CHECK_PORT,	  /* SERVER; 0: its own */
	SHM_HAND_AGENT_PORT,	  /* SERVER */
	SHM_HANDS_N,
	SHM_HANDS_MAX = 6, /* room to append */
	/* of the admin word, and the address (address.h): marks alone */
	SHM_HAND_STATE = SHM_HANDS_MAX,
	SHM_HAND_WEIGHT,
	SHM_HAND_CHECK,
	SHM_HAND_WISH,
	SHM_HAND_ADDRESS,
	SHM_HAND_AGENT,
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
	_Atomic uint64_t passing; /* bit: enum shm_hand; forgotten by the next commit */
	_Atomic uint64_t by;
};
_Static_assert(sizeof(struct shm_hands) == 64, "one line");

struct shm_hand_by {
	uint32_t uid;
	uint32_t wall_s; /* 0: nobody has */
};

/* Who sets something, and for how long. */
struct shm_hand_mark {
	uint32_t uid;
	bool is_passing; /* until the next reload or start */
};

/* What counts: the value set by hand, or the configured one. */
uint32_t shm_hand_value(const struct shm_object *o, enum shm_hand which,
			uint32_t configured);
/* Control only. false: another process holds its lease. */
bool shm_hand_set(struct shm *s, const struct shm_object *o, enum shm_hand which,
		  uint32_t configured, uint32_t value, struct shm_hand_mark mark);
/* As configured again. */
bool shm_hand_clear(struct shm *s, const struct shm_object *o, enum shm_hand which);
/* Whoever changes the admin word, before that. */
void shm_hand_sign(const struct shm_object *o, enum shm_hand which,
		   struct shm_hand_mark mark);
bool shm_hand_is_passing(const struct shm_object *o, enum shm_hand which);
/* Master, when a configuration is committed: what was based on another value, or is
 * passing, is forgotten. The bits of the admin word (SHM_HAND_STATE ...) that are to be
 * forgotten with it. */
uint64_t shm_hands_commit(struct shm_hands *h, const struct shm_facts *f);
/* What the configuration says of it. */
uint32_t shm_hand_configured(const struct shm_facts *f, enum shm_hand which);
struct shm_hand_by shm_hand_by(const struct shm_object *o);

#endif
