/* SPDX-License-Identifier: MIT
 *
 * Health checks of the configuration: scripts, presets, names, and what is wrong with
 * them.
 */
#include "loaded.h"

#define BACKENDS "frontends: {w: {bind: \":80\", default_backend: b}}\nbackends:\n"

/* One of the messages has that text. */
static void
assert_wrong(const char *yaml, const char *text)
{
	struct cfg_request r = {0};
	struct cfg_errors *errors = NULL;
	bool found = false;
	struct cfg *c = cfg_load_text(&r, "t", yaml, strlen(yaml), &errors);
	for (size_t i = 0; i < cfg_errors_n(errors); i++)
		found |= strstr(cfg_errors_at(errors, i), text) != NULL;
	for (size_t i = 0; !found && i < cfg_errors_n(errors); i++)
		print_error("%s\n", cfg_errors_at(errors, i));
	if (!found)
		fail_msg("nothing says: %s", text);
	cfg_errors_free(&errors);
	cfg_free(&c);
}

static const struct cfg_check *
check_of(const struct cfg *c, const char *name)
{
	return backend(c, name)->check;
}

static void
http_checks_are_built_from_options_and_steps(void **state)
{
	(void)state;
	struct cfg *c = loaded(
		BACKENDS
		"  b:\n    option: {httpchk: {method: GET, uri: /h, version: HTTP/1.1, "
		"host: a.b}}\n"
		"    http_check:\n      - send: {uri: /i, headers: {X-A: [1, 2]}}\n"
		"      - expect: {status: [200-299, \"404,500-501\"]}\n"
		"      - expect: {rstring: \"^ok$\", not: true}\n"
		"    servers: {s: \"1.1.1.1:1\"}\n"
		"  d: {option: httpchk, servers: {s: \"1.1.1.1:1\"}}\n"
		"  e: {option: {httpchk: HEAD /x HTTP/1.1}, servers: {s: "
		"\"1.1.1.1:1\"}}\n"
		"  f: {servers: {s: \"1.1.1.1:1\"}}\n");
	const struct cfg_check *k = check_of(c, "b");
	assert_int_equal(k->kind, CFG_CHECK_HTTP);
	assert_int_equal(k->steps_n, 4);
	assert_int_equal(k->steps[0].kind, CFG_STEP_CONNECT);
	const struct cfg_check_request *r = k->steps[1].request;
	assert_span(r->method, "GET");
	assert_span(r->uri.bytes, "/i");
	assert_span(r->version, "HTTP/1.1");
	assert_int_equal(r->fields_n, 3);
	assert_span(r->fields[0].name, "Host");
	assert_span(r->fields[2].value.bytes, "2");
	const struct cfg_expect *e = k->steps[2].expect;
	assert_int_equal(e->kind, CFG_EXPECT_STATUS);
	assert_int_equal(e->ranges_n, 3);
	assert_int_equal(e->ranges[2].from, 500);
	assert_int_equal(e->ranges[2].to, 501);
	e = k->steps[3].expect;
	assert_int_equal(e->kind, CFG_EXPECT_RSTRING);
	assert_true(e->negate && e->regex);
	assert_span(check_of(c, "d")->steps[1].request->method, "OPTIONS");
	assert_span(check_of(c, "d")->steps[1].request->version, "HTTP/1.0");
	assert_int_equal(check_of(c, "d")->steps[2].expect->ranges[0].to, 399);
	assert_span(check_of(c, "e")->steps[1].request->method, "HEAD");
	assert_span(check_of(c, "e")->steps[1].request->uri.bytes, "/x");
	assert_int_equal(check_of(c, "f")->kind, CFG_CHECK_TCP);
	cfg_free(&c);
}

