/* SPDX-License-Identifier: MIT
 *
 * The steps of a check, one after the other. Runs in the checker.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checker/request.h"
#include "checker/self.h"
#include "lib/base/hash.h"

/* The step it is at; NULL: behind all. */
static const struct cfg_step *
step_of(const struct probe *p)
{
	return p->step < p->check->steps_n ? &p->check->steps[p->step] : NULL;
}

/* What expressions see, and what expectations judge. */
struct exam *
script_exam(struct probe *p)
{
	struct exam *x = checker.exam;
	x->check = p->check;
	x->limits = &p->proxy->limits;
	x->server = p->users;
	x->probe = p;
	x->method = p->method;
	x->upgrade = p->upgrade;
	x->query_id = p->query_id;
	exam_read(x, span_of(p->kept, p->kept_bytes), p->is_all);
	return x;
}

/* --- connect -------------------------------------------------------------------- */

/* The server speaks first. */
static bool
is_expect_next(const struct probe *p)
{
	size_t next = p->step + 1;
	while (next < p->check->steps_n && p->check->steps[next].kind == CFG_STEP_VAR)
		next++;
	return next < p->check->steps_n && p->check->steps[next].kind == CFG_STEP_EXPECT;
}

/* The version of the PROXY header that this connection begins with; 0: it has none. */
static uint8_t
introduction_for(const struct probe *p, const struct cfg_check_connect *c)
{
	const struct cfg_server *s = p->users->cfg;
	bool is_default = !c || c->is_default, is_agent = p->check == s->agent;
	if (is_agent || p->check->is_datagram)
		return 0;
	if (c && c->send_proxy)
		return s->send_proxy.version ? s->send_proxy.version : 1;
	return is_default ? s->check_send_proxy : 0;
}

static enum probe_go
run_connect(struct probe *p, const struct cfg_check_connect *c)
{
	struct addr to = *p->addr;
	p->is_listener = is_expect_next(p);
	p->introduces = introduction_for(p, c);
	if (!c)
		return probe_connect(p, &to, false);
	int port = c->port;
	if (c->addr.kind != ADDR_NONE)
		to = c->addr;
	if (c->port_expr) {
		struct expr_sample v = {.next = 0};
		if (expr_eval(c->port_expr, &script_exam(p)->base, EXPR_INT, &v) &&
		    v.integer > 0 && v.integer <= 65535)
			port = (int)v.integer;
	}
	if (to.kind != ADDR_UNIX && (port || addr_port(&to) == 0))
		addr_set_port(&to, port ? port : addr_port(p->addr));
	return probe_connect(p, &to, c->linger);
}

/* --- send ----------------------------------------------------------------------- */

static enum probe_go
run_send(struct probe *p, const struct cfg_step *step)
{
	struct exam *x = script_exam(p);
	struct span bytes = exam_text(x, &step->bytes);
	if (step->is_hex && !exam_from_digits(x, &bytes)) {
		probe_finish_with(p, RESULT_socket_error,
				  "the format made no hexadecimal digits");
		return PROBE_ENDED;
	}
	probe_forget(p);
	if (p->check->is_datagram && p->check->kind == CFG_CHECK_PRESET) {
		p->query_id =
			(uint16_t)hash_bytes(&p->start_us, sizeof(p->start_us), p->hash);
		bytes = request_dns(x, bytes, p->query_id);
	}
	return probe_send(p, bytes);
}

static enum probe_go
run_request(struct probe *p, const struct cfg_step *step)
{
	struct span bytes = p->request;
	if (!bytes.p || step != p->request_step)
		bytes = request_make(script_exam(p), step->request, p->addr);
	probe_forget(p);
	p->method = (uint8_t)http_method_of(step->request->method);
	p->upgrade = request_upgrade(step->request);
	return probe_send(p, bytes);
}

struct span
script_request(struct probe *p)
{
	for (size_t i = 0; i < p->check->steps_n; i++) {
		const struct cfg_step *step = &p->check->steps[i];
		if (step->kind != CFG_STEP_REQUEST)
			continue;
		p->request_step = step;
		if (p->check->send_state || !request_is_constant(step->request))
			break;
		struct span made = request_make(script_exam(p), step->request, p->addr);
		char *kept = arena_alloc(checker.arena, made.n + 1);
		memcpy(kept, made.p, made.n);
		return span_of(kept, made.n);
	}
	return span_of(NULL, 0);
}

/* --- expect ----------------------------------------------------------------------- */

static enum probe_go
run_expect(struct probe *p, const struct cfg_step *step)
{
	struct probe_result r = {.id = RESULT_unknown};
	while (true) {
		enum expectation end = EXPECT_OPEN;
		if (p->kept_bytes || p->is_all)
			end = exam_expect(script_exam(p), step, &r);
		if (end == EXPECT_MET) {
			p->last = r;
			return PROBE_DONE;
		}
		if (end == EXPECT_MISSED) {
			probe_finish(p, &r);
			return PROBE_ENDED;
		}
		enum probe_go go = probe_read(p);
		if (go != PROBE_DONE)
			return go;
	}
}

/* --- the end ----------------------------------------------------------------------- */

/* Not only a connection. */
static bool
is_talk(const struct cfg_check *check)
{
	for (size_t i = 0; i < check->steps_n; i++)
		if (check->steps[i].kind != CFG_STEP_CONNECT &&
		    check->steps[i].kind != CFG_STEP_VAR)
			return true;
	return false;
}

