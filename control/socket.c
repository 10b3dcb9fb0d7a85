/* SPDX-License-Identifier: MIT
 *
 * The sockets of the runtime API: a line comes in, its commands are run, the answer
 * goes out, the connection is closed (or asks for the next line after "prompt").
 * Runs in the control process. Everything is bounded: connections, the length of a
 * line, the time somebody may take to speak or to listen.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/command.h"
#include "control/self.h"
#include "lib/base/must.h"

enum {
	CLIENTS_MAX = 32,	/* the others wait in the backlog */
	LINE_BYTES = 16 * 1024, /* HAProxy's default tune.bufsize */
};

struct listener {
	struct net_watch watch;
	const struct cfg_stats_socket *cfg;
};

struct client {
	struct net_watch watch;
	struct net_timer idle;
	struct net_timer pause; /* between two commands of a line */
	char *rest;		/* of the line that is being answered; NULL: none */
	size_t taken;		/* its bytes, with its payload */
	struct list node;
	struct command_session session;
	bool has_ended; /* the peer will send no more */
	bool is_closing;
	size_t sent;
	size_t line_n;
	char line[LINE_BYTES + 1];
};

static struct {
	struct listener *listeners;
	size_t listeners_n;
	bool is_full;
	struct list clients;
	size_t clients_n;
} sockets;

size_t
socket_clients_n(void)
{
	return sockets.clients_n;
}

static void
listen_again(void)
{
	for (size_t i = 0; i < sockets.listeners_n; i++) {
		struct listener *l = &sockets.listeners[i];
		if (l->watch.fd >= 0)
			net_watch_set(control.loop, &l->watch, EPOLLIN);
	}
	sockets.is_full = false;
}

static void
listen_no_more(void)
{
	for (size_t i = 0; i < sockets.listeners_n; i++)
		net_watch_remove(control.loop, &sockets.listeners[i].watch);
}

/* --- one connection ----------------------------------------------------- */

static void
take_file(struct client *c, int fd)
{
	if (c->session.fd >= 0)
		close(c->session.fd);
	c->session.fd = fd;
}

static void
client_close(struct client *c)
{
	list_remove(&c->node);
	net_timer_remove(&c->idle);
	net_timer_remove(&c->pause);
	close(c->watch.fd);
	c->watch.ready = NULL;
	shm_text_fini(&c->session.answer);
	take_file(c, -1);
	net_loop_bury(control.loop, NULL, c);
	sockets.clients_n--;
	if (control.is_leaving && sockets.clients_n == 0)
		control_leave_now();
	else if (sockets.is_full && !control.is_leaving)
		listen_again();
}

static uint64_t
idle_at(const struct client *c)
{
	return net_loop_now_ms(control.loop) + c->session.idle_ms + c->session.pause_ms;
}

static void
client_is_idle(struct net_timer *t)
{
	client_close(list_entry(t, struct client, idle));
}

/* Where the payload of a line begins with "<<", optionally followed by the word that ends
 * it (by default an empty line); NULL: it has none. */
static char *
payload_mark(char *line)
{
	size_t n = strlen(line);
	while (n && (line[n - 1] == ' ' || line[n - 1] == '\r'))
		n--;
	size_t begin = n;
	while (begin && line[begin - 1] != ' ')
		begin--;
	bool has = n - begin >= 2 && line[begin] == '<' && line[begin + 1] == '<';
	return has ? line + begin : NULL;
}

/* The line of `bytes` at p that ends a payload. */
static bool
ends_payload(const char *p, size_t bytes, const char *word, size_t word_bytes)
{
	if (bytes && p[bytes - 1] == '\r')
		bytes--;
	return bytes == word_bytes && memcmp(p, word, bytes) == 0;
}

/* Finds the end of the payload that begins at *at; false: it is not there yet. */
static bool
take_payload(struct client *c, char *mark, size_t *at)
{
	const char *word = mark + 2;
	size_t word_bytes = strcspn(word, " \r");
	char *begin = c->line + *at;
	for (char *p = begin;;) {
		char *end = memchr(p, '\n', c->line_n - (size_t)(p - c->line));
		if (!end)
			return false;
		if (ends_payload(p, (size_t)(end - p), word, word_bytes)) {
			*p = '\0';
			*at = (size_t)(end + 1 - c->line);
			break;
		}
		p = end + 1;
	}
	*mark = '\0';
	c->session.payload = begin;
	return true;
}

/* What the next line is, without its end; NULL: not there yet. */
static char *
take_line(struct client *c)
{
	char *end = memchr(c->line, '\n', c->line_n);
	if (!end && !(c->has_ended && c->line_n))
		return NULL;
	c->taken = end ? (size_t)(end - c->line) + 1 : c->line_n;
	c->session.payload = NULL;
	c->line[end ? c->taken - 1 : c->taken] = '\0';
	char *mark = payload_mark(c->line);
	if (!mark || take_payload(c, mark, &c->taken))
		return c->line;
	if (end)
		*end = '\n'; /* looked at again when there is more */
	return NULL;
}

/* The commands of c->rest, up to a pause. */
static void
answer_rest(struct client *c)
{
	struct command_session *s = &c->session;
	shm_text_clear(&s->answer);
	c->sent = 0;
	command_line(s, &c->rest);
	if (s->answer.failed) {
		shm_text_fini(&s->answer);
		shm_text_str(&s->answer, "Out of memory.\n\n");
	}
	if (s->pause_ms && !s->wants_quit) {
		net_timer_set(control.loop, &c->pause,
			      net_loop_now_ms(control.loop) + s->pause_ms);
		net_timer_set(control.loop, &c->idle, idle_at(c));
		return;
	}
	c->rest = NULL;
	c->is_closing = s->wants_quit || !s->is_interactive;
	if (!c->is_closing && !s->is_silent)
		shm_text_str(&s->answer, "> ");
	c->line_n -= c->taken;
	memmove(c->line, c->line + c->taken, c->line_n);
}

