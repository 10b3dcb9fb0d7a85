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

static uint32_t
rotate(uint32_t v, unsigned n)
{
	return v << (n & 31) | v >> (-n & 31);
}

uint32_t
hash_wt6(const void *p, size_t n)
{
	const unsigned char *c = p;
	uint32_t a = 0xa53c965a, b = 0x5ca6953a;
	unsigned by_a = 6, by_b = 18;
	while (n--) {
		a = ~(a ^ *c);
		b = ~(b + *c++);
		uint32_t t = rotate(b, by_a);
		b = rotate(a, by_b);
		a = t;
		t = (a >> 16) ^ (b & 0xffff);
		by_a = t & 31;
		by_b = t >> 11;
	}
	return a ^ b;
}

/* Four bits a step; the polynomials are reflected. */
static uint32_t
crc(const uint32_t table[16], uint32_t before, const unsigned char *c, size_t n)
{
	uint32_t h = ~before;
	while (n--) {
		h ^= *c++;
		h = h >> 4 ^ table[h & 15];
		h = h >> 4 ^ table[h & 15];
	}
	return ~h;
}

uint32_t
hash_crc32(const void *p, size_t n)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	return crc(table, 0, p, n);
}

uint32_t
hash_crc32c_more(uint32_t before, const void *p, size_t n)
{
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	return crc(table, before, p, n);
}

uint32_t
hash_crc32c(const void *p, size_t n)
{
	return hash_crc32c_more(0, p, n);
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
	return a * 3221225473u;
}
