/* SPDX-License-Identifier: MIT
 *
 * Stick tables: what updates and lookups cost one process, with KEYS keys in random order
 * of a table of SIZE (a million each), and memory per key. With -r another process reads
 * the whole table in every second round, as `weirctl table` does: what that costs the one
 * that updates. Then the table is written to FILE and read into another one. Time is CPU
 * time, so that neighbours count for little. Prints lines; fails nothing.
 *
 *   bench_stick [-s SIZE] [-r] [KEYS [FILE]]
 */
#include "unit/shm/stick_fixture.h"

#include <fcntl.h>
#include <getopt.h>

#include "shm/snapshot.h"

enum { MILLION = 1000000, ROUNDS_N = 10 };
#define SHAPE "ip size=%u expire=600000 store=conn_cnt,conn_cur,http_req_rate(10000),gpc0"

static uint64_t
random_next(uint64_t *r)
{
	*r ^= *r << 13;
	*r ^= *r >> 7;
	*r ^= *r << 17;
	return *r;
}

static uint64_t
cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Reads all entries, again and again. */
static pid_t
begin_reading(const struct table *x)
{
	struct shm_stick_view v;
	pid_t pid = fork();
	while (pid == 0) {
		uint64_t at = 0;
		while (shm_stick_each(&x->t, &at, clock_mono_ms(), &v) != SHM_STICK_NONE)
			;
	}
	return pid;
}

static void
end_reading(pid_t pid)
{
	kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* One key, two of its values. The time is taken once for several, as workers do. */
static double
update(struct table *x, uint32_t keys_n, uint64_t *random)
{
	struct shm_stick_op ops[] = {add(x, STICK_conn_cnt, 1),
				     add(x, STICK_http_req_rate, 1)};
	uint64_t values[8], start_us = cpu_us(), now_ms = 0;
	for (uint32_t i = 0; i < MILLION; i++) {
		uint32_t key = (uint32_t)(random_next(random) % keys_n) * 2654435761U;
		if (i % 16 == 0)
			now_ms = clock_mono_ms();
		shm_stick_update(x->f.shm, &x->t, &key, now_ms, ops, 2, SHM_STICK_CREATE,
				 NULL, values);
	}
	return (double)(cpu_us() - start_us) * 1e3 / MILLION;
}

/* All values of one key, without a lock. */
static double
look_up(struct table *x, uint32_t keys_n, uint64_t *random)
{
	struct shm_stick_view v;
	uint64_t start_us = cpu_us(), now_ms = clock_mono_ms();
	for (uint32_t i = 0; i < MILLION; i++) {
		uint32_t key = (uint32_t)(random_next(random) % keys_n) * 2654435761U;
		shm_stick_read(&x->t, &key, now_ms, &v);
	}
	return (double)(cpu_us() - start_us) * 1e3 / MILLION;
}

static void
fill(struct table *x, uint32_t keys_n)
{
	uint64_t start_us = cpu_us(), values[8];
	for (uint32_t i = 0; i < keys_n; i++) {
		uint32_t key = i * 2654435761U;
		shm_stick_update(x->f.shm, &x->t, &key, clock_mono_ms(), NULL, 0,
				 SHM_STICK_CREATE, NULL, values);
	}
	printf("added: %.0f ns each, with page faults\n",
	       (double)(cpu_us() - start_us) * 1e3 / keys_n);
}

static void
bench_updates(struct table *x, uint32_t keys_n, bool is_read)
{
	uint64_t random = 88172645463325252ULL;
	double alone = 0, beside = 0, looks = 0;
	for (int round = 0; round < ROUNDS_N; round++) {
		alone += update(x, keys_n, &random);
		looks += look_up(x, keys_n, &random);
		if (!is_read)
			continue;
		pid_t reader = begin_reading(x);
		beside += update(x, keys_n, &random);
		end_reading(reader);
	}
	printf("updates: %.0f ns each; lookups: %.0f ns each; as many of both: %.1f "
	       "million "
	       "a second\n",
	       alone / ROUNDS_N, looks / ROUNDS_N, 2e3 * ROUNDS_N / (alone + looks));
	if (is_read)
		printf("beside a reader: %.0f ns each\n", beside / ROUNDS_N);
}

static void
bench_file(struct table *x, const char *path, const char *shape)
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
	table_create(&y, shape, 0);
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
	char shape[160];
	uint32_t size = MILLION, keys_n = MILLION;
	bool is_read = false;
	for (int c; (c = getopt(argc, argv, "s:r")) != -1;) {
		if (c == 's')
			size = (uint32_t)strtoul(optarg, NULL, 10);
		is_read |= c == 'r';
	}
	if (optind < argc)
		keys_n = (uint32_t)strtoul(argv[optind++], NULL, 10);
	snprintf(shape, sizeof(shape), SHAPE, size);
	table_create(&x, shape, 0);
	fill(&x, keys_n);
	bench_updates(&x, keys_n, is_read);
	printf("%.1f bytes per key, %llu of %u keys held\n", (double)x.spec.bytes / size,
	       (unsigned long long)shm_stick_used(&x.t), keys_n);
	if (optind < argc)
		bench_file(&x, argv[optind], shape);
	table_remove(&x);
	return 0;
}
