/* SPDX-License-Identifier: MIT
 *
 * weirctl procs: who is alive, how lately, and what an old generation waits for.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "cli/cli.h"
#include "lib/base/clock.h"
#include "lib/base/must.h"
#include "shm/session_list.h"
#include "shm/slots.h"

static const char *
role_name(enum shm_role role)
{
	switch (role) {
	case SHM_ROLE_MASTER:
		return "master";
	case SHM_ROLE_WORKER:
		return "worker";
	case SHM_ROLE_CHECKER:
		return "checker";
	case SHM_ROLE_CONTROL:
		return "control";
	case SHM_ROLES_N:
		break;
	}
	return "?";
}

static bool
is_dead(const struct shm_slot_view *v)
{
	return v->pid == 0 || (kill((pid_t)v->pid, 0) != 0 && errno == ESRCH);
}

static const char *
state_name(const struct shm_slot_view *v)
{
	if (is_dead(v))
		return "dead";
	switch (v->state) {
	case SHM_PROC_FREE:
		return "free";
	case SHM_PROC_STARTING:
		return "starting";
	case SHM_PROC_READY:
		return "ready";
	case SHM_PROC_DRAINING:
		return "draining";
	}
	return "?";
}

static uint64_t
age_s(const struct shm_slot_view *v)
{
	uint64_t now = clock_wall_us() / 1000000;
	return now > v->started_wall_s ? now - v->started_wall_s : 0;
}

static uint64_t
beat_ms(const struct shm_slot_view *v)
{
	uint64_t now = clock_mono_ms();
	return now > v->heartbeat_ms ? now - v->heartbeat_ms : 0;
}

/* --- why it is still there ---------------------------------------------- */

/* The oldest connection of a worker; false: none is listed. */
static bool
find_oldest(const struct cli *c, const struct shm_slot_view *v,
	    struct shm_session_list *l)
{
	const struct shm_session_query q = {.slot_plus_1 = (int64_t)v->slot + 1,
					    .limit = 1};
	shm_session_list_make(c->shm, &q, clock_mono_us(), l);
	return l->n > 0;
}

static uint64_t
left_s(const struct shm_slot_view *v)
{
	uint64_t now = clock_mono_ms();
	return v->leave_at_ms > now ? (v->leave_at_ms - now) / 1000 : 0;
}

/* "oldest 3m2s 10.0.0.1:5222 web app/a tunnel; leaves in 7m at the latest" */
static void
put_reason(const struct cli *c, const struct shm_slot_view *v, struct shm_text *out)
{
	struct shm_session_list l;
	if (find_oldest(c, v, &l)) {
		const struct shm_session_view *s = &l.at[0];
		shm_text_str(out, "oldest ");
		shm_text_age(out, s->age_us / 1000000);
		shm_text_char(out, ' ');
		shm_session_put_client(out, s);
		shm_text_char(out, ' ');
		shm_text_plain(out, s->frontend);
		shm_text_char(out, ' ');
		if (*s->backend) {
			shm_text_plain(out, s->backend);
			shm_text_char(out, '/');
			shm_text_plain(out, *s->server ? s->server : "-");
			shm_text_char(out, ' ');
		}
		shm_text_str(out, shm_session_state_name(s->where.state));
	} else {
		shm_text_str(out, "nobody");
	}
	if (v->leave_at_ms) {
		shm_text_str(out, "; leaves in ");
		shm_text_age(out, left_s(v));
		shm_text_str(out, " at the latest");
	}
	shm_session_list_fini(&l);
}

static bool
is_draining_worker(const struct shm_slot_view *v)
{
	return v->role == SHM_ROLE_WORKER && v->state == SHM_PROC_DRAINING && !is_dead(v);
}

static void
put_json_reason(const struct cli *c, const struct shm_slot_view *v, struct shm_text *out)
{
	struct shm_session_list l;
	struct shm_text client = {0};
	if (v->leave_at_ms)
		shm_text_fmt(out, ",\"leaves_in_s\":%llu", (unsigned long long)left_s(v));
	if (find_oldest(c, v, &l)) {
		const struct shm_session_view *s = &l.at[0];
		shm_session_put_client(&client, s);
		shm_text_fmt(out,
			     ",\"oldest\":{\"id\":\"0x%llx\",\"client\":\"%s\","
			     "\"age_ms\":%llu,\"state\":\"%s\",\"frontend\":",
			     (unsigned long long)s->id, client.n ? client.bytes : "",
			     (unsigned long long)(s->age_us / 1000),
			     shm_session_state_name(s->where.state));
		shm_text_json(out, s->frontend);
		shm_text_str(out, ",\"backend\":");
		shm_text_json(out, s->backend);
		shm_text_str(out, ",\"server\":");
		shm_text_json(out, s->server);
		shm_text_char(out, '}');
	}
	shm_text_fini(&client);
	shm_session_list_fini(&l);
}

