/* SPDX-License-Identifier: MIT
 *
 * Fetches of the PROXY header that a client's connection began with (configuration.txt
 * 7.3.3). Worker. No copies: text points into what the session keeps of it.
 */
#include "lib/net/proxy_header.h"
#include "worker/fetch/fetch.h"

FETCH_FN(fc_rcvd_proxy)
{
	const struct session_ends *ends = context_of(c)->s->ends;
	return give_bool(s, ends && ends->is_proxied);
}

/* The next one of that type at s->next or behind. */
static bool
tlv_next(const struct expr_context *c, uint8_t type, struct expr_sample *s)
{
	const struct session_ends *ends = context_of(c)->s->ends;
	if (!ends || !ends->tlvs)
		return false;
	struct proxy_field f;
	struct span all = buf_span(ends->tlvs);
	struct span rest = span_of(all.p + s->next, all.n - s->next);
	while (proxy_tlv_cut(&rest, &f)) {
		if (f.type != type)
			continue;
		s->next = (uint32_t)(all.n - rest.n);
		return give_span(s, f.value);
	}
	return false;
}

FETCH_FN(fc_pp_authority)
{
	return tlv_next(c, PROXY_TLV_AUTHORITY, s);
}

FETCH_FN(fc_pp_unique_id)
{
	return tlv_next(c, PROXY_TLV_UNIQUE_ID, s);
}

FETCH_FN(fc_pp_tlv)
{
	s->has_more = s->iterates;
	return tlv_next(c, (uint8_t)args[0].integer, s);
}
