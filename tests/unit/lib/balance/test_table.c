/* SPDX-License-Identifier: MIT */
#include "lib/balance/balance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { MOST = 64, KEYS = 20000 };

struct farm {
	struct balance_table table;
	struct balance_server servers[MOST];
	size_t n;
};

static struct balance_identified
named(uint32_t id, char name[16])
{
	snprintf(name, 16, "server%u", id);
	return (struct balance_identified){.id = id, .name = span_str(name)};
}

static void
farm_make(struct farm *f, enum balance_kind kind, size_t n, uint32_t weight)
{
	char name[16];
	*f = (struct farm){.n = n};
	balance_table_init(&f->table, kind, n);
	for (size_t i = 0; i < n; i++) {
		struct balance_identified s = named((uint32_t)i + 1, name);
		f->servers[i].share = weight * BALANCE_SHARE;
		f->servers[i].key = balance_server_key(BALANCE_BY_KIND, kind, &s);
	}
	balance_table_build(&f->table, f->servers);
}

static uint16_t
server_of(const struct farm *f, uint32_t key)
{
	uint32_t hash = balance_hash(BALANCE_XXH3, true, span_of((const char *)&key, 4));
	return balance_table_at(&f->table, balance_table_find(&f->table, hash));
}

/* --- map -------------------------------------------------------------------- */

/* HAProxy's own way, all servers for each position. */
static size_t
slow_map(const struct balance_server *s, size_t n, uint16_t *out)
{
	uint32_t d = balance_common(s, n);
	int64_t score[MOST] = {0}, sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += s[i].share / d;
	for (int64_t o = 0; o < sum; o++) {
		int64_t best = -1, most = 0;
		for (size_t i = 0; i < n; i++) {
			if (s[i].share == 0)
				continue;
			score[i] += s[i].share / d;
			int64_t rounds = (score[i] + sum) / sum;
			if (best < 0 || rounds > most) {
				most = rounds;
				best = (int64_t)i;
			}
		}
		out[o] = (uint16_t)best;
		score[best] -= sum;
	}
	return (size_t)sum;
}

static void
the_map_is_haproxy_s_for_any_weights(void **state)
{
	(void)state;
	static uint16_t expected[MOST * BALANCE_WEIGHT_MAX];
	srand(7);
	for (int round = 0; round < 200; round++) {
		struct farm f;
		farm_make(&f, BALANCE_MAP, 1 + (size_t)rand() % 12, 1);
		for (size_t i = 0; i < f.n; i++)
			f.servers[i].share = (uint32_t)(rand() % (round % 2 ? 257 : 5)) *
					     BALANCE_SHARE;
		f.servers[0].share += f.servers[0].share == 0 ? BALANCE_SHARE : 0;
		balance_table_build(&f.table, f.servers);
		assert_int_equal(f.table.n, slow_map(f.servers, f.n, expected));
		assert_memory_equal(f.table.slots, expected, f.table.n * 2);
		balance_table_fini(&f.table);
	}
}

static void
a_map_of_nobody_is_empty(void **state)
{
	(void)state;
	for (int kind = BALANCE_TURNS; kind <= BALANCE_MAGLEV; kind++) {
		struct farm f;
		farm_make(&f, (enum balance_kind)kind, 3, 0);
		assert_int_equal(f.table.n, 0);
		balance_table_fini(&f.table);
	}
}

/* --- ring --------------------------------------------------------------------- */

static void
a_ring_has_sixteen_places_per_weight_in_order(void **state)
{
	(void)state;
	struct farm f;
	farm_make(&f, BALANCE_RING, 5, 3);
	assert_int_equal(f.table.n, 5 * 3 * 16);
	for (size_t i = 1; i < f.table.n; i++)
		assert_true(f.table.keys[i - 1] <= f.table.keys[i]);
	balance_table_fini(&f.table);
}

static void
a_hash_goes_to_the_nearest_place_across_zero(void **state)
{
	(void)state;
	const uint32_t keys[] = {100, 1000, 4000000000U};
	assert_int_equal(balance_ring_find(keys, 3, 549), 0);
	assert_int_equal(balance_ring_find(keys, 3, 551), 1);
	assert_int_equal(balance_ring_find(keys, 3, 1000), 1);
	assert_int_equal(balance_ring_find(keys, 3, 4294967295U), 0);
	assert_int_equal(balance_ring_find(keys, 3, 4100000000U), 2);
	assert_int_equal(balance_ring_find(keys, 1, 5), 0);
}

/* --- what moves ----------------------------------------------------------------- */

