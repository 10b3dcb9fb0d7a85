/* SPDX-License-Identifier: MIT
 *
 * Checks by programs (configuration.txt 4.2, external-check). Each runs in a process
 * group of its own, which is killed when its time is over; it has no descriptors but
 * /dev/null. Runs in the checker, the one process that may start programs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checker/self.h"
#include "lib/base/must.h"

enum { ENVIRONMENT_BYTES = 4096, WORDS_MAX = 16, NOTIFY_MS = 30000 };

/* One that runs. It outlives its probe when that has no time left for it. */
struct program {
	struct net_watch watch; /* of its pidfd: readable when it has ended */
	struct list node;	/* among those that run */
	pid_t pid;
	struct probe *probe;	/* NULL: nobody wants its result any more */
	struct net_timer limit; /* when there is no probe whose time is over */
};

static struct list running = {&running, &running};

/* --- words ------------------------------------------------------------------------- */

/* Words in one buffer, as argv and envp want them. */
struct words {
	char text[ENVIRONMENT_BYTES];
	size_t used, n;
	char *at[WORDS_MAX + 1];
};

__attribute__((format(printf, 2, 3))) static void
add(struct words *w, const char *fmt, ...)
{
	size_t room = sizeof(w->text) - w->used;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(w->text + w->used, room, fmt, ap);
	va_end(ap);
	must(n >= 0 && w->n < WORDS_MAX);
	if ((size_t)n >= room)
		return;
	w->at[w->n++] = w->text + w->used;
	w->at[w->n] = NULL;
	w->used += (size_t)n + 1;
}

/* An address as HAProxy splits it; a path has no port. */
struct place {
	char host[ADDR_TEXT_BYTES], port[16];
};

static struct place
place_of(const struct addr *a)
{
	struct place p = {"", ""};
	if (a->kind == ADDR_UNIX) {
		snprintf(p.host, sizeof(p.host), "%s", a->u.un.sun_path);
	} else {
		(void)inet_ntop(a->u.sa.sa_family,
				a->kind == ADDR_INET ? (const void *)&a->u.in.sin_addr
						     : &a->u.in6.sin6_addr,
				p.host, sizeof(p.host));
		snprintf(p.port, sizeof(p.port), "%d", addr_port(a));
	}
	return p;
}

/* Of the first socket of a listen section. */
static struct place
proxy_place(const struct cfg_proxy *be)
{
	const struct cfg *cfg = checker.in->cfg;
	for (size_t i = 0; i < cfg->binds_n; i++)
		if (cfg->binds[i]->frontend == be && cfg->binds[i]->addr.kind != ADDR_FD)
			return place_of(&cfg->binds[i]->addr);
	return (struct place){"", ""};
}

static const char *
or_not_used(const char *word)
{
	return *word ? word : "NOT_USED";
}

static void
make_words(const struct probe *p, struct words *argv, struct words *envp)
{
	const struct checked *c = p->users;
	const struct cfg_server *s = c->cfg;
	struct place here = proxy_place(s->backend), there = place_of(&s->check_addr);
	uint32_t conns = c->object.gauge ? shm_gauge_cur(c->object.gauge) : 0;
	add(argv, "%s", p->check->command);
	add(argv, "%s", or_not_used(here.host));
	add(argv, "%s", or_not_used(here.port));
	add(argv, "%s", there.host);
	add(argv, "%s", or_not_used(there.port));
	add(envp, "HAPROXY_PROXY_NAME=%s", s->backend->name);
	add(envp, "HAPROXY_PROXY_ID=%u", s->backend->id);
	add(envp, "HAPROXY_PROXY_ADDR=%s", here.host);
	add(envp, "HAPROXY_PROXY_PORT=%s", here.port);
	add(envp, "HAPROXY_SERVER_NAME=%s", s->name);
	add(envp, "HAPROXY_SERVER_ID=%u", s->id);
	add(envp, "HAPROXY_SERVER_ADDR=%s", there.host);
	add(envp, "HAPROXY_SERVER_PORT=%s", there.port);
	add(envp, "HAPROXY_SERVER_MAXCONN=%u", s->maxconn);
	add(envp, "HAPROXY_SERVER_CURCONN=%u", conns);
	add(envp, "HAPROXY_SERVER_SSL=0");
	add(envp, "HAPROXY_SERVER_PROTO=%s",
	    s->backend->mode == CFG_MODE_HTTP ? "h1" : "tcp");
	if (p->check->path)
		add(envp, "PATH=%s", p->check->path);
}

/* --- starting ---------------------------------------------------------------------- */

/* A script that does not say what runs it is the shell's, as with execvp(). */
static int
spawn_by_shell(const struct words *argv, const struct words *envp,
	       const posix_spawn_file_actions_t *files, const posix_spawnattr_t *attr,
	       pid_t *pid)
{
	char shell[] = "/bin/sh", *all[WORDS_MAX + 2] = {shell};
	for (size_t i = 0; i <= argv->n; i++)
		all[i + 1] = argv->at[i];
	return posix_spawn(pid, shell, files, attr, all, envp->at);
}

