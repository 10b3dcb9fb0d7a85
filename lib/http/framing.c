/* SPDX-License-Identifier: MIT
 *
 * The framing decision. Whatever two readers could understand differently is refused;
 * whatever is only for this hop is marked as dropped.
 */
#include "lib/http/framing.h"

#include "lib/http/authority.h"
#include "lib/http/scan.h"

enum { OPTIONS_MAX = 64 };

#define BIT(id) (1u << HTTP_FIELD_##id)

/* Fields for one hop (RFC 9110 7.6.1), and the framing that is written anew. */
static const uint32_t hop_fields =
	BIT(CONNECTION) | BIT(KEEP_ALIVE) | BIT(PROXY_CONNECTION) | BIT(TE) |
	BIT(TRAILER) | BIT(TRANSFER_ENCODING) | BIT(UPGRADE) | BIT(CONTENT_LENGTH);

/* What Connection cannot take away: fields meant for every recipient (RFC 9110 7.6.1),
 * by whose loss a client would get around routing, authentication or caching. */
static const struct span kept_names[] = {
	{"host", 4},
	{"content-length", 14},
	{"transfer-encoding", 17},
	{"cache-control", 13},
	{"authorization", 13},
	{"cookie", 6},
	{"set-cookie", 10},
	{"expect", 6},
	{"via", 3},
	{"max-forwards", 12},
	{"x-forwarded-for", 15},
	{"x-forwarded-host", 16},
	{"x-forwarded-proto", 17},
	{"x-forwarded-port", 16},
	{"x-real-ip", 9},
	{"forwarded", 9},
	{"content-type", 12},
	{"content-encoding", 16},
	{"content-range", 13},
	{"date", 4},
	{"location", 8},
	{"vary", 4},
	{"www-authenticate", 16},
	{"origin", 6},
};

struct options {
	bool close, keep_alive, upgrade;
	unsigned n; /* others */
};

static void
drop(struct http_head *h, enum http_field_id id)
{
	if (!(h->repeated & 1u << id)) {
		h->fields[h->first[id]].dropped = 1;
		return;
	}
	for (unsigned i = h->first[id]; i < h->fields_n; i++)
		if (h->fields[i].id == id)
			h->fields[i].dropped = 1;
}

/* A list element of a field value: the next one that is not empty, without white
 * space. Commas within quoted strings do not occur in the lists read here. */
static bool
next_element(struct span *list, struct span *element)
{
	while (list->n) {
		*element = span_trim(span_cut(list, ','));
		if (element->n)
			return true;
	}
	return false;
}

static void
drop_named(struct http_head *h, struct span name)
{
	for (size_t i = 0; i < sizeof(kept_names) / sizeof(kept_names[0]); i++)
		if (span_ieq(name, kept_names[i]))
			return;
	for (int i = http_head_find(h, name, 0); i >= 0;
	     i = http_head_find(h, name, (unsigned)i + 1))
		h->fields[i].dropped = 1;
}

static enum http_reject
read_options(struct http_head *h, struct span list, struct options *o)
{
	struct span name;

	while (next_element(&list, &name)) {
		if (span_ieq(name, SPAN("keep-alive"))) {
			o->keep_alive = true;
		} else if (span_ieq(name, SPAN("close"))) {
			o->close = true;
		} else if (span_ieq(name, SPAN("upgrade"))) {
			o->upgrade = true;
		} else {
			if (++o->n > OPTIONS_MAX)
				return HTTP_REJECT_too_many_options;
			drop_named(h, name);
		}
	}
	return HTTP_REJECT_none;
}

