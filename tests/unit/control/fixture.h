/* SPDX-License-Identifier: MIT
 *
 * A control process of its own, with a region, a socket, a log file and a log socket
 * in a directory on /dev/shm. Configuration: backend app with servers a (weight 10)
 * and b (disabled).
 */
#ifndef WEIR_TEST_CONTROL_FIXTURE_H
#define WEIR_TEST_CONTROL_FIXTURE_H

#include "tests/unit/shm/fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "control/control.h"
#include "lib/base/clock.h"
#include "shm/counters.h"
#include "shm/health.h"
#include "shm/slots.h"

enum { TEST_SLOTS = 64, TARGET_FILE = 0, TARGET_UNIX = 1, WAIT_LIMIT_MS = 5000 };

struct control_test {
	struct fixture f;
	struct cfg cfg;
	struct cfg_proxy app;
	struct cfg_proxy *proxies[1];
	struct cfg_server a, b;
	struct cfg_server *servers[2];
	struct cfg_stats_socket sockets[2]; /* admin, user */
	struct log_target targets[2];
	char socket_path[2][160], file_path[160], log_path[160];
	int socket_fds[2], slot_eventfds[TEST_SLOTS], relay[2];
	pid_t pid;
	uint32_t slot;
	struct control_inherit in;
};

static inline void
path_in(char to[160], const char *dir, const char *name)
{
	strcpy(to, dir);
	strcat(to, "/");
	strcat(to, name);
}

static inline int
unix_socket(const char *path, int type)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	assert_true(strlen(path) < sizeof(un.sun_path));
	strcpy(un.sun_path, path);
	unlink(path);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 64), 0);
	return fd;
}

static inline void
control_config(struct control_test *t)
{
	static const enum cfg_level levels[2] = {CFG_LEVEL_ADMIN, CFG_LEVEL_USER};
	t->a = (struct cfg_server){.name = "a",
				   .addr_text = "10.0.0.1:80",
				   .weight = 10,
				   .id = 1,
				   .backend = &t->app,
				   .check = true};
	t->b = (struct cfg_server){.name = "b",
				   .addr_text = "10.0.0.2:80",
				   .weight = 1,
				   .id = 2,
				   .backend = &t->app,
				   .disabled = true};
	assert_int_equal(addr_parse(span_str("10.0.0.1:80"), -1, &t->a.addr, NULL), 0);
	t->a.check_addr = t->b.addr = t->a.addr;
	t->servers[0] = &t->a;
	t->servers[1] = &t->b;
	t->app = (struct cfg_proxy){.name = "app",
				    .caps = CFG_CAP_BACKEND,
				    .id = 1,
				    .servers = t->servers,
				    .servers_n = 2};
	t->proxies[0] = &t->app;
	t->cfg = (struct cfg){.proxies = t->proxies, .proxies_n = 1};
	t->cfg.global = (struct cfg_global){.nbproc = 1,
					    .stats_timeout_ms = 10000,
					    .uid = (uid_t)-1,
					    .gid = (gid_t)-1,
					    .log_tag = "weir",
					    .sockets = t->sockets,
					    .sockets_n = 2};
	for (int i = 0; i < 2; i++) {
		path_in(t->socket_path[i], t->f.dir, i ? "1.sock" : "0.sock");
		t->sockets[i] = (struct cfg_stats_socket){.path = t->socket_path[i],
							  .level = levels[i]};
		t->socket_fds[i] = unix_socket(t->socket_path[i], SOCK_STREAM);
	}
	path_in(t->file_path, t->f.dir, "weir.log");
	path_in(t->log_path, t->f.dir, "dev-log");
	t->targets[TARGET_FILE] = (struct log_target){.kind = LOG_TO_FILE,
						      .format = LOG_FORMAT_RAW,
						      .path = t->file_path,
						      .level_max = 7,
						      .index = TARGET_FILE};
	t->targets[TARGET_UNIX] = (struct log_target){.kind = LOG_TO_UNIX,
						      .format = LOG_FORMAT_LOCAL,
						      .level_max = 7,
						      .index = TARGET_UNIX};
	t->targets[TARGET_UNIX].addr.kind = ADDR_UNIX;
	t->targets[TARGET_UNIX].addr.u.un.sun_family = AF_UNIX;
	strcpy(t->targets[TARGET_UNIX].addr.u.un.sun_path, t->log_path);
	t->cfg.log_targets = t->targets;
	t->cfg.log_targets_n = 2;
	t->cfg.global_log_mask = 1U << TARGET_FILE;
}