static int
spawn(const struct words *argv, const struct words *envp, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t all, none;
	sigfillset(&all);
	sigemptyset(&none);
	must(posix_spawn_file_actions_init(&files) == 0);
	must(posix_spawnattr_init(&attr) == 0);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		must(posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR,
						      0) == 0);
	must(posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1) == 0);
	must(posix_spawnattr_setpgroup(&attr, 0) == 0);
	must(posix_spawnattr_setsigdefault(&attr, &all) == 0);
	must(posix_spawnattr_setsigmask(&attr, &none) == 0);
	must(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
						     POSIX_SPAWN_SETSIGDEF |
						     POSIX_SPAWN_SETSIGMASK) == 0);
	int error = posix_spawn(pid, argv->at[0], &files, &attr, argv->at, envp->at);
	if (error == ENOEXEC)
		error = spawn_by_shell(argv, envp, &files, &attr, pid);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return error;
}

/* --- ends -------------------------------------------------------------------------- */

static void
judge(struct probe *p, int status)
{
	struct probe_result r = {.id = RESULT_proc_error};
	if (WIFEXITED(status)) {
		r.code = (uint32_t)WEXITSTATUS(status);
		r.id = r.code ? RESULT_proc_error : RESULT_proc_ok;
	} else {
		snprintf(r.info, sizeof(r.info), "ended by signal %d", WTERMSIG(status));
	}
	probe_finish(p, &r);
}

static void
ended(struct net_watch *w, uint32_t events)
{
	struct program *g = list_entry(w, struct program, watch);
	struct probe *p = g->probe;
	int status;
	(void)events;
	if (waitpid(g->pid, &status, WNOHANG) != g->pid)
		return;
	(void)kill(-g->pid, SIGKILL); /* what it has left behind */
	list_remove(&g->node);
	net_timer_remove(&g->limit);
	net_watch_remove(checker.loop, &g->watch);
	close(g->watch.fd);
	g->watch.ready = NULL;
	net_loop_bury(checker.loop, NULL, g);
	if (!p)
		return;
	p->program = NULL;
	judge(p, status);
}

static void
limit_expired(struct net_timer *t)
{
	struct program *g = list_entry(t, struct program, limit);
	(void)kill(-g->pid, SIGKILL);
}

static struct program *
watch(pid_t pid)
{
	struct program *g = must_calloc(1, sizeof(*g));
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	must(fd >= 0);
	g->pid = pid;
	list_add_back(&running, &g->node);
	net_timer_init(&g->limit, limit_expired);
	net_watch_init(&g->watch, fd, ended);
	net_watch_set(checker.loop, &g->watch, EPOLLIN);
	return g;
}

void
external_start(struct probe *p)
{
	struct words argv = {.n = 0}, envp = {.n = 0};
	pid_t pid;
	p->phase = PROBE_TALKING;
	make_words(p, &argv, &envp);
	int error = spawn(&argv, &envp, &pid);
	if (error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE) {
		probe_give_up(p, error);
		return;
	}
	if (error) {
		char info[PROBE_INFO_BYTES];
		snprintf(info, sizeof(info), "cannot be run: %s", strerror(error));
		probe_finish_with(p, RESULT_proc_error, info);
		return;
	}
	p->program = watch(pid);
	p->program->probe = p;
	probe_limit(p);
}

void
external_notify(const char *command, const struct group *g, uint32_t weight, bool is_met)
{
	struct words argv = {.n = 0}, envp = {.n = 0};
	pid_t pid;
	add(&argv, "%s", command);
	add(&envp, "WEIR_BACKEND=%s", g->cfg->name);
	add(&envp, "WEIR_QUORUM=%s", is_met ? "up" : "down");
	add(&envp, "WEIR_WEIGHT=%u", weight);
	add(&envp, "WEIR_WEIGHT_NEEDED=%u", g->cfg->quorum.weight);
	int error = spawn(&argv, &envp, &pid);
	if (error) {
		tell_program(g, command, error);
		return;
	}
	struct program *p = watch(pid);
	net_timer_set(checker.loop, &p->limit, net_loop_now_ms(checker.loop) + NOTIFY_MS);
}

/* Nobody waits for it; ended() will see it off. */
void
external_end(struct probe *p)
{
	if (!p->program)
		return;
	(void)kill(-p->program->pid, SIGKILL);
	p->program->probe = NULL;
	p->program = NULL;
}

void
external_end_all(void)
{
	for (struct list *n = running.next; n != &running; n = n->next)
		(void)kill(-list_entry(n, struct program, node)->pid, SIGKILL);
}
