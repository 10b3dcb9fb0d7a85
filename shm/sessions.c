/* SPDX-License-Identifier: MIT
 *
 * Summaries of connections: written by workers, ended by request of anybody, taken back
 * from dead workers by the master. Readers: session_list.c.
 */
#include "shm/sessions.h"

#include <stdlib.h>
#include <string.h>

#include "shm/session_area.h"
#include "shm/slots.h"

/* --- the area -------------------------------------------------------------------------
 */

uint64_t
shm_sessions_bytes(uint32_t sessions_n)
{
	uint64_t n = sessions_n < SHM_SESSIONS_MAX ? sessions_n : SHM_SESSIONS_MAX;
	return session_area_bytes((n + SHM_SESSION_CHUNK - 1) / SHM_SESSION_CHUNK);
}

void
shm_sessions_open(struct shm *s, const struct shm_object *global,
		  struct shm_sessions *out)
{
	struct session_area a = session_area_of(global);
	*out = (struct shm_sessions){
		.owners = a.owners, .at = a.at, .chunks_n = a.chunks_n, .slot = s->slot};
	out->free = must_calloc(a.chunks_n + 1, sizeof(*out->free));
}

/* --- whose is a chunk -----------------------------------------------------------------
 */

/* The next chunk with a free summary of our own; they are looked for behind the one used
 * last. */
static bool
find_own(struct shm_sessions *l)
{
	for (uint32_t i = 0; l->free_n && i < l->chunks_n; i++) {
		uint32_t chunk = (l->chunk + i) % l->chunks_n;
		if (!l->free[chunk])
			continue;
		l->chunk = chunk;
		return true;
	}
	return false;
}

/* One that is nobody's. Everybody begins at a place of his own, so that few meet. */
static bool
claim(struct shm_sessions *l)
{
	enum { STRIDE = 7 };
	for (uint32_t i = 0; i < l->chunks_n; i++) {
		uint32_t chunk = (l->slot * STRIDE + i) % l->chunks_n, nobody = 0;
		if (atomic_load_explicit(&l->owners[chunk], memory_order_relaxed) ||
		    !atomic_compare_exchange_strong(&l->owners[chunk], &nobody,
						    l->slot + 1))
			continue;
		SHM_FAULT(session_claimed);
		l->chunk = chunk;
		l->free[chunk] = UINT64_MAX;
		l->free_n += SHM_SESSION_CHUNK;
		return true;
	}
	return false;
}

/* A chunk without connections goes back, as long as some room is left. */
static void
yield(struct shm_sessions *l, uint32_t chunk)
{
	if (l->free[chunk] != UINT64_MAX || l->free_n < 2 * SHM_SESSION_CHUNK)
		return;
	l->free[chunk] = 0;
	l->free_n -= SHM_SESSION_CHUNK;
	atomic_store_explicit(&l->owners[chunk], 0, memory_order_release);
}

/* --- one connection -------------------------------------------------------------------
 */

struct shm_session *
shm_session_begin(struct shm_sessions *l, const struct shm_session_client *client,
		  uint64_t where)
{
	struct shm_session *c = &l->nowhere;
	if ((l->chunks_n && l->free[l->chunk]) || find_own(l) || claim(l)) {
		unsigned i = (unsigned)__builtin_ctzll(l->free[l->chunk]);
		l->free[l->chunk] &= l->free[l->chunk] - 1;
		l->free_n--;
		c = &l->at[(size_t)l->chunk * SHM_SESSION_CHUNK + i];
	}
	uint32_t turn = atomic_load_explicit(&c->turn, memory_order_relaxed);
	/* release: not before the end of the connection before it */
	atomic_store_explicit(&c->accepted_us, client->accepted_us, memory_order_release);
	atomic_store_explicit(&c->addr[0], client->addr[0], memory_order_release);
	atomic_store_explicit(&c->addr[1], client->addr[1], memory_order_release);
	atomic_store_explicit(&c->port, client->port, memory_order_release);
	atomic_store_explicit(&c->family, client->family, memory_order_release);
	atomic_store_explicit(&c->where, where, memory_order_release);
	atomic_store_explicit(&c->bytes_in, 0, memory_order_release);
	atomic_store_explicit(&c->bytes_out, 0, memory_order_release);
	atomic_store_explicit(&c->since, 0, memory_order_release);
	SHM_FAULT(session_filled);
	atomic_store_explicit(&c->turn, (turn + 1) | 1, memory_order_release);
	SHM_FAULT(session_begun);
	return c;
}

