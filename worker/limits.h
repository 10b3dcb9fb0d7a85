/* SPDX-License-Identifier: MIT
 *
 * What bounds the connections of a listening socket, over all workers: maxconn of the
 * daemon, the frontend and the bind, and how many may come per second. Who finds a limit
 * reached writes that down in the region, and who gives a connection back wakes one of
 * those.
 */
#ifndef WEIR_WORKER_LIMITS_H
#define WEIR_WORKER_LIMITS_H

#include "worker/self.h"

/* Why a connection may not be accepted now. */
struct limits_stop {
	const struct shm_object *full; /* its maxconn is reached; NULL: a rate, or busy */
	uint64_t retry_ms;	       /* look again then at the latest */
};

/* One of each limit; nothing is held when it fails. */
bool limits_take(const struct rt_listener *bind, struct limits_stop *stop);
/* A connection has ended. */
void limits_give(const struct rt_listener *bind);
/* It has never been one: it does not count for the rates either. */
void limits_give_back(const struct rt_listener *bind);
/* Rules have refused the connection: it does not count as a session. */
void limits_no_session(void);
bool limits_is_full(const struct shm_object *o);
/* Asks to be woken when o has room; false: it has now. */
bool limits_await(const struct shm_object *o);
/* Does not need it any more. */
void limits_forgo(const struct shm_object *o);
/* We were woken and did not need the room: the next one, if there still is some. */
void limits_pass_on(const struct shm_object *o);

#endif
