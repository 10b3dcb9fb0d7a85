/* SPDX-License-Identifier: MIT
 *
 * Answers of the configuration: which message a proxy has for which error, and what is
 * said about files and groups that are not usable.
 */
#include "loaded.h"

static char dir[] = "/tmp/weir-replies-XXXXXX";

static void
write_file(const char *name, const char *bytes)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(bytes, f);
	fclose(f);
}

static int
begin(void **state)
{
	char name[16];
	(void)state;
	if (!mkdtemp(dir) || chdir(dir) < 0)
		return -1;
	for (int i = 1; i <= 4; i++) {
		char bytes[64];
		snprintf(name, sizeof(name), "f%d", i);
		snprintf(bytes, sizeof(bytes), "HTTP/1.0 503 x\n\nfile %d", i);
		write_file(name, bytes);
	}
	write_file("empty", "");
	write_file("html", "<html></html>\n");
	FILE *f = fopen("huge", "w");
	return f && ftruncate(fileno(f), (16 << 20) + 1) == 0 ? fclose(f) : -1;
}

static int
end(void **state)
{
	static const char *const names[] = {"f1",    "f2",   "f3",  "f4",
					    "empty", "html", "huge"};
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(names[i]);
	return rmdir(dir);
}

/* "body", "302 URL", "silent" or "-": what a proxy has for an error. */
static const char *
page(const struct cfg_proxy *p, int status)
{
	static char text[256];
	const struct cfg_reply *own = p->errors[http_error_of(status)];
	if (!own)
		return "-";
	const struct http_reply *r = own->message;
	if (r->is_silent)
		return "silent";
	struct span at = {NULL, 0};
	if (r->head.n)
		at.p = memmem(r->head.p, r->head.n, "Location: ", 10);
	if (at.p)
		snprintf(text, sizeof(text), "%.3s %.*s", r->head.p + 9,
			 (int)(r->head.p + r->head.n - at.p) - 12, at.p + 10);
	else
		snprintf(text, sizeof(text), "%.*s", (int)r->body.n, r->body.p);
	return text;
}

#define BACKEND "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n"

static void
every_keyword_gives_its_answer(void **state)
{
	(void)state;
	struct cfg *c = loaded(
		"http_errors: {site: {403: f1, 404: f2}, other: {404: f3}}\n"
		"defaults: {mode: http}\n"
		"frontends:\n  w:\n    bind: \":80\"\n    default_backend: b\n"
		"    errorfile: {503: f4, 408: /dev/null, 400: empty}\n"
		"    errorloc: {500: /sorry}\n"
		"    errorloc303: {502: \"http://a/b\"}\n"
		"    http_error: [{status: 429, string: slow, headers: {A: b}},\n"
		"      {status: 413, file: html, content_type: text/html},\n"
		"      {status: 414, errorfile: f1}, {status: 421, errorfiles: other},\n"
		"      {status: 422}]\n"
		"    errorfiles: [site, {name: other, codes: 404}]\n"
		"  v: {bind: \":81\", default_backend: b, errorloc302: {504: a},\n"
		"    errorfiles: {name: site, codes: [403, 500]}}\n" BACKEND);
	const struct cfg_proxy *w = frontend(c, "w"), *v = frontend(c, "v");
	assert_string_equal(page(w, 503), "file 4");
	assert_string_equal(page(w, 408), "silent");
	assert_string_equal(page(w, 400), "silent");
	assert_string_equal(page(w, 500), "302 /sorry");
	assert_string_equal(page(w, 502), "303 http://a/b");
	assert_string_equal(page(w, 429), "slow");
	assert_span(w->errors[HTTP_ERROR_429]->message->extra, "A: b\r\n");
	assert_span(w->errors[HTTP_ERROR_429]->message->content_type, "text/plain");
	assert_string_equal(page(w, 413), "<html></html>\n");
	assert_string_equal(page(w, 414), "file 1");
	assert_string_equal(page(w, 421), "-");
	assert_string_equal(page(w, 422), "");
	assert_string_equal(page(w, 403), "file 1");
	assert_string_equal(page(w, 404), "file 3");
	assert_string_equal(page(w, 401), "-");
	assert_string_equal(page(v, 504), "302 a");
	assert_string_equal(page(v, 403), "file 1");
	assert_string_equal(page(v, 404), "-");
	assert_int_equal(c->warnings_n, 1);
	assert_string_equal(
		c->warnings[0],
		"t:12:63: frontends.w.http_error.3.errorfiles: 'other' has no "
		"file for 421; the answer is the error page of the proxy");
	cfg_free(&c);
}

