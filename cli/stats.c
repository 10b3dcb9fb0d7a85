/* SPDX-License-Identifier: MIT
 *
 * weirctl stats: traffic of every proxy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/cli.h"
#include "shm/stats/render.h"

/* The look before this one. */
struct earlier {
	bool is_set;
	struct shm_stat stat;
	struct shm_stat_global global;
};

static uint64_t
per_second(uint64_t was, uint64_t is, uint64_t elapsed_ms)
{
	return is > was && elapsed_ms ? ((is - was) * 1000 + elapsed_ms / 2) / elapsed_ms
				      : 0;
}

/* One line about the whole: "14:02:11  conns 120/20000  conn/s 40 ..." */
static void
put_totals(const struct earlier *e, const struct shm_stat_global *g, uint64_t elapsed_ms,
	   struct shm_text *out)
{
	char now[16] = "";
	time_t t = time(NULL);
	struct tm tm;
	if (localtime_r(&t, &tm))
		strftime(now, sizeof(now), "%H:%M:%S", &tm);
	shm_text_fmt(out, "%s  conns %u", now, g->conns);
	if (g->maxconn)
		shm_text_fmt(out, "/%u", g->maxconn);
	shm_text_str(out, "  conn/s ");
	shm_text_u64(out, per_second(e->global.conn_tot, g->conn_tot, elapsed_ms));
	shm_text_str(out, "  req/s ");
	shm_text_u64(out, per_second(e->global.req_tot, g->req_tot, elapsed_ms));
	shm_text_str(out, "  in/s ");
	shm_text_short(out, per_second(e->global.bin, g->bin, elapsed_ms), 1024);
	shm_text_str(out, "  out/s ");
	shm_text_short(out, per_second(e->global.bout, g->bout, elapsed_ms), 1024);
	shm_text_str(out, "\n\n");
}

static enum cli_exit
no_such_proxy(const struct cli *c)
{
	cli_error("there is no proxy '%s'", c->words[0]);
	return CLI_FAILED;
}

static enum cli_exit
draw_table(struct cli *c, struct earlier *e, const struct shm_stat_opts *o,
	   struct shm_text *out)
{
	struct shm_table_opts t = {.is_coloured = cli_is_coloured(),
				   .width = cli_width()};
	struct shm_stat_global g;
	struct shm_stat st;
	shm_stat_global(c->shm, &g);
	if (shm_stat_take(c->shm, o, &st) != 0) {
		cli_error("out of memory");
		return CLI_FAILED;
	}
	if (o->proxy && st.rows_n == 0) {
		shm_stat_fini(&st);
		return no_such_proxy(c);
	}
	if (e->is_set) {
		put_totals(e, &g, st.boot_ms - e->stat.boot_ms, out);
		t.before = &e->stat;
	}
	shm_render_table(&st, &t, out);
	if (e->is_set)
		shm_stat_fini(&e->stat);
	*e = (struct earlier){true, st, g};
	return CLI_OK;
}

static bool
is_known(const struct cli *c, const struct shm_stat_opts *o)
{
	struct shm_stat st;
	bool is_there = shm_stat_take(c->shm, o, &st) != 0 || st.rows_n > 0;
	shm_stat_fini(&st);
	return is_there;
}

static enum cli_exit
draw(struct cli *c, struct shm_text *out)
{
	struct shm_stat_opts o = {.proxy = c->words_n ? c->words[0] : NULL,
				  .types = c->with_listeners ? ~0U : 0,
				  .with_gone = c->with_gone};
	if (!c->is_csv && !c->is_json)
		return draw_table(c, c->state, &o, out);
	if (o.proxy && !is_known(c, &o))
		return no_such_proxy(c);
	if (c->is_csv)
		shm_render_csv(c->shm, &o, out);
	else
		shm_render_json(c->shm, &o, out);
	return CLI_OK;
}

enum cli_exit
cli_stats(struct cli *c)
{
	enum cli_exit rc = cli_attach(c);
	if (rc != CLI_OK)
		return rc;
	struct earlier e = {0};
	c->state = &e;
	rc = cli_watch(c, draw);
	if (e.is_set)
		shm_stat_fini(&e.stat);
	return rc;
}
