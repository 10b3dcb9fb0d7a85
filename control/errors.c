/* SPDX-License-Identifier: MIT
 *
 * "show errors": the last messages that broke the protocol. Control.
 */
#include "shm/offence.h"

#include <stdlib.h>
#include <string.h>

#include "control/command.h"
#include "control/self.h"

static bool
is_proxy(const char *name)
{
	struct shm_object o;
	return strlen(name) < SHM_NAME_BYTES &&
	       (shm_find(control.shm, SHM_FRONTEND, "", name, "", &o) ||
		shm_find(control.shm, SHM_BACKEND, "", name, "", &o));
}

/* [<iid>|<proxy>] [request|response]; anything else behind it is not looked at. */
void
command_show_errors(struct command_session *s, const struct command_words *w)
{
	struct shm_offence_query q = {0};
	const char *proxy = w->at[2], *kind = proxy ? w->at[3] : NULL;
	char *end = NULL;
	long iid = proxy ? strtol(proxy, &end, 10) : 0;
	if (proxy && !*end) {
		q.iid = iid > 0 ? (uint32_t)iid : 0;
	} else if (proxy && !is_proxy(proxy)) {
		shm_text_str(&s->answer, "No such proxy.\n");
		return;
	} else {
		q.proxy = proxy;
	}
	q.without[SHM_BAD_REQUEST] = kind && strcmp(kind, "response") == 0;
	q.without[SHM_BAD_RESPONSE] = kind && strcmp(kind, "request") == 0;
	shm_offences_text(control.shm, &q, &s->answer);
}
