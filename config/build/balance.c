/* SPDX-License-Identifier: MIT
 *
 * How a backend chooses servers: balance, hash_type. Master (at load).
 */
#include "config/loading.h"
#include "lib/base/suggest.h"

/* --- words -------------------------------------------------------------------- */

/* "static-rr" and "static_rr" are the same. */
static bool
is_word(struct span word, const char *is)
{
	if (word.n != strlen(is))
		return false;
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] != is[i] &&
		    !(strchr("-_", word.p[i]) && strchr("-_", is[i])))
			return false;
	return true;
}

static const struct {
	const char *word;
	enum balance_kind kind;
	enum balance_function function; /* where none is written */
	bool avalanches;
} methods[] = {
	{"map_based", BALANCE_MAP, BALANCE_SDBM, false},
	{"consistent", BALANCE_RING, BALANCE_SDBM, true},
	{"maglev", BALANCE_MAGLEV, BALANCE_XXH3, false},
};

static bool
is_method(struct span word)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (is_word(word, methods[i].word))
			return true;
	return false;
}

int
build_algorithm(struct span word)
{
	for (int i = 0; i < BALANCE_ALGORITHMS_N; i++)
		if (is_word(word, balance_word((enum balance_algorithm)i)))
			return i;
	return -1;
}

const char *
build_algorithm_wrong(struct arena *a, struct span word)
{
	struct suggest s = suggest_begin(word);
	const char *all = "";
	struct span head = span_of(word.p, strcspn(arena_span(a, word), " ("));
	if (is_method(word))
		return arena_printf(a,
				    "'%.*s' is a hash_type; expected an algorithm that "
				    "hashes, such as 'balance: uri', beside it",
				    (int)word.n, word.p);
	if (head.n < word.n && build_algorithm(head) >= 0)
		return arena_printf(a,
				    "'%.*s' is more than an algorithm; expected '%.*s' "
				    "with its arguments as keys beside it",
				    (int)word.n, word.p, (int)head.n, head.p);
	for (int i = 0; i < BALANCE_ALGORITHMS_N; i++) {
		const char *one = balance_word((enum balance_algorithm)i);
		suggest_offer(&s, one);
		all = arena_printf(a, "%s%s%s", all,
				   i == 0			  ? ""
				   : i + 1 < BALANCE_ALGORITHMS_N ? ", "
								  : " or ",
				   one);
	}
	return arena_printf(a, "'%.*s' is not an algorithm; expected %s%s%s%s",
			    (int)word.n, word.p, all, s.best ? "; did you mean '" : "",
			    s.best ? s.best : "", s.best ? "'?" : "");
}

/* Which algorithms an argument is for. */
static const struct {
	const char *key;
	unsigned takes;
} arguments[] = {
	{"draws", BALANCE_TAKES_DRAWS},
	{"decay", BALANCE_TAKES_DECAY},
	{"len", BALANCE_TAKES_URI},
	{"depth", BALANCE_TAKES_URI},
	{"whole", BALANCE_TAKES_URI},
	{"path_only", BALANCE_TAKES_URI},
	{"name", BALANCE_TAKES_NAME | BALANCE_TAKES_OWN_NAME},
	{"check_post", BALANCE_TAKES_POST},
	{"use_domain_only", BALANCE_TAKES_DOMAIN},
	{"expr", BALANCE_TAKES_EXPR},
};

static void
check_arguments(struct loading *l, const struct node *map, enum balance_algorithm a)
{
	unsigned takes = balance_takes(a);
	const char *missing = NULL;
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
		const struct node *n = node_get(map, arguments[i].key);
		if (n && !(takes & arguments[i].takes))
			report_error(l->report, n, "'%s' is not an argument of '%s'",
				     arguments[i].key, balance_word(a));
	}
	if (takes & BALANCE_TAKES_NAME && !node_get(map, "name"))
		missing = a == BALANCE_HDR ? "the name of a field: 'hdr(host)' or "
					     "{algorithm: hdr, name: host}"
					   : "the name of a parameter: 'url_param id' or "
					     "{algorithm: url_param, name: id}";
	if (takes & BALANCE_TAKES_EXPR && !node_get(map, "expr"))
		missing = "an expression: 'hash req.cook(id)' or {algorithm: hash, expr: "
			  "req.cook(id)}";
	if (missing && !map->has_lost)
		report_error(l->report, map, "'%s' needs %s", balance_word(a), missing);
}

static const struct expr_program *
rdp_cookie(struct loading *l, struct span name, const struct node *at)
{
	struct expr_error err;
	const char *text =
		arena_printf(l->arena, "req.rdp_cookie(%.*s)", (int)name.n, name.p);
	const struct expr_program *e = expr_compile(&l->cfg->env, span_str(text), &err);
	if (!e)
		report_error(l->report, at, "%s", err.text);
	return e;
}

