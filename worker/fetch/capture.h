/* SPDX-License-Identifier: MIT
 *
 * What a txn keeps of its heads when they are gone: captured fields and cookies, the
 * unique id. Slots stand in the configuration of its frontend. Worker.
 */
#ifndef WEIR_WORKER_FETCH_CAPTURE_H
#define WEIR_WORKER_FETCH_CAPTURE_H

#include "worker/fetch/context.h"

/* What the frontend captures of a head that has just arrived. */
void capture_head_run(struct txn *t, const struct http_head *h, int side);
static inline void
capture_head(struct txn *t, const struct http_head *h, int side)
{
	if (t->fe->cfg->captures.bytes)
		capture_head_run(t, h, side);
}
/* Keeps value, cut to the slot's length. */
void capture_keep(struct txn *t, const struct cfg_capture *slot, struct span value);
/* p == NULL: nothing is kept there. */
struct span capture_kept(const struct txn *t, const struct cfg_capture *slot);
/* The slot of that number, NULL: there is none. */
const struct cfg_capture *capture_slot(const struct txn *t, int side, uint64_t number);
/* Makes the unique id, if there is to be one and there is none yet. */
struct span capture_unique_id(struct txn_context *c);

#endif