void
shm_session_end(struct shm_sessions *l, struct shm_session *c)
{
	uint32_t turn = atomic_load_explicit(&c->turn, memory_order_relaxed);
	atomic_store_explicit(&c->turn, (turn | 1) + 1, memory_order_release);
	SHM_FAULT(session_ended);
	if (c == &l->nowhere)
		return;
	size_t place = (size_t)(c - l->at);
	uint32_t chunk = (uint32_t)(place / SHM_SESSION_CHUNK);
	l->free[chunk] |= 1ULL << place % SHM_SESSION_CHUNK;
	l->free_n++;
	yield(l, chunk);
}

/* --- ending by request ----------------------------------------------------------------
 */

int
shm_session_kill(struct shm *s, uint64_t id)
{
	struct shm_object global;
	uint32_t turn = (uint32_t)(id >> 32), place = (uint32_t)id;
	if (!shm_object_at(s, 0, &global))
		return -1;
	struct session_area a = session_area_of(&global);
	if (!(turn & 1) || place / SHM_SESSION_CHUNK >= a.chunks_n)
		return -1;
	struct shm_session *c = &a.at[place];
	uint32_t owner = atomic_load_explicit(&a.owners[place / SHM_SESSION_CHUNK],
					      memory_order_acquire);
	if (owner == 0 || owner > s->at.slots_n ||
	    atomic_load_explicit(&c->turn, memory_order_acquire) != turn)
		return -1;
	atomic_store_explicit(&c->kill, turn, memory_order_release);
	shm_slot_mail(s, owner - 1, SHM_MAIL_KILL);
	return (int)owner - 1;
}

void
shm_server_shut(const struct shm_object *server, enum shm_shut why, uint64_t now_us)
{
	atomic_store_explicit(&server->server->shut, now_us << 2 | (uint64_t)why,
			      memory_order_release);
}

bool
shm_server_is_shut(const struct shm_object *server, uint64_t assigned_us,
		   enum shm_shut *why)
{
	uint64_t word = atomic_load_explicit(&server->server->shut, memory_order_acquire);
	*why = (word & 3) <= SHM_SHUT_BETTER_IS_UP ? (enum shm_shut)(word & 3)
						   : SHM_SHUT_KILLED;
	return assigned_us <= word >> 2;
}

/* --- after a death --------------------------------------------------------------------
 */

void
shm_sessions_drop(struct shm *s, uint32_t slot)
{
	struct shm_object global;
	if (!shm_object_at(s, 0, &global))
		return;
	struct session_area a = session_area_of(&global);
	for (uint32_t chunk = 0; chunk < a.chunks_n; chunk++) {
		if (atomic_load_explicit(&a.owners[chunk], memory_order_relaxed) !=
		    slot + 1)
			continue;
		struct shm_session *c = &a.at[(size_t)chunk * SHM_SESSION_CHUNK];
		for (uint32_t i = 0; i < SHM_SESSION_CHUNK; i++) {
			uint32_t turn =
				atomic_load_explicit(&c[i].turn, memory_order_relaxed);
			atomic_store_explicit(&c[i].turn, turn + (turn & 1),
					      memory_order_release);
		}
		SHM_FAULT(session_dropped);
		atomic_store_explicit(&a.owners[chunk], 0, memory_order_release);
	}
}

void
shm_sessions_sweep(struct shm *s)
{
	struct shm_object global;
	if (!shm_object_at(s, 0, &global))
		return;
	struct session_area a = session_area_of(&global);
	for (uint32_t chunk = 0; chunk < a.chunks_n; chunk++) {
		uint32_t owner = atomic_load(&a.owners[chunk]);
		if (owner == 0 || (owner <= s->at.slots_n &&
				   s->slot_use[owner - 1] != SHM_SLOT_IS_FREE))
			continue;
		atomic_store(&a.owners[chunk], 0);
	}
}
