/* SPDX-License-Identifier: MIT
 *
 * The checker as a process: a real region, real sockets on loopback, states observed
 * through shared memory and the log.
 */
#ifndef WEIR_TESTS_CHECKER_WORLD_H
#define WEIR_TESTS_CHECKER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "checker/checker.h"
#include "lib/base/clock.h"
#include "shm/counters.h"
#include "shm/health.h"
#include "shm/slots.h"

enum { SERVERS_MAX = 4, WAIT_MS = 5000, INTER_MS = 40 };

struct world {
	struct arena *arena;
	struct cfg cfg;
	struct cfg_proxy be;
	struct cfg_check check;
	struct cfg_step steps[3];
	struct cfg_check_request request;
	struct cfg_expect expect;
	struct cfg_range good;
	struct cfg_proxy *proxies[1];
	struct cfg_server servers[SERVERS_MAX];
	struct cfg_server *server_list[SERVERS_MAX];
	struct log_target log;
	int log_fd;
	char path[64];
	struct shm *shm;
	struct shm_object be_object, server_object[SERVERS_MAX], global;
	int eventfds[64];
	pid_t checker_pid;
	uint32_t slot;
};

static struct world w;

/* --- the world -------------------------------------------------------------------- */

static inline struct addr
loopback(uint16_t port)
{
	struct addr a = {.kind = ADDR_INET, .len = sizeof(a.u.in)};
	a.u.in.sin_family = AF_INET;
	a.u.in.sin_port = port;
	a.u.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

/* A listening socket; its address in *a, which is an empty address before or the one
 * to use again. */
static inline int
open_server(struct addr *a)
{
	int one = 1, fd = socket(a->kind ? a->u.sa.sa_family : AF_INET, SOCK_STREAM, 0);
	if (a->kind == ADDR_NONE)
		*a = loopback(0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, &a->u.sa, a->len), 0);
	assert_int_equal(listen(fd, 64), 0);
	if (a->kind == ADDR_INET) {
		socklen_t len = a->len;
		assert_int_equal(getsockname(fd, &a->u.sa, &len), 0);
	}
	return fd;
}

/* The forked checker holds a copy of fd: closing alone would leave it listening. */
static inline void
close_server(int fd)
{
	shutdown(fd, SHUT_RDWR);
	close(fd);
}

static inline void
check_by_http(void)
{
	w.check = (struct cfg_check){
		.kind = CFG_CHECK_HTTP, .steps = w.steps, .steps_n = 3};
}

static inline struct cfg_server *
add_server(const char *name, struct addr to)
{
	size_t i = w.be.servers_n++;
	char text[ADDR_TEXT_BYTES];
	w.servers[i] = (struct cfg_server){.name = name,
					   .addr = to,
					   .check_addr = to,
					   .weight = 1,
					   .check = true,
					   .healthcheck = &w.check,
					   .inter_ms = INTER_MS,
					   .fastinter_ms = INTER_MS,
					   .downinter_ms = INTER_MS,
					   .rise = 2,
					   .fall = 3,
					   .backend = &w.be,
					   .index = (uint32_t)i,
					   .id = (uint32_t)i + 1};
	w.servers[i].addr_text = to.kind ? arena_strdup(w.arena, addr_format(&to, text))
					 : "gone.example:80";
	w.server_list[i] = &w.servers[i];
	return &w.servers[i];
}

