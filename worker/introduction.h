/* SPDX-License-Identifier: MIT
 *
 * What a server is told of its client before anything else: the header of the PROXY
 * protocol (configuration.txt 5.2 send-proxy, send-proxy-v2).
 */
#ifndef WEIR_WORKER_INTRODUCTION_H
#define WEIR_WORKER_INTRODUCTION_H

#include "worker/session.h"

enum { INTRODUCTION_BYTES = 4096 };

/* The header of a connection for t. Values that do not fit are left out. */
struct span introduction_write(struct txn *t, const struct cfg_proxy_header *how,
			       char bytes[INTRODUCTION_BYTES]);

#endif
