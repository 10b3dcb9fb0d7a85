/* SPDX-License-Identifier: MIT
 *
 * Names and ports of nodes in Forwarded (RFC 7239 6).
 */
#ifndef WEIR_BASE_FORWARDED_H
#define WEIR_BASE_FORWARDED_H

#include "lib/base/span.h"

/* What may stand behind the '_' of one that tells nothing: letters, digits, '.', '_', '-'
 * (6.3). */
bool forwarded_may_be_hidden(struct span s);
/* "_" and such a text. */
bool forwarded_is_hidden(struct span s);
/* A number of a port, or a hidden one (6.2). */
bool forwarded_is_port(struct span s);

#endif
