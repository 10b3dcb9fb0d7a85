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
#include "shm/gauge.h"
#include "shm/health.h"
#include "shm/stats/render.h"

void
command_show_version(struct command_session *s, const struct command_words *w)
{
	(void)w;
	shm_text_fmt(&s->answer, "%s\n", WEIR_VERSION);
}

void
command_show_info(struct command_session *s, const struct command_words *w)
{
	static const struct {
		const char *word;
		enum shm_info_format format;
	} formats[] = {{"desc", SHM_INFO_HELP},
		       {"typed", SHM_INFO_TYPED},
		       {"json", SHM_INFO_TYPED_JSON}};
	enum shm_info_format format = SHM_INFO_LINES;
	for (size_t i = 2; w->at[i]; i++)
		for (size_t k = 0; k < sizeof(formats) / sizeof(formats[0]); k++)
			if (strcmp(w->at[i], formats[k].word) == 0)
				format = formats[k].format;
	shm_render_info(control.shm, format, &s->answer);
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

enum stat_format { STAT_CSV, STAT_HELP, STAT_TYPED, STAT_JSON };

/* Words up to the filter; *at is behind them. */
static bool
parse_stat_words(const struct command_words *w, size_t *at, struct shm_stat_opts *o,
		 enum stat_format *format, bool *has_help)
{
	for (; w->at[*at]; ++*at) {
		const char *word = w->at[*at];
		if (strcmp(word, "json") == 0)
			*format = STAT_JSON;
		else if (strcmp(word, "typed") == 0)
			*format = STAT_TYPED;
		else if (strcmp(word, "desc") == 0)
			*has_help = true;
		else if (strcmp(word, "up") == 0)
			o->only_up = true;
		else if (strcmp(word, "no-maint") == 0)
			o->no_maint = true;
		else
			break;
	}
	return parse_filter(w, *at, o);
}

/* "domain proxy" is all there is. */
static bool
skip_domain(struct command_session *s, const struct command_words *w, size_t *at)
{
	if (!w->at[*at] || strcmp(w->at[*at], "domain") != 0)
		return true;
	const char *name = w->at[*at + 1];
	*at += 2;
	if (name && strcmp(name, "proxy") == 0)
		return true;
	shm_text_str(&s->answer, "Invalid statistics domain.\n");
	return false;
}

void
command_show_stat(struct command_session *s, const struct command_words *w)
{
	struct shm_stat_opts o = {0};
	enum stat_format format = STAT_CSV;
	bool has_help = false;
	size_t at = 2;
	if (!skip_domain(s, w, &at))
		return;
	if (!parse_stat_words(w, &at, &o, &format, &has_help)) {
		shm_text_str(&s->answer, "usage: show stat [domain proxy] "
					 "[desc|json|no-maint|typed|up]* "
					 "[<iid>|<proxy> <type> <sid>] "
					 "[desc|json|no-maint|typed|up]*\n");
		return;
	}
	/* HAProxy's words also stand behind the filter */
	if (w->at[at])
		for (at += 3; at < w->n; at++)
			if (!parse_stat_words(w, &at, &o, &format, &has_help))
				break;
	if (format == STAT_JSON)
		shm_render_typed_json(control.shm, &o, &s->answer);
	else if (format == STAT_TYPED)
		shm_render_typed(control.shm, &o, has_help, &s->answer);
	else if (has_help)
		shm_render_stat_help(&s->answer);
	else
		shm_render_csv(control.shm, &o, &s->answer);
}

/* What "show info json" and "show stat json" are made of (json-schema.org, draft 7). */
static const char stat_schema[] =
	"{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"oneOf\":["
	"{\"title\":\"Info\",\"type\":\"array\",\"items\":{\"$ref\":\"#/definitions/"
	"item\"}},"
	"{\"title\":\"Stat\",\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":"
	"{\"allOf\":[{\"$ref\":\"#/definitions/item\"},{\"properties\":{"
	"\"objType\":{\"enum\":[\"Frontend\",\"Backend\",\"Listener\",\"Server\"]},"
	"\"proxyId\":{\"type\":\"integer\"},\"id\":{\"type\":\"integer\"}},"
	"\"required\":[\"objType\",\"proxyId\",\"id\"]}]}}}],"
	"\"definitions\":{\"item\":{\"type\":\"object\",\"properties\":{"
	"\"field\":{\"type\":\"object\",\"properties\":{\"pos\":{\"type\":\"integer\"},"
	"\"name\":{\"type\":\"string\"}},\"required\":[\"pos\",\"name\"]},"
	"\"processNum\":{\"type\":\"integer\"},"
	"\"tags\":{\"type\":\"object\",\"required\":[\"origin\",\"nature\",\"scope\"]},"
	"\"value\":{\"type\":\"object\",\"properties\":{"
	"\"type\":{\"enum\":[\"str\",\"u32\",\"s32\",\"u64\"]},"
	"\"value\":{\"type\":[\"string\",\"integer\"]}},\"required\":[\"type\",\"value\"]"
	"}},"
	"\"required\":[\"field\",\"processNum\",\"tags\",\"value\"]}}}\n";

/* The form of "show stat json" and "show info json". */
void
command_show_schema(struct command_session *s, const struct command_words *w)
{
	(void)w;
	shm_text_str(&s->answer, stat_schema);
}

/* --- show servers state ------------------------------------------------- */

/* HAProxy's numbers of check results (management.txt, "show servers state"). */
enum { CHECK_UNKNOWN, CHECK_FAILED = 2, CHECK_PASSED = 3 };

static void
put_address(struct shm_text *out, const struct addr *a)
{
	char host[ADDR_TEXT_BYTES];
	if (a->kind == ADDR_NONE)
		shm_text_str(out, "-");
	else
		shm_text_str(out, addr_format_host(a, host));
}

/* Where the server is now. */
static struct addr
address_of(const struct shm_object *o, const struct cfg_server *srv)
{
	struct addr a = srv->addr;
	(void)shm_address_read(o, &a);
	return a;
}

/* HAProxy's number of a status, by the words of shm/check_result.def. */
static unsigned
status_number(const char *word)
{
	static const char *const words[] = {
		"UNK",	  "INI",   "",	    "",	      "HANA",	 "SOCKERR",  "L4OK",
		"L4TOUT", "L4CON", "L6OK",  "L6TOUT", "L6RSP",	 "L7TOUT",   "L7RSP",
		"",	  "L7OK",  "L7OKC", "L7STS",  "PROCERR", "PROCTOUT", "PROCOK"};
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return 0;
}

/* Of the last check that ended, also when checks have begun anew since. */
static const char *
last_status(const struct shm_object *server)
{
	struct shm_check_past past[SHM_CHECKS_KEPT];
	uint32_t n = shm_check_history(server, past);
	for (uint32_t i = 0; i < n; i++)
		if (past[i].status >= SHM_CHECK_FIRST)
			return shm_check_word(past[i].status);
	return "INI";
}

/* HAProxy's bits of a check: configured, enabled; it rests during maintenance. */
enum { CHECK_CONFIGURED = 2, CHECK_ENABLED = 4, CHECK_PAUSED = 8, CHECK_IS_AGENT = 16 };

static unsigned
check_bits(const struct shm_facts *f, bool is_maint)
{
	return f->is_checked
		       ? CHECK_CONFIGURED | CHECK_ENABLED | (is_maint ? CHECK_PAUSED : 0U)
		       : 0;
}

static unsigned
agent_bits(const struct shm_facts *f, struct shm_admin_word a)
{
	return f->has_agent ? CHECK_CONFIGURED | CHECK_IS_AGENT |
				      (a.no_agent ? 0U : CHECK_ENABLED)
			    : 0;
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
	struct shm_agent_word g = shm_agent_unpack(
		atomic_load_explicit(&o.server->agent, memory_order_acquire));
	struct shm_admin_word a = shm_server_admin(&o);
	struct shm_check c = {0};
	bool is_known = f.is_checked && shm_check_read(&o, &c) && c.at_boot_ms;
	bool is_down = h.state == SHM_HEALTH_DOWN;
	unsigned health = is_down ? c.counter
			  : f.is_checked && f.rise + f.fall > c.counter
				  ? f.rise + f.fall - 1 - c.counter
				  : srv->rise;
	shm_text_fmt(out, "%u %s %u %s ", p->id, p->name, srv->id, srv->name);
	struct addr at = address_of(&o, srv);
	put_address(out, &at);
	shm_text_fmt(out, " %u %u %u %u %llu %u %u %u %u %u 0 0 - %d - 0 %u - - %u\n",
		     a.maint || is_down || shm_agent_is_down(g) ? 0 : 2,
		     (a.maint ? 1U : 0) | (srv->disabled ? 4U : 0) | (a.drain ? 8U : 0),
		     a.weight == SHM_WEIGHT_CONFIGURED ? f.weight : a.weight, f.weight,
		     (unsigned long long)(now_s > h.since_s ? now_s - h.since_s : 0),
		     status_number(last_status(&o)),
		     !is_known	 ? CHECK_UNKNOWN
		     : c.counter ? is_down ? CHECK_PASSED : CHECK_FAILED
		     : is_down	 ? CHECK_FAILED
				 : CHECK_PASSED,
		     health, check_bits(&f, a.maint), agent_bits(&f, a), addr_port(&at),
		     shm_hand_value(&o, SHM_HAND_CHECK_PORT, f.check_port),
		     shm_hand_value(&o, SHM_HAND_AGENT_PORT, f.agent_port));
}

/* --- show servers conn ------------------------------------------------------------ */

/* Idle connections are not told apart by safety: a connection that is kept is safe. */
static void
put_conns(struct shm_text *out, const struct cfg_proxy *p, const struct cfg_server *srv)
{
	struct shm_object o;
	if (!shm_find(control.shm, SHM_SERVER, p->name, srv->name, srv->addr_text, &o))
		return;
	uint32_t used = o.gauge ? shm_gauge_cur(o.gauge) : 0;
	uint32_t kept = (uint32_t)atomic_load(&o.server->slots.kept);
	shm_text_fmt(out, "%s/%s %u/%u ", p->name, srv->name, p->id, srv->id);
	struct addr at = address_of(&o, srv);
	put_address(out, &at);
	shm_text_fmt(out, " %u - 0 %u %u %u 0 %u %d %u %u\n", addr_port(&at), used,
		     o.gauge ? shm_gauge_max(o.gauge) : 0, used, kept, srv->pool_max_conn,
		     kept, kept);
}

void
command_show_servers_conn(struct command_session *s, const struct command_words *w)
{
	const char *only = w->at[3];
	bool is_found = only == NULL;
	size_t begin = s->answer.n;
	shm_text_str(
		&s->answer,
		"# bkname/svname bkid/svid addr port - purge_delay used_cur used_max "
		"need_est unsafe_nb safe_nb idle_lim idle_cur idle_per_thr[1]\n");
	for (size_t i = 0; i < control.cfg->proxies_n; i++) {
		const struct cfg_proxy *p = control.cfg->proxies[i];
		if (!(p->caps & CFG_CAP_BACKEND) || (only && strcmp(p->name, only) != 0))
			continue;
		is_found = true;
		for (size_t k = 0; k < p->servers_n; k++)
			put_conns(&s->answer, p, p->servers[k]);
	}
	if (!is_found) {
		s->answer.n = begin;
		shm_text_str(&s->answer, "Can't find backend.\n");
	}
}

/* --- show servers state, all ------------------------------------------------------- */

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
