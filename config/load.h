/* SPDX-License-Identifier: MIT
 *
 * From files and command line to struct cfg. Used by the master alone.
 */
#ifndef WEIR_CONFIG_LOAD_H
#define WEIR_CONFIG_LOAD_H

#include <stdio.h>

#include "config/cfg.h"

struct arena;
struct cfg_request;
struct node;
struct report;

/* Reads the files of a request when they are not YAML: the tree, in the arena. What is
 * wrong is reported; the tree is what remains. */
typedef struct node *cfg_read_fn(const struct cfg_request *r, struct arena *a,
				 struct report *report);

/* What the command line says; it wins over the files. */
struct cfg_request {
	cfg_read_fn *read;     /* NULL: YAML */
	const void *read_with; /* for it */
	bool asks_no_names;    /* names are not resolved: nothing is started */
	bool is_part; /* of a configuration that runs: it need not listen, and names of
			 hosts are errors */
	const char **paths; /* -f, files or directories */
	size_t paths_n;
	const char **overrides; /* -o path.to.key=value */
	size_t overrides_n;
	const char *chdir; /* -C, applied by main() before loading; kept for messages */
	bool daemon, foreground, debug, quiet; /* -D, -db, -d, -q */
	const char *pidfile;		       /* -p or NULL */
	uint32_t maxconn;		       /* -n or 0 */
	const char *local_name;		       /* -L or NULL */
};

struct cfg_errors; /* sorted list of texts */

/* Loads, checks and builds. NULL when there are errors; *errors gets all of them in
 * either case (free with cfg_errors_free). The cfg is freed with cfg_free. Relative
 * paths in the request are as the process's current directory has them. */
struct cfg *cfg_load(const struct cfg_request *r, struct cfg_errors **errors);
void cfg_free(struct cfg **c);

size_t cfg_errors_n(const struct cfg_errors *e);
/* "conf.d/web.yaml:12:5: frontends.web.timeout.clinet: unknown keyword; did you mean
 * 'client'?" */
const char *cfg_errors_at(const struct cfg_errors *e, size_t i);
void cfg_errors_free(struct cfg_errors **e);

/* --dump-config: the effective merged configuration with the origin of every value.
 * 0, or -1 with errors. */
int cfg_dump(const struct cfg_request *r, FILE *out, struct cfg_errors **errors);
/* --schema: the JSON Schema; and docs/config.md, both from schema.def. */
void cfg_schema_json(FILE *out);
void cfg_schema_markdown(FILE *out);

#endif
