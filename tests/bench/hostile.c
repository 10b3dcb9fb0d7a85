/* SPDX-License-Identifier: MIT
 *
 * A worker that was taken over: preloaded into weir, it waits in every worker for the
 * first byte of the file WEIRLAB_HOSTILE to say its number + 1, and then does whatever a
 * process without rights can do to the others: calls that lead to their memory,
 * descriptors or pages, and bytes of all kinds into everything that is mapped for
 * writing. What it was able to do stands in the file, for the test. Or it dies as if it
 * were changing a table.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "shm/layout.h"

enum { PAGE = 4096, SUCCESSES = 512, SIBLINGS_N = 8, ROUNDS = 3 };
enum { KIND_ACCUSES = 4 };

struct board {
	volatile unsigned char wanted; /* number of the worker + 1 */
	volatile unsigned char kind;   /* what is scribbled: see word_of() */
	volatile unsigned char is_done;
	volatile unsigned char unused;
	volatile uint32_t scribbled_n;
	volatile uint32_t siblings[SIBLINGS_N]; /* pids, 0 behind the last */
	char successes[SUCCESSES];		/* names of what must not work, but did */
};

static struct board *board;

__attribute__((constructor)) static void
open_board(void)
{
	const char *path = getenv("WEIRLAB_HOSTILE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	board = p == MAP_FAILED ? NULL : p;
	close(fd);
}

static void
succeeded(const char *what, int is_so)
{
	size_t n = strlen(board->successes);
	if (is_so && n + strlen(what) + 2 < SUCCESSES) {
		strcat(board->successes, what);
		strcat(board->successes, " ");
	}
}

/* --- calls ----------------------------------------------------------------------------
 */

static void
attack_processes(pid_t master)
{
	char byte = 0;
	struct iovec here = {&byte, 1}, there = {&byte, 1};
	struct rlimit none = {0, 0};
	for (int i = 0; i < SIBLINGS_N && board->siblings[i]; i++) {
		pid_t other = (pid_t)board->siblings[i];
		succeeded("kill", kill(other, SIGKILL) == 0);
		succeeded("tgkill", syscall(SYS_tgkill, other, other, SIGKILL) == 0);
		succeeded("prlimit", prlimit(other, RLIMIT_CPU, &none, NULL) == 0);
	}
	succeeded("kill", kill(master, SIGHUP) == 0);
	succeeded("ptrace", ptrace(PTRACE_ATTACH, master, 0, 0) == 0);
	succeeded("process_vm_readv",
		  process_vm_readv(master, &here, 1, &there, 1, 0) >= 0);
	int fd = (int)syscall(SYS_pidfd_open, master, 0);
	for (int i = 0; i < 64 && fd >= 0; i++)
		succeeded("pidfd_getfd", syscall(SYS_pidfd_getfd, fd, i, 0) >= 0);
	succeeded("unshare", unshare(CLONE_NEWUSER) == 0);
	succeeded("setuid", setuid(0) == 0);
	succeeded("chroot", chroot("/") == 0);
}

/* Whoever shares one of our descriptors must not wait for it, nor believe what is sent.
 */
static void
attack_descriptors(void)
{
	char noise[2048];
	uint64_t full = UINT64_MAX - 1;
	int no = 0;
	for (int fd = 3; fd < 1024; fd++) {
		int flags = fcntl(fd, F_GETFL);
		if (flags < 0 || !(flags & O_NONBLOCK))
			continue;
		succeeded("F_SETFL", fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0);
		succeeded("FIONBIO", ioctl(fd, FIONBIO, &no) == 0);
		(void)!write(fd, &full, sizeof(full));
	}
	for (int fd = 3; fd < 1024; fd++) {
		struct stat st;
		if (fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode))
			continue;
		for (int i = 0; i < 200; i++) {
			for (size_t j = 0; j < sizeof(noise); j++)
				noise[j] = (char)rand();
			noise[0] = (char)i;
			(void)send(fd, noise, (size_t)rand() % sizeof(noise),
				   MSG_DONTWAIT | MSG_NOSIGNAL);
		}
	}
}

/* --- memory ---------------------------------------------------------------------------
 */

static uint64_t
random_next(void)
{
	static uint64_t r = 88172645463325252ULL;
	r ^= r << 13;
	r ^= r >> 7;
	r ^= r << 17;
	return r;
}

static uint64_t
word_of(int kind)
{
	uint64_t r = random_next();
	switch (kind) {
	case 0:
		return r;
	case 1:
		return UINT64_MAX;
	case 2:
		return 0;
	default: /* small numbers: they pass for sizes and indices */
		return r & 7 ? 0 : (r >> 3 & 3) << (r >> 5 & 56);
	}
}

