/* SPDX-License-Identifier: MIT
 *
 * weirctl health: the last checks of servers, as the region remembers them.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "shm/health.h"
#include "shm/stats/render.h"

/* The last checks of one server, the newest first. */
struct past {
	const struct shm_stat_row *row;
	struct shm_check_past at[SHM_CHECKS_KEPT];
	uint32_t n;
};

static const char *
state_name(uint8_t state)
{
	static const char *const names[] = {"-", "DOWN", "UP", "NOLB"};
	return names[state < sizeof(names) / sizeof(names[0]) ? state : 0];
}

static uint64_t
age_ms(const struct shm_check_past *p, uint64_t boot_ms)
{
	return boot_ms > p->at_boot_ms ? boot_ms - p->at_boot_ms : 0;
}

static void
put_result(struct shm_text *t, const struct shm_check_past *p)
{
	shm_text_str(t, shm_check_word(p->status));
	if (shm_check_has_code(p->status))
		shm_text_fmt(t, "/%u", p->code);
}

/* --- one server ------------------------------------------------------------------- */

static void
put_past(const struct past *h, uint64_t boot_ms, struct shm_text *out)
{
	static const char *const titles[] = {"AGO", "<CHECK", "TOOK", "<STATE"};
	struct table t;
	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]));
	for (uint32_t i = 0; i < h->n; i++) {
		uint64_t ms = age_ms(&h->at[i], boot_ms);
		shm_text_fmt(table_cell(&t), "%llu.%llu s", (unsigned long long)ms / 1000,
			     (unsigned long long)ms / 100 % 10);
		put_result(table_cell(&t), &h->at[i]);
		shm_text_fmt(table_cell(&t), "%u ms", h->at[i].duration_ms);
		shm_text_str(table_cell(&t), state_name(h->at[i].state));
	}
	table_render(&t, out);
	table_fini(&t);
}

/* --- many ------------------------------------------------------------------------- */

/* "..x.": the oldest first. */
static void
put_line(struct shm_text *t, const struct past *h)
{
	for (uint32_t i = h->n; i-- > 0;)
		shm_text_char(t, shm_check_passed(h->at[i].status) ? '.' : 'x');
	if (h->n == 0)
		shm_text_char(t, '-');
}

static void
put_server(const struct past *h, struct table *t)
{
	uint64_t sum = 0;
	uint32_t least = UINT32_MAX, most = 0, failed = 0;
	struct shm_text *cell = table_cell(t);
	for (uint32_t i = 0; i < h->n; i++) {
		uint32_t ms = h->at[i].duration_ms;
		sum += ms;
		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
		failed += !shm_check_passed(h->at[i].status);
	}
	shm_text_plain(cell, h->row->facts.parent);
	shm_text_char(cell, '/');
	shm_text_plain(cell, h->row->facts.name);
	shm_text_plain(table_cell(t), h->row->status);
	put_line(table_cell(t), h);
	shm_text_u64(table_cell(t), failed);
	cell = table_cell(t);
	if (h->n)
		shm_text_fmt(cell, "%u/%llu/%u ms", least,
			     (unsigned long long)(sum / h->n), most);
	else
		shm_text_char(cell, '-');
	cell = table_cell(t);
	if (h->n)
		put_result(cell, &h->at[0]);
	else
		shm_text_char(cell, '-');
}

/* --- JSON ------------------------------------------------------------------------- */

static void
put_json(const struct past *h, uint64_t boot_ms, struct shm_text *out)
{
	shm_text_str(out, "{\"backend\":");
	shm_text_json(out, h->row->facts.parent);
	shm_text_str(out, ",\"server\":");
	shm_text_json(out, h->row->facts.name);
	shm_text_str(out, ",\"status\":");
	shm_text_json(out, h->row->status);
	shm_text_str(out, ",\"checks\":[");
	for (uint32_t i = 0; i < h->n; i++)
		shm_text_fmt(out,
			     "%s{\"age_ms\":%llu,\"result\":\"%s\",\"passed\":%s,"
			     "\"code\":%u,\"duration_ms\":%u,\"state\":\"%s\"}",
			     i ? "," : "", (unsigned long long)age_ms(&h->at[i], boot_ms),
			     shm_check_word(h->at[i].status),
			     shm_check_passed(h->at[i].status) ? "true" : "false",
			     h->at[i].code, h->at[i].duration_ms,
			     state_name(h->at[i].state));
	shm_text_str(out, "]}");
}

/* --- the command ------------------------------------------------------------------- */

static void
draw_rows(struct cli *c, const struct shm_stat *st, const char *server,
	  struct shm_text *out, size_t *shown)
{
	static const char *const titles[] = {"<SERVER", "<STATE",      "<CHECKS",
					     "FAILED",	"MIN/AVG/MAX", "<LAST"};
	struct table t;
	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]));
	for (size_t i = 0; i < st->rows_n; i++) {
		struct past h = {.row = st->rows[i]};
		if (!h.row->facts.is_checked ||
		    (server && strcmp(h.row->facts.name, server) != 0))
			continue;
		h.n = shm_check_history(&h.row->object, h.at);
		if (c->is_json) {
			shm_text_str(out, *shown ? ",\n" : "[\n");
			put_json(&h, st->boot_ms, out);
		} else if (server) {
			put_past(&h, st->boot_ms, out);
		} else {
			put_server(&h, &t);
		}
		++*shown;
	}
	if (!c->is_json && !server && *shown)
		table_render(&t, out);
	if (c->is_json)
		shm_text_str(out, *shown ? "\n]\n" : "[\n]\n");
	table_fini(&t);
}

static enum cli_exit
draw(struct cli *c, struct shm_text *out)
{
	char name[SHM_NAME_BYTES] = "";
	const char *word = c->words_n ? c->words[0] : NULL;
	const char *slash = word ? strchr(word, '/') : NULL;
	struct shm_stat st;
	size_t shown = 0;
	if (word)
		snprintf(name, sizeof(name), "%.*s",
			 slash ? (int)(slash - word) : (int)strlen(word), word);
	const struct shm_stat_opts o = {.proxy = word ? name : NULL,
					.types = 1U << SHM_STAT_SERVER,
					.with_gone = c->with_gone};
	if (shm_stat_take(c->shm, &o, &st) != 0) {
		cli_error("out of memory");
		return CLI_FAILED;
	}
	draw_rows(c, &st, slash ? slash + 1 : NULL, out, &shown);
	shm_stat_fini(&st);
	if (shown || !word)
		return CLI_OK;
	cli_error("there is no checked server '%s'", word);
	return CLI_FAILED;
}

enum cli_exit
cli_health(struct cli *c)
{
	enum cli_exit rc = cli_attach(c);
	return rc == CLI_OK ? cli_watch(c, draw) : rc;
}
