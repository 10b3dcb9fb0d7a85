/* SPDX-License-Identifier: MIT
 *
 * Commands that change a server's state or weight: the admin word, whose only writer
 * is the control process. It lives in the region, so it outlives a reload; a value
 * that the configuration changes wins over it.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/command.h"
#include "control/self.h"
#include "shm/clear.h"
#include "shm/hand.h"
#include "shm/health.h"

/* A server that somebody has named. */
struct named {
	const struct cfg_server *cfg;
	struct shm_object server, backend;
	struct shm_facts facts;
	struct shm_admin_word admin;
};

static const struct cfg_proxy *
find_backend(const char *name)
{
	for (size_t i = 0; i < control.cfg->proxies_n; i++) {
		const struct cfg_proxy *p = control.cfg->proxies[i];
		if (p->caps & CFG_CAP_BACKEND && strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

static const struct cfg_server *
find_server(const struct cfg_proxy *p, const char *name)
{
	for (size_t i = 0; i < p->servers_n; i++) {
		if (strcmp(p->servers[i]->name, name) == 0)
			return p->servers[i];
	}
	return NULL;
}

/* "backend/server" in the region. Answers itself what is wrong. */
static bool
find_named(struct command_session *s, const char *word, struct named *out)
{
	const char *slash = word ? strchr(word, '/') : NULL;
	char backend[SHM_NAME_BYTES];
	if (!slash || !slash[1]) {
		shm_text_str(&s->answer, "Require 'backend/server'.\n");
		return false;
	}
	snprintf(backend, sizeof(backend), "%.*s", (int)(slash - word), word);
	const struct cfg_proxy *p =
		(size_t)(slash - word) < sizeof(backend) ? find_backend(backend) : NULL;
	if (!p) {
		shm_text_str(&s->answer, "No such backend.\n");
		return false;
	}
	out->cfg = find_server(p, slash + 1);
	if (!out->cfg ||
	    !shm_find(control.shm, SHM_BACKEND, "", p->name, "", &out->backend) ||
	    !shm_find(control.shm, SHM_SERVER, p->name, out->cfg->name,
		      out->cfg->addr_text, &out->server)) {
		shm_text_str(&s->answer, "No such server.\n");
		return false;
	}
	shm_object_facts(control.shm, &out->server, &out->facts);
	out->admin = shm_admin_unpack(
		atomic_load_explicit(&out->server.server->admin, memory_order_acquire));
	return true;
}

bool
command_find_server(struct command_session *s, const char *word,
		    struct shm_object *server)
{
	struct named n;
	if (!find_named(s, word, &n))
		return false;
	*server = n.server;
	return true;
}

static void
publish(struct command_session *s, const struct named *n, enum shm_hand what)
{
	shm_hand_sign(&n->server, what, command_mark(s));
	if (!shm_admin_publish(control.shm, &n->server, &n->backend, n->admin))
		command_say_replaced(s);
}

/* --- state -------------------------------------------------------------- */

/* As HAProxy: each of the three replaces the other two. */
static void
set_state(struct command_session *s, struct named *n, const char *state)
{
	bool is_ready = state && strcmp(state, "ready") == 0;
	bool is_drain = state && strcmp(state, "drain") == 0;
	bool is_maint = state && strcmp(state, "maint") == 0;
	if (!is_ready && !is_drain && !is_maint) {
		shm_text_str(&s->answer, "'set server <srv> state' expects 'ready', "
					 "'drain' and 'maint'.\n");
		return;
	}
	n->admin.maint = is_maint;
	n->admin.drain = is_drain;
	n->admin.config_disabled = n->facts.is_disabled;
	publish(s, n, SHM_HAND_STATE);
}

void
command_disable_server(struct command_session *s, const struct command_words *w)
{
	struct named n;
	if (find_named(s, w->at[2], &n))
		set_state(s, &n, "maint");
}

void
command_enable_server(struct command_session *s, const struct command_words *w)
{
	struct named n;
	if (find_named(s, w->at[2], &n))
		set_state(s, &n, "ready");
}

/* --- weight ------------------------------------------------------------- */

/* "N" or "N%" of the configured weight; NULL or what is wrong with it. */
static const char *
parse_weight(const char *text, uint32_t configured, uint16_t *weight)
{
	char *end = NULL;
	if (!text)
		return "Require <weight> or <weight%>.\n";
	long v = strtol(text, &end, 10);
	if (end == text)
		return "Empty weight string empty or preceded by garbage\n";
	bool is_relative = *end == '%';
	if (end[is_relative])
		return "Trailing garbage in weight string\n";
	if (is_relative) {
		if (v < 0)
			return "Relative weight must be positive.\n";
		if (v > 100L * SHM_WEIGHT_MAX)
			v = 100L * SHM_WEIGHT_MAX;
		v = (long)configured * v / 100;
		v = v > SHM_WEIGHT_MAX ? SHM_WEIGHT_MAX : v;
	} else if (v < 0 || v > SHM_WEIGHT_MAX) {
		return "Absolute weight can only be between 0 and 256 inclusive.\n";
	}
	*weight = (uint16_t)v;
	return NULL;
}

static void
set_weight(struct command_session *s, struct named *n, const char *text)
{
	const char *wrong = parse_weight(text, n->facts.weight, &n->admin.weight);
	if (wrong) {
		shm_text_str(&s->answer, wrong);
		return;
	}
	n->admin.config_weight = (uint16_t)n->facts.weight;
	publish(s, n, SHM_HAND_WEIGHT);
}

void
command_set_weight(struct command_session *s, const struct command_words *w)
{
	struct named n;
	if (find_named(s, w->at[2], &n))
		set_weight(s, &n, w->at[3]);
}

void
command_get_weight(struct command_session *s, const struct command_words *w)
{
	struct named n;
	if (!find_named(s, w->at[2], &n))
		return;
	uint32_t now =
		n.admin.weight == SHM_WEIGHT_CONFIGURED ? n.facts.weight : n.admin.weight;
	shm_text_fmt(&s->answer, "%u (initial %u)\n", now, n.facts.weight);
}

/* --- health ------------------------------------------------------------- */

/* The checker takes it for the result of checks; the next ones may say otherwise. */
static void
set_health(struct command_session *s, struct named *n, const char *state)
{
	bool is_up = state && strcmp(state, "up") == 0;
	bool is_down = state && strcmp(state, "down") == 0;
	bool is_stopping = state && strcmp(state, "stopping") == 0;
	if (!is_up && !is_down && !is_stopping) {
		shm_text_str(&s->answer, "'set server <srv> health' expects 'up', "
					 "'stopping', or 'down'.\n");
		return;
	}
	if (!n->facts.is_checked) {
		shm_text_str(&s->answer, "Health checks are not enabled on this "
					 "server.\n");
		return;
	}
	n->admin.wish = is_up ? SHM_WISH_UP : is_down ? SHM_WISH_DOWN : SHM_WISH_NOLB;
	n->admin.wish_seq++;
	publish(s, n, SHM_HAND_WISH);
}

static void
set_checking(struct command_session *s, const char *word, bool is_on)
{
	struct named n;
	if (!find_named(s, word, &n))
		return;
	if (!n.facts.is_checked && is_on) {
		shm_text_str(&s->answer, "Health check was not configured on this "
					 "server, cannot enable.\n");
		return;
	}
	n.admin.no_check = !is_on && n.facts.is_checked;
	publish(s, &n, SHM_HAND_CHECK);
}

void
command_enable_health(struct command_session *s, const struct command_words *w)
{
	set_checking(s, w->at[2], true);
}

void
command_disable_health(struct command_session *s, const struct command_words *w)
{
	set_checking(s, w->at[2], false);
}

/* --- agents -------------------------------------------------------------- */

static void
set_asking(struct command_session *s, const char *word, bool is_on)
{
	struct named n;
	if (!find_named(s, word, &n))
		return;
	if (!n.cfg->agent) {
		if (is_on)
			shm_text_str(&s->answer, "Agent was not configured on this "
						 "server, cannot enable.\n");
		return;
	}
	n.admin.no_agent = !is_on;
	publish(s, &n, SHM_HAND_AGENT);
}

void
command_enable_agent(struct command_session *s, const struct command_words *w)
{
	set_asking(s, w->at[2], true);
}

void
command_disable_agent(struct command_session *s, const struct command_words *w)
{
	set_asking(s, w->at[2], false);
}

static bool
is_asked(const struct named *n)
{
	return n->cfg->agent && !n->admin.no_agent;
}

/* Its agent is taken to have said it; the next answer may say otherwise. */
static void
set_agent(struct command_session *s, struct named *n, const char *value)
{
	bool is_up = value && strcmp(value, "up") == 0;
	if (!is_asked(n)) {
		shm_text_str(&s->answer,
			     "agent checks are not enabled on this server.\n");
		return;
	}
	if (!is_up && (!value || strcmp(value, "down") != 0)) {
		shm_text_str(&s->answer, "'set server <srv> agent' expects 'up' or "
					 "'down'.\n");
		return;
	}
	n->admin.agent_wish = is_up ? SHM_WISH_UP : SHM_WISH_DOWN;
	n->admin.agent_wish_seq++;
	publish(s, n, SHM_HAND_WISH);
}

static void
refuse_agent_send(struct command_session *s, struct named *n, const char *value)
{
	(void)value;
	shm_text_str(&s->answer,
		     is_asked(n)
			     ? "what an agent is asked cannot be changed at run time; "
			       "see agent_send in the configuration.\n"
			     : "agent checks are not enabled on this server.\n");
}

/* --- ports of checks ------------------------------------------------------- */

/* NULL, or what is wrong with it. */
static const char *
parse_check_port(const char *text, uint32_t *port)
{
	char *end;
	long v = strtol(text, &end, 10);
	if (end == text || *end)
		return "provided port is not an integer";
	if (v < 1 || v > UINT16_MAX)
		return "provided port is invalid";
	*port = (uint32_t)v;
	return NULL;
}

/* HAProxy ends these answers without a line break. */
static void
set_port_of(struct command_session *s, const struct named *n, enum shm_hand which,
	    const char *value)
{
	uint32_t port, configured = shm_hand_configured(&n->facts, which);
	const char *wrong = parse_check_port(value, &port);
	if (wrong) {
		shm_text_str(&s->answer, wrong);
		return;
	}
	bool is_done = port == configured
			       ? shm_hand_clear(control.shm, &n->server, which)
			       : shm_hand_set(control.shm, &n->server, which, configured,
					      port, command_mark(s));
	/* the admin word as it was: whoever looks at the backend looks again */
	if (!is_done ||
	    !shm_admin_publish(control.shm, &n->server, &n->backend, n->admin))
		command_say_replaced(s);
}

static void
set_agent_port(struct command_session *s, struct named *n, const char *value)
{
	if (!value)
		shm_text_str(&s->answer,
			     "set server <b>/<s> agent-port requires a port.\n");
	else if (!is_asked(n))
		shm_text_str(&s->answer, "agent checks are not enabled on this server");
	else
		set_port_of(s, n, SHM_HAND_AGENT_PORT, value);
}

static void
set_check_port(struct command_session *s, struct named *n, const char *value)
{
	if (!value)
		shm_text_str(&s->answer,
			     "set server <b>/<s> check-port requires a port.\n");
	else if (!n->cfg->check)
		shm_text_str(&s->answer, "health checks are not enabled on this server");
	else
		set_port_of(s, n, SHM_HAND_CHECK_PORT, value);
}

/* Room for an address at run time is that of the server alone. */
static void
refuse_agent_addr(struct command_session *s, struct named *n, const char *value)
{
	shm_text_str(&s->answer,
		     !value ? "set server <b>/<s> agent-addr requires an address and "
			      "optionally a port.\n"
		     : is_asked(n)
			     ? "the address of an agent cannot be changed at run time; "
			       "without agent_addr it follows 'set server addr'.\n"
			     : "agent checks are not enabled on this server");
}

static void
refuse_check_addr(struct command_session *s, struct named *n, const char *value)
{
	shm_text_str(&s->answer,
		     !value ? "set server <b>/<s> check-addr requires an address and "
			      "optionally a port.\n"
		     : n->cfg->check
			     ? "the address of checks cannot be changed at run time; "
			       "without addr it follows 'set server addr'.\n"
			     : "health checks are not enabled on this server");
}

/* --- address ------------------------------------------------------------ */

static struct addr
address_of(const struct named *n)
{
	struct addr a = n->cfg->addr;
	(void)shm_address_read(&n->server, &a);
	return a;
}

/* HAProxy's words for what became of it. */
static void
say_moved(struct shm_text *out, const struct addr *was, const struct addr *now,
	  bool has_port)
{
	char from[ADDR_TEXT_BYTES], to[ADDR_TEXT_BYTES];
	addr_format_host(was, from);
	addr_format_host(now, to);
	if (strcmp(from, to) != 0)
		shm_text_fmt(out, "IP changed from '%s' to '%s'", from, to);
	else
		shm_text_str(out, "no need to change the addr");
	if (has_port && addr_port(was) != addr_port(now))
		shm_text_fmt(out, ", port changed from '%d' to '%d'", addr_port(was),
			     addr_port(now));
	else if (has_port)
		shm_text_str(out, ", no need to change the port");
}

static bool
parse_host(struct shm_text *out, const char *host, struct addr *to)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in = {.sin_family = AF_INET};
	int port = addr_port(to);
	if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
		addr_from_sockaddr(to, (struct sockaddr *)&in, sizeof(in));
	} else if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
		addr_from_sockaddr(to, (struct sockaddr *)&in6, sizeof(in6));
	} else {
		shm_text_str(out, "Invalid addr '");
		shm_text_plain(out, host);
		shm_text_char(out, '\'');
		return false;
	}
	addr_set_port(to, port);
	return true;
}

