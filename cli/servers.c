/* SPDX-License-Identifier: MIT
 *
 * weirctl servers: what balancing thinks of every server.
 */
#include "cli/cli.h"
#include "shm/stats/render.h"

/* Servers only; the names of the fields are those of "stats". */
static enum cli_exit
draw_json(struct cli *c, const struct shm_stat_opts *o, struct shm_text *out)
{
	shm_render_json(c->shm, o, out);
	return CLI_OK;
}

static void
put_check(const struct shm_stat_row *r, uint64_t boot_ms, struct table *t)
{
	struct shm_text *result = table_cell(t);
	if (!r->facts.is_checked) {
		shm_text_char(result, '-');
		shm_text_char(table_cell(t), '-');
		shm_text_char(table_cell(t), '-');
		return;
	}
	shm_text_plain(result, shm_stat_text(r, SHM_STAT_check_status));
	if (r->v[SHM_STAT_check_code].is_set) {
		shm_text_char(result, '/');
		shm_text_u64(result, shm_stat_n(r, SHM_STAT_check_code));
	}
	struct shm_text *took = table_cell(t), *seen = table_cell(t);
	if (!r->check.at_boot_ms) {
		shm_text_char(took, '-');
		shm_text_str(seen, "not checked yet");
		return;
	}
	shm_text_u64(took, shm_stat_n(r, SHM_STAT_check_duration));
	shm_text_str(took, " ms");
	shm_text_plain(seen, r->check.desc);
	shm_text_str(seen, ", ");
	shm_text_age(seen, boot_ms > r->check.at_boot_ms
				   ? (boot_ms - r->check.at_boot_ms) / 1000
				   : 0);
	shm_text_str(seen, " ago");
}

static void
put_server(const struct shm_stat_row *r, uint64_t boot_ms, struct table *t)
{
	struct shm_text *cell = table_cell(t);
	shm_text_plain(cell, r->facts.parent);
	shm_text_char(cell, '/');
	shm_text_plain(cell, r->facts.name);
	shm_text_plain(table_cell(t), r->facts.addr);
	cell = table_cell(t);
	shm_text_plain(cell, r->status);
	shm_text_str(cell, r->is_gone		? " (gone)"
			   : r->facts.is_backup ? " (backup)"
						: "");
	shm_text_age(table_cell(t), shm_stat_n(r, SHM_STAT_lastchg));
	cell = table_cell(t);
	shm_text_u64(cell, shm_stat_n(r, SHM_STAT_weight));
	if (shm_stat_n(r, SHM_STAT_uweight) != r->facts.weight)
		shm_text_fmt(cell, " (%u)", r->facts.weight);
	shm_text_u64(table_cell(t), shm_stat_n(r, SHM_STAT_scur));
	shm_text_u64(table_cell(t), shm_stat_n(r, SHM_STAT_stot));
	cell = table_cell(t);
	if (r->facts.is_checked)
		shm_text_age(cell, shm_stat_n(r, SHM_STAT_downtime));
	else
		shm_text_char(cell, '-');
	put_check(r, boot_ms, t);
}

static enum cli_exit
draw(struct cli *c, struct shm_text *out)
{
	static const char *const titles[] = {"<SERVER", "<ADDRESS", "<STATE", "SINCE",
					     "WEIGHT",	"CUR",	    "TOTAL",  "DOWN",
					     "<CHECK",	"TOOK",	    "<LAST"};
	const struct shm_stat_opts o = {.proxy = c->words_n ? c->words[0] : NULL,
					.types = 1U << SHM_STAT_SERVER,
					.with_gone = c->with_gone};
	struct shm_stat st;
	struct table t;
	if (shm_stat_take(c->shm, &o, &st) != 0) {
		cli_error("out of memory");
		return CLI_FAILED;
	}
	if (o.proxy && st.rows_n == 0) {
		cli_error("there is no backend '%s' with servers", o.proxy);
		shm_stat_fini(&st);
		return CLI_FAILED;
	}
	if (c->is_json) {
		shm_stat_fini(&st);
		return draw_json(c, &o, out);
	}
	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]));
	for (size_t i = 0; i < st.rows_n; i++)
		put_server(st.rows[i], st.boot_ms, &t);
	table_render(&t, out);
	table_fini(&t);
	shm_stat_fini(&st);
	return CLI_OK;
}

enum cli_exit
cli_servers(struct cli *c)
{
	enum cli_exit rc = cli_attach(c);
	return rc == CLI_OK ? cli_watch(c, draw) : rc;
}
