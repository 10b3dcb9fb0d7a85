/* SPDX-License-Identifier: MIT
 *
 * The snapshot for a terminal: aligned columns, one table of columns. Used by
 * weirctl; given an earlier snapshot the rates are those between the two, else those
 * that control measured last.
 */
#include "shm/stats/render.h"

#include <stdio.h>
#include <string.h>

enum { COLUMNS_MAX = 20 };

/* What a cell is made from. */
struct cell_source {
	const struct shm_stat_row *now, *before; /* before may be NULL */
	uint64_t elapsed_ms;
};

struct column {
	const char *title;
	bool is_left;
	void (*put)(const struct cell_source *c, struct shm_text *out);
};

static uint64_t
n(const struct cell_source *c, enum shm_stat_field f)
{
	return shm_stat_n(c->now, f);
}

static void
put_count(const struct cell_source *c, enum shm_stat_field f, struct shm_text *out)
{
	if (c->now->v[f].is_set)
		shm_text_u64(out, n(c, f));
	else
		shm_text_char(out, '-');
}

/* Per second, between the two snapshots or as measured. */
static void
put_rate(const struct cell_source *c, enum shm_stat_field total,
	 enum shm_stat_field measured, bool is_bytes, struct shm_text *out)
{
	uint64_t rate = n(c, measured);
	if (!c->now->v[total].is_set) {
		shm_text_char(out, '-');
		return;
	}
	if (c->before && c->elapsed_ms) {
		uint64_t was = shm_stat_n(c->before, total), is = n(c, total);
		rate = is > was ? ((is - was) * 1000 + c->elapsed_ms / 2) / c->elapsed_ms
				: 0;
	}
	if (is_bytes)
		shm_text_short(out, rate, 1024);
	else
		shm_text_u64(out, rate);
}

static void
put_name(const struct cell_source *c, struct shm_text *out)
{
	bool is_proxy =
		c->now->type == SHM_STAT_FRONTEND || c->now->type == SHM_STAT_BACKEND;
	shm_text_plain(out, shm_stat_text(c->now, SHM_STAT_pxname));
	if (is_proxy)
		return;
	shm_text_char(out, '/');
	shm_text_plain(out, shm_stat_text(c->now, SHM_STAT_svname));
}

static void
put_type(const struct cell_source *c, struct shm_text *out)
{
	static const char *const types[] = {"frontend", "backend", "server", "listener"};
	shm_text_str(out, types[c->now->type]);
	if (c->now->facts.is_backup && c->now->type == SHM_STAT_SERVER)
		shm_text_str(out, " (b)");
}

static void
put_status(const struct cell_source *c, struct shm_text *out)
{
	shm_text_plain(out, c->now->status);
	if (c->now->is_gone)
		shm_text_str(out, " (gone)");
}

static void
put_sess_rate(const struct cell_source *c, struct shm_text *out)
{
	put_rate(c, SHM_STAT_stot, SHM_STAT_rate, false, out);
}

static void
put_cur(const struct cell_source *c, struct shm_text *out)
{
	put_count(c, SHM_STAT_scur, out);
}

static void
put_max(const struct cell_source *c, struct shm_text *out)
{
	put_count(c, SHM_STAT_smax, out);
}

static void
put_limit(const struct cell_source *c, struct shm_text *out)
{
	if (n(c, SHM_STAT_slim))
		shm_text_u64(out, n(c, SHM_STAT_slim));
	else
		shm_text_char(out, '-');
}

static void
put_total(const struct cell_source *c, struct shm_text *out)
{
	put_count(c, SHM_STAT_stot, out);
}

static void
put_req_rate(const struct cell_source *c, struct shm_text *out)
{
	put_rate(c, SHM_STAT_req_tot, SHM_STAT_req_rate, false, out);
}

static void
put_reqs(const struct cell_source *c, struct shm_text *out)
{
	put_count(c, SHM_STAT_req_tot, out);
}

static void
put_in_rate(const struct cell_source *c, struct shm_text *out)
{
	put_rate(c, SHM_STAT_bin, SHM_STAT_bin_rate, true, out);
}

static void
put_out_rate(const struct cell_source *c, struct shm_text *out)
{
	put_rate(c, SHM_STAT_bout, SHM_STAT_bout_rate, true, out);
}

static void
put_in(const struct cell_source *c, struct shm_text *out)
{
	shm_text_short(out, n(c, SHM_STAT_bin), 1024);
}

static void
put_out(const struct cell_source *c, struct shm_text *out)
{
	shm_text_short(out, n(c, SHM_STAT_bout), 1024);
}

static void
put_errors(const struct cell_source *c, struct shm_text *out)
{
	shm_text_u64(out,
		     n(c, SHM_STAT_ereq) + n(c, SHM_STAT_econ) + n(c, SHM_STAT_eresp));
}

static void
put_5xx(const struct cell_source *c, struct shm_text *out)
{
	put_count(c, SHM_STAT_hrsp_5xx, out);
}

