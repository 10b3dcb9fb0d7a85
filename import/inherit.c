/* SPDX-License-Identifier: MIT
 *
 * Rules of named defaults: weir's defaults have none, so each proxy that starts from them
 * gets them in front of its own. Where HAProxy refuses them they are refused here.
 */
#include <string.h>

#include "import/importing.h"

enum { FRONT = WHERE_FRONTEND, BACK = WHERE_BACKEND };

static const struct {
	const char *map, *key; /* map NULL: the list is in the section itself */
	const char *words;     /* in haproxy.cfg */
	unsigned where;
} lists[] = {
	{NULL, "http_request", "http-request", FRONT | BACK},
	{NULL, "http_response", "http-response", FRONT | BACK},
	{NULL, "http_after_response", "http-after-response", FRONT | BACK},
	{"tcp_request", "connection", "tcp-request connection", FRONT},
	{"tcp_request", "session", "tcp-request session", FRONT},
	{"tcp_request", "content", "tcp-request content", FRONT | BACK},
	{"tcp_response", "content", "tcp-response content", BACK},
};
enum { LISTS_N = sizeof(lists) / sizeof(lists[0]) };

static struct node *
list_of(const struct node *section, size_t i)
{
	const struct node *map = lists[i].map ? node_get(section, lists[i].map) : section;
	struct node *list =
		map && map->kind == NODE_MAP ? node_get(map, lists[i].key) : NULL;
	return list && list->kind == NODE_LIST ? list : NULL;
}

static bool
has_rules(const struct node *base)
{
	for (size_t i = 0; i < LISTS_N; i++)
		if (list_of(base, i))
			return true;
	return false;
}

static struct node *
copy(struct importing *im, const struct node *n)
{
	size_t budget = SIZE_MAX;
	return node_copy(im->arena, n, &budget);
}

/* --- what HAProxy refuses -------------------------------------------------------------
 */

static struct node *
base_named(struct importing *im, const char *name)
{
	for (size_t i = im->bases_n; name && i-- > 0;)
		if (im->bases[i].name && strcmp(im->bases[i].name, name) == 0)
			return im->bases[i].map;
	return NULL;
}

static void
refuse_base(struct importing *im, const struct import_base *b)
{
	const struct node *from = base_named(im, node_text(b->map, "from"));
	if (!b->name && has_rules(b->map))
		import_lost(im, b->at, "rules need defaults with a name");
	for (size_t i = 0; i < LISTS_N; i++)
		if (list_of(b->map, i))
			import_refuse_unnamed(im, list_of(b->map, i));
	if (node_get(b->map, "acl"))
		import_refuse_unnamed(im, node_get(b->map, "acl"));
	if (from && has_rules(from))
		import_lost(im, b->at,
			    "other defaults cannot start from these, which "
			    "have rules");
}

/* false: the proxy may not start from them (told). */
static bool
may_use(struct importing *im, const struct import_use *u)
{
	if (u->where == WHERE_LISTEN) {
		import_lost(im, u->map->pos,
			    "a listen cannot start from defaults with "
			    "rules; write a frontend and a backend");
		return false;
	}
	for (size_t i = 0; i < im->uses_n; i++)
		if (im->uses[i].base == u->base && im->uses[i].where != u->where) {
			import_lost(im, u->map->pos,
				    "defaults with rules are for frontends or for "
				    "backends, and line %u uses them too",
				    im->uses[i].map->pos.line);
			return false;
		}
	for (size_t i = 0; i < LISTS_N; i++)
		if (list_of(u->base, i) && !(lists[i].where & u->where)) {
			import_lost(im, u->map->pos,
				    "its defaults have '%s', which is not possible here",
				    lists[i].words);
			return false;
		}
	return true;
}

/* --- taking them over ------------------------------------------------------------------
 */

/* The list of a proxy with those of its defaults in front. */
static void
put_before(struct importing *im, struct node *section, size_t i,
	   const struct node *inherited)
{
	struct node *map = section, *made = node_new(im->arena, NODE_LIST, section->pos);
	const struct node *own = list_of(section, i);
	if (lists[i].map && !(map = node_get(section, lists[i].map))) {
		map = node_new(im->arena, NODE_MAP, section->pos);
		node_put(im->arena, section, lists[i].map, map);
	}
	for (size_t j = 0; j < inherited->n; j++)
		node_append(im->arena, made, copy(im, inherited->items[j]));
	for (size_t j = 0; own && j < own->n; j++)
		node_append(im->arena, made, own->items[j]);
	if (own)
		node_remove(map, node_find(map, lists[i].key));
	node_put(im->arena, map, lists[i].key, made);
}