static void
a_section_wins_over_its_defaults_whatever_the_keyword(void **state)
{
	(void)state;
	struct cfg *c =
		loaded("http_errors: {site: {500: f1}}\n"
		       "defaults: {mode: http, errorfile: {500: f2, 502: f2, 503: f2, "
		       "504: f2}}\n"
		       "named_defaults:\n"
		       "  low: {mode: http, errorfile: {500: f3, 502: f3}}\n"
		       "  high: {from: low, errorloc: {502: /high}}\n"
		       "frontends: {w: {bind: \":80\", default_backend: b}}\n"
		       "backends:\n"
		       "  b: {errorfiles: site, errorloc: {503: /own},\n"
		       "    http_error: {status: 504, default_errorfiles: true}}\n"
		       "  n: {from: high, errorfile: {503: f4}}\n");
	assert_string_equal(page(frontend(c, "w"), 500), "file 2");
	assert_string_equal(page(backend(c, "b"), 500), "file 1");
	assert_string_equal(page(backend(c, "b"), 502), "file 2");
	assert_string_equal(page(backend(c, "b"), 503), "302 /own");
	assert_string_equal(page(backend(c, "b"), 504), "-");
	assert_string_equal(page(backend(c, "n"), 500), "file 3");
	assert_string_equal(page(backend(c, "n"), 502), "302 /high");
	assert_string_equal(page(backend(c, "n"), 503), "file 4");
	assert_string_equal(page(backend(c, "n"), 504), "-");
	cfg_free(&c);
}

static void
rules_answer_with_files_and_groups(void **state)
{
	(void)state;
	struct cfg *c = loaded(
		"http_errors: {site: {403: f1, 404: empty}}\n"
		"defaults: {mode: http}\n"
		"frontends:\n  w:\n    bind: \":80\"\n    http_request:\n"
		"      - {return: {errorfile: f2}, if: \"{ path /a }\"}\n"
		"      - {return: {status: 403, errorfiles: site}, if: \"{ path /b }\"}\n"
		"      - {deny: {status: 404, errorfiles: site}, if: \"{ path /c }\"}\n"
		"      - {return: {status: 500, default_errorfiles: true}, if: \"{ path "
		"/d }\"}\n"
		"      - {deny: {status: 429, headers: {A: b}}, if: \"{ path /e }\"}\n"
		"      - return: true\n");
	const struct cfg_rule *r = frontend(c, "w")->rules[CFG_RULES_REQUEST].list;
	assert_span(r[0].reply->message->body, "file 2");
	assert_int_equal(r[0].reply->message->status, 503);
	assert_span(r[1].reply->message->body, "file 1");
	assert_true(r[2].reply->message->is_silent);
	assert_int_equal(r[2].reply->message->status, 404);
	assert_null(r[3].reply->message);
	assert_int_equal(r[3].reply->status, 500);
	assert_span(r[4].reply->message->extra, "A: b\r\n");
	assert_int_equal(r[5].reply->message->status, 200);
	assert_int_equal(r[5].reply->message->body.n, 0);
	assert_int_equal(c->warnings_n, 0);
	cfg_free(&c);
}

static void
one_file_is_read_once(void **state)
{
	(void)state;
	struct cfg *c =
		loaded("http_errors: {site: {503: f1}}\n"
		       "defaults: {mode: http, errorfile: {503: f1}}\n"
		       "frontends: {w: {bind: \":80\", default_backend: b}}\n" BACKEND);
	assert_ptr_equal(frontend(c, "w")->errors[HTTP_ERROR_503]->message,
			 backend(c, "b")->errors[HTTP_ERROR_503]->message);
	cfg_free(&c);
}

