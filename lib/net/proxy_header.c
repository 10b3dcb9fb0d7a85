/* SPDX-License-Identifier: MIT
 *
 * The header of the PROXY protocol, read. Sections are those of proxy-protocol.txt. Any
 * process; owns nothing.
 */
#include "lib/net/proxy_header.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/num.h"

enum {
	V2_FIXED_BYTES = 16,
	V2_VERSION = 0x20,
	V2_LOCAL = 0,
	V2_PROXY = 1,
	TLV_FIXED_BYTES = 3, /* type, length */
	CRC_BYTES = 4,
};

static const char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static bool
may_become(const char *p, size_t n, const char *prefix, size_t prefix_n)
{
	return memcmp(p, prefix, n < prefix_n ? n : prefix_n) == 0;
}

/* --- version 1 (2.1) ------------------------------------------------------------------
 */

static bool
host_in(struct span text, int family, struct addr *out)
{
	char z[INET6_ADDRSTRLEN];
	if (text.n >= sizeof(z))
		return false;
	memcpy(z, text.p, text.n);
	z[text.n] = '\0';
	*out = (struct addr){.kind = family == AF_INET ? ADDR_INET : ADDR_INET6};
	out->u.sa.sa_family = (sa_family_t)family;
	out->len = family == AF_INET ? sizeof(out->u.in) : sizeof(out->u.in6);
	void *host = family == AF_INET ? (void *)&out->u.in.sin_addr
				       : (void *)&out->u.in6.sin6_addr;
	return inet_pton(family, z, host) == 1;
}

/* "Heading zeroes are not permitted." */
static bool
port_in(struct span text, struct addr *out)
{
	uint64_t port;
	if (num_u64(text, &port) != NUM_OK || port > 65535 ||
	    (text.n > 1 && text.p[0] == '0'))
		return false;
	addr_set_port(out, (int)port);
	return true;
}

/* The line behind its first word, without CRLF. */
static enum proxy_parse
parse_line(struct span line, struct proxy_header *out)
{
	struct span protocol = span_cut(&line, ' ');
	if (span_eq(protocol, SPAN("UNKNOWN")))
		return PROXY_PARSE_OK;
	int family = span_eq(protocol, SPAN("TCP4"))   ? AF_INET
		     : span_eq(protocol, SPAN("TCP6")) ? AF_INET6
						       : AF_UNSPEC;
	if (family == AF_UNSPEC)
		return PROXY_PARSE_BAD_PROTOCOL;
	struct span src = span_cut(&line, ' '), dst = span_cut(&line, ' ');
	struct span src_port = span_cut(&line, ' ');
	bool is_good = host_in(src, family, &out->src) &&
		       host_in(dst, family, &out->dst) && port_in(src_port, &out->src) &&
		       port_in(line, &out->dst);
	return is_good ? PROXY_PARSE_OK : PROXY_PARSE_BAD;
}

static enum proxy_parse
parse_v1(const char *p, size_t n, struct proxy_header *out)
{
	enum { FIRST_WORD_BYTES = 6 };
	size_t most = n < PROXY_HEADER_V1_BYTES ? n : PROXY_HEADER_V1_BYTES;
	const char *lf = memchr(p, '\n', most), *cr = memchr(p, '\r', most);
	if (lf && lf[-1] != '\r')
		return PROXY_PARSE_BAD;
	if (cr && cr + 1 < p + most && cr[1] != '\n')
		return PROXY_PARSE_BAD;
	if (!lf)
		return n < PROXY_HEADER_V1_BYTES ? PROXY_PARSE_INCOMPLETE
						 : PROXY_PARSE_BAD;
	out->bytes = (size_t)(lf + 1 - p);
	return parse_line(
		span_of(p + FIRST_WORD_BYTES, out->bytes - FIRST_WORD_BYTES - 2), out);
}

/* --- version 2 (2.2) ------------------------------------------------------------------
 */

static uint16_t
big16(const char *p)
{
	return (uint16_t)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
}

bool
proxy_tlv_cut(struct span *rest, struct proxy_field *out)
{
	if (rest->n < TLV_FIXED_BYTES)
		return false;
	size_t n = big16(rest->p + 1);
	if (rest->n - TLV_FIXED_BYTES < n)
		return false;
	out->type = (uint8_t)rest->p[0];
	out->value = span_of(rest->p + TLV_FIXED_BYTES, n);
	*rest = span_of(rest->p + TLV_FIXED_BYTES + n, rest->n - TLV_FIXED_BYTES - n);
	return true;
}

/* The sum of the whole header, with zeros where it stands itself. */
static bool
is_checksum(const char *p, size_t n, struct span value)
{
	static const char zeros[CRC_BYTES];
	const char *behind = value.p + CRC_BYTES;
	uint32_t told;
	memcpy(&told, value.p, sizeof(told));
	uint32_t made = hash_crc32c(p, (size_t)(value.p - p));
	made = hash_crc32c_more(made, zeros, sizeof(zeros));
	made = hash_crc32c_more(made, behind, (size_t)(p + n - behind));
	return made == ntohl(told);
}