/* What the proxy does not say itself of a map with other things beside rules. */
static void
complete(struct importing *im, struct node *section, const struct node *base,
	 const char *key)
{
	const struct node *from = node_get(base, key);
	struct node *to = node_get(section, key);
	if (!from || from->kind != NODE_MAP)
		return;
	if (!to) {
		to = node_new(im->arena, NODE_MAP, section->pos);
		node_put(im->arena, section, key, to);
	}
	for (size_t i = 0; i < from->n; i++)
		if (!node_get(to, from->keys[i]->text) &&
		    from->items[i]->kind == NODE_SCALAR)
			node_put(im->arena, to, from->keys[i]->text,
				 copy(im, from->items[i]));
}

/* A name that both have means the proxy's own in its rules, and theirs in theirs. */
static void
take_acls(struct importing *im, struct node *section, const struct node *base)
{
	const struct node *from = node_get(base, "acl"), *own = node_get(section, "acl");
	for (size_t i = 0; from && own && i < from->n; i++)
		if (node_get(own, from->keys[i]->text))
			import_lost(im, section->pos,
				    "its defaults have another acl '%s'; rename one",
				    from->keys[i]->text);
	complete(im, section, base, "acl");
}

/* A check is one thing in haproxy.cfg: a proxy with an "option httpchk" or with
 * "http-check" rules of its own has nothing of its defaults' check. Here the two are
 * inherited one by one. */
static void
replace_check(struct importing *im, const struct import_use *use)
{
	const struct node *request = node_get(node_get(use->base, "option"), "httpchk");
	struct node *options = node_get(use->map, "option");
	bool has_request = node_get(options, "httpchk") != NULL;
	bool has_rules = node_get(use->map, "http_check") != NULL;
	bool is_switch = !request || (request->kind == NODE_SCALAR &&
				      (strcmp(request->text, "true") == 0 ||
				       strcmp(request->text, "false") == 0));
	if (has_rules && !has_request && !is_switch) {
		if (!options) {
			options = node_new(im->arena, NODE_MAP, use->map->pos);
			node_put(im->arena, use->map, "option", options);
		}
		node_put(im->arena, options, "httpchk",
			 node_scalar(im->arena, "true", use->map->pos));
	}
	if (has_request && !has_rules && node_get(use->base, "http_check"))
		node_put(im->arena, use->map, "http_check",
			 node_new(im->arena, NODE_LIST, use->map->pos));
}

static bool
is_used(const struct importing *im, const struct import_base *b)
{
	for (size_t i = 0; i < im->uses_n; i++)
		if (im->uses[i].base == b->map)
			return true;
	return false;
}

/* Rules that no proxy gets are gone with their list. */
static void
tell_unused(struct importing *im, const struct import_base *b)
{
	for (size_t i = 0; i < LISTS_N; i++) {
		const struct node *list = list_of(b->map, i);
		for (size_t j = 0; list && j < list->n; j++)
			import_note(im, list->items[j]->pos,
				    "is left out: no proxy starts from these defaults");
	}
}

static void
remove_from(struct node *section, const char *key)
{
	size_t i = node_find(section, key);
	if (i < section->n)
		node_remove(section, i);
}

void
import_inherit(struct importing *im)
{
	for (size_t i = 0; i < im->bases_n; i++)
		refuse_base(im, &im->bases[i]);
	for (size_t u = 0; u < im->uses_n; u++) {
		const struct import_use *use = &im->uses[u];
		if (use->base)
			replace_check(im, use);
		if (!use->base || !has_rules(use->base) || !may_use(im, use))
			continue;
		for (size_t i = 0; i < LISTS_N; i++)
			if (list_of(use->base, i))
				put_before(im, use->map, i, list_of(use->base, i));
		complete(im, use->map, use->base, "tcp_request");
		complete(im, use->map, use->base, "tcp_response");
		take_acls(im, use->map, use->base);
	}
	for (size_t i = 0; i < im->bases_n; i++) {
		struct node *base = im->bases[i].map;
		if (!has_rules(base))
			continue;
		if (!is_used(im, &im->bases[i]))
			tell_unused(im, &im->bases[i]);
		for (size_t j = 0; j < LISTS_N; j++)
			remove_from(base, lists[j].map ? lists[j].map : lists[j].key);
		remove_from(base, "acl");
	}
}
