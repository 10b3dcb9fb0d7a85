/* SPDX-License-Identifier: MIT
 *
 * Conditions against a request with known fields: truth tables, and what the compiler
 * says about mistakes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/expr/cond.h"

/* GET /api/v1/Users.php?q=1, Host: WWW.Example.com, two X fields "a, b" and "c" */
static bool
fetch_hdr(const struct expr_context *c, const struct expr_arg *args,
	  struct expr_sample *out)
{
	static const char *const xs[] = {"a", "b", "c"};
	(void)c;
	out->has_more = true;
	uint32_t nth = out->next++;
	if (span_ieq(args[0].str, SPAN("host")) && nth == 0)
		expr_set_str(out, SPAN("WWW.Example.com:8080"));
	else if (span_ieq(args[0].str, SPAN("x")) && nth < 3)
		expr_set_str(out, span_str(xs[nth]));
	else if (span_ieq(args[0].str, SPAN("empty")) && nth == 0)
		expr_set_str(out, SPAN(""));
	else
		return false;
	return true;
}

static bool
fetch_path(const struct expr_context *c, const struct expr_arg *args,
	   struct expr_sample *out)
{
	(void)c;
	(void)args;
	expr_set_str(out, SPAN("/api/v1/Users.php"));
	return true;
}

static bool
fetch_query(const struct expr_context *c, const struct expr_arg *args,
	    struct expr_sample *out)
{
	(void)c;
	(void)args;
	expr_set_str(out, SPAN("q=1"));
	return true;
}

static bool
fetch_method(const struct expr_context *c, const struct expr_arg *args,
	     struct expr_sample *out)
{
	(void)c;
	(void)args;
	expr_set_str(out, SPAN("GET"));
	out->type = EXPR_METHOD;
	return true;
}

static bool
fetch_url(const struct expr_context *c, const struct expr_arg *args,
	  struct expr_sample *out)
{
	(void)c;
	(void)args;
	expr_set_str(out, SPAN("/api/v1/Users.php?q=1"));
	return true;
}

/* Ten bytes wait. */
static bool
fetch_len(const struct expr_context *c, const struct expr_arg *args,
	  struct expr_sample *out)
{
	(void)args;
	expr_lacks(c);
	expr_set_int(out, 10);
	return true;
}

static bool
fetch_payload(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *out)
{
	bool is_there = args[0].integer + args[1].integer <= 10;
	if (!is_there)
		expr_lacks(c);
	expr_set_str(out, SPAN("0123456789"));
	out->type = EXPR_BIN;
	return is_there;
}

static expr_fetch_fn *const fetches[EXPR_FETCHES_N] = {
	[EXPR_FETCH_req_hdr] = fetch_hdr,
	[EXPR_FETCH_path] = fetch_path,
	[EXPR_FETCH_query] = fetch_query,
	[EXPR_FETCH_method] = fetch_method,
	[EXPR_FETCH_url] = fetch_url,
	[EXPR_FETCH_req_len] = fetch_len,
	[EXPR_FETCH_req_payload] = fetch_payload,
};
static const struct expr_host host = {.fetches = fetches};
static char scratch_bytes[1024];
static struct expr_scratch scratch = {scratch_bytes, sizeof(scratch_bytes), 0};
static const struct expr_context context = {&host, &scratch, EXPR_AT_REQUEST, NULL};

struct acl_row {
	const char *name, *definition;
};

static const struct acl_row acls[] = {
	{"yes", "path_beg /api"},     {"no", "path_beg /other"},
	{"either", "path /nothing"},  {"either", "method GET"},
	{"neither", "path /nothing"}, {"neither", "method POST"},
};

static struct expr_acls *
known_acls(struct expr_env *env)
{
	struct expr_acls *known = expr_acls_new(env);
	struct expr_error err;
	for (size_t i = 0; i < sizeof(acls) / sizeof(acls[0]); i++)
		assert_int_equal(expr_acls_add(known, span_str(acls[i].name),
					       span_str(acls[i].definition), &err),
				 0);
	return known;
}