/* All Connection fields; sets keep_alive by RFC 9112 9.3. */
static enum http_reject
judge_connection(struct http_head *h, struct http_framing *out, struct options *o)
{
	unsigned i = h->first[HTTP_FIELD_CONNECTION];
	struct span value = http_field_value(h, &h->fields[i]);
	enum http_reject why = HTTP_REJECT_none;

	if (value.n == 10 && http_name_is(value.p, "keep-alive", 10))
		o->keep_alive = true; /* as most connections have it */
	else
		why = read_options(h, value, o);
	if (h->repeated & BIT(CONNECTION))
		while (why == HTTP_REJECT_none && ++i < h->fields_n)
			if (h->fields[i].id == HTTP_FIELD_CONNECTION)
				why = read_options(h, http_field_value(h, &h->fields[i]),
						   o);
	out->keep_alive = !o->close && (h->minor >= 1 || o->keep_alive);
	return why;
}

/* Adds one number to what the message says about its length. */
static enum http_reject
add_length(struct span digits, struct http_framing *out)
{
	uint64_t v = 0;

	if (digits.n == 0)
		return HTTP_REJECT_length_invalid;
	for (size_t i = 0; i < digits.n; i++) {
		unsigned digit = (unsigned char)digits.p[i] - '0';
		if (digit > 9)
			return HTTP_REJECT_length_invalid;
		if (v > ((uint64_t)INT64_MAX - digit) / 10)
			return HTTP_REJECT_length_overflow;
		v = v * 10 + digit;
	}
	if (out->has_length && out->stated_length != v)
		return HTTP_REJECT_length_conflict;
	out->has_length = true;
	out->stated_length = v;
	return HTTP_REJECT_none;
}

/* One Content-Length: a number, or the same number several times. */
static enum http_reject
add_lengths(struct span list, struct http_framing *out)
{
	enum http_reject why = add_length(list, out);
	bool is_last = false;

	if (why != HTTP_REJECT_length_invalid) {
		out->has_one_length = why == HTTP_REJECT_none;
		return why;
	}
	while (!is_last) {
		is_last = !memchr(list.p, ',', list.n);
		why = add_length(span_trim(span_cut(&list, ',')), out);
		if (why != HTTP_REJECT_none)
			return why;
	}
	return HTTP_REJECT_none;
}

/* Every Content-Length: one number, however often it is repeated (RFC 9112 6.3, 5). */
static enum http_reject
judge_length(const struct http_head *h, struct http_framing *out)
{
	unsigned i = h->first[HTTP_FIELD_CONTENT_LENGTH];
	enum http_reject why = add_lengths(http_field_value(h, &h->fields[i]), out);

	if (!(h->repeated & BIT(CONTENT_LENGTH)))
		return why;
	while (why == HTTP_REJECT_none && ++i < h->fields_n)
		if (h->fields[i].id == HTTP_FIELD_CONTENT_LENGTH)
			why = add_lengths(http_field_value(h, &h->fields[i]), out);
	out->has_one_length = false;
	return why;
}

/* Transfer-Encoding: nothing but the one word (RFC 9112 6.1, 7). */
static enum http_reject
judge_coding(const struct http_head *h)
{
	struct span list = http_head_value(h, HTTP_FIELD_TRANSFER_ENCODING), word;
	bool is_last, is_chunked = false, was_chunked = false;

	if (h->minor == 0)
		return HTTP_REJECT_coding_in_1_0;
	if (h->repeated & BIT(TRANSFER_ENCODING))
		return HTTP_REJECT_coding_repeated;
	if (span_ieq(list, SPAN("chunked")))
		return HTTP_REJECT_none;
	do { /* what else it may be only decides the reason */
		is_last = !memchr(list.p, ',', list.n);
		word = span_trim(span_cut(&list, ','));
		if (word.n == 0 ||
		    http_scan_token(word.p, word.p + word.n) != word.p + word.n)
			return HTTP_REJECT_coding_malformed;
		was_chunked |= is_chunked;
		is_chunked = span_ieq(word, SPAN("chunked"));
	} while (!is_last);
	return is_chunked && !was_chunked ? HTTP_REJECT_coding_unknown
					  : HTTP_REJECT_coding_not_final;
}

