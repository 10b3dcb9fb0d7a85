/* SPDX-License-Identifier: MIT
 *
 * Stick tables as files: what comes back, and what is not believed.
 */
#include "stick_fixture.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "lib/base/hash.h"
#include "shm/snapshot_file.h"

static uint64_t mono_ms = 1000000, wall_ms = 1700000000000;

uint64_t __wrap_clock_mono_ms(void);
uint64_t __wrap_clock_wall_us(void);

uint64_t
__wrap_clock_mono_ms(void)
{
	return mono_ms;
}

uint64_t
__wrap_clock_wall_us(void)
{
	return wall_ms * 1000;
}

static int
save(struct table *x)
{
	struct shm_snapshot_save w;
	static unsigned char piece[SHM_SNAPSHOT_PIECE_BYTES] __attribute__((aligned(8)));
	size_t n;
	int fd = memfd_create("snapshot", MFD_CLOEXEC);
	assert_true(fd >= 0);
	shm_snapshot_save_begin(&w, &x->t, "t");
	while ((n = shm_snapshot_save_some(&w, piece)) > 0)
		assert_int_equal(write(fd, piece, n), n);
	assert_int_equal(w.left_out_n, 0);
	return fd;
}

/* Loads all of it; NULL: it was whole, else what is wrong. */
static const char *
load(struct table *x, int fd, struct shm_snapshot_load *r)
{
	static char err[SHM_ERROR_BYTES];
	enum shm_snapshot_result got = SHM_SNAPSHOT_MORE;
	err[0] = '\0';
	if (!shm_snapshot_load_begin(r, fd, &x->t, 0, err))
		return err;
	while (got == SHM_SNAPSHOT_MORE)
		got = shm_snapshot_load_some(r, x->f.shm, err);
	shm_snapshot_load_end(r);
	return got == SHM_SNAPSHOT_END ? NULL : err;
}

static void
put(struct table *x, uint32_t key, const struct shm_stick_op *ops, unsigned n)
{
	assert_int_equal(shm_stick_update(x->f.shm, &x->t, &key, mono_ms, ops, n,
					  SHM_STICK_CREATE, NULL, NULL),
			 SHM_STICK_NEW);
}

static bool
see(struct table *x, uint32_t key, struct shm_stick_view *v)
{
	return shm_stick_read(&x->t, &key, mono_ms, v) == SHM_STICK_OK;
}

static void
a_table_goes_on_after_another_boot(void **state)
{
	struct table x, y;
	struct shm_snapshot_load r;
	struct shm_stick_view v;
	const char *shape =
		"ip len=4 size=5000 expire=60000 store=gpc0,http_req_rate(10000)";
	(void)state;
	mono_ms = 500000;
	table_create(&x, shape, 16);
	for (uint32_t i = 0; i < 5000; i++) {
		const struct shm_stick_op ops[] = {add(&x, STICK_gpc0, i),
						   add(&x, STICK_http_req_rate, 100)};
		if (i == 2500)
			mono_ms += 40000;
		put(&x, i, ops, 2);
	}
	int fd = save(&x);
	/* five seconds later, on a machine that has just begun to count */
	mono_ms = 3;
	wall_ms += 5000;
	table_create(&y, shape, 16);
	assert_null(load(&y, fd, &r));
	assert_int_equal(r.loaded_n, 5000);
	assert_true(see(&y, 4000, &v));
	assert_int_equal(v.values[value_of(&y, STICK_gpc0)], 4000);
	assert_int_equal(v.values[value_of(&y, STICK_http_req_rate)], 100);
	assert_int_equal(v.expires_in_ms, 55000);
	assert_true(see(&y, 1, &v));
	assert_int_equal(v.expires_in_ms, 15000);
	mono_ms += 10000; /* half of the window is over */
	assert_true(see(&y, 4000, &v));
	assert_int_equal(v.values[value_of(&y, STICK_http_req_rate)], 50);
	mono_ms += 5000;
	assert_false(see(&y, 1, &v));
	close(fd);
	table_remove(&x);
	table_remove(&y);
}

static void
what_expired_while_the_machine_was_off_stays_away(void **state)
{
	struct table x, y;
	struct shm_snapshot_load r;
	(void)state;
	table_create(&x, "ip len=4 size=100 expire=60000 store=gpc0", 16);
	put(&x, 1, NULL, 0);
	mono_ms += 30000;
	put(&x, 2, NULL, 0);
	int fd = save(&x);
	wall_ms += 45000;
	table_create(&y, "ip len=4 size=100 expire=60000 store=gpc0", 16);
	assert_null(load(&y, fd, &r));
	assert_int_equal(r.loaded_n, 1);
	assert_int_equal(r.expired_n, 1);
	wall_ms -= 1000000; /* a clock that was put back: no time has passed */
	table_remove(&y);
	table_create(&y, "ip len=4 size=100 expire=60000 store=gpc0", 16);
	assert_null(load(&y, fd, &r));
	assert_int_equal(r.loaded_n, 2);
	close(fd);
	table_remove(&x);
	table_remove(&y);
}

