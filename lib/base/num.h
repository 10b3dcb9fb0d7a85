/* SPDX-License-Identifier: MIT
 *
 * Numbers as people write them: "10s", "16k", "5m"; and decimals for the hot path.
 */
#ifndef WEIR_BASE_NUM_H
#define WEIR_BASE_NUM_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/span.h"

enum num_result { NUM_OK = 0, NUM_SYNTAX = -1, NUM_RANGE = -2 };

/* Unsigned decimal, digits only, whole span. */
enum num_result num_u64(struct span s, uint64_t *out);
/* A duration in milliseconds: bare number = ms, or with us ms s m h d
 * (configuration.txt 2.5 "Time format"). "1us".."999us" round up to 1 ms. */
enum num_result num_duration_ms(struct span s, uint64_t *out);
/* A size in bytes: bare number, or with k m g (powers of 1024). */
enum num_result num_size(struct span s, uint64_t *out);
/* 0 to 255, or 0x00 to 0xff. */
enum num_result num_byte(struct span s, uint64_t *out);
/* Of one digit in either case; -1: it is none. */
static inline int
num_hex_digit(char c)
{
	unsigned digit = (unsigned char)c - '0';
	unsigned letter = ((unsigned char)c | 0x20) - 'a';
	if (digit <= 9)
		return (int)digit;
	return letter <= 5 ? (int)letter + 10 : -1;
}

/* Writes v in decimal at p (20 bytes at most), no terminator; returns the length. */
size_t num_put(char *p, uint64_t v);
/* Writes v in lower-case hex without leading zeros (16 bytes at most). */
size_t num_put_hex(char *p, uint64_t v);

#endif
