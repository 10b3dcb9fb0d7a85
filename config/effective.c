/* SPDX-License-Identifier: MIT
 *
 * What a section means once everything it leaves out is said: `defaults` (or the named
 * ones) under it, plain values as maps, built-in defaults from the schema. Each value
 * keeps the place it came from. Master (at load).
 */
#include "config/loading.h"
#include "lib/base/suggest.h"

static struct node *fill(struct loading *l, const struct node *map,
			 enum schema_section in, unsigned where, struct pos pos);

/* A node that can hang in another parent and keeps the path it was written at. */
static struct node *
share(struct loading *l, const struct node *n)
{
	struct node *copy = arena_alloc(l->arena, sizeof(*copy));
	*copy = *n;
	return copy;
}

/* Appends without touching the value's own parent and name. */
static void
hang(struct loading *l, struct node *map, const char *key, struct node *value)
{
	const struct node *parent = value->parent;
	const char *name = value->name;
	if (map->kind == NODE_LIST)
		node_append(l->arena, map, value);
	else
		node_put(l->arena, map, key, value);
	if (parent) {
		value->parent = parent;
		value->name = name;
	}
}

static struct node *
empty_like(struct loading *l, const struct node *n, enum node_kind kind)
{
	struct node *made = node_new(l->arena, kind, n->pos);
	made->origin = n->origin;
	made->parent = n->parent;
	made->name = n->name;
	made->serial = n->serial;
	made->has_lost = n->has_lost;
	return made;
}

static struct node *
built_in(struct loading *l, const char *text, struct pos pos, const char *origin)
{
	struct node *n = node_scalar(l->arena, text, pos);
	n->origin = origin;
	return n;
}

/* --- laying one map over another
 * -------------------------------------------------------- */

/* high over low; keys of the form MERGE are merged themselves. */
static struct node *
lay_over(struct loading *l, const struct node *low, const struct node *high,
	 enum schema_section in)
{
	struct node *out = empty_like(l, high, NODE_MAP);
	for (size_t i = 0; i < high->n; i++) {
		const char *name = high->keys[i]->text;
		struct node *value = share(l, high->items[i]),
			    *below = node_get(low, name);
		const struct schema_key *k = schema_find(in, name);
		if (below && k && (k->form & FORM_MERGE) && value->kind == NODE_MAP &&
		    below->kind == NODE_MAP)
			value = lay_over(l, below, value, k->sub);
		hang(l, out, name, value);
	}
	for (size_t i = 0; low && i < low->n; i++)
		if (!node_get(high, low->keys[i]->text))
			hang(l, out, low->keys[i]->text, share(l, low->items[i]));
	return out;
}

/* --- plain values as maps
 * ---------------------------------------------------------------- */

/* Puts the next word of a log line into the map; false: wrong (reported). */
static bool
log_word(struct loading *l, struct node *n, struct node *map, const char *key,
	 struct span text)
{
	struct node *word = node_scalar(l->arena, arena_span(l->arena, text), n->pos);
	word->origin = n->origin;
	const char *wrong = value_check(l, schema_find(SECTION_log, key), word->text);
	if (wrong)
		report_error(l->report, n, "%s", wrong);
	else
		node_put(l->arena, map, key, word);
	return !wrong;
}

/* "127.0.0.1:514 len 2000 format rfc5424 local0 info": named words, and the others in
 * their order. */
static struct node *
log_words(struct loading *l, struct node *n)
{
	static const char *const order[] = {"address", "facility", "level", "minlevel"};
	static const char *const named[] = {"len", "format", "sample"};
	struct node *map = empty_like(l, n, NODE_MAP);
	struct span rest = span_str(n->text), word;
	size_t i = 0;
	while ((word = value_word(&rest)).n) {
		const char *key = NULL;
		for (size_t j = 0; j < 3 && !key; j++)
			if (span_eq(word, span_str(named[j])))
				key = named[j];
		if (key)
			word = value_word(&rest);
		else if (i < 4)
			key = order[i++];
		if (!key) {
			report_error(l->report, n,
				     "'%.*s' is too much; expected 'address [len N] "
				     "[format F] [sample R] [facility [level "
				     "[minlevel]]]'",
				     (int)word.n, word.p);
			return NULL;
		}
		if (!word.n) {
			report_error(l->report, n, "'%s' needs a value behind it", key);
			return NULL;
		}
		if (!log_word(l, n, map, key, word))
			return NULL;
	}
	if (i == 0)
		report_error(l->report, n, "the text is empty; expected an address");
	return i ? map : NULL;
}

/* "GET /health HTTP/1.1" */
static struct node *
httpchk_words(struct loading *l, struct node *n)
{
	struct node *map = empty_like(l, n, NODE_MAP);
	struct span rest = span_str(n->text);
	struct span words[3] = {value_word(&rest), value_word(&rest), rest};
	static const char *const keys[] = {"method", "uri", "version"};
	size_t first = words[1].n ? 0 : 1;
	for (size_t i = 0; i < 3 && words[i].n; i++) {
		struct node *word =
			node_scalar(l->arena, arena_span(l->arena, words[i]), n->pos);
		word->origin = n->origin;
		node_put(l->arena, map, keys[first + i], word);
	}
	return map;
}

