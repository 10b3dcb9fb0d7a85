/* SPDX-License-Identifier: MIT
 *
 * Parsing and printing of socket addresses. Any process.
 */
#include "lib/base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "lib/base/num.h"

static enum addr_result
parse_unix(struct span path, struct addr *out)
{
	if (path.n == 0 || path.n >= sizeof(out->u.un.sun_path))
		return ADDR_SYNTAX;
	out->kind = ADDR_UNIX;
	out->u.un.sun_family = AF_UNIX;
	memcpy(out->u.un.sun_path, path.p, path.n);
	out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n + 1);
	return ADDR_OK;
}

static enum addr_result
parse_fd(struct span number, struct addr *out)
{
	uint64_t fd;
	if (num_u64(number, &fd) != NUM_OK || fd > INT32_MAX)
		return ADDR_SYNTAX;
	out->kind = ADDR_FD;
	out->fd = (int)fd;
	return ADDR_OK;
}

/* Splits at the last colon outside brackets. "::1" without brackets has no port. */
static enum addr_result
split_port(struct span text, int port_default, struct span *host, int *port)
{
	struct span digits = {NULL, 0};
	*host = text;
	if (text.n && text.p[0] == '[') {
		const char *end = memchr(text.p, ']', text.n);
		if (!end)
			return ADDR_SYNTAX;
		*host = span_of(text.p + 1, (size_t)(end - text.p - 1));
		struct span rest = span_of(end + 1, text.n - host->n - 2);
		if (rest.n && rest.p[0] != ':')
			return ADDR_SYNTAX;
		if (rest.n)
			digits = span_of(rest.p + 1, rest.n - 1);
	} else {
		const char *colon = memrchr(text.p, ':', text.n);
		if (colon) {
			*host = span_of(text.p, (size_t)(colon - text.p));
			digits = span_of(colon + 1, text.n - host->n - 1);
		}
	}
	if (!digits.p) {
		*port = port_default;
		return port_default < 0 ? ADDR_PORT : ADDR_OK;
	}
	uint64_t v;
	if (num_u64(digits, &v) != NUM_OK || v > 65535)
		return ADDR_PORT;
	*port = (int)v;
	return ADDR_OK;
}

static bool
is_hostname(struct span s)
{
	if (s.n == 0 || s.n > 253 || s.p[0] == '-' || s.p[0] == '.')
		return false;
	bool letter = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		letter |= alpha;
		if (!alpha && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_')
			return false;
	}
	return letter;
}

static enum addr_result
parse_host(struct span host, struct addr *out)
{
	char z[INET6_ADDRSTRLEN + 1];
	if (host.n == 0 || (host.n == 1 && host.p[0] == '*')) {
		out->kind = ADDR_INET;
		out->u.in.sin_family = AF_INET;
		out->len = sizeof(out->u.in);
		return ADDR_OK;
	}
	if (host.n < sizeof(z)) {
		memcpy(z, host.p, host.n);
		z[host.n] = '\0';
		if (inet_pton(AF_INET, z, &out->u.in.sin_addr) == 1) {
			out->kind = ADDR_INET;
			out->u.in.sin_family = AF_INET;
			out->len = sizeof(out->u.in);
			return ADDR_OK;
		}
		if (inet_pton(AF_INET6, z, &out->u.in6.sin6_addr) == 1) {
			out->kind = ADDR_INET6;
			out->u.in6.sin6_family = AF_INET6;
			out->len = sizeof(out->u.in6);
			return ADDR_OK;
		}
	}
	if (!is_hostname(host))
		return ADDR_SYNTAX;
	out->kind = ADDR_INET;
	out->u.in.sin_family = AF_INET;
	out->len = sizeof(out->u.in);
	return ADDR_HOSTNAME;
}

