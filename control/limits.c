/* SPDX-License-Identifier: MIT
 *
 * Commands that change limits and close frontends: values by hand in the region
 * (shm/hand.h), read by the workers of every generation, so they take effect at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/command.h"
#include "control/self.h"
#include "shm/hand.h"
#include "shm/throttle.h"

static void
say(struct command_session *s, const char *text)
{
	shm_text_fmt(&s->answer, "%s\n", text);
}

void
command_say_replaced(struct command_session *s)
{
	say(s, "This process is being replaced; nothing was changed. Please try again.");
}

static void
put(struct command_session *s, const struct shm_object *o, enum shm_hand which,
    uint32_t configured, uint32_t value)
{
	if (!shm_hand_set(control.shm, o, which, configured, value, command_mark(s)))
		command_say_replaced(s);
}

/* Answers itself what is wrong. */
static bool
read_number(struct command_session *s, const char *word, uint32_t max, uint32_t *out)
{
	char *end = NULL;
	if (!word || !*word) {
		say(s, "Integer value expected.");
		return false;
	}
	errno = 0;
	long v = strtol(word, &end, 10);
	if (*end || end == word) {
		say(s, "Integer value expected.");
		return false;
	}
	if (v < 0 || v > (long)max || errno) {
		say(s, "Value out of range.");
		return false;
	}
	*out = (uint32_t)v;
	return true;
}

static uint32_t
configured_maxconn(const struct shm_object *o)
{
	struct shm_facts f;
	shm_object_facts(control.shm, o, &f);
	return f.maxconn;
}

/* Answers itself what is wrong. */
static bool
find_frontend(struct command_session *s, const char *name, struct shm_object *o)
{
	if (!name || !*name) {
		say(s, "A frontend name is expected.");
		return false;
	}
	if (strlen(name) < SHM_NAME_BYTES &&
	    shm_find(control.shm, SHM_FRONTEND, "", name, "", o) && o->is_current)
		return true;
	say(s, "No such frontend.");
	return false;
}

/* --- maxconn --------------------------------------------------------------------- */

void
command_set_maxconn_frontend(struct command_session *s, const struct command_words *w)
{
	struct shm_object o;
	uint32_t v;
	if (find_frontend(s, w->at[3], &o) && read_number(s, w->at[4], INT32_MAX, &v))
		put(s, &o, SHM_HAND_MAXCONN, configured_maxconn(&o), v);
}

/* Memory and descriptors were provided for the configured number. */
void
command_set_maxconn_global(struct command_session *s, const struct command_words *w)
{
	uint32_t hard = configured_maxconn(&control.global), v;
	if (!w->at[3]) {
		say(s, "Expects an integer value.");
		return;
	}
	if (!read_number(s, w->at[3], hard, &v))
		return;
	put(s, &control.global, SHM_HAND_MAXCONN, hard, v ? v : hard);
}

/* Tickets are there only for a server that had a limit from the beginning. */
void
command_set_maxconn_server(struct command_session *s, const struct command_words *w)
{
	struct shm_object o;
	char *end = NULL;
	if (!command_find_server(s, w->at[3], &o))
		return;
	if (!w->at[4]) {
		say(s, "Require <maxconn>.");
		return;
	}
	long v = strtol(w->at[4], &end, 10);
	if (end == w->at[4])
		say(s, "maxconn string empty or preceded by garbage");
	else if (*end)
		say(s, "Trailing garbage in maxconn string");
	else if (v < 0 || v > INT32_MAX)
		say(s, "Value out of range.");
	else if (configured_maxconn(&o) == 0)
		say(s, "This server has no maxconn in the configuration; a limit cannot "
		       "be set at run time.");
	else
		put(s, &o, SHM_HAND_MAXCONN, configured_maxconn(&o),
		    v ? (uint32_t)v : INT32_MAX);
}

/* --- rates ----------------------------------------------------------------------- */

void
command_set_rate_limit(struct command_session *s, const struct command_words *w)
{
	struct shm_facts f;
	uint32_t v;
	bool is_global = w->at[2] && w->at[3] && strcmp(w->at[3], "global") == 0;
	bool is_connections = is_global && strcmp(w->at[2], "connections") == 0;
	if (!is_connections && !(is_global && strcmp(w->at[2], "sessions") == 0)) {
		say(s, "'set rate-limit' only supports :\n"
		       "   - 'connections global' to set the maximum connection rate of "
		       "all processes\n"
		       "   - 'sessions global' to set the maximum session rate of all "
		       "processes");
		return;
	}
	if (!w->at[4]) {
		say(s, "Expects an integer value.");
		return;
	}
	if (!read_number(s, w->at[4], SHM_THROTTLE_MAX, &v))
		return;
	shm_object_facts(control.shm, &control.global, &f);
	if (is_connections)
		put(s, &control.global, SHM_HAND_RATE_LIMIT, f.rate_limit, v);
	else
		put(s, &control.global, SHM_HAND_SESS_RATE_LIMIT, f.sess_rate_limit, v);
}

/* --- closing --------------------------------------------------------------------- */

static uint32_t
closed(const struct shm_object *o)
{
	return shm_hand_value(o, SHM_HAND_CLOSED, SHM_IS_OPEN);
}

static void
set_closed(struct command_session *s, const struct shm_object *o, enum shm_closed to)
{
	put(s, o, SHM_HAND_CLOSED, SHM_IS_OPEN, to);
}

void
command_disable_frontend(struct command_session *s, const struct command_words *w)
{
	struct shm_object o;
	if (!find_frontend(s, w->at[2], &o))
		return;
	if (closed(&o) == SHM_IS_SHUT)
		say(s, "Frontend was previously shut down, cannot disable.");
	else if (closed(&o) == SHM_IS_PAUSED)
		say(s, "All sockets are already disabled.");
	else
		set_closed(s, &o, SHM_IS_PAUSED);
}

void
command_enable_frontend(struct command_session *s, const struct command_words *w)
{
	struct shm_object o;
	if (!find_frontend(s, w->at[2], &o))
		return;
	if (closed(&o) == SHM_IS_SHUT)
		say(s, "Frontend was previously shut down, cannot enable.");
	else if (closed(&o) == SHM_IS_OPEN)
		say(s, "All sockets are already enabled.");
	else
		set_closed(s, &o, SHM_IS_OPEN);
}

void
command_shutdown_frontend(struct command_session *s, const struct command_words *w)
{
	struct shm_object o;
	if (!find_frontend(s, w->at[2], &o))
		return;
	if (closed(&o) == SHM_IS_SHUT)
		say(s, "Frontend was already shut down.");
	else
		set_closed(s, &o, SHM_IS_SHUT);
}

void
limits_begin(void)
{
	struct shm_object o;
	struct shm_info info;
	shm_info(control.shm, &info);
	for (uint32_t i = 0; i < shm_objects_n(control.shm); i++)
		if (shm_object_at(control.shm, i, &o) && o.kind == SHM_FRONTEND &&
		    closed(&o) == SHM_IS_SHUT &&
		    shm_hand_by(&o).wall_s < info.started_wall_s)
			(void)shm_hand_clear(control.shm, &o, SHM_HAND_CLOSED);
}