static inline int
set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	w.arena = arena_new();
	w.be = (struct cfg_proxy){.name = "be",
				  .caps = CFG_CAP_BACKEND,
				  .id = 1,
				  .timeout.connect_ms = 200,
				  .log_mask = 1,
				  .servers = w.server_list,
				  .limits = {.request_line_bytes = 16384,
					     .field_bytes = 16384,
					     .head_bytes = 32768,
					     .fields_n = 128,
					     .trailers_bytes = 8192}};
	w.request = (struct cfg_check_request){.method = SPAN("OPTIONS"),
					       .uri.bytes = SPAN("/"),
					       .version = SPAN("HTTP/1.0")};
	w.good = (struct cfg_range){200, 399};
	w.expect = (struct cfg_expect){.kind = CFG_EXPECT_STATUS,
				       .ranges = &w.good,
				       .ranges_n = 1,
				       .min_recv = -1};
	w.steps[0] = (struct cfg_step){.kind = CFG_STEP_CONNECT};
	w.steps[1] = (struct cfg_step){.kind = CFG_STEP_REQUEST, .request = &w.request};
	w.steps[2] = (struct cfg_step){.kind = CFG_STEP_EXPECT, .expect = &w.expect};
	w.check = (struct cfg_check){.kind = CFG_CHECK_TCP};
	w.be.check = &w.check;
	w.proxies[0] = &w.be;
	w.cfg = (struct cfg){.proxies = w.proxies, .proxies_n = 1, .log_targets = &w.log};
	w.cfg.global.log_tag = "weir";
	w.log_fd = socket(AF_INET, SOCK_DGRAM, 0);
	w.log = (struct log_target){.kind = LOG_TO_UDP,
				    .format = LOG_FORMAT_LOCAL,
				    .addr = loopback(0),
				    .facility = 16,
				    .level_max = 7};
	socklen_t len = w.log.addr.len;
	assert_int_equal(bind(w.log_fd, &w.log.addr.u.sa, len), 0);
	assert_int_equal(getsockname(w.log_fd, &w.log.addr.u.sa, &len), 0);
	w.cfg.log_targets_n = 1;
	for (size_t i = 0; i < sizeof(w.eventfds) / sizeof(*w.eventfds); i++)
		w.eventfds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return 0;
}

static inline void
make_region(void)
{
	struct shm_facts facts[2 + SERVERS_MAX] = {{.kind = SHM_GLOBAL, .name = "global"},
						   {.kind = SHM_BACKEND, .name = "be"}};
	char err[SHM_ERROR_BYTES];
	bool adopted;
	size_t n = 2;
	for (size_t i = 0; i < w.be.servers_n; i++) {
		struct shm_facts *f = &facts[n++];
		*f = (struct shm_facts){.kind = SHM_SERVER,
					.parent = "be",
					.id = w.servers[i].id,
					.parent_id = 1,
					.weight = 1,
					.rise = 2,
					.fall = 3,
					.is_checked = true};
		snprintf(f->name, sizeof(f->name), "%s", w.servers[i].name);
		snprintf(f->addr, sizeof(f->addr), "%s", w.servers[i].addr_text);
	}
	struct shm_geometry g = {.objects = facts,
				 .objects_n = n,
				 .workers_n = 1,
				 .generations_max = 2,
				 .version = "test",
				 .control_socket = ""};
	snprintf(w.path, sizeof(w.path), "/dev/shm/weir-test-%d.shm", (int)getpid());
	w.shm = shm_open_master(w.path, &g, true, false, (uint32_t)-1, &adopted, err);
	if (!w.shm)
		fail_msg("%s", err);
	shm_commit(w.shm, &g, 1);
	assert_true(shm_find(w.shm, SHM_BACKEND, "", "be", "", &w.be_object));
	for (size_t i = 0; i < w.be.servers_n; i++)
		assert_true(shm_find(w.shm, SHM_SERVER, "be", w.servers[i].name,
				     w.servers[i].addr_text, &w.server_object[i]));
	assert_true(shm_object_at(w.shm, 0, &w.global));
}

static inline void
wait_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	nanosleep(&t, NULL);
}

/* Forks a checker that believes `master` to be its master; ready, without the lease. */
static inline void
start_checker_of(pid_t master)
{
	struct shm_slot_view v;
	int slot = shm_slot_reserve(w.shm, SHM_ROLE_CHECKER, 0, 1);
	assert_true(slot > 0);
	w.slot = (uint32_t)slot;
	int pidfd = (int)syscall(SYS_pidfd_open, master, 0);
	struct checker_inherit in = {.cfg = &w.cfg,
				     .shm = w.shm,
				     .net = {.slot = w.slot,
					     .generation = 1,
					     .master_pidfd = pidfd,
					     .slot_eventfds = w.eventfds,
					     .log_relay_fd = -1}};
	w.checker_pid = fork();
	assert_true(w.checker_pid >= 0);
	if (w.checker_pid == 0) {
		checker_prepare(&in);
		shm_child_enter(w.shm, w.slot);
		_exit(checker_main(&in));
	}
	close(pidfd);
	shm_slot_identify(w.shm, w.slot, (uint32_t)w.checker_pid);
	for (int i = 0; i < WAIT_MS; i++) {
		if (shm_slot_view(w.shm, w.slot, &v) && v.state == SHM_PROC_READY)
			return;
		wait_ms(1);
	}
	fail_msg("the checker did not become ready");
}

