/* SPDX-License-Identifier: MIT
 *
 * Rules in the configuration: each mistake is told with its place, what was expected and
 * where it would belong.
 */
#include "loaded.h"

#include "lib/expr/format.h"
#include "lib/expr/vars.h"

#define HEAD                       \
	"defaults: {mode: http}\n" \
	"frontends:\n"             \
	"  w:\n"                   \
	"    bind: \":80\"\n"      \
	"    default_backend: b\n"
#define TAIL "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n"

static const struct {
	const char *what, *frontend, *error;
} rows[] = {
	{"another list", "    http_response: [{tarpit: true}]\n",
	 "t:6:22: frontends.w.http_response.0.tarpit: 'tarpit' is not possible here; it "
	 "belongs in http_request"},
	{"retries of a frontend", "    http_request: [{set_retries: 7}]\n",
	 "t:6:34: frontends.w.http_request.0.set_retries: retries are a backend's; "
	 "expected this rule in a backend or a listen"},
	{"a list of connections",
	 "    tcp_request: {connection: [{set_header: {name: a, "
	 "value: b}}]}\n",
	 "t:6:33: frontends.w.tcp_request.connection.0.set_header: 'set_header' is not "
	 "possible here; it belongs in http_request, http_response, http_after_response"},
	{"a misspelled action", "    http_request: [{set_heder: {name: a, value: b}}]\n",
	 "t:6:21: frontends.w.http_request.0.set_heder: unknown keyword; did you mean "
	 "'set_header'?"},
	{"a missing argument", "    http_request: [{set_header: {name: a}}]\n",
	 "t:6:33: frontends.w.http_request.0.set_header: 'value' is missing; expected "
	 "its value, a format"},
	{"what stands beside rules", "    http_request: [{use_backend: b}]\n",
	 "t:6:21: frontends.w.http_request.0.use_backend: 'use_backend' is no action: it "
	 "stands "
	 "beside the rules, not among them"},
	{"a plain value for an action with arguments",
	 "    http_request: [{set_header: X-A b}]\n",
	 "t:6:33: frontends.w.http_request.0.set_header: a plain value is not possible "
	 "here; "
	 "expected a map such as { name: ..., value: ... }"},
	{"a number for an action with arguments", "    http_request: [{deny: 429}]\n",
	 "t:6:27: frontends.w.http_request.0.deny: '429' is not possible here; expected "
	 "true, or "
	 "a map such as { status: ... }"},
	{"a test of the request in a response",
	 "    http_response: [{deny: true, if: '{ hdr_sub(x) y }'}]\n",
	 "t:6:41: frontends.w.http_response.0.if: 'hdr_sub' has no value in an "
	 "http_response "
	 "rule: it is the request's; the response's is res.hdr"},
	{"two actions", "    http_request: [{deny: true, allow: true}]\n",
	 "t:6:27: frontends.w.http_request.0.deny: two actions in one rule; the other is "
	 "'allow'"},
	{"framing",
	 "    http_request: [{set_header: {name: content-length, value: 3}}]\n",
	 "t:6:40: frontends.w.http_request.0.set_header.name: 'content-length' is "
	 "written "
	 "by weir itself; expected another field"},
	{"an expression", "    http_request: [{set_path: \"/%[nothing]\"}]\n",
	 "t:6:35: frontends.w.http_request.0.set_path: unknown fetch 'nothing'; "
	 "docs/expressions.md lists them, path and req.hdr(name) among them"},
	{"a regular expression",
	 "    http_request: [{replace_path: {match: \"/(\", value: x}}]\n",
	 "t:6:46: frontends.w.http_request.0.replace_path.match: '/(' is not a regular "
	 "expression: missing closing parenthesis"},
	{"a scope", "    http_request: [{set_var: {name: tnx.a, value: path}}]\n", NULL},
	{"a scope that is not there yet",
	 "    tcp_request: {session: [{set_var: {name: txn.a, value: src}}]}\n",
	 "t:6:46: frontends.w.tcp_request.session.0.set_var.name: the scope of 'txn.a' "
	 "does not exist yet; expected proc or sess"},
	{"a condition of a variable",
	 "    http_request: [{set_var: {name: \"txn.a,ifexist\", value: path}}]\n",
	 "t:6:44: frontends.w.http_request.0.set_var.name: 'ifexist' is not a condition "
	 "of "
	 "set_var; expected ifexists, ifnotexists, ifset, ifnotset, ifempty, ifnotempty, "
	 "ifgt or iflt; did you mean 'ifexists'?"},
	{"a redirection without a target",
	 "    http_request: [{redirect: {code: 301}}]\n",
	 "t:6:31: frontends.w.http_request.0.redirect: no target; expected one of "
	 "location, prefix and scheme"},
	{"the request in a response", "    http_response: [{redirect: {prefix: /a}}]\n",
	 "t:6:32: frontends.w.http_response.0.redirect: the request is gone when its "
	 "response comes; expected 'location'"},
	{"a fetch of the request in a response",
	 "    http_response: [{set_header: {name: a, value: \"%[path]\"}}]\n", NULL},
	{"no slot", "    http_response: [{capture: {sample: status, len: 3}}]\n",
	 "t:6:53: frontends.w.http_response.0.capture.len: only rules for requests in a "
	 "frontend make slots; expected 'id', and the slot in declare_capture"},
	{"a level", "    http_request: [{set_log_level: loud}]\n",
	 "t:6:36: frontends.w.http_request.0.set_log_level: 'loud' is not possible here; "
	 "expected emerg, alert, crit, err, warning, notice, info, debug or silent"},
	{"no timeout", "    http_request: [{set_timeout: {}}]\n",
	 "t:6:34: frontends.w.http_request.0.set_timeout: no timeout; expected client, "
	 "connect, queue, server, tarpit or tunnel"},
	{"a variable of a response that has not come",
	 "    http_request: [{set_var: {name: res.a, value: src}}]\n",
	 "t:6:37: frontends.w.http_request.0.set_var.name: the scope of 'res.a' does not "
	 "exist yet: it ends with a response; expected proc, sess, txn or req"},
	{"one of a request that is gone",
	 "    http_response: [{deny: true, if: \"{ var(req.a) x }\"}]\n",
	 "t:6:45: frontends.w.http_response.0.if: the scope of 'req.a' is gone: it ended "
	 "with the request; expected proc, sess, txn or res"},
	{"one of a txn that has not begun",
	 "    tcp_request: {connection: [{set_var: {name: txn.a, value: src}}]}\n",
	 "t:6:49: frontends.w.tcp_request.connection.0.set_var.name: the scope of "
	 "'txn.a' "
	 "does not exist yet; expected proc or sess"},
	{"an ACL of acl() that is none",
	 "    http_request: [{deny: true, if: \"{ acl(METH_GET,!x) }\"}]\n",
	 "t:6:53: frontends.w.http_request.0.if: unknown ACL 'x'; expected the name of "
	 "an "
	 "acl of this section, or a test in braces such as { path_beg /api/ }"},
};

