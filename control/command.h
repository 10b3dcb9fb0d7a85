/* SPDX-License-Identifier: MIT
 *
 * Commands of the runtime API, in HAProxy's words (management.txt 9.3). The table is
 * commands.def; a command appends its answer to the session's text, without the empty
 * line that ends every answer.
 */
#ifndef WEIR_CONTROL_COMMAND_H
#define WEIR_CONTROL_COMMAND_H

#include <sys/types.h>

#include "config/cfg.h"
#include "shm/hand.h"
#include "shm/object.h"
#include "shm/stats/text.h"

enum { COMMAND_WORDS_MAX = 64 };

/* Somebody at a socket. */
struct command_session {
	enum cfg_level level;
	const char *socket; /* path, for the log */
	pid_t pid;	    /* SO_PEERCRED */
	uid_t uid;
	bool is_interactive; /* "prompt" was said */
	bool is_silent;	     /* interactive, but without a prompt */
	bool is_passing;     /* of this command: until the next reload or start */
	bool wants_quit;
	bool is_expert, is_experimental; /* as was said; nothing depends on it */
	uint64_t idle_ms;		 /* how long it may be silent */
	uint64_t pause_ms;		 /* "wait": until the next command */
	char *payload;			 /* what came behind "<<"; NULL: nothing */
	int fd;				 /* a file that came with the command; -1: none */
	struct shm_text answer;
};

/* The words of a command; words_n of them, the others are NULL. */
struct command_words {
	char *at[COMMAND_WORDS_MAX + 1];
	size_t n;
};

/* Runs the commands of *line (separated by semicolons), which is cut to pieces. *line
 * becomes NULL, or, when a command says "wait" (s->pause_ms), what comes behind it. */
void command_line(struct command_session *s, char **line);

void command_say_replaced(struct command_session *s);
/* Whom and how a value set by hand is remembered. */
struct shm_hand_mark command_mark(const struct command_session *s);

/* server.c: "backend/server" in the region; answers itself what is wrong. */
bool command_find_server(struct command_session *s, const char *word,
			 struct shm_object *server);

/* --- what commands.def names: show.c, server.c, command.c --------------- */
#define COMMAND(words, level, run, usage, help) \
	void run(struct command_session *s, const struct command_words *w);
#include "control/commands.def"
#undef COMMAND

#endif