static inline void
start_checker(void)
{
	start_checker_of(getpid());
	shm_lease_grant(w.shm, SHM_ROLE_CHECKER, w.slot);
}

static inline int
reap_checker(void)
{
	int status = -1;
	for (int i = 0; i < WAIT_MS; i++) {
		if (waitpid(w.checker_pid, &status, WNOHANG) == w.checker_pid) {
			shm_slot_release(w.shm, w.slot);
			w.checker_pid = 0;
			return status;
		}
		wait_ms(1);
	}
	fail_msg("the checker did not leave");
	return status;
}

static inline int
tear_down(void **state)
{
	(void)state;
	if (w.checker_pid) {
		kill(w.checker_pid, SIGKILL);
		waitpid(w.checker_pid, NULL, 0);
	}
	for (size_t i = 0; i < sizeof(w.eventfds) / sizeof(*w.eventfds); i++)
		close(w.eventfds[i]);
	close(w.log_fd);
	if (w.shm)
		shm_close(&w.shm);
	unlink(w.path);
	arena_free(&w.arena);
	return 0;
}

/* --- observing -------------------------------------------------------------------------
 */

static inline enum shm_health
health_of(size_t i)
{
	return shm_health_unpack(atomic_load(&w.server_object[i].server->health)).state;
}

/* Waits for the state; the milliseconds it took. */
static inline uint64_t
await_health(size_t i, enum shm_health state)
{
	uint64_t start_ms = clock_mono_ms();
	while (health_of(i) != state) {
		if (clock_mono_ms() - start_ms > WAIT_MS)
			fail_msg("server %zu stays %d", i, (int)health_of(i));
		wait_ms(1);
	}
	return clock_mono_ms() - start_ms;
}

static inline uint64_t
checks_run(void)
{
	return shm_total(w.shm, &w.global, SHM_GLOBAL_checks_run);
}

/* The text of the next log line, behind its header; its priority in *pri. */
static inline const char *
next_log(int *pri)
{
	static char line[LOG_LINE_BYTES + 1];
	struct pollfd p = {.fd = w.log_fd, .events = POLLIN};
	if (poll(&p, 1, WAIT_MS) != 1)
		return "";
	ssize_t n = recv(w.log_fd, line, sizeof(line) - 1, 0);
	line[n > 0 ? n : 0] = 0;
	assert_int_equal(sscanf(line, "<%d>", pri), 1);
	const char *text = strstr(line, "]: ");
	return text ? text + 3 : "";
}

static inline void
assert_log(int level, const char *begin)
{
	int pri = -1;
	const char *text = next_log(&pri);
	if (strncmp(text, begin, strlen(begin)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", text, begin);
	assert_int_equal(pri, 16 * 8 + level);
}

/* --- a server that answers
 * ---------------------------------------------------------------- */

struct origin {
	struct addr addr;
	pid_t pid;
	char *answer; /* shared with the process */
};

/* A '|' in the answer is a pause. */
static inline void
write_pieces(int fd, const char *answer)
{
	while (*answer) {
		size_t n = strcspn(answer, "|");
		(void)!write(fd, answer, n);
		answer += n;
		if (*answer == '|') {
			wait_ms(4);
			answer++;
		}
	}
}

static inline struct origin
start_origin(const char *answer)
{
	struct origin o = {.addr = {.kind = ADDR_NONE}};
	int fd = open_server(&o.addr);
	o.answer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	snprintf(o.answer, 4096, "%s", answer);
	o.pid = fork();
	while (o.pid == 0) {
		char request[4096];
		int c = accept(fd, NULL, NULL);
		if (recv(c, request, sizeof(request), 0) > 0)
			write_pieces(c, o.answer);
		if (!*o.answer)
			wait_ms(300); /* hangs */
		close(c);
	}
	close(fd);
	return o;
}

static inline void
stop_origin(struct origin *o)
{
	kill(o->pid, SIGKILL);
	waitpid(o->pid, NULL, 0);
	munmap(o->answer, 4096);
}

/* One test in a world of its own. */
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