static void
each_mistake_is_told_with_its_place(void **state)
{
	static char yaml[4096];
	struct cfg_request r = {0};
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cfg_errors *errors = NULL;
		snprintf(yaml, sizeof(yaml), "%s%s%s", HEAD, rows[i].frontend, TAIL);
		struct cfg *c = cfg_load_text(&r, "t", yaml, strlen(yaml), &errors);
		const char *first = cfg_errors_n(errors) ? cfg_errors_at(errors, 0) : "";
		bool is_told = rows[i].error ? strcmp(first, rows[i].error) == 0
					     : first[0] != '\0';
		if (c || !is_told) {
			print_error("%s:\n  %s\nnot\n  %s\n", rows[i].what, first,
				    rows[i].error);
			wrong++;
		}
		cfg_free(&c);
		cfg_errors_free(&errors);
	}
	assert_int_equal(wrong, 0);
}

static void
arguments_are_stored_by_their_types(void **state)
{
	(void)state;
	struct cfg *c = loaded(
		HEAD
		"    http_request:\n"
		"      - set_var: {name: \"sess.a,ifnotset,ifnotempty\", value: path}\n"
		"      - {del_header: {name: x-, match: beg}, unless: TRUE}\n"
		"      - {set_timeout: {server: 2s, tunnel: \"req.hdr(a)\"}}\n"
		"      - {capture: {sample: path, len: 10}}\n"
		"      - {redirect: {scheme: https, code: 307}, if: FALSE}\n"
		"    block: {if: FALSE}\n"
		"    redirect: {location: \"/%\", if: FALSE}\n" TAIL);
	const struct cfg_proxy *w = frontend(c, "w");
	const struct cfg_rule *r = w->rules[CFG_RULES_REQUEST].list;
	assert_int_equal(w->rules[CFG_RULES_REQUEST].n, 6);
	assert_int_equal(r[0].action, CFG_ACTION_deny);
	assert_int_equal(r[0].reply->status, 403);
	assert_int_equal(r[1].set_if, EXPR_SET_IF_NOT_SET | EXPR_SET_IF_NOT_EMPTY);
	assert_span(r[1].var->name, "sess.a");
	assert_int_equal(r[2].match, CFG_MATCH_BEG);
	assert_true(r[2].unless);
	assert_int_equal(r[3].timeouts[CFG_TIMEOUT_SERVER].ms, 2000);
	assert_non_null(r[3].timeouts[CFG_TIMEOUT_TUNNEL].expr);
	assert_false(r[3].timeouts[CFG_TIMEOUT_CLIENT].is_set);
	assert_int_equal(r[4].number, 0);
	assert_int_equal(w->captures.slots[CFG_CAPTURE_REQUEST][0].len, 10);
	assert_int_equal(r[5].redirect->code, 307);
	const struct cfg_rule *old = w->rules[CFG_RULES_REDIRECT].list;
	assert_span(format_constant(old->redirect->location), "/%");
	cfg_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_told_with_its_place),
		cmocka_unit_test(arguments_are_stored_by_their_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
