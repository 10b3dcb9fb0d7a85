/* SPDX-License-Identifier: MIT
 *
 * Errors of servers in a row, over all workers. Worker.
 */
#include "worker/observe.h"

#include <sys/eventfd.h>

#include "shm/fault.h"
#include "shm/slots.h"

/* A wake-up may be lost: the checker looks by itself, too. */
static void
tell_checker(void)
{
	int slot = shm_lease_holder(self.shm, SHM_ROLE_CHECKER);
	if (slot < 0 || shm_fault_is_mute())
		return;
	shm_slot_mail(self.shm, (uint32_t)slot, SHM_MAIL_WAKE);
	(void)eventfd_write(self.in->net.slot_eventfds[slot], 1);
}

void
observe_note(const struct txn *t, enum shm_observed what)
{
	const struct cfg_server *s = t->srv->cfg;
	bool is_of_layer7 = what >= SHM_OBSERVED_ANSWER;
	if (is_of_layer7 != (s->observe == CFG_OBSERVE_LAYER7) &&
	    what != SHM_OBSERVED_NO_CONNECTION)
		return;
	if (shm_observe(&t->srv->shm, &t->be->shm, what, s->error_limit))
		tell_checker();
}