/* Percent of the keys of other servers that move when server 3 leaves. */
static double
moved_when_one_leaves(enum balance_kind kind, size_t n)
{
	static uint16_t before[KEYS];
	struct farm f;
	size_t moved = 0, others = 0;
	farm_make(&f, kind, n, 1);
	for (uint32_t k = 0; k < KEYS; k++)
		before[k] = server_of(&f, k);
	f.servers[3].share = 0;
	balance_table_build(&f.table, f.servers);
	for (uint32_t k = 0; k < KEYS; k++) {
		assert_int_not_equal(server_of(&f, k), 3);
		others += before[k] != 3;
		moved += before[k] != 3 && before[k] != server_of(&f, k);
	}
	/* who comes back finds everything as it was */
	f.servers[3].share = BALANCE_SHARE;
	balance_table_build(&f.table, f.servers);
	for (uint32_t k = 0; k < KEYS; k++)
		assert_int_equal(server_of(&f, k), before[k]);
	balance_table_fini(&f.table);
	return 100.0 * (double)moved / (double)others;
}

static void
keys_of_others_stay_but_in_a_map(void **state)
{
	(void)state;
	assert_true(moved_when_one_leaves(BALANCE_RING, 10) == 0);
	assert_true(moved_when_one_leaves(BALANCE_MAGLEV, 10) < 0.5);
	assert_true(moved_when_one_leaves(BALANCE_MAGLEV, 50) < 0.8);
	assert_true(moved_when_one_leaves(BALANCE_MAP, 10) > 80);
}

/* --- maglev --------------------------------------------------------------------- */

static void
maglev_shares_differ_by_one_percent_at_most(void **state)
{
	(void)state;
	struct farm f;
	size_t count[MOST] = {0};
	farm_make(&f, BALANCE_MAGLEV, 50, 1);
	for (size_t i = 0; i < f.table.n; i++)
		count[f.table.slots[i]]++;
	for (size_t i = 0; i < 50; i++)
		assert_in_range(count[i], f.table.n / 50, f.table.n / 50 + 1);
	balance_table_fini(&f.table);
}

static void
maglev_gives_weights_their_shares(void **state)
{
	(void)state;
	struct farm f;
	size_t count[MOST] = {0};
	const uint32_t weights[] = {1, 2, 0, 4};
	farm_make(&f, BALANCE_MAGLEV, 4, 1);
	for (size_t i = 0; i < 4; i++)
		f.servers[i].share = weights[i] * BALANCE_SHARE;
	balance_table_build(&f.table, f.servers);
	for (size_t i = 0; i < f.table.n; i++)
		count[f.table.slots[i]]++;
	for (size_t i = 0; i < 4; i++)
		assert_in_range(count[i] * 7 + 14, f.table.n * weights[i],
				f.table.n * weights[i] + 28);
	balance_table_fini(&f.table);
}

static void
maglev_does_not_mind_the_order_of_servers(void **state)
{
	(void)state;
	struct farm f, g;
	farm_make(&f, BALANCE_MAGLEV, 7, 1);
	farm_make(&g, BALANCE_MAGLEV, 7, 1);
	for (size_t i = 0; i < 7; i++)
		g.servers[i] = f.servers[6 - i];
	balance_table_build(&g.table, g.servers);
	for (size_t i = 0; i < f.table.n; i++)
		assert_int_equal(f.table.slots[i], 6 - g.table.slots[i]);
	balance_table_fini(&f.table);
	balance_table_fini(&g.table);
}

/* Nodes of another release are to agree with this one. */
static void
a_maglev_table_is_the_same_everywhere(void **state)
{
	(void)state;
	struct farm f;
	uint64_t sum = 0;
	farm_make(&f, BALANCE_MAGLEV, 7, 1);
	for (size_t i = 0; i < f.table.n; i++)
		sum = sum * 31 + f.table.slots[i];
	assert_int_equal(sum, 0x533c42bc4be512c4);
	balance_table_fini(&f.table);
}

static void
a_maglev_table_has_a_prime_size(void **state)
{
	(void)state;
	const size_t servers[] = {1, 655, 656, 3000, 20000, 65535};
	for (size_t i = 0; i < 6; i++) {
		size_t size = balance_maglev_size(servers[i]);
		assert_true(size >= servers[i] * 100);
		for (size_t d = 2; d * d <= size; d++)
			assert_int_not_equal(size % d, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_map_is_haproxy_s_for_any_weights),
		cmocka_unit_test(a_map_of_nobody_is_empty),
		cmocka_unit_test(a_ring_has_sixteen_places_per_weight_in_order),
		cmocka_unit_test(a_hash_goes_to_the_nearest_place_across_zero),
		cmocka_unit_test(keys_of_others_stay_but_in_a_map),
		cmocka_unit_test(maglev_shares_differ_by_one_percent_at_most),
		cmocka_unit_test(maglev_gives_weights_their_shares),
		cmocka_unit_test(maglev_does_not_mind_the_order_of_servers),
		cmocka_unit_test(a_maglev_table_is_the_same_everywhere),
		cmocka_unit_test(a_maglev_table_has_a_prime_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