static void
names_in_a_given_case_come_from_map_and_file(void **state)
{
	(void)state;
	write_file("html", "# names\n\n  x-b\tX-B  \r\nx-c X-c\n");
	struct cfg *c =
		loaded("global: {h1_case_adjust: {x-a: X-A}, h1_case_adjust_file: html}\n"
		       "frontends: {w: {bind: \":80\", mode: http, default_backend: b,\n"
		       "  option: h1_case_adjust_bogus_client}}\n"
		       "backends: {b: {mode: http, servers: {s: \"1.1.1.1:1\"},\n"
		       "  option: h1_case_adjust_bogus_server}}\n");
	char head[] = "X\r\nx-a: 1\r\nx-b: 2\r\nX-C: 3\r\n\r\n";
	http_case_apply(c->global.h1_case, head, sizeof(head) - 1);
	assert_string_equal(head, "X\r\nX-A: 1\r\nX-B: 2\r\nX-c: 3\r\n\r\n");
	assert_true(frontend(c, "w")->options & CFG_OPT_H1_CASE_CLIENT);
	assert_true(backend(c, "b")->options & CFG_OPT_H1_CASE_SERVER);
	assert_int_equal(c->warnings_n, 0);
	cfg_free(&c);
	c = loaded("frontends: {w: {bind: \":80\", mode: http, default_backend: b,\n"
		   "  option: h1_case_adjust_bogus_client}}\n"
		   "backends: {b: {mode: http, servers: {s: \"1.1.1.1:1\"}}}\n");
	assert_null(c->global.h1_case);
	assert_int_equal(c->warnings_n, 1);
	assert_string_equal(
		c->warnings[0],
		"t:2:11: frontends.w.option.h1_case_adjust_bogus_client: has no "
		"effect; expected names in global.h1_case_adjust");
	cfg_free(&c);
	write_file("html", "<html></html>\n");
}

struct bad {
	const char *what, *errors, *yaml;
};

#define IN_W(text)                                                          \
	"defaults: {mode: http}\nfrontends:\n  w:\n    bind: \":80\"\n    " \
	"default_backend: b\n    " text "\n" BACKEND

