/* SPDX-License-Identifier: MIT
 *
 * Expectations and responses. Runs in the checker.
 */
#include "checker/exam.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"
#include "lib/http/chunk.h"
#include "lib/http/framing.h"

struct exam *
exam_new(const struct expr_host *host)
{
	struct exam *x = must_calloc(1, sizeof(*x));
	x->scratch.bytes = must_alloc(EXAM_SCRATCH_BYTES);
	x->scratch.cap = EXAM_SCRATCH_BYTES;
	x->base = (struct expr_context){host, &x->scratch, EXPR_AT_CHECK, NULL};
	return x;
}

void
exam_free(struct exam **x)
{
	if (!*x)
		return;
	free((*x)->scratch.bytes);
	free(*x);
	*x = NULL;
}

void
exam_read(struct exam *x, struct span bytes, bool is_all)
{
	if (bytes.n >= PROBE_RESPONSE_BYTES) {
		bytes.n = PROBE_RESPONSE_BYTES;
		is_all = true;
	}
	x->bytes = bytes;
	x->is_all = is_all;
	x->is_parsed = x->is_broken = x->has_head = x->has_body = false;
	x->is_body_broken = false;
	x->is_last = true;
	x->body = span_of(NULL, 0);
	x->scratch.used = 0;
}

/* --- HTTP ------------------------------------------------------------------------- */

static void
join_chunks(struct exam *x, struct span raw)
{
	struct http_chunk chunk;
	x->body = span_of(x->chunks, 0);
	x->has_body = x->is_all;
	http_chunk_init(&chunk);
	while (true) {
		size_t used = 0;
		struct span data = {NULL, 0};
		enum http_reject why;
		switch (http_chunk_decode(&chunk, raw.p, raw.n, x->limits, &used, &data,
					  &why)) {
		case HTTP_CHUNK_DATA:
			/* fits: all data together is shorter than the response */
			memcpy(x->chunks + x->body.n, data.p, data.n);
			x->body.n += data.n;
			break;
		case HTTP_CHUNK_MORE:
			return;
		case HTTP_CHUNK_END:
			x->has_body = true;
			x->is_last = used < raw.n;
			return;
		case HTTP_CHUNK_BAD:
			x->is_body_broken = true;
			return;
		}
		raw.p += used;
		raw.n -= used;
	}
}

static void
find_body(struct exam *x, const struct http_framing *f, struct span raw)
{
	switch (f->body) {
	case HTTP_BODY_NONE:
		x->has_body = true;
		x->is_last = raw.n > 0;
		break;
	case HTTP_BODY_TUNNEL:
		x->has_body = true;
		break;
	case HTTP_BODY_LENGTH:
		x->has_body = x->is_all || raw.n >= f->length;
		x->is_last = raw.n != f->length;
		if (raw.n > f->length)
			raw.n = (size_t)f->length;
		x->body = raw;
		break;
	case HTTP_BODY_CHUNKED:
		join_chunks(x, raw);
		break;
	case HTTP_BODY_CLOSE:
		x->body = raw;
		x->has_body = x->is_all;
		break;
	}
}

/* The final response's head, behind interim ones (RFC 9110 15.2), cut off *bytes. */
static enum http_parse
parse_head(struct exam *x, struct span *bytes)
{
	enum http_reject why;
	while (true) {
		enum http_parse r = http_head_parse_response(bytes->p, bytes->n, 0,
							     x->limits, &x->head, &why);
		if (r != HTTP_PARSE_OK)
			return r;
		size_t used = (size_t)x->head.skipped + x->head.bytes;
		bytes->p += used;
		bytes->n -= used;
		if (x->head.status >= 200 || x->head.status == 101)
			return HTTP_PARSE_OK;
	}
}

