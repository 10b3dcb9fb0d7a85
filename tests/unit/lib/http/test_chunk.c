/* SPDX-License-Identifier: MIT
 *
 * The chunked coding: bodies that are accepted, bodies that are refused and why, cut at
 * every place and at every two places. Sections are those of RFC 9112 7.1.
 */
#include "rows.h"

#include "lib/http/chunk.h"

struct row {
	const char *name;
	struct span in;
	enum http_reject why; /* HTTP_REJECTS_N: incomplete */
	struct span data, trailers;
};

#define S(text)                        \
	{                              \
		text, sizeof(text) - 1 \
	}
#define OK(name, in, data, trailers)                                \
	{                                                           \
		name, S(in), HTTP_REJECT_none, S(data), S(trailers) \
	}
#define NO(why, name, in)                                    \
	{                                                    \
		name, S(in), HTTP_REJECT_##why, S(""), S("") \
	}
#define MORE(name, in)                                    \
	{                                                 \
		name, S(in), HTTP_REJECTS_N, S(""), S("") \
	}

static const struct row rows[] = {
	OK("nothing", "0\r\n\r\n", "", ""),
	OK("one", "5\r\nhello\r\n0\r\n\r\n", "hello", ""),
	OK("two", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc", ""),
	OK("hex", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n",
	   "01234567890123456789a", ""),
	OK("leading zeros", "0005\r\nhello\r\n000\r\n\r\n", "hello", ""),
	OK("64 digits",
	   "0000000000000000000000000000000000000000000000000000000000000005\r\nhello\r\n"
	   "0\r\n\r\n",
	   "hello", ""),
	OK("16 digits", "0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello",
	   ""),
	OK("data that looks like chunks", "9\r\n\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n",
	   "\r\n0\r\n\r\n\r\n", ""),
	OK("data with NUL", "3\r\n\0\n\r\r\n0\r\n\r\n", "\0\n\r", ""),
	/* 7.1.1 extensions */
	OK("ext name", "5;a\r\nhello\r\n0;b\r\n\r\n", "hello", ""),
	OK("ext value", "5;a=b\r\nhello\r\n0\r\n\r\n", "hello", ""),
	OK("ext quoted", "5;a=\"b c;\\\"\xff\t\"\r\nhello\r\n0\r\n\r\n", "hello", ""),
	OK("ext empty quoted", "5;a=\"\"\r\nhello\r\n0\r\n\r\n", "hello", ""),
	OK("ext many", "5;a;b=c;d=\"e\";f\r\nhello\r\n0\r\n\r\n", "hello", ""),
	OK("ext bad white space", "5 ; a\t= b ;\tc = \"d\" ; e\r\nhello\r\n0\r\n\r\n",
	   "hello", ""),
	NO(chunk_extension, "ext without name", "5;\r\nhello"),
	NO(chunk_extension, "ext = without name", "5;=b\r\nhello"),
	NO(chunk_extension, "ext without value", "5;a=\r\nhello"),
	NO(chunk_extension, "ext two ==", "5;a==b\r\n"),
	NO(chunk_extension, "ext two words", "5;a b\r\n"),
	NO(chunk_extension, "ext words after value", "5;a=b c\r\n"),
	NO(chunk_extension, "ext space at the end", "5;a \r\n"),
	NO(chunk_extension, "ext space after value", "5;a=b \r\n"),
	NO(chunk_extension, "ext = after value", "5;a=b=c\r\n"),
	NO(chunk_extension, "ext control", "5;a=\x01\r\n"),
	NO(chunk_extension, "ext NUL", "5;\0\r\n"),
	NO(chunk_extension, "ext CR in quotes", "5;a=\"b\r\n\"\r\n"),
	NO(bare_lf, "ext LF in quotes", "5;a=\"b\n\"\r\n"),
	NO(chunk_extension, "ext NUL in quotes", "5;a=\"\0\"\r\n"),
	NO(chunk_extension, "ext escaped control", "5;a=\"\\\x01\"\r\n"),
	NO(chunk_extension, "ext quotes not closed", "5;a=\"b\r\n"),
	NO(chunk_extension, "ext word after quotes", "5;a=\"b\"c\r\n"),
	NO(chunk_extension, "ext 8-bit name", "5;\xc3\xa9\r\n"),
	NO(bare_lf, "ext LF", "5;a\nhello\r\n0\r\n\r\n"),
	NO(bare_lf, "ext LF after =", "5;a=\nhello\r\n0\r\n\r\n"),
	NO(bare_cr, "ext CR", "5;a\rb\r\nhello"),
	/* 7.1 sizes */
	NO(chunk_size, "empty size", "\r\nhello"),
	NO(chunk_size, "ext without size", ";a\r\nhello"),
	NO(chunk_size, "space before", " 5\r\nhello"),
	NO(chunk_extension, "space after", "5 \r\nhello"),
	NO(chunk_extension, "tab after", "5\t\r\nhello"),
	NO(chunk_extension, "two numbers", "5 5\r\nhello"),
	NO(chunk_size, "plus", "+5\r\nhello"),
	NO(chunk_size, "minus", "-5\r\nhello"),
	NO(chunk_size, "0x", "0x5\r\nhello"),
	NO(chunk_size, "5h", "5h\r\nhello"),
	NO(chunk_size, "no digit", "g\r\nhello"),
	NO(chunk_size, "underscore", "1_0\r\n"),
	NO(chunk_size, "comma", "5,\r\n"),
	NO(chunk_size, "NUL", "5\0\r\n"),
	NO(chunk_size, "vertical tab", "5\x0b\r\n"),
	NO(chunk_size, "8-bit", "\xb5\r\n"),
	NO(chunk_size, "a line in between", "5\r\nhello\r\n\r\n0\r\n\r\n"),
	MORE("2^63 - 1", "7fffffffffffffff\r\n"),
	NO(chunk_size_overflow, "2^63", "8000000000000000\r\n"),
	NO(chunk_size_overflow, "2^64 - 1", "ffffffffffffffff\r\n"),
	NO(chunk_size_overflow, "2^64", "10000000000000000\r\n"),
	NO(chunk_size_overflow, "2^64 + 5", "10000000000000005\r\nhello"),
	NO(chunk_size_overflow, "65 zeros",
	   "00000000000000000000000000000000000000000000000000000000000000000"
	   "\r\n"),
	NO(bare_lf, "LF after the size", "5\nhello\r\n0\r\n\r\n"),
	NO(bare_cr, "CR after the size", "5\rhello"),
	NO(bare_cr, "CR CR LF after the size", "5\r\r\nhello"),
	NO(bare_lf, "LF after the last size", "0\n\r\n"),
	/* 7.1 the end of data */
	NO(chunk_end, "too much data", "5\r\nhellox\r\n0\r\n\r\n"),
	NO(chunk_end, "no CRLF", "5\r\nhello0\r\n\r\n"),
	NO(chunk_end, "LF", "5\r\nhello\n0\r\n\r\n"),
	NO(chunk_end, "CR", "5\r\nhello\r0\r\n\r\n"),
	NO(chunk_end, "too little data", "5\r\nhell\r\n0\r\n\r\n"),
	/* 7.1.2 trailers */
	OK("trailer", "0\r\nA: b\r\n\r\n", "", "A: b\r\n"),
	OK("trailers", "1\r\nx\r\n0\r\nA: b\r\nc:\r\nD: \xff\te\r\n\r\n", "x",
	   "A: b\r\nc:\r\nD: \xff\te\r\n"),
	NO(trailer_invalid, "trailer LF", "0\r\nA: b\n\r\n"),
	NO(trailer_invalid, "trailers end in LF", "0\r\nA: b\r\n\n"),
	NO(trailer_invalid, "end in LF", "0\r\n\n"),
	NO(trailer_invalid, "trailer CR", "0\r\nA: b\rc\r\n\r\n"),
	NO(trailer_invalid, "trailer NUL", "0\r\nA: b\0\r\n\r\n"),
	NO(trailer_invalid, "trailer no colon", "0\r\nabc\r\n\r\n"),
	NO(trailer_invalid, "trailer no name", "0\r\n: b\r\n\r\n"),
	NO(trailer_invalid, "trailer space before colon", "0\r\nA : b\r\n\r\n"),
	NO(trailer_invalid, "trailer folded", "0\r\nA: b\r\n c\r\n\r\n"),
	NO(trailer_invalid, "a request for a trailer", "0\r\nGET / HTTP/1.1\r\n\r\n"),
	MORE("no end", "5\r\nhello\r\n0\r\n"),
	MORE("half an end", "0\r\n\r"),
	MORE("half a trailer", "0\r\nA: b"),
	MORE("trailers without end", "0\r\nA: b\r\n"),
};

/* A reader of pieces: what was given and not consumed comes again with more. */
struct reader {
	struct http_chunk c;
	char data[512], trailers[512];
	size_t data_n, trailers_n, kept;
	enum http_reject result; /* none: complete; HTTP_REJECTS_N: more is needed */
};

/* Hands over in[r->kept, n); advances r->kept. */
static void
feed(struct reader *r, struct span in, size_t n, const struct http_limits *limits)
{
	while (r->result == HTTP_REJECTS_N) {
		char *copy = copy_of(in.p + r->kept, n - r->kept);
		size_t used = 0;
		struct span data;
		enum http_reject why;
		enum http_chunk_result got = http_chunk_decode(
			&r->c, copy, n - r->kept, limits, &used, &data, &why);
		assert_true(used <= n - r->kept);
		r->kept += used;
		if (got == HTTP_CHUNK_DATA) {
			assert_true(data.n > 0 && data.p + data.n == copy + used);
			memcpy(r->data + r->data_n, data.p, data.n);
			r->data_n += data.n;
		} else if (got == HTTP_CHUNK_END) {
			if (data.n)
				memcpy(r->trailers, data.p, data.n);
			r->trailers_n = data.n;
			r->result = HTTP_REJECT_none;
		} else if (got == HTTP_CHUNK_BAD) {
			r->result = why;
		}
		free(copy);
		if (got == HTTP_CHUNK_MORE)
			return;
	}
}

static void
start(struct reader *r)
{
	memset(r, 0, sizeof(*r));
	http_chunk_init(&r->c);
	r->result = HTTP_REJECTS_N;
}

static void
expect(const struct reader *r, const struct row *row, const char *how)
{
	expect_reason(row->name, how, r->result, row->why);
	if (r->result != HTTP_REJECT_none)
		return;
	expect_span(row->name, "data", span_of(r->data, r->data_n), row->data);
	expect_span(row->name, "trailers", span_of(r->trailers, r->trailers_n),
		    row->trailers);
	assert_int_equal(r->kept, row->in.n);
}

static void
bodies_are_decoded_by_the_table_however_they_are_cut(void **state)
{
	static struct reader r;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct row *row = &rows[i];
		start(&r);
		feed(&r, row->in, row->in.n, &usual);
		expect(&r, row, "whole");
		start(&r);
		for (size_t n = 1; n <= row->in.n; n++)
			feed(&r, row->in, n, &usual);
		expect(&r, row, "byte by byte");
		for (size_t a = 0; a < row->in.n; a++) {
			for (size_t b = a; b < row->in.n; b++) {
				start(&r);
				feed(&r, row->in, a, &usual);
				feed(&r, row->in, b, &usual);
				feed(&r, row->in, row->in.n, &usual);
				expect(&r, row, "in three pieces");
			}
		}
	}
}

