/* SPDX-License-Identifier: MIT
 *
 * Persistence by stick tables.
 */
#ifndef WEIR_WORKER_STICK_H
#define WEIR_WORKER_STICK_H

#include "worker/fetch/context.h"

/* Before a server is chosen: may set t->wanted. h: NULL in mode tcp. */
void stick_request_run(struct txn *t, struct http_head *h);
/* t->srv answers, or is connected in mode tcp: what the request stores. */
void stick_stores(struct txn *t);
/* What its response stores. */
void stick_response_run(struct txn *t, struct http_head *h);

static inline void
stick_request(struct txn *t, struct http_head *h)
{
	if (t->be->cfg->sticks_n)
		stick_request_run(t, h);
}

static inline void
stick_response(struct txn *t, struct http_head *h)
{
	if (t->stores)
		stick_stores(t);
	if (t->be->cfg->sticks_n)
		stick_response_run(t, h);
}

#endif
