/* SPDX-License-Identifier: MIT
 *
 * The stats page: one HTML document without scripts or anything to fetch. A head with
 * the daemon's totals, then a table per proxy, made from one table of columns.
 * Everything that comes from the configuration or the network is escaped.
 */
#include "shm/stats/render.h"

#include <string.h>

#include "shm/stats/html_parts.h"

/* --- cells -------------------------------------------------------------- */

/* A number as short as it can be read. */
void
html_put_value(uint64_t v, unsigned step, struct shm_text *out)
{
	if (v < 10000 && step == 1000)
		shm_text_u64(out, v);
	else
		shm_text_short(out, v, step);
}

/* Its cell, the exact value as title. */
static void
put_number(const struct shm_stat_row *r, enum shm_stat_field f, unsigned step,
	   struct shm_text *out)
{
	uint64_t v = shm_stat_n(r, f);
	if (!r->v[f].is_set) {
		shm_text_str(out, "<td class=no>");
		return;
	}
	shm_text_fmt(out, v ? "<td title=\"%llu\">" : "<td class=zero>",
		     (unsigned long long)v);
	html_put_value(v, step, out);
}

/* A second one below it: "max 2410". */
static void
put_second(const struct shm_stat_row *r, enum shm_stat_field f, unsigned step,
	   const char *label, struct shm_text *out)
{
	if (!shm_stat_n(r, f))
		return;
	shm_text_fmt(out, "<small>%s ", label);
	html_put_value(shm_stat_n(r, f), step, out);
	shm_text_str(out, "</small>");
}

/* Numbers that should be 0 stand out when they are not. */
static void
put_trouble(const struct shm_stat_row *r, enum shm_stat_field f, struct shm_text *out)
{
	uint64_t v = shm_stat_n(r, f);
	if (v == 0) {
		put_number(r, f, 1000, out);
		return;
	}
	shm_text_fmt(out, "<td class=bad title=\"%llu\">", (unsigned long long)v);
	html_put_value(v, 1000, out);
}

static void
put_name(const struct shm_stat_row *r, struct shm_text *out)
{
	shm_text_str(out, "<th scope=row>");
	switch (r->type) {
	case SHM_STAT_FRONTEND:
		shm_text_str(out, "Frontend");
		break;
	case SHM_STAT_BACKEND:
		shm_text_str(out, "Backend");
		break;
	case SHM_STAT_SERVER:
	case SHM_STAT_LISTENER:
		shm_text_html(out, r->facts.name);
		if (r->facts.addr[0] && strcmp(r->facts.addr, r->facts.name) != 0) {
			shm_text_str(out, "<small>");
			shm_text_html(out, r->facts.addr);
			shm_text_str(out, "</small>");
		}
		break;
	}
}

const char *
html_light_class(enum shm_stat_light l)
{
	switch (l) {
	case SHM_LIGHT_UP:
		return "up";
	case SHM_LIGHT_GOING_DOWN:
		return "going-down";
	case SHM_LIGHT_DOWN:
		return "down";
	case SHM_LIGHT_GOING_UP:
		return "going-up";
	case SHM_LIGHT_MAINT:
		return "maint";
	case SHM_LIGHT_DRAIN:
		return "drain";
	case SHM_LIGHT_UNCHECKED:
		return "unchecked";
	}
	return "unchecked";
}

static void
put_status(const struct shm_stat_row *r, struct shm_text *out)
{
	shm_text_fmt(out, "<td class=status><span class=\"light %s\">",
		     html_light_class(r->light));
	shm_text_html(out, r->status);
	shm_text_str(out, "</span>");
	if (r->type == SHM_STAT_BACKEND || r->type == SHM_STAT_SERVER) {
		shm_text_str(out, "<small>");
		shm_text_age(out, shm_stat_n(r, SHM_STAT_lastchg));
		shm_text_str(out, "</small>");
	}
}

