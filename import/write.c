/* SPDX-License-Identifier: MIT
 *
 * The tree as YAML to read: short maps and lists on one line, the rest in blocks, and
 * the comments of haproxy.cfg in front of what their line became.
 */
#include <stdlib.h>
#include <string.h>

#include "import/import.h"

enum { COLUMNS = 90, INDENT = 2 };

struct writer {
	struct import *im;
	FILE *out;
	struct import_comment **sorted; /* by the line they belong to */
	struct pos *places;		/* of the tree, in order */
};

/* --- scalars ------------------------------------------------------------------------ */

static bool
is_plain(const char *text)
{
	static const char words[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789";
	static const char more[] = "-_./+=()@$%^~|;<>!*&?:\\\"' ";
	if (!text[0] || !strchr(words, text[0]))
		if (!text[0] || !strchr("/._+(\\^~$;=<", text[0]))
			return false;
	for (const char *p = text; *p; p++) {
		if (!strchr(words, *p) && !strchr(more, *p))
			return false;
		if (*p == ':' && (p[1] == ' ' || p[1] == '\0'))
			return false;
	}
	return text[strlen(text) - 1] != ' ' && strcmp(text, "~") != 0;
}

/* The text as it is written, in memory of the arena. */
static const char *
scalar_text(struct writer *w, const char *text)
{
	struct arena *a = w->im->arena;
	size_t n = strlen(text);
	if (is_plain(text))
		return text;
	bool has_control = false;
	for (size_t i = 0; i < n; i++)
		has_control |= (unsigned char)text[i] < ' ' || text[i] == 0x7f;
	char *out = arena_alloc(a, 4 * n + 3), *p = out;
	bool is_single = !has_control && strpbrk(text, "\"\\");
	*p++ = is_single ? '\'' : '"';
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		if (is_single && c == '\'')
			*p++ = '\'';
		if (!is_single && (c < ' ' || c == 0x7f)) {
			p += sprintf(p, "\\x%02x", c);
			continue;
		}
		if (!is_single && (c == '"' || c == '\\'))
			*p++ = '\\';
		*p++ = (char)c;
	}
	*p = is_single ? '\'' : '"';
	return out;
}

/* --- on one line
 * ------------------------------------------------------------------------ */

struct line {
	char bytes[COLUMNS + 1];
	size_t n;
	bool is_too_long;
};

static void
put(struct line *l, const char *text)
{
	size_t n = strlen(text);
	if (l->n + n > COLUMNS) {
		l->is_too_long = true;
		return;
	}
	memcpy(l->bytes + l->n, text, n + 1);
	l->n += n;
}

static void
put_flow(struct writer *w, struct line *l, const struct node *n)
{
	if (l->is_too_long)
		return;
	if (n->kind == NODE_SCALAR) {
		put(l, scalar_text(w, n->text));
		return;
	}
	bool is_map = n->kind == NODE_MAP;
	put(l, is_map ? n->n ? "{ " : "{" : "[");
	for (size_t i = 0; i < n->n; i++) {
		put(l, i ? ", " : "");
		if (is_map) {
			put(l, scalar_text(w, n->keys[i]->text));
			put(l, ": ");
		}
		put_flow(w, l, n->items[i]);
	}
	put(l, is_map ? n->n ? " }" : "}" : "]");
}

/* --- comments
 * ----------------------------------------------------------------------------- */

/* The next comment of the line; NULL: none, or all are written. */
static struct import_comment *
comment_for(struct writer *w, struct pos at)
{
	size_t low = 0, high = w->im->comments_n;
	struct import_comment **sorted = w->sorted;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (sorted[middle]->for_line < at.line)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < w->im->comments_n && sorted[low]->for_line == at.line; low++)
		if (at.line && !sorted[low]->is_written &&
		    strcmp(sorted[low]->at.file, at.file) == 0)
			return sorted[low];
	return NULL;
}

