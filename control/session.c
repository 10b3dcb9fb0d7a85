/* SPDX-License-Identifier: MIT
 *
 * Commands about connections of clients: who is there, and ending them. A connection is
 * ended by its worker, whose mailbox is told; every other one goes on.
 */
#include <string.h>
#include <sys/eventfd.h>

#include "control/command.h"
#include "control/self.h"
#include "lib/base/clock.h"
#include "shm/fault.h"
#include "shm/session_list.h"
#include "shm/slots.h"

static void
poke(uint32_t slot)
{
	if (!shm_fault_is_mute())
		(void)eventfd_write(control.in->net.slot_eventfds[slot], 1);
}

static void
say(struct command_session *s, const char *text)
{
	shm_text_fmt(&s->answer, "%s\n", text);
}

/* --- show sess ---------------------------------------------------------- */

static const char *
or_none(const char *name)
{
	return *name ? name : "<NONE>";
}

/* tcpv4, tcpv6, unix_stream: HAProxy's names of protocols. */
static const char *
protocol_of(const struct shm_session_view *v)
{
	return v->family == 0 ? "unix_stream" : v->family == 6 ? "tcpv6" : "tcpv4";
}

static void
put_short(struct shm_text *out, const struct shm_session_view *v)
{
	shm_text_fmt(out, "0x%llx: proto=%s src=", (unsigned long long)v->id,
		     protocol_of(v));
	shm_session_put_client(out, v);
	shm_text_fmt(out, " fe=%s be=%s srv=%s st=%s age=", or_none(v->frontend),
		     or_none(v->backend), or_none(v->server),
		     shm_session_state_name(v->where.state));
	shm_text_age(out, v->age_us / 1000000);
	shm_text_fmt(out, " in=%llu out=%llu\n", (unsigned long long)v->bytes_in,
		     (unsigned long long)v->bytes_out);
}

static void
put_worker(struct shm_text *out, uint32_t slot)
{
	struct shm_slot_view w;
	if (shm_slot_view(control.shm, slot, &w))
		shm_text_fmt(out, "  worker=%u pid=%u generation=%llu%s\n", w.index,
			     w.pid, (unsigned long long)w.generation,
			     w.state == SHM_PROC_DRAINING ? " (draining)" : "");
}

static void
put_long(struct shm_text *out, const struct shm_session_view *v)
{
	shm_text_fmt(out, "0x%llx: proto=%s source=", (unsigned long long)v->id,
		     protocol_of(v));
	shm_session_put_client(out, v);
	shm_text_fmt(out, "\n  frontend=%s mode=%s listener=%s\n", or_none(v->frontend),
		     v->mode, or_none(v->bind));
	shm_text_fmt(out, "  backend=%s\n  server=%s\n", or_none(v->backend),
		     or_none(v->server));
	shm_text_fmt(out, "  state=%s since=%llums age=%llums\n",
		     shm_session_state_name(v->where.state),
		     (unsigned long long)(v->state_us / 1000),
		     (unsigned long long)(v->age_us / 1000));
	shm_text_fmt(out, "  bytes_in=%llu bytes_out=%llu\n",
		     (unsigned long long)v->bytes_in, (unsigned long long)v->bytes_out);
	put_worker(out, v->slot);
}

/* "all", an identification, or filters alone; *words is behind that. */
static bool
read_format(struct shm_session_query *q, const struct command_words *w, size_t *at)
{
	const char *what = w->at[2];
	*at = 2;
	if (what && strcmp(what, "all") == 0) {
		*at = 3;
		return true;
	}
	if (what && strncmp(what, "0x", 2) == 0) {
		q->id = shm_session_id_read(what);
		*at = 3;
		return true;
	}
	return false;
}

static void
say_help(struct command_session *s)
{
	say(s, "usage: show sess [<id> | all | help] [backend <b>] [frontend <f>] "
	       "[older <age>] [server <b/s>] [client <address>] [state <s>] "
	       "[sort age|since|in|out|bytes] [limit <n>]");
}

void
command_show_sess(struct command_session *s, const struct command_words *w)
{
	struct shm_session_query q = {0};
	struct shm_session_list l;
	size_t at;
	bool is_long = read_format(&q, w, &at);
	if (w->at[2] && strcmp(w->at[2], "help") == 0) {
		say_help(s);
		return;
	}
	if (shm_session_query_read(&q, (char *const *)&w->at[at], w->n - at)) {
		say_help(s);
		return;
	}
	shm_session_list_make(control.shm, &q, clock_mono_us(), &l);
	for (size_t i = 0; i < l.n; i++) {
		if (is_long)
			put_long(&s->answer, &l.at[i]);
		else
			put_short(&s->answer, &l.at[i]);
	}
	s->answer.failed = s->answer.failed || l.failed;
	shm_session_list_fini(&l);
}

/* --- ending them -------------------------------------------------------- */

void
command_shutdown_session(struct command_session *s, const struct command_words *w)
{
	if (!w->at[2]) {
		say(s, "Session pointer expected (use 'show sess').");
		return;
	}
	int slot = shm_session_kill(control.shm, shm_session_id_read(w->at[2]));
	if (slot < 0)
		say(s, "No such session (use 'show sess').");
	else
		poke((uint32_t)slot);
}

void
command_shutdown_sessions_server(struct command_session *s, const struct command_words *w)
{
	struct shm_object server;
	if (!command_find_server(s, w->at[3], &server))
		return;
	shm_server_shut(&server, SHM_SHUT_KILLED, clock_mono_us());
	shm_slots_mail_workers(control.shm, SHM_MAIL_KILL, poke);
}
