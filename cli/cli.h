/* SPDX-License-Identifier: MIT
 *
 * weirctl: reads the region, with or without a daemon; what changes something goes
 * through control's socket. This header is shared by the commands (commands.def).
 */
#ifndef WEIR_CLI_CLI_H
#define WEIR_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/region.h"
#include "shm/stats/text.h"

/* Exit codes: a contract. */
enum cli_exit {
	CLI_OK,
	CLI_FAILED, /* refused, or did not work */
	CLI_USAGE,
	CLI_NO_REGION,
	CLI_PERMISSION,
	CLI_LAYOUT, /* there is a region, but of another kind */
};

/* What the command line says. */
struct cli {
	const char *shm_path, *socket_path; /* socket: NULL unless given */
	bool is_json, is_csv, with_listeners, with_gone;
	uint64_t watch_ms;    /* 0: once */
	uint64_t watch_count; /* 0: until interrupted */
	bool does_wait;
	uint64_t wait_ms;
	const char *command;
	char **words; /* behind the command's name */
	size_t words_n;
	struct shm *shm; /* attached by cli_attach() */
	void *state;	 /* of a command that is watched, between two looks */
};

/* The whole program. */
int cli_main(int argc, char **argv);

/* "weirctl: ..." on stderr. */
void cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Maps the region; says itself what is wrong. */
enum cli_exit cli_attach(struct cli *c);
/* What is shown to people looks alive: says so on stderr when there is no daemon. */
void cli_tell_stopped(struct cli *c);
/* Writes the text and empties it; CLI_FAILED when it is incomplete. */
enum cli_exit cli_print(struct shm_text *t);

/* --- watch.c ------------------------------------------------------------ */

/* Draws once, or every watch_ms. */
enum cli_exit cli_watch(struct cli *c,
			enum cli_exit (*draw)(struct cli *c, struct shm_text *out));
/* Standard output can show colours. */
bool cli_is_coloured(void);
/* Columns of the terminal, 0: not a terminal. */
uint32_t cli_width(void);

/* --- table.c ------------------------------------------------------------ */

enum { TABLE_COLUMNS_MAX = 16 };

/* Rows of cells, aligned when they are rendered. Cells are added left to right; a
 * column whose title begins with '<' is aligned to the left. */
struct table {
	const char *const *titles;
	size_t columns_n, cells_n;
	struct shm_text *cells; /* malloc'ed */
	size_t cells_cap;
	bool failed;
};
void table_init(struct table *t, const char *const *titles, size_t columns_n);
void table_fini(struct table *t);
/* The next cell, to be filled; never NULL. */
struct shm_text *table_cell(struct table *t);
void table_render(const struct table *t, struct shm_text *out);

/* --- socket.c ----------------------------------------------------------- */

/* Sends a command line to control, takes the whole answer. Says itself what is wrong,
 * unless is_quiet. */
enum cli_exit cli_ask(const char *path, const char *line, bool is_quiet,
		      struct shm_text *answer);
/* The same with a file (-1: none) that goes with the line. */
enum cli_exit cli_ask_with(const char *path, const char *line, int fd, bool is_quiet,
			   struct shm_text *answer);
/* Attaches and finds it; says itself what is wrong. */
enum cli_exit cli_find_socket(struct cli *c, struct shm_info *info, const char **path);
/* The socket of the daemon: -S, or what the region names. NULL: there is none. */
const char *cli_socket(struct cli *c, struct shm_info *info);

/* --- snapshot.c: "table save NAME FILE", "table load NAME FILE" ------------ */

enum cli_exit cli_table_save(struct cli *c, const char *name, const char *file);
enum cli_exit cli_table_load(struct cli *c, const char *name, const char *file);

/* --- the commands ------------------------------------------------------- */
#define COMMAND(name, run, options, arguments, help, more) \
	enum cli_exit run(struct cli *c);
#include "cli/commands.def"
#undef COMMAND

#endif
