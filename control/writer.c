/* SPDX-License-Identifier: MIT
 *
 * The ends of the log that processes in a chroot cannot reach: files, UNIX sockets,
 * stdout and stderr. The lines come over the relay (lib/net/log_target.h). Nothing
 * waits: what an end cannot take now is dropped and counted.
 *
 * Names are looked up through a descriptor of their directory that was opened before
 * chroot: a rotated file is found again, and so is the socket of a syslog daemon that
 * was started anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

#include "control/place.h"
#include "control/self.h"
#include "lib/base/must.h"

enum {
	DATAGRAM_BYTES = 64 * 1024, /* largest that the relay may carry */
	DATAGRAMS_PER_ROUND = 256,
	PIECE_BYTES = 4096, /* PIPE_BUF: a writable pipe takes that much at once */
	RETRY_FIRST_MS = 100,
	RETRY_MAX_MS = 10000,
};

struct writer {
	const struct log_target *target;
	int fd;		    /* -1: none now */
	struct place place; /* of a file or socket */
	uint64_t retry_at_ms, retry_ms;
};

static struct {
	struct writer all[LOG_TARGETS_MAX];
	size_t n;
	uint64_t dropped;
	struct net_watch relay;
	char datagram[DATAGRAM_BYTES + 1];
} writers;

uint64_t
writer_dropped(void)
{
	uint64_t n = writers.dropped;
	writers.dropped = 0;
	return n;
}

/* --- opening ------------------------------------------------------------ */

static int
open_file(const struct writer *w)
{
	/* O_NONBLOCK: a FIFO without a reader must not hold us */
	return openat(w->place.dir_fd, w->place.name,
		      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		      0640);
}

/* connect() has no "at": go there, since /proc may be out of reach. */
static int
open_socket(const struct writer *w)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	const struct place *at = &w->place;
	if (at->dir_fd < 0 || strlen(at->name) >= sizeof(un.sun_path) ||
	    fchdir(at->dir_fd) != 0)
		return -1;
	memcpy(un.sun_path, at->name, strlen(at->name));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
		close(fd);
		fd = -1;
	}
	(void)!chdir("/");
	return fd;
}

static int
open_end(const struct writer *w)
{
	switch (w->target->kind) {
	case LOG_TO_FILE:
		return open_file(w);
	case LOG_TO_UNIX:
		return open_socket(w);
	case LOG_TO_STDOUT:
		return STDOUT_FILENO;
	case LOG_TO_STDERR:
		return STDERR_FILENO;
	case LOG_TO_UDP:
		break;
	}
	return -1;
}

/* Tries again after a failure, less and less often. */
static bool
has_end(struct writer *w)
{
	if (w->fd >= 0)
		return true;
	uint64_t now_ms = control.loop ? net_loop_now_ms(control.loop) : 0;
	if (now_ms < w->retry_at_ms)
		return false;
	w->fd = open_end(w);
	if (w->fd >= 0) {
		w->retry_ms = 0;
		return true;
	}
	w->retry_ms = w->retry_ms ? w->retry_ms * 2 : RETRY_FIRST_MS;
	if (w->retry_ms > RETRY_MAX_MS)
		w->retry_ms = RETRY_MAX_MS;
	w->retry_at_ms = now_ms + w->retry_ms;
	return false;
}

static void
prepare(struct writer *w, const struct log_target *t, const struct cfg_global *g)
{
	const char *path = t->kind == LOG_TO_FILE   ? t->path
			   : t->kind == LOG_TO_UNIX ? t->addr.u.un.sun_path
						    : NULL;
	*w = (struct writer){.target = t, .fd = -1, .place = {.dir_fd = -1}};
	if (path)
		place_open(&w->place, path);
	if (t->kind != LOG_TO_FILE)
		return;
	w->fd = open_file(w);
	if (w->fd < 0) {
		fprintf(stderr,
			"weir: log file %s: %s; its lines are dropped until it "
			"can be opened\n",
			path, strerror(errno));
		return;
	}
	/* so that it can be opened again without privileges */
	if (geteuid() == 0 && (g->uid != (uid_t)-1 || g->gid != (gid_t)-1) &&
	    fchown(w->fd, g->uid, g->gid) != 0)
		fprintf(stderr, "weir: log file %s: cannot give it to the user: %s\n",
			path, strerror(errno));
}

int
writer_check(const struct cfg *cfg, char err[SHM_ERROR_BYTES])
{
	for (size_t i = 0; i < cfg->log_targets_n; i++) {
		const struct log_target *t = &cfg->log_targets[i];
		struct writer w = {.target = t, .fd = -1};
		if (t->kind != LOG_TO_FILE)
			continue;
		place_open(&w.place, t->path);
		w.fd = w.place.dir_fd < 0 ? -1 : open_file(&w);
		int error = errno;
		place_close(&w.place);
		if (w.fd < 0 && error == ENXIO)
			continue; /* a FIFO: its reader may come later */
		if (w.fd < 0) {
			snprintf(err, SHM_ERROR_BYTES, "log: %.300s: cannot open it: %s",
				 t->path, strerror(error));
			return -1;
		}
		close(w.fd);
	}
	return 0;
}