struct truth {
	const char *text;
	bool is_true;
};

static void
each_is(const struct truth *rows, size_t n)
{
	struct arena *a = arena_new();
	struct expr_env env;
	expr_env_init(&env, a, NULL);
	const struct expr_acls *known = known_acls(&env);
	env.at = EXPR_AT_REQUEST;
	for (size_t i = 0; i < n; i++) {
		struct expr_error err;
		const struct expr_cond *cond =
			expr_cond_compile(&env, known, span_str(rows[i].text), &err);
		if (!cond)
			fail_msg("%s: at %zu: %s", rows[i].text, err.at, err.text);
		else if ((expr_cond_eval(cond, &context) == EXPR_TRUE) != rows[i].is_true)
			fail_msg("%s is not %d", rows[i].text, rows[i].is_true);
	}
	arena_free(&a);
}

#define EACH_IS(rows) each_is(rows, sizeof(rows) / sizeof((rows)[0]))

static void
terms_are_anded_and_alternatives_ored(void **state)
{
	(void)state;
	static const struct truth rows[] = {
		{"yes", true},
		{"no", false},
		{"!yes", false},
		{"!no", true},
		{"!!yes", true},
		{"! yes", false},
		{"yes yes", true},
		{"yes no", false},
		{"yes !no", true},
		{"no or yes", true},
		{"no || yes", true},
		{"no or no", false},
		{"yes no or yes", true},
		{"no yes or no yes or yes !no", true},
		{"yes or no no", true},
		{"no no or no yes", false},
		{"either", true},
		{"neither", false},
		{"!neither either", true},
		{"TRUE", true},
		{"FALSE", false},
		{"!FALSE", true},
		{"METH_GET", true},
		{"METH_POST", false},
		{"METH_HEAD", false},
		{"HTTP_URL_STAR", false},
		{"{ path_beg /api }", true},
		{"!{ path_beg /api }", false},
		{"! { path_beg /api }", false},
		{"yes { method GET } !{ method POST }", true},
		{"no || { method GET } || no", true},
		{"\tyes \n yes ", true},
	};
	EACH_IS(rows);
}

static void
each_match_compares_its_own_way(void **state)
{
	(void)state;
	static const struct truth rows[] = {
		{"{ path /api/v1/Users.php }", true},
		{"{ path /api/v1/users.php }", false},
		{"{ path -i /api/v1/users.php }", true},
		{"{ path /a /b /api/v1/Users.php /c }", true},
		{"{ path /a /b }", false},
		{"{ path_beg /api/ }", true},
		{"{ path_beg /API/ }", false},
		{"{ path_beg -i /API/ }", true},
		{"{ path_beg /api/v1/Users.php/more }", false},
		{"{ path,lower /api/v1/users.php }", true},
		{"{ path,lower,upper /API/V1/USERS.PHP }", true},
		{"{ path_beg,lower /api/v1/u }", true},
		{"{ path_end .php }", true},
		{"{ path_end .html .php }", true},
		{"{ path_end -i USERS.PHP }", true},
		{"{ path_sub v1/U }", true},
		{"{ path_sub -i V1/u }", true},
		{"{ path_sub v2 }", false},
		{"{ path_dir v1 }", true},
		{"{ path_dir /v1/ }", true},
		{"{ path_dir api/v1 }", true},
		{"{ path_dir v }", false},
		{"{ path_dir Users }", false},
		{"{ path_dom Users }", true},
		{"{ hdr_dom(host) -i example }", true},
		{"{ hdr_dom(host) -i example.com }", true},
		{"{ hdr_dom(host) -i xample }", false},
		{"{ hdr(host) -i www.example.com:8080 }", true},
		{"{ hdr(host) www.example.com:8080 }", false},
		{"{ hdr_beg(host) -i www. }", true},
		{"{ hdr_end(host) -i :8080 }", true},
		{"{ hdr_sub(host) Example }", true},
		{"{ req.hdr(host) -i -m beg www }", true},
		{"{ req.hdr_beg(host) WWW }", true},
		{"{ hdr(x) c }", true},
		{"{ hdr(X) b }", true},
		{"{ hdr(x) d }", false},
		{"{ hdr(x) -m found }", true},
		{"{ hdr(empty) -m found }", true},
		{"{ hdr(empty) \"\" }", true},
		{"{ hdr(none) -m found }", false},
		{"!{ hdr(none) a }", true},
		{"{ path -m str /api/v1/Users.php }", true},
		{"{ path -m exact /api/v1/Users.php }", true},
		{"{ path -m end -i .PHP }", true},
		{"{ path_len 17 }", true},
		{"{ path_len gt 16 }", true},
		{"{ path_len gt 17 }", false},
		{"{ path_len lt 18 le 3 }", true},
		{"{ path_len 1:16 18: }", false},
		{"{ path_len :17 }", true},
		{"{ path -m len ge 17 }", true},
		{"{ query q=1 }", true},
		{"{ url_sub ?q }", true},
		{"{ url -m beg -- /api }", true},
		{"{ method -i get }", true},
		{"{ path /a\\ b '/api/v1/Users.php' }", true},
		{"{ path \"/api/v1/\\x55sers.php\" }", true},
		{"{ hdr(x) a a a b b b d d d 1 2 3 4 5 6 7 8 9 }", true},
		{"{ hdr(x) -i A1 C zz }", true},
	};
	EACH_IS(rows);
}

