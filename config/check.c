/* SPDX-License-Identifier: MIT
 *
 * The tree against the schema: unknown keys, keys in the wrong section, wrong shapes and
 * wrong values. What is wrong is reported and dropped, so that the later steps see only
 * sound nodes and can go on looking. Master (at load).
 */
#include "config/loading.h"
#include "lib/base/suggest.h"

static void check_map(struct loading *l, struct node *map, enum schema_section in,
		      unsigned where);

/* What a key takes, for messages: "a map, a plain value or a list of these". */
static const char *
form_text(unsigned form)
{
	if (form & FORM_NAMED)
		return "a map of names";
	if (form & FORM_FLAGS)
		return "a name, a list of names or a map";
	switch (form & (FORM_SCALAR | FORM_MAP | FORM_LIST)) {
	case FORM_SCALAR:
		return "a plain value";
	case FORM_MAP:
		return "a map";
	case FORM_SCALAR | FORM_MAP:
		return "a plain value or a map";
	case FORM_SCALAR | FORM_LIST:
		return "a plain value or a list of these";
	case FORM_MAP | FORM_LIST:
		return "a map or a list of maps";
	default:
		return "a plain value, a map or a list of these";
	}
}

static const char *
kind_text(const struct node *n)
{
	return n->kind == NODE_SCALAR ? "a plain value"
	       : n->kind == NODE_MAP  ? "a map"
				      : "a list";
}

static void
wrong_form(struct loading *l, struct node *n, const struct schema_key *k,
	   const char *expected)
{
	bool has_example = k->form & FORM_MAP && k->sub != SECTION_none &&
			   !(k->form & (FORM_NAMED | FORM_FLAGS));
	n->is_bad = true;
	if (k->type == TYPE_CONDITION && n->kind == NODE_MAP)
		report_error(l->report, n,
			     "a map where a condition belongs; expected text: a "
			     "condition that "
			     "begins with '{' must be quoted");
	else
		report_error(l->report, n, "%s; expected %s%s%s",
			     node_is_empty(n)
				     ? "no value behind the colon"
				     : arena_printf(l->arena, "%s is not possible here",
						    kind_text(n)),
			     expected, has_example ? " such as " : "",
			     has_example ? schema_example(l->arena, k->sub) : "");
}

/* One value: a scalar or a map. */
static void
check_one(struct loading *l, struct node *n, const struct schema_key *k, unsigned where)
{
	if (n->is_bad)
		return;
	unsigned form = k->form & (FORM_SCALAR | FORM_MAP);
	if (k->form & FORM_FLAGS)
		form = FORM_MAP;
	if (n->kind == NODE_SCALAR && (form & FORM_MAP) && node_is_empty(n)) {
		n->kind = NODE_MAP;
		if (form & FORM_SCALAR)
			wrong_form(l, n, k, form_text(k->form));
		return;
	}
	if (n->kind == NODE_SCALAR && (form & FORM_SCALAR)) {
		const struct schema_key *plain = schema_plain(k);
		bool may_be_empty = plain->type == TYPE_STRING ||
				    (plain->type == TYPE_FORMAT && !n->is_plain);
		const char *wrong = NULL;
		if (node_is_empty(n) && !may_be_empty)
			wrong_form(l, n, k, form_text(k->form));
		else if ((wrong = value_check(l, plain, n->text)))
			report_error(l->report, n, "%s", wrong);
		n->is_bad |= wrong != NULL;
		if (wrong && k == schema_find(SECTION_proxy, "mode"))
			l->has_bad_mode = true;
	} else if (n->kind == NODE_MAP && (form & FORM_MAP)) {
		check_map(l, n, k->sub, where);
	} else {
		wrong_form(l, n, k, form_text(k->form & ~(unsigned)FORM_LIST));
	}
}

static void
check_many(struct loading *l, struct node *n, const struct schema_key *k, unsigned where)
{
	if (n->kind == NODE_LIST && (k->form & FORM_LIST)) {
		for (size_t i = 0; i < n->n; i++)
			check_one(l, n->items[i], k, where);
		return;
	}
	check_one(l, n, k, where);
}

static void
check_named(struct loading *l, struct node *n, const struct schema_key *k, unsigned where)
{
	if (n->kind == NODE_SCALAR && node_is_empty(n)) {
		n->kind = NODE_MAP;
		return;
	}
	if (n->kind != NODE_MAP) {
		wrong_form(l, n, k, form_text(k->form));
		return;
	}
	bool are_names = k->sub != SECTION_none || k->type == TYPE_ACL;
	for (size_t i = 0; i < n->n; i++) {
		const char *wrong =
			are_names ? value_name_wrong(l->arena, n->keys[i]->text) : NULL;
		if (wrong) {
			report_error_at(l->report, n->keys[i]->pos,
					node_path(l->arena, n), "%s", wrong);
			n->items[i]->is_bad = true;
		}
		check_many(l, n->items[i], k, where);
	}
}

