/* SPDX-License-Identifier: MIT
 *
 * From a line to a row of commands.def: words, level, and the commands about the
 * session itself. Runs in the control process.
 */
#include "control/command.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "control/self.h"
#include "lib/base/num.h"

struct command {
	const char *words;
	enum cfg_level level;
	void (*run)(struct command_session *s, const struct command_words *w);
	const char *usage, *help;
};

#define COMMAND(words, level, run, usage, help) \
	{words, CFG_LEVEL_##level, run, usage, help},
static const struct command commands[] = {
#include "control/commands.def"
};
#undef COMMAND

enum { IDLE_MS_MAX = 86400 * 1000, WAIT_MS_MAX = 3600 * 1000 };
enum { COMMANDS_N = sizeof(commands) / sizeof(commands[0]) };

/* --- words -------------------------------------------------------------- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the words of one command out of *rest, up to an unescaped semicolon; a
 * backslash makes the next byte ordinary. *rest becomes NULL at the end of the line.
 * false: too many words. */
static bool
take_words(char **rest, struct command_words *w)
{
	char *in = *rest, *out = *rest;
	bool is_within = false, fits = true;
	memset(w, 0, sizeof(*w));
	*rest = NULL;
	for (; *in; in++) {
		if (*in == ';') {
			*rest = in + 1;
			break;
		}
		if (is_blank(*in)) {
			if (is_within)
				*out++ = '\0';
			is_within = false;
			continue;
		}
		if (*in == '\\' && in[1])
			in++;
		if (!is_within) {
			fits = w->n < COMMAND_WORDS_MAX;
			if (!fits)
				continue;
			w->at[w->n++] = out;
			is_within = true;
		}
		*out++ = *in;
	}
	*out = '\0';
	return fits;
}

/* Number of words of a row that begin w, 0: another command. */
static size_t
match(const struct command *c, const struct command_words *w)
{
	size_t n = 0;
	for (const char *p = c->words; *p; n++) {
		size_t bytes = strcspn(p, " ");
		if (n >= w->n || strlen(w->at[n]) != bytes ||
		    memcmp(w->at[n], p, bytes) != 0)
			return 0;
		p += bytes + (p[bytes] == ' ');
	}
	return n;
}

static const struct command *
find(const struct command_words *w)
{
	const struct command *best = NULL;
	size_t best_n = 0;
	for (size_t i = 0; i < COMMANDS_N; i++) {
		size_t n = match(&commands[i], w);
		if (n > best_n) {
			best = &commands[i];
			best_n = n;
		}
	}
	return best;
}

/* --- help --------------------------------------------------------------- */

static void
put_help(struct command_session *s, const char *prefix)
{
	for (size_t i = 0; i < COMMANDS_N; i++) {
		const struct command *c = &commands[i];
		char left[128];
		if (c->level > s->level || strncmp(c->words, prefix, strlen(prefix)) != 0)
			continue;
		snprintf(left, sizeof(left), "%s %s", c->words, c->usage);
		shm_text_fmt(&s->answer, "  %-48s : %s\n", left, c->help);
	}
}

void
command_help(struct command_session *s, const struct command_words *w)
{
	shm_text_str(&s->answer, "The following commands are valid at this level:\n");
	put_help(s, w->n > 1 ? w->at[1] : "");
}

static void
unknown(struct command_session *s, const struct command_words *w)
{
	char prefix[64];
	bool is_known = false;
	snprintf(prefix, sizeof(prefix), "%s ", w->at[0]);
	for (size_t i = 0; i < COMMANDS_N; i++)
		is_known = is_known ||
			   strncmp(commands[i].words, prefix, strlen(prefix)) == 0;
	shm_text_str(&s->answer, is_known ? "Unknown command, but maybe one of the "
					    "following ones is a better match:\n"
					  : "Unknown command. Please enter one of the "
					    "following commands only:\n");
	put_help(s, is_known ? prefix : "");
}

/* --- running ------------------------------------------------------------ */

/* What changes something is logged with who asked. */
static void
log_command(const struct command_session *s, const struct command_words *w,
	    const char *verdict)
{
	char text[256];
	size_t used = 0;
	for (size_t i = 0; i < w->n && used < sizeof(text) - 1; i++) {
		int n = snprintf(text + used, sizeof(text) - used, "%s%s", i ? " " : "",
				 w->at[i]);
		used += n > 0 ? (size_t)n : 0;
	}
	for (char *p = text; *p; p++)
		*p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
	control_log(LOG_NOTICE, "%s: uid %ld pid %ld %s '%s'", s->socket, (long)s->uid,
		    (long)s->pid, verdict, text);
}

/* "... --runtime-only" at the end of what changes something. */
static bool
take_passing(struct command_words *w)
{
	const char *last = w->at[w->n - 1], *first = w->at[0];
	bool may = strcmp(first, "set") == 0 || strcmp(first, "enable") == 0 ||
		   strcmp(first, "disable") == 0 || strcmp(first, "add") == 0;
	if (w->n < 2 || strcmp(last, "--runtime-only") != 0 || !may)
		return false;
	w->at[--w->n] = NULL;
	return true;
}

struct shm_hand_mark
command_mark(const struct command_session *s)
{
	return (struct shm_hand_mark){.uid = s->uid, .is_passing = s->is_passing};
}

static void
run(struct command_session *s, struct command_words *w)
{
	s->is_passing = take_passing(w);
	members_follow();
	const struct command *c = find(w);
	if (!c) {
		unknown(s, w);
		return;
	}
	if (c->level > s->level) {
		shm_text_str(&s->answer, "Permission denied\n");
		log_command(s, w, "was denied");
		return;
	}
	if (c->level == CFG_LEVEL_ADMIN)
		log_command(s, w, "says");
	c->run(s, w);
}

void
command_line(struct command_session *s, char **line)
{
	s->pause_ms = 0;
	while (*line && !s->wants_quit && !s->pause_ms) {
		struct command_words w;
		bool fits = take_words(line, &w);
		if (!fits)
			shm_text_str(&s->answer, "Too many words in this command.\n");
		else if (w.n)
			run(s, &w);
		else if (!*line && s->is_interactive && !s->is_silent)
			put_help(s, "");
		else
			continue;
		if (!s->wants_quit)
			shm_text_char(&s->answer, '\n');
	}
}

/* --- the session itself ------------------------------------------------- */

void
command_prompt(struct command_session *s, const struct command_words *w)
{
	const char *mode = w->at[1];
	if (!mode) {
		s->is_interactive = !s->is_interactive;
		s->is_silent = false;
	} else if (strcmp(mode, "n") == 0) {
		s->is_interactive = false;
	} else if (strcmp(mode, "i") == 0 || strcmp(mode, "p") == 0) {
		s->is_interactive = true;
		s->is_silent = *mode == 'i';
	} else {
		shm_text_str(&s->answer,
			     "usage: prompt [help | n | i | p]\n"
			     "  n: the connection ends behind the first line\n"
			     "  i: line after line, without a prompt\n"
			     "  p: line after line, with a prompt\n");
	}
}

/* A bare number is seconds. */
void
command_set_timeout_cli(struct command_session *s, const struct command_words *w)
{
	const char *text = w->at[3];
	uint64_t ms;
	if (!text) {
		shm_text_str(&s->answer, "Expects an integer value.\n");
		return;
	}
	bool is_bare = text[strspn(text, "0123456789")] == '\0';
	if (num_duration_ms(span_str(text), &ms) != NUM_OK || ms == 0 ||
	    ms > IDLE_MS_MAX / (is_bare ? 1000 : 1))
		shm_text_str(&s->answer, "Invalid timeout value.\n");
	else
		s->idle_ms = is_bare ? ms * 1000 : ms;
}

void
command_wait(struct command_session *s, const struct command_words *w)
{
	uint64_t ms;
	if (!w->at[1])
		shm_text_str(&s->answer, "Expects a duration in milliseconds.\n");
	else if (num_duration_ms(span_str(w->at[1]), &ms) != NUM_OK || ms > WAIT_MS_MAX)
		shm_text_str(&s->answer, "Invalid duration.\n");
	else if (w->at[2])
		shm_text_str(&s->answer, "'wait' expects a duration alone.\n");
	else
		s->pause_ms = ms;
}

void
command_quit(struct command_session *s, const struct command_words *w)
{
	(void)w;
	s->wants_quit = true;
}

void
command_operator(struct command_session *s, const struct command_words *w)
{
	(void)w;
	s->level = CFG_LEVEL_OPERATOR;
}

void
command_user(struct command_session *s, const struct command_words *w)
{
	(void)w;
	s->level = CFG_LEVEL_USER;
}

void
command_show_cli_level(struct command_session *s, const struct command_words *w)
{
	static const char *const names[] = {"user", "operator", "admin"};
	(void)w;
	shm_text_fmt(&s->answer, "%s\n", names[s->level]);
}

void
command_reload(struct command_session *s, const struct command_words *w)
{
	(void)w;
	control_ask_reload();
	shm_text_str(&s->answer, "Reload requested.\n");
}
