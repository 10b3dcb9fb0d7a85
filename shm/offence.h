/* SPDX-License-Identifier: MIT
 *
 * The last messages that broke the protocol, with the place where they did, in the memory
 * of the frontend they came through (requests) or were for (responses). Workers write
 * them without a lock: a cell counts when its sequence number is even and its sum is
 * right, so a writer that was killed, or overtaken by another, leaves nothing to mend.
 */
#ifndef WEIR_SHM_OFFENCE_H
#define WEIR_SHM_OFFENCE_H

#include "shm/object.h"
#include "shm/stats/text.h"

enum {
	SHM_OFFENCES_KEPT = 4, /* of a frontend, per kind */
	SHM_OFFENCE_BYTES = 2048,
};

enum shm_offender { SHM_BAD_REQUEST, SHM_BAD_RESPONSE, SHM_OFFENDERS_N };

struct shm_offence {
	uint64_t event; /* its number, from 0 */
	uint64_t wall_us;
	uint32_t n;		 /* bytes there were */
	uint32_t position;	 /* of the byte that is wrong */
	uint32_t from, kept_n;	 /* what is kept of them */
	uint32_t be_id, srv_id;	 /* 0: none */
	char be[SHM_NAME_BYTES]; /* "": none */
	char srv[SHM_NAME_BYTES];
	char client[64];
	char why[32];
	char bytes[SHM_OFFENCE_BYTES];
};

/* Bytes of an area. */
uint64_t shm_offences_bytes(void);
/* Worker. Keeps what lies around o->position; the numbers are filled in here. */
void shm_offence_keep(const struct shm_object *frontend, enum shm_offender who,
		      struct shm_offence *o, const char *p, size_t n);
/* The i-th cell; false: nothing, or a writer is at it. */
bool shm_offence_read(const struct shm_object *frontend, enum shm_offender who,
		      uint32_t i, struct shm_offence *out);

/* --- text ----------------------------------------------------------------------------
 */

struct shm_offence_query {
	const char *proxy; /* NULL: all */
	uint32_t iid;	   /* 0: all */
	bool without[SHM_OFFENDERS_N];
};

/* As HAProxy's "show errors", the newest first. */
void shm_offences_text(const struct shm *s, const struct shm_offence_query *q,
		       struct shm_text *out);
void shm_offences_json(const struct shm *s, const struct shm_offence_query *q,
		       struct shm_text *out);

#endif
