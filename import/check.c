/* SPDX-License-Identifier: MIT
 *
 * The loader looks at what was imported. A line it refuses is left out, and the rest is
 * looked at again, until what remains can be loaded.
 */
#include <stdlib.h>
#include <string.h>

#include "import/importing.h"

enum { ROUNDS_MAX = 32 };

struct checking {
	struct import_request ask;
	struct arena *arena; /* of the result */
	struct import_refusal *refusals;
	size_t refusals_n;
};

static struct node *
load_quietly(const struct cfg_request *r, struct arena *a, struct report *report)
{
	const struct checking *c = r->read_with;
	(void)report;
	return import_read(a, &c->ask)->root;
}

/* "file:12:5: what" of one of the files; false: it is about no line. */
static bool
refuse(struct checking *c, const char *error)
{
	for (size_t i = 0; i < c->ask.paths_n; i++) {
		const char *path = c->ask.paths[i];
		size_t n = strlen(path);
		if (strncmp(error, path, n) != 0 || error[n] != ':')
			continue;
		char *end;
		unsigned line = (unsigned)strtoul(error + n + 1, &end, 10);
		if (!line || *end != ':')
			continue;
		(void)strtoul(end + 1, &end, 10);
		c->refusals = arena_grow(c->arena, c->refusals, c->refusals_n,
					 sizeof(*c->refusals));
		c->refusals[c->refusals_n++] = (struct import_refusal){
			.file = path,
			.line = line,
			.why = arena_strdup(c->arena,
					    strncmp(end, ": ", 2) ? end : end + 2),
		};
		return true;
	}
	return false;
}

/* One round; false: nothing more can be left out. */
static bool
look(struct checking *c, const char **why)
{
	struct cfg_errors *errors = NULL;
	struct cfg_request r = {.read = load_quietly,
				.read_with = c,
				.asks_no_names = true,
				.paths = (const char **)(uintptr_t)c->ask.paths,
				.paths_n = c->ask.paths_n,
				.local_name = c->ask.local_name};
	struct cfg *cfg = cfg_load(&r, &errors);
	bool goes_on = false;
	*why = NULL;
	for (size_t i = 0; i < cfg_errors_n(errors); i++)
		goes_on |= refuse(c, cfg_errors_at(errors, i));
	if (!goes_on && cfg_errors_n(errors))
		*why = arena_strdup(c->arena, cfg_errors_at(errors, 0));
	cfg_errors_free(&errors);
	cfg_free(&cfg);
	c->ask.refusals = c->refusals;
	c->ask.refusals_n = c->refusals_n;
	return goes_on;
}

/* "FILE: what" of an error that is about no line. */
static const char *
without_place(const char *why, const char *path)
{
	size_t n = strlen(path);
	bool has_place = strncmp(why, path, n) == 0 && strncmp(why + n, ": ", 2) == 0;
	return has_place ? why + n + 2 : why;
}

struct import *
import_check(struct arena *a, const struct import_request *r)
{
	struct checking c = {.ask = *r, .arena = a};
	const char *why;
	c.ask.keeps_variables = false;
	for (int round = 0; round < ROUNDS_MAX && look(&c, &why); round++)
		;
	c.ask.keeps_variables = r->keeps_variables;
	struct import *im = import_read(a, &c.ask);
	struct importing tell = {.arena = a, .result = im};
	for (size_t i = 0; i < c.refusals_n; i++)
		import_lost(&tell,
			    (struct pos){c.refusals[i].file, c.refusals[i].line, 0}, "%s",
			    c.refusals[i].why);
	if (why)
		import_lost(&tell, (struct pos){r->paths[0], 0, 0}, "%s",
			    without_place(why, r->paths[0]));
	import_sort_notes(im);
	return im;
}
