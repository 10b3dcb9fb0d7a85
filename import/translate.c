/* SPDX-License-Identifier: MIT
 *
 * Lines to the tree: which section begins, which word of words.def a line begins with,
 * and the shapes of that table. What no row names is a key of the schema with '_'.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "import/importing.h"
#include "import/words.h"

/* --- telling ---------------------------------------------------------------------------
 */

static void
tell(struct importing *im, struct pos at, bool is_lost, const char *fmt, va_list ap)
{
	char text[1024];
	struct import *r = im->result;
	vsnprintf(text, sizeof(text), fmt, ap);
	r->notes = arena_grow(im->arena, r->notes, r->notes_n, sizeof(*r->notes));
	r->notes[r->notes_n++] = (struct import_note){
		.at = at, .text = arena_strdup(im->arena, text), .is_lost = is_lost};
	r->lost_n += is_lost;
}

void
import_lost(struct importing *im, struct pos at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	tell(im, at, true, fmt, ap);
	va_end(ap);
}

void
import_note(struct importing *im, struct pos at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	tell(im, at, false, fmt, ap);
	va_end(ap);
}

struct pos
import_pos(const struct import_line *line, size_t word)
{
	struct pos at = line->at;
	if (word < line->n)
		at.col = line->words[word].col;
	return at;
}

/* --- into the tree ---------------------------------------------------------------------
 */

struct node *
import_reach(struct cursor *c, struct node *map, const char *path, const char **key)
{
	struct arena *a = c->im->arena;
	for (const char *dot; (dot = strchr(path, '.')); path = dot + 1) {
		const char *name = arena_span(a, span_of(path, (size_t)(dot - path)));
		struct node *below = node_get(map, name);
		if (!below) {
			below = node_new(a, NODE_MAP, c->line->at);
			node_put(a, map, name, below);
		} else if (below->kind != NODE_MAP) {
			import_lost(c->im, c->line->at,
				    "'%s' is something else since %s:%u", name,
				    below->pos.file, below->pos.line);
			return NULL;
		}
		map = below;
	}
	*key = path;
	return map;
}

void
import_put(struct cursor *c, struct node *map, const char *key, struct node *value)
{
	size_t i = node_find(map, key);
	if (i < map->n) {
		const struct node *old = map->items[i];
		bool is_same = old->kind == NODE_SCALAR && value->kind == NODE_SCALAR &&
			       strcmp(old->text, value->text) == 0;
		if (!is_same)
			import_note(c->im, value->pos,
				    "replaces '%s' of line %u, as in HAProxy", key,
				    old->pos.line);
		node_remove(map, i);
	}
	node_put(c->im->arena, map, key, value);
}

void
import_append(struct cursor *c, struct node *map, const char *key, struct node *value)
{
	struct arena *a = c->im->arena;
	size_t i = node_find(map, key);
	if (i == map->n) {
		node_put(a, map, key, value);
		return;
	}
	struct node *there = map->items[i];
	if (there->kind != NODE_LIST) {
		struct node *list = node_new(a, NODE_LIST, there->pos);
		node_append(a, list, there);
		node_remove(map, i);
		node_put(a, map, key, list);
		there = list;
	}
	node_append(a, there, value);
}

struct node *
import_list(struct cursor *c, const char *path)
{
	const char *key;
	struct node *map = import_reach(c, c->im->section, path, &key);
	struct node *list = map ? node_get(map, key) : NULL;
	if (map && !list) {
		list = node_new(c->im->arena, NODE_LIST, c->line->at);
		node_put(c->im->arena, map, key, list);
	}
	return list;
}

/* The row of the schema at a path below a section. */
static const struct schema_key *
key_at(enum schema_section in, const char *path)
{
	const struct schema_key *k = NULL;
	while (*path) {
		size_t n = strcspn(path, ".");
		char name[64];
		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		k = schema_find(in, name);
		if (!k)
			return NULL;
		in = k->sub;
		path += n + (path[n] == '.');
	}
	return k;
}

/* --- shapes
 * ------------------------------------------------------------------------------ */

static struct node *
next_word(struct cursor *c)
{
	if (c->i == c->line->n) {
		import_lost(c->im, import_pos(c->line, c->i), "'%s' needs a value",
			    c->line->words[c->i - 1].text);
		return NULL;
	}
	struct node *n = import_scalar(c->im, c->line, c->i, c->line->words[c->i].text);
	c->i++;
	return n;
}

