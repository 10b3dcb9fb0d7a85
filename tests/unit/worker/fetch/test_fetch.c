/* SPDX-License-Identifier: MIT
 *
 * Fetches of a request: every row of fetches.def.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>

#include "lib/base/must.h"
#include "worker/fetch/fetch.h"

struct row {
	const char *text, *value;
	bool is_all;
};

static const struct row rows[] = {
#define SAME(text, value)		 {text, value, false},
#define LATER(text, value)		 {text, value, false},
#define OTHER(text, value, haproxy, why) {text, value, false},
#define ALL(text, value)		 {text, value, true},
#include "fetches.def"
#undef SAME
#undef LATER
#undef OTHER
#undef ALL
};

#define SAME(text, value)
#define LATER(text, value)
#define OTHER(text, value, haproxy, why)
#define ALL(text, value)
#define REQUEST(bytes) static const char request[] = bytes;
#include "fetches.def"
#undef REQUEST

static struct cfg_proxy proxy = {.name = "web", .id = 1, .caps = CFG_CAP_FRONTEND};
static struct cfg_bind bind_cfg = {.name = "here", .frontend = &proxy};
static struct rt_frontend frontend = {.cfg = &proxy};
static struct rt_listener listener = {.cfg = &bind_cfg, .fe = &frontend};
static struct session session = {.bind = &listener, .requests_n = 1};
static struct txn txn = {.s = &session, .fe = &frontend, .request_us = 1};
static struct http_head head;

static struct txn_context
context(enum expr_at at)
{
	static const struct http_limits limits = {.request_line_bytes = 8192,
						  .field_bytes = 8192,
						  .head_bytes = 16384,
						  .fields_n = 100};
	enum http_reject why;
	static char bytes[65536];
	static struct expr_scratch scratch = {bytes, sizeof(bytes), 0};
	session.peer.in = (struct sockaddr_in){.sin_family = AF_INET,
					       .sin_port = htons(1234),
					       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	must(http_head_parse_request(request, sizeof(request) - 1, 0, &limits, &head,
				     &why) == HTTP_PARSE_OK);
	scratch.used = 0;
	return (struct txn_context){.base = {&worker_host, &scratch, at, NULL},
				    .s = &session,
				    .t = &txn,
				    .req = &head};
}

/* All values as text, '|' between them. false: there is none. */
static bool
all_values(const struct expr_program *p, const struct expr_context *c, char *out,
	   size_t cap)
{
	struct expr_sample s = {.next = 0};
	size_t n = 0, count = 0;
	for (; expr_eval_next(p, c, EXPR_STR, &s); count++)
		n += (size_t)snprintf(out + n, cap - n, "%s%.*s", count ? "|" : "",
				      (int)s.str.n, s.str.p);
	return count > 0;
}

static bool
one_value(const struct expr_program *p, const struct expr_context *c, char *out,
	  size_t cap)
{
	struct expr_sample s;
	if (!expr_eval(p, c, EXPR_STR, &s))
		return false;
	snprintf(out, cap, "%.*s", (int)s.str.n, s.str.p);
	return true;
}

static void
fetches_find_the_values_of_the_table(void **state)
{
	unsigned wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct arena *a = arena_new();
		struct expr_env env;
		struct expr_error err;
		struct txn_context c = context(EXPR_AT_REQUEST);
		char text[4096] = "";
		expr_env_init(&env, a, http_field_id_of);
		env.at = EXPR_AT_REQUEST;
		const struct expr_program *p =
			expr_compile(&env, span_str(r->text), &err);
		bool has = p && (r->is_all ? all_values(p, &c.base, text, sizeof(text))
					   : one_value(p, &c.base, text, sizeof(text)));
		if (!p)
			print_error("%s: at %zu: %s\n", r->text, err.at, err.text);
		else if (has != (r->value != NULL) ||
			 (has && strcmp(text, r->value) != 0))
			print_error("%s is %s, not %s\n", r->text, has ? text : "missing",
				    r->value ? r->value : "missing");
		else
			wrong--;
		wrong++;
		expr_env_free(&env);
		arena_free(&a);
	}
	assert_int_equal(wrong, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fetches_find_the_values_of_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
