/* SPDX-License-Identifier: MIT
 *
 * The header of the PROXY protocol, written. Sections are those of proxy-protocol.txt.
 * Any process; the memory is the caller's.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/must.h"
#include "lib/net/proxy_header.h"

enum { V2_FIXED_BYTES = 16, TLV_FIXED_BYTES = 3, CRC_BYTES = 4 };

static bool
is_inet(const struct addr *a)
{
	return a && (a->kind == ADDR_INET || a->kind == ADDR_INET6);
}

static bool
are_both_v4(const struct addr *src, const struct addr *dst)
{
	return src->kind == ADDR_INET && dst->kind == ADDR_INET;
}

static struct in6_addr
as_v6(const struct addr *a)
{
	struct in6_addr v6 = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
	if (a->kind == ADDR_INET6)
		return a->u.in6.sin6_addr;
	memcpy(&v6.s6_addr[12], &a->u.in.sin_addr, 4);
	return v6;
}

static void
put(struct proxy_writer *w, const void *p, size_t n)
{
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

void
proxy_write_v1(struct proxy_writer *w, const struct addr *src, const struct addr *dst)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN],
		line[PROXY_HEADER_V1_BYTES + 1];
	int n;
	w->n = w->crc_at = 0;
	if (!is_inet(src) || !is_inet(dst)) {
		put(w, "PROXY UNKNOWN\r\n", 15);
		return;
	}
	bool is_v4 = are_both_v4(src, dst);
	if (is_v4) {
		(void)inet_ntop(AF_INET, &src->u.in.sin_addr, from, sizeof(from));
		(void)inet_ntop(AF_INET, &dst->u.in.sin_addr, to, sizeof(to));
	} else {
		struct in6_addr src6 = as_v6(src), dst6 = as_v6(dst);
		(void)inet_ntop(AF_INET6, &src6, from, sizeof(from));
		(void)inet_ntop(AF_INET6, &dst6, to, sizeof(to));
	}
	n = snprintf(line, sizeof(line), "PROXY %s %s %s %d %d\r\n",
		     is_v4 ? "TCP4" : "TCP6", from, to, addr_port(src), addr_port(dst));
	must(n > 0 && n <= PROXY_HEADER_V1_BYTES);
	put(w, line, (size_t)n);
}

void
proxy_write_v2(struct proxy_writer *w, const struct addr *src, const struct addr *dst)
{
	bool is_local = !is_inet(src) || !is_inet(dst);
	bool is_v4 = !is_local && are_both_v4(src, dst);
	const unsigned char kind[4] = {is_local ? 0x20 : 0x21, is_local ? 0
							       : is_v4	? 0x11
									: 0x21};
	w->n = w->crc_at = 0;
	put(w, "\r\n\r\n\0\r\nQUIT\n", 12);
	put(w, kind, sizeof(kind)); /* the length is known at the end */
	if (is_local)
		return;
	if (is_v4) {
		put(w, &src->u.in.sin_addr, 4);
		put(w, &dst->u.in.sin_addr, 4);
	} else {
		struct in6_addr src6 = as_v6(src), dst6 = as_v6(dst);
		put(w, &src6, 16);
		put(w, &dst6, 16);
	}
	uint16_t ports[] = {htons((uint16_t)addr_port(src)),
			    htons((uint16_t)addr_port(dst))};
	put(w, ports, sizeof(ports));
}

bool
proxy_write_tlv(struct proxy_writer *w, uint8_t type, struct span value)
{
	static const char zeros[CRC_BYTES];
	if (type == PROXY_TLV_CRC32C)
		value = span_of(zeros, sizeof(zeros));
	if (value.n > UINT16_MAX || w->cap - w->n < TLV_FIXED_BYTES + value.n)
		return false;
	const unsigned char fixed[] = {type, (unsigned char)(value.n >> 8),
				       (unsigned char)value.n};
	put(w, fixed, sizeof(fixed));
	if (type == PROXY_TLV_CRC32C)
		w->crc_at = w->n;
	if (value.n)
		put(w, value.p, value.n);
	return true;
}

void
proxy_write_v2_end(struct proxy_writer *w)
{
	uint16_t length = htons((uint16_t)(w->n - V2_FIXED_BYTES));
	memcpy(w->p + 14, &length, sizeof(length));
	if (!w->crc_at)
		return;
	uint32_t crc = htonl(hash_crc32c(w->p, w->n));
	memcpy(w->p + w->crc_at, &crc, sizeof(crc));
}
