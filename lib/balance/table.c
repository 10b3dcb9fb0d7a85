/* SPDX-License-Identifier: MIT
 *
 * A table of one of the four kinds, with the memory it needs. Any process.
 */
#include <sys/mman.h>

#include "lib/balance/balance.h"
#include "lib/base/must.h"

/* Positions at most. */
static size_t
cap_of(enum balance_kind kind, size_t n)
{
	size_t weights = n * BALANCE_WEIGHT_MAX;
	switch (kind) {
	case BALANCE_TURNS:
		weights *= BALANCE_SHARE;
		if (weights > BALANCE_TURNS_MAX)
			weights = BALANCE_TURNS_MAX;
		return weights < n ? n : weights;
	case BALANCE_MAP:
		return weights;
	case BALANCE_RING:
		return weights * BALANCE_RING_NODES;
	case BALANCE_MAGLEV:
		return balance_maglev_size(n);
	}
	return 0;
}

static size_t
scratch_of(enum balance_kind kind, size_t n, size_t cap)
{
	switch (kind) {
	case BALANCE_TURNS:
		return balance_turns_scratch(n);
	case BALANCE_MAP:
		return balance_map_scratch(n, cap);
	case BALANCE_RING:
		return balance_ring_scratch(cap);
	case BALANCE_MAGLEV:
		return balance_maglev_scratch(n);
	}
	return 0;
}

/* Address space; a page of it is used when it is written to. */
static void *
reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(p != MAP_FAILED);
	return p;
}

void
balance_table_init(struct balance_table *t, enum balance_kind kind, size_t servers_n)
{
	size_t n = servers_n ? servers_n : 1, cap = cap_of(kind, n);
	*t = (struct balance_table){
		.kind = kind,
		.servers_n = servers_n,
		.cap = cap,
		.scratch_bytes = scratch_of(kind, n, cap),
	};
	t->slots = reserve(cap * sizeof(*t->slots));
	t->scratch = reserve(t->scratch_bytes);
	if (kind == BALANCE_RING)
		t->keys = reserve(cap * sizeof(*t->keys));
}

void
balance_table_fini(struct balance_table *t)
{
	munmap(t->slots, t->cap * sizeof(*t->slots));
	munmap(t->scratch, t->scratch_bytes);
	if (t->keys)
		munmap(t->keys, t->cap * sizeof(*t->keys));
	*t = (struct balance_table){.n = 0};
}

static uint32_t
common(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t r = a % b;
		a = b;
		b = r;
	}
	return a;
}

uint32_t
balance_common(const struct balance_server *s, size_t n)
{
	uint32_t d = 0;
	for (size_t i = 0; i < n; i++)
		d = common(d, s[i].share);
	return d;
}

void
balance_table_build(struct balance_table *t, const struct balance_server *s)
{
	switch (t->kind) {
	case BALANCE_TURNS:
		t->n = balance_turns(s, t->servers_n, t->slots, t->cap, t->scratch);
		break;
	case BALANCE_MAP:
		t->n = balance_map(s, t->servers_n, t->slots, t->cap, t->scratch);
		break;
	case BALANCE_RING:
		t->n = balance_ring(s, t->servers_n, t->slots, t->keys, t->scratch);
		break;
	case BALANCE_MAGLEV:
		t->n = balance_maglev(s, t->servers_n, t->slots, t->cap, t->scratch);
		break;
	}
}

size_t
balance_table_find(const struct balance_table *t, uint32_t hash)
{
	return t->kind == BALANCE_RING ? balance_ring_find(t->keys, t->n, hash)
				       : hash % t->n;
}
