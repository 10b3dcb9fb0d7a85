/* SPDX-License-Identifier: MIT
 *
 * `balance` as HAProxy writes it: an algorithm with its arguments behind it, as the map
 * it stands for. Master (at load).
 */
#include "config/loading.h"

struct words {
	struct loading *l;
	struct node *from, *map;
	const char *algorithm;
	struct span rest;
	bool is_wrong;
};

static void
put(struct words *w, const char *key, struct span value)
{
	struct node *n =
		node_scalar(w->l->arena, arena_span(w->l->arena, value), w->from->pos);
	n->origin = w->from->origin;
	const char *wrong = value_check(w->l, schema_find(SECTION_balance, key), n->text);
	node_put(w->l->arena, w->map, key, n);
	if (wrong)
		report_error(w->l->report, w->from, "%s: %s", key, wrong);
	w->is_wrong |= wrong != NULL;
}

static void
too_much(struct words *w, struct span word, const char *expected)
{
	report_error(w->l->report, w->from,
		     "'%.*s' is not an argument of '%s'; expected %s", (int)word.n,
		     word.p, w->algorithm, expected);
	w->is_wrong = true;
}

/* "len 20 depth 3 whole path-only" */
static void
uri_words(struct words *w)
{
	struct span word;
	while ((word = value_word(&w->rest)).n && !w->is_wrong) {
		if (span_eq(word, SPAN("len")))
			put(w, "len", value_word(&w->rest));
		else if (span_eq(word, SPAN("depth")))
			put(w, "depth", value_word(&w->rest));
		else if (span_eq(word, SPAN("whole")))
			put(w, "whole", SPAN("true"));
		else if (span_eq(word, SPAN("path-only")) ||
			 span_eq(word, SPAN("path_only")))
			put(w, "path_only", SPAN("true"));
		else
			too_much(w, word, "len N, depth N, whole or path-only");
	}
}

/* One word that switches something on. */
static void
switch_word(struct words *w, const char *key)
{
	struct span word = value_word(&w->rest);
	if (word.n && span_eq(word, span_str(key)))
		put(w, key, SPAN("true"));
	else if (word.n && !node_get(w->map, "name"))
		too_much(w, word,
			 arena_printf(w->l->arena,
				      "the name in parentheses: "
				      "'%s(%.*s)'",
				      w->algorithm, (int)word.n, word.p));
	else if (word.n)
		too_much(w, word, key);
}

/* What a [...] number behind check_post once meant is gone from HAProxy, too. */
static void
drop_max_wait(struct words *w)
{
	if (w->rest.n && w->rest.p[0] >= '0' && w->rest.p[0] <= '9')
		value_word(&w->rest);
}

static void
argument(struct words *w, unsigned takes, struct span arg)
{
	if (takes & BALANCE_TAKES_DRAWS)
		put(w, "draws", arg);
	else if (takes & (BALANCE_TAKES_NAME | BALANCE_TAKES_OWN_NAME))
		put(w, "name", arg);
	else
		too_much(w, arg, "nothing in parentheses");
}

static void
arguments(struct words *w, unsigned takes)
{
	if (takes & BALANCE_TAKES_POST && w->rest.n)
		put(w, "name", value_word(&w->rest));
	if (takes & BALANCE_TAKES_URI)
		uri_words(w);
	else if (takes & BALANCE_TAKES_POST)
		switch_word(w, "check_post");
	else if (takes & BALANCE_TAKES_DOMAIN)
		switch_word(w, "use_domain_only");
	else if (takes & BALANCE_TAKES_EXPR && w->rest.n) {
		put(w, "expr", w->rest);
		w->rest.n = 0;
	}
	if (takes & BALANCE_TAKES_POST)
		drop_max_wait(w);
	if (w->rest.n && !w->is_wrong)
		too_much(w, w->rest, "nothing behind it");
}

struct node *
balance_words(struct loading *l, struct node *n)
{
	struct span text = span_trim(span_str(n->text));
	size_t name_n = strcspn(n->text, " \t(");
	struct words w = {.l = l, .from = n, .map = node_new(l->arena, NODE_MAP, n->pos)};
	struct span name = span_of(text.p, name_n < text.n ? name_n : text.n);
	int algorithm = build_algorithm(name);
	if (algorithm < 0) {
		report_error(l->report, n, "%s", build_algorithm_wrong(l->arena, name));
		return NULL;
	}
	w.algorithm = balance_word((enum balance_algorithm)algorithm);
	w.map->origin = n->origin;
	w.map->parent = n->parent;
	w.map->name = n->name;
	put(&w, "algorithm", span_str(w.algorithm));
	unsigned takes = balance_takes((enum balance_algorithm)algorithm);
	w.rest = span_of(text.p + name.n, text.n - name.n);
	if (w.rest.n && w.rest.p[0] == '(') {
		struct span arg = span_of(w.rest.p + 1, w.rest.n - 1);
		const char *end = memchr(arg.p, ')', arg.n);
		if (!end) {
			report_error(l->report, n, "expected ')' behind '%.*s'",
				     (int)text.n, text.p);
			return NULL;
		}
		w.rest = span_of(end + 1, (size_t)(arg.p + arg.n - end - 1));
		argument(&w, takes, span_of(arg.p, (size_t)(end - arg.p)));
	}
	w.rest = span_trim(w.rest);
	arguments(&w, takes);
	return w.is_wrong ? NULL : w.map;
}