static void
build_algorithm_of(struct loading *l, struct built *b, const struct node *map)
{
	struct cfg_balance *c = &b->proxy->balance;
	const struct node *word = node_get(map, "algorithm");
	int algorithm = word ? build_algorithm(span_str(word->text)) : -1;
	c->draws = 2;
	c->decay_ms = 10000;
	if (algorithm < 0) {
		if (word)
			report_error(
				l->report, word, "%s",
				build_algorithm_wrong(l->arena, span_str(word->text)));
		return;
	}
	c->algorithm = (enum balance_algorithm)algorithm;
	bool is_http = b->proxy->mode == CFG_MODE_HTTP;
	if (balance_takes(c->algorithm) & BALANCE_NEEDS_HTTP && !is_http) {
		report_warning(l->report, map,
			       "'%s' needs mode http; servers take turns instead",
			       word->text);
		c->algorithm = BALANCE_ROUNDROBIN;
		return;
	}
	check_arguments(l, map, c->algorithm);
	l->cfg->env.at = is_http ? EXPR_AT_REQUEST : EXPR_AT_CONTENT;
	build_members(l, b, SECTION_balance, map, c);
	if (c->algorithm == BALANCE_RDP_COOKIE)
		c->expr = rdp_cookie(l, c->name.n ? c->name : SPAN("mstshash"), map);
}

/* --- persist
 * ---------------------------------------------------------------------------- */

void
build_rdp_persist(struct loading *l, struct built *b)
{
	const struct node *n = node_get(b->map, "persist");
	if (!n)
		return;
	struct span name = span_str(n->text), word = span_cut(&name, '(');
	bool has_name = word.n < strlen(n->text);
	if (!is_word(word, "rdp-cookie") ||
	    (has_name && (name.n < 2 || name.p[name.n - 1] != ')'))) {
		report_error(l->report, n,
			     "'%s' is not possible here; expected rdp-cookie or "
			     "rdp-cookie(name)",
			     n->text);
		return;
	}
	if (b->proxy->mode == CFG_MODE_HTTP) {
		report_warning(l->report, n, "has no effect; expected mode tcp");
		return;
	}
	name.n -= has_name;
	l->cfg->env.at = EXPR_AT_CONTENT;
	b->proxy->rdp_cookie = rdp_cookie(l, has_name ? name : SPAN("msts"), n);
}

/* --- hash_type -------------------------------------------------------------------------
 */

static const char functions[] = "sdbm|djb2|wt6|crc32|none|xxh3";

static bool
set_method(struct cfg_balance *c, struct span word)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!is_word(word, methods[i].word))
			continue;
		c->hash_kind = methods[i].kind;
		c->function = methods[i].function;
		c->avalanches = methods[i].avalanches;
		return true;
	}
	return false;
}

/* The i-th word; NULL, or what was expected. */
static const char *
hash_word(struct loading *l, struct cfg_balance *c, size_t i, struct span word)
{
	int function = value_choice(functions, arena_span(l->arena, word));
	if (i == 0)
		return set_method(c, word) ? NULL
					   : "a method first: map_based, consistent or "
					     "maglev";
	if (i == 1) {
		c->function = (enum balance_function)function;
		c->avalanches = false;
		return function >= 0
			       ? NULL
			       : arena_printf(l->arena, "a function: %s",
					      value_choices_text(l->arena, functions));
	}
	if (i == 2 && span_eq(word, SPAN("avalanche"))) {
		c->avalanches = true;
		return NULL;
	}
	return i == 2 ? "'avalanche' or nothing" : "nothing more";
}

static void
build_hash_type(struct loading *l, struct cfg_balance *c, const struct node *list)
{
	size_t at = 0;
	set_method(c, SPAN("map_based"));
	for (size_t i = 0; list && i < list->n; i++) {
		struct span rest = span_str(list->items[i]->text), word;
		while ((word = value_word(&rest)).n) {
			const char *expected = hash_word(l, c, at++, word);
			if (!expected)
				continue;
			report_error(l->report, list->items[i],
				     "'%.*s' is not possible here; expected %s",
				     (int)word.n, word.p, expected);
			return;
		}
	}
}

/* What has no effect is said. */
static void
check_hash_type(struct loading *l, const struct cfg_balance *c, const struct node *map)
{
	const struct node *type = node_get(map, "hash_type");
	const struct node *factor = node_get(map, "hash_balance_factor");
	bool is_hash = balance_is_hash(c->algorithm);
	if (c->factor && c->factor <= 100)
		report_error(l->report, factor,
			     "%u is not possible; expected more than 100 (percent of the "
			     "average), such as 150, or 0: no limit",
			     c->factor);
	if (type && node_is_own(type) && !is_hash)
		report_warning(l->report, type, "has no effect: '%s' hashes nothing",
			       balance_word(c->algorithm));
	bool is_bounded = c->algorithm == BALANCE_RANDOM ||
			  (is_hash && c->hash_kind != BALANCE_MAP);
	if (c->factor && node_is_own(factor) && !is_bounded)
		report_warning(l->report, factor,
			       "has no effect; expected 'hash_type: consistent' or "
			       "maglev with a hash, or 'balance: random'");
}

void
build_balance(struct loading *l, struct built *b)
{
	const struct node *map = node_get(b->map, "balance");
	build_hash_type(l, &b->proxy->balance, node_get(b->map, "hash_type"));
	if (map)
		build_algorithm_of(l, b, map);
	check_hash_type(l, &b->proxy->balance, b->map);
}
