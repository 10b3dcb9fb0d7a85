/* SPDX-License-Identifier: MIT
 *
 * What people changed at run time and the configuration does not say: read from the words
 * of an object (hand.h, health.h) and the facts beside them.
 */
#ifndef WEIR_SHM_DRIFT_H
#define WEIR_SHM_DRIFT_H

#include "shm/hand.h"
#include "shm/member.h"

enum {
	SHM_DRIFTS_MAX = 10, /* of one object */
	SHM_DRIFT_PATH_BYTES = 2 * SHM_NAME_BYTES + 48,
	SHM_DRIFT_VALUE_BYTES = SHM_ADDR_BYTES + 2, /* an address in quotes */
};

struct shm_drift {
	const char *field;			/* "weight", "state" ... */
	char configured[SHM_DRIFT_VALUE_BYTES]; /* as people say it */
	char running[SHM_DRIFT_VALUE_BYTES];
	char path[SHM_DRIFT_PATH_BYTES];   /* the keyword that would say it, */
	char value[SHM_MEMBER_TEXT_BYTES]; /* and what it would say; "": nothing can */
	bool is_passing;		   /* forgotten by the next reload */
};

/* How many of out[] are filled. Two may name the same path: the first counts. */
size_t shm_drift_of(const struct shm *s, const struct shm_object *o,
		    const struct shm_facts *f, struct shm_drift out[SHM_DRIFTS_MAX]);

#endif