static void
put_at(struct cursor *c, const char *path, struct node *value)
{
	const char *key;
	struct node *map = value ? import_reach(c, c->im->section, path, &key) : NULL;
	if (map)
		import_put(c, map, key, value);
}

static void
append_at(struct cursor *c, const char *path, struct node *value)
{
	struct node *list = value ? import_list(c, path) : NULL;
	if (list)
		node_append(c->im->arena, list, value);
}

void
shape_ONE(struct cursor *c, const struct word_row *w)
{
	struct node *value = next_word(c);
	if (import_ends(c))
		put_at(c, w->path, value);
}

void
shape_SECONDS(struct cursor *c, const struct word_row *w)
{
	struct node *value = next_word(c);
	if (value && value->text[0] &&
	    strspn(value->text, "0123456789") == strlen(value->text))
		value->text = arena_printf(c->im->arena, "%ss", value->text);
	if (import_ends(c))
		put_at(c, w->path, value);
}

void
shape_FLAG(struct cursor *c, const struct word_row *w)
{
	if (import_ends(c))
		put_at(c, w->path, import_scalar(c->im, c->line, c->i - 1, "true"));
}

static struct node *
rest_of_line(struct cursor *c)
{
	struct node *n = import_scalar(c->im, c->line, c->i, NULL);
	n->text = import_text(c);
	return n;
}

void
shape_TEXT(struct cursor *c, const struct word_row *w)
{
	put_at(c, w->path, rest_of_line(c));
}

void
shape_APPEND(struct cursor *c, const struct word_row *w)
{
	struct node *value = next_word(c);
	if (import_ends(c))
		append_at(c, w->path, value);
}

void
shape_APPEND_TEXT(struct cursor *c, const struct word_row *w)
{
	append_at(c, w->path, rest_of_line(c));
}

/* The rest of the line, by the schema. */
static struct node *
by_schema(struct cursor *c, const struct schema_key *k)
{
	if (k && k->sub != SECTION_none)
		return import_arguments(c, k);
	if (k && (k->type == TYPE_BOOL || k->type == TYPE_TRUE) && c->i == c->line->n)
		return import_scalar(c->im, c->line, c->i - 1, "true");
	if (k && c->i == c->line->n && k->type == TYPE_BOOL_OR)
		return import_scalar(c->im, c->line, c->i - 1, "true");
	if (!k) /* the loader tells */
		return import_scalar(c->im, c->line, c->i - 1, "true");
	struct node *value = next_word(c);
	return import_ends(c) ? value : NULL;
}

void
shape_MAP(struct cursor *c, const struct word_row *w)
{
	put_at(c, w->path, by_schema(c, key_at(w->in, w->path)));
}

void
shape_APPEND_MAP(struct cursor *c, const struct word_row *w)
{
	append_at(c, w->path, by_schema(c, key_at(w->in, w->path)));
}

void
shape_PAIR(struct cursor *c, const struct word_row *w)
{
	struct arena *a = c->im->arena;
	if (c->i == c->line->n) {
		(void)next_word(c);
		return;
	}
	const char *name = import_snake(a, c->line->words[c->i++].text);
	const char *path = w->path[0] ? arena_printf(a, "%s.%s", w->path, name) : name;
	const struct schema_key *k = key_at(w->in, w->path);
	bool is_free = k && (k->form & FORM_NAMED);
	const struct schema_key *below = key_at(w->in, path);
	const char *moved = schema_moved(SECTION_timeout, name);
	if (is_free) {
		path = arena_printf(a, "%s.%s", w->path, c->line->words[c->i - 1].text);
	} else if (!below && moved && strcmp(w->path, "timeout") == 0) {
		path = moved;
		below = key_at(w->in, path);
	}
	put_at(c, path, is_free ? next_word(c) : by_schema(c, below));
}

void
shape_RULE(struct cursor *c, const struct word_row *w)
{
	append_at(c, w->path, import_rule(c));
}

/* "send TEXT comment TEXT": a step without keywords of its own may have a comment. */
static struct node *
step_value(struct cursor *c, struct node *step, const struct schema_key *k)
{
	bool is_text = k && k->sub == SECTION_none && k->type != TYPE_TRUE;
	struct node *value = is_text ? next_word(c) : by_schema(c, k);
	bool has_comment = value && c->i + 2 == c->line->n &&
			   strcmp(c->line->words[c->i].text, "comment") == 0;
	if (has_comment) {
		c->i++;
		node_put(c->im->arena, step, "comment", next_word(c));
	}
	return value && import_ends(c) ? value : NULL;
}