static const struct bad bads[] = {
	{"a code weir does not answer with",
	 "t:6:17: frontends.w.errorfile.999: unknown keyword; expected one of: 200, 400, "
	 "401, "
	 "403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, "
	 "502, "
	 "503, 504, 505",
	 IN_W("errorfile: {999: f1}")},
	{"a misspelt code",
	 "t:6:17: frontends.w.errorfile.4033: unknown keyword; did you mean '403'?",
	 IN_W("errorfile: {4033: f1}")},
	{"a file that is not there",
	 "t:6:22: frontends.w.errorfile.503: 'f9' cannot be opened: No such file or "
	 "directory",
	 IN_W("errorfile: {503: f9}")},
	{"a file of HTML",
	 "t:6:22: frontends.w.errorfile.503: 'html': there is no empty line behind the "
	 "header "
	 "fields; expected a whole HTTP response",
	 IN_W("errorfile: {503: html}")},
	{"a file that is too large",
	 "t:6:22: frontends.w.errorfile.503: 'huge' is not usable; expected a regular "
	 "file of "
	 "at most 16 MB",
	 IN_W("errorfile: {503: huge}")},
	{"a device",
	 "t:6:22: frontends.w.errorfile.503: '/dev/zero' is not usable; expected a "
	 "regular file of at most 16 MB",
	 IN_W("errorfile: {503: /dev/zero}")},
	{"an unknown group",
	 "t:6:17: frontends.w.errorfiles: there is no group 'sitt' in http_errors; did "
	 "you mean "
	 "'site'?",
	 IN_W("errorfiles: sitt") "http_errors: {site: {503: f1}}\n"},
	{"a bad file of a group nobody uses",
	 "t:7:27: http_errors.site.503: 'f9' cannot be opened: No such file or directory",
	 BACKEND "frontends:\n  w:\n    bind: \":80\"\n    default_backend: b\n\n"
		 "http_errors: {site: {503: f9}}\n"},
	{"two answers to one error",
	 "t:7:21: frontends.w.errorloc.503: 503 is answered already, at t:6:22",
	 IN_W("errorfile: {503: f1}\n    errorloc: {503: /x}")},
	{"blanks in a location",
	 "t:6:21: frontends.w.errorloc.503: '/a b' is not a URI; expected no blanks and "
	 "no "
	 "control characters",
	 IN_W("errorloc: {503: /a b}")},
	{"an answer with two sources",
	 "t:6:48: frontends.w.http_error.file: 'string' is given too; expected one of "
	 "them",
	 IN_W("http_error: {status: 503, string: x, file: f1}")},
	{"an answer to an error that has none",
	 "t:6:26: frontends.w.http_error.status: '402' is not possible here; expected "
	 "200, 400, "
	 "401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, "
	 "501, 502, "
	 "503, 504 or 505; did you mean '400'?",
	 IN_W("http_error: {status: 402, string: x}")},
	{"a name to adjust that is not in lower case",
	 "t:8:33: global.h1_case_adjust.Host: 'Host' is not in lower case",
	 IN_W("") "global: {h1_case_adjust: {Host: HOST}}\n"},
	{"two different names",
	 "t:8:33: global.h1_case_adjust.host: 'host' and 'Hos' are different names; "
	 "expected a "
	 "difference in case alone",
	 IN_W("") "global: {h1_case_adjust: {host: Hos}}\n"},
	{"a file of something else",
	 "t:8:31: global.h1_case_adjust_file: line 1 of 'html': the empty text is not "
	 "the name "
	 "of a field",
	 IN_W("") "global: {h1_case_adjust_file: html}\n"},
	{"the option on the wrong side",
	 "t:6:14: frontends.w.option.h1_case_adjust_bogus_server: "
	 "'h1_case_adjust_bogus_server' "
	 "is not possible here; it belongs in defaults, backends, listens",
	 IN_W("option: [h1_case_adjust_bogus_server]")},
	{"two modes in one section",
	 "t:6:31: frontends.w.option.httpclose: 'http_keep_alive' is given too; expected "
	 "one "
	 "of them",
	 IN_W("option: [http_keep_alive, httpclose]")},
	{"a lenient mode",
	 "t:6:14: frontends.w.option.accept_invalid_http_request: "
	 "'accept_invalid_http_request' is not for weir, which has no lenient mode: a "
	 "message "
	 "is read exactly or refused",
	 IN_W("option: [accept_invalid_http_request]")},
	{"an option of old",
	 "t:6:14: frontends.w.option.forceclose: 'forceclose' is gone from HAProxy, too; "
	 "expected 'httpclose'",
	 IN_W("option: [forceclose]")},
	{"an answer to nothing",
	 "t:6:17: frontends.w.http_error: 'status' is missing; expected status code of "
	 "the error",
	 IN_W("http_error: {string: x}")},
	{"a rule whose status has no error file",
	 "t:6:53: frontends.w.http_request.0.deny.errorfiles: there are no error files "
	 "for 402; "
	 "expected one of 200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, "
	 "422, 425, "
	 "429, 431, 500, 501, 502, 503, 504 or 505",
	 IN_W("http_request: [{deny: {status: 402, errorfiles: site}}]") "http_errors: "
									 "{site: "
									 "{503: f1}}\n"},
};

static void
bad_ones_are_reported_at_their_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct cfg_request r = {0};
		struct cfg_errors *errors = NULL;
		struct cfg *c = cfg_load_text(&r, "t", bads[i].yaml, strlen(bads[i].yaml),
					      &errors);
		if (c || cfg_errors_n(errors) != 1 ||
		    strcmp(cfg_errors_at(errors, 0), bads[i].errors) != 0) {
			for (size_t j = 0; j < cfg_errors_n(errors); j++)
				print_error("%s\n", cfg_errors_at(errors, j));
			fail_msg("%s: expected %s", bads[i].what, bads[i].errors);
		}
		cfg_errors_free(&errors);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_keyword_gives_its_answer),
		cmocka_unit_test(a_section_wins_over_its_defaults_whatever_the_keyword),
		cmocka_unit_test(rules_answer_with_files_and_groups),
		cmocka_unit_test(one_file_is_read_once),
		cmocka_unit_test(names_in_a_given_case_come_from_map_and_file),
		cmocka_unit_test(bad_ones_are_reported_at_their_place),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
