/* SPDX-License-Identifier: MIT
 *
 * The head of a message: start line and fields, parsed strictly (RFC 9112 2-5, RFC
 * 9110 5) from contiguous bytes into a table of offsets. Pure: no sockets, no
 * allocation, no copies; the struct is large scratch memory of the caller, filled
 * once per message and dead afterwards.
 */
#ifndef WEIR_HTTP_HEAD_H
#define WEIR_HTTP_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/span.h"
#include "lib/http/limits.h"

enum http_reject {
#define REJECT(id, status, text) HTTP_REJECT_##id,
#include "lib/http/reject.def"
#undef REJECT
	HTTP_REJECTS_N
};
int http_reject_status(enum http_reject r);
const char *http_reject_word(enum http_reject r); /* "length_conflict" */
const char *http_reject_text(enum http_reject r);

/* Fields the proxy itself looks at. Everything else is HTTP_FIELD_OTHER. */
enum http_field_id {
	HTTP_FIELD_OTHER,
	HTTP_FIELD_HOST,
	HTTP_FIELD_CONNECTION,
	HTTP_FIELD_CONTENT_LENGTH,
	HTTP_FIELD_TRANSFER_ENCODING,
	HTTP_FIELD_UPGRADE,
	HTTP_FIELD_EXPECT,
	HTTP_FIELD_KEEP_ALIVE,
	HTTP_FIELD_PROXY_CONNECTION,
	HTTP_FIELD_TE,
	HTTP_FIELD_TRAILER,
	HTTP_FIELD_VIA,
	HTTP_FIELD_MAX_FORWARDS,
	HTTP_FIELD_X_FORWARDED_FOR,
	HTTP_FIELD_AUTHORIZATION,
	HTTP_FIELD_DATE,
	HTTP_FIELD_IDS_N,
};

enum http_method {
	HTTP_METHOD_OTHER, /* any other token */
	HTTP_METHOD_GET,
	HTTP_METHOD_HEAD,
	HTTP_METHOD_POST,
	HTTP_METHOD_PUT,
	HTTP_METHOD_DELETE,
	HTTP_METHOD_OPTIONS,
	HTTP_METHOD_TRACE,
	HTTP_METHOD_CONNECT,
	HTTP_METHOD_PATCH,
};
/* RFC 9110 9.2.2 */
bool http_method_is_idempotent(enum http_method m);

/* HTTP_METHOD_OTHER for all but those above. */
enum http_method http_method_of(struct span token);

/* One field line: line_n bytes from line_off on, with its CRLF; the value without
 * surrounding white space. Offsets count from http_head.base. */
struct http_field {
	uint16_t line_off, line_n;
	uint16_t name_n;
	uint16_t value_off, value_n;
	uint8_t id;	     /* enum http_field_id */
	uint8_t dropped : 1; /* not forwarded */
	uint8_t deleted : 1; /* by an edit: dropped, and not found any more either */
	uint8_t added : 1;   /* by an edit: offsets count from http_head.edits */
};

enum http_target { /* RFC 9112 3.2 */
		   HTTP_TARGET_ORIGIN,
		   HTTP_TARGET_ABSOLUTE,
		   HTTP_TARGET_AUTHORITY,
		   HTTP_TARGET_ASTERISK,
};

struct http_head {
	const char *base; /* the first byte of the start line */
	uint32_t skipped; /* bytes of empty lines before base (tolerated, RFC 9112 2.2) */
	uint32_t bytes;	  /* from base to the end of the final CRLF */
	uint8_t minor;	  /* HTTP/1.minor, 0 or 1 (a response's 1.2+ counts as 1) */
	/* request */
	enum http_method method;
	enum http_target target_form;
	struct span method_text;
	struct span target;    /* as received */
	struct span path;      /* origin and absolute form: path; "*": "*" */
	struct span query;     /* without '?'; p == NULL: no '?' */
	struct span authority; /* absolute and authority form, else from Host (judged by
				* framing); p == NULL: the request names none */
	/* response */
	uint16_t status;
	struct span reason;

