/* SPDX-License-Identifier: MIT
 *
 * The growing text and its escapes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "shm/stats/text.h"

static void
a_text_grows_and_stays_terminated(void **state)
{
	struct shm_text t = {0};
	(void)state;
	for (int i = 0; i < 10000; i++)
		shm_text_fmt(&t, "%04d.", i);
	assert_false(t.failed);
	assert_int_equal(t.n, 50000);
	assert_int_equal(strlen(t.bytes), 50000);
	assert_memory_equal(t.bytes + 49995, "9999.", 6);
	shm_text_clear(&t);
	assert_int_equal(t.n, 0);
	assert_string_equal(t.bytes, "");
	shm_text_fini(&t);
	assert_null(t.bytes);
}

struct sample {
	const char *in, *out;
};

static void
try_all(const struct sample *s, size_t n, void (*put)(struct shm_text *t, const char *s))
{
	for (size_t i = 0; i < n; i++) {
		struct shm_text t = {0};
		put(&t, s[i].in);
		assert_string_equal(t.bytes ? t.bytes : "", s[i].out);
		shm_text_fini(&t);
	}
}

static void
html_cannot_be_left(void **state)
{
	static const struct sample samples[] = {
		{"plain", "plain"},
		{"<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"},
		{"a\"b'c&d", "a&quot;b&#39;c&amp;d"},
		{"\033[2J\n", "?[2J?"},
		{"\xc3\xa4", "\xc3\xa4"},
		{"\xff<", "?&lt;"},
	};
	(void)state;
	try_all(samples, sizeof(samples) / sizeof(samples[0]), shm_text_html);
}

static void
json_strings_are_valid_whatever_the_bytes(void **state)
{
	static const struct sample samples[] = {
		{"", "\"\""},
		{"a\"b\\c", "\"a\\\"b\\\\c\""},
		{"\n\t\x7f", "\"\\u000a\\u0009\\u007f\""},
		{"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
		 "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\""},
		{"\xff", "\"\\ufffd\""},
		{"\xc0\xaf", "\"\\ufffd\\ufffd\""},	       /* overlong */
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""}, /* surrogate */
		{"\xe2\x82", "\"\\ufffd\\ufffd\""},	       /* cut off */
		{"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
	};
	(void)state;
	try_all(samples, sizeof(samples) / sizeof(samples[0]), shm_text_json);
}

static void
csv_quotes_only_what_is_ambiguous(void **state)
{
	static const struct sample samples[] = {
		{"plain text", "plain text"},
		{"a,b", "\"a,b\""},
		{"say \"hi\"", "\"say \"\"hi\"\"\""},
		{"two\nlines", "\"two?lines\""},
		{"\xff", "?"},
	};
	(void)state;
	try_all(samples, sizeof(samples) / sizeof(samples[0]), shm_text_csv);
}

static void
a_terminal_gets_nothing_it_would_obey(void **state)
{
	static const struct sample samples[] = {
		{"plain \xc3\xa4 \xe2\x82\xac", "plain \xc3\xa4 \xe2\x82\xac"},
		{"\033[31m\a\x7f", "?[31m??"},
		{"\xc2\x9b"
		 "2J",
		 "?2J"}, /* CSI as one C1 character */
		{"\x8c\xff\xe2\x82", "????"},
	};
	(void)state;
	try_all(samples, sizeof(samples) / sizeof(samples[0]), shm_text_plain);
}

static void
short_numbers_fit_a_column(void **state)
{
	static const struct {
		uint64_t v;
		unsigned step;
		const char *text;
	} samples[] = {
		{0, 1000, "0"},
		{999, 1000, "999"},
		{1000, 1000, "1.0k"},
		{9999, 1000, "9.9k"},
		{10000, 1000, "10k"},
		{999999, 1000, "999k"},
		{1000000, 1000, "1.0M"},
		{1023, 1024, "0.9k"},
		{1024, 1024, "1.0k"},
		{1536, 1024, "1.5k"},
		{1023ULL << 20, 1024, "0.9G"},
		{UINT64_MAX, 1000, "18E"},
		{UINT64_MAX, 1024, "15E"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct shm_text t = {0};
		shm_text_short(&t, samples[i].v, samples[i].step);
		assert_string_equal(t.bytes, samples[i].text);
		shm_text_fini(&t);
	}
}

static void
ages_name_their_two_largest_units(void **state)
{
	static const struct {
		uint64_t s;
		const char *text;
	} samples[] = {
		{0, "0s"},	 {59, "59s"},		{60, "1m"},	   {61, "1m1s"},
		{3600, "1h"},	 {3700, "1h1m"},	{86399, "23h59m"}, {86400, "1d"},
		{90000, "1d1h"}, {86400 * 400, "400d"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct shm_text t = {0};
		shm_text_age(&t, samples[i].s);
		assert_string_equal(t.bytes, samples[i].text);
		shm_text_fini(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_grows_and_stays_terminated),
		cmocka_unit_test(html_cannot_be_left),
		cmocka_unit_test(json_strings_are_valid_whatever_the_bytes),
		cmocka_unit_test(csv_quotes_only_what_is_ambiguous),
		cmocka_unit_test(a_terminal_gets_nothing_it_would_obey),
		cmocka_unit_test(short_numbers_fit_a_column),
		cmocka_unit_test(ages_name_their_two_largest_units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
