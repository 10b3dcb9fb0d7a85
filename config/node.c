/* SPDX-License-Identifier: MIT
 *
 * Making and searching trees. Master (at load); all in one arena.
 */
#include "config/node.h"

#include <stdio.h>

#include "lib/base/hash.h"

/* Smaller maps are searched from the front. */
enum { INDEX_FROM = 32 };

struct node *
node_new(struct arena *a, enum node_kind kind, struct pos pos)
{
	struct node *n = arena_alloc(a, sizeof(*n));
	n->kind = kind;
	n->pos = pos;
	return n;
}

struct node *
node_scalar(struct arena *a, const char *text, struct pos pos)
{
	struct node *n = node_new(a, NODE_SCALAR, pos);
	n->text = text;
	return n;
}

static void
index_add(struct node *map, size_t i)
{
	const char *name = map->keys[i]->text;
	size_t at = hash_bytes(name, strlen(name), 0) & (map->index_n - 1);
	while (map->index[at])
		at = (at + 1) & (map->index_n - 1);
	map->index[at] = (unsigned)i + 1;
}

/* Notes the last key; at most half of the slots are taken. */
static void
index_last(struct arena *a, struct node *map)
{
	if (map->n < INDEX_FROM)
		return;
	if (2 * map->n <= map->index_n) {
		index_add(map, map->n - 1);
		return;
	}
	map->index_n = map->index_n ? 2 * map->index_n : 4 * INDEX_FROM;
	while (map->index_n < 2 * map->n)
		map->index_n *= 2;
	map->index = arena_alloc(a, map->index_n * sizeof(*map->index));
	for (size_t i = 0; i < map->n; i++)
		index_add(map, i);
}

static void
put(struct arena *a, struct node *parent, struct node *key, const char *name,
    struct node *value)
{
	parent->items = arena_grow(a, parent->items, parent->n, sizeof(struct node *));
	parent->items[parent->n] = value;
	if (key) {
		parent->keys =
			arena_grow(a, parent->keys, parent->n, sizeof(struct node *));
		parent->keys[parent->n] = key;
	}
	value->parent = parent;
	value->name = name;
	parent->n++;
	if (key)
		index_last(a, parent);
}

void
node_add(struct arena *a, struct node *map, struct node *key, struct node *value)
{
	put(a, map, key, key->text, value);
}

void
node_put(struct arena *a, struct node *map, const char *key, struct node *value)
{
	put(a, map, node_scalar(a, key, value->pos), key, value);
}

void
node_append(struct arena *a, struct node *list, struct node *value)
{
	put(a, list, NULL, arena_printf(a, "%zu", list->n), value);
}

size_t
node_find(const struct node *map, const char *name)
{
	size_t i = 0;
	if (map->index_n) {
		size_t at = hash_bytes(name, strlen(name), 0) & (map->index_n - 1);
		for (; map->index[at]; at = (at + 1) & (map->index_n - 1))
			if (strcmp(map->keys[map->index[at] - 1]->text, name) == 0)
				return map->index[at] - 1;
		return map->n;
	}
	for (; i < map->n; i++) {
		const char *key = map->keys[i]->text;
		if (key[0] == name[0] && strcmp(key, name) == 0)
			break;
	}
	return i;
}

struct node *
node_get(const struct node *map, const char *name)
{
	if (!map || map->kind != NODE_MAP)
		return NULL;
	size_t i = node_find(map, name);
	return i < map->n ? map->items[i] : NULL;
}

const char *
node_text(const struct node *map, const char *name)
{
	const struct node *n = node_get(map, name);
	return n && n->kind == NODE_SCALAR ? n->text : NULL;
}

void
node_remove(struct node *parent, size_t i)
{
	size_t behind = parent->n - i - 1;
	memmove(&parent->items[i], &parent->items[i + 1], behind * sizeof(struct node *));
	if (parent->keys)
		memmove(&parent->keys[i], &parent->keys[i + 1],
			behind * sizeof(struct node *));
	parent->n--;
	parent->index_n = 0; /* positions have moved: from the front again */
}

struct node *
node_copy(struct arena *a, const struct node *n, size_t *budget)
{
	if (*budget == 0)
		return NULL;
	--*budget;
	struct node *copy = arena_alloc(a, sizeof(*copy));
	*copy = *n;
	copy->keys = copy->items = NULL;
	copy->n = 0;
	copy->index = NULL;
	copy->index_n = 0;
	for (size_t i = 0; i < n->n; i++) {
		struct node *item = node_copy(a, n->items[i], budget);
		if (!item)
			return NULL;
		put(a, copy, n->keys ? n->keys[i] : NULL, n->items[i]->name, item);
	}
	return copy;
}

const char *
node_path(struct arena *a, const struct node *n)
{
	if (!n || !n->name)
		return "";
	const char *above = node_path(a, n->parent);
	return above[0] ? arena_printf(a, "%s.%s", above, n->name) : n->name;
}

bool
node_is_own(const struct node *n)
{
	while (n->parent && n->parent->name)
		n = n->parent;
	return !n->name || !strstr(n->name, "defaults");
}

size_t
node_items_n(const struct node *n)
{
	return !n ? 0 : n->kind == NODE_LIST ? n->n : 1;
}

const struct node *
node_item(const struct node *n, size_t i)
{
	return n->kind == NODE_LIST ? n->items[i] : n;
}

bool
node_is_empty(const struct node *n)
{
	return n->kind == NODE_SCALAR && n->is_plain && n->text[0] == '\0';
}