static bool
parse_port(struct shm_text *out, const char *text, struct addr *to)
{
	char *end;
	long v = strtol(text, &end, 10);
	if (end == text || *end) {
		shm_text_str(out, "problem converting port '");
		shm_text_plain(out, text);
		shm_text_str(out, "' to an int");
		return false;
	}
	if (*text == '+' || *text == '-' || v < 1 || v > UINT16_MAX) {
		shm_text_str(out, "provided port is invalid");
		return false;
	}
	addr_set_port(to, (int)v);
	return true;
}

/* Ports and addresses that are each client's own have no place in an address. */
static bool
can_move(const struct cfg_server *c)
{
	return (c->addr.kind == ADDR_INET || c->addr.kind == ADDR_INET6) &&
	       !c->send_to_client_addr && !c->send_to_client_port;
}

static void
move(struct command_session *s, const struct named *n, const struct addr *to)
{
	bool is_configured = addr_eq(to, &n->cfg->addr);
	shm_hand_sign(&n->server, SHM_HAND_ADDRESS, command_mark(s));
	if (!shm_address_set(control.shm, &n->server, &n->backend,
			     is_configured ? NULL : to))
		command_say_replaced(s);
}

static void
set_address(struct command_session *s, struct named *n, const struct command_words *w)
{
	const char *host = w->at[4];
	bool has_port = w->at[5] && strcmp(w->at[5], "port") == 0;
	const char *port = !has_port ? NULL : w->at[6] ? w->at[6] : "";
	if (!host) {
		shm_text_str(&s->answer, "set server <b>/<s> addr requires an address "
					 "and optionally a port.\n");
		return;
	}
	struct addr was = address_of(n), to = was;
	if (!can_move(n->cfg)) {
		shm_text_str(&s->answer, "Update for the current server address family "
					 "is only supported through configuration file");
	} else if (parse_host(&s->answer, host, &to) &&
		   (!port || parse_port(&s->answer, port, &to))) {
		say_moved(&s->answer, &was, &to, has_port);
		if (!addr_eq(&was, &to))
			move(s, n, &to);
	}
	shm_text_str(&s->answer, " by 'stats socket command'\n");
}

