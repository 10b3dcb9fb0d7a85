/* SPDX-License-Identifier: MIT
 *
 * The estate as bytes: one head, the listening sockets, each slot's eventfd and process.
 * Master.
 */
#include "master/estate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/hash.h"
#include "lib/base/must.h"
#include "master/procs.h"
#include "master/report.h"
#include "master/sockets.h"
#include "master/store.h"

#define ESTATE_MAGIC 0x31747365726965ULL /* "eirest1" */

enum { ESTATE_SOCKETS_MAX = 1 << 20, ESTATE_SLOTS_MAX = 1 << 15 };

_Static_assert(sizeof(struct estate_head) == 64, "no accidental padding: it is summed");
_Static_assert(sizeof(struct estate_socket) == 184, "no accidental padding");

uint64_t
estate_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0
		       ? cookie
		       : 0;
}

uint64_t
estate_targets(const struct cfg *cfg)
{
	uint64_t h = cfg->log_targets_n;
	for (size_t i = 0; i < cfg->log_targets_n; i++) {
		char text[ADDR_TEXT_BYTES] = "";
		const struct log_target *t = &cfg->log_targets[i];
		if (t->kind == LOG_TO_UDP || t->kind == LOG_TO_UNIX)
			(void)addr_format(&t->addr, text);
		const char *where = t->kind == LOG_TO_FILE ? t->path : text;
		h = hash_bytes(where, strlen(where),
			       h + (uint64_t)t->kind * 64 + t->format);
	}
	return h;
}

/* --- taking stock ----------------------------------------------------------------------
 */

static void
note_socket(void *arg, const struct net_listen *spec, int fd, uint32_t group)
{
	struct estate *e = arg;
	e->sockets =
		must_realloc(e->sockets, (e->head.sockets_n + 1) * sizeof(*e->sockets));
	struct estate_socket *s = &e->sockets[e->head.sockets_n++];
	memset(s, 0, sizeof(*s));
	s->cookie = estate_cookie(fd);
	s->fd = fd;
	s->backlog = spec->backlog;
	s->group = group;
	s->flags = (spec->is_group ? ESTATE_IS_GROUP : 0U) |
		   (spec->v4v6 ? ESTATE_V4V6 : 0U) | (spec->v6only ? ESTATE_V6ONLY : 0U) |
		   (spec->addr.kind == ADDR_FD ? ESTATE_GIVEN : 0U);
	s->mode = spec->mode;
	s->uid = spec->uid;
	s->gid = spec->gid;
	s->addr_bytes = spec->addr.len;
	memcpy(s->addr, &spec->addr.u, spec->addr.len);
	if (spec->interface)
		memcpy(s->interface, spec->interface,
		       strnlen(spec->interface, sizeof(s->interface) - 1));
}

struct estate *
estate_take_stock(void)
{
	const struct generation *g = master.current;
	struct estate *e = must_calloc(1, sizeof(*e));
	e->head = (struct estate_head){
		.magic = ESTATE_MAGIC,
		.slots_n = master.slots_n,
		.relay_targets = estate_targets(g->cfg),
		.relay_read_cookie = estate_cookie(g->relay_read_fd),
		.relay_write_cookie = estate_cookie(g->relay_write_fd),
		.relay_read_fd = g->relay_read_fd,
		.relay_write_fd = g->relay_write_fd,
		.lock_fd = master.lock_fd,
		.pidfile_fd = master.pidfile_fd,
	};
	sockets_each(master.sockets, note_socket, e);
	e->slots = must_calloc(master.slots_n + 1, sizeof(*e->slots));
	for (uint32_t i = 0; i < master.slots_n; i++)
		e->slots[i].eventfd = master.slot_eventfds[i];
	PROCS_EACH(p)
	e->slots[p->slot].pid = (int32_t)p->pid;
	return e;
}

void
estate_free(struct estate **e)
{
	if (!*e)
		return;
	free((*e)->sockets);
	free((*e)->slots);
	free(*e);
	*e = NULL;
}

/* --- as bytes
 * ---------------------------------------------------------------------------- */

