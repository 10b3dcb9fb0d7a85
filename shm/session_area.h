/* SPDX-License-Identifier: MIT
 *
 * Memory of the summaries of connections, for shm/session*.c alone: a word per chunk that
 * names its owner, and behind their pages the chunks, a page each. Zeroed memory is an
 * empty area, and any bytes are a valid one: whoever reads it checks what he finds.
 */
#ifndef WEIR_SHM_SESSION_AREA_H
#define WEIR_SHM_SESSION_AREA_H

#include "shm/layout.h"
#include "shm/sessions.h"

_Static_assert(sizeof(struct shm_session) == SHM_LINE, "one line per connection");
_Static_assert(SHM_SESSION_CHUNK *SHM_LINE == SHM_PAGE, "a chunk is a page");

struct session_area {
	_Atomic uint32_t *owners;
	struct shm_session *at;
	uint32_t chunks_n; /* 0: there is no area */
};

static inline uint64_t
session_owners_bytes(uint64_t chunks_n)
{
	return (chunks_n * sizeof(uint32_t) + SHM_PAGE - 1) / SHM_PAGE * SHM_PAGE;
}

static inline uint64_t
session_area_bytes(uint64_t chunks_n)
{
	return session_owners_bytes(chunks_n) + chunks_n * SHM_PAGE;
}

static inline struct session_area
session_area_of(const struct shm_object *global)
{
	uint64_t most = SHM_SESSIONS_MAX / SHM_SESSION_CHUNK;
	uint64_t n = global->area ? global->area_bytes / SHM_PAGE : 0;
	n = n < most ? n : most;
	while (n && session_area_bytes(n) > global->area_bytes)
		n--;
	if (n == 0)
		return (struct session_area){.chunks_n = 0};
	unsigned char *base = global->area;
	return (struct session_area){
		(_Atomic uint32_t *)(void *)base,
		(struct shm_session *)(void *)(base + session_owners_bytes(n)),
		(uint32_t)n};
}

#endif
