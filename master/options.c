/* SPDX-License-Identifier: MIT
 *
 * The command line: HAProxy's switches, and ours in long form. One table makes the
 * parser and the help. Master, before anything else.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "lib/base/num.h"
#include "master/options.h"

struct option_row {
	const char *name;
	const char *value; /* what its argument is called, NULL: it takes none */
	const char *help;
	/* 0, or -1 with err. `value` as given. */
	int (*set)(struct options *o, const char *value, char err[OPTIONS_ERROR_BYTES]);
};

static void
append(const char ***list, size_t *n, const char *value)
{
	*list = must_realloc(*list, (*n + 1) * sizeof(**list));
	(*list)[(*n)++] = value;
}

/* The last command named wins, but -c and -v never start anything. */
#define SET_COMMAND(name, which)                                    \
	static int set_##name(struct options *o, const char *value, \
			      char err[OPTIONS_ERROR_BYTES])        \
	{                                                           \
		(void)value;                                        \
		(void)err;                                          \
		o->command = which;                                 \
		return 0;                                           \
	}
#define SET_FLAG(name, field)                                       \
	static int set_##name(struct options *o, const char *value, \
			      char err[OPTIONS_ERROR_BYTES])        \
	{                                                           \
		(void)value;                                        \
		(void)err;                                          \
		o->field = true;                                    \
		return 0;                                           \
	}
#define SET_TEXT(name, field)                                       \
	static int set_##name(struct options *o, const char *value, \
			      char err[OPTIONS_ERROR_BYTES])        \
	{                                                           \
		(void)err;                                          \
		o->field = value;                                   \
		return 0;                                           \
	}

SET_COMMAND(check, COMMAND_CHECK)
SET_COMMAND(diff, COMMAND_DIFF)
SET_COMMAND(version, COMMAND_VERSION)
SET_COMMAND(build, COMMAND_BUILD)
SET_COMMAND(help, COMMAND_HELP)
SET_COMMAND(dump, COMMAND_DUMP)
SET_COMMAND(schema, COMMAND_SCHEMA)
SET_COMMAND(config_docs, COMMAND_CONFIG_DOCS)
SET_COMMAND(counter_docs, COMMAND_COUNTER_DOCS)
SET_COMMAND(expr_docs, COMMAND_EXPR_DOCS)
SET_FLAG(verbose, verbose)
SET_FLAG(json, is_json)
SET_FLAG(fresh_shm, fresh_shm)
SET_FLAG(daemon, request.daemon)
SET_FLAG(quiet, request.quiet)
SET_FLAG(foreground, request.foreground)
SET_TEXT(pidfile, request.pidfile)
SET_TEXT(chdir, request.chdir)
SET_TEXT(local_name, request.local_name)
SET_TEXT(request, request_file)

static int
set_expr(struct options *o, const char *value, char err[OPTIONS_ERROR_BYTES])
{
	(void)err;
	o->command = COMMAND_EXPR;
	o->expression = value;
	return 0;
}

static int
set_file(struct options *o, const char *value, char err[OPTIONS_ERROR_BYTES])
{
	(void)err;
	append(&o->request.paths, &o->request.paths_n, value);
	return 0;
}

static int
set_override(struct options *o, const char *value, char err[OPTIONS_ERROR_BYTES])
{
	const char *equals = strchr(value, '=');
	if (!equals || equals == value) {
		snprintf(err, OPTIONS_ERROR_BYTES,
			 "-o takes path.to.key=value (-o global.nbproc=4), not '%s'",
			 value);
		return -1;
	}
	append(&o->request.overrides, &o->request.overrides_n, value);
	return 0;
}

static int
set_takeover(struct options *o, const char *value, char err[OPTIONS_ERROR_BYTES])
{
	uint64_t n;
	if (num_u64(span_str(value), &n) != NUM_OK || n > INT32_MAX) {
		snprintf(err, OPTIONS_ERROR_BYTES,
			 "--takeover takes the number of a descriptor, not '%s'", value);
		return -1;
	}
	o->takeover_fd = (int)n;
	return 0;
}

static int
set_debug(struct options *o, const char *value, char err[OPTIONS_ERROR_BYTES])
{
	(void)value;
	(void)err;
	o->request.debug = true;
	o->request.foreground = true;
	return 0;
}

static int
set_maxconn(struct options *o, const char *value, char err[OPTIONS_ERROR_BYTES])
{
	uint64_t n;
	if (num_u64(span_str(value), &n) != NUM_OK || n == 0 || n > UINT32_MAX) {
		snprintf(err, OPTIONS_ERROR_BYTES,
			 "-n takes a number of connections (1 or more), not '%s'", value);
		return -1;
	}
	o->request.maxconn = (uint32_t)n;
	return 0;
}