static void
nothing_behind_the_end_is_consumed(void **state)
{
	static struct reader r;
	struct span in = SPAN("1\r\na\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.1\r\n\r\n");

	(void)state;
	start(&r);
	feed(&r, in, in.n, &usual);
	assert_int_equal(r.result, HTTP_REJECT_none);
	assert_int_equal(r.kept, 17);
}

static void
an_incomplete_trailer_section_is_not_consumed(void **state)
{
	static struct reader r;
	struct span in = SPAN("0\r\nA: b\r\nC: d");

	(void)state;
	start(&r);
	feed(&r, in, in.n, &usual);
	assert_int_equal(r.result, HTTP_REJECTS_N);
	assert_int_equal(r.kept, 3);
}

static void
an_extension_has_at_most_4096_bytes(void **state)
{
	static char text[5000];

	(void)state;
	for (int whole = 0; whole < 2; whole++) {
		for (size_t n = 4093; n < 4096; n++) {
			static struct reader r;
			size_t at = (size_t)sprintf(text, "0;");
			memset(text + at, 'x', n);
			at += n;
			at += (size_t)sprintf(text + at, "\r\n\r\n");
			start(&r);
			for (size_t i = whole ? at : 1; i <= at; i++)
				feed(&r, span_of(text, at), i, &usual);
			/* ';' is stepped over by the size, CR counts */
			expect_reason("extension", "length", r.result,
				      n + 1 <= 4096 ? HTTP_REJECT_none
						    : HTTP_REJECT_chunk_extension);
			if (n < 4095)
				continue;
			memcpy(text + at - 4, "xx", 2);
			start(&r);
			feed(&r, span_of(text, at), at, &usual);
			assert_int_equal(r.result, HTTP_REJECT_chunk_extension);
		}
	}
}

