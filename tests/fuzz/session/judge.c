/* SPDX-License-Identifier: MIT
 *
 * An independent reading of what weir sent. Only in the fuzz target.
 */
#include "judge.h"

#include <stdlib.h>
#include <strings.h>

#include "lib/base/must.h"

static bool
is_token(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 127 ||
		    strchr("\"(),/:;<=>?@[\\]{}", s.p[i]))
			return false;
	return s.n > 0;
}

static void
expect_clean(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		must(((unsigned char)s.p[i] >= ' ' && s.p[i] != 127) || s.p[i] == '\t');
}

static bool
is_named(struct span name, const char *word)
{
	return name.n == strlen(word) && strncasecmp(name.p, word, name.n) == 0;
}

static uint64_t
decimal(struct span s)
{
	uint64_t v = 0;
	must(s.n > 0 && s.n < 20);
	for (size_t i = 0; i < s.n; i++) {
		must(s.p[i] >= '0' && s.p[i] <= '9');
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	return v;
}

/* The line that begins at p; false: its end is not there. */
static bool
take_line(struct span bytes, struct span *line)
{
	const char *end = bytes.n ? memmem(bytes.p, bytes.n, "\r\n", 2) : NULL;
	if (!end)
		return false;
	*line = span_of(bytes.p, (size_t)(end - bytes.p));
	return true;
}

uint64_t
judge_number(struct span line)
{
	uint64_t v = 0;
	const char *path = memmem(line.p, line.n, " " NUMBERED_PATH, 4);
	for (const char *p = path ? path + 4 : line.p + line.n;
	     p < line.p + line.n && *p >= '0' && *p <= '9'; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	return v;
}

static void
judge_request_line(struct span s)
{
	const char *first = memchr(s.p, ' ', s.n);
	must(first && is_token(span_of(s.p, (size_t)(first - s.p))));
	const char *end = s.p + s.n - strlen(" HTTP/1.1");
	must(end > first + 1 && memcmp(end, " HTTP/1.1", 9) == 0);
	for (const char *p = first + 1; p < end; p++)
		must(*p != ' ' && *p != '\t');
}

static void
judge_status_line(struct span s)
{
	must(s.n >= 13 && memcmp(s.p, "HTTP/1.1 ", 9) == 0 && s.p[12] == ' ');
	for (int i = 9; i < 12; i++)
		must(s.p[i] >= '0' && s.p[i] <= '9');
}

static void
judge_field(struct message *m, struct span line)
{
	const char *colon = memchr(line.p, ':', line.n);
	must(colon);
	struct span name = span_of(line.p, (size_t)(colon - line.p));
	struct span value = span_of(colon + 1, (size_t)(line.p + line.n - colon - 1));
	while (value.n && (*value.p == ' ' || *value.p == '\t'))
		value = span_of(value.p + 1, value.n - 1);
	must(is_token(name));
	if (is_named(name, "Content-Length")) {
		must(!m->has_length && !m->is_chunked);
		m->has_length = true;
		m->length = decimal(value);
	} else if (is_named(name, "Transfer-Encoding")) {
		must(!m->has_length && !m->is_chunked && is_named(value, "chunked"));
		m->is_chunked = true;
	} else if (is_named(name, "Host")) {
		m->hosts_n++;
	} else if (is_named(name, "Upgrade")) {
		m->wants_upgrade = true;
	} else if (is_named(name, ECHO_NAME)) {
		m->echo = decimal(value);
		m->has_echo = true;
	} else if (is_named(name, SIZE_NAME)) {
		m->size = decimal(value);
		m->has_size = true;
	}
	must(!is_named(name, "Keep-Alive") && !is_named(name, "Proxy-Connection"));
}

bool
judge_head(struct span bytes, bool is_request, struct message *m)
{
	struct span line;
	const char *end = bytes.n ? memmem(bytes.p, bytes.n, "\r\n\r\n", 4) : NULL;
	*m = (struct message){.start = {NULL, 0}};
	if (!end)
		return false;
	m->head_n = (size_t)(end - bytes.p) + 4;
	for (size_t at = 0; at + 2 < m->head_n; at += line.n + 2) {
		must(take_line(span_of(bytes.p + at, m->head_n - at), &line));
		expect_clean(line);
		if (at)
			judge_field(m, line);
		else
			m->start = line;
	}
	if (is_request) {
		judge_request_line(m->start);
		must(m->hosts_n == 1);
	} else {
		judge_status_line(m->start);
	}
	return true;
}

static void
expect_body(struct span data, uint64_t number, uint64_t from)
{
	for (size_t i = 0; number && i < data.n; i++)
		must(data.p[i] == body_byte(number, (size_t)from + i));
}

static bool
judge_trailers(struct span bytes, size_t *used)
{
	struct span line;
	struct message ignored = {.length = 0};
	size_t at = 0;
	do {
		if (!take_line(span_of(bytes.p + at, bytes.n - at), &line))
			return false;
		at += line.n + 2;
		expect_clean(line);
		if (line.n)
			judge_field(&ignored, line);
		must(!ignored.has_length && !ignored.is_chunked && !ignored.hosts_n);
	} while (line.n);
	*used = at;
	return true;
}

static bool
judge_chunks(struct span b, uint64_t number, size_t *used, uint64_t *decoded)
{
	for (size_t at = 0, n;; at += n + 2) {
		struct span line;
		char *end;
		if (!take_line(span_of(b.p + at, b.n - at), &line))
			return false;
		must(line.n > 0 && line.n < 16);
		at += line.n + 2;
		n = strtoul(line.p, &end, 16);
		must(end == line.p + line.n); /* digits only, and no extension */
		if (n == 0) {
			bool whole = judge_trailers(span_of(b.p + at, b.n - at), used);
			*used += at;
			return whole;
		}
		size_t here = n < b.n - at ? n : b.n - at;
		expect_body(span_of(b.p + at, here), number, *decoded);
		*decoded += here;
		if (b.n - at < n + 2)
			return false;
		must(memcmp(b.p + at + n, "\r\n", 2) == 0);
	}
}

bool
judge_body(struct span b, const struct message *m, uint64_t number, size_t *used,
	   uint64_t *decoded)
{
	*used = 0;
	*decoded = 0;
	if (m->is_chunked)
		return judge_chunks(b, number, used, decoded);
	*used = b.n < m->length ? b.n : (size_t)m->length;
	*decoded = *used;
	expect_body(span_of(b.p, *used), number, 0);
	return *used == m->length;
}

void
judge_requests(struct span bytes, bool is_tunnel)
{
	struct message m;
	size_t used;
	uint64_t decoded;
	for (size_t at = 0; at < bytes.n; at += used) {
		if (!judge_head(span_of(bytes.p + at, bytes.n - at), true, &m))
			return;
		at += m.head_n;
		if (!judge_body(span_of(bytes.p + at, bytes.n - at), &m,
				judge_number(m.start), &used, &decoded))
			return;
		if (m.wants_upgrade && is_tunnel)
			return;
	}
}

/* An answer with its mark is the one to this question, and a whole one is as long as the
 * server meant it to be. */
static void
judge_answer(const struct message *m, const struct question *q, bool is_whole,
	     uint64_t decoded)
{
	if (m->has_echo)
		must(m->echo == q->number);
	if (m->has_size && is_whole)
		must(decoded == m->size);
}

/* One response. false: nothing may or can follow. */
static bool
judge_response(struct span bytes, const struct question *q, size_t *used, bool *is_final)
{
	struct message m;
	size_t body_used = 0;
	uint64_t decoded = 0;
	if (!judge_head(bytes, false, &m))
		return false;
	int status = (int)decimal(span_of(m.start.p + 9, 3));
	struct span rest = span_of(bytes.p + m.head_n, bytes.n - m.head_n);
	*is_final = status >= 200;
	*used = m.head_n;
	if (status == 101) {
		must(q->wants_upgrade);
		return false;
	}
	if (status < 200 || status == 204 || status == 304 || q->is_head) {
		must(status >= 200 || (!m.has_length && !m.is_chunked));
		judge_answer(&m, q, false, 0);
		return true;
	}
	uint64_t number = m.has_echo ? m.echo : 0;
	if (!m.has_length && !m.is_chunked) { /* until the connection ends */
		expect_body(rest, number, 0);
		judge_answer(&m, q, false, 0);
		return false;
	}
	bool is_whole = judge_body(rest, &m, number, &body_used, &decoded);
	judge_answer(&m, q, is_whole, decoded);
	*used += body_used;
	return is_whole;
}

void
judge_responses(struct span bytes, const struct questions *asked)
{
	static const struct question none;
	unsigned answered = 0;
	for (size_t at = 0, used; at < bytes.n; at += used) {
		bool is_known = answered < asked->n, is_final = false;
		must(answered <= asked->n); /* one more: what could not be read */
		const struct question *q = is_known ? &asked->q[answered] : &none;
		if (!judge_response(span_of(bytes.p + at, bytes.n - at), q, &used,
				    &is_final))
			return;
		answered += is_final;
		must(is_known || is_final);
	}
}
