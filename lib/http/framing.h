/* SPDX-License-Identifier: MIT
 *
 * The one decision where a message's body ends, and whether the message is refused
 * (RFC 9112 6.3, 9.3, 9.6; RFC 9110 7.6, 7.8, 10.1.1). Pure.
 */
#ifndef WEIR_HTTP_FRAMING_H
#define WEIR_HTTP_FRAMING_H

#include "lib/http/head.h"

enum http_body {
	HTTP_BODY_NONE,	  /* ends with the head */
	HTTP_BODY_LENGTH, /* exactly `length` bytes (> 0) */
	HTTP_BODY_CHUNKED,
	HTTP_BODY_CLOSE,  /* responses only: until the server closes */
	HTTP_BODY_TUNNEL, /* bytes both ways from here on: 101, CONNECT's 2xx */
};

struct http_framing {
	enum http_body body;
	uint64_t length; /* HTTP_BODY_LENGTH: > 0 */
	bool has_length; /* a Content-Length stands in the head (HEAD, 304: informational)
			  */
	uint64_t stated_length; /* its value */
	bool has_one_length;	/* it is a single number */
	bool keep_alive;	/* the sender lets the connection persist */
	bool expects_continue;	/* request: "Expect: 100-continue" and HTTP/1.1 */
	bool wants_upgrade;	/* request: Upgrade named in Connection */
};

/* Decides for a request; marks every hop-by-hop field (RFC 9110 7.6.1: Connection and
 * what it names, Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade)
 * and Content-Length, Expect stays, as dropped in h, so that the serialiser writes its
 * own. An absolute-form target replaces Host (RFC 9112 3.2.2). */
enum http_reject http_framing_request(struct http_head *h, struct http_framing *out);
/* Whether Content-Length stands in the head exactly as it would be written, so that it
 * may stay there: then it is not dropped any more, and http_outgoing.length_stands is to
 * be set. For messages that are forwarded with the framing they came with. */
bool http_framing_keep_length(struct http_head *h, const struct http_framing *f);
/* Decides for a response to a request with that method, which asked for an upgrade to
 * one of the protocols in the list `asked` (empty: to none). */
enum http_reject http_framing_response(struct http_head *h,
				       enum http_method request_method, struct span asked,
				       struct http_framing *out);

#endif
