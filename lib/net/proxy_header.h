/* SPDX-License-Identifier: MIT
 *
 * The header of the PROXY protocol, versions 1 and 2 (proxy-protocol.txt of HAProxy): a
 * connection's first bytes, by which a proxy says whose connection it passes on. Bytes
 * in, addresses out, and back; no sockets.
 */
#ifndef WEIR_NET_PROXY_HEADER_H
#define WEIR_NET_PROXY_HEADER_H

#include "lib/base/addr.h"

enum {
	PROXY_HEADER_V1_BYTES = 107, /* the longest line (2.1) */
	PROXY_HEADER_BYTES_MAX = 16 * 1024,
	PROXY_UNIQUE_ID_BYTES = 128,
	PROXY_AUTHORITY_BYTES = 255,
};

/* 2.2: what may stand behind the addresses of version 2. */
enum proxy_tlv {
	PROXY_TLV_ALPN = 0x01,
	PROXY_TLV_AUTHORITY = 0x02,
	PROXY_TLV_CRC32C = 0x03,
	PROXY_TLV_NOOP = 0x04,
	PROXY_TLV_UNIQUE_ID = 0x05,
	PROXY_TLV_SSL = 0x20,
	PROXY_TLV_NETNS = 0x30,
};

enum proxy_parse {
	PROXY_PARSE_OK,
	PROXY_PARSE_INCOMPLETE,
	PROXY_PARSE_NO_HEADER, /* something else */
	PROXY_PARSE_BAD,
	PROXY_PARSE_BAD_PROTOCOL, /* neither TCP4, TCP6 nor UNKNOWN */
};

struct proxy_header {
	size_t bytes;	      /* of the header; what follows is the client's */
	struct addr src, dst; /* ADDR_NONE: those of the socket hold */
	struct span tlvs;     /* well formed */
};

/* A header is judged when it is complete, and before that as soon as it can be none. */
enum proxy_parse proxy_header_parse(const char *p, size_t n, struct proxy_header *out);

struct proxy_field {
	uint8_t type;
	struct span value;
};

/* Cuts the first one off *rest. false: there is none, or not the whole of it. */
bool proxy_tlv_cut(struct span *rest, struct proxy_field *out);

/* A header on its way out, in memory of its caller. */
struct proxy_writer {
	char *p;
	size_t cap, n;
	size_t crc_at; /* 0: there is none */
};

/* Version 1; w has room for PROXY_HEADER_V1_BYTES. Addresses of two families go as IPv6,
 * what is neither IPv4 nor IPv6 as UNKNOWN. */
void proxy_write_v1(struct proxy_writer *w, const struct addr *src,
		    const struct addr *dst);
/* Version 2: begin, TLVs, end. src NULL, or an address of no such family: LOCAL. */
void proxy_write_v2(struct proxy_writer *w, const struct addr *src,
		    const struct addr *dst);
/* false: it does not fit. The value of CRC32C is made by the end. */
bool proxy_write_tlv(struct proxy_writer *w, uint8_t type, struct span value);
void proxy_write_v2_end(struct proxy_writer *w);

#endif
