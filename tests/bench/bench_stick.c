/* SPDX-License-Identifier: MIT
 *
 * Stick tables: updates per second of one process, with a million keys in random order,
 * and memory per key. Prints one line each; fails nothing.
 */
#include "unit/shm/stick_fixture.h"

enum { KEYS_N = 1000000, ROUNDS_N = 5 };

static uint64_t
random_next(uint64_t *r)
{
	*r ^= *r << 13;
	*r ^= *r >> 7;
	*r ^= *r << 17;
	return *r;
}

int
main(void)
{
	struct table x;
	table_create(&x,
		     "ip size=1000000 expire=600000 "
		     "store=conn_cnt,conn_cur,http_req_rate(10000),gpc0",
		     0);
	struct shm_stick_op ops[] = {add(&x, STICK_conn_cnt, 1),
				     add(&x, STICK_http_req_rate, 1)};
	uint64_t values[8], random = 88172645463325252ULL;
	for (int round = 0; round <= ROUNDS_N; round++) {
		uint64_t start_us = clock_mono_us();
		for (uint32_t i = 0; i < KEYS_N; i++) {
			uint32_t n =
				round ? (uint32_t)(random_next(&random) % KEYS_N) : i;
			uint32_t key = n * 2654435761U;
			shm_stick_update(x.f.shm, &x.t, &key, 1000, ops, 2,
					 SHM_STICK_CREATE, NULL, values);
		}
		uint64_t us = clock_mono_us() - start_us;
		printf("%s: %.2f M/s\n", round ? "updates" : "first, with page faults",
		       KEYS_N / (double)us);
	}
	printf("%.1f bytes per key, %llu of %d keys held\n",
	       (double)x.spec.bytes / KEYS_N, (unsigned long long)shm_stick_used(&x.t),
	       KEYS_N);
	table_remove(&x);
	return 0;
}
