/* SPDX-License-Identifier: MIT
 *
 * Hashes. hash_bytes is for our own tables and checksums (seeded, stable between
 * builds); hash_sdbm, hash_djb2, hash_wt6 and hash_crc32 give HAProxy's values
 * (configuration.txt, "hash-type") so that a migration keeps its mapping; hash_avalanche
 * is its "avalanche" modifier.
 */
#ifndef WEIR_BASE_HASH_H
#define WEIR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);
uint32_t hash_sdbm(const void *p, size_t n);
uint32_t hash_djb2(const void *p, size_t n);
uint32_t hash_wt6(const void *p, size_t n);
/* CRC-32 of Ethernet and gzip, and the Castagnoli one (RFC 9260 appendix A). */
uint32_t hash_crc32(const void *p, size_t n);
uint32_t hash_crc32c(const void *p, size_t n);
/* Goes on: of bytes whose CRC is `before`, and p[0, n) behind them. */
uint32_t hash_crc32c_more(uint32_t before, const void *p, size_t n);
uint32_t hash_avalanche(uint32_t a);

#endif