/* "option: [a, b]" as a map {a: true, b: true}. */
static void
flags_to_map(struct loading *l, struct node *n)
{
	struct node old = *n, *only;
	if (n->kind == NODE_SCALAR) {
		only = node_scalar(l->arena, n->text, n->pos);
		only->is_plain = n->is_plain;
		old.items = &only;
		old.n = node_is_empty(n) ? 0 : 1;
	}
	n->kind = NODE_MAP;
	n->keys = n->items = NULL;
	n->n = 0;
	for (size_t i = 0; i < old.n; i++) {
		struct node *name = old.items[i];
		if (name->kind == NODE_MAP) { /* [httplog, {redispatch: 1}] */
			for (size_t j = 0; j < name->n; j++)
				node_add(l->arena, n, name->keys[j], name->items[j]);
			continue;
		}
		if (name->is_bad)
			continue;
		if (name->kind == NODE_LIST) {
			report_error(l->report, name,
				     "a list is not possible here; expected the name of "
				     "an option");
			continue;
		}
		size_t first = node_find(n, name->text);
		struct node *value = node_scalar(l->arena, "true", name->pos);
		value->origin = name->origin;
		if (first < n->n)
			report_error_at(l->report, name->pos, node_path(l->arena, n),
					"'%s' is here twice; the first is at %s",
					name->text,
					report_place(l->arena, n->keys[first]->pos));
		else
			node_add(l->arena, n, name, value);
	}
}

/* --- keys
 * -------------------------------------------------------------------------------- */

/* "contimeout: 5000" becomes "timeout: {connect: 5000}". */
static void
move_key(struct loading *l, struct node *map, size_t i, enum schema_section in,
	 const char *to)
{
	struct node *key = map->keys[i], *value = map->items[i];
	const char *dot = strchr(to, '.');
	const char *section = arena_span(l->arena, span_of(to, (size_t)(dot - to)));
	report_warning(l->report, value, "deprecated; use '%s'",
		       in == SECTION_timeout ? dot + 1 : to);
	node_remove(map, i);
	struct node *into = map;
	if (in != SECTION_timeout) {
		into = node_get(map, section);
		if (!into || node_is_empty(into)) {
			struct node *fresh = node_new(l->arena, NODE_MAP, value->pos);
			if (into)
				node_remove(map, node_find(map, section));
			node_put(l->arena, map, section, fresh);
			into = fresh;
		}
	}
	if (into->kind != NODE_MAP)
		return; /* reported when its turn comes */
	struct node *there = node_get(into, dot + 1);
	if (there)
		report_error_at(l->report, key->pos, node_path(l->arena, map),
				"'%s' and '%s' are the same; the other is at %s",
				key->text, to, report_place(l->arena, there->pos));
	else
		node_put(l->arena, into, arena_strdup(l->arena, dot + 1), value);
}

/* Old and second names get the name of the table. */
static void
rename_keys(struct loading *l, struct node *map, enum schema_section in)
{
	for (size_t i = map->n; i-- > 0;) {
		const char *to = schema_moved(in, map->keys[i]->text);
		if (to)
			move_key(l, map, i, in, to);
	}
	for (size_t i = 0; i < map->n; i++) {
		const char *name = schema_also(in, map->keys[i]->text);
		size_t there = name ? node_find(map, name) : map->n;
		if (name && there < map->n) {
			report_error_at(l->report, map->keys[i]->pos,
					node_path(l->arena, map),
					"'%s' and '%s' are the same; the other is at %s",
					map->keys[i]->text, name,
					report_place(l->arena, map->keys[there]->pos));
			map->items[i]->is_bad = true;
		} else if (name) {
			struct node *key = node_scalar(l->arena, name, map->keys[i]->pos);
			map->keys[i] = key;
			map->index_n = 0; /* it knows the old name */
			map->items[i]->name = name;
		}
	}
}

/* The map inside this one in which such a keyword stands: via in option; NULL: none. Of
 * rules every action has its own names. */
static const char *
home_of(enum schema_section in, unsigned where, const char *name)
{
	if (in != SECTION_root && in != SECTION_global && in != SECTION_proxy)
		return NULL;
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++)
		if (k->in == in && (k->where & where) && k->sub != SECTION_none &&
		    k->sub != in && schema_find(k->sub, name))
			return k->name;
	return NULL;
}

/* A word of the schema as the file spells it: haproxy.cfg has '-', but in these. */
static const char *
as_written(struct loading *l, const char *word)
{
	if (!l->request->read || strcmp(word, "use_backend") == 0 ||
	    strcmp(word, "default_backend") == 0)
		return word;
	char *out = arena_strdup(l->arena, word);
	for (char *p = out; *p; p++)
		if (*p == '_')
			*p = '-';
	return out;
}

/* Everything that may stand there; of haproxy.cfg that would be another spelling. */
static const char *
expected_names(struct loading *l, enum schema_section in, unsigned where)
{
	const char *names = "";
	if (l->request->read)
		return "a word of HAProxy's manual";
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++)
		if (k->in == in && (k->where & where))
			names = arena_printf(l->arena, "%s%s%s", names,
					     names[0] ? ", " : "one of: ", k->name);
	return names;
}

