/* SPDX-License-Identifier: MIT
 *
 * The runtime API: whatever comes over a socket, control answers and closes. A control
 * process of its own, with a region; an input is the level of the socket and what
 * somebody says there before he is silent. The clock runs ahead a second per round, so
 * nobody waits for a "wait".
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/loading.h"
#include "control/self.h"
#include "lib/base/must.h"
#include "master/generation.h"
#include "master/geometry.h"
#include "shm/slots.h"

enum { LEVELS_N = 3, SLOTS_MAX = 512, ROUNDS_MAX = 50 * 1000, INPUT_MAX = 15 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
uint64_t __wrap_clock_mono_us(void);
uint64_t __wrap_clock_mono_ms(void);

/* @: the directory. */
static const char yaml[] =
	"global:\n"
	"  stats:\n"
	"    socket:\n"
	"      - {path: @/0, level: admin}\n"
	"      - {path: @/1, level: operator}\n"
	"      - {path: @/2, level: user}\n"
	"defaults: {mode: http, timeout: {connect: 1s, client: 1s, server: 1s}}\n"
	"tables: {t: {type: ip, size: 100, store: \"gpc0,conn_cnt,http_req_rate(1s)\"}}\n"
	"frontends:\n"
	"  web:\n"
	"    bind: \"127.0.0.1:1\"\n"
	"    http_request:\n"
	"      - set_var: {name: proc.x, value: int(1)}\n"
	"      - {deny: {}, if: \"{ path -f @/a.acl }\"}\n"
	"      - set_map: {map: @/a.map, key: \"%[path]\", value: \"1\"}\n"
	"      - set_header: {name: x, value: \"%[path,map(@/a.map)]\"}\n"
	"    default_backend: app\n"
	"backends:\n"
	"  app:\n"
	"    servers:\n"
	"      a: {address: \"10.0.0.1:80\", check: true, maxconn: 10, weight: 10}\n"
	"      b: {address: \"10.0.0.2:80\", agent_check: true, agent_port: 9}\n";

static char dir[] = "/dev/shm/weir-fuzz-XXXXXX";
static struct generation *generation;
static uint64_t clock_us = 1000 * 1000;
static struct client {
	int fd;
	const uint8_t *bytes; /* still to be said */
	size_t n;
	unsigned rounds;
} client = {.fd = -1};

uint64_t
__wrap_clock_mono_us(void)
{
	return clock_us += 10;
}

uint64_t
__wrap_clock_mono_ms(void)
{
	return __wrap_clock_mono_us() / 1000;
}

static const char *
in_dir(const char *name)
{
	static char path[sizeof(dir) + 16];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
clean_up(void)
{
	static const char *const names[] = {"0", "1", "2", "a.map", "a.acl", "weir.shm"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in_dir(names[i]));
	rmdir(dir);
}

/* --- the world ---------------------------------------------------------------------- */

static void
write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "we");
	must(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static int
listen_at(const char *name, struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	*un = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(un->sun_path, sizeof(un->sun_path), "%s", in_dir(name));
	must(bind(fd, (struct sockaddr *)un, sizeof(*un)) == 0 && listen(fd, 4) == 0);
	return fd;
}

static struct cfg *
load(void)
{
	struct cfg_request r = {.asks_no_names = true};
	struct cfg_errors *errors = NULL;
	char text[4096];
	size_t n = 0;
	for (const char *p = yaml; *p && n < sizeof(text) - sizeof(dir); p++)
		n += (size_t)(*p == '@' ? sprintf(text + n, "%s", dir)
					: sprintf(text + n, "%c", *p));
	write_file("a.map", "/a 1\n/b 2\n");
	write_file("a.acl", "/a\n/b\n");
	struct cfg *c = cfg_load_text(&r, "fuzz", text, n, &errors);
	for (size_t i = 0; i < cfg_errors_n(errors); i++)
		fprintf(stderr, "%s\n", cfg_errors_at(errors, i));
	must(c);
	cfg_errors_free(&errors);
	return c;
}

static struct shm *
make_region(const struct cfg *cfg)
{
	struct shm_geometry g;
	char err[SHM_ERROR_BYTES];
	bool adopted;
	must(geometry_of(cfg, &g, err) == 0);
	struct shm *s = shm_open_master(in_dir("weir.shm"), &g, true, false, (uint32_t)-1,
					&adopted, err);
	must(s);
	shm_commit(s, &g, 1);
	int slot = shm_slot_reserve(s, SHM_ROLE_CONTROL, 0, 1);
	must(slot > 0);
	shm_lease_grant(s, SHM_ROLE_CONTROL, (uint32_t)slot);
	shm_child_enter(s, (uint32_t)slot);
	return s;
}

/* --- one who speaks
 * ---------------------------------------------------------------------
 */

static void
speak(void)
{
	ssize_t n = send(client.fd, client.bytes, client.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return;
	client.bytes += n;
	client.n -= (size_t)n;
	if (client.n == 0)
		(void)shutdown(client.fd, SHUT_WR);
}

/* Before each round of control's loop. */
static uint64_t
before_wait(void *arg, uint64_t now_ms)
{
	char answer[65536];
	ssize_t n;
	(void)arg;
	(void)now_ms;
	clock_us += 1000 * 1000;
	must(++client.rounds < ROUNDS_MAX); /* it must come to an end */
	if (client.n)
		speak();
	while ((n = recv(client.fd, answer, sizeof(answer), MSG_DONTWAIT)) > 0)
		;
	if (n == 0 && socket_clients_n() == 0)
		net_loop_stop(control.loop);
	return 0;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct net_loop_hooks hooks = {before_wait, NULL, NULL, NULL};
	static struct control_inherit in;
	static int fds[LEVELS_N], eventfds[SLOTS_MAX];
	(void)argc;
	(void)argv;
	must(mkdtemp(dir));
	atexit(clean_up);
	struct cfg *cfg = load();
	generation = generation_new(1, cfg);
	in = (struct control_inherit){.cfg = cfg,
				      .shm = make_region(cfg),
				      .reload_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
				      .member_fd = -1,
				      .socket_fds = fds,
				      .cells = generation->cells};
	must(shm_slots_n(in.shm) <= SLOTS_MAX);
	for (size_t i = 0; i < SLOTS_MAX; i++)
		eventfds[i] = in.reload_fd;
	in.net.slot_eventfds = eventfds;
	in.net.log_relay_fd = -1;
	for (int i = 0; i < LEVELS_N; i++) {
		struct sockaddr_un un;
		char name[2] = {(char)('0' + i), '\0'};
		fds[i] = listen_at(name, &un);
	}
	control_prepare(&in);
	control.in = &in;
	control.shm = in.shm;
	must(shm_find(in.shm, SHM_GLOBAL, "", "global", "", &control.global));
	control.loop = net_loop_new(&hooks);
	control.has_lease = true;
	members_begin();
	socket_begin();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > INPUT_MAX)
		return 0;
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	const char name[2] = {(char)('0' + data[0] % LEVELS_N), '\0'};
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", in_dir(name));
	client = (struct client){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
				 .bytes = data + 1,
				 .n = size - 1};
	must(client.fd >= 0 &&
	     connect(client.fd, (struct sockaddr *)&un, sizeof(un)) == 0);
	if (client.n == 0)
		(void)shutdown(client.fd, SHUT_WR);
	net_loop_run(control.loop);
	close(client.fd);
	return 0;
}
