/* SPDX-License-Identifier: MIT
 *
 * Several files, one tree. Sections may be spread over files, a key may not: who wins
 * would depend on the order of names. Master (at load).
 */
#include "config/loading.h"

static void
twice(struct loading *l, const struct node *first, const struct node *key,
      const struct node *value)
{
	report_error_at(l->report, key->pos, node_path(l->arena, value),
			"this %s is defined twice; the first is at %s",
			first->kind == NODE_MAP && value->kind == NODE_MAP ? "section"
									   : "key",
			report_place(l->arena, first->pos));
}

/* Moves the keys of `from` into `into`. Maps found in both are merged while `levels`
 * allows: names of proxies are leaves, all of global and defaults is not. */
static void
merge_maps(struct loading *l, struct node *into, const struct node *from, int levels)
{
	for (size_t i = 0; i < from->n; i++) {
		struct node *key = from->keys[i], *value = from->items[i];
		size_t at = node_find(into, key->text);
		if (at == into->n) {
			node_add(l->arena, into, key, value);
			continue;
		}
		struct node *there = into->items[at];
		if (node_is_empty(value))
			continue;
		if (node_is_empty(there)) {
			node_remove(into, at);
			node_add(l->arena, into, key, value);
		} else if (levels > 0 && there->kind == NODE_MAP &&
			   value->kind == NODE_MAP) {
			merge_maps(l, there, value, levels - 1);
		} else {
			/* the place of a section is its name, not its first key */
			struct node place = *there;
			place.pos = into->keys[at]->pos;
			twice(l, &place, key, value);
		}
	}
}

void
merge_file(struct loading *l, struct node *file)
{
	for (size_t i = 0; i < file->n; i++) {
		struct node *key = file->keys[i], *value = file->items[i];
		size_t at = node_find(l->root, key->text);
		bool is_named = strcmp(key->text, "global") != 0 &&
				strcmp(key->text, "defaults") != 0;
		if (at == l->root->n || node_is_empty(l->root->items[at])) {
			if (at < l->root->n)
				node_remove(l->root, at);
			node_add(l->arena, l->root, key, value);
		} else if (l->root->items[at]->kind == NODE_MAP &&
			   value->kind == NODE_MAP) {
			merge_maps(l, l->root->items[at], value,
				   is_named ? 0 : CFG_DEPTH_MAX);
		} else if (!node_is_empty(value)) {
			twice(l, l->root->items[at], key, value);
		}
	}
}
