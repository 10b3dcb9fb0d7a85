/* SPDX-License-Identifier: MIT
 *
 * What a command line asks for: prints it, or becomes the master of a process family.
 */
#include "master/command.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "lib/expr/doc.h"
#include "master/diff.h"
#include "master/docs.h"
#include "master/estate.h"
#include "master/geometry.h"
#include "master/report.h"
#include "master/run.h"
#include "master/upgrade.h"
#include "worker/fetch/evaluate.h"

enum { EXIT_OK = 0, EXIT_BAD = 1 };

/* What the master says to stderr before the configuration is known. */
static void
set_stderr(const struct options *o)
{
	if (o->request.debug)
		report_set_stderr(REPORT_DEBUG);
	else if (o->verbose)
		report_set_stderr(REPORT_INFO);
	else if (o->request.quiet)
		report_set_stderr(REPORT_ERROR);
}

static int
print_errors(const struct cfg_errors *errors)
{
	size_t n = cfg_errors_n(errors);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%s\n", cfg_errors_at(errors, i));
	if (n > 1)
		fprintf(stderr, "%s: %zu errors in the configuration\n", report_name(),
			n);
	return EXIT_BAD;
}

static struct cfg *
load(const struct options *o)
{
	struct cfg_errors *errors = NULL;
	struct cfg *cfg = cfg_load(&o->request, &errors);
	if (!cfg) {
		print_errors(errors);
		if (!o->names_files && access(o->request.paths[0], F_OK) != 0)
			fprintf(stderr, "weir: nothing is installed there; -f PATH names "
					"a configuration\n");
	}
	cfg_errors_free(&errors);
	for (size_t i = 0; cfg && !o->request.quiet && i < cfg->warnings_n; i++)
		fprintf(stderr, "%s: warning: %s\n", report_name(), cfg->warnings[i]);
	return cfg;
}

/* Whether this build understands what the running daemon would leave to it. */
static bool
can_take_over(const struct options *o, const struct cfg *cfg)
{
	char err[SHM_ERROR_BYTES] = "";
	struct estate *e = estate_read(o->takeover_fd);
	if (!e)
		fprintf(stderr,
			"weir: --takeover: the list of sockets is of another build\n");
	else if (!shm_can_adopt(cfg->global.shm, err))
		fprintf(stderr, "%s: %s\n", report_name(), err);
	bool can = e && !err[0];
	estate_free(&e);
	return can;
}

static int
check(const struct options *o)
{
	struct shm_geometry geometry;
	char err[SHM_ERROR_BYTES];
	struct cfg *cfg = load(o);
	if (!cfg)
		return EXIT_BAD;
	if (geometry_of(cfg, &geometry, err)) {
		fprintf(stderr, "%s: %s\n", report_name(), err);
		cfg_free(&cfg);
		return EXIT_BAD;
	}
	if (o->takeover_fd >= 0 && !can_take_over(o, cfg)) {
		cfg_free(&cfg);
		return EXIT_BAD;
	}
	if (!o->request.quiet)
		printf("Configuration file is valid\n");
	if (o->verbose)
		printf("global.shm: %s needs %lu bytes\n", cfg->global.shm,
		       (unsigned long)shm_bytes_needed(&geometry));
	cfg_free(&cfg);
	return EXIT_OK;
}

static int
diff(const struct options *o)
{
	struct shm_geometry geometry;
	char err[SHM_ERROR_BYTES];
	struct shm_text text = {0};
	struct shm *region = NULL;
	int result = EXIT_BAD;
	struct cfg *cfg = load(o);
	if (!cfg)
		return EXIT_BAD;
	if (geometry_of(cfg, &geometry, err) ||
	    shm_attach(cfg->global.shm, &region, err) != SHM_ATTACH_OK) {
		fprintf(stderr, "%s: %s\n", report_name(), err);
	} else {
		size_t n = diff_text(region, &geometry, o->is_json, &text);
		if (n == 0 && !o->is_json)
			shm_text_str(&text, "No difference.\n");
		if (!text.failed && fwrite(text.bytes, 1, text.n, stdout) == text.n)
			result = EXIT_OK;
	}
	shm_text_fini(&text);
	shm_close(&region);
	cfg_free(&cfg);
	return result;
}

static int
dump(const struct options *o)
{
	struct cfg_errors *errors = NULL;
	int result =
		cfg_dump(&o->request, stdout, &errors) ? print_errors(errors) : EXIT_OK;
	cfg_errors_free(&errors);
	return result;
}

static int
run(const struct options *o)
{
	struct cfg *cfg = load(o);
	if (cfg)
		return master_run(o, cfg);
	return o->takeover_fd >= 0 ? upgrade_supervise(o) : EXIT_BAD;
}

/* The whole of a file, in memory that stays. false with a line on stderr. */
static bool
read_file(const char *path, struct span *out)
{
	enum { REQUEST_BYTES_MAX = 1 << 20 };
	FILE *f = fopen(path, "re");
	char *bytes = must_alloc(REQUEST_BYTES_MAX);
	*out = span_of(bytes, f ? fread(bytes, 1, REQUEST_BYTES_MAX, f) : 0);
	bool is_good = f && !ferror(f);
	if (!is_good)
		fprintf(stderr, "weir: --request %s: %s\n", path, strerror(errno));
	if (f)
		fclose(f);
	return is_good;
}

static int
evaluate(const struct options *o)
{
	struct span request = {NULL, 0};
	int status = EXIT_BAD;
	if (!o->request_file || read_file(o->request_file, &request))
		status = worker_evaluate(span_str(o->expression), request, stdout);
	free((void *)(uintptr_t)request.p);
	return status;
}

int
command_do(const struct options *o)
{
	set_stderr(o);
	switch (o->command) {
	case COMMAND_RUN:
		return run(o);
	case COMMAND_CHECK:
		return check(o);
	case COMMAND_DIFF:
		return diff(o);
	case COMMAND_VERSION:
		docs_version(stdout);
		return EXIT_OK;
	case COMMAND_BUILD:
		docs_build(stdout);
		return EXIT_OK;
	case COMMAND_HELP:
		options_help(stdout);
		return EXIT_OK;
	case COMMAND_DUMP:
		return dump(o);
	case COMMAND_SCHEMA:
		cfg_schema_json(stdout);
		return EXIT_OK;
	case COMMAND_CONFIG_DOCS:
		cfg_schema_markdown(stdout);
		return EXIT_OK;
	case COMMAND_COUNTER_DOCS:
		docs_counters(stdout);
		return EXIT_OK;
	case COMMAND_EXPR_DOCS:
		expr_doc_markdown(stdout);
		return EXIT_OK;
	case COMMAND_EXPR:
		return evaluate(o);
	}
	return EXIT_BAD;
}
