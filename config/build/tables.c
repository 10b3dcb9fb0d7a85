/* SPDX-License-Identifier: MIT
 *
 * Stick tables: those of their own and those of proxies. Master (at load).
 */
#include <ctype.h>

#include "config/loading.h"
#include "lib/base/num.h"
#include "lib/base/suggest.h"

/* What a text for `store` is cut into: "gpc(3)" and what stands between parentheses. */
struct wanted {
	const struct node *at;
	struct span whole, name, args;
	bool has_args;
};

static const char *
expected_args(enum stick_type type, struct arena *a)
{
	const char *name = stick_type_name(type);
	if (stick_is_rate(type))
		return arena_printf(a, "%s(%s10s): %speriod", name,
				    stick_is_array(type) ? "3," : "",
				    stick_is_array(type) ? "elements, " : "the ");
	return stick_is_array(type) ? arena_printf(a, "%s(3): how many elements", name)
				    : arena_printf(a, "%s alone", name);
}

static bool
unknown_type(struct loading *l, const struct wanted *w)
{
	struct suggest s = suggest_begin(w->name);
	for (int i = 0; i < STICK_TYPES_N; i++)
		suggest_offer(&s, stick_type_name((enum stick_type)i));
	report_error_in(l->report, w->at, (size_t)(w->whole.p - w->at->text),
			"'%.*s' is nothing that tables store; expected conn_cnt, "
			"http_req_rate(10s) or the like%s%s%s",
			(int)w->name.n, w->name.p, s.best ? "; did you mean '" : "",
			s.best ? s.best : "", s.best ? "'?" : "");
	return false;
}

static bool
add_column(struct loading *l, const struct wanted *w, struct stick_spec *spec)
{
	int found = stick_type_find(w->name.p, w->name.n);
	if (found < 0)
		return unknown_type(l, w);
	enum stick_type type = (enum stick_type)found;
	struct span args = w->args;
	uint64_t n = 1, period_ms = 0;
	bool is_good = w->has_args == (stick_is_array(type) || stick_is_rate(type));
	if (is_good && stick_is_array(type))
		is_good = num_u64(span_trim(span_cut(&args, ',')), &n) == NUM_OK && n &&
			  n <= STICK_ELEMENTS_MAX;
	if (is_good && stick_is_rate(type))
		is_good = num_duration_ms(span_trim(args), &period_ms) == NUM_OK &&
			  period_ms && period_ms <= UINT32_MAX;
	size_t at = (size_t)(w->whole.p - w->at->text);
	if (!is_good)
		report_error_in(l->report, w->at, at, "'%.*s'; expected %s",
				(int)w->whole.n, w->whole.p,
				expected_args(type, l->arena));
	else if (!stick_spec_add(spec, type, (uint32_t)n, (uint32_t)period_ms))
		report_error_in(l->report, w->at, at,
				"'%.*s' is there already, or the table has more than %d "
				"values",
				(int)w->name.n, w->name.p, STICK_VALUES_MAX);
	return is_good;
}

/* "gpc0, gpc_rate(2,10s) conn_cnt": commas and blanks outside of parentheses separate. */
static void
add_columns(struct loading *l, const struct node *text, struct stick_spec *spec)
{
	const char *p = text->text;
	while (*p) {
		size_t depth = 0, n = 0;
		if (*p == ',' || isspace((unsigned char)*p)) {
			p++;
			continue;
		}
		for (; p[n]; n++) {
			depth += p[n] == '(';
			if (!depth && (p[n] == ',' || isspace((unsigned char)p[n])))
				break;
			depth -= p[n] == ')' && depth;
		}
		struct wanted w = {.at = text, .whole = span_of(p, n)};
		w.args = w.whole;
		w.name = span_cut(&w.args, '(');
		w.has_args = w.name.n < n;
		if (w.has_args && w.args.n && w.args.p[w.args.n - 1] == ')')
			w.args.n--;
		if (!add_column(l, &w, spec))
			return;
		p += n;
	}
}

static struct cfg_table *
find(const struct cfg *c, struct span name)
{
	for (size_t i = 0; i < c->tables_n; i++)
		if (span_eq(name, span_str(c->tables[i]->name)))
			return c->tables[i];
	return NULL;
}

