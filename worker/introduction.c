/* SPDX-License-Identifier: MIT
 *
 * Headers of the PROXY protocol for servers: the client as rules and its own header have
 * left it. Worker.
 */
#include "worker/introduction.h"

#include "lib/expr/format.h"
#include "lib/net/proxy_header.h"
#include "worker/fetch/capture.h"

/* What the client's own header said, to be passed on. */
static void
pass_authority(struct proxy_writer *w, const struct session *s)
{
	struct span rest = buf_span(s->ends ? s->ends->tlvs : NULL);
	struct proxy_field f;
	while (proxy_tlv_cut(&rest, &f)) {
		if (f.type != PROXY_TLV_AUTHORITY)
			continue;
		(void)proxy_write_tlv(w, f.type, f.value);
		return;
	}
}

static void
write_tlvs(struct proxy_writer *w, struct txn *t, const struct cfg_proxy_header *how)
{
	struct txn_context c = context_for(t, EXPR_AT_LOG);
	for (size_t i = 0; i < how->tlvs_n; i++) {
		char value[INTRODUCTION_BYTES];
		size_t n =
			format_write(how->tlvs[i].value, &c.base, value, sizeof(value));
		(void)proxy_write_tlv(w, how->tlvs[i].type, span_of(value, n));
	}
	if (how->crc32c)
		(void)proxy_write_tlv(w, PROXY_TLV_CRC32C, SPAN(""));
	if (how->authority)
		pass_authority(w, t->s);
	struct span id = how->unique_id ? capture_unique_id(&c) : SPAN("");
	if (id.n)
		(void)proxy_write_tlv(w, PROXY_TLV_UNIQUE_ID, id);
}

struct span
introduction_write(struct txn *t, const struct cfg_proxy_header *how,
		   char bytes[INTRODUCTION_BYTES])
{
	struct proxy_writer w = {.p = bytes, .cap = INTRODUCTION_BYTES};
	struct addr src, dst = session_dst(t->s);
	addr_from_sockaddr(&src, &t->s->peer.sa, sizeof(t->s->peer));
	if (how->version == 1) {
		proxy_write_v1(&w, &src, &dst);
	} else {
		proxy_write_v2(&w, &src, &dst);
		write_tlvs(&w, t, how);
		proxy_write_v2_end(&w);
	}
	return span_of(w.p, w.n);
}
