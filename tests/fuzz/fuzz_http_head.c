/* SPDX-License-Identifier: MIT
 *
 * Heads of both directions: the input is a request and a response head. What is
 * accepted leaves in a form that is accepted again and means the same, with one framing
 * field and one Host; what arrives in pieces is judged as if it came whole.
 */
#include <stdlib.h>

#include "lib/base/must.h"
#include "lib/http/serialise.h"

enum { INPUT_MAX = 32 * 1024, OUT_MAX = 60 * 1024 };

static struct http_head head, again;
static char out[OUT_MAX], twice[OUT_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef enum http_parse parser(const char *p, size_t n, size_t from,
			       const struct http_limits *limits, struct http_head *h,
			       enum http_reject *why);

static const struct http_limits usual = {.request_line_bytes = 16384,
					 .field_bytes = 16384,
					 .head_bytes = 32768,
					 .fields_n = 128,
					 .allow_connect = true};
static const struct http_limits tight = {
	.request_line_bytes = 40, .field_bytes = 30, .head_bytes = 120, .fields_n = 4};
static const struct http_limits wide = {.request_line_bytes = OUT_MAX,
					.field_bytes = OUT_MAX,
					.head_bytes = OUT_MAX,
					.fields_n = HTTP_FIELDS_MAX,
					.allow_connect = true};

/* One piece after the other, the sizes from `seed`. A resumed parse may wait for the
 * end of a line before it refuses, never say anything else. */
static void
compare_pieces(parser *parse, const char *p, size_t n, const struct http_limits *limits,
	       unsigned seed)
{
	enum http_reject why_whole = HTTP_REJECT_none, why = HTTP_REJECT_none;
	enum http_parse whole = parse(p, n, 0, limits, &again, &why_whole);
	enum http_parse got = HTTP_PARSE_INCOMPLETE;

	for (size_t at = 0, from = 0; got == HTTP_PARSE_INCOMPLETE && at < n; from = at) {
		seed = seed * 1103515245 + 12345;
		at += 1 + (seed >> 16) % 13;
		if (at > n)
			at = n;
		got = parse(p, at, from, limits, &again, &why);
	}
	if (got == HTTP_PARSE_INCOMPLETE)
		must(whole != HTTP_PARSE_OK);
	else
		must(got == whole && why == why_whole);
}

static void
check_table(const struct http_head *h, const char *p, size_t n)
{
	size_t end = 0;

	must(h->base == p + h->skipped && h->skipped + h->bytes <= n);
	must(memcmp(h->base + h->bytes - 2, "\r\n", 2) == 0);
	for (unsigned i = 0; i < h->fields_n; i++) {
		const struct http_field *f = &h->fields[i];
		must(i == 0 || f->line_off == end);
		end = f->line_off + f->line_n;
		must(f->name_n > 0 && h->base[f->line_off + f->name_n] == ':');
		must(f->value_off > f->line_off + f->name_n);
		must((size_t)f->value_off + f->value_n + 2 <= end);
		must(memcmp(h->base + end - 2, "\r\n", 2) == 0);
	}
	must(h->fields_n == 0 || end + 2 == h->bytes);
}

/* How often fields with this id stay. */
static unsigned
count(const struct http_head *h, enum http_field_id id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->fields_n; i++)
		n += h->fields[i].id == id;
	return n;
}

/* Nothing of this hop and one framing field at most in what was written. */
static void
check_written(const struct http_head *h, const struct http_outgoing *o)
{
	bool framed = o->body == HTTP_BODY_LENGTH || o->body == HTTP_BODY_CHUNKED ||
		      o->say_length_zero || o->keep_stated_length;

	must(count(h, HTTP_FIELD_CONTENT_LENGTH) +
		     count(h, HTTP_FIELD_TRANSFER_ENCODING) ==
	     framed);
	must(count(h, HTTP_FIELD_CONNECTION) == (o->upgrade.n > 0));
	must(count(h, HTTP_FIELD_UPGRADE) == (o->upgrade.n > 0));
	must(!(h->seen &
	       (1u << HTTP_FIELD_KEEP_ALIVE | 1u << HTTP_FIELD_PROXY_CONNECTION |
		1u << HTTP_FIELD_TE | 1u << HTTP_FIELD_TRAILER)));
	must(h->minor == 1 && h->skipped == 0);
}