static bool
is_switch(const char *text)
{
	return value_choice("true|false|yes|no|on|off", text) >= 0;
}

/* The map a plain value stands for, the value itself where none does; NULL: wrong. */
static struct node *
as_map(struct loading *l, struct node *n, const struct schema_key *k)
{
	const char *main = schema_sections[k->sub].main;
	bool is_flag =
		k->type == TYPE_BOOL || k->type == TYPE_TRUE || k->type == TYPE_HTTPCHK;
	if (k->type == TYPE_LOG) {
		bool is_word = !strcmp(n->text, "none") || !strcmp(n->text, "global");
		return is_word ? n : log_words(l, n);
	}
	if (is_flag && is_switch(n->text))
		return value_bool(n->text) ? empty_like(l, n, NODE_MAP) : n;
	if (k->type == TYPE_HTTPCHK)
		return httpchk_words(l, n);
	if (k->type == TYPE_BALANCE)
		return balance_words(l, n);
	if (k->type == TYPE_COOKIE)
		return cookie_words(l, n);
	if (!main)
		return n;
	struct node *map = empty_like(l, n, NODE_MAP);
	node_put(l->arena, map, main, share(l, n));
	/* messages about the value name the key it was written at */
	map->items[0]->parent = n->parent;
	map->items[0]->name = n->name;
	return map;
}

static struct node *
normal_one(struct loading *l, const struct node *value, const struct schema_key *k,
	   unsigned where)
{
	struct node *n = share(l, value);
	if (k->sub == SECTION_none)
		return n;
	if (n->kind == NODE_SCALAR) {
		n = as_map(l, n, k);
		if (!n || n->kind == NODE_SCALAR)
			return n;
	}
	return fill(l, n, k->sub, where, n->pos);
}

static struct node *
normal_many(struct loading *l, const struct node *value, const struct schema_key *k,
	    unsigned where)
{
	if (!(k->form & FORM_LIST))
		return normal_one(l, value, k, where);
	struct node *list = empty_like(l, value, NODE_LIST);
	size_t n = value->kind == NODE_LIST ? value->n : 1;
	for (size_t i = 0; i < n; i++) {
		const struct node *item =
			value->kind == NODE_LIST ? value->items[i] : value;
		struct node *made = normal_one(l, item, k, where);
		if (made)
			hang(l, list, NULL, made);
	}
	return list;
}

static struct node *
normal(struct loading *l, const struct node *value, const struct schema_key *k,
       unsigned where)
{
	if (!(k->form & FORM_NAMED))
		return normal_many(l, value, k, where);
	struct node *map = empty_like(l, value, NODE_MAP);
	for (size_t i = 0; i < value->n; i++) {
		struct node *made = normal_many(l, value->items[i], k, where);
		if (made) {
			hang(l, map, value->keys[i]->text, made);
			map->keys[map->n - 1] = value->keys[i];
		}
	}
	return map;
}

/* --- built-in defaults
 * ------------------------------------------------------------------- */

static struct node *
default_of(struct loading *l, const struct schema_key *k, const struct node *filled,
	   unsigned where, struct pos pos)
{
	if (!k->deflt || k->deflt[0] == '!' || k->deflt[0] == '(')
		return NULL;
	if (strcmp(k->deflt, "{}") == 0) {
		struct node *n = fill(l, NULL, k->sub, where, pos);
		n->origin = "built-in";
		return n;
	}
	if (k->deflt[0] == '@') {
		const char *text = node_text(filled, k->deflt + 1);
		return text ? built_in(l, text, pos,
				       arena_printf(l->arena, "built-in, as %s",
						    k->deflt + 1))
			    : NULL;
	}
	struct node *n = built_in(l, k->deflt, pos, "built-in");
	return normal(l, n, k, where);
}

/* The keys of a section in the order of the schema, with everything said. */
static struct node *
fill(struct loading *l, const struct node *map, enum schema_section in, unsigned where,
     struct pos pos)
{
	struct node *out =
		map ? empty_like(l, map, NODE_MAP) : node_new(l->arena, NODE_MAP, pos);
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++) {
		if (k->in != in || !(k->where & where))
			continue;
		const struct node *given = node_get(map, k->name);
		unsigned inner = schema_inner(k, where);
		struct node *value = given ? normal(l, given, k, inner)
					   : default_of(l, k, out, inner, pos);
		if (value)
			hang(l, out, k->name, value);
	}
	return out;
}

struct node *
effective_empty(struct loading *l, enum schema_section in, struct pos pos)
{
	return fill(l, NULL, in, WHERE_ANY, pos);
}

