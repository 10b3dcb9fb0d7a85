/* SPDX-License-Identifier: MIT
 *
 * What presets expect of protocols that no pattern describes: greetings of MySQL, replies
 * of SMTP, binds of LDAP, answers of DNS, lines of agents. Runs in the checker. Pure:
 * bytes in.
 */
#include "checker/exam.h"

#include <stdio.h>
#include <string.h>

static unsigned
byte_at(struct span s, size_t i)
{
	return (unsigned char)s.p[i];
}

static enum expectation
fail(struct probe_result *out, enum result id, struct span info)
{
	out->id = id;
	probe_result_inform(out, info);
	return EXPECT_MISSED;
}

static enum expectation
pass(struct probe_result *out, struct span info)
{
	out->id = RESULT_l7_ok;
	probe_result_inform(out, info);
	return EXPECT_MET;
}

/* --- MySQL: a length of 3 bytes, a number, the payload -------------------------------
 */

enum { MYSQL_HEADER_BYTES = 4, MYSQL_ERROR = 0xff };

/* Cuts the first packet's payload off *bytes; false: it is not all there. */
static bool
cut_packet(struct span *bytes, struct span *payload)
{
	if (bytes->n < MYSQL_HEADER_BYTES)
		return false;
	size_t n =
		byte_at(*bytes, 0) | byte_at(*bytes, 1) << 8 | byte_at(*bytes, 2) << 16;
	if (bytes->n - MYSQL_HEADER_BYTES < n)
		return false;
	*payload = span_of(bytes->p + MYSQL_HEADER_BYTES, n);
	*bytes = span_of(payload->p + n, bytes->n - MYSQL_HEADER_BYTES - n);
	return true;
}

/* 0xff, a number, perhaps '#' and an SQL state of 5 letters, a text. */
static enum expectation
mysql_error(struct span payload, struct probe_result *out)
{
	size_t at = payload.n > 3 && payload.p[3] == '#' ? 9 : 3;
	if (payload.n >= 3)
		out->code = byte_at(payload, 1) | byte_at(payload, 2) << 8;
	struct span text = at < payload.n ? span_of(payload.p + at, payload.n - at)
					  : SPAN("MySQL server sent an error");
	return fail(out, RESULT_l7_status, text);
}

/* Cuts the greeting off *bytes: protocol version, then the server's up to a zero. Only
 * with MET does *out have that version. */
static enum expectation
cut_greeting(struct exam *x, struct span *bytes, struct probe_result *out)
{
	struct span payload;
	if (!cut_packet(bytes, &payload))
		return x->is_all ? fail(out, RESULT_l7_response,
					SPAN("MySQL server sent no greeting"))
				 : EXPECT_OPEN;
	if (payload.n && byte_at(payload, 0) == MYSQL_ERROR)
		return mysql_error(payload, out);
	const char *end = payload.n > 1 ? memchr(payload.p + 1, 0, payload.n - 1) : NULL;
	if (!end)
		return fail(out, RESULT_l7_response,
			    SPAN("MySQL server sent no greeting"));
	return pass(out, span_of(payload.p + 1, (size_t)(end - payload.p) - 1));
}

static enum expectation
mysql_greeting(struct exam *x, struct probe_result *out)
{
	struct span rest = x->bytes;
	return cut_greeting(x, &rest, out);
}

/* A greeting, then anything but an error: the server knows the user. */
static enum expectation
mysql_ok(struct exam *x, struct probe_result *out)
{
	struct span rest = x->bytes, payload;
	enum expectation greeted = cut_greeting(x, &rest, out);
	if (greeted != EXPECT_MET)
		return greeted;
	if (!cut_packet(&rest, &payload))
		return x->is_all ? fail(out, RESULT_l7_response,
					SPAN("MySQL server did not answer the login"))
				 : EXPECT_OPEN;
	if (payload.n == 0 || byte_at(payload, 0) == MYSQL_ERROR)
		return mysql_error(payload, out);
	return EXPECT_MET;
}

/* --- SMTP: lines of a code and a text; '-' between them: more follow (RFC 5321 4.2.1)
 */

enum { SMTP_CODE_BYTES = 3 };

/* The number of a line that may be one of a reply; 0: it is not. */
static unsigned
smtp_code(struct span line)
{
	unsigned code = 0;
	if (line.n < SMTP_CODE_BYTES)
		return 0;
	for (size_t i = 0; i < SMTP_CODE_BYTES; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return 0;
		code = code * 10 + (unsigned)(line.p[i] - '0');
	}
	bool is_apart = line.n == SMTP_CODE_BYTES || line.p[SMTP_CODE_BYTES] == ' ' ||
			line.p[SMTP_CODE_BYTES] == '-';
	return is_apart ? code : 0;
}

/* A whole reply; it is positive with a code from 200. What is no reply is told by its
 * first bytes: nobody waits for the end of its line. */
static enum expectation
smtp_reply(struct exam *x, struct probe_result *out)
{
	struct span rest = x->bytes;
	while (true) {
		const char *end = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
		struct span line = span_of(rest.p, end ? (size_t)(end - rest.p) : rest.n);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		unsigned code = smtp_code(line);
		bool is_open = !end && !x->is_all;
		if (is_open && (code || rest.n <= SMTP_CODE_BYTES))
			return EXPECT_OPEN;
		if (!code)
			return fail(out, RESULT_l7_response, line);
		if (!end || line.n == SMTP_CODE_BYTES || line.p[SMTP_CODE_BYTES] == ' ') {
			out->code = code;
			line = span_of(line.p + SMTP_CODE_BYTES,
				       line.n - SMTP_CODE_BYTES);
			return code / 100 == 2 ? pass(out, line)
					       : fail(out, RESULT_l7_status, line);
		}
		rest = span_of(end + 1, rest.n - (size_t)(end + 1 - rest.p));
	}
}

