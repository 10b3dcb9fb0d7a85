/* SPDX-License-Identifier: MIT
 *
 * Where a head is wrong. The parser judges from left to right and does not say where it
 * stopped; the shortest beginning that it refuses ends with the byte. For the rare case:
 * some fifteen parses.
 */
#include "lib/http/head.h"

size_t
http_head_wrong_at(const char *p, size_t n, const struct http_limits *limits,
		   bool is_request, struct http_head *scratch)
{
	size_t good = 0, bad = n;
	enum http_reject why;
	while (bad - good > 1) {
		size_t mid = good + (bad - good) / 2;
		enum http_parse r = is_request
					    ? http_head_parse_request(p, mid, 0, limits,
								      scratch, &why)
					    : http_head_parse_response(p, mid, 0, limits,
								       scratch, &why);
		if (r == HTTP_PARSE_REJECTED)
			bad = mid;
		else
			good = mid;
	}
	return bad ? bad - 1 : 0;
}
