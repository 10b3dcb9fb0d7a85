/* SPDX-License-Identifier: MIT
 *
 * Requests of HTTP checks and the judgement over their responses. Runs in the checker.
 *
 * Judging starts anew with every piece that arrives: responses to checks come in one
 * or two pieces, and there is no state to get wrong. The time it may take is bounded by
 * the size of the response and by the match limits of PCRE2.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "checker/probe_http.h"

#include <pcre2.h>
#include <stdlib.h>

#include "lib/base/must.h"
#include "lib/http/chunk.h"
#include "lib/http/framing.h"

/* About 10 ms of matching at most: one pattern must not delay 10,000 checks. */
enum { MATCH_LIMIT = 200000, DEPTH_LIMIT = 1000, HEAP_LIMIT_KB = 4096 };

struct judge {
	pcre2_match_context *context;
	pcre2_match_data *match;
	struct http_head head;
	char body[PROBE_RESPONSE_BYTES]; /* a chunked body, joined */
};

/* The body as far as it is known. */
struct known_body {
	struct span text;
	bool is_complete;
	bool is_broken;
};

enum expectation { EXPECT_MET, EXPECT_MISSED, EXPECT_OPEN };

/* --- request ------------------------------------------------------------------- */

static bool
has_header(const struct cfg_check *c, struct span name)
{
	for (size_t i = 0; i < c->headers_n; i++)
		if (span_ieq(c->headers[i].name, name))
			return true;
	return false;
}

bool
probe_http_needs_host(const struct cfg_check *c)
{
	return span_ieq(c->version, SPAN("HTTP/1.1")) && !has_header(c, SPAN("host"));
}

/* A method that usually carries a body says that it has none (RFC 9110 8.6). */
static bool
needs_length(const struct cfg_check *c)
{
	return (span_eq(c->method, SPAN("POST")) || span_eq(c->method, SPAN("PUT")) ||
		span_eq(c->method, SPAN("PATCH"))) &&
	       !has_header(c, SPAN("content-length"));
}

#define PUT_SPAN(s) (int)(s).n, (s).n ? (s).p : ""

struct span
probe_http_request(struct arena *a, const struct cfg_check *c, struct span host)
{
	const char *text = arena_printf(a, "%.*s %.*s %.*s\r\n", PUT_SPAN(c->method),
					PUT_SPAN(c->uri), PUT_SPAN(c->version));
	if (probe_http_needs_host(c))
		text = arena_printf(a, "%shost: %.*s\r\n", text, PUT_SPAN(host));
	for (size_t i = 0; i < c->headers_n; i++)
		text = arena_printf(a, "%s%.*s: %.*s\r\n", text,
				    PUT_SPAN(c->headers[i].name),
				    PUT_SPAN(c->headers[i].value));
	if (needs_length(c))
		text = arena_printf(a, "%scontent-length: 0\r\n", text);
	if (span_ieq(c->version, SPAN("HTTP/1.1")) && !has_header(c, SPAN("connection")))
		text = arena_printf(a, "%sconnection: close\r\n", text);
	return span_str(arena_printf(a, "%s\r\n", text));
}

/* --- scratch ------------------------------------------------------------------- */

