/* SPDX-License-Identifier: MIT
 *
 * Lists that change while they are used: against lists that were loaded like that, with
 * writers that are killed, and with a million entries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/expr/live.h"
#include "lib/expr/pattern_list.h"

#define BYTES (1ULL << 30)

static struct {
	struct arena *arena;
	struct expr_env env;
	struct expr_source *source;
	struct expr_patterns *list;
	struct expr_scratch scratch;
	struct expr_host host;
	struct expr_context c;
	void *memory;
	char bytes[65536];
} x;

static int
begin(void **state)
{
	(void)state;
	x.arena = arena_new();
	expr_env_init(&x.env, x.arena, NULL);
	x.scratch = (struct expr_scratch){x.bytes, sizeof(x.bytes), 0};
	x.c = (struct expr_context){.host = &x.host, .scratch = &x.scratch};
	x.memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(x.memory != MAP_FAILED);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	munmap(x.memory, BYTES);
	expr_env_free(&x.env);
	arena_free(&x.arena);
	return 0;
}

/* A source with one list; entries are added by the caller, then open(). */
static void
make(enum expr_match match)
{
	x.source = expr_source_file(&x.env, SPAN("f"), true);
	x.list = expr_patterns_new(&x.env, match, false);
	x.list->values = EXPR_STR;
}

static void
open_it(void)
{
	expr_patterns_seal(x.list);
	expr_source_add_list(x.source, x.list);
	expr_live_begin(&x.env, x.memory, BYTES);
}

/* What a text is found to mean; "-": nothing. */
static const char *
look(const char *text)
{
	static char value[64];
	struct expr_sample s = {.next = 0};
	struct expr_found found = {.groups = NULL};
	x.scratch.used = 0;
	expr_set_str(&s, span_str(text));
	bool is_found = expr_cast(&x.c, &s, expr_match_type(x.list->match)) &&
			expr_patterns_find(x.list, &x.c, &s, &found);
	snprintf(value, sizeof(value), "%.*s", is_found ? (int)found.value.n : 1,
		 is_found ? found.value.n ? found.value.p : "" : "-");
	return value;
}

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* --- beside a plain list
 * ---------------------------------------------------------------- */

enum { MODEL_MAX = 4096 };
static struct {
	char text[24], value[16];
} model[MODEL_MAX];
static size_t model_n;

static void
model_add(const char *text, const char *value)
{
	assert_true(model_n < MODEL_MAX);
	snprintf(model[model_n].text, sizeof(model[0].text), "%s", text);
	snprintf(model[model_n++].value, sizeof(model[0].value), "%s", value);
}

static size_t
model_set(const char *text, const char *value)
{
	size_t hits = 0;
	for (size_t i = 0; i < model_n; i++)
		if (strcmp(model[i].text, text) == 0) {
			snprintf(model[i].value, sizeof(model[0].value), "%s", value);
			hits++;
		}
	return hits;
}

static size_t
model_delete(const char *text)
{
	size_t kept = 0, n = model_n;
	for (size_t i = 0; i < n; i++)
		if (strcmp(model[i].text, text) != 0)
			model[kept++] = model[i];
	model_n = kept;
	return n - kept;
}

/* The model as a list that was loaded like that. */
static struct expr_patterns *
model_list(struct expr_env *env, enum expr_match match)
{
	struct expr_error err;
	struct expr_patterns *p = expr_patterns_new(env, match, false);
	for (size_t i = 0; i < model_n; i++)
		assert_int_equal(expr_patterns_add(p, span_str(model[i].text),
						   span_str(model[i].value), &err),
				 0);
	expr_patterns_seal(p);
	return p;
}