	uint32_t seen;			  /* bit per enum http_field_id */
	uint32_t repeated;		  /* likewise: more than one such field */
	uint16_t first[HTTP_FIELD_IDS_N]; /* index of the first such field, if seen */
	uint16_t fields_n;
	uint16_t start_bytes; /* of the start line with its CRLF */
	bool is_edited;	      /* http_edit_begin() was called: */
	char *edits;	      /* what edits have written */
	uint32_t edits_n, edits_cap;
	struct http_field fields[HTTP_FIELDS_MAX];
};

/* An edit of the start line (method_text, path, query, authority, status, reason) is a
 * span put in the place of the parsed one; the serialiser writes what stands there. */

enum http_parse { HTTP_PARSE_OK, HTTP_PARSE_INCOMPLETE, HTTP_PARSE_REJECTED };

/* Parses a request head at p. OK: h is filled, p[skipped + bytes] is the first byte of
 * the body. INCOMPLETE: more bytes are needed (limits and the syntax of what is there
 * are already enforced, as far as a complete line goes). REJECTED: *why, and h->method as
 * far as it was read. `from` is where the search for the end of the head goes on: 0 at
 * first, the n of the last INCOMPLETE call later (so that byte-by-byte arrival stays
 * linear). */
enum http_parse http_head_parse_request(const char *p, size_t n, size_t from,
					const struct http_limits *limits,
					struct http_head *h, enum http_reject *why);
/* The same for a response head. */
enum http_parse http_head_parse_response(const char *p, size_t n, size_t from,
					 const struct http_limits *limits,
					 struct http_head *h, enum http_reject *why);

/* The byte that makes a parse of p[0, n) end with REJECTED. */
size_t http_head_wrong_at(const char *p, size_t n, const struct http_limits *limits,
			  bool is_request, struct http_head *scratch);

static inline const char *
http_field_base(const struct http_head *h, const struct http_field *f)
{
	return f->added ? h->edits : h->base;
}

static inline struct span
http_field_name(const struct http_head *h, const struct http_field *f)
{
	return span_of(http_field_base(h, f) + f->line_off, f->name_n);
}

static inline struct span
http_field_value(const struct http_head *h, const struct http_field *f)
{
	return span_of(http_field_base(h, f) + f->value_off, f->value_n);
}

/* The id of a name, which is a token. HTTP_FIELD_IDS_N: refused, as CGI and its heirs
 * read it like one that frames the message (content_length). */
enum http_field_id http_field_id_of(struct span name);
/* Index of the next field with that name (any case) at or after `from`, -1: none. Fields
 * that an edit has deleted are not there any more; those dropped for this hop are. */
int http_head_find(const struct http_head *h, struct span name, unsigned from);
int http_head_scan_id(const struct http_head *h, enum http_field_id id, unsigned from);
int http_head_scan(const struct http_head *h, struct span name, unsigned from);
/* The same for a name whose id is known. */
static inline int
http_head_find_id(const struct http_head *h, enum http_field_id id, struct span name,
		  unsigned from)
{
	if (id != HTTP_FIELD_OTHER && id != HTTP_FIELD_IDS_N)
		return h->seen & 1u << id ? http_head_scan_id(h, id, from) : -1;
	return http_head_scan(h, name, from);
}
/* The value of the first field with that id; p == NULL when there is none. */
struct span http_head_value(const struct http_head *h, enum http_field_id id);

/* The bytes h was parsed from now lie at base, and what edits wrote at edits: everything
 * in h that points there follows. */
void http_head_moved(struct http_head *h, const char *base, char *edits);

/* Whether credentials or a challenge of this value authenticate the connection they come
 * over instead of the request: NTLM, Negotiate. */
bool http_auth_binds_connection(struct span value);

#endif