/* Behind the checksum. */
static uint64_t
checksum(const unsigned char *bytes, size_t n)
{
	const size_t skip = offsetof(struct estate_head, sockets_n);
	return hash_bytes(bytes + skip, n - skip, ESTATE_MAGIC);
}

static size_t
bytes_of(const struct estate_head *h)
{
	return sizeof(*h) + h->sockets_n * sizeof(struct estate_socket) +
	       h->slots_n * sizeof(struct estate_slot);
}

int
estate_write(const struct estate *e, int fd)
{
	size_t n = bytes_of(&e->head),
	       sockets_bytes = e->head.sockets_n * sizeof(*e->sockets);
	unsigned char *bytes = must_alloc(n);
	struct estate_head head = e->head;
	memcpy(bytes, &head, sizeof(head));
	if (sockets_bytes)
		memcpy(bytes + sizeof(head), e->sockets, sockets_bytes);
	memcpy(bytes + sizeof(head) + sockets_bytes, e->slots,
	       head.slots_n * sizeof(*e->slots));
	head.checksum = checksum(bytes, n);
	memcpy(bytes, &head, sizeof(head));
	ssize_t written = pwrite(fd, bytes, n, 0);
	free(bytes);
	if (written >= 0 && (size_t)written < n)
		errno = ENOSPC;
	return written == (ssize_t)n ? ftruncate(fd, (off_t)n) : -1;
}

static bool
is_sound(const unsigned char *bytes, size_t n)
{
	struct estate_head head;
	if (n < sizeof(head))
		return false;
	memcpy(&head, bytes, sizeof(head));
	return head.magic == ESTATE_MAGIC && head.sockets_n <= ESTATE_SOCKETS_MAX &&
	       head.slots_n <= ESTATE_SLOTS_MAX && bytes_of(&head) == n &&
	       head.checksum == checksum(bytes, n);
}

struct estate *
estate_read(int fd)
{
	struct stat st;
	if (fstat(fd, &st) || st.st_size <= 0)
		return NULL;
	size_t n = (size_t)st.st_size;
	unsigned char *bytes = must_alloc(n);
	struct estate *e = NULL;
	if (pread(fd, bytes, n, 0) == (ssize_t)n && is_sound(bytes, n)) {
		e = must_calloc(1, sizeof(*e));
		memcpy(&e->head, bytes, sizeof(e->head));
		size_t sockets_bytes = e->head.sockets_n * sizeof(*e->sockets);
		size_t slots_bytes = e->head.slots_n * sizeof(*e->slots);
		e->sockets = must_alloc(sockets_bytes + 1);
		e->slots = must_alloc(slots_bytes + 1);
		memcpy(e->sockets, bytes + sizeof(e->head), sockets_bytes);
		memcpy(e->slots, bytes + sizeof(e->head) + sockets_bytes, slots_bytes);
	}
	free(bytes);
	return e;
}

void
estate_publish(void)
{
	struct estate *e = estate_take_stock();
	if (estate_write(e, master.lock_fd))
		report(REPORT_WARNING,
		       "cannot write the list of sockets beside the region: %s; after a "
		       "kill "
		       "of this process connections will be lost",
		       strerror(errno));
	if (master.phase == MASTER_RUNNING) /* else READY=1 goes before it */
		store_publish(e);
	estate_free(&e);
}

/* --- sockets
 * -------------------------------------------------------------------------------
 */

struct net_listen
estate_spec(const struct estate_socket *s)
{
	struct net_listen spec = {
		.backlog = s->backlog,
		.is_group = s->flags & ESTATE_IS_GROUP,
		.v4v6 = s->flags & ESTATE_V4V6,
		.v6only = s->flags & ESTATE_V6ONLY,
		.interface = s->interface[0] ? s->interface : NULL,
		.mode = s->mode,
		.uid = s->uid,
		.gid = s->gid,
	};
	if (s->addr_bytes <= sizeof(s->addr))
		addr_from_sockaddr(&spec.addr,
				   (const struct sockaddr *)(const void *)s->addr,
				   s->addr_bytes);
	return spec;
}

bool
estate_is_socket(const struct estate_socket *s, int fd)
{
	int listens = 0;
	socklen_t len = sizeof(listens);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 &&
	       listens && s->cookie != 0 && estate_cookie(fd) == s->cookie;
}