bool
exam_head(struct exam *x)
{
	struct span rest = x->bytes;
	struct http_framing framing;
	if (x->is_parsed)
		return x->has_head;
	x->is_parsed = true;
	enum http_parse r = rest.n ? parse_head(x, &rest) : HTTP_PARSE_INCOMPLETE;
	if (r == HTTP_PARSE_INCOMPLETE) {
		x->is_broken = x->is_all;
		return false;
	}
	x->is_broken = r != HTTP_PARSE_OK ||
		       http_framing_response(&x->head, x->method, x->upgrade, &framing) !=
			       HTTP_REJECT_none;
	if (x->is_broken)
		return false;
	x->has_head = true;
	find_body(x, &framing, rest);
	x->is_last |= x->is_all || !framing.keep_alive;
	return true;
}

/* --- texts ------------------------------------------------------------------------ */

struct span
exam_text(struct exam *x, const struct cfg_text *t)
{
	if (!t->format)
		return t->bytes;
	size_t room = x->scratch.cap - x->scratch.used;
	char *at = expr_scratch_take(&x->scratch, room / 2);
	if (!at)
		return SPAN("");
	size_t n = format_write(t->format, &x->base, at, room / 2);
	x->scratch.used = (size_t)(at - x->scratch.bytes) + n;
	return span_of(at, n);
}

static const char *
what_of(const struct cfg_expect *e)
{
	switch (e->kind) {
	case CFG_EXPECT_STATUS:
		return "HTTP status codes";
	case CFG_EXPECT_RSTATUS:
		return "HTTP status regex";
	case CFG_EXPECT_HDR:
	case CFG_EXPECT_FHDR:
		return "HTTP header pattern";
	case CFG_EXPECT_STRING:
		return "string";
	case CFG_EXPECT_RSTRING:
		return "regex";
	case CFG_EXPECT_BINARY:
		return "binary";
	case CFG_EXPECT_RBINARY:
		return "regex on binary";
	case CFG_EXPECT_MYSQL_GREETING:
	case CFG_EXPECT_MYSQL_OK:
	case CFG_EXPECT_SMTP_REPLY:
	case CFG_EXPECT_LDAP_BOUND:
	case CFG_EXPECT_DNS_ANSWER:
	case CFG_EXPECT_AGENT_LINE:
		break;
	}
	return "answer";
}

void
exam_place(const struct cfg_check *check, const struct cfg_step *step, char *out,
	   size_t cap)
{
	int n;
	*out = 0;
	if (check->kind != CFG_CHECK_SCRIPT)
		return;
	if (step->number == 0) {
		snprintf(out, cap, " at initial connection step of tcp-check");
		return;
	}
	n = snprintf(out, cap, " at step %u of tcp-check", step->number);
	if (n < 0 || (size_t)n >= cap)
		return;
	out += n;
	cap -= (size_t)n;
	if (step->kind == CFG_STEP_CONNECT && step->connect && step->connect->port)
		n = snprintf(out, cap, " (connect port %u)", step->connect->port);
	else if (step->kind == CFG_STEP_CONNECT)
		n = snprintf(out, cap, " (connect)");
	else if (step->kind == CFG_STEP_EXPECT &&
		 step->expect->kind == CFG_EXPECT_STRING && !step->expect->pattern.format)
		n = snprintf(out, cap, " (expect string '%.*s')",
			     (int)step->expect->pattern.bytes.n,
			     step->expect->pattern.bytes.p);
	else if (step->kind == CFG_STEP_EXPECT)
		n = snprintf(out, cap, " (expect %s)", what_of(step->expect));
	else
		n = snprintf(out, cap, " (send)");
	if (step->comment && n > 0 && (size_t)n < cap)
		snprintf(out + n, cap - (size_t)n, " comment: '%s'", step->comment);
}

/* --- ends ------------------------------------------------------------------------- */

static void
read_code(struct exam *x, const struct cfg_expect *e, struct probe_result *out)
{
	struct expr_sample v = {.next = 0};
	if (!e->status_code || !expr_eval(e->status_code, &x->base, EXPR_ANY, &v))
		return;
	if (v.type == EXPR_BIN) /* digits, as the protocol has them */
		v.type = EXPR_STR;
	if (expr_cast(&x->base, &v, EXPR_INT) && v.integer > 0 && v.integer <= UINT32_MAX)
		out->code = (uint32_t)v.integer;
}

