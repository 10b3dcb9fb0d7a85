/* SPDX-License-Identifier: MIT
 *
 * The region from outside: no daemon, no permission, hostile bytes.
 */
#include "fixture.h"

#include <fcntl.h>

static void
a_region_is_read_with_and_without_its_daemon(void **state)
{
	(void)state;
	struct fixture f;
	struct shm *r;
	struct shm_info i;
	char err[SHM_ERROR_BYTES];
	fixture_create(&f);
	struct shm_object web = fixture_object(&f, SHM_FRONTEND, "", "web");
	shm_count(&web, SHM_FRONTEND_stot, 12);
	shm_reload_result(f.shm, true, "generation 2 serves");

	assert_int_equal(shm_attach(f.path, &r, err), SHM_ATTACH_OK);
	shm_info(r, &i);
	assert_true(i.running);
	assert_int_equal(i.master_pid, getpid());
	assert_string_equal(i.version, "1.0-test");
	assert_string_equal(i.control_socket, "/run/weir/weir.sock");
	assert_string_equal(i.reload_text, "generation 2 serves");
	assert_true(i.reload_last_ok);
	assert_int_equal(i.workers_n, 2);
	assert_int_equal(i.generation, 1);
	assert_true(i.used_bytes > 0 && i.used_bytes < i.size_bytes);
	assert_true(strlen(i.boot_id) > 30);
	assert_true(shm_find(r, SHM_FRONTEND, "", "web", NULL, &web));
	assert_int_equal(shm_total(r, &web, SHM_FRONTEND_stot), 12);
	assert_int_equal(shm_objects_n(r), f.g.objects_n);
	assert_int_equal(shm_verify(r, fixture_print_problem, NULL), 0);

	/* what is added later is found by the same reader */
	fixture_add(&f, SHM_SERVER, "app", "d", "10.0.0.4:80");
	assert_int_equal(shm_grow(f.shm, &f.g, f.err), 0);
	shm_commit(f.shm, &f.g, 2);
	assert_true(shm_find(r, SHM_SERVER, "app", "d", "10.0.0.4:80", &web));

	shm_mark_stopped(f.shm);
	shm_close(&f.shm);
	shm_info(r, &i);
	assert_false(i.running);
	assert_int_equal(i.master_pid, 0);
	shm_close(&r);
	fixture_remove(&f);
}

static void
what_cannot_be_attached_says_why(void **state)
{
	(void)state;
	struct fixture f;
	struct shm *r;
	char err[SHM_ERROR_BYTES], path[128];
	fixture_create(&f);
	snprintf(path, sizeof(path), "%s/nothing", f.dir);
	assert_int_equal(shm_attach(path, &r, err), SHM_ATTACH_MISSING);
	assert_non_null(strstr(err, path));
	assert_null(r);
	assert_int_equal(shm_attach(f.dir, &r, err), SHM_ATTACH_LAYOUT);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(shm_attach(path, &r, err), SHM_ATTACH_LAYOUT);
	unlink(path);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(shm_attach(path, &r, err), SHM_ATTACH_LAYOUT);
	assert_int_equal(write(fd, "hello", 5), 5);
	assert_int_equal(shm_attach(path, &r, err), SHM_ATTACH_LAYOUT);
	assert_non_null(strstr(err, "not a region"));
	close(fd);
	uint32_t major = 77;
	fd = open(f.path, O_RDWR);
	assert_int_equal(pwrite(fd, &major, 4, offsetof(struct shm_header, major)), 4);
	close(fd);
	assert_int_equal(shm_attach(f.path, &r, err), SHM_ATTACH_LAYOUT);
	assert_non_null(strstr(err, "layout is 77"));
	fflush(NULL);
	if (geteuid() == 0) {
		pid_t pid = fork();
		if (pid == 0) {
			if (chmod(f.dir, 0755) || setgid(65534) || setuid(65534))
				_exit(2);
			_exit(shm_attach(f.path, &r, err) != SHM_ATTACH_PERMISSION);
		}
		assert_int_equal(fixture_wait(pid), 0);
	}
	fixture_remove(&f);
}

