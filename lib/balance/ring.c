/* SPDX-License-Identifier: MIT
 *
 * The ring of "hash-type consistent": 16 places per weight, where HAProxy has them. A
 * hash belongs to the nearest place, on either side. Pure.
 */
#include <string.h>

#include "lib/balance/balance.h"
#include "lib/base/hash.h"

struct place {
	uint32_t key;
	uint16_t server;
};

size_t
balance_ring_scratch(size_t cap)
{
	return 2 * cap * sizeof(struct place);
}

/* By key, those with the same key in their order: bytes from the lowest to the highest.
 * The result is in `a` again. */
static void
sort(struct place *a, struct place *b, size_t n)
{
	for (unsigned shift = 0; shift < 32; shift += 8) {
		size_t at[257] = {0};
		for (size_t i = 0; i < n; i++)
			at[(a[i].key >> shift & 255) + 1]++;
		for (unsigned i = 1; i < 256; i++)
			at[i] += at[i - 1];
		for (size_t i = 0; i < n; i++)
			b[at[a[i].key >> shift & 255]++] = a[i];
		struct place *t = a;
		a = b;
		b = t;
	}
}

size_t
balance_ring(const struct balance_server *s, size_t n, uint16_t *slots, uint32_t *keys,
	     void *scratch)
{
	struct place *places = scratch;
	size_t used = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t places_n =
			(s[i].share * BALANCE_RING_NODES + BALANCE_SHARE - 1) /
			BALANCE_SHARE;
		for (uint32_t j = 0; j < places_n; j++)
			places[used++] = (struct place){
				.key = hash_avalanche(s[i].key + j),
				.server = (uint16_t)i,
			};
	}
	sort(places, places + used, used);
	for (size_t i = 0; i < used; i++) {
		keys[i] = places[i].key;
		slots[i] = places[i].server;
	}
	return used;
}

size_t
balance_ring_find(const uint32_t *keys, size_t n, uint32_t hash)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (keys[middle] < hash)
			low = middle + 1;
		else
			high = middle;
	}
	size_t next = low == n ? 0 : low, previous = next ? next - 1 : n - 1;
	uint32_t back = hash - keys[previous], ahead = keys[next] - hash;
	return back <= ahead ? previous : next;
}
