/* SPDX-License-Identifier: MIT
 *
 * The HTTP side of a check: the request's bytes, and the judgement over what has come
 * back. No sockets: bytes in, result out.
 */
#ifndef WEIR_CHECKER_PROBE_HTTP_H
#define WEIR_CHECKER_PROBE_HTTP_H

#include "checker/results.h"
#include "config/cfg.h"

/* A response longer than that is judged by its beginning. */
enum { PROBE_RESPONSE_BYTES = 64 * 1024 };

/* The request of a check, in the arena. `host` is used for HTTP/1.1 when the
 * configuration gives no Host (RFC 9112 3.2 wants one). */
struct span probe_http_request(struct arena *a, const struct cfg_check *c,
			       struct span host);
/* True when probe_http_request() uses `host`. */
bool probe_http_needs_host(const struct cfg_check *c);

/* Scratch memory for judging, one per process. */
struct judge;
struct judge *judge_new(void);
void judge_free(struct judge **j);

/* Judges what has been received so far, all of it, from the first byte of the response.
 * `is_all`: no more will come. true: *out is the result (its duration is left alone);
 * false: more bytes may change it. */
bool judge_response(struct judge *j, const struct cfg_check *c,
		    const struct http_limits *limits, struct span bytes, bool is_all,
		    struct probe_result *out);

#endif