/* A second pause within a line counts from here. */
static bool
is_pausing(const struct client *c)
{
	return c->session.pause_ms != 0;
}

/* Answers what is there: the next line only when the last answer is gone. */
static void
answer_lines(struct client *c)
{
	while (c->sent == c->session.answer.n && !c->is_closing && !is_pausing(c)) {
		c->rest = take_line(c);
		if (!c->rest) {
			if (c->line_n == LINE_BYTES) {
				shm_text_str(&c->session.answer,
					     "The line is too long.\n\n");
				c->is_closing = true;
			}
			break;
		}
		answer_rest(c);
	}
}

/* false: the connection is gone. */
static bool
send_answer(struct client *c)
{
	struct shm_text *a = &c->session.answer;
	while (c->sent < a->n) {
		ssize_t n = send(c->watch.fd, a->bytes + c->sent, a->n - c->sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0)
			return false;
		c->sent += (size_t)n;
	}
	return true;
}

/* Bytes, and one file at most (the kernel closes what is beyond). */
static ssize_t
receive_some(struct client *c)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room;
	struct iovec iov = {c->line + c->line_n, LINE_BYTES - c->line_n};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &room,
			   .msg_controllen = sizeof(room)};
	ssize_t n = recvmsg(c->watch.fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *head = n >= 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(int))) {
		int fd;
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
		take_file(c, fd);
	}
	return n;
}

static bool
receive(struct client *c)
{
	while (!c->has_ended && c->line_n < LINE_BYTES) {
		ssize_t n = receive_some(c);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		if (n == 0)
			c->has_ended = true;
		c->line_n += (size_t)n;
	}
	return true;
}

/* Goes on until something must be waited for. */
static void
client_step(struct client *c)
{
	for (;;) {
		size_t before = c->line_n;
		answer_lines(c);
		if (!send_answer(c)) {
			client_close(c);
			return;
		}
		if (c->sent < c->session.answer.n) {
			net_watch_set(control.loop, &c->watch, EPOLLOUT);
			return;
		}
		if (is_pausing(c))
			break;
		bool is_stuck = c->line_n == before;
		/* the end of a payload that will not come any more */
		bool is_over = c->has_ended && (is_stuck || c->line_n == 0);
		if (c->is_closing || is_over) {
			client_close(c);
			return;
		}
		if (is_stuck)
			break;
	}
	/* who has said all he will say needs no watching while a pause lasts */
	if (is_pausing(c) && (c->has_ended || c->line_n == LINE_BYTES))
		net_watch_remove(control.loop, &c->watch);
	else
		net_watch_set(control.loop, &c->watch, EPOLLIN);
}

static void
pause_is_over(struct net_timer *t)
{
	struct client *c = list_entry(t, struct client, pause);
	net_timer_set(control.loop, &c->idle, idle_at(c));
	c->session.pause_ms = 0;
	answer_rest(c);
	client_step(c);
}

static void
client_ready(struct net_watch *w, uint32_t events)
{
	struct client *c = list_entry(w, struct client, watch);
	if (events & EPOLLERR || (events & (EPOLLIN | EPOLLHUP) && !receive(c))) {
		client_close(c);
		return;
	}
	net_timer_set(control.loop, &c->idle, idle_at(c));
	client_step(c);
}

/* --- new ones ----------------------------------------------------------- */

static void
client_open(int fd, const struct cfg_stats_socket *cfg)
{
	struct client *c = calloc(1, sizeof(*c));
	struct ucred peer = {.pid = 0, .uid = (uid_t)-1};
	socklen_t peer_len = sizeof(peer);
	if (!c) {
		close(fd);
		return;
	}
	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len);
	c->session =
		(struct command_session){.level = cfg->level,
					 .socket = cfg->path,
					 .pid = peer.pid,
					 .uid = peer.uid,
					 .fd = -1,
					 .idle_ms = control.cfg->global.stats_timeout_ms};
	list_add_back(&sockets.clients, &c->node);
	sockets.clients_n++;
	net_timer_init(&c->idle, client_is_idle);
	net_timer_init(&c->pause, pause_is_over);
	net_timer_set(control.loop, &c->idle, idle_at(c));
	net_watch_init(&c->watch, fd, client_ready);
	net_watch_set(control.loop, &c->watch, EPOLLIN);
}

static void
listener_ready(struct net_watch *w, uint32_t events)
{
	struct listener *l = list_entry(w, struct listener, watch);
	(void)events;
	for (;;) {
		if (sockets.clients_n >= CLIENTS_MAX) {
			sockets.is_full = true;
			listen_no_more();
			return;
		}
		int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return; /* nobody, or somebody who has left again */
		client_open(fd, l->cfg);
	}
}

void
socket_begin(void)
{
	const struct cfg_global *g = &control.cfg->global;
	list_init(&sockets.clients);
	sockets.listeners_n = g->sockets_n;
	sockets.listeners = must_calloc(g->sockets_n + 1, sizeof(*sockets.listeners));
	for (size_t i = 0; i < g->sockets_n; i++) {
		struct listener *l = &sockets.listeners[i];
		int fd = control.in->socket_fds[i];
		l->cfg = &g->sockets[i];
		net_watch_init(&l->watch, fd, listener_ready);
		if (fd >= 0)
			(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	}
	listen_again();
}

void
socket_end(void)
{
	listen_no_more();
}