struct judge *
judge_new(void)
{
	struct judge *j = must_calloc(1, sizeof(*j));
	j->context = pcre2_match_context_create(NULL);
	j->match = pcre2_match_data_create(1, NULL);
	must(j->context && j->match);
	pcre2_set_match_limit(j->context, MATCH_LIMIT);
	pcre2_set_depth_limit(j->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(j->context, HEAP_LIMIT_KB);
	return j;
}

void
judge_free(struct judge **j)
{
	if (!*j)
		return;
	pcre2_match_data_free((*j)->match);
	pcre2_match_context_free((*j)->context);
	free(*j);
	*j = NULL;
}

/* 1: matches, 0: does not, -1: gave up. */
static int
matches(struct judge *j, const void *regex, struct span s)
{
	int r = pcre2_match(regex, (PCRE2_SPTR)(s.n ? s.p : ""), s.n, 0, 0, j->match,
			    j->context);
	if (r >= 0)
		return 1;
	return r == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

/* --- body -------------------------------------------------------------------------- */

static struct known_body
join_chunks(struct judge *j, const struct http_limits *limits, struct span raw,
	    bool is_all)
{
	struct http_chunk chunk;
	struct known_body b = {.text = {j->body, 0}, .is_complete = is_all};
	http_chunk_init(&chunk);
	while (true) {
		size_t used = 0;
		struct span data = {NULL, 0};
		enum http_reject why;
		switch (http_chunk_decode(&chunk, raw.p, raw.n, limits, &used, &data,
					  &why)) {
		case HTTP_CHUNK_DATA:
			/* fits: all data together is shorter than the response */
			memcpy(j->body + b.text.n, data.p, data.n);
			b.text.n += data.n;
			break;
		case HTTP_CHUNK_MORE:
			return b;
		case HTTP_CHUNK_END:
			b.is_complete = true;
			return b;
		case HTTP_CHUNK_BAD:
			b.is_broken = true;
			return b;
		}
		raw.p += used;
		raw.n -= used;
	}
}

static struct known_body
body_of(struct judge *j, const struct http_framing *f, const struct http_limits *limits,
	struct span raw, bool is_all)
{
	switch (f->body) {
	case HTTP_BODY_NONE:
	case HTTP_BODY_TUNNEL:
		break;
	case HTTP_BODY_LENGTH:
		if (raw.n < f->length)
			return (struct known_body){.text = raw, .is_complete = is_all};
		raw.n = (size_t)f->length;
		return (struct known_body){.text = raw, .is_complete = true};
	case HTTP_BODY_CHUNKED:
		return join_chunks(j, limits, raw, is_all);
	case HTTP_BODY_CLOSE:
		return (struct known_body){.text = raw, .is_complete = is_all};
	}
	return (struct known_body){.text = {NULL, 0}, .is_complete = true};
}

/* --- expectations ------------------------------------------------------------------- */

static enum expectation
miss(struct probe_result *out, enum result id, uint32_t code, struct span info)
{
	out->id = id;
	out->code = code;
	probe_result_inform(out, info);
	return EXPECT_MISSED;
}

static bool
status_in(const struct cfg_expect *e, uint16_t status)
{
	for (size_t i = 0; i < e->ranges_n; i++)
		if (status >= e->ranges[i].from && status <= e->ranges[i].to)
			return true;
	return false;
}

static enum expectation
expect_status(struct judge *j, const struct cfg_expect *e, struct probe_result *out)
{
	uint16_t status = j->head.status;
	int found = 0;
	if (e->kind == CFG_EXPECT_NONE) {
		found = status >= 200 && status <= 399;
	} else if (e->kind == CFG_EXPECT_STATUS) {
		found = status_in(e, status);
	} else {
		char text[3] = {(char)('0' + status / 100 % 10),
				(char)('0' + status / 10 % 10),
				(char)('0' + status % 10)};
		found = matches(j, e->regex, span_of(text, sizeof(text)));
	}
	if (found >= 0 && (found == 1) != e->negate)
		return EXPECT_MET;
	return miss(out, RESULT_l7_status, status, j->head.reason);
}

static enum expectation
expect_text(struct judge *j, const struct cfg_expect *e, const struct known_body *b,
	    struct probe_result *out)
{
	if (b->is_broken)
		return miss(out, RESULT_l7_response, 0, SPAN(""));
	if (b->text.n == 0)
		return b->is_complete ? miss(out, RESULT_l7_response, 0,
					     SPAN("HTTP content check could not find a "
						  "response body"))
				      : EXPECT_OPEN;
	int found = 0;
	if (e->kind == CFG_EXPECT_STRING)
		found = memmem(b->text.p, b->text.n, e->pattern.p, e->pattern.n) != NULL;
	else
		found = matches(j, e->regex, b->text);
	if (found < 0)
		return miss(
			out, RESULT_l7_response, 0,
			SPAN("HTTP content check gave up: the regex is too expensive"));
	if (found && e->negate)
		return miss(out, RESULT_l7_response, 0,
			    SPAN("HTTP check matched unwanted content"));
	if (found)
		return EXPECT_MET;
	if (!b->is_complete)
		return EXPECT_OPEN;
	if (e->negate)
		return EXPECT_MET;
	return miss(out, RESULT_l7_response, 0, SPAN("HTTP content check did not match"));
}

static enum expectation
expect_one(struct judge *j, const struct cfg_expect *e, const struct known_body *b,
	   struct probe_result *out)
{
	switch (e->kind) {
	case CFG_EXPECT_NONE:
	case CFG_EXPECT_STATUS:
	case CFG_EXPECT_RSTATUS:
		return expect_status(j, e, out);
	case CFG_EXPECT_STRING:
	case CFG_EXPECT_RSTRING:
		return expect_text(j, e, b, out);
	}
	return EXPECT_MISSED;
}

/* All must be met, in the order of the configuration. */
static bool
judge_expects(struct judge *j, const struct cfg_check *c, const struct known_body *b,
	      struct probe_result *out)
{
	static const struct cfg_expect any_2xx_3xx = {.kind = CFG_EXPECT_NONE};
	const struct cfg_expect *expects = c->expects_n ? c->expects : &any_2xx_3xx;
	size_t n = c->expects_n ? c->expects_n : 1;
	for (size_t i = 0; i < n; i++) {
		switch (expect_one(j, &expects[i], b, out)) {
		case EXPECT_MET:
			break;
		case EXPECT_MISSED:
			return true;
		case EXPECT_OPEN:
			return false;
		}
	}
	out->id = RESULT_l7_ok;
	out->code = j->head.status;
	out->info[0] = 0;
	return true;
}

/* --- judgement ------------------------------------------------------------------------
 */

static bool
judge_invalid(struct probe_result *out)
{
	(void)miss(out, RESULT_l7_response, 0, SPAN(""));
	return true;
}

/* The final response's head, behind interim ones (RFC 9110 15.2), cut off *bytes. */
static enum http_parse
parse_head(struct judge *j, const struct http_limits *limits, struct span *bytes)
{
	enum http_reject why;
	while (true) {
		enum http_parse r = http_head_parse_response(bytes->p, bytes->n, 0,
							     limits, &j->head, &why);
		if (r != HTTP_PARSE_OK)
			return r;
		size_t used = (size_t)j->head.skipped + j->head.bytes;
		bytes->p += used;
		bytes->n -= used;
		if (j->head.status >= 200 || j->head.status == 101)
			return HTTP_PARSE_OK;
	}
}

bool
judge_response(struct judge *j, const struct cfg_check *c,
	       const struct http_limits *limits, struct span bytes, bool is_all,
	       struct probe_result *out)
{
	if (bytes.n >= PROBE_RESPONSE_BYTES) {
		bytes.n = PROBE_RESPONSE_BYTES;
		is_all = true;
	}
	if (bytes.n == 0)
		return is_all ? judge_invalid(out) : false;
	switch (parse_head(j, limits, &bytes)) {
	case HTTP_PARSE_OK:
		break;
	case HTTP_PARSE_INCOMPLETE:
		return is_all ? judge_invalid(out) : false;
	case HTTP_PARSE_REJECTED:
		return judge_invalid(out);
	}
	struct http_framing framing;
	enum http_method method =
		span_eq(c->method, SPAN("HEAD")) ? HTTP_METHOD_HEAD : HTTP_METHOD_GET;
	if (http_framing_response(&j->head, method, span_of(NULL, 0), &framing) !=
	    HTTP_REJECT_none)
		return judge_invalid(out);
	struct known_body body = body_of(j, &framing, limits, bytes, is_all);
	return judge_expects(j, c, &body, out);
}
