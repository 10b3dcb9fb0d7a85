/* SPDX-License-Identifier: MIT
 *
 * Dates, against libc's calendar.
 */
#include "rows.h"

#include <time.h>

#include "lib/http/date.h"

static void
expect_date(time_t t)
{
	char got[HTTP_DATE_BYTES], want[64];
	struct tm tm;

	http_date_put(got, (uint64_t)t);
	gmtime_r(&t, &tm);
	size_t n = strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	expect_span("date", "text", span_of(got, sizeof(got)), span_of(want, n));
}

static void
the_example_of_the_rfc(void **state)
{
	char got[HTTP_DATE_BYTES];

	(void)state;
	http_date_put(got, 784111777);
	assert_memory_equal(got, "Sun, 06 Nov 1994 08:49:37 GMT", sizeof(got));
}

static void
every_day_of_a_century_and_the_ends_of_time(void **state)
{
	(void)state;
	for (time_t day = 0; day < 50000; day++)
		expect_date(day * 86400 + day % 86400);
	expect_date(0);
	expect_date(86399);
	expect_date(253402300799); /* 9999-12-31 23:59:59 */
}

static void
a_line_is_that_of_its_second(void **state)
{
	struct http_date d = {0};
	char want[64];

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		uint64_t at = 784111777 + i / 2; /* each twice */
		char text[HTTP_DATE_BYTES];
		http_date_put(text, at);
		int n = snprintf(want, sizeof(want), "Date: %.*s\r\n", HTTP_DATE_BYTES,
				 text);
		struct span line = http_date_line(&d, at);
		assert_int_equal(line.n, n);
		assert_memory_equal(line.p, want, line.n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc),
		cmocka_unit_test(every_day_of_a_century_and_the_ends_of_time),
		cmocka_unit_test(a_line_is_that_of_its_second),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
