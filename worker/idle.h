/* SPDX-License-Identifier: MIT
 *
 * Idle connections to servers, those this worker keeps for the next request. Most are
 * shared: any client's request may take one, as http_reuse allows. Some belong to one
 * client connection and end with it: all of them with http_reuse never, and those that
 * have authenticated their client (NTLM, Negotiate).
 */
#ifndef WEIR_WORKER_IDLE_H
#define WEIR_WORKER_IDLE_H

#include "worker/session.h"

struct origin;

/* What a request may take, apart from what belongs to its own client. */
enum idle_right {
	IDLE_OWN,    /* nothing else */
	IDLE_PROVEN, /* those that have been reused before */
	IDLE_ANY,
};

/* Pure. is_repeatable: reuse_repeatable, and it can be. is_first: of its client
 * connection. */
enum idle_right idle_right(enum cfg_reuse mode, bool is_repeatable, bool is_first);

void idle_init(struct rt_server *srv);
/* The server has left its backend: nothing goes there any more. */
void idle_retire(struct rt_server *srv);
/* A quiet connection that t may go over, no longer idle; NULL: none. */
struct origin *idle_take(struct rt_server *srv, struct txn *t);
/* Keeps a connection whose exchange with t has ended cleanly, or closes it. */
void idle_put(struct origin *o, struct txn *t);
/* An event of an idle connection. */
void idle_event(struct origin *o);
/* It is closed. */
void idle_forget(struct origin *o);
/* One more is in use. */
void idle_note_use(struct rt_server *srv);
/* The server sent bytes that no request has asked for: none of its connections is kept or
 * reused for a while. */
void idle_distrust(struct rt_server *srv);
/* Whether a connection to srv waits for requests of s. */
bool idle_has(const struct rt_server *srv, const struct session *s);
/* Closes what belongs to s. */
void idle_leave(struct session *s);
/* Closes those of servers that may not be used any more. */
void idle_check(void);
/* Closes the one that has been idle for longest, to free its descriptor; false: there is
 * none. */
bool idle_close_oldest(void);
void idle_close_all(void);

#endif