/* --- LDAP: BER (RFC 4511 4.2.2) ------------------------------------------------------
 */

/* The contents of the element of that tag at the front, cut off; false: another one. */
static bool
cut_element(struct span *s, unsigned tag, struct span *contents)
{
	size_t at = 2, n;
	if (s->n < 2 || byte_at(*s, 0) != tag)
		return false;
	n = byte_at(*s, 1);
	if (n & 0x80) {
		size_t bytes = n & 0x7f;
		if (bytes > 4 || s->n < 2 + bytes)
			return false;
		for (n = 0; at < 2 + bytes; at++)
			n = n << 8 | byte_at(*s, at);
	}
	if (s->n - at < n)
		return false;
	*contents = span_of(s->p + at, n);
	*s = span_of(s->p + at + n, s->n - at - n);
	return true;
}

enum {
	BER_INTEGER = 0x02,
	BER_ENUMERATED = 0x0a,
	BER_SEQUENCE = 0x30,
	LDAP_BIND_RESPONSE = 0x61,
};

static enum expectation
ldap_bound(struct exam *x, struct probe_result *out)
{
	struct span rest = x->bytes, message, number, response, code;
	if (!cut_element(&rest, BER_SEQUENCE, &message))
		return x->is_all ? fail(out, RESULT_l7_response,
					SPAN("Not LDAPv3 protocol"))
				 : EXPECT_OPEN;
	if (!cut_element(&message, BER_INTEGER, &number) ||
	    !cut_element(&message, LDAP_BIND_RESPONSE, &response) ||
	    !cut_element(&response, BER_ENUMERATED, &code) || code.n != 1)
		return fail(out, RESULT_l7_response, SPAN("Not LDAPv3 protocol"));
	out->code = byte_at(code, 0);
	if (out->code == 0)
		return pass(out, SPAN("Success"));
	return fail(out, RESULT_l7_status,
		    SPAN("See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9"));
}

/* --- DNS (RFC 1035 4.1.1) -------------------------------------------------------------
 */

enum { DNS_HEADER_BYTES = 12, DNS_IS_RESPONSE = 0x80, DNS_RCODE = 0x0f };

/* The answer to another query is as none. */
static enum expectation
dns_answer(struct exam *x, const struct cfg_expect *e, struct probe_result *out)
{
	static const char *const names[] = {"NOERROR",	"FORMERR", "SERVFAIL",
					    "NXDOMAIN", "NOTIMP",  "REFUSED"};
	struct span s = x->bytes;
	if (s.n < DNS_HEADER_BYTES ||
	    (byte_at(s, 0) << 8 | byte_at(s, 1)) != x->query_id ||
	    !(byte_at(s, 2) & DNS_IS_RESPONSE))
		return x->is_all ? fail(out, RESULT_l7_response, SPAN("no answer of DNS"))
				 : EXPECT_OPEN;
	unsigned rcode = byte_at(s, 3) & DNS_RCODE;
	unsigned answers = byte_at(s, 6) << 8 | byte_at(s, 7);
	struct span name = rcode < 6 ? span_str(names[rcode]) : SPAN("error");
	bool is_missing = rcode == 3 || (rcode == 0 && answers == 0);
	out->code = rcode;
	if (rcode != 0 && !(is_missing && !e->has_value))
		return fail(out, RESULT_l7_status, name);
	if (is_missing && e->has_value)
		return fail(out, RESULT_l7_status, SPAN("no record of that type"));
	return pass(out, name);
}

/* --- agents ---------------------------------------------------------------------------
 */

/* A line, ended by the first '\r' or '\n', or by the end of the connection. */
static enum expectation
agent_line(struct exam *x, struct probe_result *out)
{
	size_t n = 0;
	while (n < x->bytes.n && x->bytes.p[n] != '\r' && x->bytes.p[n] != '\n')
		n++;
	if (n == x->bytes.n && !x->is_all)
		return EXPECT_OPEN;
	if (n == 0)
		return fail(out, RESULT_l7_response, SPAN("the agent said nothing"));
	char line[PROBE_INFO_BYTES];
	bool is_long = n >= sizeof(line);
	n = is_long ? sizeof(line) - 1 : n;
	for (size_t i = 0; i < n; i++)
		line[i] = x->bytes.p[i] == '\t' ? ' ' : x->bytes.p[i];
	if (is_long && !memchr(line, '#', n)) /* a description may be cut */
		return fail(out, RESULT_l7_response, SPAN("the agent says too much"));
	return pass(out, span_of(line, n));
}

enum expectation
protocol_expect(struct exam *x, const struct cfg_expect *e, struct probe_result *out)
{
	switch (e->kind) {
	case CFG_EXPECT_MYSQL_GREETING:
		return mysql_greeting(x, out);
	case CFG_EXPECT_MYSQL_OK:
		return mysql_ok(x, out);
	case CFG_EXPECT_SMTP_REPLY:
		return smtp_reply(x, out);
	case CFG_EXPECT_LDAP_BOUND:
		return ldap_bound(x, out);
	case CFG_EXPECT_DNS_ANSWER:
		return dns_answer(x, e, out);
	case CFG_EXPECT_AGENT_LINE:
		return agent_line(x, out);
	default:
		return EXPECT_MISSED;
	}
}