static inline void
control_region(struct control_test *t)
{
	struct fixture *f = &t->f;
	snprintf(f->dir, sizeof(f->dir), "/dev/shm/weir-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/weir.shm", f->dir);
	path_in(t->socket_path[0], f->dir, "0.sock");
	f->g = (struct shm_geometry){.objects = f->facts,
				     .workers_n = 1,
				     .generations_max = 4,
				     .version = "1.0-test",
				     .control_socket = t->socket_path[0]};
	fixture_add(f, SHM_GLOBAL, "", "global", "")->maxconn = 1000;
	fixture_add(f, SHM_BACKEND, "", "app", "")->id = 1;
	for (uint32_t i = 0; i < 2; i++) {
		struct shm_facts *x = fixture_add(f, SHM_SERVER, "app", i ? "b" : "a",
						  i ? "10.0.0.2:80" : "10.0.0.1:80");
		x->id = i + 1;
		x->parent_id = 1;
		x->weight = i ? 1 : 10;
		x->is_disabled = i == 1;
		x->is_checked = i == 0;
		x->rise = i ? 0 : 2;
		x->fall = i ? 0 : 3;
	}
	assert_false(fixture_open(f, false));
	if (!f->shm)
		fail_msg("%s", f->err);
	shm_commit(f->shm, &f->g, 1);
}

static inline void
control_child(struct fixture *f, void *arg)
{
	struct control_test *t = arg;
	(void)f;
	t->in.net.slot = t->slot;
	control_prepare(&t->in);
	_exit(control_main(&t->in));
}

/* The process is forked and ready, but not in charge. */
static inline void
control_fork(struct control_test *t)
{
	int slot = shm_slot_reserve(t->f.shm, SHM_ROLE_CONTROL, 0, 1);
	assert_true(slot > 0);
	t->slot = (uint32_t)slot;
	fflush(NULL);
	t->pid = fork();
	assert_true(t->pid >= 0);
	if (t->pid == 0) {
		shm_child_enter(t->f.shm, t->slot);
		control_child(&t->f, t);
	}
	shm_slot_identify(t->f.shm, t->slot, (uint32_t)t->pid);
}

static inline bool
control_is_ready(struct control_test *t)
{
	struct shm_slot_view v;
	return shm_slot_view(t->f.shm, t->slot, &v) && v.state == SHM_PROC_READY;
}

#define WAIT_FOR(condition)                                                     \
	do {                                                                    \
		uint64_t until_ms_ = clock_mono_ms() + WAIT_LIMIT_MS;           \
		while (!(condition)) {                                          \
			if (clock_mono_ms() > until_ms_)                        \
				fail_msg("waited in vain for: %s", #condition); \
			pause_ms(2);                                            \
		}                                                               \
	} while (0)

static inline struct control_test *
control_start(bool has_lease)
{
	struct control_test *t = calloc(1, sizeof(*t));
	assert_non_null(t);
	control_region(t);
	control_config(t);
	for (int i = 0; i < TEST_SLOTS; i++)
		t->slot_eventfds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				    t->relay),
			 0);
	t->in = (struct control_inherit){.cfg = &t->cfg,
					 .shm = t->f.shm,
					 .reload_fd =
						 eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
					 .socket_fds = t->socket_fds};
	t->in.net = (struct net_inherit){
		.generation = 1,
		.master_pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0),
		.slot_eventfds = t->slot_eventfds,
		.log_relay_fd = t->relay[1]};
	control_fork(t);
	WAIT_FOR(control_is_ready(t));
	if (has_lease)
		shm_lease_grant(t->f.shm, SHM_ROLE_CONTROL, t->slot);
	return t;
}

/* Its exit status. */
static inline int
control_stop(struct control_test *t)
{
	int status = 0;
	kill(t->pid, SIGTERM);
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	t->pid = 0;
	return status;
}

static inline void
control_end(struct control_test **tp)
{
	struct control_test *t = *tp;
	if (t->pid)
		assert_int_equal(control_stop(t), 0);
	for (int i = 0; i < TEST_SLOTS; i++)
		close(t->slot_eventfds[i]);
	close(t->in.reload_fd);
	close(t->relay[0]);
	close(t->relay[1]);
	close(t->socket_fds[0]);
	close(t->socket_fds[1]);
	close(t->in.net.master_pidfd);
	fixture_remove(&t->f);
	free(t);
	*tp = NULL;
}

static inline int
control_connect(const struct control_test *t, int socket_i)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	strcpy(un.sun_path, t->socket_path[socket_i]);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

static inline void
send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* All that comes until the other side closes; a static buffer. */
static inline const char *
receive_rest(int fd)
{
	static char answer[1 << 20];
	size_t n = 0;
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		assert_int_equal(poll(&p, 1, WAIT_LIMIT_MS), 1);
		ssize_t r = recv(fd, answer + n, sizeof(answer) - 1 - n, 0);
		if (r <= 0)
			break;
		n += (size_t)r;
	}
	answer[n] = '\0';
	close(fd);
	return answer;
}

static inline const char *
ask_at(const struct control_test *t, int socket_i, const char *line)
{
	int fd = control_connect(t, socket_i);
	send_text(fd, line);
	send_text(fd, "\n");
	return receive_rest(fd);
}

static inline const char *
ask(const struct control_test *t, const char *line)
{
	return ask_at(t, 0, line);
}

static inline struct shm_admin_word
admin_of(const struct control_test *t, const char *server)
{
	struct shm_object o = fixture_object(&t->f, SHM_SERVER, "app", server);
	return shm_admin_unpack(atomic_load(&o.server->admin));
}

/* The whole log file, a static buffer. */
static inline const char *
read_file(const char *path)
{
	static char text[1 << 16];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

#endif
