/* SPDX-License-Identifier: MIT
 *
 * The region's file: made, adopted, refused; what children may write.
 */
#include "fixture.h"

#include <fcntl.h>
#include <sys/mman.h>

static void
a_new_region_is_private_to_its_group_and_leaves_no_temporary_file(void **state)
{
	(void)state;
	struct fixture f;
	struct stat st;
	fixture_create(&f);
	assert_int_equal(lstat(f.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	DIR *d = opendir(f.dir);
	struct dirent *e;
	int files = 0;
	while ((e = readdir(d)))
		files += e->d_name[0] != '.';
	closedir(d);
	assert_int_equal(files, 1);
	/* what is used is allocated, the rest is a hole */
	assert_true((uint64_t)st.st_blocks * 512 >= f.shm->live.used_bytes / 2);
	assert_true((uint64_t)st.st_blocks * 512 < 4 << 20);
	assert_true((uint64_t)st.st_size == f.shm->at.size_bytes);
	fixture_verify(&f);
	fixture_remove(&f);
}

static void
the_directory_of_the_region_is_made_when_it_is_missing(void **state)
{
	(void)state;
	struct fixture f;
	struct stat st;
	fixture_create(&f);
	shm_close(&f.shm);
	char dir[80];
	snprintf(dir, sizeof(dir), "%s/run", f.dir);
	snprintf(f.path, sizeof(f.path), "%s/weir.shm", dir);
	mode_t old = umask(077);
	assert_false(fixture_open(&f, false));
	umask(old);
	assert_non_null(f.shm);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	unlink(f.path);
	rmdir(dir);
	fixture_remove(&f);
}

static void
a_region_that_was_left_behind_is_adopted_with_its_numbers(void **state)
{
	(void)state;
	struct fixture f;
	struct shm_info i;
	fixture_create(&f);
	struct shm_object web = fixture_object(&f, SHM_FRONTEND, "", "web");
	shm_count(&web, SHM_FRONTEND_stot, 41);
	shm_reload_result(f.shm, false, "conf.yaml:3:5: unknown key");
	uint64_t created = shm_header(f.shm)->created_wall_s;
	shm_mark_stopped(f.shm);
	shm_close(&f.shm);

	assert_true(fixture_open(&f, false));
	shm_commit(f.shm, &f.g, 2);
	web = fixture_object(&f, SHM_FRONTEND, "", "web");
	shm_count(&web, SHM_FRONTEND_stot, 1);
	assert_int_equal(shm_total(f.shm, &web, SHM_FRONTEND_stot), 42);
	shm_info(f.shm, &i);
	assert_true(i.running);
	assert_int_equal(i.generation, 2);
	assert_int_equal(i.created_wall_s, created);
	assert_int_equal(i.reloads_failed, 1);
	assert_int_equal(i.reload_seq, 1);
	assert_false(i.reload_last_ok);
	assert_string_equal(i.reload_text, "conf.yaml:3:5: unknown key");
	fixture_verify(&f);
	fixture_remove(&f);
}

static void
a_region_of_a_killed_daemon_is_adopted_too(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_object web = fixture_object(&f, SHM_FRONTEND, "", "web");
	shm_count(&web, SHM_FRONTEND_stot, 5);
	int slot = shm_slot_reserve(f.shm, SHM_ROLE_WORKER, 0, 1);
	shm_slot_identify(f.shm, (uint32_t)slot, 0x7ffffff0); /* no such process */
	web.gauge->held[slot] = 3;
	web.gauge->cur = 4; /* and a wrong one */
	web.gauge->lock = 0x3ffffff0;
	web.gauge->seq |= 1;
	web.gauge->undo_slot = 9999;
	shm_close(&f.shm);

	assert_true(fixture_open(&f, false));
	web = fixture_object(&f, SHM_FRONTEND, "", "web");
	assert_int_equal(shm_gauge_cur(web.gauge), 0);
	assert_int_equal(shm_total(f.shm, &web, SHM_FRONTEND_stot), 5);
	assert_false(shm_gauge_is_unsettled(f.shm));
	fixture_verify(&f);
	fixture_remove(&f);
}

static void
fresh_starts_anew_and_leaves_the_old_file_to_who_has_it(void **state)
{
	(void)state;
	struct fixture f;
	struct shm *old;
	char err[SHM_ERROR_BYTES];
	fixture_create(&f);
	struct shm_object web = fixture_object(&f, SHM_FRONTEND, "", "web");
	shm_count(&web, SHM_FRONTEND_stot, 41);
	shm_mark_stopped(f.shm);
	shm_close(&f.shm);
	assert_int_equal(shm_attach(f.path, &old, err), SHM_ATTACH_OK);
	assert_false(fixture_open(&f, true));
	web = fixture_object(&f, SHM_FRONTEND, "", "web");
	assert_int_equal(shm_total(f.shm, &web, SHM_FRONTEND_stot), 0);
	assert_true(shm_find(old, SHM_FRONTEND, "", "web", NULL, &web));
	assert_int_equal(shm_total(old, &web, SHM_FRONTEND_stot), 41);
	shm_close(&old);
	fixture_remove(&f);
}

static void
sit_until_killed(struct fixture *f, void *arg)
{
	(void)f;
	(void)arg;
	pause();
}

static void
a_region_in_use_is_refused_and_named_with_its_process(void **state)
{
	(void)state;
	struct fixture f;
	pid_t pid;
	fixture_create(&f);
	fixture_fork(&f, SHM_ROLE_WORKER, 0, &pid, sit_until_killed, NULL);
	shm_slot_identify(f.shm, SHM_SLOT_MASTER, (uint32_t)pid); /* as if it were */
	shm_close(&f.shm);
	assert_false(fixture_open(&f, false) && f.shm);
	assert_null(f.shm);
	assert_non_null(strstr(f.err, "already running"));
	/* dead is enough; whether its parent has noticed is no business of ours */
	kill(pid, SIGKILL);
	siginfo_t si;
	assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0);
	fixture_open(&f, false);
	assert_non_null(f.shm);
	fixture_wait(pid);
	fixture_remove(&f);
}

static void
poke(const char *path, size_t off, const void *p, size_t n)
{
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, p, n, (off_t)off), n);
	close(fd);
}