static enum result
error_of(const struct cfg_expect *e)
{
	static const enum result results[] = {RESULT_l7_okc, RESULT_l7_response,
					      RESULT_l7_status, RESULT_l6_response,
					      RESULT_l4_connection};
	if (e->error_status)
		return results[e->error_status - 1];
	return e->kind <= CFG_EXPECT_FHDR ? RESULT_l7_status : RESULT_l7_response;
}

/* What the generic text says behind "TCPCHK did not match content". */
static void
describe(const struct exam *x, const struct cfg_step *step, bool is_unwanted,
	 struct probe_result *out)
{
	char text[PROBE_INFO_BYTES];
	const struct cfg_expect *e = step->expect;
	const char *what = is_unwanted ? "TCPCHK matched unwanted content"
				       : "TCPCHK did not match content";
	if (x->check->kind != CFG_CHECK_SCRIPT)
		text[0] = 0;
	else if (e->kind == CFG_EXPECT_STRING || e->kind == CFG_EXPECT_RSTRING)
		snprintf(text, sizeof(text), "%s '%.*s' at step %u", what,
			 (int)e->pattern.bytes.n,
			 e->pattern.bytes.n ? e->pattern.bytes.p : "", step->number);
	else
		snprintf(text, sizeof(text), "%s (%s) at step %u", what, what_of(e),
			 step->number);
	probe_result_inform(out, span_str(text));
}

/* Not met. info: what is known of it, or p == NULL. */
static enum expectation
miss(struct exam *x, const struct cfg_step *step, struct span info, bool is_unwanted,
     struct probe_result *out)
{
	const struct cfg_expect *e = step->expect;
	const struct cfg_text on_error = {.format = e->on_error};
	out->id = error_of(e);
	if (e->on_error)
		probe_result_inform(out, exam_text(x, &on_error));
	else if (info.p)
		probe_result_inform(out, info);
	else
		describe(x, step, is_unwanted, out);
	if (step->comment) {
		size_t n = strlen(out->info);
		snprintf(out->info + n, sizeof(out->info) - n, "%scomment: %s",
			 n ? " " : "", step->comment);
	}
	if (x->check->kind == CFG_CHECK_HTTP && x->has_head)
		out->code = x->head.status;
	read_code(x, e, out);
	return EXPECT_MISSED;
}

static enum expectation
meet(struct exam *x, const struct cfg_expect *e, struct probe_result *out)
{
	static const enum result results[] = {RESULT_l7_ok, RESULT_l7_okc, RESULT_l6_ok,
					      RESULT_l4_ok};
	const struct cfg_text on_success = {.format = e->on_success};
	out->id = results[e->ok_status];
	if (x->check->kind == CFG_CHECK_HTTP && x->has_head)
		out->code = x->head.status;
	read_code(x, e, out);
	if (e->on_success)
		probe_result_inform(out, exam_text(x, &on_success));
	return EXPECT_MET;
}

/* --- bytes ------------------------------------------------------------------------- */

static bool
matches(struct exam *x, const struct expr_regex *r, struct span s, bool *is_lost)
{
	size_t whole[2];
	int n = r ? expr_regex_match(r, &x->base, s, 0, whole, 1) : 0;
	*is_lost = n < 0;
	return n > 0;
}

static unsigned
digit_of(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

/* Digits a format has made; half a byte and what is no digit count as no match. */
bool
exam_from_digits(struct exam *x, struct span *s)
{
	char *to = s->n % 2 ? NULL : expr_scratch_take(&x->scratch, s->n / 2 + 1);
	if (!to)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (!memchr("0123456789abcdefABCDEF", s->p[i], 22))
			return false;
	for (size_t i = 0; i < s->n / 2; i++)
		to[i] = (char)(digit_of(s->p[2 * i]) << 4 | digit_of(s->p[2 * i + 1]));
	*s = span_of(to, s->n / 2);
	return true;
}

static struct span
to_digits(struct exam *x, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		x->digits[2 * i] = "0123456789ABCDEF"[c >> 4];
		x->digits[2 * i + 1] = "0123456789ABCDEF"[c & 15];
	}
	return span_of(x->digits, 2 * s.n);
}

