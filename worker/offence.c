/* SPDX-License-Identifier: MIT
 *
 * Messages that break the protocol are kept for people. Worker.
 */
#include "worker/offence.h"

#include <stdio.h>

#include "shm/offence.h"
#include "worker/self.h"

static void
keep(struct txn *t, enum shm_offender who, struct span bytes, size_t at,
     enum http_reject why)
{
	struct shm_offence o = {.position = (uint32_t)at};
	char text[ADDR_TEXT_BYTES];
	struct addr client;
	addr_from_sockaddr(&client, &t->s->peer.sa, sizeof(t->s->peer));
	snprintf(o.client, sizeof(o.client), "%.*s", (int)sizeof(o.client) - 1,
		 addr_format(&client, text));
	snprintf(o.why, sizeof(o.why), "%s", http_reject_word(why));
	if (who == SHM_BAD_RESPONSE && t->be) {
		snprintf(o.be, sizeof(o.be), "%s", t->be->cfg->name);
		o.be_id = t->be->cfg->id;
	}
	if (who == SHM_BAD_RESPONSE && t->srv) {
		snprintf(o.srv, sizeof(o.srv), "%s", t->srv->cfg->name);
		o.srv_id = t->srv->cfg->id;
	}
	shm_offence_keep(&t->fe->shm, who, &o, bytes.p, bytes.n);
}

void
offence_request_at(struct txn *t, struct span bytes, size_t at, enum http_reject why)
{
	keep(t, SHM_BAD_REQUEST, bytes, at < bytes.n ? at : bytes.n, why);
}

void
offence_response_at(struct txn *t, struct span bytes, size_t at, enum http_reject why)
{
	keep(t, SHM_BAD_RESPONSE, bytes, at < bytes.n ? at : bytes.n, why);
}

void
offence_request(struct txn *t, struct span bytes, enum http_reject why)
{
	const struct http_limits *limits = &t->fe->cfg->limits;
	offence_request_at(t, bytes,
			   http_head_wrong_at(bytes.p, bytes.n, limits, true, &self.head),
			   why);
}

void
offence_response(struct txn *t, struct span bytes, enum http_reject why)
{
	const struct http_limits *limits = &t->be->cfg->limits;
	offence_response_at(
		t, bytes, http_head_wrong_at(bytes.p, bytes.n, limits, false, &self.head),
		why);
}

void
offence_request_body(struct txn *t)
{
	offence_request_at(t, self.bad, self.bad_at, t->up.why);
}

void
offence_response_body(struct txn *t)
{
	offence_response_at(t, self.bad, self.bad_at, t->down.why);
}
