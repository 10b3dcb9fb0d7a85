/* SPDX-License-Identifier: MIT
 *
 * The values of expressions that need no traffic: every row of values.def.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "lib/expr/vars.h"

struct row {
	const char *text, *value;
};

static const struct row rows[] = {
#define SAME(text, value)		 {text, value},
#define LATER(text, value)		 {text, value},
#define OTHER(text, value, haproxy, why) {text, value},
#include "values.def"
#undef SAME
#undef LATER
#undef OTHER
};

static char store_bytes[4096], scratch_bytes[16384];
static struct expr_store store = {.bytes = store_bytes, .cap = sizeof(store_bytes)};
static struct expr_scratch scratch = {scratch_bytes, sizeof(scratch_bytes), 0};

static bool
var_get(const struct expr_context *c, const struct expr_var *v, struct expr_sample *out)
{
	(void)c;
	return expr_store_get(&store, v, out);
}

static bool
var_set(const struct expr_context *c, const struct expr_var *v,
	const struct expr_sample *value)
{
	(void)c;
	if (value)
		return expr_store_set(&store, v, value);
	expr_store_unset(&store, v);
	return true;
}

static const struct expr_host host = {
	.fetches = (expr_fetch_fn *const[EXPR_FETCHES_N]){NULL},
	.var_get = var_get,
	.var_set = var_set,
};
static const struct expr_context context = {&host, &scratch, EXPR_AT_ALONE, NULL};

static void
set(struct expr_env *env, const char *name, struct expr_sample value)
{
	struct expr_error err;
	const struct expr_var *v = expr_var_of(env->vars, span_str(name), 0, &err);
	assert_non_null(v);
	assert_true(expr_store_set(&store, v, &value));
}

static bool
is_value(const struct expr_sample *s, const char *value)
{
	return value && span_eq(s->str, span_str(value));
}

static void
expressions_have_the_values_of_the_table(void **state)
{
	unsigned wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *a = arena_new();
		struct expr_env env;
		struct expr_error err;
		struct expr_sample s;
		expr_env_init(&env, a, NULL);
		store.used = 0;
		scratch.used = 0;
		set(&env, "txn.text",
		    (struct expr_sample){.type = EXPR_STR, .str = SPAN("hello")});
		set(&env, "txn.key",
		    (struct expr_sample){.type = EXPR_STR, .str = SPAN("a2V5")});
		set(&env, "txn.seven",
		    (struct expr_sample){.type = EXPR_INT, .integer = 7});
		env.at = EXPR_AT_ALONE;
		const struct expr_program *p =
			expr_compile(&env, span_str(rows[i].text), &err);
		if (!p) {
			print_error("%s: at %zu: %s\n", rows[i].text, err.at, err.text);
			wrong++;
		} else if (!expr_eval(p, &context, EXPR_STR, &s)) {
			if (rows[i].value)
				print_error("%s has no value\n", rows[i].text);
			wrong += rows[i].value != NULL;
		} else if (!is_value(&s, rows[i].value)) {
			print_error("%s is %.*s, not %s\n", rows[i].text, (int)s.str.n,
				    s.str.p, rows[i].value ? rows[i].value : "missing");
			wrong++;
		}
		expr_env_free(&env);
		arena_free(&a);
	}
	assert_int_equal(wrong, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_have_the_values_of_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
