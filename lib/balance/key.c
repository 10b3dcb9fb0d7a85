/* SPDX-License-Identifier: MIT
 *
 * What of a request is hashed (configuration.txt, balance uri, url_param, hdr). Any
 * process.
 */
#include "lib/balance/balance.h"

struct span
balance_uri_part(struct span target, const struct balance_uri *u)
{
	size_t most = u->len && u->len < target.n ? u->len : target.n, n = 0;
	uint32_t slashes = 0;
	for (; n < most; n++) {
		if (target.p[n] == '/') {
			/* depth 1 ends at the second slash */
			if (u->depth && slashes == u->depth)
				break;
			slashes++;
		} else if (target.p[n] == '?' && !u->whole) {
			break;
		}
	}
	return span_of(target.p, n);
}

/* Of a token (RFC 9110 5.6.2): all that HAProxy takes for part of a parameter. */
static bool
is_token(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* p NULL: this is no text of parameters. */
static struct span
token_of(struct span value)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		if (is_token(c))
			continue;
		bool is_blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
		return is_blank ? span_of(value.p, i) : span_of(NULL, 0);
	}
	return value;
}

struct span
balance_param(struct span text, struct span name, bool is_body)
{
	while (text.n > name.n) {
		struct span param = span_cut(&text, '&');
		if (param.n <= name.n || param.p[name.n] != '=' ||
		    memcmp(param.p, name.p, name.n) != 0)
			continue;
		struct span value = span_of(param.p + name.n + 1, param.n - name.n - 1);
		return is_body ? token_of(value) : value;
	}
	return span_of(NULL, 0);
}

struct span
balance_domain(struct span host)
{
	size_t end = host.n, begin;
	while (end > 0 && host.p[end - 1] != '.')
		end--;
	if (end <= 1)
		return host; /* no dot, but for one in front */
	end--;
	for (begin = end - 1; begin > 0 && host.p[begin - 1] != '.'; begin--)
		;
	return span_of(host.p + begin, end - begin);
}