static void
check_request(const char *p, size_t n)
{
	struct http_outgoing o = {.host = SPAN("server:80"), .extra = SPAN("Via: x\r\n")};
	enum http_reject why = HTTP_REJECT_none;
	struct http_framing f, g;
	size_t n1, n2;

	if (http_head_parse_request(p, n, 0, &usual, &head, &why) != HTTP_PARSE_OK)
		return;
	check_table(&head, p, n);
	if (http_framing_request(&head, &f) != HTTP_REJECT_none)
		return;
	o.body = f.body;
	o.length = f.length;
	o.length_stands = n % 2 && http_framing_keep_length(&head, &f);
	o.say_length_zero = f.body == HTTP_BODY_NONE && f.has_length;
	if (f.wants_upgrade)
		o.upgrade = http_head_value(&head, HTTP_FIELD_UPGRADE);
	n1 = http_serialise_request(&head, &o, out, sizeof(out));
	must(n1 > 0);
	must(http_head_parse_request(out, n1, 0, &wide, &again, &why) == HTTP_PARSE_OK);
	must(again.bytes == n1);
	check_table(&again, out, n1);
	check_written(&again, &o);
	must(again.fields_n > 0 && again.fields[0].id == HTTP_FIELD_HOST);
	must(count(&again, HTTP_FIELD_HOST) == 1);
	must(again.target_form != HTTP_TARGET_ABSOLUTE);
	must(again.method == head.method && span_eq(again.path, head.path));
	must(span_eq(again.query, head.query) && !again.query.p == !head.query.p);
	if (head.authority.p)
		must(span_eq(again.authority, head.authority));
	must(http_framing_request(&again, &g) == HTTP_REJECT_none);
	must(g.body == f.body && g.length == f.length && g.keep_alive);
	must(g.wants_upgrade == f.wants_upgrade);
	must(g.expects_continue == f.expects_continue);
	o.extra = span_of(NULL, 0);
	o.length_stands = o.length_stands && http_framing_keep_length(&again, &g);
	n2 = http_serialise_request(&again, &o, twice, sizeof(twice));
	must(n2 == n1 && (o.upgrade.n || f.has_length || f.body != HTTP_BODY_NONE ||
			  memcmp(out, twice, n1) == 0));
}

static void
check_response(const char *p, size_t n, enum http_method method, struct span asked)
{
	struct http_outgoing o = {.extra = SPAN("Via: x\r\n")};
	enum http_reject why = HTTP_REJECT_none;
	struct http_framing f, g;
	size_t n1;

	if (http_head_parse_response(p, n, 0, &usual, &head, &why) != HTTP_PARSE_OK)
		return;
	check_table(&head, p, n);
	if (http_framing_response(&head, method, asked, &f) != HTTP_REJECT_none)
		return;
	must(f.body != HTTP_BODY_CLOSE || !f.keep_alive);
	o.body = f.body;
	o.length = f.length;
	o.length_stands = n % 2 && http_framing_keep_length(&head, &f);
	if (f.body == HTTP_BODY_NONE && f.has_length) {
		o.keep_stated_length = true;
		o.stated_length = f.stated_length;
	}
	if (head.status == 101)
		o.upgrade = http_head_value(&head, HTTP_FIELD_UPGRADE);
	n1 = http_serialise_response(&head, &o, out, sizeof(out));
	must(n1 > 0);
	must(http_head_parse_response(out, n1, 0, &wide, &again, &why) == HTTP_PARSE_OK);
	must(again.bytes == n1 && again.status == head.status);
	must(span_eq(again.reason, head.reason));
	check_table(&again, out, n1);
	check_written(&again, &o);
	must(http_framing_response(&again, method, asked, &g) == HTTP_REJECT_none);
	must(g.body == f.body && g.length == f.length);
	must(g.stated_length == f.stated_length);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *p;
	unsigned seed = (unsigned)size;

	if (size > INPUT_MAX)
		return 0;
	p = malloc(size ? size : 1);
	must(p);
	if (size)
		memcpy(p, data, size);
	for (size_t i = 0; i < size; i += 7)
		seed = seed * 31 + data[i];
	compare_pieces(http_head_parse_request, p, size, &usual, seed);
	compare_pieces(http_head_parse_request, p, size, &tight, seed);
	compare_pieces(http_head_parse_response, p, size, &usual, seed);
	compare_pieces(http_head_parse_response, p, size, &tight, seed);
	check_request(p, size);
	check_response(p, size, HTTP_METHOD_GET, span_of(NULL, 0));
	check_response(p, size, HTTP_METHOD_GET, SPAN("x, websocket"));
	check_response(p, size, HTTP_METHOD_HEAD, span_of(NULL, 0));
	check_response(p, size, HTTP_METHOD_CONNECT, span_of(NULL, 0));
	free(p);
	return 0;
}