/* Content-Length and Transfer-Encoding, whatever the message may make of them. */
static enum http_reject
judge_body(const struct http_head *h, struct http_framing *out)
{
	enum http_reject why = HTTP_REJECT_none;

	if ((h->seen & BIT(CONTENT_LENGTH)) && (h->seen & BIT(TRANSFER_ENCODING)))
		return HTTP_REJECT_length_and_coding;
	if (h->seen & BIT(TRANSFER_ENCODING)) {
		out->body = HTTP_BODY_CHUNKED;
		return judge_coding(h);
	}
	why = judge_length(h, out);
	if (out->stated_length > 0) {
		out->body = HTTP_BODY_LENGTH;
		out->length = out->stated_length;
	}
	return why;
}

static void
drop_hop_fields(struct http_head *h)
{
	for (uint32_t left = h->seen & hop_fields; left; left &= left - 1)
		drop(h, (enum http_field_id)__builtin_ctz(left));
}

static enum http_reject
judge_host(const struct http_head *h)
{
	struct span host;

	if (!(h->seen & BIT(HOST)))
		return h->minor >= 1 ? HTTP_REJECT_host_missing : HTTP_REJECT_none;
	if (h->repeated & BIT(HOST))
		return HTTP_REJECT_host_duplicate;
	host = http_head_value(h, HTTP_FIELD_HOST);
	if (host.n == 0)
		return HTTP_REJECT_host_empty;
	return http_authority_is_valid(host, HTTP_PORT_OPTIONAL)
		       ? HTTP_REJECT_none
		       : HTTP_REJECT_host_invalid;
}

/* Whether the protocols asked for may be passed on: tokens, and none that is HTTP in
 * another version, which would slip past the rules for requests. */
static bool
upgrade_is_passable(const struct http_head *h)
{
	struct span list = http_head_value(h, HTTP_FIELD_UPGRADE), protocol;
	unsigned n = 0;

	if (h->repeated & BIT(UPGRADE))
		return false;
	for (; next_element(&list, &protocol); n++) {
		struct span name = span_cut(&protocol, '/');
		if (span_ieq(name, SPAN("h2c")) || span_ieq(name, SPAN("h2")) ||
		    span_ieq(name, SPAN("http")))
			return false;
		if (http_scan_token(name.p, name.p + name.n) != name.p + name.n ||
		    http_scan_token(protocol.p, protocol.p + protocol.n) !=
			    protocol.p + protocol.n)
			return false;
	}
	return n > 0;
}

enum http_reject
http_framing_request(struct http_head *h, struct http_framing *out)
{
	struct options o = {0};
	enum http_reject why = judge_host(h);

	*out = (struct http_framing){.keep_alive = h->minor >= 1};
	if (why == HTTP_REJECT_none &&
	    (h->seen & (BIT(CONTENT_LENGTH) | BIT(TRANSFER_ENCODING))))
		why = judge_body(h, out);
	if (why == HTTP_REJECT_none && (h->seen & BIT(CONNECTION)))
		why = judge_connection(h, out, &o);
	if (why != HTTP_REJECT_none)
		return why;
	if (h->method == HTTP_METHOD_CONNECT &&
	    (out->body != HTTP_BODY_NONE || out->has_length))
		return HTTP_REJECT_connect_with_body;
	if ((h->seen & BIT(UPGRADE)) && o.upgrade && h->minor >= 1 &&
	    h->method == HTTP_METHOD_GET && out->body == HTTP_BODY_NONE)
		out->wants_upgrade = upgrade_is_passable(h);
	if (h->seen & BIT(EXPECT)) {
		if (h->minor == 0) /* RFC 9110 10.1.1: not for 1.0 */
			drop(h, HTTP_FIELD_EXPECT);
		else if (out->body != HTTP_BODY_NONE)
			out->expects_continue =
				span_ieq(http_head_value(h, HTTP_FIELD_EXPECT),
					 SPAN("100-continue"));
	}
	if (h->target_form == HTTP_TARGET_ABSOLUTE && (h->seen & BIT(HOST)))
		drop(h, HTTP_FIELD_HOST);
	drop_hop_fields(h);
	return HTTP_REJECT_none;
}

