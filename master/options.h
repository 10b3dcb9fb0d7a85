/* SPDX-License-Identifier: MIT
 *
 * The command line. Master.
 */
#ifndef WEIR_MASTER_OPTIONS_H
#define WEIR_MASTER_OPTIONS_H

#include "config/load.h"
#include "shm/region.h"

enum command {
	COMMAND_RUN,
	COMMAND_CHECK,	      /* -c */
	COMMAND_DIFF,	      /* --diff */
	COMMAND_VERSION,      /* -v */
	COMMAND_BUILD,	      /* -vv */
	COMMAND_HELP,	      /* -h */
	COMMAND_DUMP,	      /* --dump-config */
	COMMAND_SCHEMA,	      /* --schema */
	COMMAND_CONFIG_DOCS,  /* --config-docs */
	COMMAND_COUNTER_DOCS, /* --counter-docs */
	COMMAND_EXPR_DOCS,    /* --expr-docs */
	COMMAND_EXPR,	      /* expr */
};

/* What signals ask for. */
enum signal_table {
	SIGNALS_WEIR,
	SIGNALS_HAPROXY,	/* as HAProxy without a master process has them */
	SIGNALS_HAPROXY_MASTER, /* as with one: -W */
};

enum { OPTIONS_ERROR_BYTES = 256 };

struct options {
	enum command command;
	struct cfg_request request;
	bool verbose;			       /* -V */
	bool is_json;			       /* --json, with --diff */
	bool fresh_shm;			       /* --fresh-shm */
	bool names_files;		       /* -f was given */
	const char *expression, *request_file; /* expr; NULL: not given */
	int argc;
	char **argv;	 /* as given */
	char *start_dir; /* where */
	enum signal_table signals;
	bool is_shm_private; /* the region goes with the daemon */
	int *successor_of;   /* pids that get successor_signal when we serve */
	size_t successor_of_n;
	int successor_signal;
	int takeover_fd; /* --takeover: what the binary before us left; -1: nothing */
};

/* 0, or -1 with what is wrong in err. Free with options_free in either case. */
int options_parse(struct options *o, int argc, char **argv,
		  char err[OPTIONS_ERROR_BYTES]);
void options_free(struct options *o);
/* The switches that name the same configuration from anywhere: "-f\0PATH\0\0"; "" when it
 * takes more than there is room for, or none can. */
void options_words(const struct options *o, char out[SHM_CONFIG_WORDS_BYTES]);
/* The synopsis and a line for each switch. */
void options_help(FILE *out);

#endif