struct mistake {
	const char *text;
	size_t at;
	const char *says;
};

static const struct mistake mistakes[] = {
	{"", 0,
	 "the condition is empty; expected names of ACLs or a test such as { path_beg "
	 "/api/ }"},
	{"ys", 0, "unknown ACL 'ys'; did you mean 'yes'?"},
	{"yes  nothingnear", 5,
	 "unknown ACL 'nothingnear'; expected the name of an acl of this section, or a "
	 "test in "
	 "braces such as { path_beg /api/ }"},
	{"yes !ys", 5, "unknown ACL 'ys'; did you mean 'yes'?"},
	{"or yes", 0, "nothing before 'or'; expected an ACL"},
	{"yes or", 4, "nothing behind 'or'; expected an ACL"},
	{"yes || || no", 7, "nothing before '||'; expected an ACL"},
	{"yes !", 4, "nothing behind '!'; expected an ACL"},
	{"! or yes", 0, "nothing behind '!'; expected an ACL"},
	{"yes and no", 4,
	 "'and' is not needed: tests behind each other must all be true"},
	{"if yes", 0,
	 "'if' does not belong into the condition: it is the key in front of it"},
	{"{ path /", 0, "'{' is not closed; expected ' }'"},
	{"yes { }", 4,
	 "nothing between the braces; expected a test such as { path_beg /api/ }"},
	{"yes }", 4, "'}' without '{'"},
	{"{path /}", 0, "'{path': expected blanks around '{' and '}'"},
	{"{ path }", 2,
	 "'path' has no pattern; expected what to compare with, or -m found"},
	{"{ pat /x }", 2, "unknown fetch 'pat'; did you mean 'path'?"},
	{"{ path_bge /x }", 2, "unknown fetch 'path_bge'; did you mean 'path_beg'?"},
	{"{ ssl_fc_sni gt 5 }", 2,
	 "fetch 'ssl_fc_sni' is not implemented in this release"},
	{"{ path_reg ^/x( }", 15,
	 "'^/x(' is not a regular expression: missing closing parenthesis"},
	{"{ always_true x }", 14, "'x' is not a number or a range such as 1:10"},
	{"{ dst_port >= 80 }", 11,
	 "'>=' is not a number or a range such as 1:10; comparisons are eq, ge, gt, le "
	 "and lt"},
	{"{ map(x) y }", 2,
	 "'map' is a converter; expected a fetch and ',' in front of it, path,map for "
	 "instance"},
	{"{ path,url -m found }", 7,
	 "'url' is a fetch, which begins an expression; expected a converter such as "
	 "lower"},
	{"{ %[path] a }", 2,
	 "an expression stands here without %[ ]; expected a fetch such as path or "
	 "req.hdr(host)"},
	{"{ int(5) gt }", 9, "'gt' needs a number behind it"},
	{"{ int(5) gt x }", 12, "'x' is not a number; expected one behind 'gt'"},
	{"{ ipv4(1.2.3.4) 10.0.0.0/33 }", 16,
	 "'10.0.0.0/33' is not an address or network; expected one such as 10.0.0.0/8 or "
	 "2001:db8::/32 (names are not resolved)"},
	{"{ path -m foo x }", 10,
	 "unknown match 'foo'; expected found, bool, int, ip, bin, len, str, beg, end, "
	 "sub, dir, dom or reg"},
	{"{ path -m }", 7, "'-m' needs a match such as beg behind it"},
	{"{ path -x /x }", 7,
	 "unknown flag '-x'; expected -i, -m, -f, -n, -M, -u, or -- in front of a "
	 "pattern that begins with '-'"},
	{"{ path -f /nonexistent/x }", 10,
	 "cannot open the pattern file '/nonexistent/x': No such file or directory"},
	{"{ hdr x }", 2,
	 "'hdr' needs the name of a field; expected hdr(host) for instance, or () for "
	 "all fields"},
	{"METH_PATCH", 0,
	 "unknown ACL 'METH_PATCH'; expected { method PATCH }, or did you mean "
	 "'METH_PUT'?"},
	{"{ int(3) 1.2 }", 9, "'1.2' is not a number or a range such as 1:10"},
	{"{ hdr(host x }", 5,
	 "the parenthesis is not closed; expected ')', and quotes around blanks"},
	{"{ hdr(host,x) x }", 11, "'x' is not a number"},
	{"{ hdr(ho st) x }", 5,
	 "the parenthesis is not closed; expected ')', and quotes around blanks"},
	{"{ hdr(h[t) x }", 6, "'h[t' is not the name of a field"},
	{"{ path(x) y }", 2, "'path' takes no argument"},
	{"{ path,lwer /x }", 7, "unknown converter 'lwer'; did you mean 'lower'?"},
	{"{ path,lower,jwt_verify(a,b) /x }", 13,
	 "converter 'jwt_verify' is not implemented in this release"},
	{"{ hdr(x) -m found y }", 18, "'-m found' takes no patterns; expected the end"},
	{"{ path_len x }", 11, "'x' is not a number or a range such as 1:10"},
	{"{ path \"/x }", 7, "the quote is not closed; expected another \""},
	{"{ path /x\\", 9,
	 "incomplete escape; expected a character behind the backslash"},
};