/* Whether a 101 names what it switches to, and nothing that is not in the list `asked`
 * (RFC 9110 7.8). */
static bool
upgrade_was_asked(const struct http_head *h, struct span asked)
{
	struct span list = http_head_value(h, HTTP_FIELD_UPGRADE), protocol;
	unsigned n = 0;

	if (h->repeated & BIT(UPGRADE))
		return false;
	for (; next_element(&list, &protocol); n++) {
		struct span offers = asked, offer;
		bool found = false;
		while (!found && next_element(&offers, &offer))
			found = span_ieq(protocol, offer);
		if (!found)
			return false;
	}
	return n > 0;
}

/* Neither has content, whatever the head says, nor ends here: bytes both ways follow
 * (RFC 9110 9.3.6, RFC 9112 6.3 rule 2). */
static enum http_reject
judge_tunnel(struct http_head *h, struct span asked, struct http_framing *out)
{
	*out = (struct http_framing){.body = HTTP_BODY_TUNNEL};
	if (h->status == 101 && !upgrade_was_asked(h, asked))
		return HTTP_REJECT_upgrade_unrequested;
	drop_hop_fields(h);
	return HTTP_REJECT_none;
}

enum http_reject
http_framing_response(struct http_head *h, enum http_method request_method,
		      struct span asked, struct http_framing *out)
{
	struct options o = {0};
	enum http_reject why = HTTP_REJECT_none;
	bool is_bodyless = h->status < 200 || h->status == 204;

	if (h->status == 101 || (request_method == HTTP_METHOD_CONNECT &&
				 h->status >= 200 && h->status < 300))
		return judge_tunnel(h, asked, out);
	*out = (struct http_framing){.body = HTTP_BODY_CLOSE,
				     .keep_alive = h->minor >= 1};
	if (h->seen & (BIT(CONTENT_LENGTH) | BIT(TRANSFER_ENCODING))) {
		why = judge_body(h, out);
		if (out->has_length && out->stated_length == 0)
			out->body = HTTP_BODY_NONE;
	}
	if (why == HTTP_REJECT_none && (h->seen & BIT(CONNECTION)))
		why = judge_connection(h, out, &o);
	if (why != HTTP_REJECT_none)
		return why;
	if (is_bodyless) {
		/* A sender that announces a body here (RFC 9110 8.6, RFC 9112 6.1 forbid
		 * it) may send one, too: no second message from it. */
		if (out->body != HTTP_BODY_CLOSE && out->body != HTTP_BODY_NONE)
			out->keep_alive = false;
		out->body = HTTP_BODY_NONE;
		out->has_length = out->has_one_length = false;
		out->stated_length = out->length = 0;
	} else if (h->status == 304 || request_method == HTTP_METHOD_HEAD) {
		out->body = HTTP_BODY_NONE;
		out->length = 0;
	}
	if (out->body == HTTP_BODY_CLOSE)
		out->keep_alive = false;
	drop_hop_fields(h);
	return HTTP_REJECT_none;
}

bool
http_framing_keep_length(struct http_head *h, const struct http_framing *f)
{
	enum { BEFORE = sizeof("Content-Length: ") - 1, BEHIND = sizeof("\r\n") - 1 };

	if (!f->has_one_length)
		return false;
	struct http_field *field = &h->fields[h->first[HTTP_FIELD_CONTENT_LENGTH]];
	struct span digits = http_field_value(h, field);
	if (field->line_n != BEFORE + digits.n + BEHIND || digits.p[-1] != ' ' ||
	    (digits.p[0] == '0' && digits.n > 1))
		return false;
	field->dropped = 0;
	return true;
}
