/* SPDX-License-Identifier: MIT
 *
 * What moves when a server leaves, and how even the shares are: figures of
 * docs/balancing.md. Each server leaves once, of many some.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/balance/balance.h"
#include "lib/base/must.h"

/* Hashes from one end to the other, a prime apart: positions of all tables have equally
 * many of them. */
enum { KEYS = 1 << 22, STEP = 1021, LEAVE_MOST = 50 };

struct farm {
	struct balance_table table;
	struct balance_server *servers;
	size_t n;
};

static void
farm_make(struct farm *f, enum balance_kind kind, size_t n, uint32_t weight)
{
	char name[32];
	*f = (struct farm){.n = n, .servers = must_calloc(n, sizeof(*f->servers))};
	balance_table_init(&f->table, kind, n);
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "server%zu", i + 1);
		const struct balance_identified s = {.id = (uint32_t)i + 1,
						     .name = span_str(name)};
		f->servers[i].share = weight * BALANCE_SHARE;
		f->servers[i].key = balance_server_key(BALANCE_BY_KIND, kind, &s);
	}
	balance_table_build(&f->table, f->servers);
}

static void
ask(const struct farm *f, uint16_t out[KEYS])
{
	for (uint32_t k = 0; k < KEYS; k++)
		out[k] = balance_table_at(&f->table,
					  balance_table_find(&f->table, k * STEP));
}

/* Percent by which the largest share is above the mean. */
static double
excess(const struct farm *f, const uint16_t keys[KEYS])
{
	size_t most = 0, *count = must_calloc(f->n, sizeof(*count));
	for (size_t k = 0; k < KEYS; k++)
		if (++count[keys[k]] > most)
			most = count[keys[k]];
	free(count);
	return 100.0 * ((double)most * (double)f->n / KEYS - 1);
}

static double
now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
measure(const char *name, enum balance_kind kind, size_t n, uint32_t weight)
{
	static uint16_t before[KEYS], after[KEYS];
	struct farm f;
	double sum = 0, worst = 0, built_ms = 0;
	size_t leave_n = n < LEAVE_MOST ? n : LEAVE_MOST;
	farm_make(&f, kind, n, weight);
	ask(&f, before);
	for (size_t i = 0; i < leave_n; i++) {
		size_t gone = i * n / leave_n, moved = 0, others = 0;
		f.servers[gone].share = 0;
		double begin_ms = now_ms();
		balance_table_build(&f.table, f.servers);
		built_ms += now_ms() - begin_ms;
		ask(&f, after);
		for (size_t k = 0; k < KEYS; k++) {
			others += before[k] != gone;
			moved += before[k] != gone && before[k] != after[k];
		}
		double percent = 100.0 * (double)moved / (double)others;
		sum += percent;
		worst = percent > worst ? percent : worst;
		f.servers[gone].share = weight * BALANCE_SHARE;
	}
	printf("| %s | %zu | %.2f %% | %.2f %% | %.1f %% | %.2f |\n", name, n,
	       sum / (double)leave_n, worst, excess(&f, before),
	       built_ms / (double)leave_n);
	balance_table_fini(&f.table);
	free(f.servers);
}

int
main(void)
{
	static const size_t sizes[] = {2, 5, 10, 50, 100, 650, 2000};
	printf("| table | servers | moved, mean | worst | largest share above mean | "
	       "built in ms |\n|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		measure("map_based", BALANCE_MAP, sizes[i], 1);
		measure("consistent, weight 1", BALANCE_RING, sizes[i], 1);
		measure("consistent, weight 100", BALANCE_RING, sizes[i], 100);
		measure("maglev", BALANCE_MAGLEV, sizes[i], 1);
	}
	return 0;
}
