/* SPDX-License-Identifier: MIT
 *
 * Field names that CGI and its kin cannot tell from others: they write every character
 * but letters and digits as '_', so that X_Forwarded_For passes for X-Forwarded-For.
 * Pure.
 */
#ifndef WEIR_HTTP_NAMES_H
#define WEIR_HTTP_NAMES_H

#include "lib/http/head.h"

/* Whether a name of a field that is not dropped has a character outside [A-Za-z0-9-].
 * With `drop` all such fields are dropped. */
bool http_names_mistakable(struct http_head *h, bool drop);

#endif
