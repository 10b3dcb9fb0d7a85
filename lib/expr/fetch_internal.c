/* SPDX-License-Identifier: MIT
 *
 * Fetches that need no traffic (configuration.txt 7.3.2): constants, dates, chance, and
 * variables, which the host keeps. Any process.
 */
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/expr/cond.h"
#include "lib/expr/parts.h"

static bool
always_false(const struct expr_context *c, const struct expr_arg *args,
	     struct expr_sample *out)
{
	(void)c;
	(void)args;
	expr_set_bool(out, false);
	return true;
}

static bool
always_true(const struct expr_context *c, const struct expr_arg *args,
	    struct expr_sample *out)
{
	(void)c;
	(void)args;
	expr_set_bool(out, true);
	return true;
}

/* bool, int, ipv4 ...: what is written. */
static bool
constant_bool(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *out)
{
	(void)c;
	expr_set_bool(out, args[0].integer & 1); /* the odd choices are the true ones */
	return true;
}

static bool
constant_int(const struct expr_context *c, const struct expr_arg *args,
	     struct expr_sample *out)
{
	(void)c;
	expr_set_int(out, args[0].integer);
	return true;
}

static bool
constant_ipv4(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *out)
{
	(void)c;
	out->type = EXPR_IPV4;
	out->ipv4 = args[0].ip4;
	return true;
}

static bool
constant_ipv6(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *out)
{
	(void)c;
	out->type = EXPR_IPV6;
	out->ipv6 = args[0].ip6;
	return true;
}

static bool
constant_str(const struct expr_context *c, const struct expr_arg *args,
	     struct expr_sample *out)
{
	(void)c;
	expr_set_str(out, args[0].str);
	return true;
}

static bool
constant_bin(const struct expr_context *c, const struct expr_arg *args,
	     struct expr_sample *out)
{
	(void)c;
	expr_set_str(out, args[0].str);
	out->type = EXPR_BIN;
	return true;
}

static bool
constant_method(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *out)
{
	(void)c;
	expr_set_str(out, args[0].str);
	out->type = EXPR_METHOD;
	return true;
}

static const char *
find_variable(const struct expr_env *env, const char *name, bool is_default)
{
	for (size_t i = env->variables_n; i-- > 0;)
		if (env->variables[i].is_default == is_default &&
		    strcmp(env->variables[i].name, name) == 0)
			return env->variables[i].value;
	return NULL;
}

static const char *
variable(const struct expr_env *env, const char *name)
{
	const char *value = find_variable(env, name, false);
	if (!value)
		value = getenv(name);
	return value ? value : find_variable(env, name, true);
}

/* At load: the value in the place of the variable's name. */
static int
check_env(struct expr_env *env, struct expr_arg *args, const struct expr_arg_text *texts,
	  struct expr_error *err)
{
	const char *value = variable(env, arena_span(env->arena, args[0].str));
	(void)texts;
	(void)err;
	if (!value)
		args[0].kind = EXPR_ARG_NONE;
	else
		args[0].str = span_str(arena_strdup(env->arena, value));
	return 0;
}

static bool
fetch_env(const struct expr_context *c, const struct expr_arg *args,
	  struct expr_sample *out)
{
	return args[0].kind != EXPR_ARG_NONE && constant_str(c, args, out);
}

static int
hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* At load: the bytes in the place of their digits. */
static int
check_bin(struct expr_env *env, struct expr_arg *args, const struct expr_arg_text *texts,
	  struct expr_error *err)
{
	struct span text = args[0].str;
	char *p = arena_alloc(env->arena, text.n / 2 + 1);
	for (size_t i = 0; i + 1 < text.n || i < text.n; i += 2) {
		int high = hex_digit(text.p[i]);
		int low = i + 1 < text.n ? hex_digit(text.p[i + 1]) : -1;
		if (high < 0 || low < 0)
			return expr_fail(err, texts[0].at + i,
					 "'%.*s' is not hexadecimal; expected pairs of "
					 "digits",
					 (int)text.n, text.p);
		p[i / 2] = (char)(high << 4 | low);
	}
	args[0].str = span_of(p, text.n / 2);
	return 0;
}

