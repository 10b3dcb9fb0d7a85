/* SPDX-License-Identifier: MIT
 *
 * Field names in a given case: a hash table over the names without their case. A name
 * keeps its length, so heads are changed in place.
 */
#include "lib/http/case.h"

struct http_case {
	struct span *slots; /* open addressing; n == 0: free */
	uint32_t mask;
};

/* Equal for names that differ in case alone. */
static uint32_t
hash(struct span name)
{
	uint32_t h = (uint32_t)name.n;

	for (size_t i = 0; i < name.n; i++)
		h = h * 31 + ((unsigned char)name.p[i] | 0x20u);
	return h ^ h >> 15;
}

/* The slot of a name, or the free one where it would stand. */
static struct span *
slot_of(const struct http_case *c, struct span name)
{
	uint32_t i = hash(name);

	while (c->slots[i & c->mask].n && !span_ieq(c->slots[i & c->mask], name))
		i++;
	return &c->slots[i & c->mask];
}

struct http_case *
http_case_new(struct arena *a, const struct span *names, size_t n)
{
	struct http_case *c = arena_alloc(a, sizeof(*c));
	size_t size = 8;

	while (size < 4 * n)
		size *= 2;
	c->mask = (uint32_t)size - 1;
	c->slots = arena_alloc(a, size * sizeof(*c->slots));
	for (size_t i = 0; i < n; i++)
		*slot_of(c, names[i]) = names[i];
	return c;
}

void
http_case_apply(const struct http_case *c, char *head, size_t n)
{
	char *end = head + n;
	char *line = memchr(head, '\n', n);

	while (line && ++line < end && *line != '\r') {
		const char *colon = memchr(line, ':', (size_t)(end - line));
		if (!colon)
			return;
		struct span name = span_of(line, (size_t)(colon - line));
		const struct span *wanted = slot_of(c, name);
		if (wanted->n)
			memcpy(line, wanted->p, wanted->n);
		line = memchr(colon, '\n', (size_t)(end - colon));
	}
}
