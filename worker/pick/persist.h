/* SPDX-License-Identifier: MIT
 *
 * Persistence by cookies (configuration.txt, cookie): a cookie leads to the server whose
 * name it holds, and is set, changed or taken out of messages on the way. Worker.
 */
#ifndef WEIR_WORKER_PICK_PERSIST_H
#define WEIR_WORKER_PICK_PERSIST_H

#include "worker/fetch/context.h"

/* What the client sent; the letters of %tsc (configuration.txt 8.5). */
enum persist_cookie {
	PERSIST_NONE,	 /* N */
	PERSIST_INVALID, /* I */
	PERSIST_DOWN,	 /* D */
	PERSIST_VALID,	 /* V */
	PERSIST_EXPIRED, /* E: maxidle */
	PERSIST_OLD,	 /* O: maxlife */
	PERSIST_UNUSED,	 /* U: something else chose the server */
};

/* What became of the server's cookie. */
enum persist_set {
	PERSIST_SET_NONE,      /* N */
	PERSIST_SET_PROVIDED,  /* P */
	PERSIST_SET_DELETED,   /* D */
	PERSIST_SET_INSERTED,  /* I */
	PERSIST_SET_REWRITTEN, /* R */
	PERSIST_SET_UPDATED,   /* U */
};

void persist_init(struct rt_server *srv);

/* rules.c: force_persist, ignore_persist. */
void persist_rules_run(struct txn *t, struct http_head *h);
static inline void
persist_rules(struct txn *t, struct http_head *h)
{
	if (t->be->cfg->persist_n)
		persist_rules_run(t, h);
}

/* Finds the cookie: sets t->wanted, unless it is set; takes out of the head what the
 * server must not see. */
void persist_request_run(struct txn *t, struct http_head *h);
static inline void
persist_request(struct txn *t, struct http_head *h)
{
	if (t->be->cfg->cookie.name.n)
		persist_request_run(t, h);
}

/* persist_rdp.c: the server whose address the RDP cookie tells; sets t->wanted, unless it
 * is set. */
void persist_rdp_run(struct txn *t);
static inline void
persist_rdp(struct txn *t)
{
	if (t->be->cfg->rdp_cookie && !t->wanted && !t->ignores_persist)
		persist_rdp_run(t);
}

/* The server's cookie, and ours. */
void persist_response_run(struct txn *t, struct http_head *h);
static inline void
persist_response(struct txn *t, struct http_head *h)
{
	if (t->be->cfg->cookie.name.n)
		persist_response_run(t, h);
}

/* The request goes to the server it is bound to. */
static inline bool
persist_is_direct(const struct txn *t)
{
	return t->srv && t->srv == t->wanted;
}

/* It is not the one it is bound to any more. */
void persist_lost(struct txn *t);
/* A server was chosen. */
void persist_assigned(struct txn *t);
/* The third and fourth letter of %tsc. */
void persist_letters(const struct txn *t, char out[2]);

#endif
