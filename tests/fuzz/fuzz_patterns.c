/* SPDX-License-Identifier: MIT
 *
 * Pattern lists: the first byte of the input is the match, the second whether case
 * counts; then patterns, a line each, an empty line, and values that are looked up, a
 * line each. A list, short or long enough to be hashed, must find what a list of one of
 * its patterns finds, and of several the first one; of beginnings and networks the most
 * specific one.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"
#include "lib/expr/pattern.h"

enum { INPUT_MAX = 4096, PATTERNS_MAX = 40, COPIES = 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct lists {
	struct expr_patterns *one[PATTERNS_MAX]; /* of a single pattern each */
	struct expr_patterns *few, *many;	 /* of all; of all several times */
	struct span text[PATTERNS_MAX];
	size_t n;
};

static void
add(struct expr_patterns *p, struct span text, const char *value)
{
	struct expr_error err;
	must(expr_patterns_add(p, text, span_of(value, 1), &err) == 0);
}

static void
make(struct lists *l, struct expr_env *env, enum expr_match m, bool is_caseless,
     struct span *rest)
{
	static char names[PATTERNS_MAX];
	l->few = expr_patterns_new(env, m, is_caseless);
	l->many = expr_patterns_new(env, m, is_caseless);
	while (rest->n && l->n < PATTERNS_MAX) {
		struct span line = span_cut(rest, '\n');
		struct expr_error err;
		struct expr_patterns *one = expr_patterns_new(env, m, is_caseless);
		if (!line.n)
			break;
		names[l->n] = (char)l->n;
		if (expr_patterns_add(one, line, span_of(&names[l->n], 1), &err) < 0)
			continue;
		expr_patterns_seal(one);
		add(l->few, line, &names[l->n]);
		for (int i = 0; i < COPIES; i++)
			add(l->many, line, &names[l->n]);
		l->text[l->n] = line;
		l->one[l->n++] = one;
	}
	expr_patterns_seal(l->few);
	expr_patterns_seal(l->many);
}

/* The line as a sample of the type that match takes. */
static bool
sample_of(enum expr_match m, struct span line, struct expr_sample *s)
{
	char word[INET6_ADDRSTRLEN];
	enum expr_type type = expr_match_type(m);
	snprintf(word, sizeof(word), "%.*s", (int)line.n, line.p);
	*s = (struct expr_sample){.next = 0};
	if (type == EXPR_INT) {
		expr_set_int(s, strtoll(word, NULL, 10));
		return true;
	}
	if (type != EXPR_ADDR) {
		expr_set_str(s, line);
		s->type = (uint8_t)type;
		return true;
	}
	s->type = memchr(word, ':', sizeof(word)) ? EXPR_IPV6 : EXPR_IPV4;
	return inet_pton(s->type == EXPR_IPV6 ? AF_INET6 : AF_INET, word, &s->ipv4) == 1;
}

static void
compare(const struct lists *l, enum expr_match m, const struct expr_context *c,
	const struct expr_sample *s)
{
	size_t longest = 0, first = l->n;
	bool matches[PATTERNS_MAX], any = false;
	for (size_t i = 0; i < l->n; i++) {
		matches[i] = expr_patterns_find(l->one[i], c, s, NULL);
		any |= matches[i];
		if (matches[i] && first == l->n)
			first = i;
		if (matches[i] && l->text[i].n > longest)
			longest = l->text[i].n;
	}
	for (int k = 0; k < 2; k++) {
		struct expr_found found = {.groups = NULL};
		must(expr_patterns_find(k ? l->many : l->few, c, s, &found) == any);
		if (!any)
			continue;
		size_t i = (size_t)found.value.p[0];
		must(i < l->n && matches[i]);
		if (m == EXPR_MATCH_BEG)
			must(l->text[i].n == longest);
		else if (m != EXPR_MATCH_IP)
			must(i == first);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct expr_host host = {.complain = NULL};
	static char bytes[INPUT_MAX];
	if (size < 2 || size > INPUT_MAX)
		return 0;
	enum expr_match m = data[0] % EXPR_MATCHES_N;
	if (m == EXPR_MATCH_FOUND || m == EXPR_MATCH_BOOL)
		return 0;
	struct arena *a = arena_new();
	struct expr_env env;
	struct lists l = {.n = 0};
	struct expr_sample s;
	struct span rest = span_of((const char *)data + 2, size - 2);
	expr_env_init(&env, a, NULL);
	make(&l, &env, m, data[1] & 1, &rest);
	while (rest.n && l.n) {
		struct expr_scratch scratch = {bytes, sizeof(bytes), 0};
		struct expr_context c = {&host, &scratch, EXPR_AT_ALONE, NULL};
		if (sample_of(m, span_cut(&rest, '\n'), &s))
			compare(&l, m, &c, &s);
	}
	expr_env_free(&env);
	arena_free(&a);
	return 0;
}
