/* SPDX-License-Identifier: MIT
 *
 * The smooth weighted sequence: the k-th turn of the i-th of n servers is due at
 * (k + (i + 1) / (n + 1)) / w_i; turns are merged in the order of these times. The phase
 * keeps light servers from meeting in one place and leaving the heavy one a long run.
 * Pure.
 */
#include <stdlib.h>

#include "lib/base/must.h"
#include "worker/pick.h"

struct turn {
	uint64_t due; /* (k + phase) * (n + 1): divided by the weight it is the time */
	uint32_t weight;
	uint16_t index;
};

/* a is due before b, without division; ties: the lower index. */
static bool
is_before(const struct turn *a, const struct turn *b)
{
	uint64_t x = a->due * b->weight, y = b->due * a->weight;
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
		heap[used] = (struct turn){used + 1, w ? (uint32_t)w : 1, (uint16_t)i};
		used++;
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
	uint64_t step = heap_n + 1;
	for (; heap_n && len < sum && len < cap; len++) {
		out[len] = heap[0].index;
		heap[0].due += step;
		sift_down(heap, heap_n, 0);
	}
	free(heap);
	return len;
}