/* 2.2.3: a receiver that knows the sum must refuse a wrong one. */
static bool
is_sound(const char *p, size_t n, struct span tlvs)
{
	struct proxy_field f;
	bool is_summed = false;
	while (proxy_tlv_cut(&tlvs, &f)) {
		if (f.type != PROXY_TLV_CRC32C)
			continue;
		if (is_summed || !is_checksum(p, n, f.value))
			return false;
		is_summed = true;
	}
	return true;
}

/* One behind the other to the very end, each as long as it may be. */
static bool
are_whole(struct span tlvs)
{
	struct proxy_field f;
	while (proxy_tlv_cut(&tlvs, &f)) {
		if ((f.type == PROXY_TLV_UNIQUE_ID &&
		     f.value.n > PROXY_UNIQUE_ID_BYTES) ||
		    (f.type == PROXY_TLV_AUTHORITY &&
		     f.value.n > PROXY_AUTHORITY_BYTES) ||
		    (f.type == PROXY_TLV_CRC32C && f.value.n != CRC_BYTES))
			return false;
	}
	return tlvs.n == 0;
}

/* Bytes of the addresses by the byte of family and protocol; -1: no such one. */
static int
addresses_bytes(unsigned char family)
{
	static const uint8_t bytes[] = {0, 12, 36, 216};
	return family >> 4 < sizeof(bytes) && (family & 15) <= 2 ? bytes[family >> 4]
								 : -1;
}

/* TCP over IPv4 or IPv6; of everything else the addresses of the socket hold. */
static void
take_addresses(unsigned char family, const char *p, struct proxy_header *out)
{
	struct addr *ends[] = {&out->src, &out->dst};
	for (size_t i = 0; i < 2 && family == 0x11; i++) {
		struct addr *a = ends[i];
		*a = (struct addr){.kind = ADDR_INET, .len = sizeof(a->u.in)};
		a->u.in.sin_family = AF_INET;
		memcpy(&a->u.in.sin_addr, p + 4 * i, 4);
		memcpy(&a->u.in.sin_port, p + 8 + 2 * i, 2);
	}
	for (size_t i = 0; i < 2 && family == 0x21; i++) {
		struct addr *a = ends[i];
		*a = (struct addr){.kind = ADDR_INET6, .len = sizeof(a->u.in6)};
		a->u.in6.sin6_family = AF_INET6;
		memcpy(&a->u.in6.sin6_addr, p + 16 * i, 16);
		memcpy(&a->u.in6.sin6_port, p + 32 + 2 * i, 2);
	}
}

static enum proxy_parse
parse_v2(const char *p, size_t n, struct proxy_header *out)
{
	if (n > sizeof(v2_signature) && (p[12] & 0xf0) != V2_VERSION)
		return PROXY_PARSE_NO_HEADER;
	if (n < V2_FIXED_BYTES)
		return PROXY_PARSE_INCOMPLETE;
	unsigned char command = p[12] & 15, family = (unsigned char)p[13];
	size_t length = big16(p + 14);
	int skip = addresses_bytes(family);
	out->bytes = V2_FIXED_BYTES + length;
	if (command > V2_PROXY || out->bytes > PROXY_HEADER_BYTES_MAX)
		return PROXY_PARSE_BAD;
	bool has_addresses = command == V2_PROXY && family >> 4 != 0;
	bool is_enough = skip >= 0 && length >= (size_t)skip;
	if (has_addresses && !is_enough)
		return PROXY_PARSE_BAD;
	if (n < out->bytes)
		return PROXY_PARSE_INCOMPLETE;
	size_t at = V2_FIXED_BYTES + (is_enough ? (size_t)skip : 0);
	struct span tlvs = span_of(p + at, out->bytes - at);
	bool has_tlvs = are_whole(tlvs);
	if (has_tlvs ? !is_sound(p, out->bytes, tlvs) : has_addresses)
		return PROXY_PARSE_BAD;
	if (has_tlvs) /* else the block is to be ignored, whatever it is */
		out->tlvs = tlvs;
	if (has_addresses)
		take_addresses(family, p + V2_FIXED_BYTES, out);
	return PROXY_PARSE_OK;
}

enum proxy_parse
proxy_header_parse(const char *p, size_t n, struct proxy_header *out)
{
	static const char v1_word[6] = "PROXY ";
	*out = (struct proxy_header){.bytes = 0};
	if (n == 0)
		return PROXY_PARSE_INCOMPLETE;
	if (may_become(p, n, v1_word, sizeof(v1_word)))
		return n < sizeof(v1_word) ? PROXY_PARSE_INCOMPLETE : parse_v1(p, n, out);
	if (may_become(p, n, v2_signature, sizeof(v2_signature)))
		return parse_v2(p, n, out);
	return PROXY_PARSE_NO_HEADER;
}
