/* SPDX-License-Identifier: MIT
 *
 * Field names in a given case.
 */
#include "rows.h"

#include "lib/http/case.h"
#include "lib/http/serialise.h"

static struct arena *arena;

static int
begin(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int
end(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void
listed_names_get_their_case_and_nothing_else_changes(void **state)
{
	static const struct span names[] = {
		{"Content-TYPE", 12}, {"HOST", 4}, {"x-UP", 4}};
	const char *want = "GET /host: HTTP/1.1\r\nHOST: host\r\nContent-TYPE: x\r\n"
			   "x-UP:\r\nX-Upper: a\r\nContent-Typ: e\r\n\r\nhost: body\r\n";
	const char *text = "GET /host: HTTP/1.1\r\nhost: host\r\nCONTENT-type: x\r\n"
			   "X-up:\r\nX-Upper: a\r\nContent-Typ: e\r\n\r\nhost: body\r\n";

	(void)state;
	char *head = copy_of(text, strlen(text));
	http_case_apply(http_case_new(arena, names, N(names)), head, strlen(text));
	expect_span("case", "head", span_of(head, strlen(text)),
		    span_of(want, strlen(want)));
	free(head);
}

static void
many_names_are_found(void **state)
{
	enum { MANY = 1000 };
	static char texts[MANY][16];
	static struct span names[MANY];
	char line[32];

	(void)state;
	for (int i = 0; i < MANY; i++)
		names[i] = span_of(texts[i], (size_t)snprintf(texts[i], sizeof(texts[i]),
							      "X-%d-Y", i));
	const struct http_case *c = http_case_new(arena, names, MANY);
	for (int i = 0; i < 2 * MANY; i++) {
		size_t n = (size_t)snprintf(line, sizeof(line), "\nx-%d-y: 1\r\n\r\n", i);
		http_case_apply(c, line, n);
		assert_int_equal(line[1], i < MANY ? 'X' : 'x');
	}
}

static void
what_is_not_a_whole_head_is_left_alone(void **state)
{
	static const struct span names[] = {{"A", 1}};
	const struct http_case *c = http_case_new(arena, names, 1);
	static const char *const texts[] = {"", "GET", "GET\r\n", "GET\r\na",
					    "GET\r\n\r\na: b"};

	(void)state;
	for (size_t i = 0; i < N(texts); i++) {
		char *head = copy_of(texts[i], strlen(texts[i]));
		http_case_apply(c, head, strlen(texts[i]));
		expect_span("part", "head", span_of(head, strlen(texts[i])),
			    span_of(texts[i], strlen(texts[i])));
		free(head);
	}
}

static void
the_serialiser_adjusts_its_own_fields_too(void **state)
{
	static const struct span names[] = {{"CONTENT-LENGTH", 14}, {"x-a", 3}};
	static struct http_head h;
	const char *text = "HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B: 2\r\n\r\n";
	struct http_outgoing o = {.body = HTTP_BODY_LENGTH,
				  .length = 3,
				  .names = http_case_new(arena, names, N(names))};
	enum http_reject why;
	char out[256];

	(void)state;
	assert_int_equal(
		http_head_parse_response(text, strlen(text), 0, &usual, &h, &why),
		HTTP_PARSE_OK);
	size_t n = http_serialise_response(&h, &o, out, sizeof(out));
	expect_span(
		"own", "head", span_of(out, n),
		SPAN("HTTP/1.1 200 OK\r\nx-a: 1\r\nX-B: 2\r\nCONTENT-LENGTH: 3\r\n\r\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listed_names_get_their_case_and_nothing_else_changes),
		cmocka_unit_test(many_names_are_found),
		cmocka_unit_test(what_is_not_a_whole_head_is_left_alone),
		cmocka_unit_test(the_serialiser_adjusts_its_own_fields_too),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
