/* SPDX-License-Identifier: MIT
 *
 * Host names to addresses, at load. The resolver of libc may hang for minutes, so that
 * children ask it, several at once, and have a time limit; they write what they find
 * into a pipe. The master itself never calls it.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/loading.h"
#include "lib/base/clock.h"

enum { CHILDREN_MAX = 8 };

/* What a child writes: less than PIPE_BUF, so that writes do not mix. */
struct answer {
	uint32_t index;
	int32_t error; /* of getaddrinfo */
	struct addr addr;
};

static void
ask(const char *host, struct answer *out)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	out->error = getaddrinfo(host, NULL, &hints, &found);
	if (out->error)
		return;
	/* IPv4 first, as HAProxy does by default at start */
	const struct addrinfo *best = found;
	for (const struct addrinfo *i = found; i; i = i->ai_next)
		if (i->ai_family == AF_INET && best->ai_family != AF_INET)
			best = i;
	addr_from_sockaddr(&out->addr, best->ai_addr, best->ai_addrlen);
	freeaddrinfo(found);
}

/* Child `which` of `children_n` asks for every children_n-th name. */
static _Noreturn void
child(const struct loading *l, size_t which, size_t children_n, int fd)
{
	for (size_t i = which; i < l->names_n; i += children_n) {
		struct answer a;
		memset(&a, 0, sizeof(a));
		a.index = (uint32_t)i;
		bool is_known = false;
		for (size_t j = 0; j < i && !is_known; j++)
			is_known = strcmp(l->names[j].host, l->names[i].host) == 0;
		if (is_known)
			continue;
		ask(l->names[i].host, &a);
		if (write(fd, &a, sizeof(a)) != sizeof(a))
			_exit(1);
	}
	_exit(0);
}

/* Puts the host of `found` (NULL: none) into the name's addresses, ports stay. */
static void
settle(struct unresolved *n, const struct addr *found)
{
	struct addr *both[2] = {n->addr, n->copy};
	for (size_t i = 0; i < 2; i++) {
		if (!both[i])
			continue;
		int port = addr_port(both[i]);
		if (found)
			*both[i] = *found;
		both[i]->kind = found ? found->kind : ADDR_NONE;
		addr_set_port(both[i], port);
	}
}

static void
not_found(struct loading *l, const struct unresolved *n, const char *why)
{
	if (n->is_required)
		report_error(l->report, n->at,
			     "the name '%s' cannot be resolved: %s; expected a "
			     "known name or an address",
			     n->host, why);
	else
		report_warning(
			l->report, n->at,
			"the name '%s' cannot be resolved: %s; the server starts DOWN",
			n->host, why);
}

/* Reads answers until all children are done or the time is up. */
static void
collect(struct answer *answers, size_t n, int fd)
{
	uint64_t end = clock_mono_ms() + CFG_RESOLVE_MS;
	for (;;) {
		uint64_t now = clock_mono_ms();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (now >= end || poll(&p, 1, (int)(end - now)) == 0)
			return;
		struct answer a;
		ssize_t got = read(fd, &a, sizeof(a));
		if (got < 0 && errno == EINTR)
			continue;
		if (got != sizeof(a))
			return;
		if (a.index < n)
			answers[a.index] = a;
	}
}

static void
reap(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void
ask_all(struct loading *l, struct answer *answers)
{
	int fds[2];
	pid_t pids[CHILDREN_MAX] = {0};
	if (pipe(fds) < 0)
		return;
	size_t children_n = l->names_n < CHILDREN_MAX ? l->names_n : CHILDREN_MAX;
	fflush(NULL);
	for (size_t i = 0; i < children_n; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			close(fds[0]);
			child(l, i, children_n, fds[1]);
		}
	}
	close(fds[1]);
	collect(answers, l->names_n, fds[0]);
	close(fds[0]);
	for (size_t i = 0; i < children_n; i++)
		reap(pids[i]);
}

void
resolve_names(struct loading *l)
{
	enum { NO_ANSWER = 1 };
	if (l->names_n == 0)
		return;
	struct answer *answers = arena_alloc(l->arena, l->names_n * sizeof(*answers));
	for (size_t i = 0; i < l->names_n; i++)
		answers[i].error = NO_ANSWER;
	ask_all(l, answers);
	for (size_t i = 0; i < l->names_n; i++) {
		struct unresolved *n = &l->names[i];
		size_t first = 0;
		while (strcmp(l->names[first].host, n->host) != 0)
			first++;
		const struct answer *a = &answers[first];
		settle(n, a->error ? NULL : &a->addr);
		if (a->error)
			not_found(l, n,
				  a->error == NO_ANSWER ? "no answer within 5 s"
							: gai_strerror(a->error));
	}
}
