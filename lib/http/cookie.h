/* SPDX-License-Identifier: MIT
 *
 * Cookie and Set-Cookie as servers and browsers really write them (RFC 6265 5.2 and 5.4,
 * and the quoted values of RFC 2109): taken apart, and dates inside of values. Pure.
 */
#ifndef WEIR_HTTP_COOKIE_H
#define WEIR_HTTP_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/span.h"

/* One piece of a Cookie field: the delimiter it begins with, but for the first one, and
 * what follows up to the next delimiter. */
struct http_cookie {
	struct span before; /* delimiter and blanks */
	struct span name;   /* empty: there is none */
	struct span value;  /* p NULL: there is no '=' */
	struct span behind; /* blanks */
	struct span whole;  /* all of it */
};

/* Cuts the next one off *rest, which is the whole field at first (is_first); false at the
 * end. */
bool http_cookie_next(struct span *rest, bool is_first, struct http_cookie *out);
/* What a Set-Cookie field sets; its attributes are not looked at. `behind` is all that
 * follows the value. false: there is no '='. */
bool http_set_cookie(struct span field, struct http_cookie *out);

enum { HTTP_COOKIE_DATE_BYTES = 5 };
/* A date as it stands in a persistence cookie: seconds since 1970 / 4, 30 bits, as five
 * characters of base64. */
void http_cookie_date_put(uint64_t seconds, char out[HTTP_COOKIE_DATE_BYTES]);
/* The seconds at the beginning of text; 0: that is no date. */
uint64_t http_cookie_date(struct span text);

#endif