static int
by_line(const void *pa, const void *pb)
{
	const struct import_comment *a = *(struct import_comment *const *)pa,
				    *b = *(struct import_comment *const *)pb;
	if (a->for_line != b->for_line)
		return a->for_line < b->for_line ? -1 : 1;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* All places of the tree. */
static void
collect(struct writer *w, const struct node *n, size_t *count)
{
	w->places = arena_grow(w->im->arena, w->places, *count, sizeof(*w->places));
	w->places[(*count)++] = n->pos;
	for (size_t i = 0; i < n->n; i++)
		collect(w, n->items[i], count);
}

static int
by_place(const void *pa, const void *pb)
{
	const struct pos *a = pa, *b = pb;
	int files = strcmp(a->file, b->file);
	return files ? files : a->line < b->line ? -1 : a->line > b->line;
}

/* Comments of lines that became nothing belong to the next one. */
static void
move_comments(struct writer *w)
{
	size_t n = 0;
	collect(w, w->im->root, &n);
	qsort(w->places, n, sizeof(*w->places), by_place);
	for (size_t i = 0; i < w->im->comments_n; i++) {
		struct import_comment *c = &w->im->comments[i];
		struct pos wanted = {c->at.file, c->for_line ? c->for_line : c->at.line,
				     0};
		size_t low = 0, high = n;
		while (low < high) {
			size_t middle = (low + high) / 2;
			if (by_place(&w->places[middle], &wanted) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		bool is_there = low < n && strcmp(w->places[low].file, wanted.file) == 0;
		c->for_line = is_there ? w->places[low].line : 0;
	}
}

static void
sort_comments(struct writer *w)
{
	size_t n = w->im->comments_n;
	w->sorted = arena_alloc(w->im->arena, (n + 1) * sizeof(*w->sorted));
	for (size_t i = 0; i < n; i++)
		w->sorted[i] = &w->im->comments[i];
	qsort(w->sorted, n, sizeof(*w->sorted), by_line);
}

static void
write_comments(struct writer *w, struct pos at, int depth)
{
	for (struct import_comment *c; (c = comment_for(w, at));) {
		fprintf(w->out, "%*s#%s\n", depth * INDENT, "", c->text);
		c->is_written = true;
	}
}

/* A comment inside needs lines of its own. */
static bool
has_comment_inside(struct writer *w, const struct node *n, struct pos at)
{
	for (size_t i = 0; i < n->n; i++) {
		struct pos in = n->items[i]->pos;
		if ((in.line != at.line && comment_for(w, in)) ||
		    has_comment_inside(w, n->items[i], at))
			return true;
	}
	return false;
}

/* --- blocks
 * -------------------------------------------------------------------------------- */

static void write_block(struct writer *w, const struct node *n, int depth, bool is_begun);

/* Proxies and their like are blocks, however short. */
static bool
is_section(const struct node *n)
{
	return n->kind == NODE_MAP &&
	       (!n->name || !n->parent || !n->parent->name ||
		(n->parent->parent && !n->parent->parent->name &&
		 n->parent->kind == NODE_MAP && strcmp(n->parent->name, "global") != 0 &&
		 strcmp(n->parent->name, "defaults") != 0));
}

static bool
write_flow(struct writer *w, const struct node *n, const char *before, int columns)
{
	struct line l = {.n = 0};
	if (n->kind == NODE_LIST && n->n && n->items[0]->kind != NODE_SCALAR)
		return false;
	if (n->kind != NODE_SCALAR &&
	    (has_comment_inside(w, n, n->pos) || (is_section(n) && n->n)))
		return false;
	put_flow(w, &l, n);
	if (n->kind == NODE_SCALAR && l.is_too_long) {
		fprintf(w->out, "%s%s", before, scalar_text(w, n->text));
		return true;
	}
	if (l.is_too_long || columns + (int)l.n > COLUMNS)
		return false;
	fprintf(w->out, "%s%s", before, l.bytes);
	return true;
}

/* Options that are all switched on are a list of names. */
static const struct node *
simplified(struct writer *w, const struct node *n)
{
	if (!n->name || strcmp(n->name, "option") != 0 || n->kind != NODE_MAP ||
	    n->n == 0)
		return n;
	for (size_t i = 0; i < n->n; i++)
		if (n->items[i]->kind != NODE_SCALAR ||
		    strcmp(n->items[i]->text, "true") != 0)
			return n;
	struct node *list = node_new(w->im->arena, NODE_LIST, n->pos);
	for (size_t i = 0; i < n->n; i++)
		node_append(
			w->im->arena, list,
			node_scalar(w->im->arena, n->keys[i]->text, n->items[i]->pos));
	list->name = n->name;
	list->parent = n->parent;
	return list;
}

static void
write_pair(struct writer *w, const struct node *map, size_t i, int depth)
{
	const struct node *value = simplified(w, map->items[i]);
	const char *key = scalar_text(w, map->keys[i]->text);
	fprintf(w->out, "%s:", key);
	if (write_flow(w, value, " ", depth * INDENT + (int)strlen(key) + 2)) {
		fputc('\n', w->out);
		return;
	}
	fputc('\n', w->out);
	write_block(w, value, depth + 1, false);
}

/* "frontends": the comments are those of what is in it. */
static bool
is_of_names(const char *section)
{
	return strcmp(section, "global") != 0 && strcmp(section, "defaults") != 0;
}

/* is_begun: "- " stands there already. */
static void
write_block(struct writer *w, const struct node *n, int depth, bool is_begun)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct node *item = n->items[i];
		bool is_top = !n->name && n->kind == NODE_MAP && depth == 0;
		bool is_proxy = n->parent && !n->parent->name && is_section(item);
		if ((is_top || is_proxy) && i)
			fputc('\n', w->out);
		if (!(is_begun && i == 0)) {
			if (!is_top || !is_of_names(n->keys[i]->text))
				write_comments(w, item->pos, depth);
			fprintf(w->out, "%*s", depth * INDENT, "");
		}
		if (n->kind == NODE_MAP) {
			write_pair(w, n, i, depth);
			continue;
		}
		fputs("- ", w->out);
		if (write_flow(w, item, "", depth * INDENT + 2))
			fputc('\n', w->out);
		else
			write_block(w, item, depth + 1, true);
	}
}

void
import_write(struct import *im, FILE *out)
{
	struct writer w = {.im = im, .out = out};
	move_comments(&w);
	sort_comments(&w);
	write_block(&w, im->root, 0, false);
	for (size_t i = 0; i < im->comments_n; i++)
		if (!im->comments[i].is_written)
			fprintf(out, "#%s\n", im->comments[i].text);
}
