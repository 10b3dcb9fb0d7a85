/* SPDX-License-Identifier: MIT
 *
 * Summaries of client connections, one line of memory each, so that a reader sees them
 * while their worker hangs, or after it was killed. They lie in the area of the GLOBAL
 * object, 64 to a chunk; a worker owns whole chunks, and is the only writer of what is
 * in them but for `kill`.
 *
 * There is no lock. `turn` is odd while a connection is there: it is stored last when one
 * begins and first when it ends, and never returns, so (turn, place) names a connection
 * for good, and a reader who finds the same odd turn before and after has read one
 * connection. Killed at any instruction, a worker leaves summaries that tell how it was
 * until the master takes its chunks back.
 *
 * Connections beyond the room are served like any other, but not listed.
 */
#ifndef WEIR_SHM_SESSIONS_H
#define WEIR_SHM_SESSIONS_H

#include "shm/object.h"

enum {
	SHM_SESSION_CHUNK = 64,
	SHM_SESSIONS_MAX = 1 << 17,
	SHM_SESSION_TICK_US = 1 << 10, /* unit of `since` */
};

/* What a connection does; names in session_list.c. */
enum shm_session_state {
	SHM_SESSION_IDLE,    /* between requests */
	SHM_SESSION_REQUEST, /* its request is read and judged */
	SHM_SESSION_TARPIT,
	SHM_SESSION_QUEUE,
	SHM_SESSION_CONNECT,
	SHM_SESSION_HEADERS, /* the server has not answered yet */
	SHM_SESSION_DATA,
	SHM_SESSION_LAST, /* all received, the client reads the last bytes */
	SHM_SESSION_TUNNEL,
	SHM_SESSION_LINGER, /* closing */
	SHM_SESSION_STATES_N,
};

/* Indices of objects in the directory. 0, the GLOBAL object's: none. */
struct shm_session_where {
	enum shm_session_state state;
	uint32_t listener, backend, server;
};

struct shm_session {
	_Atomic uint32_t turn, kill;	      /* kill: the turn that shall end */
	_Atomic uint64_t accepted_us;	      /* CLOCK_MONOTONIC */
	_Atomic uint64_t where;		      /* struct shm_session_where */
	_Atomic uint64_t bytes_in, bytes_out; /* of its request, or the last one */
	_Atomic uint64_t addr[2];	      /* of the client, as the network has it */
	_Atomic uint32_t since; /* its request began, or it fell idle: ticks after
				   accepted_us */
	_Atomic uint16_t port;	/* of the client */
	_Atomic uint8_t family; /* 4, 6; 0: a UNIX socket */
	uint8_t reserved;
};

/* The summaries of one process; private to it. */
struct shm_sessions {
	_Atomic uint32_t *owners; /* per chunk: slot + 1; 0: nobody's */
	struct shm_session *at;
	uint32_t chunks_n;
	uint32_t slot;
	uint32_t chunk;		    /* taken from last */
	uint32_t free_n;	    /* in own chunks */
	uint64_t *free;		    /* per chunk: bits of own summaries that are free */
	struct shm_session nowhere; /* of those for whom there is no room */
};

struct shm_session_client {
	uint64_t accepted_us;
	uint8_t family;
	uint16_t port;
	uint64_t addr[2];
};

/* Bytes of an area for so many. */
uint64_t shm_sessions_bytes(uint32_t sessions_n);

/* --- the worker -------------------------------------------------------------------- */

/* Without an area, nothing has room. */
void shm_sessions_open(struct shm *s, const struct shm_object *global,
		       struct shm_sessions *out);
/* Never NULL. */
struct shm_session *shm_session_begin(struct shm_sessions *l,
				      const struct shm_session_client *c, uint64_t where);
void shm_session_end(struct shm_sessions *l, struct shm_session *c);

static inline uint64_t
shm_session_pack(struct shm_session_where w)
{
	return (uint64_t)w.state << 60 | (uint64_t)w.listener << 40 |
	       (uint64_t)w.backend << 20 | w.server;
}

static inline void
shm_session_move(struct shm_session *c, uint64_t where)
{
	atomic_store_explicit(&c->where, where, memory_order_relaxed);
}

static inline void
shm_session_show(struct shm_session *c, uint64_t where, uint64_t since_us)
{
	uint64_t accepted_us =
		atomic_load_explicit(&c->accepted_us, memory_order_relaxed);
	shm_session_move(c, where);
	atomic_store_explicit(&c->since,
			      (uint32_t)((since_us - accepted_us) / SHM_SESSION_TICK_US),
			      memory_order_relaxed);
}

static inline void
shm_session_count(struct shm_session *c, uint64_t in, uint64_t out)
{
	atomic_store_explicit(&c->bytes_in, in, memory_order_relaxed);
	atomic_store_explicit(&c->bytes_out, out, memory_order_relaxed);
}

/* Somebody wants this one to end. */
static inline bool
shm_session_is_killed(const struct shm_session *c)
{
	return atomic_load_explicit(&c->kill, memory_order_acquire) ==
	       atomic_load_explicit(&c->turn, memory_order_relaxed);
}

/* --- anybody with the region mapped for writing --------------------------------------
 */

/* Asks the owner of a connection to end it: mails SHM_MAIL_KILL. The slot whose eventfd
 * is the caller's business; -1: there is no such connection. */
int shm_session_kill(struct shm *s, uint64_t id);

/* Why all connections of a server end. */
enum shm_shut {
	SHM_SHUT_KILLED,      /* by an operator */
	SHM_SHUT_DOWN,	      /* on_marked_down */
	SHM_SHUT_BETTER_IS_UP /* on_marked_up of another one, this is a backup */
};

/* All connections that were given to the server until now end; the caller mails
 * SHM_MAIL_KILL to every worker (shm_slots_mail_workers). */
void shm_server_shut(const struct shm_object *server, enum shm_shut why, uint64_t now_us);
/* Whether one that was assigned then has to end. */
bool shm_server_is_shut(const struct shm_object *server, uint64_t assigned_us,
			enum shm_shut *why);

/* --- master ------------------------------------------------------------------------ */

/* The chunks of a dead process are nobody's again. */
void shm_sessions_drop(struct shm *s, uint32_t slot);
/* Master: chunks of owners that do not exist are free. */
void shm_sessions_sweep(struct shm *s);

#endif
