/* SPDX-License-Identifier: MIT
 *
 * The smooth weighted sequence: server i's k-th turn is due at (2k + 1) / (2 w_i); turns
 * are merged in the order of these times (ties: the lower index). Pure.
 */
#include <stdlib.h>

#include "lib/base/must.h"
#include "worker/pick.h"

struct turn {
	uint64_t k; /* turns taken */
	uint32_t weight;
	uint16_t index;
};

/* a is due before b: (2ka+1)/wa < (2kb+1)/wb, without division. */
static bool
is_before(const struct turn *a, const struct turn *b)
{
	uint64_t x = (2 * a->k + 1) * b->weight, y = (2 * b->k + 1) * a->weight;
	return x != y ? x < y : a->index < b->index;
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

static uint32_t
gcd(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t r = a % b;
		a = b;
		b = r;
	}
	return a;
}

/* Fills the heap with reduced weights; returns how many have any, and their sum. */
static size_t
reduce(const uint32_t *weights, size_t n, size_t cap, struct turn *heap, uint64_t *sum)
{
	uint32_t d = 0;
	uint64_t total = 0;
	size_t used = 0;
	for (size_t i = 0; i < n; i++)
		d = gcd(d, weights[i]);
	for (size_t i = 0; i < n && d; i++)
		total += weights[i] / d;
	uint64_t scale = total > cap ? (total + cap - 1) / cap : 1;
	*sum = 0;
	for (size_t i = 0; i < n; i++) {
		if (weights[i] == 0)
			continue;
		uint64_t w = weights[i] / d / scale;
		heap[used++] = (struct turn){.weight = w ? (uint32_t)w : 1,
					     .index = (uint16_t)i};
		*sum += w ? w : 1;
	}
	return used;
}

size_t
pick_sequence(const uint32_t *weights, size_t n, uint16_t *out, size_t cap)
{
	struct turn *heap = must_calloc(n, sizeof(*heap));
	uint64_t sum;
	size_t heap_n = reduce(weights, n, cap, heap, &sum), len = 0;
	for (size_t i = heap_n / 2; i-- > 0;)
		sift_down(heap, heap_n, i);
	for (; heap_n && len < sum && len < cap; len++) {
		out[len] = heap[0].index;
		heap[0].k++;
		sift_down(heap, heap_n, 0);
	}
	free(heap);
	return len;
}
