/* SPDX-License-Identifier: MIT
 *
 * Addresses of servers that people have set at run time.
 */
#include "shm/address.h"

#include <string.h>

#include "shm/layout.h"
#include "shm/seq.h"

/* Behind the sequence number. */
struct plain {
	uint32_t kind;
	uint8_t bytes[16];
};
enum { SEQ_BYTES = offsetof(struct shm_address, kind) };
_Static_assert(sizeof(struct plain) == sizeof(struct shm_address) - SEQ_BYTES,
	       "copied by words");

uint32_t
shm_address_mark(const struct shm_object *server)
{
	return atomic_load_explicit(&server->server->address.seq, memory_order_acquire);
}

bool
shm_address_read(const struct shm_object *server, struct addr *out)
{
	const struct shm_address *from = &server->server->address;
	struct plain is;
	if (!shm_address_mark(server) ||
	    !shm_seq_read(&from->seq, &is, (const char *)from + SEQ_BYTES, sizeof(is)))
		return false;
	struct addr a = {.kind = (enum addr_kind)(is.kind & 0xffff), .fd = -1};
	if (a.kind == ADDR_INET) {
		a.len = sizeof(a.u.in);
		a.u.in.sin_family = AF_INET;
		memcpy(&a.u.in.sin_addr, is.bytes, sizeof(a.u.in.sin_addr));
	} else if (a.kind == ADDR_INET6) {
		a.len = sizeof(a.u.in6);
		a.u.in6.sin6_family = AF_INET6;
		memcpy(&a.u.in6.sin6_addr, is.bytes, sizeof(a.u.in6.sin6_addr));
	} else {
		return false;
	}
	addr_set_port(&a, (int)(is.kind >> 16));
	*out = a;
	return true;
}

bool
shm_address_set(struct shm *s, const struct shm_object *server,
		const struct shm_object *backend, const struct addr *to)
{
	struct shm_address *a = &server->server->address;
	struct plain want = {.kind = ADDR_NONE};
	if (!shm_lease_is_mine(s, SHM_ROLE_CONTROL))
		return false;
	if (to && to->kind == ADDR_INET)
		memcpy(want.bytes, &to->u.in.sin_addr, sizeof(to->u.in.sin_addr));
	else if (to)
		memcpy(want.bytes, &to->u.in6.sin6_addr, sizeof(to->u.in6.sin6_addr));
	if (to)
		want.kind = (uint32_t)to->kind | (uint32_t)addr_port(to) << 16;
	shm_seq_write(&a->seq, (char *)a + SEQ_BYTES, &want, sizeof(want));
	atomic_fetch_add_explicit(&backend->backend->version, 1, memory_order_release);
	return true;
}

/* Two more: even stays even, odd stays odd, and who reads meanwhile reads again. */
void
shm_address_forget(struct shm_address *a)
{
	if (!atomic_load(&a->kind))
		return;
	atomic_store(&a->kind, ADDR_NONE);
	atomic_fetch_add(&a->seq, 2);
}
