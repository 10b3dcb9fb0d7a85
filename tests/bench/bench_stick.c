/* SPDX-License-Identifier: MIT
 *
 * Stick tables: updates per second of one process, with KEYS (a million) of a million
 * keys in random order, and memory per key; then the table is written to FILE and read
 * into another one. Prints one line each; fails nothing.
 *
 *   bench_stick [KEYS [FILE]]
 */
#include "unit/shm/stick_fixture.h"

#include <fcntl.h>

#include "shm/snapshot.h"

enum { KEYS_N = 1000000, ROUNDS_N = 5 };
#define SHAPE                            \
	"ip size=1000000 expire=600000 " \
	"store=conn_cnt,conn_cur,http_req_rate(10000),gpc0"

static uint64_t
random_next(uint64_t *r)
{
	*r ^= *r << 13;
	*r ^= *r >> 7;
	*r ^= *r << 17;
	return *r;
}

static void
bench_updates(struct table *x, uint32_t keys_n)
{
	struct shm_stick_op ops[] = {add(x, STICK_conn_cnt, 1),
				     add(x, STICK_http_req_rate, 1)};
	uint64_t values[8], random = 88172645463325252ULL;
	for (int round = 0; round <= ROUNDS_N; round++) {
		uint64_t start_us = clock_mono_us();
		for (uint32_t i = 0; i < KEYS_N; i++) {
			uint32_t n =
				round ? (uint32_t)(random_next(&random) % keys_n) : i;
			uint32_t key = n * 2654435761U;
			shm_stick_update(x->f.shm, &x->t, &key, clock_mono_ms(), ops, 2,
					 SHM_STICK_CREATE, NULL, values);
		}
		uint64_t us = clock_mono_us() - start_us;
		printf("%s: %.2f M/s\n", round ? "updates" : "first, with page faults",
		       KEYS_N / (double)us);
	}
}

static void
bench_file(struct table *x, const char *path)
{
	static unsigned char piece[SHM_SNAPSHOT_PIECE_BYTES] __attribute__((aligned(8)));
	struct shm_snapshot_save w;
	struct shm_snapshot_load r;
	struct table y;
	char err[SHM_ERROR_BYTES];
	size_t n;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	uint64_t start_us = clock_mono_us();
	shm_snapshot_save_begin(&w, &x->t, "t");
	while ((n = shm_snapshot_save_some(&w, piece)) > 0)
		assert_int_equal(write(fd, piece, n), n);
	uint64_t written_us = clock_mono_us();
	assert_int_equal(fdatasync(fd), 0);
	printf("saved %llu keys, %.1f MB: %.0f ms, and %.0f ms until they were on the "
	       "disk\n",
	       (unsigned long long)w.saved_n, (double)lseek(fd, 0, SEEK_END) / 1e6,
	       (double)(written_us - start_us) / 1e3,
	       (double)(clock_mono_us() - written_us) / 1e3);
	table_create(&y, SHAPE, 0);
	start_us = clock_mono_us();
	assert_true(shm_snapshot_load_begin(&r, fd, &y.t, 0, err));
	while (shm_snapshot_load_some(&r, y.f.shm, err) == SHM_SNAPSHOT_MORE)
		;
	printf("loaded %llu keys: %.0f ms\n", (unsigned long long)r.loaded_n,
	       (double)(clock_mono_us() - start_us) / 1e3);
	shm_snapshot_load_end(&r);
	close(fd);
	table_remove(&y);
}

int
main(int argc, char **argv)
{
	struct table x;
	uint32_t keys_n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : KEYS_N;
	table_create(&x, SHAPE, 0);
	bench_updates(&x, keys_n ? keys_n : KEYS_N);
	printf("%.1f bytes per key, %llu of %d keys held\n",
	       (double)x.spec.bytes / KEYS_N, (unsigned long long)shm_stick_used(&x.t),
	       KEYS_N);
	if (argc > 2)
		bench_file(&x, argv[2]);
	table_remove(&x);
	return 0;
}