static void
text_for(enum expr_match match, uint32_t n, char out[24])
{
	if (match == EXPR_MATCH_IP)
		snprintf(out, 24, n % 3 ? "10.%u.%u.0/%u" : "10.%u.%u.%u", n % 5, n % 7,
			 n % 3 ? 8 + n % 17 : n % 11);
	else if (match == EXPR_MATCH_INT)
		snprintf(out, 24, n % 4 ? "%u" : "%u:%u", n % 97, n % 97 + 5);
	else
		snprintf(out, 24, "%.*s%u", (int)(n % 4), "/ab/", n % 97);
}

static void
compare(enum expr_match match, uint32_t *seed)
{
	struct arena *a = arena_new();
	struct expr_env env;
	size_t n;
	expr_env_init(&env, a, NULL);
	struct expr_patterns *plain = model_list(&env, match);
	for (uint32_t i = 0; i < 40; i++) {
		char text[24 + 1] = "", probe[32]; /* room for a '/' behind all */
		text_for(match, next_random(seed), text);
		text[strcspn(text, "/:")] =
			match == EXPR_MATCH_IP || match == EXPR_MATCH_INT ? '\0' : '/';
		snprintf(probe, sizeof(probe), "%s%s", text,
			 match == EXPR_MATCH_IP || match == EXPR_MATCH_INT ? "" : "/ab");
		char *live = strdup(look(probe));
		struct expr_patterns *own = x.list;
		x.list = plain;
		assert_string_equal(live, look(probe));
		x.list = own;
		free(live);
	}
	struct expr_entry *entries = expr_live_entries(x.source, a, &n);
	assert_int_equal(n, model_n);
	for (size_t i = 0; i < n; i++) {
		assert_true(span_eq(entries[i].text, span_str(model[i].text)));
		assert_true(span_eq(entries[i].value, span_str(model[i].value)));
	}
	expr_env_free(&env);
	arena_free(&a);
}

static void
change_at_random(enum expr_match match, uint32_t *seed, uint32_t i)
{
	char text[24], value[16];
	struct expr_error err;
	text_for(match, next_random(seed), text);
	snprintf(value, sizeof(value), "v%u", i);
	const struct expr_which which = {.text = span_str(text)};
	switch (next_random(seed) % 8) {
	case 0:
	case 1:
	case 2:
	case 3:
		assert_int_equal(
			expr_live_add(x.source, span_str(text), span_str(value), &err),
			EXPR_LIVE_DONE);
		model_add(text, value);
		break;
	case 4:
	case 5:
		assert_int_equal(expr_live_set(x.source, which, span_str(value), &err),
				 model_set(text, value) ? EXPR_LIVE_DONE
							: EXPR_LIVE_NOT_FOUND);
		break;
	default:
		assert_int_equal(expr_live_delete(x.source, which),
				 model_delete(text) ? EXPR_LIVE_DONE
						    : EXPR_LIVE_NOT_FOUND);
	}
}

static void
changes_give_what_a_list_loaded_like_that_would(void **state)
{
	static const enum expr_match matches[] = {
		EXPR_MATCH_STR, EXPR_MATCH_BEG, EXPR_MATCH_END, EXPR_MATCH_IP,
		EXPR_MATCH_INT, EXPR_MATCH_SUB, EXPR_MATCH_REG};
	for (size_t m = 0; m < sizeof(matches) / sizeof(matches[0]); m++) {
		for (uint32_t first = 0; first < 800; first += 399) {
			uint32_t seed = (uint32_t)m * 7 + first;
			model_n = 0;
			if (m || first)
				begin(state);
			make(matches[m]);
			for (uint32_t i = 0; i < first; i++) {
				char text[24];
				struct expr_error err;
				text_for(matches[m], next_random(&seed), text);
				assert_int_equal(expr_patterns_add(x.list, span_str(text),
								   SPAN("c"), &err),
						 0);
				model_add(text, "c");
			}
			open_it();
			for (uint32_t i = 0; i < 1500; i++) {
				change_at_random(matches[m], &seed, i);
				if (i % 50 == 0)
					compare(matches[m], &seed);
			}
			compare(matches[m], &seed);
			if (m + 1 < sizeof(matches) / sizeof(matches[0]) || first < 798)
				end(state);
		}
	}
}