/* --- proxies
 * ------------------------------------------------------------------------------ */

/* The section `from` names; NULL with a report when there is none. */
static const struct node *
named_defaults(struct loading *l, const struct node *from)
{
	const struct node *named = node_get(l->root, "named_defaults");
	const struct node *base = node_get(named, from->text);
	if (base)
		return base;
	struct suggest s = suggest_begin(span_str(from->text));
	for (size_t i = 0; named && i < named->n; i++)
		suggest_offer(&s, named->keys[i]->text);
	report_error(l->report, from, "there are no named_defaults '%s'%s%s%s",
		     from->text, s.best ? "; did you mean '" : "", s.best ? s.best : "",
		     s.best ? "'?" : "");
	return NULL;
}

const struct node *
effective_below(struct loading *l, const struct node *section)
{
	const struct node *from = node_get(section, "from");
	const struct node *defaults = node_get(l->root, "defaults");
	bool is_proxy = section != defaults &&
			section->parent != node_get(l->root, "named_defaults");
	return from ? named_defaults(l, from) : is_proxy ? defaults : NULL;
}

/* What lies under a section, with what lies under that. */
static const struct node *
base_of(struct loading *l, const struct node *section, int depth)
{
	const struct node *from = node_get(section, "from");
	const struct node *base = effective_below(l, section);
	if (!base)
		return NULL;
	if (depth == 0) {
		report_error(l->report, from ? from : section,
			     "'from' leads back to itself");
		return NULL;
	}
	const struct node *below = base_of(l, base, depth - 1);
	return below ? lay_over(l, below, base, SECTION_proxy) : base;
}

/* default_server under each server; it is of no use behind that. */
static void
spread_default_server(struct loading *l, struct node *proxy)
{
	size_t at = node_find(proxy, "default_server"), i = node_find(proxy, "servers");
	if (at == proxy->n)
		return;
	const struct node *template = proxy->items[at];
	if (i < proxy->n && proxy->items[i]->kind == NODE_MAP) {
		const struct schema_key *k = schema_find(SECTION_proxy, "servers");
		const struct node *old = proxy->items[i];
		struct node *servers = empty_like(l, old, NODE_MAP);
		for (size_t s = 0; s < old->n; s++) {
			struct node *server = share(l, old->items[s]);
			if (server->kind == NODE_SCALAR)
				server = as_map(l, server, k);
			hang(l, servers, old->keys[s]->text,
			     lay_over(l, template, server, SECTION_server));
			servers->keys[s] = old->keys[s];
		}
		proxy->items[i] = servers;
	}
	node_remove(proxy, at);
}

static void
make_proxies(struct loading *l, const char *name, unsigned where)
{
	const struct node *sections = node_get(l->root, name);
	struct node *out = node_new(l->arena, NODE_MAP, l->root->pos);
	for (size_t i = 0; sections && i < sections->n; i++) {
		struct node *section = sections->items[i];
		const struct node *base = base_of(l, section, CFG_FROM_DEPTH_MAX);
		struct node *whole = lay_over(l, base, section, SECTION_proxy);
		size_t from = node_find(whole, "from");
		if (from < whole->n)
			node_remove(whole, from);
		spread_default_server(l, whole);
		struct node *made = fill(l, whole, SECTION_proxy, where, section->pos);
		made->serial = sections->keys[i]->serial;
		hang(l, out, sections->keys[i]->text, made);
		out->keys[i] = sections->keys[i];
	}
	node_put(l->arena, l->effective, name, out);
}

/* `from` of named defaults that no proxy uses is checked too. */
static void
check_named_defaults(struct loading *l)
{
	const struct node *named = node_get(l->root, "named_defaults");
	for (size_t i = 0; named && i < named->n; i++)
		base_of(l, named->items[i], CFG_FROM_DEPTH_MAX);
}

void
effective_make(struct loading *l)
{
	l->effective = node_new(l->arena, NODE_MAP, l->root->pos);
	const struct node *global = node_get(l->root, "global");
	node_put(l->arena, l->effective, "global",
		 fill(l, global, SECTION_global, WHERE_ANY, l->root->pos));
	check_named_defaults(l);
	static const char *const as_they_are[] = {"http_errors", "userlists"};
	for (size_t i = 0; i < 2; i++) {
		const struct node *n = node_get(l->root, as_they_are[i]);
		if (n)
			hang(l, l->effective, as_they_are[i], share(l, n));
	}
	static const char *const filled[] = {"tables", "checks"};
	for (size_t i = 0; i < 2; i++) {
		const struct node *n = node_get(l->root, filled[i]);
		if (n)
			hang(l, l->effective, filled[i],
			     normal(l, n, schema_find(SECTION_root, filled[i]),
				    WHERE_ANY));
	}
	make_proxies(l, "frontends", WHERE_FRONTEND);
	make_proxies(l, "backends", WHERE_BACKEND);
	make_proxies(l, "listens", WHERE_LISTEN);
}
