/* SPDX-License-Identifier: MIT
 *
 * The last messages that broke the protocol: cells that need no lock.
 */
#include "shm/offence.h"

#include <string.h>
#include <time.h>

#include "lib/base/hash.h"
#include "shm/layout.h"
#include "shm/seq.h"

enum { BEFORE_BYTES = SHM_OFFENCE_BYTES * 3 / 4 };

struct cell {
	_Atomic uint32_t seq;
	uint32_t reserved;
	uint64_t sum;
	struct shm_offence data;
};

struct ring {
	_Atomic uint64_t events;
	struct cell cells[SHM_OFFENCES_KEPT];
};
_Static_assert(sizeof(struct shm_offence) % 8 == 0, "copied by words");

uint64_t
shm_offences_bytes(void)
{
	return sizeof(struct ring) * SHM_OFFENDERS_N;
}

static struct ring *
ring_of(const struct shm_object *frontend, enum shm_offender who)
{
	if (frontend->kind != SHM_FRONTEND || !frontend->area ||
	    frontend->area_bytes < shm_offences_bytes())
		return NULL;
	return (struct ring *)frontend->area + who;
}

static uint64_t
sum_of(const struct shm_offence *o)
{
	return hash_bytes(o, sizeof(*o), 1);
}

void
shm_offence_keep(const struct shm_object *frontend, enum shm_offender who,
		 struct shm_offence *o, const char *p, size_t n)
{
	struct ring *r = ring_of(frontend, who);
	struct timespec now;
	if (!r)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	o->event = atomic_fetch_add(&r->events, 1);
	o->wall_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	o->n = (uint32_t)n;
	o->from = n > SHM_OFFENCE_BYTES && o->position > BEFORE_BYTES
			  ? o->position - BEFORE_BYTES
			  : 0;
	o->kept_n = (uint32_t)(n - o->from < SHM_OFFENCE_BYTES ? n - o->from
							       : SHM_OFFENCE_BYTES);
	memcpy(o->bytes, p + o->from, o->kept_n);
	struct cell *c = &r->cells[o->event % SHM_OFFENCES_KEPT];
	uint64_t sum = sum_of(o);
	uint32_t odd = shm_seq_open(&c->seq);
	shm_words_put(&c->sum, &sum, sizeof(sum));
	shm_words_put(&c->data, o, sizeof(*o));
	shm_seq_close(&c->seq, odd);
}

/* What people see ends somewhere, whoever wrote it. */
static bool
is_sound(struct shm_offence *o)
{
	o->be[sizeof(o->be) - 1] = o->srv[sizeof(o->srv) - 1] = '\0';
	o->client[sizeof(o->client) - 1] = o->why[sizeof(o->why) - 1] = '\0';
	return o->kept_n <= SHM_OFFENCE_BYTES && o->from <= o->n &&
	       o->kept_n <= o->n - o->from;
}

bool
shm_offence_read(const struct shm_object *frontend, enum shm_offender who, uint32_t i,
		 struct shm_offence *out)
{
	struct ring *r = ring_of(frontend, who);
	struct cell *c = r && i < SHM_OFFENCES_KEPT ? &r->cells[i] : NULL;
	uint64_t sum;
	for (int tries = 0; c && tries < SHM_SEQ_TRIES; tries++) {
		uint32_t seq = atomic_load_explicit(&c->seq, memory_order_acquire);
		shm_words_get(&sum, &c->sum, sizeof(sum));
		shm_words_get(out, &c->data, sizeof(*out));
		if (seq && !(seq & 1) &&
		    atomic_load_explicit(&c->seq, memory_order_acquire) == seq)
			return sum == sum_of(out) && is_sound(out);
	}
	return false;
}
