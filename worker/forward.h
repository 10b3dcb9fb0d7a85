/* SPDX-License-Identifier: MIT
 *
 * What a server is told about the way a request has come. Worker.
 */
#ifndef WEIR_WORKER_FORWARD_H
#define WEIR_WORKER_FORWARD_H

#include "worker/session.h"

enum { FORWARD_BYTES = 4096 };

/* Complete field lines for the head that goes to the server: X-Forwarded-For,
 * X-Original-To, Forwarded, Via. */
struct span forward_lines_run(struct txn *t, struct http_head *h,
			      char out[FORWARD_BYTES]);
static inline bool
forward_has_any(const struct cfg_proxy *p)
{
	return p->forwardfor.is_on || p->originalto.is_on || p->forwarded.is_on ||
	       p->options & CFG_OPT_VIA;
}
static inline struct span
forward_lines(struct txn *t, struct http_head *h, char out[FORWARD_BYTES])
{
	return forward_has_any(t->be->cfg) || forward_has_any(t->fe->cfg)
		       ? forward_lines_run(t, h, out)
		       : span_of(out, 0);
}

#endif
