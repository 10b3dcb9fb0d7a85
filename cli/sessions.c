/* SPDX-License-Identifier: MIT
 *
 * weirctl sessions: who is connected now. Read from the region, so a hung worker's
 * sessions show as well; those of a killed one until the master has taken them back.
 * Ending one is its worker's business, by way of control.
 */
#include <string.h>

#include "cli/cli.h"
#include "lib/base/clock.h"
#include "shm/gauge.h"
#include "shm/session_list.h"
#include "shm/slots.h"

static void
put_json(const struct cli *c, const struct shm_session_view *v, struct shm_text *out)
{
	struct shm_slot_view w = {0};
	struct shm_text client = {0};
	(void)shm_slot_view(c->shm, v->slot, &w);
	shm_session_put_client(&client, v);
	shm_text_fmt(out, "%s\n {\"id\":\"0x%llx\",\"client\":\"%s\",\"age_ms\":%llu",
		     out->n > 1 ? "," : "", (unsigned long long)v->id,
		     client.n ? client.bytes : "",
		     (unsigned long long)(v->age_us / 1000));
	const struct {
		const char *key, *name;
	} names[] = {{"frontend", v->frontend},
		     {"bind", v->bind},
		     {"backend", v->backend},
		     {"server", v->server},
		     {"mode", v->mode},
		     {"state", shm_session_state_name(v->where.state)}};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		shm_text_fmt(out, ",\"%s\":", names[i].key);
		shm_text_json(out, names[i].name);
	}
	shm_text_fmt(out,
		     ",\"state_ms\":%llu,\"bytes_in\":%llu,\"bytes_out\":%llu,"
		     "\"worker\":%u,\"pid\":%u,\"generation\":%llu}",
		     (unsigned long long)(v->state_us / 1000),
		     (unsigned long long)v->bytes_in, (unsigned long long)v->bytes_out,
		     w.index, w.pid, (unsigned long long)w.generation);
	shm_text_fini(&client);
}

static void
put_name(struct table *t, const char *name)
{
	struct shm_text *cell = table_cell(t);
	if (*name)
		shm_text_plain(cell, name);
	else
		shm_text_char(cell, '-');
}

static void
put_row(const struct cli *c, const struct shm_session_view *v, struct table *t)
{
	struct shm_slot_view w;
	shm_text_fmt(table_cell(t), "0x%llx", (unsigned long long)v->id);
	shm_text_age(table_cell(t), v->age_us / 1000000);
	shm_session_put_client(table_cell(t), v);
	put_name(t, v->frontend);
	put_name(t, v->backend);
	put_name(t, v->server);
	shm_text_str(table_cell(t), shm_session_state_name(v->where.state));
	shm_text_age(table_cell(t), v->state_us / 1000000);
	shm_text_short(table_cell(t), v->bytes_in, 1024);
	shm_text_short(table_cell(t), v->bytes_out, 1024);
	if (shm_slot_view(c->shm, v->slot, &w))
		shm_text_fmt(table_cell(t), "%u (%u)", w.index, w.pid);
	else
		shm_text_char(table_cell(t), '-');
}

/* Whoever limits what he sees, or for whom there was no room, shall know that there is
 * more. */
static void
tell_the_rest(struct cli *c, const struct shm_session_list *l)
{
	struct shm_object global;
	if (l->n < l->found_n)
		cli_error("%zu of %zu sessions", l->n, l->found_n);
	if (c->words_n || !shm_object_at(c->shm, 0, &global))
		return;
	uint32_t all_n = shm_gauge_cur(global.gauge);
	if (l->found_n >= SHM_SESSIONS_MAX / 2 && all_n > l->found_n)
		cli_error("%u connections, the region has room to list %zu of them",
			  all_n, l->found_n);
}

static enum cli_exit
draw(struct cli *c, struct shm_text *out)
{
	static const char *const titles[] = {
		"<ID",	  "AGE",   "<CLIENT", "<FRONTEND", "<BACKEND", "<SERVER",
		"<STATE", "SINCE", "IN",      "OUT",	   "WORKER"};
	struct shm_session_query q = {0};
	struct shm_session_list l;
	const char *wrong = shm_session_query_read(&q, c->words, c->words_n);
	if (wrong) {
		cli_error("%s", wrong);
		return CLI_USAGE;
	}
	shm_session_list_make(c->shm, &q, clock_mono_us(), &l);
	struct table t;
	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]));
	shm_text_str(out, c->is_json ? "[" : "");
	for (size_t i = 0; i < l.n; i++) {
		if (c->is_json)
			put_json(c, &l.at[i], out);
		else
			put_row(c, &l.at[i], &t);
	}
	if (c->is_json)
		shm_text_str(out, "\n]\n");
	else
		table_render(&t, out);
	out->failed = out->failed || l.failed;
	tell_the_rest(c, &l);
	table_fini(&t);
	shm_session_list_fini(&l);
	return CLI_OK;
}

/* "sessions kill ID" is "shutdown session ID" to the daemon, "sessions kill server B/S"
 * is "shutdown sessions server B/S". */
static enum cli_exit
kill_some(struct cli *c)
{
	bool is_server = c->words_n == 3 && strcmp(c->words[1], "server") == 0;
	if (c->words_n != 2 && !is_server) {
		cli_error("expected 'kill ID' or 'kill server BACKEND/SERVER'");
		return CLI_USAGE;
	}
	c->command = "shutdown";
	c->words[0] = is_server ? (char[]){"sessions"} : (char[]){"session"};
	return cli_forward(c);
}

enum cli_exit
cli_sessions(struct cli *c)
{
	if (c->words_n && strcmp(c->words[0], "kill") == 0)
		return kill_some(c);
	enum cli_exit rc = cli_attach(c);
	return rc == CLI_OK ? cli_watch(c, draw) : rc;
}
