/* SPDX-License-Identifier: MIT
 *
 * Commands about the processes themselves: what they are, hold and have done.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/command.h"
#include "control/self.h"
#include "lib/base/clock.h"
#include "shm/clear.h"
#include "shm/counters.h"
#include "shm/slots.h"

extern char **environ;

static void
say(struct command_session *s, const char *text)
{
	shm_text_fmt(&s->answer, "%s\n", text);
}

void
command_show_env(struct command_session *s, const struct command_words *w)
{
	const char *only = w->at[2];
	size_t n = only ? strlen(only) : 0;
	bool is_found = !only;
	for (char **e = environ; *e; e++) {
		if (only && (strncmp(*e, only, n) != 0 || (*e)[n] != '='))
			continue;
		is_found = true;
		shm_text_plain(&s->answer, *e);
		shm_text_char(&s->answer, '\n');
	}
	if (!is_found)
		say(s, "Variable not found");
}

/* What a start has to say stands in the log and, of a refused reload, in the region. */
void
command_show_startup_logs(struct command_session *s, const struct command_words *w)
{
	struct shm_info *info = calloc(1, sizeof(*info));
	(void)w;
	if (!info) {
		s->answer.failed = true;
		return;
	}
	shm_info(control.shm, info);
	if (info->reload_last_wall_s && !info->reload_last_ok) {
		shm_text_str(&s->answer, info->reload_text);
		shm_text_char(&s->answer, '\n');
	}
	free(info);
}

void
command_show_resolvers(struct command_session *s, const struct command_words *w)
{
	if (w->at[2])
		say(s, "Can't find that resolvers section.");
	else
		say(s, "No resolvers: names are resolved when the configuration is "
		       "loaded.");
}

/* --- memory ---------------------------------------------------------------------- */

/* There are no pools that grow: what a process may hold is made when it starts, or is in
 * the region. */
void
command_show_pools(struct command_session *s, const struct command_words *w)
{
	struct shm_info *info = calloc(1, sizeof(*info));
	struct shm_object o;
	struct shm_facts f;
	(void)w;
	if (!info) {
		s->answer.failed = true;
		return;
	}
	shm_info(control.shm, info);
	shm_text_str(&s->answer, "Dumping the shared region; processes have no pools of "
				 "their own that grow.\n");
	for (uint32_t i = 0; i < shm_objects_n(control.shm); i++) {
		if (!shm_object_at(control.shm, i, &o) || !o.area_bytes)
			continue;
		shm_object_facts(control.shm, &o, &f);
		shm_text_fmt(&s->answer, "  - %s %s : %llu bytes\n",
			     o.kind == SHM_TABLE ? "Table" : "Area", f.name,
			     (unsigned long long)o.area_bytes);
	}
	shm_text_fmt(&s->answer, "Total: %llu bytes used, %llu bytes of address space.\n",
		     (unsigned long long)info->used_bytes,
		     (unsigned long long)info->size_bytes);
	free(info);
}

/* --- activity -------------------------------------------------------------------- */

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
	default:
		return "other";
	}
}

/* Counters of the daemon as a whole, then a line for each process. */
void
command_show_activity(struct command_session *s, const struct command_words *w)
{
	struct shm_slot_view v;
	(void)w;
	shm_text_fmt(&s->answer, "date_now: %llu\n",
		     (unsigned long long)clock_wall_us() / 1000000);
	for (uint32_t i = 0; i < shm_counters_n(control.shm, SHM_GLOBAL); i++) {
		struct shm_counter_desc d;
		if (shm_counter_desc(control.shm, SHM_GLOBAL, i, &d))
			shm_text_fmt(&s->answer, "%s: %llu\n", d.name,
				     (unsigned long long)shm_total(control.shm,
								   &control.global, i));
	}
	for (uint32_t i = 0; i < shm_slots_n(control.shm); i++)
		if (shm_slot_view(control.shm, i, &v))
			shm_text_fmt(&s->answer,
				     "process: %s %u pid=%u generation=%llu conns=%u\n",
				     role_name(v.role), v.index, v.pid,
				     (unsigned long long)v.generation, v.conns);
}

/* --- counters -------------------------------------------------------------------- */

static void
clear(bool has_totals)
{
	struct shm_object o;
	for (uint32_t i = 0; i < shm_objects_n(control.shm); i++) {
		if (!shm_object_at(control.shm, i, &o))
			continue;
		shm_clear_maxima(&o);
		if (has_totals)
			shm_clear_totals(control.shm, &o);
	}
}

void
command_clear_counters(struct command_session *s, const struct command_words *w)
{
	(void)s;
	(void)w;
	clear(false);
}

void
command_clear_counters_all(struct command_session *s, const struct command_words *w)
{
	(void)s;
	(void)w;
	clear(true);
}

/* --- modes ----------------------------------------------------------------------- */

static void
set_mode(struct command_session *s, const struct command_words *w, bool *mode)
{
	if (!w->at[1])
		shm_text_fmt(&s->answer, "%s is %s\n", w->at[0], *mode ? "ON" : "OFF");
	else
		*mode = strcmp(w->at[1], "on") == 0;
}

/* Nothing here is hidden from those who are not experts; scripts say it anyway. */
void
command_expert_mode(struct command_session *s, const struct command_words *w)
{
	set_mode(s, w, &s->is_expert);
}

void
command_experimental_mode(struct command_session *s, const struct command_words *w)
{
	set_mode(s, w, &s->is_experimental);
}
