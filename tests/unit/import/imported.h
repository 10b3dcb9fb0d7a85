/* SPDX-License-Identifier: MIT
 *
 * A haproxy.cfg in a test.
 */
#ifndef WEIR_TESTS_IMPORTED_H
#define WEIR_TESTS_IMPORTED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "import/import.h"

/* The path of a file in memory with this text. */
static inline const char *
file_of(struct arena *a, const char *text)
{
	int fd = memfd_create("cfg", 0);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return arena_printf(a, "/proc/self/fd/%d", fd);
}

static inline struct import *
imported_with(struct arena *a, const char *text, bool keeps_variables)
{
	const char *path = file_of(a, text);
	struct import_request r = {
		.paths = &path, .paths_n = 1, .keeps_variables = keeps_variables};
	struct import *im = import_check(a, &r);
	close(atoi(path + strlen("/proc/self/fd/")));
	return im;
}

/* What is at "frontends.web.bind" as flow text, or NULL. */
static inline const struct node *
at(const struct import *im, const char *path)
{
	const struct node *n = im->root;
	while (n && *path) {
		char name[64];
		size_t length = strcspn(path, ".");
		snprintf(name, sizeof(name), "%.*s", (int)length, path);
		if (n->kind == NODE_LIST)
			n = (size_t)atoi(name) < n->n ? n->items[atoi(name)] : NULL;
		else
			n = node_get(n, name);
		path += length + (path[length] == '.');
	}
	return n;
}

static inline const char *
text_at(const struct import *im, const char *path)
{
	const struct node *n = at(im, path);
	return n && n->kind == NODE_SCALAR ? n->text : NULL;
}

/* The notes that say that something is lost, one text. */
static inline const char *
lost(const struct import *im)
{
	const char *text = "";
	for (size_t i = 0; i < im->notes_n; i++)
		if (im->notes[i].is_lost)
			text = arena_printf(im->arena, "%s%u: %s\n", text,
					    im->notes[i].at.line, im->notes[i].text);
	return text;
}

#endif
