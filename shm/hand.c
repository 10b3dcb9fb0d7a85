/* SPDX-License-Identifier: MIT
 *
 * Values set by hand at run time.
 */
#include "shm/hand.h"

#include <time.h>

#include "shm/layout.h"

uint32_t
shm_hand_value(const struct shm_object *o, enum shm_hand which, uint32_t configured)
{
	if (!o->hands)
		return configured;
	uint64_t word =
		atomic_load_explicit(&o->hands->word[which], memory_order_relaxed);
	uint32_t value = (uint32_t)(word >> 32), base = (uint32_t)word;
	return value && base == configured ? value - 1 : configured;
}

static bool
put(struct shm *s, const struct shm_object *o, enum shm_hand which, uint64_t word)
{
	if (!o->hands || !shm_lease_is_mine(s, SHM_ROLE_CONTROL))
		return false;
	atomic_store_explicit(&o->hands->word[which], word, memory_order_release);
	return true;
}

bool
shm_hand_set(struct shm *s, const struct shm_object *o, enum shm_hand which,
	     uint32_t configured, uint32_t value, struct shm_hand_mark mark)
{
	uint32_t kept = value < UINT32_MAX ? value + 1 : value;
	shm_hand_sign(o, which, mark);
	return put(s, o, which, (uint64_t)kept << 32 | configured);
}

bool
shm_hand_clear(struct shm *s, const struct shm_object *o, enum shm_hand which)
{
	return put(s, o, which, 0);
}

void
shm_hand_sign(const struct shm_object *o, enum shm_hand which, struct shm_hand_mark mark)
{
	if (!o->hands)
		return;
	if (mark.is_passing)
		atomic_fetch_or(&o->hands->passing, 1ULL << which);
	else
		atomic_fetch_and(&o->hands->passing, ~(1ULL << which));
	atomic_store_explicit(&o->hands->by,
			      (uint64_t)mark.uid << 32 | (uint32_t)time(NULL),
			      memory_order_relaxed);
}

bool
shm_hand_is_passing(const struct shm_object *o, enum shm_hand which)
{
	return o->hands && atomic_load(&o->hands->passing) >> which & 1;
}

uint32_t
shm_hand_configured(const struct shm_facts *f, enum shm_hand which)
{
	switch (which) {
	case SHM_HAND_MAXCONN:
		return f->maxconn;
	case SHM_HAND_RATE_LIMIT:
		return f->rate_limit;
	case SHM_HAND_SESS_RATE_LIMIT:
		return f->sess_rate_limit;
	case SHM_HAND_CLOSED:
		return f->is_disabled ? SHM_IS_PAUSED : SHM_IS_OPEN;
	case SHM_HAND_CHECK_PORT:
		return f->check_port;
	case SHM_HAND_AGENT_PORT:
		return f->agent_port;
	default:
		return 0;
	}
}

uint64_t
shm_hands_commit(struct shm_hands *h, const struct shm_facts *f)
{
	uint64_t passing = atomic_exchange(&h->passing, 0);
	for (int i = 0; i < SHM_HANDS_N; i++) {
		uint64_t word = atomic_load(&h->word[i]);
		if (passing >> i & 1 ||
		    (uint32_t)word != shm_hand_configured(f, (enum shm_hand)i))
			atomic_compare_exchange_strong(&h->word[i], &word, 0);
	}
	return passing;
}

struct shm_hand_by
shm_hand_by(const struct shm_object *o)
{
	uint64_t word =
		o->hands ? atomic_load_explicit(&o->hands->by, memory_order_relaxed) : 0;
	return (struct shm_hand_by){(uint32_t)(word >> 32), (uint32_t)word};
}
