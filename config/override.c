/* SPDX-License-Identifier: MIT
 *
 * Values over those of the sections: `overlay` of the files, above it the command line:
 * "-o path.to.key=value" and the switches that stand for a keyword (-n, -p, -D). Master
 * (at load).
 */
#include "config/loading.h"
#include "lib/base/suggest.h"

struct override {
	struct pos at;
	const char *path; /* without the value */
	const char *value;
};

/* The child of a map that the front of *rest names, longest name first, because names of
 * proxies may hold dots; else a new key of one component. */
static const char *
take_name(struct loading *l, const struct node *map, const char **rest)
{
	size_t best = 0, n;
	for (size_t i = 0; map->kind == NODE_MAP && i < map->n; i++) {
		n = strlen(map->keys[i]->text);
		if (n > best && strncmp(*rest, map->keys[i]->text, n) == 0 &&
		    ((*rest)[n] == '.' || (*rest)[n] == '\0'))
			best = n;
	}
	n = best ? best : strcspn(*rest, ".");
	const char *name = arena_span(l->arena, span_of(*rest, n));
	*rest += n + ((*rest)[n] == '.');
	return name;
}

static bool
is_number(const char *name)
{
	return name[0] && name[strspn(name, "0123456789")] == '\0';
}

/* A single value counts as a list of one: ".0" is the value itself. */
static bool
is_itself(const struct node *n, const char *name)
{
	return n->kind != NODE_LIST && strcmp(name, "0") == 0 &&
	       (n->kind == NODE_SCALAR || node_find(n, name) == n->n);
}

static void
replace(struct node *n, const struct node *value)
{
	struct node old = *n;
	*n = *value;
	n->parent = old.parent;
	n->name = old.name;
	for (size_t i = 0; i < n->n; i++)
		n->items[i]->parent = n;
}

static bool
is_section_list(const struct node *n)
{
	return n->parent && !n->parent->name &&
	       (!strcmp(n->name, "frontends") || !strcmp(n->name, "backends") ||
		!strcmp(n->name, "listens") || !strcmp(n->name, "named_defaults"));
}

static void
no_section(struct loading *l, const struct override *o, const struct node *map,
	   const char *name)
{
	struct suggest s = suggest_begin(span_str(name));
	for (size_t i = 0; i < map->n; i++)
		suggest_offer(&s, map->keys[i]->text);
	report_error_at(l->report, o->at, o->path, "there is no '%s' in %s%s%s%s", name,
			node_path(l->arena, map), s.best ? "; did you mean '" : "",
			s.best ? s.best : "", s.best ? "'?" : "");
}

/* A place in a list: its index, 0..n. n when it is none. */
static size_t
list_index(const struct node *list, const char *name)
{
	size_t i = 0;
	while (i < list->n && strcmp(list->items[i]->name, name) != 0)
		i++;
	return i;
}

/* "option: [httplog]" becomes "option: {httplog: true}", so that a key can be set. */
static void
names_to_map(struct loading *l, struct node *list)
{
	struct node old = *list;
	list->kind = NODE_MAP;
	list->items = NULL;
	list->n = 0;
	for (size_t i = 0; i < old.n; i++) {
		struct node *value = node_scalar(l->arena, "true", old.items[i]->pos);
		node_add(l->arena, list, old.items[i], value);
	}
}

static bool
is_list_of_names(const struct node *n)
{
	if (n->kind != NODE_LIST || !n->name || strcmp(n->name, "option") != 0)
		return false;
	for (size_t i = 0; i < n->n; i++)
		if (n->items[i]->kind != NODE_SCALAR)
			return false;
	return true;
}

/* A plain `option: httplog` or `servers.a: address` in the way of a deeper path. */
static bool
open_scalar(struct loading *l, struct node *n)
{
	static const char *const mains[][2] = {{"bind", "address"},
					       {"balance", "algorithm"}};
	struct node *old = node_scalar(l->arena, n->text, n->pos);
	const char *key = NULL;
	old->text_col = n->text_col;
	if (node_is_empty(n)) {
		n->kind = NODE_MAP;
		return true;
	}
	for (size_t i = 0; i < 2; i++)
		if (n->name && strcmp(n->name, mains[i][0]) == 0)
			key = mains[i][1];
	if (n->parent && n->parent->name && strcmp(n->parent->name, "servers") == 0)
		key = "address";
	if (n->name && strcmp(n->name, "option") == 0) {
		key = n->text;
		old->text = "true";
	}
	if (!key)
		return false;
	n->kind = NODE_MAP;
	node_put(l->arena, n, key, old);
	return true;
}

