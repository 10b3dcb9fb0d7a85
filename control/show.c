/* SPDX-License-Identifier: MIT
 *
 * Commands that only look. What they show is in the region, so any other reader
 * would say the same.
 */
#include <stdlib.h>
#include <string.h>

#include "control/command.h"
#include "control/self.h"
#include "lib/base/addr.h"
#include "lib/base/clock.h"
#include "shm/health.h"
#include "shm/render.h"

void
command_show_version(struct command_session *s, const struct command_words *w)
{
	(void)w;
	shm_text_fmt(&s->answer, "%s\n", WEIR_VERSION);
}

void
command_show_info(struct command_session *s, const struct command_words *w)
{
	bool is_json = w->at[2] && strcmp(w->at[2], "json") == 0;
	if (w->at[2] && !is_json)
		shm_text_str(&s->answer, "usage: show info [json]\n");
	else
		shm_render_info(control.shm, is_json, &s->answer);
}

void
command_show_backend(struct command_session *s, const struct command_words *w)
{
	(void)w;
	shm_text_str(&s->answer, "# name\n");
	for (size_t i = 0; i < control.cfg->proxies_n; i++) {
		const struct cfg_proxy *p = control.cfg->proxies[i];
		if (p->caps & CFG_CAP_BACKEND)
			shm_text_fmt(&s->answer, "%s\n", p->name);
	}
}

void
command_show_cli_sockets(struct command_session *s, const struct command_words *w)
{
	static const char *const levels[] = {"user", "operator", "admin"};
	const struct cfg_global *g = &control.cfg->global;
	(void)w;
	shm_text_str(&s->answer, "# socket lvl processes\n");
	for (size_t i = 0; i < g->sockets_n; i++)
		shm_text_fmt(&s->answer, "%s%s %s all\n",
			     g->sockets[i].addr.kind == ADDR_UNIX ? "unix@" : "",
			     g->sockets[i].path, levels[g->sockets[i].level]);
}

/* --- show stat ---------------------------------------------------------- */

/* HAProxy's bits (1 frontends, 2 backends, 4 servers, 8 listeners) are ours. */
static bool
parse_filter(const struct command_words *w, size_t at, struct shm_stat_opts *o)
{
	char *end = NULL;
	if (!w->at[at])
		return true;
	if (!w->at[at + 1] || !w->at[at + 2])
		return false;
	long iid = strtol(w->at[at], &end, 10);
	if (*end)
		o->proxy = w->at[at];
	else
		o->iid = iid > 0 ? (uint32_t)iid : 0;
	long types = strtol(w->at[at + 1], &end, 10);
	if (*end)
		return false;
	o->types = types > 0 ? (uint32_t)types : 0;
	long sid = strtol(w->at[at + 2], &end, 10);
	if (*end)
		return false;
	o->sid = sid > 0 ? (uint32_t)sid : 0;
	return true;
}

void
command_show_stat(struct command_session *s, const struct command_words *w)
{
	struct shm_stat_opts o = {0};
	bool is_json = false;
	size_t at = 2;
	for (; w->at[at]; at++) {
		if (strcmp(w->at[at], "json") == 0)
			is_json = true;
		else if (strcmp(w->at[at], "up") == 0)
			o.only_up = true;
		else if (strcmp(w->at[at], "no-maint") == 0)
			o.no_maint = true;
		else
			break;
	}
	if (!parse_filter(w, at, &o)) {
		shm_text_str(&s->answer, "usage: show stat [json|up|no-maint]* "
					 "[<iid>|<proxy> <type> <sid>]\n");
		return;
	}
	if (is_json)
		shm_render_json(control.shm, &o, &s->answer);
	else
		shm_render_csv(control.shm, &o, &s->answer);
}

/* --- show servers state ------------------------------------------------- */

/* HAProxy's numbers of check results (management.txt, "show servers state"). */
enum { CHECK_UNKNOWN, CHECK_FAILED = 2, CHECK_PASSED = 3 };

static void
put_address(struct shm_text *out, const struct cfg_server *srv)
{
	char host[ADDR_TEXT_BYTES];
	if (srv->addr.kind == ADDR_NONE)
		shm_text_str(out, "-");
	else
		shm_text_str(out, addr_format_host(&srv->addr, host));
}

/* One line; the fields of format version 1. */
static void
put_server(struct shm_text *out, const struct cfg_proxy *p, const struct cfg_server *srv,
	   uint64_t now_s)
{
	struct shm_object o;
	struct shm_facts f;
	if (!shm_find(control.shm, SHM_SERVER, p->name, srv->name, srv->addr_text, &o))
		return;
	shm_object_facts(control.shm, &o, &f);
	struct shm_health_word h = shm_health_unpack(
		atomic_load_explicit(&o.server->health, memory_order_acquire));
	struct shm_admin_word a = shm_admin_unpack(
		atomic_load_explicit(&o.server->admin, memory_order_acquire));
	struct shm_check c = {0};
	bool is_known = f.is_checked && shm_check_read(&o, &c) && c.at_boot_ms;
	bool is_down = h.state == SHM_HEALTH_DOWN;
	unsigned health = is_down ? c.counter
			  : f.is_checked && f.rise + f.fall > c.counter
				  ? f.rise + f.fall - 1 - c.counter
				  : 0;
	shm_text_fmt(out, "%u %s %u %s ", p->id, p->name, srv->id, srv->name);
	put_address(out, srv);
	shm_text_fmt(out, " %u %u %u %u %llu 0 %u %u %u 0 0 0 - %d - 0 %d - - 0\n",
		     a.maint || is_down ? 0 : 2,
		     (a.maint ? 1U : 0) | (srv->disabled ? 4U : 0) | (a.drain ? 8U : 0),
		     a.weight == SHM_WEIGHT_CONFIGURED ? f.weight : a.weight, f.weight,
		     (unsigned long long)(now_s > h.since_s ? now_s - h.since_s : 0),
		     !is_known	 ? CHECK_UNKNOWN
		     : c.counter ? is_down ? CHECK_PASSED : CHECK_FAILED
		     : is_down	 ? CHECK_FAILED
				 : CHECK_PASSED,
		     health, f.is_checked ? 6U : 0, addr_port(&srv->addr),
		     f.is_checked ? addr_port(&srv->check_addr) : 0);
}

void
command_show_servers_state(struct command_session *s, const struct command_words *w)
{
	const char *only = w->at[3];
	uint64_t now_s = clock_boot_ms() / 1000;
	bool is_found = only == NULL;
	size_t begin = s->answer.n;
	shm_text_str(&s->answer,
		     "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state "
		     "srv_admin_state srv_uweight srv_iweight srv_time_since_last_change "
		     "srv_check_status srv_check_result srv_check_health srv_check_state "
		     "srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port "
		     "srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr "
		     "srv_agent_port\n");
	for (size_t i = 0; i < control.cfg->proxies_n; i++) {
		const struct cfg_proxy *p = control.cfg->proxies[i];
		if (!(p->caps & CFG_CAP_BACKEND) || (only && strcmp(p->name, only) != 0))
			continue;
		is_found = true;
		for (size_t k = 0; k < p->servers_n; k++)
			put_server(&s->answer, p, p->servers[k], now_s);
	}
	if (!is_found) {
		s->answer.n = begin;
		shm_text_str(&s->answer, "Can't find backend.\n");
	}
}
