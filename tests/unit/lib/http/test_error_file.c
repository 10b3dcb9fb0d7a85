/* SPDX-License-Identifier: MIT
 *
 * Error files: what is accepted, what is sent, what is said about the others.
 */
#include "rows.h"

#include "lib/http/error_file.h"

static char room[HTTP_ERROR_FILE_ROOM];

/* The file as it is sent to a client that keeps its connection. */
static const char *
sent(const char *file)
{
	static char out[4096];
	struct http_reply r;
	const char *wrong = http_error_file_read(file, strlen(file), room, &r);

	if (wrong)
		fail_msg("%s", wrong);
	size_t n = http_reply_write(&r, out, sizeof(out) - 1);
	assert_true(n > 0 && n <= http_reply_bytes(&r));
	out[n] = '\0';
	return out;
}

static const char *
wrong(const char *file)
{
	struct http_reply r;

	return http_error_file_read(file, strlen(file), room, &r);
}

static void
a_file_is_sent_with_a_length_of_weir_s_own(void **state)
{
	(void)state;
	assert_string_equal(
		sent("HTTP/1.0 503 Sorry\r\nContent-Type: text/html\r\n\r\nhi"),
		"HTTP/1.1 503 Sorry\r\nContent-Type: text/html\r\n"
		"Content-Length: 2\r\n\r\nhi");
	assert_string_equal(
		sent("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\r\nhi"),
		"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\nhi");
	assert_string_equal(sent("HTTP/1.0 403 No\r\n\r\n"),
			    "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
	assert_string_equal(sent("HTTP/1.1 204 x\r\nA: b\r\n\r\n"),
			    "HTTP/1.1 204 x\r\nA: b\r\n\r\n");
}

static void
lines_of_the_head_may_end_with_lf(void **state)
{
	(void)state;
	assert_string_equal(sent("HTTP/1.0 503 Sorry\nA: b\r\nC: d\n\na\nb\n"),
			    "HTTP/1.1 503 Sorry\r\nA: b\r\nC: d\r\n"
			    "Content-Length: 4\r\n\r\na\nb\n");
}

static void
fields_about_connection_and_date_are_dropped(void **state)
{
	(void)state;
	assert_string_equal(sent("HTTP/1.0 503 x\nConnection: close, X\nKeep-Alive: 1\n"
				 "X: y\nDate: x\nA: b\n\n"),
			    "HTTP/1.1 503 x\r\nA: b\r\nContent-Length: 0\r\n\r\n");
}

static void
the_connection_is_said_behind_the_file_s_fields(void **state)
{
	char out[256];
	struct http_reply r;
	const char *file = "HTTP/1.1 503 x\n\nbody";

	(void)state;
	assert_null(http_error_file_read(file, strlen(file), room, &r));
	assert_int_equal(r.status, 503);
	r.say_close = r.is_head = true;
	size_t n = http_reply_write(&r, out, sizeof(out));
	expect_span(
		"HEAD", "reply", span_of(out, n),
		SPAN("HTTP/1.1 503 x\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"));
	assert_int_equal(http_reply_write(&r, out, n - 1), 0);
}

static void
an_empty_file_is_silent(void **state)
{
	struct http_reply r;

	(void)state;
	assert_null(http_error_file_read("", 0, room, &r));
	assert_true(r.is_silent);
}

static void
what_is_no_response_is_refused(void **state)
{
	static const struct {
		const char *file, *why;
	} rows[] = {
		{"<html>Sorry</html>\n", "no empty line"},
		{"HTTP/1.1 503 x\r\nA: b\r\n", "no empty line"},
		{"<html>\n\n</html>\n", "malformed status line"},
		{"HTTP/1.1 503 x\nno-colon\n\n", "without a colon"},
		{"HTTP/1.1 503 x\n folded\n\n", "fold"},
		{"HTTP/1.1 503 x\nA : b\n\n", "white space before the colon"},
		{"HTTP/1.1 999 x\n\n", "status code"},
		{"HTTP/1.1 100 x\n\n", "interim"},
		{"HTTP/1.1 101 x\n\n", "interim"},
		{"HTTP/1.1 204 x\n\nbody", "no body"},
		{"HTTP/1.1 304 x\n\nbody", "no body"},
		{"HTTP/1.1 503 x\nContent-Length: 3\n\nbody", "Content-Length"},
		{"HTTP/1.1 503 x\nContent-Length: 4\n\nbody\n", "Content-Length"},
		{"HTTP/1.1 503 x\nContent-Length: x\n\nbody", "Content-Length"},
		{"HTTP/1.1 503 x\nTransfer-Encoding: chunked\n\n0\r\n\r\n", "chunked"},
		{"HTTP/1.1 503 x\nTransfer-Encoding: chunked\nContent-Length: 1\n\nx",
		 "Transfer-Encoding"},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const char *got = wrong(rows[i].file);
		if (!got || !strstr(got, rows[i].why))
			fail_msg("%s: %s", rows[i].file, got ? got : "accepted");
	}
}

static void
a_head_that_is_too_long_is_refused(void **state)
{
	size_t n = HTTP_HEAD_BYTES_MAX + 100;
	char *file = malloc(n);
	struct http_reply r;

	(void)state;
	memset(file, 'a', n);
	memcpy(file, "HTTP/1.1 503 x\nA: ", 18);
	memcpy(file + n - 2, "\n\n", 2);
	assert_string_equal(http_error_file_read(file, n, room, &r),
			    http_reject_text(HTTP_REJECT_head_too_long));
	free(file);
}

static void
a_head_of_many_short_lines_fits_its_room(void **state)
{
	size_t n = HTTP_HEAD_BYTES_MAX / 2;
	char *file = malloc(n);
	struct http_reply r;

	(void)state;
	memcpy(file, "HTTP/1.1 503 x\n", 15);
	for (size_t at = 15; at < n; at += 4) /* the shortest lines grow most */
		memcpy(file + at, "a:b\n", n - at < 4 ? n - at : 4);
	file[n - 1] = file[n - 2] = '\n';
	const char *why = http_error_file_read(file, n, room, &r);
	assert_true(why && strstr(why, "fields"));
	free(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_sent_with_a_length_of_weir_s_own),
		cmocka_unit_test(lines_of_the_head_may_end_with_lf),
		cmocka_unit_test(fields_about_connection_and_date_are_dropped),
		cmocka_unit_test(the_connection_is_said_behind_the_file_s_fields),
		cmocka_unit_test(an_empty_file_is_silent),
		cmocka_unit_test(what_is_no_response_is_refused),
		cmocka_unit_test(a_head_that_is_too_long_is_refused),
		cmocka_unit_test(a_head_of_many_short_lines_fits_its_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