/* "L7OK/200 in 3 ms", and what the check saw when it failed. */
static void
put_check(const struct shm_stat_row *r, struct shm_text *out)
{
	const char *seen = shm_stat_text(r, SHM_STAT_last_chk);
	if (!r->v[SHM_STAT_check_status].is_set) {
		shm_text_str(out, "<td class=no>");
		return;
	}
	shm_text_str(out, "<td class=check title=\"");
	shm_text_html(out, shm_stat_text(r, SHM_STAT_check_desc));
	if (*seen) {
		shm_text_str(out, ": ");
		shm_text_html(out, seen);
	}
	shm_text_str(out, "\">");
	shm_text_html(out, shm_stat_text(r, SHM_STAT_check_status));
	if (r->v[SHM_STAT_check_code].is_set)
		shm_text_fmt(out, "/%u", (unsigned)shm_stat_n(r, SHM_STAT_check_code));
	if (r->check.at_boot_ms)
		shm_text_fmt(out, "<small>%u ms</small>",
			     (unsigned)shm_stat_n(r, SHM_STAT_check_duration));
	if (*seen && r->light != SHM_LIGHT_UP) {
		shm_text_str(out, "<small class=seen>");
		shm_text_html(out, seen);
		shm_text_str(out, "</small>");
	}
}

static void
put_weight(const struct shm_stat_row *r, struct shm_text *out)
{
	if (!r->v[SHM_STAT_weight].is_set) {
		shm_text_str(out, "<td class=no>");
		return;
	}
	shm_text_fmt(out, "<td>%u", (unsigned)shm_stat_n(r, SHM_STAT_weight));
	if (r->type == SHM_STAT_SERVER) {
		shm_text_str(out, r->facts.is_backup ? "<small>backup</small>" : "");
		return;
	}
	shm_text_fmt(out, "<small>%u active", (unsigned)shm_stat_n(r, SHM_STAT_act));
	if (shm_stat_n(r, SHM_STAT_bck))
		shm_text_fmt(out, ", %u backup", (unsigned)shm_stat_n(r, SHM_STAT_bck));
	shm_text_str(out, "</small>");
}

static void
put_downtime(const struct shm_stat_row *r, struct shm_text *out)
{
	uint64_t s = shm_stat_n(r, SHM_STAT_downtime);
	if (!r->v[SHM_STAT_downtime].is_set) {
		shm_text_str(out, "<td class=no>");
		return;
	}
	shm_text_str(out, s ? "<td class=bad>" : "<td class=zero>");
	shm_text_age(out, s);
}

/* Sessions now, "max 37 of 100", and a bar when there is a limit to fill. */
static void
put_cur(const struct shm_stat_row *r, struct shm_text *out)
{
	uint64_t cur = shm_stat_n(r, SHM_STAT_scur), max = shm_stat_n(r, SHM_STAT_slim);
	shm_text_str(out, cur ? "<td>" : "<td class=zero>");
	shm_text_u64(out, cur);
	if (shm_stat_n(r, SHM_STAT_smax) || max) {
		shm_text_str(out, "<small>max ");
		html_put_value(shm_stat_n(r, SHM_STAT_smax), 1000, out);
		shm_text_str(out, max ? " of " : "");
		if (max)
			html_put_value(max, 1000, out);
		shm_text_str(out, "</small>");
	}
	if (max && cur)
		shm_text_fmt(out, "<i class=bar><b style=\"width:%u%%\"></b></i>",
			     (unsigned)(cur >= max ? 100 : 1 + cur * 99 / max));
}