static void
keys_move_to_another_shape_column_by_column(void **state)
{
	struct table x, y;
	struct shm_snapshot_load r;
	struct shm_stick_view v;
	(void)state;
	table_create(&x,
		     "ip len=4 size=100 expire=0 "
		     "store=gpc(3),gpc0,conn_cur,conn_rate(10000),bytes_in_cnt",
		     16);
	const struct shm_stick_op ops[] = {
		add(&x, STICK_gpc0, 7),
		add(&x, STICK_conn_cur, 3),
		add(&x, STICK_conn_rate, 40),
		{(uint16_t)(value_of(&x, STICK_gpc) + 1), SHM_STICK_SET, 11}};
	put(&x, 1, ops, 4);
	int fd = save(&x);
	table_create(&y,
		     "ip len=4 size=10 expire=9000 "
		     "store=gpt0,gpc(2),gpc0,conn_cur,conn_rate(5000)",
		     16);
	assert_null(load(&y, fd, &r));
	assert_int_equal(r.lost, 1u << STICK_gpc | 1u << STICK_bytes_in_cnt);
	assert_true(see(&y, 1, &v));
	assert_int_equal(v.values[value_of(&y, STICK_gpc0)], 7);
	assert_int_equal(v.values[value_of(&y, STICK_gpc) + 1], 11);
	assert_int_equal(v.values[value_of(&y, STICK_conn_cur)], 0);
	assert_int_equal(v.values[value_of(&y, STICK_conn_rate)], 40);
	assert_int_equal(v.values[value_of(&y, STICK_gpt0)], 0);
	table_remove(&y);
	table_create(&y, "ipv6 len=16 size=10 expire=0 store=gpc0", 16);
	assert_string_equal(load(&y, fd, &r),
			    "its keys are of another type (ip, 4 bytes)");
	close(fd);
	table_remove(&x);
	table_remove(&y);
}

static void
what_was_counted_meanwhile_stands(void **state)
{
	struct table x;
	struct shm_snapshot_load r;
	struct shm_stick_view v;
	(void)state;
	table_create(&x, "ip len=4 size=100 expire=0 store=gpc0", 16);
	put(&x, 1, (struct shm_stick_op[]){add(&x, STICK_gpc0, 1)}, 1);
	int fd = save(&x);
	uint32_t key = 1;
	const struct shm_stick_op more = add(&x, STICK_gpc0, 5);
	shm_stick_update(x.f.shm, &x.t, &key, mono_ms, &more, 1, 0, NULL, NULL);
	assert_null(load(&x, fd, &r));
	assert_int_equal(r.loaded_n, 0);
	assert_true(see(&x, 1, &v));
	assert_int_equal(v.values[0], 6);
	close(fd);
	table_remove(&x);
}

static void
every_damaged_byte_is_noticed(void **state)
{
	struct table x, y;
	struct shm_snapshot_load r;
	(void)state;
	table_create(&x, "ip len=4 size=100 expire=0 store=gpc0,conn_rate(1000)", 16);
	for (uint32_t i = 0; i < 10; i++)
		put(&x, i, NULL, 0);
	int fd = save(&x);
	off_t size = lseek(fd, 0, SEEK_END);
	table_create(&y, "ip len=4 size=100 expire=0 store=gpc0,conn_rate(1000)", 16);
	for (off_t at = 0; at < size; at++) {
		unsigned char was, is;
		assert_int_equal(pread(fd, &was, 1, at), 1);
		is = was ^ 0x10;
		assert_int_equal(pwrite(fd, &is, 1, at), 1);
		if (!load(&y, fd, &r))
			fail_msg("byte %ld of %ld", (long)at, (long)size);
		assert_int_equal(pwrite(fd, &was, 1, at), 1);
	}
	for (off_t at = size - 1; at >= 0; at--) {
		assert_int_equal(ftruncate(fd, at), 0);
		assert_non_null(load(&y, fd, &r));
	}
	close(fd);
	table_remove(&x);
	table_remove(&y);
}

static void
a_file_of_another_version_or_machine_is_named_as_such(void **state)
{
	struct table x;
	struct shm_snapshot_load r;
	struct snapshot_head h;
	(void)state;
	table_create(&x, "ip len=4 size=100 expire=0 store=gpc0", 16);
	int fd = save(&x);
	assert_int_equal(pread(fd, &h, sizeof(h), 0), sizeof(h));
	h.version = 7;
	assert_int_equal(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
	assert_string_equal(load(&x, fd, &r), "it has version 7, this weir reads 1");
	h.magic = __builtin_bswap64(h.magic);
	assert_int_equal(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
	assert_string_equal(load(&x, fd, &r),
			    "it was written by a machine of another byte order");
	close(fd);
	table_remove(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_goes_on_after_another_boot),
		cmocka_unit_test(what_expired_while_the_machine_was_off_stays_away),
		cmocka_unit_test(keys_move_to_another_shape_column_by_column),
		cmocka_unit_test(what_was_counted_meanwhile_stands),
		cmocka_unit_test(every_damaged_byte_is_noticed),
		cmocka_unit_test(a_file_of_another_version_or_machine_is_named_as_such),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
