/* SPDX-License-Identifier: MIT */
#include "lib/net/proxy_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4	  "\x7f\0\0\x01\x0a\0\0\x02\0\x2a\x05\x39"
#define V6                                           \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\xff\xff\0\x50"

struct row {
	const char *bytes;
	size_t n;
	enum proxy_parse want;
	const char *src, *dst; /* NULL: those of the socket */
};
#define ROW(bytes, want, src, dst)                                     \
	{                                                              \
		bytes, sizeof(bytes) - 1, PROXY_PARSE_##want, src, dst \
	}

static void
check_addr(const struct addr *a, const char *want)
{
	char text[ADDR_TEXT_BYTES];
	if (!want)
		assert_int_equal(a->kind, ADDR_NONE);
	else
		assert_string_equal(addr_format(a, text), want);
}

static void
check_rows(const struct row *rows, size_t rows_n)
{
	for (size_t i = 0; i < rows_n; i++) {
		const struct row *r = &rows[i];
		struct proxy_header h;
		if (proxy_header_parse(r->bytes, r->n, &h) != r->want)
			fail_msg("row %zu: %d, not %d", i,
				 proxy_header_parse(r->bytes, r->n, &h), r->want);
		if (r->want != PROXY_PARSE_OK)
			continue;
		assert_int_equal(h.bytes, r->n);
		check_addr(&h.src, r->src);
		check_addr(&h.dst, r->dst);
	}
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void
lines_of_version_1_are_read_to_the_letter(void **state)
{
	static const struct row rows[] = {
		ROW("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", OK,
		    "192.168.0.1:56324", "192.168.0.11:443"),
		ROW("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", OK,
		    "255.255.255.255:65535", "255.255.255.255:65535"),
		ROW("PROXY TCP4 0.0.0.0 1.2.3.4 0 0\r\n", OK, "0.0.0.0:0", "1.2.3.4:0"),
		ROW("PROXY TCP6 2001:db8::1 ::1 1 2\r\n", OK, "[2001:db8::1]:1",
		    "[::1]:2"),
		ROW("PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n", OK, "[1.2.3.4]:1",
		    "[::1]:2"),
		ROW("PROXY UNKNOWN\r\n", OK, NULL, NULL),
		ROW("PROXY UNKNOWN whatever stands here\r\n", OK, NULL, NULL),
		ROW("PROXY UNKNOWN "
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		    OK, NULL, NULL),
		ROW("PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", BAD_PROTOCOL, NULL, NULL),
		ROW("PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", BAD_PROTOCOL, NULL, NULL),
		ROW("PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n", BAD_PROTOCOL, NULL, NULL),
		ROW("PROXY \r\n", BAD_PROTOCOL, NULL, NULL),
		ROW("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", BAD, NULL, NULL),
		ROW("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n", BAD, NULL, NULL),
		ROW("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rGET / HTTP", BAD, NULL, NULL),
		ROW("PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n", BAD, NULL, NULL),
		ROW("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", BAD, NULL, NULL),
		ROW("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", BAD, NULL, NULL),
		ROW("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", BAD, NULL, NULL),
		ROW("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", BAD, NULL, NULL),
		ROW("PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n", BAD, NULL, NULL),
		ROW("PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n", BAD, NULL, NULL),
		ROW("PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", BAD, NULL, NULL),
		ROW("PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n", BAD, NULL, NULL),
		ROW("PROXY TCP4 ::1 ::1 1 2\r\n", BAD, NULL, NULL),
		ROW("PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", BAD, NULL, NULL),
		ROW("PROXY TCP6 ::1::2 ::1 1 2\r\n", BAD, NULL, NULL),
		ROW("PROXY TCP6 [::1] ::1 1 2\r\n", BAD, NULL, NULL),
		ROW("GET / HTTP/1.1\r\n", NO_HEADER, NULL, NULL),
		ROW("proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n", NO_HEADER, NULL, NULL),
		ROW("PROXX", NO_HEADER, NULL, NULL),
		ROW("PROXY\r\n", NO_HEADER, NULL, NULL),
		ROW("\r\n\r\nGET", NO_HEADER, NULL, NULL),
	};
	(void)state;
	CHECK_ROWS(rows);
}

static void
a_line_ends_within_107_bytes(void **state)
{
	char line[120] = "PROXY UNKNOWN ";
	struct proxy_header h;
	(void)state;
	memset(line + 14, 'x', sizeof(line) - 14);
	assert_int_equal(proxy_header_parse(line, 106, &h), PROXY_PARSE_INCOMPLETE);
	assert_int_equal(proxy_header_parse(line, 107, &h), PROXY_PARSE_BAD);
	memcpy(line + 105, "\r\n", 2);
	assert_int_equal(proxy_header_parse(line, sizeof(line), &h), PROXY_PARSE_OK);
	assert_int_equal(h.bytes, 107);
	memcpy(line + 105, "x\r\n", 3);
	assert_int_equal(proxy_header_parse(line, sizeof(line), &h), PROXY_PARSE_BAD);
}

static void
headers_of_version_2_are_read(void **state)
{
	static const struct row rows[] = {
		ROW(SIGNATURE "\x21\x11\0\x0c" V4, OK, "127.0.0.1:42", "10.0.0.2:1337"),
		ROW(SIGNATURE "\x21\x21\0\x24" V6, OK, "[2001:db8::1]:65535",
		    "[2001:db8::2]:80"),
		ROW(SIGNATURE "\x20\x00\0\0", OK, NULL, NULL),
		ROW(SIGNATURE "\x20\x11\0\x0c" V4, OK, NULL, NULL),
		/* of LOCAL, and without a family, the block is ignored, whatever it is */
		ROW(SIGNATURE "\x20\xff\0\x02xx", OK, NULL, NULL),
		ROW(SIGNATURE "\x21\x00\0\x02xx", OK, NULL, NULL),
		ROW(SIGNATURE "\x21\x12\0\x0c" V4, OK, NULL, NULL), /* UDP */
		ROW(SIGNATURE "\x22\x11\0\x0c" V4, BAD, NULL, NULL),
		ROW(SIGNATURE "\x2f\x11\0\x0c" V4, BAD, NULL, NULL),
		ROW(SIGNATURE "\x11\x11\0\x0c" V4, NO_HEADER, NULL, NULL),
		ROW(SIGNATURE "\x31\x11\0\x0c" V4, NO_HEADER, NULL, NULL),
		ROW(SIGNATURE "\x21\x13\0\x0c" V4, BAD, NULL, NULL),
		ROW(SIGNATURE "\x21\x41\0\x0c" V4, BAD, NULL, NULL),
		ROW(SIGNATURE "\x21\x11\0\x0b" V4, BAD, NULL, NULL),
		ROW(SIGNATURE "\x21\x21\0\x0c" V4, BAD, NULL, NULL),
		ROW(SIGNATURE "\x21\x31\0\x0c" V4, BAD, NULL, NULL),
		/* larger than anything that is waited for */
		ROW(SIGNATURE "\x21\x11\xff\xff", BAD, NULL, NULL),
		ROW("\r\n\r\n\0\r\nQUIX\n", NO_HEADER, NULL, NULL),
	};
	(void)state;
	CHECK_ROWS(rows);
}

static void
tlvs_are_within_their_bounds(void **state)
{
	static const struct row rows[] = {
		ROW(SIGNATURE "\x21\x11\0\x14" V4 "\x02\0\x05"
			      "12345",
		    OK, "127.0.0.1:42", "10.0.0.2:1337"),
		ROW(SIGNATURE "\x21\x11\0\x0f" V4 "\x04\0\0", OK, "127.0.0.1:42",
		    "10.0.0.2:1337"),
		ROW(SIGNATURE "\x21\x11\0\x14" V4 "\x02\0\x0a"
			      "12345",
		    BAD, NULL, NULL),
		ROW(SIGNATURE "\x21\x11\0\x14" V4 "\x02\0\x04"
			      "12345",
		    BAD, NULL, NULL),
		ROW(SIGNATURE "\x21\x11\0\x0e" V4 "\x02\0", BAD, NULL, NULL),
		ROW(SIGNATURE "\x21\x11\0\x13" V4 "\x03\0\x04"
			      "\0\0\0\0",
		    BAD, NULL, NULL),
		ROW(SIGNATURE "\x21\x11\0\x12" V4 "\x03\0\x03"
			      "\0\0\0",
		    BAD, NULL, NULL),
	};
	(void)state;
	CHECK_ROWS(rows);
}

static struct proxy_writer
writer(char *p, size_t cap)
{
	return (struct proxy_writer){.p = p, .cap = cap};
}

static struct addr
addr(const char *text)
{
	struct addr a;
	assert_int_equal(addr_parse(span_str(text), -1, &a, NULL), ADDR_OK);
	return a;
}

static void
what_is_written_is_read_as_it_was_meant(void **state)
{
	static const struct {
		const char *src, *dst, *read_src, *read_dst;
	} rows[] = {
		{"1.2.3.4:5", "6.7.8.9:10", "1.2.3.4:5", "6.7.8.9:10"},
		{"[2001:db8::1]:65535", "[::2]:80", "[2001:db8::1]:65535", "[::2]:80"},
		{"1.2.3.4:5", "[::2]:80", "[1.2.3.4]:5", "[::2]:80"},
		{"[::2]:80", "1.2.3.4:5", "[::2]:80", "[1.2.3.4]:5"},
		{"unix@/run/x", "1.2.3.4:5", NULL, NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char bytes[256];
		struct proxy_header h;
		struct addr src = addr(rows[i].src), dst = addr(rows[i].dst);
		struct proxy_writer w = writer(bytes, sizeof(bytes));
		proxy_write_v1(&w, &src, &dst);
		assert_int_equal(proxy_header_parse(bytes, w.n, &h), PROXY_PARSE_OK);
		check_addr(&h.src, rows[i].read_src);
		check_addr(&h.dst, rows[i].read_dst);
		proxy_write_v2(&w, &src, &dst);
		assert_true(proxy_write_tlv(&w, PROXY_TLV_UNIQUE_ID, SPAN("id")));
		assert_true(proxy_write_tlv(&w, PROXY_TLV_CRC32C, SPAN("")));
		assert_true(proxy_write_tlv(&w, PROXY_TLV_NOOP, SPAN("")));
		proxy_write_v2_end(&w);
		assert_int_equal(proxy_header_parse(bytes, w.n, &h), PROXY_PARSE_OK);
		assert_int_equal(h.bytes, w.n);
		check_addr(&h.src, rows[i].read_src);
		check_addr(&h.dst, rows[i].read_dst);
		struct proxy_field f;
		assert_true(proxy_tlv_cut(&h.tlvs, &f));
		assert_int_equal(f.type, PROXY_TLV_UNIQUE_ID);
		assert_true(span_eq(f.value, SPAN("id")));
		bytes[w.n - 4] ^= 1; /* the checksum's last byte */
		assert_int_equal(proxy_header_parse(bytes, w.n, &h), PROXY_PARSE_BAD);
	}
}

static void
nobody_at_all_is_unknown_or_local(void **state)
{
	char bytes[256];
	struct proxy_writer w = writer(bytes, sizeof(bytes));
	(void)state;
	proxy_write_v1(&w, NULL, NULL);
	assert_int_equal(w.n, 15);
	assert_memory_equal(bytes, "PROXY UNKNOWN\r\n", 15);
	proxy_write_v2(&w, NULL, NULL);
	proxy_write_v2_end(&w);
	assert_int_equal(w.n, 16);
	assert_memory_equal(bytes, SIGNATURE "\x20\0\0\0", 16);
}

static void
what_does_not_fit_is_not_written(void **state)
{
	char bytes[28 + 8];
	struct addr a = addr("1.2.3.4:5");
	struct proxy_writer w = writer(bytes, sizeof(bytes));
	(void)state;
	proxy_write_v2(&w, &a, &a);
	assert_int_equal(w.n, 28);
	assert_false(proxy_write_tlv(&w, 0xe0, SPAN("123456")));
	assert_true(proxy_write_tlv(&w, 0xe0, SPAN("12345")));
	assert_int_equal(w.n, sizeof(bytes));
}

static void
no_beginning_of_a_header_is_refused_or_taken_for_whole(void **state)
{
	static const struct row rows[] = {
		ROW("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", OK, NULL, NULL),
		ROW("PROXY UNKNOWN\r\n", OK, NULL, NULL),
		ROW(SIGNATURE "\x21\x21\0\x24" V6, OK, NULL, NULL),
		ROW(SIGNATURE "\x21\x11\0\x14" V4 "\x02\0\x05"
			      "12345",
		    OK, NULL, NULL),
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t n = 0; n < rows[i].n; n++) {
			struct proxy_header h;
			assert_int_equal(proxy_header_parse(rows[i].bytes, n, &h),
					 PROXY_PARSE_INCOMPLETE);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_version_1_are_read_to_the_letter),
		cmocka_unit_test(a_line_ends_within_107_bytes),
		cmocka_unit_test(headers_of_version_2_are_read),
		cmocka_unit_test(tlvs_are_within_their_bounds),
		cmocka_unit_test(what_is_written_is_read_as_it_was_meant),
		cmocka_unit_test(nobody_at_all_is_unknown_or_local),
		cmocka_unit_test(what_does_not_fit_is_not_written),
		cmocka_unit_test(no_beginning_of_a_header_is_refused_or_taken_for_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