static void
mistakes_are_told_with_their_offset(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct expr_env env;
	expr_env_init(&env, a, NULL);
	const struct expr_acls *known = known_acls(&env);
	env.at = EXPR_AT_REQUEST;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const struct mistake *m = &mistakes[i];
		struct expr_error err = {0};
		if (expr_cond_compile(&env, known, span_str(m->text), &err))
			fail_msg("'%s' compiles", m->text);
		assert_string_equal(err.text, m->says);
		if (err.at != m->at)
			fail_msg("'%s': at %zu, not %zu", m->text, err.at, m->at);
	}
	arena_free(&a);
}

static void
an_own_acl_wins_over_a_predefined_one(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct expr_env env;
	expr_env_init(&env, a, NULL);
	struct expr_acls *own = expr_acls_new(&env);
	struct expr_error err;
	assert_int_equal(expr_acls_add(own, SPAN("METH_GET"), SPAN("method POST"), &err),
			 0);
	const struct expr_cond *c = expr_cond_compile(&env, own, SPAN("METH_GET"), &err);
	assert_int_equal(expr_cond_eval(c, &context), EXPR_FALSE);
	assert_int_equal(expr_acls_add(own, SPAN("x"), SPAN("  "), &err), -1);
	assert_int_equal(expr_acls_add(own, SPAN("x"), SPAN("path"), &err), -1);
	assert_null(expr_cond_compile(&env, own, SPAN("x"), &err));
	arena_free(&a);
}