static bool
finish_passed(struct probe *p)
{
	struct probe_result r = p->last;
	bool is_expected = p->check->steps_n > 0 &&
			   p->check->steps[p->check->steps_n - 1].kind == CFG_STEP_EXPECT;
	if (p->check->kind == CFG_CHECK_TCP)
		r = (struct probe_result){.id = RESULT_l4_ok};
	else if (p->check->is_datagram && !is_expected && !p->kept && !p->is_all)
		return false; /* a refusal may still come */
	else if (p->check->is_datagram && !is_expected)
		r = (struct probe_result){.id = RESULT_l4_ok};
	else if (!is_expected)
		r = (struct probe_result){.id = is_talk(p->check) ? RESULT_l7_ok
								  : RESULT_l4_ok,
					  .info = "(tcp-check)"};
	else if (p->check->kind == CFG_CHECK_SCRIPT && !r.info[0])
		probe_result_inform(&r, SPAN("(tcp-check)"));
	probe_finish(p, &r);
	return true;
}

/* The plain check is a script of one step. */
static const struct cfg_step connect_alone = {.kind = CFG_STEP_CONNECT};

static enum probe_go
run_step(struct probe *p, const struct cfg_step *step)
{
	switch (step->kind) {
	case CFG_STEP_CONNECT:
		return run_connect(p, step->connect);
	case CFG_STEP_SEND:
		return run_send(p, step);
	case CFG_STEP_REQUEST:
		return run_request(p, step);
	case CFG_STEP_EXPECT:
		return run_expect(p, step);
	case CFG_STEP_VAR:
		context_set_var(script_exam(p), step->rule);
		return PROBE_DONE;
	}
	return PROBE_ENDED;
}

void
script_run(struct probe *p)
{
	if (p->check->kind == CFG_CHECK_TCP && p->step == 0) {
		if (run_step(p, &connect_alone) != PROBE_DONE)
			return;
		p->step = 1;
	}
	for (const struct cfg_step *step; (step = step_of(p)); p->step++)
		if (run_step(p, step) != PROBE_DONE)
			return;
	while (!finish_passed(p))
		if (probe_read(p) != PROBE_DONE)
			return;
}

/* --- failures -------------------------------------------------------------------------
 */

/* What went wrong, and at which step. */
static void
finish_at(struct probe *p, enum result id, const char *what)
{
	char place[PROBE_INFO_BYTES], info[2 * PROBE_INFO_BYTES];
	const struct cfg_step *step = step_of(p);
	place[0] = 0;
	if (step)
		exam_place(p->check, step, place, sizeof(place));
	snprintf(info, sizeof(info), "%s%s", what, place);
	probe_finish_with(p, id, info);
}

void
script_expired(struct probe *p)
{
	static const enum result results[] = {RESULT_l7_timeout, RESULT_l6_timeout,
					      RESULT_l4_timeout};
	const struct cfg_step *step = step_of(p);
	if (p->check->kind == CFG_CHECK_ICMP) {
		probe_finish_with(p, RESULT_l3_timeout, "");
	} else if (p->check->kind == CFG_CHECK_EXTERNAL) {
		probe_finish_with(p, RESULT_proc_timeout, "");
	} else if (p->phase == PROBE_CONNECTING) {
		finish_at(p, RESULT_l4_timeout, "");
	} else if (!step && p->check->is_datagram) {
		p->is_all = true; /* nobody refused it */
		(void)finish_passed(p);
	} else {
		finish_at(p,
			  step && step->kind == CFG_STEP_EXPECT
				  ? results[step->expect->tout_status]
				  : RESULT_l7_timeout,
			  "");
	}
}

/* Errors that the peer or the way to it caused, by HAProxy's names for them. */
static const struct {
	int error;
	const char *name;
} peers_errors[] = {
	{ECONNREFUSED, "ECONNREFUSED"},
	{ECONNRESET, "ECONNRESET"},
	{ENETUNREACH, "ENETUNREACH"},
	{EHOSTUNREACH, "ENETUNREACH"},
	{EPIPE, "EPIPE"},
	{ECONNABORTED, NULL},
	{ENETDOWN, NULL},
	{EHOSTDOWN, NULL},
	{ETIMEDOUT, NULL},
	{EACCES, NULL},
	{EPERM, NULL},
};
enum { PEERS_ERRORS_N = sizeof(peers_errors) / sizeof(peers_errors[0]) };

void
script_failed(struct probe *p, int error, bool is_local)
{
	char info[PROBE_INFO_BYTES];
	bool is_early = p->phase == PROBE_CONNECTING || p->check->is_datagram;
	const char *text = strerror(error);
	size_t i = 0;
	if (reuse_retry(p))
		return;
	while (i < PEERS_ERRORS_N && peers_errors[i].error != error)
		i++;
	bool is_peers = i < PEERS_ERRORS_N;
	if (is_peers && peers_errors[i].name && !is_local)
		snprintf(info, sizeof(info), "%s returned by OS (%s)",
			 peers_errors[i].name, text);
	else if (is_early && (is_local || !is_peers))
		snprintf(info, sizeof(info), "General socket error (%s)", text);
	else
		snprintf(info, sizeof(info), "%s", text);
	finish_at(p, is_peers && is_early ? RESULT_l4_connection : RESULT_socket_error,
		  info);
}
