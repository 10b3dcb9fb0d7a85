/* SPDX-License-Identifier: MIT
 *
 * Keys as numbers (configuration.txt, hash-type). Any process.
 */
#include <string.h>
#include <xxhash.h>

#include "lib/balance/balance.h"
#include "lib/base/hash.h"

/* A number as it is written, as far as it goes. */
static uint32_t
number(struct span key)
{
	bool is_negative = key.n && key.p[0] == '-';
	uint64_t v = 0;
	for (size_t i = is_negative; i < key.n && key.p[i] >= '0' && key.p[i] <= '9'; i++)
		v = v * 10 + (unsigned)(key.p[i] - '0');
	return (uint32_t)(is_negative ? -v : v);
}

static uint32_t
plain(enum balance_function f, struct span key)
{
	switch (f) {
	case BALANCE_SDBM:
		return hash_sdbm(key.p, key.n);
	case BALANCE_DJB2:
		return hash_djb2(key.p, key.n);
	case BALANCE_WT6:
		return hash_wt6(key.p, key.n);
	case BALANCE_CRC32:
		return hash_crc32(key.p, key.n);
	case BALANCE_NONE:
		return number(key);
	case BALANCE_XXH3:
		return (uint32_t)XXH3_64bits(key.p, key.n);
	}
	return 0;
}

uint32_t
balance_hash(enum balance_function f, bool avalanches, struct span key)
{
	uint32_t h = plain(f, key);
	return avalanches ? hash_avalanche(h) : h;
}

uint32_t
balance_address(const void *address, size_t bytes, bool avalanches)
{
	const unsigned char *p = address;
	uint32_t h = 0;
	for (size_t i = 0; i + 4 <= bytes; i += 4)
		h ^= (uint32_t)p[i] << 24 | (uint32_t)p[i + 1] << 16 |
		     (uint32_t)p[i + 2] << 8 | p[i + 3];
	return avalanches ? hash_avalanche(h) : h;
}

/* HAProxy has room for 4096 places of each server by its id (a weight of 256); its addr
 * and addr-port hash the bytes as they are in memory. */
static uint32_t
by_address(const struct balance_identified *s, bool with_port)
{
	uint32_t key = with_port ? hash_avalanche(s->port) : 0, v4;
	if (s->address_bytes == 16)
		return XXH32(s->address, 16, key);
	memcpy(&v4, s->address, sizeof(v4));
	return hash_avalanche(key + v4);
}

uint32_t
balance_server_key(enum balance_identity by, enum balance_kind kind,
		   const struct balance_identified *s)
{
	if (by == BALANCE_BY_KIND)
		by = kind == BALANCE_MAGLEV ? BALANCE_BY_NAME : BALANCE_BY_ID;
	if (s->address_bytes == 0 &&
	    (by == BALANCE_BY_ADDR || by == BALANCE_BY_ADDR_PORT))
		by = BALANCE_BY_ID;
	switch (by) {
	case BALANCE_BY_KIND:
	case BALANCE_BY_ID:
		return s->id * BALANCE_WEIGHT_MAX * BALANCE_RING_NODES;
	case BALANCE_BY_ID32:
		return hash_avalanche(__builtin_bswap32(s->id));
	case BALANCE_BY_NAME:
		return XXH32(s->name.p, s->name.n, 0);
	case BALANCE_BY_ADDR:
		return by_address(s, false);
	case BALANCE_BY_ADDR_PORT:
		return by_address(s, true);
	}
	return 0;
}
