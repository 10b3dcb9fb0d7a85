/* SPDX-License-Identifier: MIT
 *
 * A bucket of tokens in the three cells of a rate: whoever takes one is counted, who gets
 * none is not. A token that was taken comes back a period later; those of one period come
 * back evenly (a sliding window of two periods, rate.h), so that a full bucket is good
 * for exactly so many within a period, however they are spread. `burst` more may pass in
 * a period when the one before left as many unused.
 */
#ifndef WEIR_SHM_TOKENS_H
#define WEIR_SHM_TOKENS_H

#include <stdbool.h>

#include "shm/rate.h"

struct shm_token {
	bool is_taken;
	uint64_t wait_ms; /* not taken: until there is one, if nobody takes it before */
};

static inline uint64_t
shm_tokens_allowed(uint64_t previous, uint64_t tokens, uint64_t burst)
{
	uint64_t unused = previous < tokens ? tokens - previous : 0;
	return tokens + (burst < unused ? burst : unused);
}

/* How much of a period must be over until of `previous` no more than `most` count. */
static inline uint64_t
shm_tokens_fade_ms(uint64_t previous, uint64_t most, uint64_t period_ms)
{
	if (previous <= most)
		return 0;
	/* the largest rest with previous * rest / period < most + 1 */
	uint64_t left_ms = ((most + 1) * period_ms - 1) / previous;
	return left_ms < period_ms ? period_ms - left_ms : 0;
}

static inline uint64_t
shm_tokens_wait_ms(const struct shm_rate *r, uint64_t period_ms, uint64_t now_ms,
		   uint64_t tokens, uint64_t burst)
{
	uint64_t passed_ms = now_ms > r->start_ms ? now_ms - r->start_ms : 0;
	uint64_t allowed = shm_tokens_allowed(r->previous, tokens, burst), at_ms;
	if (r->current < allowed) {
		at_ms = shm_tokens_fade_ms(r->previous, allowed - 1 - r->current,
					   period_ms);
	} else {
		allowed = shm_tokens_allowed(r->current, tokens, burst);
		at_ms = period_ms +
			shm_tokens_fade_ms(r->current, allowed - 1, period_ms);
	}
	return at_ms > passed_ms ? at_ms - passed_ms : 1;
}

/* tokens: at least 1. */
static inline struct shm_token
shm_tokens_take(struct shm_rate *r, uint64_t period_ms, uint64_t now_ms, uint64_t tokens,
		uint64_t burst)
{
	if (r->start_ms == 0)
		r->start_ms = now_ms;
	*r = shm_rate_at(*r, period_ms, now_ms);
	uint64_t passed_ms = now_ms > r->start_ms ? now_ms - r->start_ms : 0;
	uint64_t fading = r->previous * (period_ms - passed_ms) / period_ms;
	if (r->current + fading >= shm_tokens_allowed(r->previous, tokens, burst))
		return (struct shm_token){
			false, shm_tokens_wait_ms(r, period_ms, now_ms, tokens, burst)};
	r->current++;
	return (struct shm_token){true, 0};
}

#endif