enum addr_result
addr_parse(struct span text, int port_default, struct addr *out, struct span *host)
{
	*out = (struct addr){.kind = ADDR_NONE, .fd = -1};
	if (span_begins(text, SPAN("unix@")))
		return parse_unix(span_of(text.p + 5, text.n - 5), out);
	if (text.n && text.p[0] == '/')
		return parse_unix(text, out);
	if (span_begins(text, SPAN("fd@")))
		return parse_fd(span_of(text.p + 3, text.n - 3), out);
	if (span_begins(text, SPAN("ipv4@")) || span_begins(text, SPAN("ipv6@")))
		text = span_of(text.p + 5, text.n - 5);
	struct span name;
	int port;
	enum addr_result r = split_port(text, port_default, &name, &port);
	if (r != ADDR_OK)
		return r;
	r = parse_host(name, out);
	if (r < 0)
		return r;
	addr_set_port(out, port);
	if (r == ADDR_HOSTNAME && host)
		*host = name;
	return r;
}

size_t
addr_put_ipv4(char *p, const struct in_addr *a)
{
	const uint8_t *bytes = (const uint8_t *)&a->s_addr;
	char *at = p;
	for (int i = 0; i < 4; i++) {
		if (i)
			*at++ = '.';
		at += num_put(at, bytes[i]);
	}
	return (size_t)(at - p);
}

const char *
addr_format_host(const struct addr *a, char buf[ADDR_TEXT_BYTES])
{
	buf[0] = '\0';
	switch (a->kind) {
	case ADDR_NONE:
		break;
	case ADDR_INET:
		buf[addr_put_ipv4(buf, &a->u.in.sin_addr)] = '\0';
		break;
	case ADDR_INET6:
		if (IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr))
			inet_ntop(AF_INET, &a->u.in6.sin6_addr.s6_addr[12], buf,
				  ADDR_TEXT_BYTES);
		else
			inet_ntop(AF_INET6, &a->u.in6.sin6_addr, buf, ADDR_TEXT_BYTES);
		break;
	case ADDR_UNIX:
		snprintf(buf, ADDR_TEXT_BYTES, "unix@%s", a->u.un.sun_path);
		break;
	case ADDR_FD:
		snprintf(buf, ADDR_TEXT_BYTES, "fd@%d", a->fd);
		break;
	}
	return buf;
}

const char *
addr_format(const struct addr *a, char buf[ADDR_TEXT_BYTES])
{
	char host[ADDR_TEXT_BYTES];
	addr_format_host(a, host);
	if (a->kind == ADDR_INET)
		snprintf(buf, ADDR_TEXT_BYTES, "%.64s:%d", host, addr_port(a));
	else if (a->kind == ADDR_INET6)
		snprintf(buf, ADDR_TEXT_BYTES, "[%.64s]:%d", host, addr_port(a));
	else
		memcpy(buf, host, ADDR_TEXT_BYTES);
	return buf;
}

int
addr_port(const struct addr *a)
{
	if (a->kind == ADDR_INET)
		return ntohs(a->u.in.sin_port);
	if (a->kind == ADDR_INET6)
		return ntohs(a->u.in6.sin6_port);
	return 0;
}

void
addr_set_port(struct addr *a, int port)
{
	if (a->kind == ADDR_INET)
		a->u.in.sin_port = htons((uint16_t)port);
	else if (a->kind == ADDR_INET6)
		a->u.in6.sin6_port = htons((uint16_t)port);
}

bool
addr_eq(const struct addr *a, const struct addr *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case ADDR_NONE:
		return true;
	case ADDR_INET:
		return a->u.in.sin_port == b->u.in.sin_port &&
		       a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
	case ADDR_INET6:
		return a->u.in6.sin6_port == b->u.in6.sin6_port &&
		       memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, 16) == 0;
	case ADDR_UNIX:
		return strcmp(a->u.un.sun_path, b->u.un.sun_path) == 0;
	case ADDR_FD:
		return a->fd == b->fd;
	}
	return false;
}

void
addr_from_sockaddr(struct addr *a, const struct sockaddr *sa, socklen_t len)
{
	*a = (struct addr){.kind = ADDR_NONE, .fd = -1, .len = len};
	if (len > sizeof(a->u.ss))
		a->len = len = sizeof(a->u.ss);
	memcpy(&a->u.ss, sa, len);
	if (sa->sa_family == AF_INET)
		a->kind = ADDR_INET;
	else if (sa->sa_family == AF_INET6)
		a->kind = ADDR_INET6;
	else if (sa->sa_family == AF_UNIX)
		a->kind = ADDR_UNIX;
}