/* Everything a reader may ask of a region. */
static void
read_everything(const struct shm *r)
{
	struct shm_info i;
	struct shm_slot_view v;
	struct shm_counter_desc d;
	shm_info(r, &i);
	assert_true(strlen(i.version) < sizeof(i.version));
	shm_verify(r, NULL, NULL);
	for (uint32_t s = 0; s < shm_slots_n(r); s++) {
		shm_slot_view(r, s, &v);
		shm_slot_is_stale(r, s, 1, 1);
	}
	shm_slot_of_worker(r, 0);
	for (unsigned k = 0; k < SHM_KINDS_N; k++)
		for (uint32_t c = 0; c < shm_counters_n(r, (enum shm_kind)k); c++)
			shm_counter_desc(r, (enum shm_kind)k, c, &d);
	uint32_t n = shm_objects_n(r);
	for (uint32_t o = 0; o < n; o++) {
		struct shm_object obj;
		struct shm_facts facts;
		struct shm_check check;
		if (!shm_object_at(r, o, &obj))
			continue;
		shm_object_facts(r, &obj, &facts);
		assert_true(strlen(facts.name) < sizeof(facts.name));
		assert_true(strlen(facts.algo) < sizeof(facts.algo));
		shm_object_maxconn(r, &obj);
		shm_gauge_cur(obj.gauge);
		shm_total(r, &obj, 3);
		if (obj.server) {
			shm_server_effective(&obj, &facts);
			shm_check_read(&obj, &check);
			assert_true(strlen(check.desc) < sizeof(check.desc));
		}
		if (n > 1000 && o > 1000)
			break; /* a hole: nothing new, and it would be allocated */
	}
	struct shm_object o;
	shm_find(r, SHM_SERVER, "app", "a", NULL, &o);
}

static uint64_t rnd = 88172645463325252ULL;

static uint64_t
next_random(void)
{
	rnd ^= rnd << 13;
	rnd ^= rnd >> 7;
	rnd ^= rnd << 17;
	return rnd;
}

/* Flips bytes in what a reader looks at, half of the time with good checksums. */
static void
bytes_flipped_at_random_never_crash_a_reader(void **state)
{
	(void)state;
	struct fixture f;
	char err[SHM_ERROR_BYTES];
	unsigned attached_n = 0;
	enum { ROUNDS = 1500, ENTRIES = 7 };
	fixture_create(&f);
	f.shm->base[0] += 0;
	struct shm_layout at = f.shm->at;
	const struct {
		uint64_t off, bytes;
	} parts[] = {
		{0, sizeof(struct shm_header)},
		{offsetof(struct shm_header, layout), sizeof(struct shm_layout)},
		{offsetof(struct shm_header, shape),
		 sizeof(struct shm_header) - offsetof(struct shm_header, shape)},
		{at.identities_off, 8 * sizeof(struct shm_identity)},
		{at.descs_off, 4096},
		{at.reload_off, sizeof(struct shm_reload)},
		{at.entries_off, ENTRIES * sizeof(struct shm_entry)},
		{at.slots_off, 4 * sizeof(struct shm_slot)},
		{at.records_off, ENTRIES * at.record_bytes},
	};
	enum { PARTS = sizeof(parts) / sizeof(parts[0]) };
	unsigned char *saved[PARTS];
	for (unsigned p = 0; p < PARTS; p++) {
		saved[p] = malloc(parts[p].bytes);
		memcpy(saved[p], f.shm->base + parts[p].off, parts[p].bytes);
	}
	for (int round = 0; round < ROUNDS; round++) {
		unsigned p = (unsigned)(next_random() % PARTS);
		unsigned flips = 1 + (unsigned)(next_random() % 8);
		for (unsigned i = 0; i < flips; i++) {
			uint64_t off = parts[p].off + next_random() % parts[p].bytes;
			f.shm->base[off] ^= (unsigned char)(1 + next_random() % 255);
		}
		struct shm_header *h = shm_header(f.shm);
		if (next_random() % 2) {
			h->checksum = shm_header_checksum(h);
			for (uint32_t i = 0; i < ENTRIES; i++) {
				struct shm_entry_data d = shm_entry(f.shm, i)->data;
				uint32_t state_was = d.state;
				shm_entry_write(f.shm, i, &d);
				assert_int_equal(state_was, d.state);
			}
		}
		struct shm *r;
		if (shm_attach(f.path, &r, err) == SHM_ATTACH_OK) {
			read_everything(r);
			shm_close(&r);
			attached_n++;
		}
		for (unsigned q = 0; q < PARTS; q++)
			memcpy(f.shm->base + parts[q].off, saved[q], parts[q].bytes);
	}
	assert_true(attached_n > ROUNDS / 4);
	for (unsigned p = 0; p < PARTS; p++)
		free(saved[p]);
	fixture_verify(&f);
	fixture_remove(&f);
}

