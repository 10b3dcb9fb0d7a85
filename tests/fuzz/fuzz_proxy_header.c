/* SPDX-License-Identifier: MIT
 *
 * The header of the PROXY protocol: what arrives in pieces is judged as if it came whole,
 * nothing is read beyond the end, and what was understood leaves as a header, of either
 * version, that means the same.
 */
#include <stdlib.h>

#include "lib/base/must.h"
#include "lib/net/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of its own, so that a byte too far is seen. */
static enum proxy_parse
parse(const uint8_t *data, size_t n, struct proxy_header *h)
{
	char *p = malloc(n ? n : 1);
	must(p);
	memcpy(p, data, n);
	enum proxy_parse got = proxy_header_parse(p, n, h);
	must(got != PROXY_PARSE_OK || h->bytes <= n);
	free(p);
	return got;
}

static void
check_pieces(const uint8_t *data, size_t n, enum proxy_parse whole, size_t bytes)
{
	struct proxy_header h;
	for (size_t i = 0; i <= n; i++) {
		enum proxy_parse got = parse(data, i, &h);
		if (got == PROXY_PARSE_INCOMPLETE)
			continue;
		must(got == whole && (got != PROXY_PARSE_OK || h.bytes == bytes));
		return;
	}
	must(whole == PROXY_PARSE_INCOMPLETE);
}

static bool
is_same(const struct addr *a, const struct addr *b)
{
	return (a->kind == ADDR_NONE && b->kind == ADDR_NONE) || addr_eq(a, b);
}

static void
check_written(const struct proxy_header *h)
{
	static char out[2 * PROXY_HEADER_BYTES_MAX];
	struct proxy_writer w = {.p = out, .cap = sizeof(out)};
	struct proxy_header again;
	struct span rest = h->tlvs;
	struct proxy_field f, g;
	proxy_write_v1(&w, &h->src, &h->dst);
	must(proxy_header_parse(out, w.n, &again) == PROXY_PARSE_OK);
	must(again.bytes == w.n && is_same(&h->src, &again.src) &&
	     is_same(&h->dst, &again.dst));
	proxy_write_v2(&w, &h->src, &h->dst);
	while (proxy_tlv_cut(&rest, &f))
		must(proxy_write_tlv(&w, f.type, f.value));
	proxy_write_v2_end(&w);
	if (w.n > PROXY_HEADER_BYTES_MAX)
		return;
	must(proxy_header_parse(out, w.n, &again) == PROXY_PARSE_OK);
	must(again.bytes == w.n && is_same(&h->src, &again.src) &&
	     is_same(&h->dst, &again.dst));
	for (rest = h->tlvs; proxy_tlv_cut(&rest, &f);) {
		must(proxy_tlv_cut(&again.tlvs, &g) && f.type == g.type);
		must(f.type == PROXY_TLV_CRC32C || span_eq(f.value, g.value));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header h;
	enum proxy_parse got = proxy_header_parse((const char *)data, size, &h);
	if (size <= 512)
		check_pieces(data, size, got, h.bytes);
	if (got == PROXY_PARSE_OK)
		check_written(&h);
	return 0;
}
