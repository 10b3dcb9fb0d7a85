/* SPDX-License-Identifier: MIT
 *
 * weir-haproxy, the program: HAProxy's command line and haproxy.cfg, weir's processes. It
 * goes on as the master itself, so that its pid is the one that was started.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "haproxy/options.h"
#include "import/import.h"
#include "master/command.h"
#include "master/report.h"
#include "master/title.h"

enum { EXIT_PARTIAL = 2, SHM_OVERRIDE_BYTES = 80 };

static void
print_version(bool has_features)
{
	printf("HAProxy version %s-weir, weir " WEIR_VERSION "\n",
	       IMPORT_HAPROXY_VERSION);
	if (!has_features)
		return;
	printf("Build options :\n  TARGET  = linux-glibc\n\nFeature list : ");
	import_print_features(stdout);
	printf("\nRunning as: weir, one master and its workers; no threads.\n");
}

static int
check_condition(const char *text)
{
	struct arena *a = arena_new();
	const char *err = NULL;
	int result = import_check_condition(a, text, &err);
	if (result < 0)
		fprintf(stderr, "weir-haproxy: -cc: %s\n", err);
	arena_free(&a);
	return result == 1 ? 0 : 1;
}

/* --- import ------------------------------------------------------------------------- */

static void
print_notes(const struct import *im)
{
	for (size_t i = 0; i < im->notes_n; i++) {
		const struct import_note *n = &im->notes[i];
		if (n->at.line)
			fprintf(stderr, "%s:%u: ", n->at.file, n->at.line);
		else
			fprintf(stderr, "%s: ", n->at.file);
		fprintf(stderr, "%s%s\n",
			n->is_lost ? "NOT TAKEN OVER: " : "note: ", n->text);
	}
	if (im->lost_n)
		fprintf(stderr, "partial: %zu thing%s not taken over\n", im->lost_n,
			im->lost_n == 1 ? "" : "s");
}

/* Into a directory as haproxy.yaml. NULL with a line on stderr. */
static FILE *
open_target(struct arena *a, const char *path)
{
	struct stat st;
	size_t n = path ? strlen(path) : 0;
	if (!path || strcmp(path, "-") == 0)
		return stdout;
	bool is_directory = (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) ||
			    (path[n - 1] == '/' && mkdir(path, 0755) == 0);
	if (is_directory)
		path = arena_printf(a, "%s%shaproxy.yaml", path,
				    path[n - 1] == '/' ? "" : "/");
	FILE *f = fopen(path, "we");
	if (!f)
		fprintf(stderr, "weir-haproxy: %s: %s\n", path, strerror(errno));
	return f;
}

/* false, with a line on stderr: there is nothing to import. */
static bool
can_read(const char *const *paths, size_t n)
{
	bool can = true;
	for (size_t i = 0; i < n; i++)
		if (access(paths[i], R_OK) != 0) {
			fprintf(stderr, "import: %s: %s\n", paths[i], strerror(errno));
			can = false;
		}
	return can;
}

static int
import(const struct haproxy_options *o)
{
	const struct cfg_request *r = &o->weir.request;
	if (!can_read(r->paths, r->paths_n))
		return 1;
	struct arena *a = arena_new();
	struct import_request ask = {.paths = r->paths,
				     .paths_n = r->paths_n,
				     .keeps_variables = true,
				     .local_name = r->local_name};
	struct import *im = import_check(a, &ask);
	FILE *out = open_target(a, o->import_to);
	int status = im->lost_n ? EXIT_PARTIAL : 0;
	if (out) {
		import_write(im, out);
		bool is_whole = fflush(out) == 0 && !ferror(out);
		if (out != stdout)
			is_whole &= fclose(out) == 0;
		if (!is_whole)
			status = 1;
	} else {
		status = 1;
	}
	print_notes(im);
	arena_free(&a);
	return status;
}

/* --- run ---------------------------------------------------------------------------- */

/* HAProxy remembers nothing over its end, and any number of it may run: each has a region
 * of its own, unless one is named. */
static void
name_region(struct haproxy_options *o, char override[SHM_OVERRIDE_BYTES])
{
	struct cfg_request *r = &o->weir.request;
	struct timespec now;
	for (size_t i = 0; i < r->overrides_n; i++)
		if (strncmp(r->overrides[i], "global.shm=", 11) == 0)
			return;
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(override, SHM_OVERRIDE_BYTES,
		 "global.shm=/dev/shm/weir-haproxy.%d.%lx.shm", (int)getpid(),
		 (unsigned long)now.tv_sec * 1000000000UL + (unsigned long)now.tv_nsec);
	r->overrides =
		realloc(r->overrides, (r->overrides_n + 1) * sizeof(*r->overrides));
	r->overrides[r->overrides_n++] = override;
	o->weir.is_shm_private = true;
}

static void
limit_memory(const struct haproxy_options *o)
{
	struct rlimit limit = {o->memory_bytes, o->memory_bytes};
	if (o->memory_bytes && setrlimit(RLIMIT_DATA, &limit))
		fprintf(stderr, "weir-haproxy: -m: %s\n", strerror(errno));
}

static int
do_options(struct haproxy_options *o)
{
	char region[SHM_OVERRIDE_BYTES];
	struct cfg_request *r = &o->weir.request;
	if (r->chdir && chdir(r->chdir)) {
		fprintf(stderr, "weir-haproxy: -C %s: %s\n", r->chdir, strerror(errno));
		return 1;
	}
	if (o->condition)
		return check_condition(o->condition);
	switch (o->weir.command) {
	case COMMAND_VERSION:
		print_version(false);
		return 0;
	case COMMAND_BUILD:
		print_version(true);
		return 0;
	case COMMAND_HELP:
		haproxy_options_help(stdout);
		return 0;
	default:
		break;
	}
	if (o->is_import)
		return import(o);
	limit_memory(o);
	r->read = import_load;
	r->read_with = o->master_socket;
	name_region(o, region);
	return command_do(&o->weir);
}

int
main(int argc, char **argv)
{
	struct haproxy_options o;
	char err[OPTIONS_ERROR_BYTES];
	title_init(argc, argv);
	report_set_name("weir-haproxy");
	int status = 1;
	if (haproxy_options_parse(&o, argc, argv, err))
		fprintf(stderr, "weir-haproxy: %s; see weir-haproxy --help\n", err);
	else
		status = do_options(&o);
	haproxy_options_free(&o);
	return fflush(stdout) ? 1 : status;
}