/* --- dates and chance ----------------------------------------------------------------
 */

static bool
fetch_date(const struct expr_context *c, const struct expr_arg *args,
	   struct expr_sample *out)
{
	static const int64_t units[] = {1000000, 1000, 1}; /* us in a s, ms, us */
	int64_t unit = args[1].kind == EXPR_ARG_INT ? units[args[1].integer] : units[0];
	int64_t v = (int64_t)clock_wall_us() / unit;
	(void)c;
	if (args[0].kind == EXPR_ARG_INT &&
	    __builtin_add_overflow(v, args[0].integer, &v))
		v = args[0].integer < 0 ? INT64_MIN : INT64_MAX;
	expr_set_int(out, v);
	return true;
}

static bool
fetch_date_us(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *out)
{
	(void)c;
	(void)args;
	expr_set_int(out, (int64_t)(clock_wall_us() % 1000000));
	return true;
}

static bool
fetch_hostname(const struct expr_context *c, const struct expr_arg *args,
	       struct expr_sample *out)
{
	char *p = expr_scratch_take(c->scratch, 65);
	(void)args;
	if (!p || gethostname(p, 65) < 0)
		return false;
	expr_set_own(out, EXPR_STR, p, strnlen(p, 65));
	return true;
}

static bool
fetch_pid(const struct expr_context *c, const struct expr_arg *args,
	  struct expr_sample *out)
{
	(void)c;
	(void)args;
	expr_set_int(out, getpid());
	return true;
}

static int
check_rand(struct expr_env *env, struct expr_arg *args, const struct expr_arg_text *texts,
	   struct expr_error *err)
{
	(void)env;
	if (args[0].kind == EXPR_ARG_INT &&
	    (args[0].integer < 1 || args[0].integer > UINT32_MAX))
		return expr_fail(err, texts[0].at, "expected a range of 1 to 4294967295");
	return 0;
}

static bool
fetch_rand(const struct expr_context *c, const struct expr_arg *args,
	   struct expr_sample *out)
{
	uint32_t v;
	(void)c;
	if (getrandom(&v, sizeof(v), 0) != sizeof(v))
		return false;
	uint64_t range = args[0].kind == EXPR_ARG_INT ? (uint64_t)args[0].integer
						      : UINT64_C(1) << 32;
	expr_set_int(out, (int64_t)(v * range >> 32));
	return true;
}

static int
check_uuid(struct expr_env *env, struct expr_arg *args, const struct expr_arg_text *texts,
	   struct expr_error *err)
{
	(void)env;
	if (args[0].kind == EXPR_ARG_INT && args[0].integer != 4 && args[0].integer != 7)
		return expr_fail(err, texts[0].at, "expected version 4 or 7");
	return 0;
}

/* RFC 9562: version 4 is random; 7 begins with the date in ms. */
static bool
fetch_uuid(const struct expr_context *c, const struct expr_arg *args,
	   struct expr_sample *out)
{
	static const char hex[] = "0123456789abcdef";
	unsigned version = args[0].kind == EXPR_ARG_INT ? (unsigned)args[0].integer : 4;
	uint8_t b[16];
	char *p = expr_scratch_take(c->scratch, 36);
	if (!p || getrandom(b, sizeof(b), 0) != sizeof(b))
		return false;
	uint64_t ms = clock_wall_us() / 1000;
	for (int i = 5; version == 7 && i >= 0; i--, ms >>= 8)
		b[i] = (uint8_t)ms;
	b[6] = (uint8_t)((b[6] & 0x0f) | version << 4);
	b[8] = (b[8] & 0x3f) | 0x80;
	size_t n = 0;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			p[n++] = '-';
		p[n++] = hex[b[i] >> 4];
		p[n++] = hex[b[i] & 15];
	}
	expr_set_own(out, EXPR_STR, p, n);
	return true;
}

static bool
fetch_var(const struct expr_context *c, const struct expr_arg *args,
	  struct expr_sample *out)
{
	if (c->host->var_get && c->host->var_get(c, args[0].var, out))
		return true;
	return args[1].kind == EXPR_ARG_STR && constant_str(c, args + 1, out);
}

