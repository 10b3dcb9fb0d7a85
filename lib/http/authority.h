/* SPDX-License-Identifier: MIT
 *
 * host[:port] as it stands in Host and in request targets. Pure. Private to lib/http.
 */
#ifndef WEIR_HTTP_AUTHORITY_H
#define WEIR_HTTP_AUTHORITY_H

#include "lib/base/span.h"

enum http_port { HTTP_PORT_OPTIONAL, HTTP_PORT_REQUIRED };

/* uri-host [":" port] (RFC 9110 7.2, RFC 3986 3.2): the host is not empty, no userinfo,
 * an IPv6 literal is one, the port at most 65535. An empty port ("host:") is part of
 * the grammar; HTTP_PORT_REQUIRED wants a number (CONNECT, RFC 9110 9.3.6). */
bool http_authority_is_valid(struct span a, enum http_port port);

#endif
