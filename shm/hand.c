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
	     uint32_t configured, uint32_t value, uint32_t uid)
{
	uint32_t kept = value < UINT32_MAX ? value + 1 : value;
	if (!put(s, o, which, (uint64_t)kept << 32 | configured))
		return false;
	shm_hand_sign(o, uid);
	return true;
}

bool
shm_hand_clear(struct shm *s, const struct shm_object *o, enum shm_hand which)
{
	return put(s, o, which, 0);
}

void
shm_hand_sign(const struct shm_object *o, uint32_t uid)
{
	if (o->hands)
		atomic_store_explicit(&o->hands->by,
				      (uint64_t)uid << 32 | (uint32_t)time(NULL),
				      memory_order_relaxed);
}

struct shm_hand_by
shm_hand_by(const struct shm_object *o)
{
	uint64_t word =
		o->hands ? atomic_load_explicit(&o->hands->by, memory_order_relaxed) : 0;
	return (struct shm_hand_by){(uint32_t)(word >> 32), (uint32_t)word};
}
