/* SPDX-License-Identifier: MIT
 *
 * What a master leaves behind: which descriptors its children hold, and how to tell later
 * that they still are what they were. It stands in the lock file, which root alone may
 * write, for whoever comes after a kill; and in a memfd for a new binary. Master.
 */
#ifndef WEIR_MASTER_ESTATE_H
#define WEIR_MASTER_ESTATE_H

#include <net/if.h>

#include "lib/net/listen.h"
#include "master/self.h"

/* A listening socket. Descriptors have the same number in the children: they forked. */
struct estate_socket {
	uint64_t cookie; /* SO_COOKIE: no two sockets of a boot have the same */
	int32_t fd, backlog;
	uint32_t group; /* members of one SO_REUSEPORT group follow each other */
	uint32_t flags; /* enum estate_flag */
	uint32_t mode, uid, gid;
	uint32_t addr_bytes;
	uint8_t addr[sizeof(struct sockaddr_storage)]; /* as configured */
	char interface[IFNAMSIZ];		       /* "": any */
};

enum estate_flag {
	ESTATE_IS_GROUP = 1 << 0,
	ESTATE_V4V6 = 1 << 1,
	ESTATE_V6ONLY = 1 << 2,
	ESTATE_GIVEN = 1 << 3, /* fd@N: by whoever started us */
};

struct estate_slot {
	int32_t eventfd;
	int32_t pid; /* as it was written; 0: nobody */
};

struct estate_head {
	uint64_t magic;
	uint64_t checksum; /* of everything behind it */
	uint32_t sockets_n, slots_n;
	uint64_t relay_targets; /* what the numbers on the relay mean: see
				   estate_targets() */
	uint64_t relay_read_cookie, relay_write_cookie;
	int32_t relay_read_fd, relay_write_fd;
	int32_t lock_fd, pidfile_fd; /* for a new binary in the same process */
};

struct estate {
	struct estate_head head;
	struct estate_socket *sockets; /* [sockets_n] */
	struct estate_slot *slots;     /* [slots_n] */
};

/* What this master has now. */
struct estate *estate_take_stock(void);
/* 0, or -1 with errno. Replaces what the file held. */
int estate_write(const struct estate *e, int fd);
/* NULL: there is none, it is damaged, or of a build that wrote it otherwise. */
struct estate *estate_read(int fd);
void estate_free(struct estate **e);
/* Writes the stock into the lock file: after each change of the listening sockets. */
void estate_publish(void);

/* The spec a socket was opened with; borrows from s. */
struct net_listen estate_spec(const struct estate_socket *s);
/* Whether fd is that very socket, listening. */
bool estate_is_socket(const struct estate_socket *s, int fd);
/* SO_COOKIE; 0: no socket. */
uint64_t estate_cookie(int fd);
/* Digest of the list of log targets. */
uint64_t estate_targets(const struct cfg *cfg);

#endif