/* Numbers a reader uses as indices, each at its worst. */
static void
hostile_numbers_are_bounded(void **state)
{
	(void)state;
	struct fixture f;
	struct shm *r;
	char err[SHM_ERROR_BYTES];
	fixture_create(&f);
	struct shm_header *h = shm_header(f.shm);
	memset(&h->live, 0xff, sizeof(h->live));
	h->workers_n = UINT32_MAX;
	for (unsigned k = 0; k < SHM_KINDS_N; k++)
		h->counters_n[k] = UINT32_MAX;
	memset(shm_reload(f.shm), 0xff, sizeof(struct shm_reload));
	memset(shm_identity(f.shm, 3), 0xff, sizeof(struct shm_identity));
	memset(shm_slot(f.shm, 3), 0xff, sizeof(struct shm_slot));
	memset(shm_desc(f.shm, SHM_GLOBAL, 0), 'x', sizeof(struct shm_counter_desc));
	for (uint32_t i = 0; i < 7; i++) {
		struct shm_entry_data d = shm_entry(f.shm, i)->data;
		memset(&d.facts, 0xff, sizeof(d.facts));
		d.facts.kind = SHM_SERVER;
		shm_entry_write(f.shm, i, &d);
		memset(shm_record(f.shm, i), 0xff, f.shm->at.record_bytes);
	}
	assert_int_equal(shm_attach(f.path, &r, err), SHM_ATTACH_OK);
	read_everything(r);
	assert_true(shm_verify(r, NULL, NULL) > 0);
	h->objects_n = UINT32_MAX;
	assert_int_equal(shm_objects_n(r), f.shm->at.objects_max);
	shm_close(&r);
	h->objects_n = 0;
	fixture_remove(&f);
}

static void
verify_finds_what_does_not_add_up(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_object web = fixture_object(&f, SHM_FRONTEND, "", "web");
	web.gauge->cur = 3;
	assert_int_equal(shm_verify(f.shm, NULL, NULL), 1);
	web.gauge->held[1] = 3;
	assert_int_equal(shm_verify(f.shm, NULL, NULL), 0);
	shm_entry(f.shm, web.index)->data.facts.maxconn++;
	assert_int_equal(shm_verify(f.shm, NULL, NULL), 1);
	shm_entry(f.shm, web.index)->data.facts.maxconn--;
	shm_header(f.shm)->created_wall_s++;
	assert_int_equal(shm_verify(f.shm, NULL, NULL), 1);
	fixture_remove(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_region_is_read_with_and_without_its_daemon),
		cmocka_unit_test(what_cannot_be_attached_says_why),
		cmocka_unit_test(bytes_flipped_at_random_never_crash_a_reader),
		cmocka_unit_test(hostile_numbers_are_bounded),
		cmocka_unit_test(verify_finds_what_does_not_add_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