static void
add_table(struct loading *l, struct cfg_table *t)
{
	struct cfg *c = l->cfg;
	t->index = (uint32_t)c->tables_n;
	c->tables =
		arena_grow(l->arena, c->tables, c->tables_n, sizeof(struct cfg_table *));
	c->tables[c->tables_n++] = t;
}

/* Two tables in one file would overwrite each other. */
static void
check_persist(struct loading *l, const struct cfg_table *t, const struct node *map)
{
	for (size_t i = 0; t->persist && i < l->cfg->tables_n; i++) {
		const struct cfg_table *other = l->cfg->tables[i];
		if (other->persist && strcmp(other->persist, t->persist) == 0)
			report_error(l->report, node_get(map, "persist"),
				     "'%s' is the file of the table '%s' already, at %s",
				     t->persist, other->name, other->where);
	}
}

static struct cfg_table *
build_table(struct loading *l, const char *name, const struct node *map)
{
	enum { ALSO_IP = STICK_KEYS_N };
	struct cfg_table *t = arena_alloc(l->arena, sizeof(*t));
	const struct cfg_table *other = find(l->cfg, span_str(name));
	build_fields(l, SECTION_table, map, t);
	if ((int)t->spec.key == ALSO_IP)
		t->spec.key = STICK_IP;
	t->name = arena_strdup(l->arena, name);
	t->where = report_place(l->arena, map->pos);
	const struct node *store = node_get(map, "store");
	for (size_t i = 0; store && i < store->n; i++)
		add_columns(l, store->items[i], &t->spec);
	if (build_is_sticky(l, name)) { /* or they are there already */
		(void)stick_spec_add(&t->spec, STICK_server_id, 1, 0);
		(void)stick_spec_add(&t->spec, STICK_server_key, 1, 0);
	}
	if (other)
		report_error(l->report, map, "there is a table '%s' already, at %s", name,
			     other->where);
	if (t->spec.size && !stick_spec_plan(&t->spec))
		report_error(l->report, map, "a table of that size cannot be made");
	if (t->spec.is_nopurge && !t->spec.expire_ms)
		report_warning(l->report, map,
			       "nopurge without expire: once full, the table takes no "
			       "new keys any more");
	check_persist(l, t, map);
	add_table(l, t);
	return t;
}

struct cfg_table *
build_table_own(struct loading *l, const struct built *b, const char *base,
		const struct node *at, const struct stick_spec *spec)
{
	struct cfg_table *t = arena_alloc(l->arena, sizeof(*t));
	t->spec = *spec;
	t->where = report_place(l->arena, at->pos);
	t->name = arena_printf(l->arena, "%s.%s", b->proxy->name, base);
	for (unsigned i = 2; find(l->cfg, span_str(t->name)); i++)
		t->name = arena_printf(l->arena, "%s.%s%u", b->proxy->name, base, i);
	if (!stick_spec_plan(&t->spec))
		return NULL;
	add_table(l, t);
	return t;
}

void
build_tables(struct loading *l)
{
	const struct node *tables = node_get(l->effective, "tables");
	for (size_t i = 0; tables && i < tables->n; i++)
		build_table(l, tables->keys[i]->text, tables->items[i]);
	for (size_t i = 0; i < l->cfg->proxies_n; i++) {
		struct cfg_proxy *p = l->built[i].proxy;
		const struct node *map = node_get(l->built[i].map, "stick_table");
		if (map)
			p->table = build_table(l, p->name, map);
	}
}

struct cfg_table *
build_table_find(struct loading *l, const struct built *b, struct span name,
		 struct expr_error *err)
{
	struct cfg *c = l->cfg;
	if (!name.n && b->proxy->table)
		return c->tables[b->proxy->table->index];
	struct cfg_table *t = find(c, name);
	if (t)
		return t;
	struct suggest s = suggest_begin(name);
	for (size_t i = 0; i < c->tables_n; i++)
		suggest_offer(&s, c->tables[i]->name);
	if (!name.n)
		expr_fail(err, 0, "'%s' has no stick_table; expected the name of a table",
			  b->proxy->name);
	else
		expr_fail(err, 0, "unknown table '%.*s'%s%s%s", (int)name.n, name.p,
			  s.best ? "; did you mean '" : "", s.best ? s.best : "",
			  s.best ? "'?" : "");
	return NULL;
}
