/* SPDX-License-Identifier: MIT
 *
 * Writes the normalised head that is forwarded: clean start line, the fields that are
 * not dropped, one framing field, our own Connection/Via/X-Forwarded-For. Pure.
 */
#ifndef WEIR_HTTP_SERIALISE_H
#define WEIR_HTTP_SERIALISE_H

#include "lib/http/case.h"
#include "lib/http/framing.h"

/* How the body of the forwarded message is delimited. */
struct http_outgoing {
	enum http_body body;	 /* NONE: no framing field, but see stated_length */
	uint64_t length;	 /* LENGTH */
	bool say_length_zero;	 /* NONE: write "Content-Length: 0" (requests with a body
				  * method,    responses that are not HEAD/204/304/1xx) */
	bool length_stands;	 /* Content-Length is among the fields that stay */
	bool keep_stated_length; /* NONE: repeat the sender's informational Content-Length
				  * (answers to HEAD, 304) */
	uint64_t stated_length;
	bool say_close;	     /* "Connection: close" */
	bool say_keep_alive; /* "Connection: keep-alive" (to HTTP/1.0 peers) */
	struct span upgrade; /* not empty: "Connection: upgrade" and "Upgrade: <this>" */
	struct span date;    /* empty, or as http_date_line() gives it */
	struct span extra;   /* any number of them, appended */
	const struct http_case *names; /* how they are written; NULL: as they came */
	bool keeps_absolute; /* absolute-form stays, with the authority that Host has */
	struct span host;    /* Host of a request that named none (HTTP/1.0): the server's
			      * address; when this is empty too, so is the field */
};

/* Writes the request head into out[0, cap): origin-form (asterisk- and authority-form
 * as they are, absolute-form with keeps_absolute), HTTP/1.1. Host comes first. Returns
 * the length, 0 when cap is too small. Runs of neighbouring fields that stay are copied
 * in one piece. */
size_t http_serialise_request(const struct http_head *h, const struct http_outgoing *o,
			      char *out, size_t cap);
/* The response head, always as HTTP/1.1. */
size_t http_serialise_response(const struct http_head *h, const struct http_outgoing *o,
			       char *out, size_t cap);

#endif