static void
scribble_page(unsigned char *page)
{
	for (int i = 0; i < PAGE; i += 8) {
		uint64_t word = word_of(board->kind);
		memcpy(page + i, &word, 8);
	}
	board->scribbled_n++;
}

/* A mapping of the region. */
struct mapping {
	unsigned char *at;
	off_t from, to; /* of the file */
	int fd;		/* its file, for reading */
};

/* Where the file has pages: holes would cost the machine's memory. */
static void
scribble(const struct mapping *m)
{
	off_t at = m->from;
	while ((at = lseek(m->fd, at, SEEK_DATA)) >= 0 && at < m->to) {
		off_t end = lseek(m->fd, at, SEEK_HOLE);
		for (end = end < m->to ? end : m->to; at < end; at += PAGE)
			scribble_page(m->at + (at - m->from));
	}
}

static void
attack_mapping(const struct mapping *m, const char *rights)
{
	size_t bytes = (size_t)(m->to - m->from);
	if (rights[1] != 'w') {
		succeeded("mprotect",
			  mprotect(m->at, bytes, PROT_READ | PROT_WRITE) == 0);
		return;
	}
	succeeded("remap_file_pages",
		  syscall(SYS_remap_file_pages, m->at, PAGE, 0, 0, 0) == 0);
	scribble(m);
}

static void
attack_region(void)
{
	char line[512], rights[8], path[256];
	unsigned long from, to, off;
	FILE *f = fopen("/proc/self/maps", "r");
	while (f && fgets(line, sizeof(line), f)) {
		path[0] = '\0';
		if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %255s", &from, &to, rights,
			   &off, path) < 5 ||
		    rights[3] != 's' || !strstr(path, ".shm"))
			continue;
		succeeded("open", open(path, O_RDWR) >= 0);
		succeeded("unlink", unlink(path) == 0);
		struct mapping m = {(unsigned char *)from, (off_t)off,
				    (off_t)(off + to - from), open(path, O_RDONLY)};
		attack_mapping(&m, rights);
		close(m.fd);
	}
	if (f)
		fclose(f);
}

/* --- a death in a critical section ----------------------------------------------------
 */

static unsigned char *
find_region(void)
{
	char line[512], rights[8], path[256];
	unsigned long from = 0, off;
	bool is_found = false;
	FILE *f = fopen("/proc/self/maps", "r");
	while (f && !is_found && fgets(line, sizeof(line), f))
		is_found = sscanf(line, "%lx-%*x %7s %lx %*s %*s %255s", &from, rights,
				  &off, path) == 4 &&
			   off == 0 && strstr(path, ".shm");
	if (f)
		fclose(f);
	return is_found ? (unsigned char *)from : NULL;
}

static uint64_t
first_table(const struct shm *s)
{
	for (uint32_t i = 0; i < s->at.objects_max; i++) {
		const struct shm_entry *e = shm_entry(s, i);
		if (e->data.state == SHM_ENTRY_CURRENT && e->data.facts.kind == SHM_TABLE)
			return e->data.area_off;
	}
	return 0;
}

static void
die_inside_of_a_table(void)
{
	struct shm s = {.base = find_region()};
	if (!s.base)
		return;
	s.at = shm_header(&s)->layout;
	uint64_t bucket = first_table(&s) + PAGE;
	for (uint32_t slot = 0; slot < s.at.slots_n; slot++)
		if (shm_identity(&s, slot)->data.pid == (uint32_t)getpid())
			atomic_store(&shm_slot(&s, slot)->section, bucket);
	board->is_done = 1;
	abort();
}

static void
attack(void)
{
	if (board->kind == KIND_ACCUSES)
		die_inside_of_a_table();
	attack_processes(getppid());
	attack_descriptors();
	for (int i = 0; i < ROUNDS; i++) {
		attack_region();
		board->is_done = 1;
		(void)usleep(20000);
	}
	raise(SIGSEGV);
}

int
epoll_wait(int fd, struct epoll_event *events, int n, int timeout)
{
	char name[17] = "";
	int number;
	if (board && board->wanted && prctl(PR_GET_NAME, name) == 0 &&
	    sscanf(name, "weir: worker %d", &number) == 1 &&
	    number + 1 == board->wanted && !board->is_done)
		attack();
	return (int)syscall(SYS_epoll_pwait, fd, events, n, timeout, NULL, 8);
}
