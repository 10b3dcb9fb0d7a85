/* SPDX-License-Identifier: MIT
 *
 * What traffic shows of a server's health (configuration.txt 5.2, observe). Worker: it
 * counts, in shared memory; the checker decides.
 */
#ifndef WEIR_WORKER_OBSERVE_H
#define WEIR_WORKER_OBSERVE_H

#include "shm/health.h"
#include "worker/session.h"

void observe_note(const struct txn *t, enum shm_observed what);

static inline void
observe(const struct txn *t, enum shm_observed what)
{
	if (t->srv->cfg->observe)
		observe_note(t, what);
}

/* The server ended the connection before it had answered. */
static inline void
observe_end(const struct txn *t)
{
	observe(t, t->is_reset ? SHM_OBSERVED_RESET : SHM_OBSERVED_CLOSED);
}

/* An answer: 100 to 499, 501 and 505 are good. */
static inline void
observe_status(const struct txn *t, int status)
{
	bool is_good = status < 500 || status == 501 || status == 505;
	observe(t, is_good ? SHM_OBSERVED_ANSWER : SHM_OBSERVED_BAD_STATUS);
}

#endif