static void
unknown_key(struct loading *l, const struct node *map, size_t i, enum schema_section in,
	    unsigned where)
{
	const char *name = map->keys[i]->text;
	struct pos at = map->keys[i]->pos;
	struct node *value = map->items[i];
	const char *path = node_path(l->arena, value);
	if (value->pos.line == 0)
		at = value->pos;
	const char *why = schema_unsupported(in, name);
	if (why && in == SECTION_root) {
		if (!node_is_empty(value) && (value->kind == NODE_SCALAR || value->n > 0))
			report_error_at(
				l->report, at, path,
				"'%s' is known but not implemented yet; expected it to "
				"be empty: {}",
				name);
		return;
	}
	if (why) {
		report_error_at(l->report, at, path, "'%s' %s", as_written(l, name), why);
		return;
	}
	if (map->name && (strcmp(name, "if") == 0 || strcmp(name, "unless") == 0)) {
		report_error_at(l->report, at, path, "'%s' stands beside '%s', not in it",
				name, map->name);
		return;
	}
	if (in == SECTION_rule && schema_find(SECTION_proxy, name)) {
		report_error_at(
			l->report, at, path,
			"'%s' is no action: it stands beside the rules, not among "
			"them",
			name);
		return;
	}
	const char *home = home_of(in, where, name);
	if (home) {
		report_error_at(l->report, at, path,
				"unknown keyword; '%s' stands in '%s': { %s: ... }", name,
				home, name);
		return;
	}
	const char *best = schema_suggest(in, where, name);
	/* the path has it, if there is one */
	const char *quoted =
		l->request->read ? arena_printf(l->arena, " '%s'", as_written(l, name))
				 : "";
	if (best) {
		report_error_at(l->report, at, path,
				"unknown keyword%s; did you mean '%s'?", quoted,
				as_written(l, best));
		return;
	}
	report_error_at(l->report, at, path, "unknown keyword%s; expected %s", quoted,
			expected_names(l, in, where));
}

static void
misplaced_key(struct loading *l, const struct node *map, size_t i,
	      const struct schema_key *k)
{
	char places[SCHEMA_WHERE_BYTES];
	struct pos at = map->keys[i]->pos;
	const char *path = node_path(l->arena, map->items[i]);
	if (k->in == SECTION_server)
		report_error_at(
			l->report, at, path,
			"'%s' is not possible in default_server; it belongs in servers",
			as_written(l, k->name));
	else
		report_error_at(l->report, at, path,
				"'%s' is not possible here; it belongs in %s",
				as_written(l, k->name),
				schema_where_text(k->where, places));
}

/* "Name of the field" in the middle of a sentence; HTTP stays. */
static const char *
in_sentence(struct arena *a, const char *help)
{
	bool is_word =
		help[0] >= 'A' && help[0] <= 'Z' && !(help[1] >= 'A' && help[1] <= 'Z');
	return is_word ? arena_printf(a, "%c%s", help[0] | 0x20, help + 1) : help;
}

static void
check_required(struct loading *l, const struct node *map, enum schema_section in,
	       unsigned where)
{
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++)
		if (k->in == in && (k->where & where) && schema_is_required(k) &&
		    !node_get(map, k->name))
			report_error(l->report, map, "'%s' is missing; expected %s",
				     k->name, in_sentence(l->arena, k->help));
}

static void
check_key(struct loading *l, struct node *map, size_t i, enum schema_section in,
	  unsigned where)
{
	struct node *value = map->items[i];
	const struct schema_key *k = schema_find(in, map->keys[i]->text);
	if (!k || !(k->where & where)) {
		if (k)
			misplaced_key(l, map, i, k);
		else
			unknown_key(l, map, i, in, where);
		value->is_bad = true;
		return;
	}
	if (value->is_bad)
		return;
	unsigned inner = schema_inner(k, where);
	if ((k->form & FORM_FLAGS) && value->kind != NODE_MAP)
		flags_to_map(l, value);
	if (k->form & FORM_NAMED)
		check_named(l, value, k, inner);
	else
		check_many(l, value, k, inner);
}

static void
check_map(struct loading *l, struct node *map, enum schema_section in, unsigned where)
{
	rename_keys(l, map, in);
	for (size_t i = 0; i < map->n; i++)
		check_key(l, map, i, in, where);
	if (where != WHERE_TEMPLATE)
		check_required(l, map, in, where);
}

/* Takes wrong nodes out. */
static void
prune(struct node *n)
{
	for (size_t i = n->n; i-- > 0;) {
		if (!n->items[i]->is_bad) {
			prune(n->items[i]);
			continue;
		}
		node_remove(n, i);
		n->has_lost = true;
	}
}

void
check_tree(struct loading *l)
{
	check_map(l, l->root, SECTION_root, WHERE_ANY);
	prune(l->root);
}
