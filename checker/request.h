/* SPDX-License-Identifier: MIT
 *
 * The bytes of requests. They lie in the scratch of the exam until its next use.
 */
#ifndef WEIR_CHECKER_REQUEST_H
#define WEIR_CHECKER_REQUEST_H

#include "checker/exam.h"

/* Whether it is the same for each probe of an address. */
bool request_is_constant(const struct cfg_check_request *r);
/* What it asks to switch to; empty: nothing. */
struct span request_upgrade(const struct cfg_check_request *r);
/* `to` is the Host of HTTP/1.1 when the configuration gives none (RFC 9112 3.2 wants
 * one). */
struct span request_make(struct exam *x, const struct cfg_check_request *r,
			 const struct addr *to);
/* The query with that id. */
struct span request_dns(struct exam *x, struct span query, uint16_t id);

#endif
