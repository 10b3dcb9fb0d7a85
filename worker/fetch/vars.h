/* SPDX-License-Identifier: MIT
 *
 * Variables of sessions and txns: values in a buffer that exists from the first set on.
 */
#ifndef WEIR_WORKER_FETCH_VARS_H
#define WEIR_WORKER_FETCH_VARS_H

#include "lib/expr/vars.h"
#include "worker/fetch/context.h"

/* For worker_host. */
bool vars_get(const struct expr_context *c, const struct expr_var *v,
	      struct expr_sample *out);
bool vars_set(const struct expr_context *c, const struct expr_var *v,
	      const struct expr_sample *value);
/* The response begins: variables of the scope req are gone. */
void vars_response(struct txn *t);

#endif
