/* SPDX-License-Identifier: MIT
 *
 * The functions behind sample fetches, by file. Private to worker/fetch*.c.
 */
#ifndef WEIR_WORKER_FETCH_H
#define WEIR_WORKER_FETCH_H

#include "lib/expr/program.h"
#include "worker/context.h"

/* fetch_http.c */
expr_fetch_fn fetch_method, fetch_path, fetch_query, fetch_req_hdr, fetch_url;

#endif
