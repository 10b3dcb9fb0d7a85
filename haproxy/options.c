/* SPDX-License-Identifier: MIT
 *
 * HAProxy's command line: one table. weir-haproxy, before anything else.
 */
#include "haproxy/options.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "lib/base/num.h"

struct row {
	const char *name, *value, *help;
	/* -1: the value is wrong */
	int (*set)(struct haproxy_options *o, const char *value);
};

static void
append(const char ***list, size_t *n, const char *value)
{
	*list = must_realloc(*list, (*n + 1) * sizeof(**list));
	(*list)[(*n)++] = value;
}

#define SET(name, statement)                                                \
	static int set_##name(struct haproxy_options *o, const char *value) \
	{                                                                   \
		(void)value;                                                \
		statement;                                                  \
		return 0;                                                   \
	}

SET(file, append(&o->weir.request.paths, &o->weir.request.paths_n, value))
SET(override, append(&o->weir.request.overrides, &o->weir.request.overrides_n, value))
SET(check, o->weir.command = COMMAND_CHECK)
SET(version, o->weir.command = COMMAND_VERSION)
SET(build, o->weir.command = COMMAND_BUILD)
SET(help, o->weir.command = COMMAND_HELP)
SET(dump, o->weir.command = COMMAND_DUMP)
SET(condition, o->condition = value)
SET(daemon, o->weir.request.daemon = true)
SET(foreground, o->weir.request.foreground = true)
SET(debug, o->weir.request.foreground = o->weir.request.debug = true)
SET(quiet, o->weir.request.quiet = true)
SET(verbose, o->is_verbose = true)
SET(pidfile, o->weir.request.pidfile = value)
SET(chdir, o->weir.request.chdir = value)
SET(local_name, o->weir.request.local_name = value)
SET(master, o->has_master = true)
SET(master_socket, o->master_socket = value)
SET(import, o->is_import = true)
SET(import_to, o->import_to = value)
SET(nothing, (void)o)

static int
set_maxconn(struct haproxy_options *o, const char *value)
{
	uint64_t n;
	if (num_u64(span_str(value), &n) != NUM_OK || n == 0 || n > UINT32_MAX)
		return -1;
	o->weir.request.maxconn = (uint32_t)n;
	return 0;
}

static int
set_memory(struct haproxy_options *o, const char *value)
{
	uint64_t n;
	if (num_u64(span_str(value), &n) != NUM_OK || n > UINT32_MAX)
		return -1;
	o->memory_bytes = n << 20;
	return 0;
}

static const struct row rows[] = {
	{"-f", "FILE", "haproxy.cfg, or a directory of *.cfg; may be repeated", set_file},
	{"-c", NULL, "check the configuration and exit", set_check},
	{"-cc", "CONDITION", "evaluate a condition as of .if and exit: 0 true, 1 false",
	 set_condition},
	{"-C", "DIR", "change to this directory first", set_chdir},
	{"-D", NULL, "go to the background when ready", set_daemon},
	{"-db", NULL, "stay in the foreground, whatever the configuration says",
	 set_foreground},
	{"-d", NULL, "as -db, with debug messages on stderr", set_debug},
	{"-W", NULL, "signals as with a master process: HUP and USR2 reload", set_master},
	{"-Ws", NULL, "the same, and systemd is told when it is ready", set_master},
	{"-S", "ADDRESS", "one control socket more", set_master_socket},
	{"-p", "FILE", "pidfile", set_pidfile},
	{"-n", "MAXCONN", "connections at once, over all workers", set_maxconn},
	{"-m", "MEGABYTES", "most memory of each process", set_memory},
	{"-L", "NAME", "name of this node", set_local_name},
	{"-V", NULL, "say that a configuration is valid", set_verbose},
	{"-q", NULL, "print errors only", set_quiet},
	{"-v", NULL, "print the version", set_version},
	{"-vv", NULL, "print the version and what is there of HAProxy", set_build},
	{"-o", "KEY=VALUE", "override a value of weir: -o global.nbproc=4", set_override},
	{"--dump-config", NULL, "print the configuration that weir makes of it",
	 set_dump},
	{"--import", NULL, "write it as YAML and exit: 0 complete, 2 partial",
	 set_import},
	{"--to", "PATH", "with --import: a file or a directory; else standard output",
	 set_import_to},
	{"-h", NULL, "this help", set_help},
	{"--help", NULL, NULL, set_help},
	/* what weir has in another way or no use for */
	{"-x", "SOCKET", NULL, set_nothing},
	{"-N", "MAXCONN", NULL, set_nothing},
};
enum { ROWS_N = sizeof(rows) / sizeof(rows[0]) };