static void
a_script_connects_first_and_steps_are_counted_as_they_are_written(void **state)
{
	(void)state;
	struct cfg *c = loaded(
		BACKENDS
		"  b:\n    option: tcp_check\n    tcp_check:\n"
		"      - connect: true\n"
		"      - comment: the greeting\n"
		"      - expect: {rbinary: \"^2B\", min_recv: 5, error_status: L7STS}\n"
		"      - {send: \"QUIT\\r\\n\", comment: bye}\n"
		"      - connect: {port: 81, send_proxy: true, linger: true}\n"
		"      - send_binary: 0a0B\n"
		"      - set_var: {name: check.x, value: int(1)}\n"
		"      - unset_var: check.x\n"
		"    servers: {s: \"1.1.1.1:1\"}\n");
	const struct cfg_check *k = check_of(c, "b");
	assert_int_equal(k->kind, CFG_CHECK_SCRIPT);
	assert_int_equal(k->steps_n, 7);
	assert_int_equal(k->steps[0].kind, CFG_STEP_CONNECT);
	assert_int_equal(k->steps[0].number, 1);
	assert_int_equal(k->steps[1].number, 2);
	assert_string_equal(k->steps[1].comment, "the greeting");
	assert_int_equal(k->steps[1].expect->min_recv, 5);
	assert_int_equal(k->steps[1].expect->error_status, 3);
	assert_string_equal(k->steps[2].comment, "bye");
	assert_int_equal(k->steps[3].connect->port, 81);
	assert_true(k->steps[3].connect->linger);
	assert_true(k->steps[3].connect->send_proxy);
	assert_int_equal(k->steps[4].number, 5);
	assert_span(k->steps[4].bytes.bytes, "\n\x0b");
	assert_int_equal(k->steps[5].kind, CFG_STEP_VAR);
	assert_true(k->steps[5].rule->expr && !k->steps[6].rule->expr);
	assert_true(k->is_private);
	cfg_free(&c);
}

static void
the_same_text_is_the_same_check(void **state)
{
	(void)state;
	struct cfg *c =
		loaded("defaults: {option: {httpchk: GET /x}}\n" BACKENDS
		       "  b: {servers: {s: \"1.1.1.1:1\"}}\n"
		       "  d: {servers: {s: \"1.1.1.1:1\"}}\n"
		       "  e: {option: {httpchk: GET /y}, servers: {s: "
		       "\"1.1.1.1:1\"}}\n"
		       "  f: {option: redis_check, servers: {s: \"1.1.1.1:1\"}}\n");
	assert_ptr_equal(check_of(c, "b"), check_of(c, "d"));
	assert_ptr_not_equal(check_of(c, "b"), check_of(c, "e"));
	assert_int_equal(check_of(c, "f")->kind, CFG_CHECK_PRESET);
	cfg_free(&c);
}

static void
servers_choose_checks_by_name_and_may_track_others(void **state)
{
	(void)state;
	struct cfg *c = loaded(
		"checks:\n  alive: {type: httpchk, http_check: [expect: {status: 204}]}\n"
		"  db: {type: {mysql_check: {user: weir}}}\n" BACKENDS
		"  b:\n    default_server: {check: true, healthcheck: db}\n"
		"    servers:\n      s: \"1.1.1.1:1\"\n"
		"      t: {address: \"1.1.1.1:2\", healthcheck: alive, init_state: "
		"fully-down}\n"
		"  d: {servers: {v: {address: \"1.1.1.1:1\", track: u}, "
		"u: {address: \"1.1.1.1:1\", track: b/t}}}\n");
	const struct cfg_proxy *b = backend(c, "b");
	assert_int_equal(b->servers[0]->healthcheck->kind, CFG_CHECK_PRESET);
	assert_int_equal(b->servers[1]->healthcheck->kind, CFG_CHECK_HTTP);
	assert_int_equal(b->servers[1]->init_state, CFG_INIT_FULLY_DOWN);
	assert_ptr_equal(backend(c, "d")->servers[1]->track, b->servers[1]);
	assert_ptr_equal(backend(c, "d")->servers[0]->track, backend(c, "d")->servers[1]);
	cfg_free(&c);
}

