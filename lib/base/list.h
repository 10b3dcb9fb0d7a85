/* SPDX-License-Identifier: MIT
 *
 * Intrusive doubly linked list with a head node; a node that is in no list
 * points to itself, so removing twice is harmless.
 */
#ifndef WEIR_BASE_LIST_H
#define WEIR_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define list_entry(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_is_empty(const struct list *l)
{
	return l->next == l;
}

/* Inserts n behind `at` (the head: at the front). */
static inline void
list_add_front(struct list *at, struct list *n)
{
	n->next = at->next;
	n->prev = at;
	at->next->prev = n;
	at->next = n;
}

static inline void
list_add_back(struct list *head, struct list *n)
{
	list_add_front(head->prev, n);
}

static inline void
list_remove(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

/* Moves all nodes of `from` to the empty head `to`. */
static inline void
list_take_all(struct list *to, struct list *from)
{
	if (list_is_empty(from)) {
		list_init(to);
		return;
	}
	*to = *from;
	to->next->prev = to;
	to->prev->next = to;
	list_init(from);
}

#endif