void
shape_STEP(struct cursor *c, const struct word_row *w)
{
	struct arena *a = c->im->arena;
	if (c->i == c->line->n) {
		(void)next_word(c);
		return;
	}
	const char *word = c->line->words[c->i].text;
	const char *name =
		import_snake(a, arena_span(a, span_of(word, strcspn(word, "("))));
	const struct schema_key *list = key_at(w->in, w->path);
	const struct schema_key *k = list ? schema_find(list->sub, name) : NULL;
	struct node *step = node_new(a, NODE_MAP, import_pos(c->line, c->i++));
	struct node *value = step_value(c, step, k);
	if (!value)
		return;
	node_put(a, step, name, value);
	append_at(c, w->path, step);
}

/* --- one line
 * ------------------------------------------------------------------------------ */

static const struct word_row rows[] = {
#define WORD(section, words, path, shape) \
	{SECTION_##section, words, path, shape_##shape, NULL},
#define NOTHING(section, words, why) {SECTION_##section, words, NULL, NULL, why},
#define GONE(section, words, todo)   {SECTION_##section, words, "!", NULL, todo},
#define ARGUMENT(section, word, values, why)
#include "import/words.def"
};

/* How many words of the line the row takes; 0: it is not meant. */
static size_t
match(const struct word_row *row, const struct import_line *l)
{
	size_t count = 0;
	for (const char *p = row->words; *p; p += *p == ' ') {
		size_t n = strcspn(p, " ");
		const char *word = count < l->n ? l->words[count].text : NULL;
		bool is_prefix = strchr(".-", p[n - 1]); /* "tune." */
		if (!word || strncmp(word, p, n) != 0 || (!is_prefix && word[n]))
			return 0;
		count++;
		p += n;
	}
	return count;
}

/* The row that takes most words. */
static const struct word_row *
find_row(enum schema_section in, const struct import_line *l, size_t *words_n)
{
	const struct word_row *best = NULL;
	*words_n = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = rows[i].in == in ? match(&rows[i], l) : 0;
		if (n > *words_n) {
			best = &rows[i];
			*words_n = n;
		}
	}
	return best;
}

/* Whether the schema has learnt what a row of NOTHING names. */
static bool
is_known_now(const struct word_row *row, const struct import_line *l)
{
	bool is_option = strncmp(row->words, "option ", 7) == 0;
	char name[64];
	if (!is_option && strchr(row->words, ' '))
		return false;
	snprintf(name, sizeof(name), "%s", l->words[is_option].text);
	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	return schema_find(is_option ? SECTION_option : row->in, name) != NULL;
}

/* A word without a row. */
static void
generic(struct cursor *c, enum schema_section in)
{
	struct arena *a = c->im->arena;
	const char *name = import_snake(a, c->line->words[0].text);
	const char *also = schema_also(in, name), *moved = schema_moved(in, name);
	const struct schema_key *k = schema_find(in, also ? also : name);
	c->i = 1;
	if (moved) {
		struct word_row row = {.in = in, .path = moved};
		shape_ONE(c, &row);
		return;
	}
	if (!k) {
		put_at(c, name, import_scalar(c->im, c->line, 0, "true"));
		return;
	}
	struct node *value = by_schema(c, k);
	if (!value)
		return;
	if (k->form & FORM_LIST)
		append_at(c, k->name, value);
	else
		put_at(c, k->name, value);
}

/* The words of the line that a row means. */
static const char *
meant(struct importing *im, const struct import_line *line, size_t n)
{
	const char *text = line->words[0].text;
	for (size_t i = 1; i < n; i++)
		text = arena_printf(im->arena, "%s %s", text, line->words[i].text);
	return text;
}

void
import_line(struct importing *im, enum schema_section in, const struct import_line *line)
{
	struct cursor c = {.im = im, .line = line};
	const struct word_row *row = find_row(in, line, &c.i);
	if (row && row->why && !row->path && is_known_now(row, line)) {
		struct import_line first = {.words = line->words, .n = 1};
		row = strchr(row->words, ' ') ? find_row(in, &first, &c.i) : NULL;
	}
	if (!row)
		generic(&c, in);
	else if (row->shape)
		row->shape(&c, row);
	else if (row->path)
		import_lost(im, line->at, "'%s' is not for weir: %s",
			    meant(im, line, c.i), row->why);
	else
		import_note(im, line->at, "'%s' is not needed: %s", meant(im, line, c.i),
			    row->why);
}