/* One step down: the index of the child that is named, n when it is new; -1: wrong. */
static long
step(struct loading *l, const struct override *o, struct node *at, const char *name)
{
	if (at->kind == NODE_SCALAR && !open_scalar(l, at)) {
		report_error_at(l->report, o->at, o->path,
				"'%s' is a plain value; expected a path that ends there",
				node_path(l->arena, at));
		return -1;
	}
	if (at->kind == NODE_MAP) {
		size_t i = node_find(at, name);
		if (i == at->n && at != l->root && is_section_list(at)) {
			no_section(l, o, at, name);
			return -1;
		}
		return (long)i;
	}
	size_t i = list_index(at, name);
	if (i < at->n)
		return (long)i;
	report_error_at(l->report, o->at, o->path,
			"'%s' is a list of %zu; expected a position from 0",
			node_path(l->arena, at), at->n);
	return -1;
}

static void
set(struct loading *l, const struct override *o, struct node *value)
{
	struct node *at = l->root;
	const char *rest = o->path;
	for (;;) {
		const char *name = take_name(l, at, &rest);
		bool is_last = rest[0] == '\0';
		if (is_list_of_names(at) && !is_number(name))
			names_to_map(l, at);
		if (is_itself(at, name)) {
			if (!is_last)
				continue;
			replace(at, value);
			return;
		}
		long i = step(l, o, at, name);
		if (i < 0)
			return;
		if ((size_t)i == at->n)
			node_put(l->arena, at, name,
				 is_last ? value : node_new(l->arena, NODE_MAP, o->at));
		else if (is_last)
			replace(at->items[i], value);
		if (is_last)
			return;
		at = at->items[i];
	}
}

static void
apply(struct loading *l, const char *origin, const char *path, const char *text)
{
	struct override o = {.at = {origin, 0, 0}, .path = path, .value = text};
	struct node *value = node_scalar(l->arena, text, o.at);
	value->origin = origin;
	set(l, &o, value);
}

static void
apply_text(struct loading *l, const char *text)
{
	struct pos at = {"command line -o", 0, 0};
	const char *equals = strchr(text, '=');
	size_t n = equals ? (size_t)(equals - text) : 0;
	if (n == 0 || text[0] == '.' || text[n - 1] == '.') {
		report_error_at(l->report, at, NULL,
				"'%s' is not an override; expected path.to.key=value",
				text);
		return;
	}
	const char *err = NULL, *value = vars_expand(l, equals + 1, &err);
	const char *path = arena_span(l->arena, span_of(text, n));
	if (!value)
		report_error_at(l->report, at, path, "%s", err);
	else
		apply(l, "command line -o", path, arena_strdup(l->arena, value));
}

/* `overlay: {path.to.key: value}`, where a value may be a whole map, of a server for
 * instance; lists the schema refuses. */
static void
apply_overlay(struct loading *l)
{
	const struct node *overlay = node_get(l->root, "overlay");
	for (size_t i = 0; overlay && overlay->kind == NODE_MAP && i < overlay->n; i++) {
		const struct node *key = overlay->keys[i];
		struct node *given = overlay->items[i];
		struct override o = {.at = key->pos, .path = key->text};
		size_t n = strlen(o.path);
		if (given->kind == NODE_LIST)
			continue;
		if (n == 0 || o.path[0] == '.' || o.path[n - 1] == '.' ||
		    !strchr(o.path, '.')) {
			report_error_at(l->report, o.at, NULL,
					"'%s' is no path; expected path.to.key", o.path);
			continue;
		}
		struct node *value = node_new(l->arena, given->kind, given->pos);
		replace(value, given);
		replace(given, node_scalar(l->arena, "", given->pos)); /* it is there */
		set(l, &o, value);
	}
}

void
override_apply(struct loading *l)
{
	const struct cfg_request *r = l->request;
	apply_overlay(l);
	for (size_t i = 0; i < r->overrides_n; i++)
		apply_text(l, r->overrides[i]);
	if (r->daemon)
		apply(l, "command line -D", "global.daemon", "true");
	if (r->pidfile)
		apply(l, "command line -p", "global.pidfile",
		      arena_strdup(l->arena, r->pidfile));
	if (r->maxconn)
		apply(l, "command line -n", "global.maxconn",
		      arena_printf(l->arena, "%u", r->maxconn));
}
