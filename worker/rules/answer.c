/* SPDX-License-Identifier: MIT
 *
 * Actions that end the matter: answers, refusals, closed connections. Worker.
 */
#include "worker/rules/rules.h"

#include <netinet/tcp.h>

#include "lib/http/reply.h"

enum rule_end
do_accept(struct rule_run *r, const struct cfg_rule *a)
{
	(void)r;
	(void)a;
	return RULE_ACCEPTED;
}

enum rule_end
do_allow(struct rule_run *r, const struct cfg_rule *a)
{
	(void)r;
	(void)a;
	return RULE_ACCEPTED;
}

/* --- answers ------------------------------------------------------------------------ */

static enum rule_end
answer(struct rule_run *r, const struct cfg_reply *reply, enum stop stop)
{
	struct http_reply made;
	if (reply->message)
		page_make(&r->c, reply, &made);
	else
		page_error(&r->c, reply->status, &made);
	reply_send(r->c.t, &made, stop);
	return RULE_ENDED;
}

void
rule_count_denied(struct rule_run *r)
{
	struct txn *t = r->c.t;
	if (!t) {
		bool is_first = r->set == CFG_RULES_CONNECTION;
		shm_count(&r->c.s->bind->fe->shm,
			  is_first ? SHM_FRONTEND_dcon : SHM_FRONTEND_dses, 1);
		return;
	}
	bool is_response =
		r->set == CFG_RULES_RESPONSE || r->set == CFG_RULES_RES_CONTENT;
	shm_count(&t->fe->shm, is_response ? SHM_FRONTEND_dresp : SHM_FRONTEND_dreq, 1);
	if (t->be)
		shm_count(&t->be->shm, is_response ? SHM_BACKEND_dresp : SHM_BACKEND_dreq,
			  1);
	if (is_response && t->srv)
		shm_count(&t->srv->shm, SHM_SERVER_dresp, 1);
}

enum rule_end
do_return(struct rule_run *r, const struct cfg_rule *a)
{
	return answer(r, a->reply, STOP_answered_here);
}

enum rule_end
do_deny(struct rule_run *r, const struct cfg_rule *a)
{
	rule_count_denied(r);
	return answer(r, a->reply, STOP_denied);
}

/* The answer is made now and sent when the time is over: its conditions and texts belong
 * to the request, which will be gone. */
enum rule_end
do_tarpit(struct rule_run *r, const struct cfg_rule *a)
{
	uint64_t wait_ms = txn_timeout_ms(r->c.t, CFG_TIMEOUT_TARPIT);
	rule_count_denied(r);
	r->c.t->phase = PHASE_TARPIT;
	r->c.t->tarpit_until_ms = now_ms() + (wait_ms ? wait_ms : 1);
	return answer(r, a->reply, STOP_tarpitted);
}

/* --- closed without a word ------------------------------------------------------------
 */

enum rule_end
rule_close(struct rule_run *r, enum stop stop)
{
	if (r->c.t && !r->c.t->s->is_tcp)
		txn_count_status(r->c.t, 0); /* hrsp_other */
	if (r->c.t)
		txn_abort(r->c.t, stop);
	else
		session_close(r->c.s, r->set == CFG_RULES_CONNECTION); /* as HAProxy */
	return RULE_ENDED;
}

enum rule_end
do_reject(struct rule_run *r, const struct cfg_rule *a)
{
	(void)a;
	rule_count_denied(r);
	return rule_close(r, STOP_denied);
}

/* As HAProxy does it: in repair mode the kernel forgets the connection without a word;
 * without the right to that, a reset that dies on the first router. */
enum rule_end
do_silent_drop(struct rule_run *r, const struct cfg_rule *a)
{
	int fd = r->c.s->client.watch.fd, one = 1, ttl = a->number ? (int)a->number : 1;
	bool is_repaired = !a->number && setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &one,
						    sizeof(one)) == 0;
	if (!is_repaired) {
		struct linger no = {.l_onoff = 1};
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &no, sizeof(no));
		(void)setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &ttl, sizeof(ttl));
	}
	if (r->c.t)
		rule_count_denied(r);
	return rule_close(r, STOP_denied);
}

enum rule_end
do_close(struct rule_run *r, const struct cfg_rule *a)
{
	(void)a;
	txn_abort(r->c.t, STOP_denied);
	return RULE_ENDED;
}
