/* SPDX-License-Identifier: MIT
 *
 * Descriptors kept by the service manager. Master.
 */
#include "master/store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "lib/base/span.h"
#include "master/notify.h"

enum { FIRST_FD = 3, GIVEN_MAX = 4096 }; /* sd_listen_fds(3) */

static void
add(uint64_t cookie, int fd)
{
	master.stored = must_realloc(master.stored,
				     (master.stored_n + 1) * sizeof(*master.stored));
	master.stored[master.stored_n++] = (struct stored){cookie, fd};
}

static void
forget(size_t i)
{
	if (master.stored[i].fd >= 0)
		close(master.stored[i].fd);
	master.stored[i] = master.stored[--master.stored_n];
}

static void
take_given(int fd, struct span name)
{
	char text[32];
	uint64_t cookie;
	int end = 0;
	snprintf(text, sizeof(text), "%.*s", (int)name.n, name.p);
	if (sscanf(text, "weir-%" SCNx64 "%n", &cookie, &end) != 1 || text[end])
		return; /* fd@N, somebody else's */
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	add(cookie, fd);
}

void
store_open(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	if (!pid || !n || !names || strtol(pid, NULL, 10) != (long)getpid())
		return;
	struct span rest = span_str(names);
	long given_n = strtol(n, NULL, 10);
	for (long i = 0; i < given_n && i < GIVEN_MAX && rest.n; i++)
		take_given(FIRST_FD + (int)i, span_cut(&rest, ':'));
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
}

bool
store_has_any(void)
{
	return master.stored_n > 0;
}

int
store_take(bool (*is_it)(const void *what, int fd), const void *what)
{
	for (size_t i = 0; i < master.stored_n; i++)
		if (master.stored[i].fd >= 0 && is_it(what, master.stored[i].fd))
			return fcntl(master.stored[i].fd, F_DUPFD_CLOEXEC, FIRST_FD);
	return -1;
}

void
store_close(void)
{
	for (size_t i = 0; i < master.stored_n; i++) {
		if (master.stored[i].fd >= 0)
			close(master.stored[i].fd);
		master.stored[i].fd = -1;
	}
}

static bool
tell(const char *what, uint64_t cookie, int fd)
{
	char text[64];
	snprintf(text, sizeof(text), "%s=1\nFDNAME=weir-%016" PRIx64 "\n", what, cookie);
	return notify_with(text, fd);
}

static bool
is_stored(uint64_t cookie)
{
	for (size_t i = 0; i < master.stored_n; i++)
		if (master.stored[i].cookie == cookie)
			return true;
	return false;
}

static bool
is_ours(const struct estate *e, uint64_t cookie)
{
	for (size_t i = 0; i < e->head.sockets_n; i++)
		if (e->sockets[i].cookie == cookie)
			return true;
	return false;
}

void
store_publish(const struct estate *e)
{
	if (!notify_is_on())
		return;
	for (size_t i = master.stored_n; i-- > 0;) {
		uint64_t cookie = master.stored[i].cookie;
		if (is_ours(e, cookie))
			continue;
		if (tell("FDSTOREREMOVE", cookie, -1))
			forget(i);
	}
	for (size_t i = 0; i < e->head.sockets_n; i++) {
		const struct estate_socket *s = &e->sockets[i];
		if (s->flags & ESTATE_GIVEN || is_stored(s->cookie))
			continue;
		if (!tell("FDSTORE", s->cookie, s->fd))
			return; /* the next change of sockets tries again */
		add(s->cookie, -1);
	}
}

void
store_free(void)
{
	store_close();
	free(master.stored);
	master.stored = NULL;
	master.stored_n = 0;
}