void
writer_prepare(const struct cfg *cfg)
{
	writers.n = cfg->log_targets_n;
	must(writers.n <= LOG_TARGETS_MAX);
	for (size_t i = 0; i < writers.n; i++)
		prepare(&writers.all[i], &cfg->log_targets[i], &cfg->global);
}

void
writer_reopen(void)
{
	for (size_t i = 0; i < writers.n; i++) {
		struct writer *w = &writers.all[i];
		if (w->target->kind != LOG_TO_FILE)
			continue;
		int fd = open_file(w);
		if (fd < 0) {
			control_log(
				LOG_ERR,
				"log file %s could not be reopened: %s; still writing "
				"to the old one",
				w->target->path, strerror(errno));
			continue;
		}
		if (w->fd >= 0)
			close(w->fd);
		w->fd = fd;
	}
}

/* --- writing ------------------------------------------------------------ */

static uint64_t
lines_in(struct span s)
{
	uint64_t n = 1;
	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

static void
drop(struct span lines)
{
	writers.dropped += lines_in(lines);
}

/* One datagram per line, as syslog wants it. */
static bool
send_once(struct writer *w, struct span line)
{
	return send(w->fd, line.p, line.n, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	       (ssize_t)line.n;
}

static void
write_socket(struct writer *w, struct span line)
{
	if (!has_end(w)) {
		drop(line);
		return;
	}
	if (send_once(w, line))
		return;
	if (errno != EAGAIN && errno != ENOBUFS && errno != EMSGSIZE) {
		/* the syslog daemon is another one now */
		close(w->fd);
		w->fd = -1;
		if (has_end(w) && send_once(w, line))
			return;
	}
	drop(line);
}

static void
write_file(struct writer *w, struct span lines)
{
	char newline[] = "\n";
	struct iovec iov[2] = {{(void *)(uintptr_t)lines.p, lines.n}, {newline, 1}};
	if (!has_end(w) || writev(w->fd, iov, 2) != (ssize_t)lines.n + 1)
		drop(lines);
}

/* stdout and stderr may be pipes that nobody reads, and O_NONBLOCK would be seen by
 * all who share them: ask first, then write no more than a writable pipe takes. */
static bool
write_piece(struct writer *w, const char *p, size_t n, bool ends_line)
{
	char piece[PIECE_BYTES];
	struct pollfd out = {.fd = w->fd, .events = POLLOUT};
	memcpy(piece, p, n);
	if (ends_line)
		piece[n++] = '\n';
	return poll(&out, 1, 0) == 1 && out.revents & POLLOUT &&
	       write(w->fd, piece, n) == (ssize_t)n;
}

static void
write_pieces(struct writer *w, struct span lines)
{
	if (!has_end(w))
		return;
	while (lines.n) {
		size_t n = lines.n, skip = 0;
		bool ends_line = true;
		if (n > PIECE_BYTES - 1) {
			/* at the end of a line if there is one */
			const char *end = memrchr(lines.p, '\n', PIECE_BYTES - 1);
			n = end ? (size_t)(end - lines.p) : PIECE_BYTES - 1;
			skip = end ? 1 : 0;
			ends_line = end != NULL;
		}
		if (!write_piece(w, lines.p, n, ends_line)) {
			drop(lines);
			return;
		}
		lines.p += n + skip;
		lines.n -= n + skip;
	}
}

void
writer_write(size_t target, struct span lines)
{
	if (target >= writers.n || lines.n == 0) {
		writers.dropped++;
		return;
	}
	struct writer *w = &writers.all[target];
	switch (w->target->kind) {
	case LOG_TO_UNIX:
		write_socket(w, lines);
		break;
	case LOG_TO_FILE:
		write_file(w, lines);
		break;
	case LOG_TO_STDOUT:
	case LOG_TO_STDERR:
		write_pieces(w, lines);
		break;
	case LOG_TO_UDP: /* written by whoever logs */
		writers.dropped++;
		break;
	}
}

/* --- the relay ---------------------------------------------------------- */

/* One datagram: the index of a target, then lines. false: nothing there. */
static bool
take_datagram(void)
{
	ssize_t n = recv(control.in->net.log_relay_fd, writers.datagram, DATAGRAM_BYTES,
			 MSG_DONTWAIT);
	if (n < 0)
		return errno == EINTR;
	if (n >= 2)
		writer_write((unsigned char)writers.datagram[0],
			     span_of(writers.datagram + 1, (size_t)n - 1));
	return n > 0;
}

static void
relay_ready(struct net_watch *w, uint32_t events)
{
	(void)w;
	(void)events;
	for (int i = 0; i < DATAGRAMS_PER_ROUND && take_datagram(); i++)
		;
}

void
writer_begin(void)
{
	int fd = control.in->net.log_relay_fd;
	net_watch_init(&writers.relay, fd, relay_ready);
	if (fd >= 0)
		net_watch_set(control.loop, &writers.relay, EPOLLIN);
}

void
writer_drain(void)
{
	/* bounded: whoever still logs must not keep us */
	for (int i = 0; i < 64 * DATAGRAMS_PER_ROUND && take_datagram(); i++)
		;
}
