/* SPDX-License-Identifier: MIT
 *
 * What HAProxy takes for granted and weir does not, written where all proxies start from;
 * and the names of defaults: one for all is `defaults`, several are `named_defaults`.
 */
#include <string.h>

#include "import/importing.h"

static const struct {
	const char *in, *key, *value;
} presumed[] = {
	/* 0: the timeouts of client and server are all there is */
	{"timeout", "http_request", "0"},    {"timeout", "http_keep_alive", "0"},
	{"timeout", "tunnel", "0"},	     {"option", "redispatch", "false"},
	{"option", "via", "false"},	     {"option", "allow_connect", "true"},
	{"option", "absolute_form", "true"},
};

/* Nobody wrote it, so nobody is warned about it. */
static struct node *
silent(struct importing *im, const char *text, struct pos at)
{
	struct node *n = node_scalar(im->arena, text, at);
	n->origin = "built-in to HAProxy";
	return n;
}

static void
presume_in(struct importing *im, struct node *base)
{
	for (size_t i = 0; i < sizeof(presumed) / sizeof(presumed[0]); i++) {
		struct node *map = node_get(base, presumed[i].in);
		if (!map) {
			map = node_new(im->arena, NODE_MAP, base->pos);
			node_put(im->arena, base, presumed[i].in, map);
		}
		if (map->kind == NODE_MAP && !node_get(map, presumed[i].key))
			node_put(im->arena, map, presumed[i].key,
				 silent(im, presumed[i].value, base->pos));
	}
}

static void
presume_globally(struct importing *im)
{
	struct node *global = node_get(im->result->root, "global");
	if (!global) {
		global = node_new(im->arena, NODE_MAP, (struct pos){"haproxy", 0, 0});
		node_put(im->arena, im->result->root, "global", global);
	}
	if (!node_get(global, "log_tag"))
		node_put(im->arena, global, "log_tag",
			 silent(im, "haproxy", global->pos));
	node_put(im->arena, global, "log_pid", silent(im, "master", global->pos));
	node_put(im->arena, global, "log_processes", silent(im, "false", global->pos));
}

/* --- names
 * ------------------------------------------------------------------------------ */

static bool
is_one_for_all(const struct importing *im)
{
	if (im->bases_n > 1 || (im->bases_n == 1 && im->bases[0].name))
		return false;
	for (size_t i = 0; i < im->uses_n; i++)
		if (im->bases_n == 1 && im->uses[i].base != im->bases[0].map)
			return false;
	return true;
}

/* A name for defaults without one. */
static const char *
name_of(struct importing *im, size_t i)
{
	if (i == im->bases_n)
		return "haproxy"; /* of what has no defaults above it */
	return im->bases[i].name ? im->bases[i].name
				 : arena_printf(im->arena, "defaults_%zu", i + 1);
}

static struct node *
first_key(struct importing *im, struct node *map, const char *key, struct node *value)
{
	struct node *made = node_new(im->arena, NODE_MAP, map->pos);
	node_put(im->arena, made, key, value);
	for (size_t i = 0; i < map->n; i++)
		node_add(im->arena, made, map->keys[i], map->items[i]);
	made->parent = map->parent;
	made->name = map->name;
	return made;
}

/* Puts "from" in front of what the proxy says. */
static void
name_base(struct importing *im, struct node *map, const char *name)
{
	struct node *made = first_key(im, map, "from", silent(im, name, map->pos));
	*map = *made;
	for (size_t i = 0; i < map->n; i++)
		map->items[i]->parent = map;
}

static void
name_all(struct importing *im, struct node *without)
{
	struct arena *a = im->arena;
	struct node *named = node_new(a, NODE_MAP, im->result->root->pos);
	for (size_t i = 0; i < im->bases_n; i++) {
		const char *name = name_of(im, i);
		size_t there = node_find(named, name);
		if (there < named->n) /* HAProxy takes the last one; both may be in use */
			import_lost(im, im->bases[i].at,
				    "there are defaults '%s' already, in line %u", name,
				    named->items[there]->pos.line);
		else
			node_put(a, named, name, im->bases[i].map);
	}
	bool is_without_used = false;
	for (size_t i = 0; i < im->uses_n; i++) {
		size_t b = 0;
		while (b < im->bases_n && im->bases[b].map != im->uses[i].base)
			b++;
		is_without_used |= b == im->bases_n;
		name_base(im, im->uses[i].map, name_of(im, b));
	}
	if (is_without_used)
		node_put(a, named, name_of(im, im->bases_n), without);
	node_put(a, im->result->root, "named_defaults", named);
}

/* --- order
 * ------------------------------------------------------------------------------ */

/* The keys in the order of the manual; those that it does not have come last. */
static void
order(struct importing *im, struct node *map, enum schema_section in)
{
	struct node *made = node_new(im->arena, NODE_MAP, map->pos);
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++) {
		size_t i = k->in == in ? node_find(map, k->name) : map->n;
		if (i < map->n)
			node_add(im->arena, made, map->keys[i], map->items[i]);
	}
	for (size_t i = 0; i < map->n; i++)
		if (!schema_find(in, map->keys[i]->text))
			node_add(im->arena, made, map->keys[i], map->items[i]);
	made->parent = map->parent;
	made->name = map->name;
	*map = *made;
	for (size_t i = 0; i < map->n; i++)
		map->items[i]->parent = map;
}

static void
order_all(struct importing *im)
{
	for (size_t i = 0; i < im->bases_n; i++)
		order(im, im->bases[i].map, SECTION_proxy);
	for (size_t i = 0; i < im->uses_n; i++)
		order(im, im->uses[i].map, SECTION_proxy);
	order(im, node_get(im->result->root, "global"), SECTION_global);
	order(im, im->result->root, SECTION_root);
}

void
import_presume(struct importing *im)
{
	struct node *without =
		node_new(im->arena, NODE_MAP, (struct pos){"haproxy", 0, 0});
	presume_globally(im);
	presume_in(im, without);
	for (size_t i = 0; i < im->bases_n; i++)
		if (!node_get(im->bases[i].map, "from"))
			presume_in(im, im->bases[i].map);
	if (is_one_for_all(im))
		node_put(im->arena, im->result->root, "defaults",
			 im->bases_n ? im->bases[0].map : without);
	else
		name_all(im, without);
	order_all(im);
}
