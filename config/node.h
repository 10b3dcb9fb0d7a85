/* SPDX-License-Identifier: MIT
 *
 * The tree of a configuration: scalars as raw text, lists and maps, each with the place
 * it was written at. Types are none of its business: the schema decides them.
 */
#ifndef WEIR_CONFIG_NODE_H
#define WEIR_CONFIG_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"

struct pos {
	const char *file;
	unsigned line, col; /* from 1; line 0: no place in a file ("command line -o") */
};

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	bool is_plain;	   /* not quoted, not a block */
	bool is_bad;	   /* wrong: reported, and left out of what follows */
	bool has_lost;	   /* a child was left out */
	unsigned text_col; /* column of text[0] when bytes and columns agree; else 0 */
	unsigned serial;   /* grows in the order of reading */
	struct pos pos;
	const char *origin; /* NULL: pos; "built-in", "command line -o" */
	const struct node *parent;
	const char *name;   /* its key or index in parent; NULL: the root */
	const char *text;   /* NODE_SCALAR */
	struct node **keys; /* NODE_MAP: scalars */
	struct node **items;
	size_t n;	 /* of keys and items */
	unsigned *index; /* of a large map: hash of a key to its position + 1 */
	size_t index_n;	 /* slots, a power of two; 0: none */
};

struct node *node_scalar(struct arena *a, const char *text, struct pos pos);
struct node *node_new(struct arena *a, enum node_kind kind, struct pos pos);
/* Appends to a map; `key` is a scalar. The value gets its parent and name. */
void node_add(struct arena *a, struct node *map, struct node *key, struct node *value);
/* The same with a key made on the spot, at the place of the value. */
void node_put(struct arena *a, struct node *map, const char *key, struct node *value);
void node_append(struct arena *a, struct node *list, struct node *value);
/* The value, or NULL; map may be NULL or no map. */
struct node *node_get(const struct node *map, const char *name);
/* The text of a scalar in a map, or NULL. */
const char *node_text(const struct node *map, const char *name);
/* Index in map, or map->n. */
size_t node_find(const struct node *map, const char *name);
void node_remove(struct node *parent, size_t i);
/* A deep copy; *budget falls by one per node, NULL when it is used up. */
struct node *node_copy(struct arena *a, const struct node *n, size_t *budget);
/* "frontends.web.bind.0"; "" for the root. */
const char *node_path(struct arena *a, const struct node *n);
/* True when a section itself says it, not the defaults below it. */
bool node_is_own(const struct node *n);
/* The items of a list, or the one value that stands for it; NULL: none. */
size_t node_items_n(const struct node *n);
const struct node *node_item(const struct node *n, size_t i);
/* True for what YAML calls null: nothing behind the colon. */
bool node_is_empty(const struct node *n);

#endif
