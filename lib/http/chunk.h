/* SPDX-License-Identifier: MIT
 *
 * Chunked transfer coding (RFC 9112 7.1), incremental, strict: CRLF only, hex digits
 * only, extensions checked and dropped. Pure.
 */
#ifndef WEIR_HTTP_CHUNK_H
#define WEIR_HTTP_CHUNK_H

#include "lib/http/head.h"

struct http_chunk {
	uint64_t left;	    /* data bytes of the current chunk still to come */
	uint32_t ext_bytes; /* of the current size line */
	uint8_t state;
	uint8_t digits;
};

enum http_chunk_result {
	HTTP_CHUNK_DATA, /* *data is payload (n > 0) inside the input */
	HTTP_CHUNK_MORE, /* all input that can be used is used; more is needed */
	HTTP_CHUNK_END,	 /* the body is complete; *data is the raw trailer section: field
			  * lines with CRLF, without the final empty line; may be empty */
	HTTP_CHUNK_BAD,	 /* *why; what is wrong begins behind *used */
};

void http_chunk_init(struct http_chunk *c);
/* Takes from p[0, n). *used is how much was consumed. An incomplete trailer section is
 * not consumed: keep the rest and call again with more behind it (it is bounded by
 * limits->trailers_bytes); everything else is consumed to the last byte. */
enum http_chunk_result http_chunk_decode(struct http_chunk *c, const char *p, size_t n,
					 const struct http_limits *limits, size_t *used,
					 struct span *data, enum http_reject *why);
/* Copies to `out` the trailer fields that may be forwarded (RFC 9110 6.5.1: none of
 * framing, routing, authentication, request modifiers); returns the length. `cap` >=
 * trailers.n suffices. */
size_t http_trailers_filter(struct span trailers, char *out, size_t cap);

#endif
