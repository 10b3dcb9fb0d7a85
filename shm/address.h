/* SPDX-License-Identifier: MIT
 *
 * Where a server is, when people have said otherwise than the configuration. The object
 * stays the one of the configured address: when that changes it is another object, and
 * the configuration counts. Writer: control.
 */
#ifndef WEIR_SHM_ADDRESS_H
#define WEIR_SHM_ADDRESS_H

#include "lib/base/addr.h"
#include "shm/object.h"

/* A sequence lock around plain fields. */
struct shm_address {
	_Atomic uint32_t seq; /* odd: being written; 0: never was */
	_Atomic uint32_t
		kind;	   /* enum addr_kind: port in the upper half; 0: as configured */
	uint8_t bytes[16]; /* network order; the first four of ADDR_INET */
};

/* Another number whenever it is another address; what was connected under another one
 * leads elsewhere. */
uint32_t shm_address_mark(const struct shm_object *server);
/* false: it is where the configuration says, *out is left alone. */
bool shm_address_read(const struct shm_object *server, struct addr *out);
/* Control only: ADDR_INET or ADDR_INET6; NULL: as configured. false: another process
 * holds its lease. */
bool shm_address_set(struct shm *s, const struct shm_object *server,
		     const struct shm_object *backend, const struct addr *to);
/* Master: as configured, whatever control does meanwhile. */
void shm_address_forget(struct shm_address *a);

#endif
