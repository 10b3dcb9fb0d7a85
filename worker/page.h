/* SPDX-License-Identifier: MIT
 *
 * Answers of the configuration as they are sent for one request: error pages, and what
 * rules and http_error make of formats. Worker.
 */
#ifndef WEIR_WORKER_PAGE_H
#define WEIR_WORKER_PAGE_H

#include "worker/fetch/context.h"

/* What a format makes, in the scratch. */
struct span page_text(const struct txn_context *c, const struct format *f);
/* `from`, which has a message; valid until the scratch is used again. */
void page_make(const struct txn_context *c, const struct cfg_reply *from,
	       struct http_reply *made);
/* The proxy's answer for an error, or the standard page. */
void page_error(const struct txn_context *c, int status, struct http_reply *made);
/* The same where no list of rules is at hand: of the request there is what is not sent
 * yet. */
void page_error_of(struct txn *t, int status, struct http_reply *made);
/* Whether the configuration has something of its own. */
bool page_is_own(const struct txn *t, int status);

#endif