/* --- one process -------------------------------------------------------- */

static void
put_json(const struct cli *c, const struct shm_slot_view *v, bool is_first,
	 struct shm_text *out)
{
	shm_text_fmt(out,
		     "%s\n {\"slot\":%u,\"pid\":%u,\"role\":\"%s\",\"index\":%u,"
		     "\"state\":\"%s\",\"generation\":%llu,\"epoch\":%llu,"
		     "\"age_s\":%llu,\"conns\":%u,\"beat_ms\":%llu,\"sleeps\":%s,"
		     "\"idle\":%u,\"active\":%u,\"tunnel\":%u,\"other\":%u",
		     is_first ? "" : ",", v->slot, v->pid, role_name(v->role), v->index,
		     state_name(v), (unsigned long long)v->generation,
		     (unsigned long long)v->epoch, (unsigned long long)age_s(v), v->conns,
		     (unsigned long long)beat_ms(v), v->wake_at_ms ? "true" : "false",
		     v->waiting[0], v->waiting[1], v->waiting[2], v->waiting[3]);
	if (is_draining_worker(v))
		put_json_reason(c, v, out);
	shm_text_char(out, '}');
}

static void
put_row(const struct cli *c, const struct shm_slot_view *v, struct table *t)
{
	shm_text_u64(table_cell(t), v->pid);
	struct shm_text *cell = table_cell(t);
	shm_text_str(cell, role_name(v->role));
	if (v->role == SHM_ROLE_WORKER)
		shm_text_fmt(cell, " %u", v->index);
	shm_text_str(table_cell(t), state_name(v));
	shm_text_u64(table_cell(t), v->generation);
	shm_text_age(table_cell(t), age_s(v));
	shm_text_u64(table_cell(t), v->conns);
	cell = table_cell(t);
	if (v->role == SHM_ROLE_MASTER) {
		shm_text_char(cell, '-');
	} else {
		shm_text_u64(cell, beat_ms(v));
		shm_text_str(cell, v->wake_at_ms ? " ms, sleeps" : " ms");
	}
	for (int i = 0; i < 3; i++) {
		cell = table_cell(t);
		if (v->state == SHM_PROC_DRAINING)
			shm_text_u64(cell, v->waiting[i]);
		else
			shm_text_char(cell, '-');
	}
	cell = table_cell(t);
	if (is_draining_worker(v))
		put_reason(c, v, cell);
	else
		shm_text_char(cell, '-');
}

/* The master, then by role, the newest generation first, by number. */
static int
in_order(const void *pa, const void *pb)
{
	const struct shm_slot_view *a = pa, *b = pb;
	if (a->role != b->role)
		return a->role < b->role ? -1 : 1;
	if (a->generation != b->generation)
		return a->generation > b->generation ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static enum cli_exit
draw(struct cli *c, struct shm_text *out)
{
	static const char *const titles[] = {"PID",    "<ROLE",	 "<STATE",    "GEN",
					     "AGE",    "CONNS",	 "BEAT",      "IDLE",
					     "ACTIVE", "TUNNEL", "<WAITS FOR"};
	struct shm_slot_view *views =
		must_calloc(shm_slots_n(c->shm) + 1, sizeof(*views));
	size_t n = 0;
	struct table t;
	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]));
	shm_text_str(out, c->is_json ? "[" : "");
	for (uint32_t i = 0; i < shm_slots_n(c->shm); i++)
		n += shm_slot_view(c->shm, i, &views[n]);
	qsort(views, n, sizeof(*views), in_order);
	for (size_t i = 0; i < n; i++) {
		if (c->is_json)
			put_json(c, &views[i], i == 0, out);
		else
			put_row(c, &views[i], &t);
	}
	free(views);
	if (c->is_json)
		shm_text_str(out, "\n]\n");
	else
		table_render(&t, out);
	table_fini(&t);
	return CLI_OK;
}

enum cli_exit
cli_procs(struct cli *c)
{
	enum cli_exit rc = cli_attach(c);
	return rc == CLI_OK ? cli_watch(c, draw) : rc;
}