static const struct option_row rows[] = {
	{"-f", "PATH",
	 "configuration file, or directory of *.yaml and *.yml; may be repeated",
	 set_file},
	{"-c", NULL, "check the configuration and exit", set_check},
	{"--diff", NULL, "print what a reload with this configuration would change",
	 set_diff},
	{"--json", NULL, "with --diff: as JSON", set_json},
	{"-o", "KEY=VALUE", "override a value: -o global.nbproc=4; may be repeated",
	 set_override},
	{"-D", NULL, "go to the background when ready", set_daemon},
	{"-db", NULL, "stay in the foreground, whatever the configuration says",
	 set_foreground},
	{"-d", NULL, "as -db, with debug messages on stderr", set_debug},
	{"-p", "FILE", "pidfile", set_pidfile},
	{"-n", "MAXCONN", "connections at once, over all workers", set_maxconn},
	{"-C", "DIR", "change to this directory first", set_chdir},
	{"-L", "NAME", "name of this node", set_local_name},
	{"-q", NULL, "print errors only", set_quiet},
	{"-V", NULL, "print more: each process as it starts; with -c the memory needed",
	 set_verbose},
	{"--fresh-shm", NULL,
	 "discard the shared region left behind; counters begin at 0", set_fresh_shm},
	{"--takeover", "FD",
	 "used by SIGUSR2: what the running weir hands over; with -c only look at it",
	 set_takeover},
	{"-v", NULL, "print the version", set_version},
	{"-vv", NULL, "print the version and how it was built", set_build},
	{"--dump-config", NULL,
	 "print the effective configuration, each value with its origin", set_dump},
	{"--schema", NULL, "print the JSON Schema of the configuration", set_schema},
	{"--config-docs", NULL, "print the manual of the configuration (Markdown)",
	 set_config_docs},
	{"--counter-docs", NULL, "print the list of counters (Markdown)",
	 set_counter_docs},
	{"--expr-docs", NULL, "print the list of fetches and converters (Markdown)",
	 set_expr_docs},
	{"expr", "TEXT",
	 "evaluate an expression, condition or format on a request, and exit", set_expr},
	{"--request", "FILE", "the request for expr, saved; default: GET / of localhost",
	 set_request},
	{"-h", NULL, "this help", set_help},
	{"--help", NULL, NULL, set_help},
	{"--version", NULL, NULL, set_version},
};
enum { ROWS_N = sizeof(rows) / sizeof(rows[0]) };

static const struct option_row *
find(const char *name)
{
	for (size_t i = 0; i < ROWS_N; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

int
options_parse(struct options *o, int argc, char **argv, char err[OPTIONS_ERROR_BYTES])
{
	memset(o, 0, sizeof(*o));
	o->takeover_fd = -1;
	o->argc = argc;
	o->argv = argv;
	o->start_dir = getcwd(NULL, 0);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) { /* as in HAProxy: files follow */
			while (++i < argc)
				append(&o->request.paths, &o->request.paths_n, argv[i]);
			break;
		}
		const struct option_row *row = find(argv[i]);
		if (!row) {
			snprintf(err, OPTIONS_ERROR_BYTES,
				 argv[i][0] == '-' ? "unknown switch '%s'"
						   : "unexpected argument '%s'; "
						     "configuration files follow -f",
				 argv[i]);
			return -1;
		}
		const char *value = NULL;
		if (row->value && !(value = argv[++i])) {
			snprintf(err, OPTIONS_ERROR_BYTES, "%s needs an argument: %s %s",
				 row->name, row->name, row->value);
			return -1;
		}
		if (row->set(o, value, err))
			return -1;
	}
	o->names_files = o->request.paths_n > 0;
	if (!o->names_files)
		append(&o->request.paths, &o->request.paths_n, WEIR_SYSCONFDIR "/conf.d");
	return 0;
}

/* --- and back -------------------------------------------------------------------------
 */

struct words {
	char *at;
	size_t n;
	bool is_full;
};

static void
put(struct words *w, const char *name, const char *value)
{
	const char *const both[] = {name, value};
	for (int i = 0; i < 2 && both[i]; i++) {
		size_t n = strlen(both[i]) + 1;
		w->is_full = w->is_full || w->n + n >= SHM_CONFIG_WORDS_BYTES;
		if (!w->is_full)
			memcpy(w->at + w->n, both[i], n);
		w->n += w->is_full ? 0 : n;
	}
}

static void
put_each(struct words *w, const char *name, const char *const *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(w, name, values[i]);
}

void
options_words(const struct options *o, char out[SHM_CONFIG_WORDS_BYTES])
{
	const struct cfg_request *r = &o->request;
	struct words w = {.at = out};
	char directory[PATH_MAX], number[16];
	const char *sub = r->chdir ? r->chdir : "";
	memset(out, 0, SHM_CONFIG_WORDS_BYTES);
	if (r->read || !o->start_dir)
		return;
	snprintf(directory, sizeof(directory), "%s%s%s", *sub == '/' ? "" : o->start_dir,
		 *sub && *sub != '/' ? "/" : "", sub);
	snprintf(number, sizeof(number), "%u", r->maxconn);
	put(&w, "-C", directory);
	put_each(&w, "-f", r->paths, r->paths_n);
	put_each(&w, "-o", r->overrides, r->overrides_n);
	if (r->daemon)
		put(&w, "-D", NULL);
	if (r->pidfile)
		put(&w, "-p", r->pidfile);
	if (r->maxconn)
		put(&w, "-n", number);
	if (r->local_name)
		put(&w, "-L", r->local_name);
	if (w.is_full)
		memset(out, 0, SHM_CONFIG_WORDS_BYTES);
}

void
options_free(struct options *o)
{
	free(o->start_dir);
	free(o->request.paths);
	free(o->request.overrides);
	memset(o, 0, sizeof(*o));
}

void
options_help(FILE *out)
{
	fprintf(out, "usage: weir [-f PATH]... [SWITCHES]\n\n");
	for (size_t i = 0; i < ROWS_N; i++) {
		char left[32];
		if (!rows[i].help)
			continue;
		snprintf(left, sizeof(left), "%s%s%s", rows[i].name,
			 rows[i].value ? " " : "", rows[i].value ? rows[i].value : "");
		fprintf(out, "  %-15s %s\n", left, rows[i].help);
	}
	fprintf(out,
		"\nWithout -f the configuration is %s/conf.d.\n"
		"Signals: HUP reloads, TERM ends after the connections, INT ends now, "
		"USR1 reopens log files,\n"
		"USR2 executes the file of this program again.\n",
		WEIR_SYSCONFDIR);
}
