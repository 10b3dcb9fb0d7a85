/* SPDX-License-Identifier: MIT
 *
 * Collecting what is wrong. Master (at load).
 */
#include "config/report.h"

#include <stdlib.h>

#include "lib/base/must.h"

struct entry {
	struct pos at;
	const char *text; /* with the place in front */
};

struct entries {
	struct entry *list;
	size_t n;
};

struct report {
	struct arena *arena;
	bool hides_paths; /* "frontends.web.bind": of YAML */
	struct entries errors, warnings;
};

struct cfg_errors {
	size_t n;
	char **texts;
};

struct report *
report_new(struct arena *a)
{
	struct report *r = arena_alloc(a, sizeof(*r));
	r->arena = a;
	return r;
}

void
report_hide_paths(struct report *r)
{
	r->hides_paths = true;
}

size_t
report_errors_n(const struct report *r)
{
	return r->errors.n;
}

const char *
report_place(struct arena *a, struct pos at)
{
	return at.line ? arena_printf(a, "%s:%u:%u", at.file, at.line, at.col) : at.file;
}

static void
add(struct report *r, struct entries *to, struct pos at, const char *path,
    const char *fmt, va_list ap)
{
	char what[2048];
	vsnprintf(what, sizeof(what), fmt, ap);
	bool has_path = path && path[0] && !r->hides_paths;
	const char *text =
		arena_printf(r->arena, "%s: %s%s%s", report_place(r->arena, at),
			     has_path ? path : "", has_path ? ": " : "", what);
	to->list = arena_grow(r->arena, to->list, to->n, sizeof(*to->list));
	to->list[to->n] = (struct entry){at, text};
	to->n++;
}

void
report_error(struct report *r, const struct node *at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(r, &r->errors, at->pos, node_path(r->arena, at), fmt, ap);
	va_end(ap);
}

void
report_warning(struct report *r, const struct node *at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(r, &r->warnings, at->pos, node_path(r->arena, at), fmt, ap);
	va_end(ap);
}

void
report_error_at(struct report *r, struct pos at, const char *path, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(r, &r->errors, at, path, fmt, ap);
	va_end(ap);
}

void
report_error_in(struct report *r, const struct node *at, size_t offset, const char *fmt,
		...)
{
	struct pos pos = at->pos;
	if (at->text_col) {
		pos.col = at->text_col;
		for (size_t i = 0; i < offset && at->text[i]; i++)
			pos.col += ((unsigned char)at->text[i] & 0xc0) != 0x80;
	}
	va_list ap;
	va_start(ap, fmt);
	add(r, &r->errors, pos, node_path(r->arena, at), fmt, ap);
	va_end(ap);
}

static int
by_place(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int files = strcmp(a->at.file, b->at.file);
	if (files)
		return files;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	if (a->at.col != b->at.col)
		return a->at.col < b->at.col ? -1 : 1;
	return strcmp(a->text, b->text);
}

/* Sorts, and drops what was said twice (a value of defaults is used many times). */
static void
sort(struct entries *e)
{
	if (e->n == 0)
		return;
	qsort(e->list, e->n, sizeof(*e->list), by_place);
	size_t kept = 1;
	for (size_t i = 1; i < e->n; i++)
		if (strcmp(e->list[i].text, e->list[kept - 1].text) != 0)
			e->list[kept++] = e->list[i];
	e->n = kept;
}

struct cfg_errors *
report_errors(struct report *r)
{
	struct cfg_errors *e = must_calloc(1, sizeof(*e));
	sort(&r->errors);
	e->texts = must_calloc(r->errors.n + 1, sizeof(*e->texts));
	for (size_t i = 0; i < r->errors.n; i++) {
		size_t bytes = strlen(r->errors.list[i].text) + 1;
		e->texts[i] = must_alloc(bytes);
		memcpy(e->texts[i], r->errors.list[i].text, bytes);
	}
	e->n = r->errors.n;
	return e;
}

const char **
report_warnings(struct report *r, size_t *n)
{
	sort(&r->warnings);
	const char **texts = arena_alloc(r->arena, (r->warnings.n + 1) * sizeof(*texts));
	for (size_t i = 0; i < r->warnings.n; i++)
		texts[i] = r->warnings.list[i].text;
	*n = r->warnings.n;
	return texts;
}

size_t
cfg_errors_n(const struct cfg_errors *e)
{
	return e ? e->n : 0;
}

const char *
cfg_errors_at(const struct cfg_errors *e, size_t i)
{
	must(i < e->n);
	return e->texts[i];
}

void
cfg_errors_free(struct cfg_errors **e)
{
	if (!*e)
		return;
	for (size_t i = 0; i < (*e)->n; i++)
		free((*e)->texts[i]);
	free((*e)->texts);
	free(*e);
	*e = NULL;
}