static bool
is_there(struct exam *x, const struct cfg_expect *e, struct span in, bool *is_lost)
{
	*is_lost = false;
	if (e->kind == CFG_EXPECT_RSTRING)
		return matches(x, e->regex, in, is_lost);
	if (e->kind == CFG_EXPECT_RBINARY)
		return matches(x, e->regex, to_digits(x, in), is_lost);
	struct span want = exam_text(x, &e->pattern);
	if (e->pattern.format && e->is_hex && !exam_from_digits(x, &want))
		return false;
	return want.n == 0 || (in.n >= want.n && memmem(in.p, in.n, want.p, want.n));
}

/* Whether so few bytes can decide. */
static bool
is_too_short(const struct cfg_expect *e, size_t n)
{
	bool is_exact = !e->pattern.format &&
			(e->kind == CFG_EXPECT_STRING || e->kind == CFG_EXPECT_BINARY);
	size_t least = e->min_recv > 0 ? (size_t)e->min_recv : 0;
	if (is_exact && (least == 0 || e->pattern.bytes.n < least))
		least = e->pattern.bytes.n;
	return n < least;
}

static enum expectation
expect_bytes(struct exam *x, const struct cfg_step *step, struct probe_result *out)
{
	const struct cfg_expect *e = step->expect;
	bool is_lost;
	if (x->bytes.n == 0) {
		char text[PROBE_INFO_BYTES] = "";
		if (!x->is_all)
			return EXPECT_OPEN;
		if (x->check->kind == CFG_CHECK_SCRIPT)
			snprintf(text, sizeof(text),
				 "TCPCHK got an empty response at step %u", step->number);
		return miss(x, step, span_str(text), false, out);
	}
	if (!x->is_all && is_too_short(e, x->bytes.n))
		return EXPECT_OPEN;
	bool found = is_there(x, e, x->bytes, &is_lost);
	if (is_lost)
		return miss(x, step, SPAN("the regex is too expensive"), false, out);
	/* a minimum makes what is there conclusive */
	if (!found && !x->is_all && e->min_recv == -1)
		return EXPECT_OPEN;
	return found != e->negate ? meet(x, e, out)
				  : miss(x, step, span_of(NULL, 0), found, out);
}

/* --- of HTTP -------------------------------------------------------------------------
 */