static void
a_region_of_another_boot_is_replaced_without_a_word(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_object web = fixture_object(&f, SHM_FRONTEND, "", "web");
	shm_count(&web, SHM_FRONTEND_stot, 41);
	shm_close(&f.shm);
	poke(f.path, offsetof(struct shm_header, boot_id), "another boot", 13);
	assert_false(fixture_open(&f, false));
	assert_non_null(f.shm);
	web = fixture_object(&f, SHM_FRONTEND, "", "web");
	assert_int_equal(shm_total(f.shm, &web, SHM_FRONTEND_stot), 0);
	fixture_remove(&f);
}

static void
refuse(struct fixture *f, const char *hint)
{
	struct stat before, after;
	assert_int_equal(lstat(f->path, &before), 0);
	fixture_open(f, false);
	assert_null(f->shm);
	if (!strstr(f->err, hint) || !strstr(f->err, "global.shm"))
		fail_msg("%s", f->err);
	assert_int_equal(lstat(f->path, &after), 0);
	assert_true(before.st_ino == after.st_ino);
}

static void
foreign_and_damaged_regions_are_refused_with_a_way_out(void **state)
{
	(void)state;
	struct fixture f;
	uint32_t major = 9;
	fixture_create(&f);
	shm_close(&f.shm);

	poke(f.path, offsetof(struct shm_header, major), &major, 4);
	refuse(&f, "--fresh-shm");
	fixture_open(&f, true);
	shm_close(&f.shm);

	poke(f.path, offsetof(struct shm_header, layout) + 20, "x", 1);
	refuse(&f, "--fresh-shm");
	fixture_open(&f, true);
	shm_close(&f.shm);

	poke(f.path, 0, "something else", 14);
	refuse(&f, "--fresh-shm");
	assert_int_equal(truncate(f.path, 0), 0);
	refuse(&f, "--fresh-shm");
	fixture_open(&f, true);
	shm_close(&f.shm);

	assert_int_equal(truncate(f.path, 100000), 0);
	refuse(&f, "--fresh-shm");
	fixture_open(&f, true);
	assert_non_null(f.shm);
	fixture_remove(&f);
}

static void
only_a_regular_file_of_ours_with_one_name_is_adopted(void **state)
{
	(void)state;
	struct fixture f;
	char other[120];
	fixture_create(&f);
	shm_close(&f.shm);
	snprintf(other, sizeof(other), "%s/other", f.dir);

	assert_int_equal(link(f.path, other), 0);
	refuse(&f, "hard links");
	unlink(f.path);
	assert_int_equal(symlink(other, f.path), 0);
	refuse(&f, "symbolic link");
	unlink(f.path);
	assert_int_equal(mkfifo(f.path, 0600), 0);
	refuse(&f, "not a regular file");
	unlink(f.path);
	if (geteuid() == 0) {
		assert_int_equal(rename(other, f.path), 0);
		assert_int_equal(chown(f.path, 65534, (gid_t)-1), 0);
		refuse(&f, "another user");
	}
	fixture_remove(&f);
}

static void
a_place_that_is_not_tmpfs_becomes_dev_shm_or_is_asked_for(void **state)
{
	(void)state;
	struct fixture f;
	char real[64], err[SHM_ERROR_BYTES], place[PATH_MAX];
	bool adopted;
	snprintf(real, sizeof(real), "/var/tmp/weir-test-XXXXXX");
	assert_non_null(mkdtemp(real));
	fixture_create(&f);
	shm_close(&f.shm);
	char path[160], name[64];
	snprintf(name, sizeof(name), "weir-test-%d.shm", (int)getpid());
	snprintf(path, sizeof(path), "%s/%s", real, name);
	if (!shm_file_elsewhere(path, place)) {
		rmdir(real); /* /var/tmp is on tmpfs here: nothing to see */
		fixture_remove(&f);
		skip();
	}
	f.shm = shm_open_master(path, &f.g, false, false, (uint32_t)-1, &adopted, err);
	assert_non_null(f.shm);
	assert_string_equal(shm_path(f.shm), place);
	assert_int_equal(strncmp(place, "/dev/shm/", 9), 0);
	struct shm *reader; /* finds it under the name it was asked for */
	assert_int_equal(shm_attach(path, &reader, err), SHM_ATTACH_OK);
	shm_close(&reader);
	shm_close(&f.shm);
	unlink(place);

	f.shm = shm_open_master(path, &f.g, false, true, (uint32_t)-1, &adopted, err);
	if (!f.shm)
		fail_msg("%s", err);
	assert_string_equal(shm_path(f.shm), path);
	shm_close(&f.shm);
	unlink(path);
	rmdir(real);
	fixture_remove(&f);
}

