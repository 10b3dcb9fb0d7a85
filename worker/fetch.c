/* SPDX-License-Identifier: MIT
 *
 * Sample fetches (lib/expr/fetch.def) that look at a session, its txn or its heads.
 * Worker. No copies: text points into the head.
 */
#include "worker/alias.h"
#include "worker/fetch.h"
#include "worker/vars.h"

static expr_fetch_fn *const fetches[EXPR_FETCHES_N] = {
	[EXPR_FETCH_method] = fetch_method, [EXPR_FETCH_path] = fetch_path,
	[EXPR_FETCH_query] = fetch_query,   [EXPR_FETCH_req_hdr] = fetch_req_hdr,
	[EXPR_FETCH_url] = fetch_url,
};

const struct expr_host worker_host = {
	.fetches = fetches,
	.aliases = worker_aliases,
	.var_get = vars_get,
	.var_set = vars_set,
};