static bool
fetch_wait_end(const struct expr_context *c, const struct expr_arg *args,
	       struct expr_sample *out)
{
	(void)args;
	expr_lacks(c);
	expr_set_bool(out, true);
	return !c->lacks;
}

/* Whether all of them hold; no value as long as one is undecided. */
static bool
fetch_acl(const struct expr_context *c, const struct expr_arg *args,
	  struct expr_sample *out)
{
	enum expr_verdict all = EXPR_TRUE;
	for (size_t i = 0; i < EXPR_ARGS_MAX && args[i].kind == EXPR_ARG_REF; i++) {
		enum expr_verdict v = expr_cond_eval(args[i].ref, c);
		all = v < all ? v : all;
	}
	if (all == EXPR_UNDECIDED)
		expr_lacks(c);
	expr_set_bool(out, all == EXPR_TRUE);
	return all != EXPR_UNDECIDED;
}

expr_fetch_fn *const expr_own_fetches[EXPR_FETCHES_N] = {
	[EXPR_FETCH_always_false] = always_false, [EXPR_FETCH_acl] = fetch_acl,
	[EXPR_FETCH_always_true] = always_true,	  [EXPR_FETCH_bin] = constant_bin,
	[EXPR_FETCH_bool] = constant_bool,	  [EXPR_FETCH_date] = fetch_date,
	[EXPR_FETCH_date_us] = fetch_date_us,	  [EXPR_FETCH_env] = fetch_env,
	[EXPR_FETCH_hostname] = fetch_hostname,	  [EXPR_FETCH_int] = constant_int,
	[EXPR_FETCH_ipv4] = constant_ipv4,	  [EXPR_FETCH_ipv6] = constant_ipv6,
	[EXPR_FETCH_meth] = constant_method,	  [EXPR_FETCH_pid] = fetch_pid,
	[EXPR_FETCH_rand] = fetch_rand,		  [EXPR_FETCH_str] = constant_str,
	[EXPR_FETCH_uuid] = fetch_uuid,		  [EXPR_FETCH_var] = fetch_var,
	[EXPR_FETCH_wait_end] = fetch_wait_end,
};

/* payload_lv: the offset as a number, and behind it whether it counts from the length. */
static int
check_payload_lv(struct expr_env *env, struct expr_arg *args,
		 const struct expr_arg_text *texts, struct expr_error *err)
{
	struct span text = args[2].str;
	(void)env;
	if (args[0].integer < 0 || args[1].integer < 1 || args[1].integer > 8)
		return expr_fail(err, texts[0].at,
				 "expected an offset from 0 and a size of 1 to 8 bytes");
	if (args[2].kind == EXPR_ARG_NONE)
		return 0;
	bool is_relative = text.n && (text.p[0] == '+' || text.p[0] == '-');
	args[2].kind = args[3].kind = EXPR_ARG_INT;
	args[3].integer = is_relative;
	if (!expr_parse_int(text, &args[2].integer))
		return expr_fail(err, texts[2].at, "'%.*s' is not an offset", (int)text.n,
				 text.p);
	return 0;
}

static int
check_payload(struct expr_env *env, struct expr_arg *args,
	      const struct expr_arg_text *texts, struct expr_error *err)
{
	(void)env;
	for (int i = 0; i < 2; i++)
		if (args[i].integer < 0)
			return expr_fail(err, texts[i].at, "expected a number from 0");
	return 0;
}

expr_args_check_fn *const expr_fetch_checks[EXPR_FETCHES_N] = {
	[EXPR_FETCH_bin] = check_bin,
	[EXPR_FETCH_env] = check_env,
	[EXPR_FETCH_rand] = check_rand,
	[EXPR_FETCH_req_payload] = check_payload,
	[EXPR_FETCH_req_payload_lv] = check_payload_lv,
	[EXPR_FETCH_res_payload] = check_payload,
	[EXPR_FETCH_res_payload_lv] = check_payload_lv,
	[EXPR_FETCH_uuid] = check_uuid,
};
