/* SPDX-License-Identifier: MIT
 *
 * Smooth weighted turns: the k-th turn of the i-th of n servers is due at
 * (k + (i + 1) / (n + 1)) / w_i; turns are merged in the order of these times. The phase
 * keeps light servers from meeting in one place and leaving the heavy one a long run.
 * Pure.
 */
#include "lib/balance/balance.h"

struct turn {
	uint64_t due; /* (k + phase) * (n + 1): divided by the weight it is the time */
	uint32_t weight;
	uint16_t server;
};

size_t
balance_turns_scratch(size_t n)
{
	return n * sizeof(struct turn);
}

/* a is due before b, without division; ties: the lower index. */
static bool
is_before(const struct turn *a, const struct turn *b)
{
	uint64_t x = a->due * b->weight, y = b->due * a->weight;
	return x != y ? x < y : a->server < b->server;
}

static void
sift_down(struct turn *heap, size_t n, size_t i)
{
	for (;;) {
		size_t first = i, l = 2 * i + 1, r = l + 1;
		if (l < n && is_before(&heap[l], &heap[first]))
			first = l;
		if (r < n && is_before(&heap[r], &heap[first]))
			first = r;
		if (first == i)
			return;
		struct turn t = heap[i];
		heap[i] = heap[first];
		heap[first] = t;
		i = first;
	}
}

/* Fills the heap with reduced weights; returns how many have any, and their sum. */
static size_t
reduce(const struct balance_server *s, size_t n, size_t cap, struct turn *heap,
       uint64_t *sum)
{
	uint32_t d = balance_common(s, n);
	uint64_t total = 0;
	size_t used = 0;
	for (size_t i = 0; i < n && d; i++)
		total += s[i].share / d;
	uint64_t scale = total > cap ? (total + cap - 1) / cap : 1;
	*sum = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i].share == 0)
			continue;
		uint64_t w = s[i].share / d / scale;
		heap[used] = (struct turn){used + 1, w ? (uint32_t)w : 1, (uint16_t)i};
		used++;
		*sum += w ? w : 1;
	}
	return used;
}

size_t
balance_turns(const struct balance_server *s, size_t n, uint16_t *slots, size_t cap,
	      void *scratch)
{
	struct turn *heap = scratch;
	uint64_t sum;
	size_t heap_n = reduce(s, n, cap, heap, &sum), len = 0;
	for (size_t i = heap_n / 2; i-- > 0;)
		sift_down(heap, heap_n, i);
	uint64_t step = heap_n + 1;
	for (; heap_n && len < sum && len < cap; len++) {
		slots[len] = heap[0].server;
		heap[0].due += step;
		sift_down(heap, heap_n, 0);
	}
	return len;
}