static void
put_check(const struct cell_source *c, struct shm_text *out)
{
	if (!c->now->v[SHM_STAT_check_status].is_set) {
		shm_text_str(out, c->now->type == SHM_STAT_SERVER ? "-" : "");
		return;
	}
	shm_text_plain(out, shm_stat_text(c->now, SHM_STAT_check_status));
	if (c->now->v[SHM_STAT_check_code].is_set)
		shm_text_fmt(out, "/%u", (unsigned)n(c, SHM_STAT_check_code));
	if (c->now->check.at_boot_ms)
		shm_text_fmt(out, " %ums", (unsigned)n(c, SHM_STAT_check_duration));
}

static const struct column columns[] = {
	{"NAME", true, put_name},	{"TYPE", true, put_type},
	{"STATUS", true, put_status},	{"SESS/S", false, put_sess_rate},
	{"CUR", false, put_cur},	{"MAX", false, put_max},
	{"LIMIT", false, put_limit},	{"TOTAL", false, put_total},
	{"REQ/S", false, put_req_rate}, {"REQS", false, put_reqs},
	{"IN/S", false, put_in_rate},	{"OUT/S", false, put_out_rate},
	{"IN", false, put_in},		{"OUT", false, put_out},
	{"ERR", false, put_errors},	{"5XX", false, put_5xx},
	{"CHECK", true, put_check},
};

enum { COLUMNS_N = sizeof(columns) / sizeof(columns[0]) };
_Static_assert((int)COLUMNS_N <= (int)COLUMNS_MAX, "room for the widths");

static const char *
colour_of(const struct shm_stat_row *r)
{
	switch (r->light) {
	case SHM_LIGHT_UP:
		return "\033[32m";
	case SHM_LIGHT_GOING_DOWN:
	case SHM_LIGHT_GOING_UP:
		return "\033[33m";
	case SHM_LIGHT_DOWN:
		return "\033[31m";
	case SHM_LIGHT_MAINT:
		return "\033[35m";
	case SHM_LIGHT_DRAIN:
		return "\033[36m";
	case SHM_LIGHT_UNCHECKED:
		break;
	}
	return "";
}

/* The same object in the earlier snapshot. */
static const struct shm_stat_row *
find_before(const struct shm_stat *before, const struct shm_stat_row *r, size_t hint)
{
	for (size_t i = 0; before && i < before->rows_n; i++) {
		/* nearly always at the same place */
		const struct shm_stat_row *b = before->rows[(hint + i) % before->rows_n];
		if (b->object.index == r->object.index && b->type == r->type &&
		    strcmp(b->facts.name, r->facts.name) == 0)
			return b;
	}
	return NULL;
}

static struct cell_source
source_of(const struct shm_stat *st, const struct shm_stat *before, size_t i)
{
	struct cell_source c = {.now = st->rows[i]};
	c.before = find_before(before, c.now, i);
	if (c.before)
		c.elapsed_ms = st->boot_ms - before->boot_ms;
	return c;
}

static void
put_padded(const struct column *k, const struct shm_text *cell, size_t width,
	   bool is_last, const char *colour, struct shm_text *out)
{
	int pad = width > cell->n ? (int)(width - cell->n) : 0;
	if (!k->is_left)
		shm_text_fmt(out, "%*s", pad, "");
	shm_text_str(out, colour);
	shm_text_add(out, cell->bytes, cell->n);
	shm_text_str(out, *colour ? "\033[0m" : "");
	if (k->is_left && !is_last)
		shm_text_fmt(out, "%*s", pad, "");
	shm_text_str(out, is_last ? "\n" : "  ");
}

/* Columns from the left that fit into the terminal. */
static size_t
columns_that_fit(const size_t widths[COLUMNS_N], uint32_t terminal)
{
	size_t used = 0, k = 0;
	for (; k < COLUMNS_N; k++) {
		used += widths[k] + (k ? 2 : 0);
		if (terminal && used > terminal && k > 3)
			break;
	}
	return k;
}

void
shm_render_table(const struct shm_stat *st, const struct shm_table_opts *opts,
		 struct shm_text *out)
{
	size_t widths[COLUMNS_N];
	struct shm_text cell = {0};
	for (size_t k = 0; k < COLUMNS_N; k++) {
		widths[k] = strlen(columns[k].title);
		for (size_t i = 0; i < st->rows_n; i++) {
			struct cell_source c = source_of(st, opts->before, i);
			shm_text_clear(&cell);
			columns[k].put(&c, &cell);
			widths[k] = cell.n > widths[k] ? cell.n : widths[k];
		}
	}
	size_t columns_n = columns_that_fit(widths, opts->width);
	for (size_t k = 0; k < columns_n; k++) {
		shm_text_clear(&cell);
		shm_text_str(&cell, columns[k].title);
		put_padded(&columns[k], &cell, widths[k], k + 1 == columns_n,
			   opts->is_coloured ? "\033[1m" : "", out);
	}
	for (size_t i = 0; i < st->rows_n; i++) {
		struct cell_source c = source_of(st, opts->before, i);
		for (size_t k = 0; k < columns_n; k++) {
			bool is_status = columns[k].put == put_status;
			shm_text_clear(&cell);
			columns[k].put(&c, &cell);
			put_padded(&columns[k], &cell, widths[k], k + 1 == columns_n,
				   opts->is_coloured && is_status ? colour_of(c.now) : "",
				   out);
		}
	}
	out->failed = out->failed || cell.failed;
	shm_text_fini(&cell);
}