static void
no_space_is_an_error_at_start_not_a_signal_later(void **state)
{
	(void)state;
	struct fixture f;
	char err[SHM_ERROR_BYTES];
	fixture_create(&f);
	struct shm_layout at = f.shm->at;
	/* a gigantic directory of objects */
	struct shm_extent use = {1ULL << 40, 64, 0};
	assert_false(shm_file_allocate(f.shm->rw_fd, f.path, &at, &use, 0, 0, err));
	assert_non_null(strstr(err, "more"));
	fixture_verify(&f);
	fixture_remove(&f);
}

/* --- children ------------------------------------------------------------------- */

static void
write_where_told(struct fixture *f, void *arg)
{
	*(volatile unsigned char *)(f->shm->base + *(const uint64_t *)arg) = 1;
}

static void
become_writable(struct fixture *f, void *arg)
{
	(void)arg;
	if (mprotect(f->shm->base, SHM_PAGE, PROT_READ | PROT_WRITE) == 0)
		_exit(1);
	if (f->shm->rw_fd != -1 || f->shm->ro_fd != -1)
		_exit(2);
}

static void
a_child_cannot_write_what_it_must_trust(void **state)
{
	(void)state;
	struct fixture f;
	pid_t pid;
	fixture_create(&f);
	const struct shm_layout *at = &f.shm->at;
	const uint64_t offs[] = {0,
				 at->leases_off,
				 at->identities_off,
				 at->descs_off,
				 at->reload_off,
				 at->entries_off,
				 at->trusted_bytes - 1};
	for (size_t i = 0; i < sizeof(offs) / sizeof(offs[0]); i++) {
		uint64_t off = offs[i];
		uint32_t slot = fixture_fork(&f, SHM_ROLE_WORKER, 0, &pid,
					     write_where_told, &off);
		int status = fixture_wait(pid);
		/* sanitizers turn the signal into an exit status */
		assert_true(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
		shm_slot_release(f.shm, slot);
	}
	uint64_t off = at->slots_off + 100;
	fixture_fork(&f, SHM_ROLE_WORKER, 0, &pid, write_where_told, &off);
	assert_int_equal(fixture_wait(pid), 0);
	fixture_fork(&f, SHM_ROLE_WORKER, 1, &pid, become_writable, NULL);
	assert_int_equal(fixture_wait(pid), 0);
	fixture_remove(&f);
}

#ifdef WEIR_FAULTS
static void
a_master_killed_while_it_makes_the_region_leaves_nothing_to_adopt(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	shm_close(&f.shm);
	unlink(f.path);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		shm_fault_arm(SHM_FAULT_create_filled, 1, SHM_FAULT_KILL);
		fixture_open(&f, false);
		_exit(0);
	}
	assert_true(WIFSIGNALED(fixture_wait(pid)));
	assert_int_equal(access(f.path, F_OK), -1);
	assert_false(fixture_open(&f, false));
	assert_non_null(f.shm);
	fixture_remove(&f);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_new_region_is_private_to_its_group_and_leaves_no_temporary_file),
		cmocka_unit_test(the_directory_of_the_region_is_made_when_it_is_missing),
		cmocka_unit_test(
			a_region_that_was_left_behind_is_adopted_with_its_numbers),
		cmocka_unit_test(a_region_of_a_killed_daemon_is_adopted_too),
		cmocka_unit_test(fresh_starts_anew_and_leaves_the_old_file_to_who_has_it),
		cmocka_unit_test(a_region_in_use_is_refused_and_named_with_its_process),
		cmocka_unit_test(a_region_of_another_boot_is_replaced_without_a_word),
		cmocka_unit_test(foreign_and_damaged_regions_are_refused_with_a_way_out),
		cmocka_unit_test(only_a_regular_file_of_ours_with_one_name_is_adopted),
		cmocka_unit_test(
			a_place_that_is_not_tmpfs_becomes_dev_shm_or_is_asked_for),
		cmocka_unit_test(no_space_is_an_error_at_start_not_a_signal_later),
		cmocka_unit_test(a_child_cannot_write_what_it_must_trust),
#ifdef WEIR_FAULTS
		cmocka_unit_test(
			a_master_killed_while_it_makes_the_region_leaves_nothing_to_adopt),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
