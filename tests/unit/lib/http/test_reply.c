/* SPDX-License-Identifier: MIT
 *
 * Answers made by the proxy itself, to the byte.
 */
#include "rows.h"

#include "lib/http/reply.h"

static void
expect_bytes(const char *name, const struct http_reply *r, const char *want)
{
	size_t n = strlen(want);

	for (size_t cap = 0; cap <= n; cap++) {
		char *block = copy_of(want, cap);
		size_t got = http_reply_write(r, block, cap);
		if (cap < n && got != 0)
			fail_msg("%s: %zu bytes into %zu", name, got, cap);
		if (cap == n)
			expect_span(name, "reply", span_of(block, got), span_of(want, n));
		free(block);
	}
}

static void
replies_have_length_type_extra_fields_and_body(void **state)
{
	struct http_reply r = {.status = 200,
			       .content_type = SPAN("text/plain"),
			       .body = SPAN("hello"),
			       .extra = SPAN("A: b\r\n")};

	(void)state;
	expect_bytes(
		"200", &r,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n"
		"A: b\r\n\r\nhello");
	r.is_head = true;
	expect_bytes(
		"HEAD", &r,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n"
		"A: b\r\n\r\n");
	r.content_type = r.extra = span_of(NULL, 0);
	r.is_head = false;
	r.say_keep_alive = true;
	expect_bytes(
		"1.0", &r,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n"
		"hello");
	r.say_close = true;
	r.date = SPAN("now");
	expect_bytes("date", &r,
		     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: now\r\nConnection: "
		     "close\r\n\r\nhello");
	r.date = r.body = span_of(NULL, 0);
	expect_bytes("close", &r,
		     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

static void
statuses_without_a_body_have_no_length(void **state)
{
	struct http_reply r = {.body = SPAN("hello"), .content_type = SPAN("x")};

	(void)state;
	r.status = 204;
	expect_bytes("204", &r, "HTTP/1.1 204 No Content\r\n\r\n");
	r.status = 304;
	expect_bytes("304", &r, "HTTP/1.1 304 Not Modified\r\n\r\n");
	r.status = 100;
	expect_bytes("100", &r, "HTTP/1.1 100 Continue\r\n\r\n");
}

static void
error_pages_name_their_status(void **state)
{
	char out[1024], title[128];
	struct http_reply r;

	(void)state;
	for (int status = 400; status < 600; status++) {
		http_reply_error(status, &r);
		assert_int_equal(r.status, status);
		if (http_reason(status)[0] == '\0') {
			assert_int_equal(r.body.n, 0);
			assert_int_equal(r.content_type.n, 0);
			continue;
		}
		snprintf(title, sizeof(title), "<title>%d %s</title>", status,
			 http_reason(status));
		assert_non_null(memmem(r.body.p, r.body.n, title, strlen(title)));
		assert_true(span_begins(r.body, SPAN("<!DOCTYPE html>")));
		assert_true(span_ends(r.body, SPAN("</html>\n")));
		assert_true(span_eq(r.content_type, SPAN("text/html")));
		assert_true(span_begins(r.extra, SPAN("Cache-Control: no-cache\r\n")));
		assert_true(http_reply_write(&r, out, sizeof(out)) > r.body.n);
	}
}

static void
every_status_the_proxy_sends_has_a_page(void **state)
{
	static const int statuses[] = {400, 401, 403, 404, 405, 408, 413, 414, 421,
				       425, 429, 431, 500, 501, 502, 503, 504, 505};
	struct http_reply r;

	(void)state;
	for (size_t i = 0; i < N(statuses); i++) {
		http_reply_error(statuses[i], &r);
		assert_true(r.body.n > 0);
	}
	for (int i = 1; i < HTTP_REJECTS_N; i++) {
		http_reply_error(http_reject_status((enum http_reject)i), &r);
		assert_true(r.body.n > 0);
	}
}

static void
unknown_statuses_have_an_empty_reason(void **state)
{
	struct http_reply r = {.status = 299};

	(void)state;
	assert_string_equal(http_reason(299), "");
	assert_string_equal(http_reason(0), "");
	assert_string_equal(http_reason(404), "Not Found");
	expect_bytes("299", &r, "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n");
}

static void
a_405_lists_what_is_allowed(void **state)
{
	struct http_reply r;

	(void)state;
	http_reply_method(&r);
	assert_int_equal(r.status, 405);
	assert_non_null(memmem(r.extra.p, r.extra.n, "\r\nAllow: ", 9));
	assert_true(span_ends(r.extra, SPAN("\r\n")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_have_length_type_extra_fields_and_body),
		cmocka_unit_test(statuses_without_a_body_have_no_length),
		cmocka_unit_test(error_pages_name_their_status),
		cmocka_unit_test(every_status_the_proxy_sends_has_a_page),
		cmocka_unit_test(unknown_statuses_have_an_empty_reason),
		cmocka_unit_test(a_405_lists_what_is_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