/* HAProxy's switches for its own developers. */
static bool
is_ignored(const char *word)
{
	static const char *const beginnings[] = {
		"-dM", "-dI", "-dW", "-dS", "-dG", "-dR", "-dr", "-dV", "-de",
		"-dp", "-dk", "-dK", "-dL", "-dC", "-dD", "-dt", "-dZ", "-dA",
		"-dF", "-dT", "-T",  "-4",  "-dk", "-dw", "-di",
	};
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (strncmp(word, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

static const struct row *
find(const char *name)
{
	for (size_t i = 0; i < ROWS_N; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

/* "-sf PID PID ..." up to the next switch; the index of the last one. */
static int
take_pids(struct haproxy_options *o, int argc, char **argv, int i)
{
	struct options *w = &o->weir;
	w->successor_signal = argv[i][2] == 't' ? SIGTERM : SIGUSR1;
	for (uint64_t pid; i + 1 < argc && num_u64(span_str(argv[i + 1]), &pid) == NUM_OK;
	     i++) {
		if (pid < 2 || pid > INT32_MAX)
			continue;
		w->successor_of = must_realloc(w->successor_of,
					       (w->successor_of_n + 1) * sizeof(int));
		w->successor_of[w->successor_of_n++] = (int)pid;
	}
	return i;
}

static int
take(struct haproxy_options *o, int argc, char **argv, int i,
     char err[OPTIONS_ERROR_BYTES])
{
	const char *word = argv[i];
	const struct row *row = find(word);
	if (strcmp(word, "-sf") == 0 || strcmp(word, "-st") == 0) {
		i = take_pids(o, argc, argv, i);
		if (i + 1 == argc || argv[i + 1][0] == '-')
			return i;
		snprintf(err, OPTIONS_ERROR_BYTES, "%s: '%s' is not a PID", word,
			 argv[i + 1]);
		return -1;
	}
	if (!row && is_ignored(word))
		return i;
	if (!row && word[0] != '-') { /* a file without -f */
		set_file(o, word);
		return i;
	}
	const char *value = NULL;
	if (!row)
		snprintf(err, OPTIONS_ERROR_BYTES, "unknown switch '%s'", word);
	else if (row->value && !(value = argv[++i]))
		snprintf(err, OPTIONS_ERROR_BYTES, "%s needs an argument: %s %s", word,
			 word, row->value);
	else if (row->set(o, value))
		snprintf(err, OPTIONS_ERROR_BYTES, "%s: '%s' is not a %s", word, value,
			 row->value);
	else
		return i;
	return -1;
}

int
haproxy_options_parse(struct haproxy_options *o, int argc, char **argv,
		      char err[OPTIONS_ERROR_BYTES])
{
	memset(o, 0, sizeof(*o));
	o->weir.takeover_fd = -1;
	o->weir.argc = argc;
	o->weir.argv = argv;
	o->weir.start_dir = getcwd(NULL, 0);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			while (++i < argc)
				set_file(o, argv[i]);
			break;
		}
		i = take(o, argc, argv, i, err);
		if (i < 0)
			return -1;
	}
	bool needs_file =
		(o->weir.command == COMMAND_RUN || o->weir.command == COMMAND_CHECK ||
		 o->weir.command == COMMAND_DUMP) &&
		!o->condition;
	if (needs_file && o->weir.request.paths_n == 0) {
		snprintf(err, OPTIONS_ERROR_BYTES, "no configuration is named; -f FILE");
		return -1;
	}
	o->weir.names_files = true;
	o->weir.signals = o->has_master ? SIGNALS_HAPROXY_MASTER : SIGNALS_HAPROXY;
	return 0;
}

void
haproxy_options_free(struct haproxy_options *o)
{
	free(o->weir.successor_of);
	options_free(&o->weir);
}

void
haproxy_options_help(FILE *out)
{
	fprintf(out, "usage: weir-haproxy -f FILE... [SWITCHES] [-sf|-st PID...]\n\n");
	for (size_t i = 0; i < ROWS_N; i++) {
		char left[32];
		if (!rows[i].help)
			continue;
		snprintf(left, sizeof(left), "%s%s%s", rows[i].name,
			 rows[i].value ? " " : "", rows[i].value ? rows[i].value : "");
		fprintf(out, "  %-15s %s\n", left, rows[i].help);
	}
	fprintf(out, "  %-15s %s\n", "-sf PID...",
		"when we serve, those end after their connections");
	fprintf(out, "  %-15s %s\n", "-st PID...", "when we serve, those end at once");
	fprintf(out, "\nSignals: TERM and INT end now, USR1 after the connections, USR2 "
		     "reloads,\nHUP opens log files again; with -W HUP reloads.\n");
}
