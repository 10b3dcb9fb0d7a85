/* SPDX-License-Identifier: MIT
 *
 * The action rate_limit: its rate, and the table its tokens are in. Master (at load).
 */
#include "config/loading.h"
#include "lib/base/num.h"

enum {
	KEY_TEXT_BYTES = 64,
	KEYS_N = 100 * 1024,
	PERIOD_MS_MAX = 24 * 24 * 3600 * 1000, /* that of rates in tables */
	TOKENS_MAX = 1000000000,
};

/* "100/10s"; "5/s" is 5/1s. */
static bool
read_rate(struct loading *l, const struct node *n, struct cfg_limit *c,
	  uint32_t *period_ms)
{
	struct span period = span_str(n->text),
		    tokens = span_trim(span_cut(&period, '/'));
	uint64_t ms = 0;
	period = span_trim(period);
	bool is_unit = period.n && (*period.p < '0' || *period.p > '9');
	const char *text = arena_printf(l->arena, "%s%.*s", is_unit ? "1" : "",
					(int)period.n, period.p ? period.p : "");
	bool is_good = num_u64(tokens, &c->tokens) == NUM_OK && c->tokens &&
		       c->tokens <= TOKENS_MAX && period.n &&
		       num_duration_ms(span_str(text), &ms) == NUM_OK && ms &&
		       ms <= PERIOD_MS_MAX;
	if (!is_good)
		report_error(l->report, n,
			     "'%s' is not a rate; expected N/PERIOD like 100/10s or 5/s",
			     n->text);
	*period_ms = (uint32_t)ms;
	return is_good;
}

/* What tells keys of any value apart: an address may be of either family. */
static enum stick_key
key_for(enum expr_type type)
{
	switch (type) {
	case EXPR_IPV4:
	case EXPR_IPV6:
	case EXPR_ADDR:
		return STICK_IPV6;
	case EXPR_INT:
	case EXPR_BOOL:
		return STICK_INTEGER;
	case EXPR_BIN:
		return STICK_BINARY;
	default:
		return STICK_STRING;
	}
}

static const struct cfg_table *
make_table(struct loading *l, const struct built *b, const struct node *map,
	   const struct cfg_limit *c, uint32_t period_ms)
{
	struct stick_spec s = {.key = key_for(expr_program_type(c->expr)),
			       .key_bytes = KEY_TEXT_BYTES,
			       .size = c->size ? c->size : KEYS_N,
			       .expire_ms = 2ULL * period_ms};
	(void)stick_spec_add(&s, STICK_tokens, 1, period_ms);
	(void)stick_spec_add(&s, STICK_refused_cnt, 1, 0);
	struct cfg_table *t = build_table_own(l, b, "rate_limit", map, &s);
	if (!t)
		report_error(l->report, map, "a table of that size cannot be made");
	return t;
}

static const struct cfg_table *
find_table(struct loading *l, const struct built *b, const struct node *map,
	   const struct node *name, uint32_t period_ms)
{
	struct expr_error err;
	const struct cfg_table *t = build_table_find(l, b, span_str(name->text), &err);
	if (!t) {
		report_error(l->report, name, "%s", err.text);
		return NULL;
	}
	const struct stick_column *c = stick_spec_find(&t->spec, STICK_tokens);
	const char *rate = node_text(map, "rate");
	if (!c || c->period_ms != period_ms) {
		report_error(l->report, name,
			     "the table '%s' does not store tokens(%s); expected that in "
			     "'store', or no 'table' here",
			     t->name, strchr(rate, '/') + 1);
		return NULL;
	}
	if (node_get(map, "size"))
		report_error(l->report, node_get(map, "size"),
			     "the table '%s' has a size of its own", t->name);
	return t;
}

/* A connection that is closed gets no answer. */
static bool
check_answer(struct loading *l, const struct node *map)
{
	static const char *const names[] = {"status", "retry_after"};
	bool is_good = true;
	for (size_t i = 0; i < 2; i++) {
		const struct node *n = node_get(map, names[i]);
		if (!n)
			continue;
		report_error(l->report, n,
			     "tcp_request rules close without an answer; expected '%s' "
			     "in http_request alone",
			     names[i]);
		is_good = false;
	}
	return is_good;
}

const struct cfg_limit *
build_limit(struct loading *l, struct built *b, const struct node *map,
	    enum cfg_rule_set set)
{
	struct cfg_limit *c = arena_alloc(l->arena, sizeof(*c));
	const struct node *name = node_get(map, "table"), *rate = node_get(map, "rate");
	const char *mode = node_text(map, "mode");
	uint32_t period_ms;
	bool is_sound = set == CFG_RULES_REQUEST || check_answer(l, map);
	is_sound &= build_members(l, b, SECTION_limit, map, c);
	if (!rate || !node_get(map, "key") || !read_rate(l, rate, c, &period_ms) ||
	    !is_sound)
		return NULL;
	if (!c->status)
		c->status = 429;
	c->is_observing = mode && strcmp(mode, "observe") == 0;
	c->table = name ? find_table(l, b, map, name, period_ms)
			: make_table(l, b, map, c, period_ms);
	if (!c->table || !build_key_fits(l, node_get(map, "key"), c->expr, c->table))
		return NULL;
	return c;
}
