/* SPDX-License-Identifier: MIT
 *
 * The importer: its steps in their order, and the tree for the loader.
 */
#include "import/import.h"

#include <stdlib.h>
#include <string.h>

#include "config/report.h"
#include "import/importing.h"

static int
by_place(const void *pa, const void *pb)
{
	const struct import_note *a = pa, *b = pb;
	int files = strcmp(a->at.file, b->at.file);
	if (files)
		return files;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	return a->at.col < b->at.col ? -1 : a->at.col > b->at.col;
}

void
import_sort_notes(struct import *im)
{
	if (im->notes_n)
		qsort(im->notes, im->notes_n, sizeof(*im->notes), by_place);
}

struct import *
import_read(struct arena *a, const struct import_request *r)
{
	struct import *result = arena_alloc(a, sizeof(*result));
	struct importing im = {
		.arena = a,
		.result = result,
		.keeps_variables = r->keeps_variables,
		.local_name = r->local_name,
		.refusals = r->refusals,
		.refusals_n = r->refusals_n,
		.section_name = "",
	};
	result->arena = a;
	result->root = node_new(a, NODE_MAP, (struct pos){"haproxy.cfg", 0, 0});
	if (import_source(&im, r->paths, r->paths_n)) {
		import_translate(&im);
		import_inherit(&im);
		import_number_slots(&im);
		import_presume(&im);
	}
	import_sort_notes(result);
	return result;
}

/* One control socket more, for the command line. */
static void
add_socket(struct import *im, const char *address)
{
	struct arena *a = im->arena;
	struct pos at = {"command line -S", 0, 0};
	struct importing none = {.arena = a, .result = im};
	struct import_line line = {.at = at};
	struct cursor c = {.im = &none, .line = &line};
	struct node *socket = node_new(a, NODE_MAP, at);
	const char *key;
	node_put(a, socket, "path", node_scalar(a, address, at));
	node_put(a, socket, "level", node_scalar(a, "admin", at));
	struct node *map = import_reach(&c, im->root, "global.stats.socket", &key);
	if (map)
		import_append(&c, map, key, socket);
}

struct node *
import_load(const struct cfg_request *r, struct arena *a, struct report *report)
{
	struct import_request ask = {
		.paths = r->paths, .paths_n = r->paths_n, .local_name = r->local_name};
	struct import *im = import_read(a, &ask);
	struct node place = {0};
	for (size_t i = 0; i < im->notes_n; i++) {
		const struct import_note *n = &im->notes[i];
		place.pos = n->at;
		if (n->is_lost)
			report_error_at(report, n->at, NULL, "%s", n->text);
		else
			report_warning(report, &place, "%s", n->text);
	}
	if (r->read_with) /* -S */
		add_socket(im, r->read_with);
	return im->root;
}
