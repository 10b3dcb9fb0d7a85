/* SPDX-License-Identifier: MIT
 *
 * Loads as numbers: bounds of requests under way, averages of latencies. Any process.
 */
#include "lib/balance/balance.h"

uint64_t
balance_bound(uint64_t served, uint32_t factor, uint64_t share, uint64_t before,
	      uint64_t all)
{
	uint64_t places = ((served + 1) * factor + 99) / 100;
	uint64_t whole = places / all, rest = places % all;
	uint64_t mine =
		share * whole + (before + share) * rest / all - before * rest / all;
	return mine ? mine : 1;
}

/* v * 2^-(ms / half_ms), the fraction of the exponent by a straight line: 6 % off at
 * most. */
static uint64_t
decayed(uint64_t v, uint32_t ms, uint32_t half_ms)
{
	uint32_t halves = ms / half_ms, rest = ms % half_ms;
	if (halves >= 32)
		return 0;
	v >>= halves;
	return v - v * rest / half_ms / 2;
}

static uint32_t
age_ms(uint64_t average, uint32_t now_ms)
{
	int32_t age = (int32_t)(now_ms - (uint32_t)average);
	return age > 0 ? (uint32_t)age : 0; /* another process was ahead of us */
}

uint32_t
balance_ewma_us(uint64_t average, uint32_t now_ms, uint32_t decay_ms)
{
	return (uint32_t)decayed(average >> 32, age_ms(average, now_ms), decay_ms);
}

uint64_t
balance_ewma_add(uint64_t average, uint32_t us, uint32_t now_ms, uint32_t decay_ms)
{
	uint64_t was = average >> 32, now = us ? us : 1;
	if (now < was) {
		uint64_t rest = decayed(was - now, age_ms(average, now_ms), decay_ms);
		now += rest;
	}
	return now << 32 | now_ms;
}
