/* SPDX-License-Identifier: MIT
 *
 * Hash functions. Any process.
 */
#include "lib/base/hash.h"

#include <string.h>

/* The multiply-and-fold mixing of the wyhash family, 8 bytes a step. */
static uint64_t
fold(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 u128;
	u128 m = (u128)a * b;
	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint64_t
hash_bytes(const void *p, size_t n, uint64_t seed)
{
	const unsigned char *c = p;
	uint64_t h = seed ^ 0x9e3779b97f4a7c15ULL ^ n, w;
	for (; n >= 8; n -= 8, c += 8) {
		memcpy(&w, c, 8);
		h = fold(h ^ w, 0xa0761d6478bd642fULL);
	}
	w = 0;
	if (n)
		memcpy(&w, c, n);
	return fold(h ^ w ^ 0xe7037ed1a0b428dbULL, 0x8ebc6af09c88c6e3ULL);
}

uint32_t
hash_sdbm(const void *p, size_t n)
{
	const unsigned char *c = p;
	uint32_t h = 0;
	while (n--)
		h = *c++ + (h << 6) + (h << 16) - h;
	return h;
}

uint32_t
hash_djb2(const void *p, size_t n)
{
	const unsigned char *c = p;
	uint32_t h = 5381;
	while (n--)
		h = h * 33 + *c++;
	return h;
}

uint32_t
hash_avalanche(uint32_t a)
{
	a = (a + 0x7ed55d16) + (a << 12);
	a = (a ^ 0xc761c23c) ^ (a >> 19);
	a = (a + 0x165667b1) + (a << 5);
	a = (a + 0xd3a2646c) ^ (a << 9);
	a = (a + 0xfd7046c5) + (a << 3);
	a = (a ^ 0xb55a4f09) ^ (a >> 16);
	return a;
}