/* --- set server ----------------------------------------------------------- */

static void
set_fqdn(struct command_session *s, struct named *n, const char *value)
{
	(void)n;
	shm_text_str(&s->answer,
		     value ? "set server <b>/<s> fqdn failed because no resolution is "
			     "configured.\n"
			   : "set server <b>/<s> fqdn requires a FQDN.\n");
}

static void
set_ssl(struct command_session *s, struct named *n, const char *value)
{
	(void)n;
	(void)value;
	shm_text_str(&s->answer, "'set server <srv> ssl' cannot be set.  default-server "
				 "should define ssl settings\n");
}

static const struct {
	const char *word;
	void (*set)(struct command_session *s, struct named *n, const char *value);
} settings[] = {
	{"agent", set_agent},
	{"agent-addr", refuse_agent_addr},
	{"agent-port", set_agent_port},
	{"agent-send", refuse_agent_send},
	{"check-addr", refuse_check_addr},
	{"check-port", set_check_port},
	{"fqdn", set_fqdn},
	{"health", set_health},
	{"ssl", set_ssl},
	{"state", set_state},
	{"weight", set_weight},
};

void
command_set_server(struct command_session *s, const struct command_words *w)
{
	struct named n;
	const char *what = w->at[3];
	if (!find_named(s, w->at[2], &n))
		return;
	if (what && strcmp(what, "addr") == 0) {
		set_address(s, &n, w);
		return;
	}
	for (size_t i = 0; what && i < sizeof(settings) / sizeof(settings[0]); i++)
		if (strcmp(what, settings[i].word) == 0) {
			settings[i].set(s, &n, w->at[4]);
			return;
		}
	shm_text_str(&s->answer, "usage: set server <backend>/<server> addr | agent | "
				 "agent-addr | agent-port | agent-send | check-addr | "
				 "check-port | fqdn | health | ssl | state | weight\n");
}

void
command_clear_counters_server(struct command_session *s, const struct command_words *w)
{
	struct named n;
	if (!find_named(s, w->at[3], &n))
		return;
	shm_clear_maxima(&n.server);
	shm_clear_totals(control.shm, &n.server);
	shm_text_str(&s->answer, "Server counters cleared.\n");
}
