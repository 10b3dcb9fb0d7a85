/* SPDX-License-Identifier: MIT
 *
 * The filter of system calls: what is refused, and that the rest goes on.
 */
#include <asm/ioctls.h>
#include <asm/sockios.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "master/syscalls.h"

/* Runs in a child with the filter; the line that failed, 0: none. */
static int
filtered(int (*run)(void))
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
			_exit(255);
		if (syscalls_restrict(false))
			_exit(errno == EINVAL ? 0 : 254);
		_exit(run());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define WANT(what)                                 \
	do {                                       \
		if (!(what))                       \
			return __LINE__ % 250 + 1; \
	} while (0)
#define REFUSED(call) WANT((errno = 0, (call)) == -1 && errno == EPERM)

static int
dangerous_calls(void)
{
	REFUSED(ptrace(PTRACE_TRACEME, 0, 0, 0));
	REFUSED(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
	REFUSED(unshare(CLONE_NEWUSER));
	REFUSED(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	REFUSED(syscall(SYS_bpf, 0, NULL, 0));
	REFUSED(syscall(SYS_io_uring_setup, 1, NULL));
	REFUSED(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
	REFUSED(syscall(SYS_userfaultfd, 0));
	return 0;
}

static int
the_way_to_other_pages_of_a_file(void)
{
	int fd = memfd_create("file", 0);
	WANT(fd >= 0 && ftruncate(fd, 3 * 4096) == 0);
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 2 * 4096);
	WANT(p != MAP_FAILED);
	close(fd);
	REFUSED(syscall(SYS_remap_file_pages, p, 4096, 0, 0, 0));
	return 0;
}

static int
descriptors_stay_nonblocking(void)
{
	int fd = eventfd(0, EFD_NONBLOCK), no = 0;
	WANT(fd >= 0);
	REFUSED(fcntl(fd, F_SETFL, 0));
	REFUSED(ioctl(fd, FIONBIO, &no));
	WANT(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	WANT(fcntl(fd, F_GETFL) & O_NONBLOCK);
	WANT(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
	return 0;
}

static int
signals_of_others(void)
{
	struct rlimit no = {0, 0};
	struct f_owner_ex owner = {F_OWNER_PID, getppid()};
	pid_t parent = getppid();
	int fd = eventfd(0, EFD_NONBLOCK);
	REFUSED(kill(parent, SIGCONT));
	REFUSED(kill(0, SIGCONT));
	REFUSED(kill(-1, SIGCONT));
	REFUSED((int)syscall(SYS_tgkill, parent, parent, SIGCONT));
	REFUSED((int)syscall(SYS_tkill, parent, SIGCONT));
	REFUSED((int)syscall(SYS_pidfd_send_signal, fd, SIGCONT, NULL, 0));
	REFUSED(fcntl(fd, F_SETOWN, parent));
	REFUSED(fcntl(fd, F_SETOWN_EX, &owner));
	REFUSED(ioctl(fd, FIOSETOWN, &parent));
	REFUSED((int)syscall(SYS_prlimit64, parent, RLIMIT_CPU, &no, NULL));
	WANT(kill(parent, 0) == 0);
	WANT(kill(getpid(), SIGCONT) == 0);
	WANT(raise(SIGCONT) == 0);
	struct rlimit files;
	WANT(getrlimit(RLIMIT_NOFILE, &files) == 0);
	return 0;
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
threads_children_and_memory(void)
{
	pthread_t t;
	int status;
	void *p = malloc(1 << 24);
	WANT(p);
	free(p);
	WANT(pthread_create(&t, NULL, nothing, NULL) == 0);
	WANT(pthread_join(t, NULL) == 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	WANT(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	return 0;
}

static void
what_no_child_needs_is_refused(void **state)
{
	(void)state;
	assert_int_equal(filtered(dangerous_calls), 0);
}

static void
a_mapping_leads_to_no_other_pages_of_its_file(void **state)
{
	(void)state;
	assert_int_equal(filtered(the_way_to_other_pages_of_a_file), 0);
}

static void
a_shared_descriptor_cannot_be_made_blocking(void **state)
{
	(void)state;
	assert_int_equal(filtered(descriptors_stay_nonblocking), 0);
}

static void
others_get_no_signals(void **state)
{
	(void)state;
	assert_int_equal(filtered(signals_of_others), 0);
}

static void
what_libraries_do_goes_on(void **state)
{
	(void)state;
	assert_int_equal(filtered(threads_children_and_memory), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_no_child_needs_is_refused),
		cmocka_unit_test(a_mapping_leads_to_no_other_pages_of_its_file),
		cmocka_unit_test(a_shared_descriptor_cannot_be_made_blocking),
		cmocka_unit_test(others_get_no_signals),
		cmocka_unit_test(what_libraries_do_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
