/* SPDX-License-Identifier: MIT
 *
 * The lookup table of Maglev (Eisenbud and others, NSDI 2016, section 3.4): each server
 * has an order of preference of all positions, made from its key alone, and they choose
 * in turn until every position is taken. A server with half the weight chooses every
 * other time. The order of the configuration does not matter. Pure.
 */
#include <xxhash.h>

#include "lib/balance/balance.h"

struct chooser {
	uint64_t owed; /* earned so much, in shares; a choice costs the largest share */
	uint32_t key, share;
	uint32_t at, skip; /* its next preference, and the step to the one after */
	uint16_t server;
};

size_t
balance_maglev_scratch(size_t n)
{
	return n * sizeof(struct chooser);
}

/* So many positions for each server that shares differ by 1 % at most, as the paper has
 * it; it must be prime. */
size_t
balance_maglev_size(size_t servers_n)
{
	static const size_t primes[] = {65537, 262147, 1048583, 6553577};
	size_t i = 0;
	while (i < 3 && primes[i] < servers_n * 100)
		i++;
	return primes[i];
}

static bool
is_before(const struct chooser *a, const struct chooser *b)
{
	return a->key != b->key ? a->key < b->key : a->server < b->server;
}

/* A heap sort: whoever asks must not allocate. */
static void
sift_down(struct chooser *c, size_t n, size_t i)
{
	for (size_t kid; (kid = 2 * i + 1) < n; i = kid) {
		if (kid + 1 < n && is_before(&c[kid], &c[kid + 1]))
			kid++;
		if (!is_before(&c[i], &c[kid]))
			return;
		struct chooser t = c[i];
		c[i] = c[kid];
		c[kid] = t;
	}
}

static void
sort(struct chooser *c, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift_down(c, n, i);
	while (n > 1) {
		struct chooser t = c[0];
		c[0] = c[--n];
		c[n] = t;
		sift_down(c, n, 0);
	}
}

static size_t
choosers(const struct balance_server *s, size_t n, size_t size, struct chooser *out,
	 uint32_t *share_max)
{
	size_t used = 0;
	*share_max = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i].share == 0)
			continue;
		if (s[i].share > *share_max)
			*share_max = s[i].share;
		out[used++] = (struct chooser){
			.key = s[i].key,
			.share = s[i].share,
			.at = (uint32_t)(XXH64(&s[i].key, 4, 1) % size),
			.skip = (uint32_t)(XXH64(&s[i].key, 4, 2) % (size - 1) + 1),
			.server = (uint16_t)i,
		};
	}
	sort(out, used);
	return used;
}

/* The best position that is left. */
static size_t
choose(struct chooser *c, const uint16_t *slots, size_t size)
{
	for (;;) {
		size_t at = c->at;
		c->at = (uint32_t)((at + c->skip) % size);
		if (slots[at] == UINT16_MAX)
			return at;
	}
}

size_t
balance_maglev(const struct balance_server *s, size_t n, uint16_t *slots, size_t size,
	       void *scratch)
{
	struct chooser *c = scratch;
	uint32_t share_max;
	size_t choosers_n = choosers(s, n, size, c, &share_max), taken = 0;
	if (choosers_n == 0)
		return 0;
	for (size_t i = 0; i < size; i++)
		slots[i] = UINT16_MAX;
	for (size_t i = 0;; i = (i + 1) % choosers_n) {
		c[i].owed += c[i].share;
		if (c[i].owed < share_max)
			continue;
		c[i].owed -= share_max;
		slots[choose(&c[i], slots, size)] = c[i].server;
		if (++taken == size)
			return size;
	}
}