/* The classes of responses as one stacked bar. */
static void
put_responses(const struct shm_stat_row *r, struct shm_text *out)
{
	static const struct {
		enum shm_stat_field field;
		const char *name;
	} classes[] = {
		{SHM_STAT_hrsp_2xx, "2xx"},
		{SHM_STAT_hrsp_3xx, "3xx"},
		{SHM_STAT_hrsp_4xx, "4xx"},
		{SHM_STAT_hrsp_5xx, "5xx"},
	};
	uint64_t sum = 0;
	for (size_t i = 0; i < 4; i++)
		sum += shm_stat_n(r, classes[i].field);
	if (!sum) {
		shm_text_str(out, "<td class=no>");
		return;
	}
	shm_text_str(out, "<td class=mix title=\"");
	for (size_t i = 0; i < 4; i++)
		shm_text_fmt(out, "%s %llu  ", classes[i].name,
			     (unsigned long long)shm_stat_n(r, classes[i].field));
	shm_text_str(out, "\"><i class=stack>");
	for (size_t i = 0; i < 4; i++) {
		uint64_t v = shm_stat_n(r, classes[i].field);
		if (v)
			shm_text_fmt(out, "<b class=c%c style=\"flex-grow:%llu\"></b>",
				     classes[i].name[0],
				     (unsigned long long)(1 + v * 1000.0 / (double)sum));
	}
	shm_text_str(out, "</i>");
}

/* --- the columns -------------------------------------------------------- */

enum form { SHORT, BYTES, TROUBLE, OWN };

struct column {
	const char *group, *title;
	enum form form;
	enum shm_stat_field field;
	const char *label; /* of `second`, NULL: there is none */
	enum shm_stat_field second;
	void (*put)(const struct shm_stat_row *r, struct shm_text *out);
};

/* clang-format off */
static const struct column columns[] = {
	{"", "", OWN, 0, NULL, 0, put_name},
	{"", "Status", OWN, 0, NULL, 0, put_status},
	{"Health", "Check", OWN, 0, NULL, 0, put_check},
	{"Health", "Weight", OWN, 0, NULL, 0, put_weight},
	{"Health", "Down", OWN, 0, NULL, 0, put_downtime},
	{"Sessions", "per s", SHORT, SHM_STAT_rate, "max", SHM_STAT_rate_max, NULL},
	{"Sessions", "now", OWN, 0, NULL, 0, put_cur},
	{"Sessions", "total", SHORT, SHM_STAT_stot, NULL, 0, NULL},
	{"Sessions", "queue", SHORT, SHM_STAT_qcur, "max", SHM_STAT_qmax, NULL},
	{"Bytes per s", "in", BYTES, SHM_STAT_bin_rate, "total", SHM_STAT_bin, NULL},
	{"Bytes per s", "out", BYTES, SHM_STAT_bout_rate, "total", SHM_STAT_bout, NULL},
	{"HTTP", "requests", SHORT, SHM_STAT_req_tot, NULL, 0, NULL},
	{"HTTP", "responses", OWN, 0, NULL, 0, put_responses},
	{"HTTP", "5xx", TROUBLE, SHM_STAT_hrsp_5xx, NULL, 0, NULL},
	{"Errors", "req", TROUBLE, SHM_STAT_ereq, NULL, 0, NULL},
	{"Errors", "conn", TROUBLE, SHM_STAT_econ, NULL, 0, NULL},
	{"Errors", "resp", TROUBLE, SHM_STAT_eresp, NULL, 0, NULL},
	{"Denied", "req", SHORT, SHM_STAT_dreq, NULL, 0, NULL},
	{"Denied", "resp", SHORT, SHM_STAT_dresp, NULL, 0, NULL},
	{"Repeated", "retry", SHORT, SHM_STAT_wretr, NULL, 0, NULL},
	{"Repeated", "redisp", SHORT, SHM_STAT_wredis, NULL, 0, NULL},
};
/* clang-format on */

enum { COLUMNS_N = sizeof(columns) / sizeof(columns[0]) };