static enum expectation
expect_body(struct exam *x, const struct cfg_step *step, struct probe_result *out)
{
	const struct cfg_expect *e = step->expect;
	bool is_lost;
	if (x->is_body_broken)
		return miss(x, step, SPAN(""), false, out);
	if (x->body.n == 0 && !x->has_body)
		return EXPECT_OPEN;
	if (x->body.n == 0)
		return miss(x, step,
			    SPAN("HTTP content check could not find a response body"),
			    false, out);
	if (!x->has_body && is_too_short(e, x->body.n))
		return EXPECT_OPEN;
	bool found = is_there(x, e, x->body, &is_lost);
	if (is_lost)
		return miss(
			x, step,
			SPAN("HTTP content check gave up: the regex is too expensive"),
			false, out);
	if (!found && !x->has_body && e->min_recv == -1)
		return EXPECT_OPEN;
	if (found != e->negate)
		return meet(x, e, out);
	return miss(x, step,
		    found ? SPAN("HTTP check matched unwanted content")
			  : SPAN("HTTP content check did not match"),
		    found, out);
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
expect_status(struct exam *x, const struct cfg_step *step, struct probe_result *out)
{
	const struct cfg_expect *e = step->expect;
	uint16_t status = x->head.status;
	bool is_lost = false, found;
	if (e->kind == CFG_EXPECT_STATUS) {
		found = status_in(e, status);
	} else {
		char text[3] = {(char)('0' + status / 100 % 10),
				(char)('0' + status / 10 % 10),
				(char)('0' + status % 10)};
		found = matches(x, e->regex, span_of(text, sizeof(text)), &is_lost);
	}
	if (!is_lost && found != e->negate)
		return meet(x, e, out);
	struct span reason = x->head.reason;
	return miss(x, step, reason.p ? reason : SPAN(""), found, out);
}

static bool
has_name_part(struct span name, struct span part)
{
	for (size_t i = 0; i + part.n <= name.n; i++)
		if (span_ieq(span_of(name.p + i, part.n), part))
			return true;
	return false;
}

static bool
compares(struct exam *x, const struct cfg_compare *c, struct span s, bool is_name)
{
	bool is_lost;
	struct span want = exam_text(x, &c->text);
	switch ((enum cfg_match)c->match) {
	case CFG_MATCH_STR:
		return is_name ? span_ieq(s, want) : span_eq(s, want);
	case CFG_MATCH_BEG:
		return is_name ? s.n >= want.n && span_ieq(span_of(s.p, want.n), want)
			       : span_begins(s, want);
	case CFG_MATCH_END:
		return is_name ? s.n >= want.n &&
					 span_ieq(span_of(s.p + s.n - want.n, want.n),
						  want)
			       : span_ends(s, want);
	case CFG_MATCH_SUB:
		return is_name ? has_name_part(s, want)
			       : want.n == 0 || (s.n >= want.n &&
						 memmem(s.p, s.n, want.p, want.n));
	case CFG_MATCH_REG:
		return matches(x, c->regex, s, &is_lost);
	}
	return false;
}

/* Any of the values between commas, which stand in quotes where they are text. */
static bool
value_compares(struct exam *x, const struct cfg_expect *e, struct span value)
{
	if (e->kind == CFG_EXPECT_FHDR)
		return compares(x, &e->value, value, false);
	while (true) {
		bool quoted = false;
		size_t end = 0;
		for (; end < value.n && (quoted || value.p[end] != ','); end++)
			if (value.p[end] == '"')
				quoted = !quoted;
			else if (value.p[end] == '\\' && quoted && end + 1 < value.n)
				end++;
		struct span one = span_trim(span_of(value.p, end));
		if (compares(x, &e->value, one, false))
			return true;
		if (end >= value.n)
			return false;
		value = span_of(value.p + end + 1, value.n - end - 1);
	}
}

static enum expectation
expect_field(struct exam *x, const struct cfg_step *step, struct probe_result *out)
{
	const struct cfg_expect *e = step->expect;
	bool found = false;
	for (unsigned i = 0; i < x->head.fields_n && !found; i++) {
		const struct http_field *f = &x->head.fields[i];
		found = compares(x, &e->name, http_field_name(&x->head, f), true) &&
			(!e->has_value ||
			 value_compares(x, e, http_field_value(&x->head, f)));
	}
	if (found != e->negate)
		return meet(x, e, out);
	struct span reason = x->head.reason;
	return miss(x, step, reason.p ? reason : SPAN(""), found, out);
}

static enum expectation
expect_http(struct exam *x, const struct cfg_step *step, struct probe_result *out)
{
	const struct cfg_expect *e = step->expect;
	if (!exam_head(x)) {
		if (!x->is_broken)
			return EXPECT_OPEN;
		out->id = RESULT_l7_response;
		return EXPECT_MISSED;
	}
	if (e->kind == CFG_EXPECT_STATUS || e->kind == CFG_EXPECT_RSTATUS)
		return expect_status(x, step, out);
	if (e->kind == CFG_EXPECT_HDR || e->kind == CFG_EXPECT_FHDR)
		return expect_field(x, step, out);
	return expect_body(x, step, out);
}

enum expectation
exam_expect(struct exam *x, const struct cfg_step *step, struct probe_result *out)
{
	const struct cfg_expect *e = step->expect;
	out->code = 0;
	out->info[0] = 0;
	if (x->check->kind == CFG_CHECK_HTTP)
		return expect_http(x, step, out);
	if (e->kind < CFG_EXPECT_MYSQL_GREETING)
		return expect_bytes(x, step, out);
	enum expectation end = protocol_expect(x, e, out);
	if (end == EXPECT_MET && e->on_success)
		return meet(x, e, out);
	return end;
}