static void
trailers_have_a_limit(void **state)
{
	struct http_limits limits = usual;
	struct span in = SPAN("0\r\nA: bcdef\r\nG: hijkl\r\n\r\n"); /* 20 + 2 */
	static struct reader r;

	(void)state;
	for (uint32_t max = 0; max < 30; max++) {
		limits.trailers_bytes = max;
		for (size_t step = 1; step <= in.n; step++) {
			start(&r);
			for (size_t n = step; n < in.n; n += step)
				feed(&r, in, n, &limits);
			feed(&r, in, in.n, &limits);
			expect_reason("trailers", "limit", r.result,
				      max >= 20 ? HTTP_REJECT_none
						: HTTP_REJECT_trailers_too_long);
		}
	}
}

static void
trailers_with_a_meaning_before_the_body_are_filtered(void **state)
{
	static const struct {
		struct span in, out;
	} filters[] = {
		{S(""), S("")},
		{S("A: b\r\n"), S("A: b\r\n")},
		{S("Content-Length: 5\r\n"), S("")},
		{S("A: b\r\ntransfer-encoding: chunked\r\nC: d\r\n"),
		 S("A: b\r\nC: d\r\n")},
		{S("HOST: x\r\nAuthorization: y\r\nCookie: z\r\nSet-Cookie: z\r\n"),
		 S("")},
		{S("Connection: x\r\nTE: y\r\nTrailer: z\r\nUpgrade: z\r\n"), S("")},
		{S("Cache-Control: x\r\nContent-Type: y\r\nX-Forwarded-For: z\r\n"),
		 S("")},
		{S("X-Checksum: 1\r\nServer-Timing: 2\r\nETag: 3\r\n"),
		 S("X-Checksum: 1\r\nServer-Timing: 2\r\nETag: 3\r\n")},
		{S("Content_Length: 5\r\nContent-Lengthy: 5\r\n"),
		 S("Content-Lengthy: 5\r\n")},
	};
	char out[256];

	(void)state;
	for (size_t i = 0; i < N(filters); i++) {
		size_t n = http_trailers_filter(filters[i].in, out, filters[i].in.n);
		expect_span(filters[i].in.p, "filtered", span_of(out, n), filters[i].out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_decoded_by_the_table_however_they_are_cut),
		cmocka_unit_test(nothing_behind_the_end_is_consumed),
		cmocka_unit_test(an_incomplete_trailer_section_is_not_consumed),
		cmocka_unit_test(an_extension_has_at_most_4096_bytes),
		cmocka_unit_test(trailers_have_a_limit),
		cmocka_unit_test(trailers_with_a_meaning_before_the_body_are_filtered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
