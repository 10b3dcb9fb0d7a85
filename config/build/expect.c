/* SPDX-License-Identifier: MIT
 *
 * What health checks expect of an answer. Master (at load).
 */
#include "config/making.h"
#include "lib/base/num.h"

/* Appends "200-399,404". */
void
making_ranges(struct loading *l, struct cfg_expect *e, const char *text)
{
	struct span rest = span_str(text);
	while (rest.n) {
		struct span to = span_trim(span_cut(&rest, ',')),
			    from = span_cut(&to, '-');
		uint64_t low = 0, high = 0;
		num_u64(span_trim(from), &low);
		high = low;
		if (to.n)
			num_u64(span_trim(to), &high);
		e->ranges =
			arena_grow(l->arena, e->ranges, e->ranges_n, sizeof(*e->ranges));
		e->ranges[e->ranges_n++] =
			(struct cfg_range){(uint16_t)low, (uint16_t)high};
	}
}

static const struct expr_regex *
regex_of(struct making *m, const struct node *n, bool is_caseless)
{
	struct expr_error err;
	const struct expr_regex *r =
		expr_regex_new(&m->l->cfg->env, span_str(n->text), is_caseless, 0, &err);
	if (!r)
		report_error_in(m->l->report, n, err.at, "%s", err.text);
	return r;
}

/* `name` or `value` of a field, and how it is compared. */
static bool
fill_compare(struct making *m, struct cfg_compare *c, const struct node *map,
	     const char *key, const char *format_key, const char *match_key)
{
	const char *match = node_text(map, match_key);
	const struct node *n = node_get(map, key);
	c->match = match ? (uint8_t)value_choice("str|beg|end|sub|reg", match) : 0;
	c->text = making_text_of_keys(m, map, key, format_key);
	if (c->match == CFG_MATCH_REG && n)
		c->regex = regex_of(m, n, strcmp(key, "name") == 0);
	if (c->match == CFG_MATCH_REG && !n && node_get(map, format_key))
		report_error(m->l->report, map,
			     "a regular expression is not made by a format; expected "
			     "'%s'",
			     key);
	return n || node_get(map, format_key);
}

static void
fill_field(struct making *m, struct cfg_expect *e, const struct node *map)
{
	if (!fill_compare(m, &e->name, map, "name", "name_lf", "name_match") &&
	    !map->has_lost)
		report_error(m->l->report, map,
			     "'name' is missing; expected the name of "
			     "a field");
	e->has_value =
		fill_compare(m, &e->value, map, "value", "value_lf", "value_match");
}

static const struct {
	const char *name;
	enum cfg_expect_kind kind;
	bool is_format, is_hex;
} kinds[] = {
	{"status", CFG_EXPECT_STATUS, false, false},
	{"rstatus", CFG_EXPECT_RSTATUS, false, false},
	{"hdr", CFG_EXPECT_HDR, false, false},
	{"fhdr", CFG_EXPECT_FHDR, false, false},
	{"string", CFG_EXPECT_STRING, false, false},
	{"string_lf", CFG_EXPECT_STRING, true, false},
	{"rstring", CFG_EXPECT_RSTRING, false, false},
	{"binary", CFG_EXPECT_BINARY, false, true},
	{"binary_lf", CFG_EXPECT_BINARY, true, true},
	{"rbinary", CFG_EXPECT_RBINARY, false, false},
};
enum { KINDS_N = sizeof(kinds) / sizeof(kinds[0]) };

/* Which of them is expected; KINDS_N: none, or several (reported). */
static size_t
kind_of(struct making *m, const struct node *map)
{
	size_t found = KINDS_N, given = 0;
	for (size_t i = 0; i < KINDS_N; i++)
		if (node_get(map, kinds[i].name)) {
			found = i;
			given++;
		}
	if (given == 1 || (given == 0 && map->has_lost))
		return found;
	bool is_http = m->check->kind == CFG_CHECK_HTTP;
	report_error(m->l->report, map, "%s; expected one of %s",
		     given ? "two expectations in one step" : "nothing is expected",
		     is_http ? "status, rstatus, hdr, fhdr, string, string_lf, rstring"
			     : "string, string_lf, rstring, binary, binary_lf, rbinary");
	return KINDS_N;
}

static void
fill_pattern(struct making *m, struct cfg_expect *e, size_t i, const struct node *value)
{
	switch (e->kind) {
	case CFG_EXPECT_STATUS:
		for (size_t j = 0; j < value->n; j++)
			making_ranges(m->l, e, value->items[j]->text);
		return;
	case CFG_EXPECT_HDR:
	case CFG_EXPECT_FHDR:
		fill_field(m, e, value);
		return;
	default:
		break;
	}
	e->is_hex = kinds[i].is_hex;
	if (kinds[i].is_format) {
		e->pattern = making_text_of_format(m, value);
		if (e->is_hex && !e->pattern.format) /* the digits are there already */
			e->pattern.format = build_format(
				m->l, m->b, value, span_str(value->text), FORMAT_BYTES);
		return;
	}
	e->pattern.bytes =
		e->is_hex ? making_hex(m, value->text) : build_text(m->l, value->text);
	if (e->kind == CFG_EXPECT_RSTATUS || e->kind == CFG_EXPECT_RSTRING ||
	    e->kind == CFG_EXPECT_RBINARY)
		e->regex = regex_of(m, value, false);
}

void
making_expect_of(struct making *m, const struct node *map)
{
	size_t i = kind_of(m, map);
	if (i == KINDS_N)
		return;
	bool is_http = m->check->kind == CFG_CHECK_HTTP;
	struct cfg_expect *e = making_expect(m, kinds[i].kind);
	struct cfg_step *step = &m->check->steps[m->check->steps_n - 1];
	const char *comment = node_text(map, "comment"),
		   *error = node_text(map, "error_status");
	build_members(m->l, m->b, is_http ? SECTION_expect : SECTION_tcp_expect, map, e);
	fill_pattern(m, e, i, node_get(map, kinds[i].name));
	if (error)
		e->error_status = (uint8_t)(1 + value_choice(CFG_ERROR_STATUSES, error));
	if (comment)
		step->comment = arena_strdup(m->l->arena, comment);
	m->check->is_private |= e->on_success || e->on_error || e->status_code;
}
