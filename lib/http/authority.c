/* SPDX-License-Identifier: MIT
 *
 * Validation of host[:port]. Two servers that split an authority differently route one
 * request to two sites, so what is not in the grammar is refused, never repaired.
 */
#include "lib/http/authority.h"

#include <arpa/inet.h>

#include "lib/http/scan.h"

static bool
port_is_valid(struct span s, enum http_port want)
{
	unsigned port = 0;

	if (s.n > 5 || (s.n == 0 && want == HTTP_PORT_REQUIRED))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - '0';
		if (digit > 9)
			return false;
		port = port * 10 + digit;
	}
	return port <= 65535 && !(want == HTTP_PORT_REQUIRED && port == 0);
}

static bool
is_hex(char c)
{
	unsigned lower = (unsigned char)c | 0x20;
	return lower - '0' <= 9 || lower - 'a' <= 5;
}

/* "[v6]": the address alone; zones and IPvFuture mean nothing to a server. */
static bool
literal_is_valid(struct span inside)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;

	if (inside.n >= sizeof(text) || memchr(inside.p, '\0', inside.n))
		return false;
	memcpy(text, inside.p, inside.n);
	text[inside.n] = '\0';
	return inet_pton(AF_INET6, text, &a) == 1;
}

static bool
tail_is_valid(const char *q, const char *end, enum http_port port)
{
	if (q == end)
		return port == HTTP_PORT_OPTIONAL;
	return *q == ':' && port_is_valid(span_of(q + 1, (size_t)(end - q - 1)), port);
}

bool
http_authority_is_valid(struct span a, enum http_port port)
{
	const char *q = a.p, *end = a.p + a.n;

	if (a.n == 0)
		return false;
	if (*q == '[') {
		const char *close = memchr(q, ']', a.n);
		return close &&
		       literal_is_valid(span_of(q + 1, (size_t)(close - q - 1))) &&
		       tail_is_valid(close + 1, end, port);
	}
	for (;; q += 3) {
		while (q < end && http_is(*q, HTTP_C_HOST))
			q++;
		if (end - q < 3 || *q != '%' || !is_hex(q[1]) || !is_hex(q[2]))
			break;
	}
	return q > a.p && tail_is_valid(q, end, port);
}