/* --- whoever is killed
 * ------------------------------------------------------------------ */

/* Both keys get one value after the other, by one change each time: by a version. */
static void
write_for_ever(void)
{
	struct expr_error err;
	for (uint32_t i = 0;; i++) {
		char v[16];
		snprintf(v, sizeof(v), "%u", i);
		const struct expr_entry pair[] = {{SPAN("a"), span_str(v), 0},
						  {SPAN("b"), span_str(v), 1}};
		if (expr_live_replace(x.source, pair, 2, i, &err) != EXPR_LIVE_DONE)
			_exit(1);
	}
}

static void
a_killed_writer_leaves_the_old_or_the_new(void **state)
{
	(void)state;
	struct expr_error err;
	make(EXPR_MATCH_STR);
	expr_patterns_add(x.list, SPAN("a"), SPAN("0"), &err);
	expr_patterns_add(x.list, SPAN("b"), SPAN("0"), &err);
	open_it();
	uint32_t seed = 5;
	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();
		if (pid == 0)
			write_for_ever();
		/* meanwhile both are always there */
		for (uint32_t n = next_random(&seed) % 300; n > 0; n--) {
			assert_string_not_equal(look("a"), "-");
			assert_string_not_equal(look("b"), "-");
		}
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		char *a = strdup(look("a"));
		assert_string_equal(a, look("b"));
		free(a);
		assert_int_equal(expr_live_add(x.source, SPAN("c"), SPAN("x"), &err),
				 EXPR_LIVE_DONE);
		assert_string_equal(look("c"), "x");
	}
}

/* --- many
 * ------------------------------------------------------------------------------- */

static uint64_t
cpu_us(void)
{
	return (uint64_t)clock() * 1000000 / CLOCKS_PER_SEC;
}

/* Generous limits: they tell a mistake of kind, not a slow machine. */
static void
a_million_entries_change_in_milliseconds_and_are_found_in_a_microsecond(void **state)
{
	enum { N = 1000000, LOOKS = 100000, CHANGES = 200 };
	struct expr_error err;
	uint32_t seed = 3;
	(void)state;
	make(EXPR_MATCH_STR);
	for (uint32_t i = 0; i < N; i++) {
		char text[24];
		int n = snprintf(text, sizeof(text), "/%u", i);
		expr_patterns_add(x.list, span_of(text, (size_t)n), SPAN("c"), &err);
	}
	open_it();
	uint64_t from = cpu_us();
	for (uint32_t i = 0; i < CHANGES; i++) {
		char text[24];
		snprintf(text, sizeof(text), "/%u", i * 2);
		const struct expr_which which = {.text = span_str(text)};
		assert_int_equal(expr_live_set(x.source, which, SPAN("s"), &err),
				 EXPR_LIVE_DONE);
	}
	uint64_t change_us = (cpu_us() - from) / CHANGES;
	from = cpu_us();
	for (uint32_t i = 0; i < LOOKS; i++) {
		char text[24];
		uint32_t k = next_random(&seed) % N;
		snprintf(text, sizeof(text), "/%u", k);
		assert_string_equal(look(text),
				    k < 2 * CHANGES && k % 2 == 0 ? "s" : "c");
	}
	uint64_t look_ns = (cpu_us() - from) * 1000 / LOOKS;
	print_message("%llu us per change, %llu ns per lookup\n",
		      (unsigned long long)change_us, (unsigned long long)look_ns);
	assert_true(change_us < 20000 && look_ns < 20000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			changes_give_what_a_list_loaded_like_that_would, begin, end),
		cmocka_unit_test_setup_teardown(a_killed_writer_leaves_the_old_or_the_new,
						begin, end),
		cmocka_unit_test_setup_teardown(
			a_million_entries_change_in_milliseconds_and_are_found_in_a_microsecond,
			begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