static void
a_login_to_mysql_has_the_length_it_says(void **state)
{
	(void)state;
	static const char *const versions[] = {"pre-41", "post-41", "post-80"};
	for (size_t i = 0; i < 3; i++) {
		char text[600];
		snprintf(text, sizeof(text),
			 BACKENDS
			 "  b: {option: {mysql_check: {user: weir, version: %s}}, "
			 "servers: {s: \"1.1.1.1:1\"}}\n",
			 versions[i]);
		struct cfg *c = loaded(text);
		struct span s = check_of(c, "b")->steps[1].bytes.bytes;
		size_t n = (unsigned char)s.p[0];
		assert_int_equal(s.n, 4 + n + 5); /* and COM_QUIT */
		assert_memory_equal(s.p + 4 + n, "\1\0\0\0\1", 5);
		assert_non_null(memmem(s.p, s.n, "weir", 5));
		cfg_free(&c);
	}
}

static void
what_is_wrong_with_a_check_is_said_at_its_place(void **state)
{
	(void)state;
	assert_wrong(BACKENDS "  b: {option: [redis_check, httpchk]}\n",
		     "backends.b.option.redis_check: 'httpchk' is given "
		     "too; expected one kind of check");
	assert_wrong(BACKENDS "  b: {option: tcp_check, tcp_check: [{send: a, expect: "
			      "{string: b}}]}\n",
		     "'send' is given too; expected one action in a step");
	assert_wrong(BACKENDS "  b: {option: tcp_check, tcp_check: [send_binary: abc]}\n",
		     "'abc' is not a text of hexadecimal digits");
	assert_wrong(BACKENDS "  b: {option: tcp_check, tcp_check: [send: a, connect: "
			      "true]}\n",
		     "expected 'connect' as the first step");
	assert_wrong(BACKENDS "  b: {option: tcp_check, tcp_check: [expect: {string: a, "
			      "binary: \"00\"}]}\n",
		     "two expectations in one step");
	assert_wrong(BACKENDS "  b: {option: tcp_check, tcp_check: [send_lf: \"%ci\"]}\n",
		     "'%ci' is of requests");
	assert_wrong(BACKENDS "  b: {option: tcp_check, tcp_check: [set_var: {name: "
			      "txn.x, value: int(1)}]}\n",
		     "expected proc, sess or check");
	assert_wrong(BACKENDS
		     "  b: {option: httpchk, http_check: [expect: {status: 200}, "
		     "send: {uri: /b}]}\n",
		     "expected a step 'connect' before it");
	assert_wrong(BACKENDS "  b: {servers: {s: {address: \"1.1.1.1:1\", healthcheck: "
			      "live}}}\nchecks: {alive: {type: redis_check}}\n",
		     "unknown check 'live'; expected a name of 'checks'; did you mean "
		     "'alive'?");
	assert_wrong(BACKENDS "  b: {servers: {s: {address: \"1.1.1.1:1\", check: true}, "
			      "t: {address: \"1.1.1.1:2\", track: u}}}\n",
		     "unknown server 'u'; expected [backend/]server");
	assert_wrong(BACKENDS "  b: {servers: {s: \"1.1.1.1:1\", t: {address: "
			      "\"1.1.1.1:2\", track: s}}}\n",
		     "'s' is not checked; expected a server that is, or that tracks one");
	assert_wrong(
		BACKENDS
		"  b: {servers: {s: {address: \"1.1.1.1:1\", track: t}, t: {address: "
		"\"1.1.1.1:2\", track: s}}}\n",
		"'t' leads around in a circle; expected a server that is checked");
	assert_wrong(
		BACKENDS
		"  b: {servers: {s: {address: \"1.1.1.1:1\", track: t}, t: {address: "
		"\"1.1.1.1:2\", track: t}}}\n",
		"'t' leads around in a circle; expected a server that is checked");
	assert_wrong(BACKENDS "  b: {option: external_check, external_check: {command: "
			      "/bin/true}}\n",
		     "expected 'external_check: true' in global");
	assert_wrong(BACKENDS "  b: {option: {dns_check: a..b}}\n",
		     "'a..b' is not a name of DNS");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http_checks_are_built_from_options_and_steps),
		cmocka_unit_test(
			a_script_connects_first_and_steps_are_counted_as_they_are_written),
		cmocka_unit_test(the_same_text_is_the_same_check),
		cmocka_unit_test(servers_choose_checks_by_name_and_may_track_others),
		cmocka_unit_test(a_login_to_mysql_has_the_length_it_says),
		cmocka_unit_test(what_is_wrong_with_a_check_is_said_at_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
