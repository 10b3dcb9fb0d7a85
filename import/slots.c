/* SPDX-License-Identifier: MIT
 *
 * Slots of captures: haproxy.cfg numbers them line by line. weir has those of fields
 * first, then those declared, then those that rules make: where a rule makes one above a
 * line that declares one, it is declared too, and the rule names it.
 */
#include <string.h>

#include "import/importing.h"

/* A line that makes a slot of requests. */
struct slot {
	struct node *map; /* of the rule's capture, or an item of declare_capture */
	bool is_rule;
};

struct slots {
	struct slot *list;
	size_t n;
};

/* Rules of defaults stand above all of the section's own lines. */
static unsigned
line_in(const struct node *section, const struct node *n)
{
	bool is_inherited = n->pos.line < section->pos.line ||
			    strcmp(n->pos.file, section->pos.file) != 0;
	return is_inherited ? 0 : n->pos.line;
}

/* Those of defaults keep the order in which their rules run. */
static void
insert(struct importing *im, struct slots *slots, const struct node *section,
       struct slot slot)
{
	unsigned line = line_in(section, slot.map);
	size_t i = slots->n;
	slots->list = arena_grow(im->arena, slots->list, slots->n, sizeof(slot));
	for (; i > 0 && line_in(section, slots->list[i - 1].map) > line; i--)
		slots->list[i] = slots->list[i - 1];
	slots->list[i] = slot;
	slots->n++;
}

static void
insert_rules(struct importing *im, struct slots *slots, const struct node *section,
	     const struct node *list)
{
	for (size_t i = 0; list && i < list->n; i++) {
		struct node *map = node_get(list->items[i], "capture");
		if (map && node_get(map, "len"))
			insert(im, slots, section, (struct slot){map, true});
	}
}

/* The rule's slot becomes a declared one, of this number. */
static struct node *
declare(struct importing *im, struct node *rule, size_t number)
{
	struct node *len = node_get(rule, "len");
	struct node *map = node_new(im->arena, NODE_MAP, rule->pos);
	const char *text = arena_printf(im->arena, "%zu", number);
	node_put(im->arena, map, "request", node_scalar(im->arena, len->text, len->pos));
	node_remove(rule, node_find(rule, "len"));
	node_put(im->arena, rule, "id", node_scalar(im->arena, text, len->pos));
	return map;
}

/* All of a section, in their order. */
static struct slots
slots_of(struct importing *im, const struct node *section)
{
	const struct node *declared = node_get(section, "declare_capture");
	struct slots slots = {NULL, 0};
	insert_rules(im, &slots, section,
		     node_get(node_get(section, "tcp_request"), "content"));
	insert_rules(im, &slots, section, node_get(section, "http_request"));
	for (size_t i = 0; declared && i < declared->n; i++)
		if (node_get(declared->items[i], "request"))
			insert(im, &slots, section,
			       (struct slot){declared->items[i], false});
	return slots;
}

/* The first n slots are declared, those of rules too. */
static void
declare_all(struct importing *im, struct node *section, const struct slots *slots,
	    size_t n, size_t first)
{
	const struct node *declared = node_get(section, "declare_capture");
	struct node *made = node_new(im->arena, NODE_LIST, declared->pos);
	for (size_t i = 0; i < n; i++) {
		const struct slot *s = &slots->list[i];
		node_append(im->arena, made,
			    s->is_rule ? declare(im, s->map, first + i) : s->map);
	}
	for (size_t i = 0; i < declared->n; i++)
		if (!node_get(declared->items[i], "request"))
			node_append(im->arena, made, declared->items[i]);
	node_remove(section, node_find(section, "declare_capture"));
	node_put(im->arena, section, "declare_capture", made);
}

static void
number_slots(struct importing *im, struct node *section)
{
	const struct node *fields =
		node_get(node_get(node_get(section, "capture"), "request"), "header");
	struct slots slots = slots_of(im, section);
	size_t declared_n = 0;
	for (size_t i = 0; i < slots.n; i++)
		if (!slots.list[i].is_rule)
			declared_n = i + 1;
	if (declared_n)
		declare_all(im, section, &slots, declared_n, node_items_n(fields));
	for (size_t i = 0; slots.n && i < node_items_n(fields); i++)
		if (line_in(section, node_item(fields, i)) >
		    line_in(section, slots.list[0].map))
			import_note(im, node_item(fields, i)->pos,
				    "its slot is before that of line %u, which comes "
				    "first in haproxy.cfg",
				    slots.list[0].map->pos.line);
}

void
import_number_slots(struct importing *im)
{
	for (size_t i = 0; i < im->uses_n; i++)
		if (im->uses[i].where & WHERE_FRONTEND)
			number_slots(im, im->uses[i].map);
}
