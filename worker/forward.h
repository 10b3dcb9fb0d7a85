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
struct span forward_lines(struct txn *t, struct http_head *h, char out[FORWARD_BYTES]);

#endif