static void
put_heads(struct shm_text *out)
{
	shm_text_str(out, "<thead><tr class=groups>");
	for (size_t i = 0; i < COLUMNS_N;) {
		size_t span = 1;
		while (i + span < COLUMNS_N &&
		       strcmp(columns[i].group, columns[i + span].group) == 0)
			span++;
		shm_text_fmt(out, "<th colspan=%u>%s", (unsigned)span, columns[i].group);
		i += span;
	}
	shm_text_str(out, "<tr>");
	for (size_t i = 0; i < COLUMNS_N; i++) {
		/* tables below each other look best with equal columns */
		bool is_text = columns[i].put == put_name ||
			       columns[i].put == put_status ||
			       columns[i].put == put_check;
		shm_text_fmt(out, "<th scope=col%s>%s",
			     is_text ? " class=\"left wide\"" : "", columns[i].title);
	}
	shm_text_str(out, "</thead>\n");
}

static void
put_row(const struct shm_stat_row *r, bool is_admin, struct shm_text *out)
{
	static const char *const classes[] = {"frontend", "backend", "server",
					      "listener"};
	shm_text_fmt(out, "<tr class=\"%s %s\">", classes[r->type],
		     html_light_class(r->light));
	for (size_t i = 0; i < COLUMNS_N; i++) {
		const struct column *c = &columns[i];
		unsigned step = c->form == BYTES ? 1024 : 1000;
		switch (c->form) {
		case SHORT:
		case BYTES:
			put_number(r, c->field, step, out);
			if (c->label)
				put_second(r, c->second, step, c->label, out);
			break;
		case TROUBLE:
			put_trouble(r, c->field, out);
			break;
		case OWN:
			c->put(r, out);
			break;
		}
		if (i == 0 && is_admin && r->type == SHM_STAT_SERVER)
			html_put_box(r->facts.name, out);
	}
	shm_text_char(out, '\n');
}

/* --- the page ----------------------------------------------------------- */

static bool
has_servers(const struct shm_stat *st, const char *proxy)
{
	for (size_t i = 0; i < st->rows_n; i++)
		if (st->rows[i]->type == SHM_STAT_SERVER &&
		    strcmp(shm_stat_text(st->rows[i], SHM_STAT_pxname), proxy) == 0)
			return true;
	return false;
}

static void
begin_proxy(const struct shm_stat_row *r, const char *name, struct shm_text *out)
{
	shm_text_str(out, "<section class=proxy><h2 id=\"");
	shm_text_html(out, name);
	shm_text_str(out, "\">");
	shm_text_html(out, name);
	shm_text_str(out, " <small>");
	shm_text_html(out, r->facts.mode);
	shm_text_str(out, "</small></h2>");
}

/* The rows of one proxy from *at on; *at is behind them. */
static void
put_proxy(const struct shm_stat *st, size_t *at, const struct shm_html_opts *o,
	  struct shm_text *out)
{
	const char *name = shm_stat_text(st->rows[*at], SHM_STAT_pxname);
	bool has_form = o->is_admin && has_servers(st, name);
	begin_proxy(st->rows[*at], name, out);
	if (has_form)
		html_begin_form(o, out);
	shm_text_str(out, "<div class=scroll><table>\n");
	put_heads(out);
	while (*at < st->rows_n &&
	       strcmp(shm_stat_text(st->rows[*at], SHM_STAT_pxname), name) == 0)
		put_row(st->rows[(*at)++], has_form, out);
	shm_text_str(out, "</table></div>");
	if (has_form)
		html_end_form(name, out);
	shm_text_str(out, "</section>\n");
}

void
shm_render_html(const struct shm *s, const struct shm_html_opts *opts,
		struct shm_text *out)
{
	struct shm_stat st;
	struct shm_info info;
	shm_info(s, &info);
	if (shm_stat_take(s, &opts->stat, &st) != 0) {
		out->failed = true;
		return;
	}
	html_put_head(&info, opts, out);
	html_put_result(opts, out);
	html_put_reload(&info, out);
	html_put_tiles(s, info.running, out);
	for (size_t i = 0; i < st.rows_n;)
		put_proxy(&st, &i, opts, out);
	html_put_foot(out);
	shm_stat_fini(&st);
}