static void
what_more_bytes_may_change_is_undecided(void **state)
{
	static const struct {
		const char *text;
		enum expr_verdict is; /* while more may come */
		bool is_true;	      /* in the end */
	} rows[] = {
		{"{ req.len gt 5 }", EXPR_TRUE, true},
		{"{ req.len gt 20 }", EXPR_UNDECIDED, false},
		{"!{ req.len gt 20 }", EXPR_UNDECIDED, true},
		{"!{ req.len gt 5 }", EXPR_FALSE, false},
		{"{ req.payload(0,4) -m found }", EXPR_TRUE, true},
		{"{ req.payload(0,20) -m found }", EXPR_UNDECIDED, false},
		{"!{ req.payload(0,20) -m found }", EXPR_UNDECIDED, true},
		{"{ req.payload(0,4) -m bin 00 }", EXPR_FALSE, false},
		{"yes { req.len gt 20 }", EXPR_UNDECIDED, false},
		{"no { req.len gt 20 }", EXPR_FALSE, false},
		{"{ req.len gt 20 } no", EXPR_UNDECIDED, false},
		{"{ req.len gt 20 } or yes", EXPR_TRUE, true},
		{"yes or { req.len gt 20 }", EXPR_TRUE, true},
		{"{ req.len gt 20 } or no", EXPR_UNDECIDED, false},
		{"{ req.len gt 20 } yes or no yes", EXPR_UNDECIDED, false},
		{"{ req.len gt 5 } { req.payload(0,4) -m found }", EXPR_TRUE, true},
		{"!{ req.len gt 20 } yes", EXPR_UNDECIDED, true},
		{"wait_end_by_name", EXPR_UNDECIDED, true},
		{"WAIT_END", EXPR_UNDECIDED, true},
		{"!WAIT_END", EXPR_UNDECIDED, false},
		{"yes WAIT_END", EXPR_UNDECIDED, true},
		{"no WAIT_END", EXPR_FALSE, false},
		{"REQ_CONTENT", EXPR_TRUE, true},
		{"!REQ_CONTENT", EXPR_FALSE, false},
	};
	(void)state;
	struct arena *a = arena_new();
	struct expr_env env;
	struct expr_error err;
	bool lacks = true; /* left by an earlier one */
	struct expr_context early = context;
	early.lacks = &lacks;
	expr_env_init(&env, a, NULL);
	struct expr_acls *known = known_acls(&env);
	assert_int_equal(
		expr_acls_add(known, SPAN("wait_end_by_name"), SPAN("wait_end"), &err),
		0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct expr_cond *cond =
			expr_cond_compile(&env, known, span_str(rows[i].text), &err);
		if (!cond)
			fail_msg("%s: at %zu: %s", rows[i].text, err.at, err.text);
		if (expr_cond_eval(cond, &early) != rows[i].is)
			fail_msg("%s is not %d at first", rows[i].text, rows[i].is);
		if ((expr_cond_eval(cond, &context) == EXPR_TRUE) != rows[i].is_true)
			fail_msg("%s is not %d in the end", rows[i].text,
				 rows[i].is_true);
	}
	expr_env_free(&env);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terms_are_anded_and_alternatives_ored),
		cmocka_unit_test(each_match_compares_its_own_way),
		cmocka_unit_test(mistakes_are_told_with_their_offset),
		cmocka_unit_test(an_own_acl_wins_over_a_predefined_one),
		cmocka_unit_test(what_more_bytes_may_change_is_undecided),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
