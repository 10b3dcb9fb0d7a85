/* SPDX-License-Identifier: MIT
 *
 * YAML to nodes, with libyaml's events: positions, anchors, aliases and merge keys.
 * What makes YAML a trap is refused here: tags, tabs, duplicate keys, a second document.
 * Master (at load).
 */
#include <yaml.h>

#include "config/loading.h"

struct anchor {
	const char *name;
	const struct node *node;
};

/* Where a scalar lies, in characters from the beginning: tabs are its own affair. */
struct stretch {
	size_t from, to;
};

struct reader {
	struct loading *l;
	yaml_parser_t parser;
	const char *file;
	struct anchor *anchors;
	size_t anchors_n;
	struct stretch *scalars;
	size_t scalars_n;
	bool is_broken;	  /* libyaml gave up */
	size_t broken_at; /* there, in characters */
};

/* Where an event's node goes: the parent and the key in it. */
struct slot {
	struct node *parent; /* NULL: the root */
	struct node *key;    /* NULL: a list */
	int depth;
};

static struct pos
pos_of(const struct reader *r, yaml_mark_t mark)
{
	return (struct pos){r->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

static const char *
slot_path(const struct reader *r, const struct slot *s)
{
	if (!s->parent)
		return "";
	const char *above = node_path(r->l->arena, s->parent);
	const char *name =
		s->key ? s->key->text : arena_printf(r->l->arena, "%zu", s->parent->n);
	return above[0] ? arena_printf(r->l->arena, "%s.%s", above, name) : name;
}

/* Hangs the node into its parent, so that messages about its children have a path. */
static void
attach(struct reader *r, const struct slot *s, struct node *n)
{
	n->serial = ++r->l->serial;
	if (s->parent && s->key)
		node_add(r->l->arena, s->parent, s->key, n);
	else if (s->parent)
		node_append(r->l->arena, s->parent, n);
}

/* --- errors ----------------------------------------------------------------------- */

static void
syntax_error(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	struct pos at = pos_of(r, p->problem_mark);
	const char *problem = p->problem ? p->problem : "not YAML";
	const char *context = p->context ? p->context : "";
	r->is_broken = true;
	r->broken_at = p->problem_mark.index;
	r->l->has_syntax_error = true;
	if (p->error == YAML_READER_ERROR) {
		const unsigned char *bytes = p->input.string.start;
		at = (struct pos){r->file, 1, 1};
		for (size_t i = 0;
		     i < p->problem_offset && bytes + i < p->input.string.end; i++) {
			at.col = bytes[i] == '\n' ? 1 : at.col + 1;
			at.line += bytes[i] == '\n';
		}
		report_error_at(r->l->report, at, NULL, "%s; expected text in UTF-8",
				problem);
		return;
	}
	if (p->buffer.pointer < p->buffer.last && *p->buffer.pointer == '\t')
		return; /* refuse_tabs() will say it better */
	const char *hint = "";
	if (strstr(context, "tag") || strstr(problem, "tag"))
		hint = "; a text that begins with '!' must be quoted";
	else if (strstr(context, "alias") || strstr(problem, "alias"))
		hint = "; a text that begins with '*' must be quoted: \"*:80\"";
	else if (strstr(problem, "cannot start any token"))
		hint = "; a text that begins with %, @ or ` must be quoted";
	else if (strstr(problem, "mapping values are not allowed"))
		hint = "; a text with ': ' in it must be quoted";
	report_error_at(r->l->report, at, NULL, "YAML: %s%s%s%s", problem,
			context[0] ? " " : "", context, hint);
}

static bool
next(struct reader *r, yaml_event_t *e)
{
	if (r->is_broken)
		return false;
	if (yaml_parser_parse(&r->parser, e))
		return true;
	syntax_error(r);
	return false;
}

static void
tag_error(struct reader *r, const struct slot *s, struct pos at, const char *tag,
	  const char *text)
{
	if (tag[0] == '!')
		report_error_at(
			r->l->report, at, slot_path(r, s),
			"YAML takes '%s' for a tag; a text that begins with '!' must be "
			"quoted: \"%s%s%s\"",
			tag, tag, text[0] ? " " : "", text);
	else
		report_error_at(
			r->l->report, at, slot_path(r, s),
			"the tag '%s' is not accepted; the keyword decides the type, "
			"expected the value alone",
			tag);
}

/* --- nodes -------------------------------------------------------------------------- */

static struct node *parse_node(struct reader *r, yaml_event_t *e, const struct slot *s);

static bool
remember(struct reader *r, const yaml_char_t *name, const struct node *n)
{
	if (!name)
		return true;
	struct arena *a = r->l->arena;
	r->anchors = arena_grow(a, r->anchors, r->anchors_n, sizeof(*r->anchors));
	r->anchors[r->anchors_n++] =
		(struct anchor){arena_strdup(a, (const char *)name), n};
	return true;
}

static size_t
characters(const char *p, size_t n)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		count += ((unsigned char)p[i] & 0xc0) != 0x80;
	return count;
}

/* The column of the text's first character, 0 when the file has it in another shape. */
static unsigned
text_column(const yaml_event_t *e)
{
	const char *value = (const char *)e->data.scalar.value;
	size_t n = e->data.scalar.length, quotes = 0;
	yaml_scalar_style_t style = e->data.scalar.style;
	if (style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
	    style == YAML_DOUBLE_QUOTED_SCALAR_STYLE)
		quotes = 1;
	else if (style != YAML_PLAIN_SCALAR_STYLE)
		return 0;
	if (e->start_mark.line != e->end_mark.line ||
	    e->end_mark.index - e->start_mark.index != characters(value, n) + 2 * quotes)
		return 0;
	return (unsigned)(e->start_mark.column + 1 + quotes);
}

static struct node *
make_scalar(struct reader *r, const yaml_event_t *e, const char *path)
{
	struct arena *a = r->l->arena;
	struct pos at = pos_of(r, e->start_mark);
	const char *raw = (const char *)e->data.scalar.value, *err = NULL;
	r->scalars = arena_grow(a, r->scalars, r->scalars_n, sizeof(*r->scalars));
	r->scalars[r->scalars_n++] =
		(struct stretch){e->start_mark.index, e->end_mark.index};
	if (memchr(raw, '\0', e->data.scalar.length)) {
		report_error_at(r->l->report, at, path, "a NUL byte; expected text");
		return NULL;
	}
	const char *text = vars_expand(r->l, raw, &err);
	if (!text) {
		report_error_at(r->l->report, at, path, "%s", err);
		return NULL;
	}
	struct node *n = node_scalar(a, arena_strdup(a, text), at);
	n->is_plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->text_col = text == raw ? text_column(e) : 0;
	return n;
}

static struct node *
parse_scalar(struct reader *r, yaml_event_t *e, const struct slot *s)
{
	const char *tag = (const char *)e->data.scalar.tag;
	const char *path = slot_path(r, s);
	struct node *n = make_scalar(r, e, path);
	if (tag)
		tag_error(r, s, pos_of(r, e->start_mark), tag,
			  (const char *)e->data.scalar.value);
	bool is_wrong = !n || tag;
	if (!n)
		n = node_scalar(r->l->arena, "", pos_of(r, e->start_mark));
	n->is_bad = is_wrong;
	attach(r, s, n);
	remember(r, e->data.scalar.anchor, n);
	return n;
}

/* Aliases of aliases of aliases: said once. */
static void
alias_bomb(struct reader *r, struct pos at)
{
	if (!r->l->is_alias_bomb)
		report_error_at(r->l->report, at, NULL,
				"aliases expand to more than %d values; expected fewer",
				CFG_ALIAS_NODES_MAX);
	r->l->is_alias_bomb = true;
}

static struct node *
parse_alias(struct reader *r, const yaml_event_t *e, const struct slot *s)
{
	const char *name = (const char *)e->data.alias.anchor;
	struct pos at = pos_of(r, e->start_mark);
	const struct node *target = NULL;
	for (size_t i = r->anchors_n; i-- > 0 && !target;)
		if (strcmp(r->anchors[i].name, name) == 0)
			target = r->anchors[i].node;
	struct node *n = NULL;
	if (!target)
		report_error_at(
			r->l->report, at, slot_path(r, s),
			"unknown alias '*%s'; expected an anchor '&%s' before it, in "
			"the same file",
			name, name);
	else if (!(n = node_copy(r->l->arena, target, &r->l->alias_budget)))
		alias_bomb(r, at);
	if (!n) {
		n = node_scalar(r->l->arena, "", at);
		n->is_bad = true;
	}
	attach(r, s, n);
	return n;
}

/* The keys of a `<<` map, where the map has none of its own. */
static void
merge_into(struct reader *r, struct node *map, const struct node *from)
{
	if (from->kind == NODE_LIST) {
		for (size_t i = 0; i < from->n; i++)
			merge_into(r, map, from->items[i]);
		return;
	}
	if (from->kind != NODE_MAP) {
		if (!from->is_bad)
			report_error_at(
				r->l->report, from->pos, node_path(r->l->arena, map),
				"'<<' needs a map, or a list of maps, such as *anchor");
		return;
	}
	for (size_t i = 0; i < from->n; i++) {
		if (node_get(map, from->keys[i]->text))
			continue;
		struct node *copy =
			node_copy(r->l->arena, from->items[i], &r->l->alias_budget);
		if (!copy) {
			alias_bomb(r, from->pos);
			return;
		}
		node_add(r->l->arena, map, from->keys[i], copy);
	}
}

/* A key of a map: NULL when it can't be one (reported) or libyaml gave up. */
static struct node *
parse_key(struct reader *r, yaml_event_t *e, struct node *map, int depth)
{
	struct slot nowhere = {.depth = depth};
	if (e->type != YAML_SCALAR_EVENT) {
		report_error_at(
			r->l->report, pos_of(r, e->start_mark),
			node_path(r->l->arena, map),
			"a key must be plain text; a text that begins with {, [ or * "
			"must be quoted");
		parse_node(r, e, &nowhere);
		return NULL;
	}
	struct node *key = make_scalar(r, e, node_path(r->l->arena, map));
	if (key && e->data.scalar.tag) {
		nowhere.parent = map;
		nowhere.key = key;
		tag_error(r, &nowhere, key->pos, (const char *)e->data.scalar.tag,
			  key->text);
		key = NULL;
	}
	if (key) {
		key->serial = ++r->l->serial;
		remember(r, e->data.scalar.anchor, key);
	}
	return key;
}

static void
parse_pair(struct reader *r, yaml_event_t *e, struct node *map, struct node *merges,
	   int depth)
{
	struct node *key = parse_key(r, e, map, depth);
	yaml_event_t value;
	if (!next(r, &value))
		return;
	struct slot to = {.parent = map, .key = key, .depth = depth};
	size_t first = key ? node_find(map, key->text) : map->n;
	bool is_merge = key && key->is_plain && strcmp(key->text, "<<") == 0;
	if (first < map->n && !is_merge)
		report_error_at(r->l->report, key->pos, slot_path(r, &to),
				"this key is here twice; the first is at %s",
				report_place(r->l->arena, map->keys[first]->pos));
	if (!key || is_merge || first < map->n)
		to.parent = NULL;
	struct node *n = parse_node(r, &value, &to);
	if (n && is_merge)
		node_append(r->l->arena, merges, n);
	yaml_event_delete(&value);
}

static struct node *
parse_map(struct reader *r, yaml_event_t *e, const struct slot *s)
{
	struct node *map = node_new(r->l->arena, NODE_MAP, pos_of(r, e->start_mark));
	struct node *merges = node_new(r->l->arena, NODE_LIST, map->pos);
	yaml_event_t child;
	attach(r, s, map);
	while (next(r, &child)) {
		bool ends = child.type == YAML_MAPPING_END_EVENT;
		if (!ends)
			parse_pair(r, &child, map, merges, s->depth + 1);
		yaml_event_delete(&child);
		if (ends)
			break;
	}
	merge_into(r, map, merges);
	return map;
}

static struct node *
parse_list(struct reader *r, yaml_event_t *e, const struct slot *s)
{
	struct node *list = node_new(r->l->arena, NODE_LIST, pos_of(r, e->start_mark));
	struct slot to = {.parent = list, .depth = s->depth + 1};
	yaml_event_t child;
	attach(r, s, list);
	while (next(r, &child)) {
		bool ends = child.type == YAML_SEQUENCE_END_EVENT;
		if (!ends)
			parse_node(r, &child, &to);
		yaml_event_delete(&child);
		if (ends)
			break;
	}
	return list;
}

/* Reads what begins with e. NULL when libyaml gave up. */
static struct node *
parse_node(struct reader *r, yaml_event_t *e, const struct slot *s)
{
	if (e->type == YAML_SCALAR_EVENT)
		return parse_scalar(r, e, s);
	if (e->type == YAML_ALIAS_EVENT)
		return parse_alias(r, e, s);
	if (s->depth >= CFG_DEPTH_MAX) {
		report_error_at(r->l->report, pos_of(r, e->start_mark), NULL,
				"nested deeper than %d levels", CFG_DEPTH_MAX);
		r->is_broken = true;
		r->broken_at = e->start_mark.index;
		r->l->has_syntax_error = true;
		return NULL;
	}
	bool is_map = e->type == YAML_MAPPING_START_EVENT;
	const char *tag = (const char *)(is_map ? e->data.mapping_start.tag
						: e->data.sequence_start.tag);
	if (tag)
		tag_error(r, s, pos_of(r, e->start_mark), tag,
			  is_map ? "{ ... }" : "[ ... ]");
	struct node *n = is_map ? parse_map(r, e, s) : parse_list(r, e, s);
	n->is_bad = tag != NULL;
	if (!r->is_broken)
		remember(r,
			 is_map ? e->data.mapping_start.anchor
				: e->data.sequence_start.anchor,
			 n);
	return n;
}

/* --- tabs ----------------------------------------------------------------------------
 */

/* libyaml lets tabs pass between tokens; they are refused everywhere outside scalars
 * and comments. */
static void
refuse_tabs(struct reader *r, const char *bytes, size_t n)
{
	struct pos at = {r->file, 1, 1};
	size_t index = 0, scalar = 0;
	bool is_comment = false;
	char before = '\n';
	for (size_t i = 0; i < n && (!r->is_broken || index <= r->broken_at); i++) {
		char c = bytes[i];
		if (((unsigned char)c & 0xc0) == 0x80)
			continue;
		while (scalar < r->scalars_n && r->scalars[scalar].to <= index)
			scalar++;
		bool is_scalar =
			scalar < r->scalars_n && r->scalars[scalar].from <= index;
		if (c == '#' && !is_scalar && strchr(" \t\n\r", before))
			is_comment = true;
		if (c == '\t' && !is_scalar && !is_comment) {
			report_error_at(
				r->l->report, at, NULL,
				"a tab; expected blanks, YAML does not indent with tabs");
			return;
		}
		is_comment = is_comment && c != '\n';
		at.col = c == '\n' ? 1 : at.col + 1;
		at.line += c == '\n';
		before = c;
		index++;
	}
}

/* --- documents
 * -------------------------------------------------------------------------- */

static struct node *
parse_stream(struct reader *r)
{
	struct node *root = NULL;
	struct slot top = {0};
	int documents = 0;
	yaml_event_t e;
	while (next(r, &e)) {
		bool ends = e.type == YAML_STREAM_END_EVENT;
		if (e.type == YAML_DOCUMENT_START_EVENT && ++documents == 2) {
			report_error_at(
				r->l->report, pos_of(r, e.start_mark), NULL,
				"a second document; expected one per file, without "
				"'---' in between");
			ends = true;
		} else if (e.type == YAML_SCALAR_EVENT || e.type == YAML_ALIAS_EVENT ||
			   e.type == YAML_MAPPING_START_EVENT ||
			   e.type == YAML_SEQUENCE_START_EVENT) {
			root = parse_node(r, &e, &top);
		}
		yaml_event_delete(&e);
		if (ends)
			break;
	}
	return root;
}

struct node *
yaml_parse(struct loading *l, const char *name, const char *bytes, size_t n)
{
	struct reader r = {.l = l, .file = name};
	if (!yaml_parser_initialize(&r.parser)) {
		report_error_at(l->report, (struct pos){name, 0, 0}, NULL,
				"out of memory");
		return NULL;
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, n);
	struct node *root = parse_stream(&r);
	yaml_parser_delete(&r.parser);
	refuse_tabs(&r, bytes, n);
	if (r.is_broken || !root || node_is_empty(root))
		return NULL;
	if (root->kind != NODE_MAP) {
		report_error_at(
			l->report, root->pos, NULL,
			"not a configuration; expected sections such as 'frontends:'");
		return NULL;
	}
	return root;
}
