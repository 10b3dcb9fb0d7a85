/* SPDX-License-Identifier: MIT
 *
 * The case of field names: h1_case_adjust and h1_case_adjust_file. Master (at load).
 */
#include "config/loading.h"

struct names {
	struct span *items;
	size_t n;
};

/* One pair; NULL or what is wrong with it. */
static const char *
add(struct loading *l, struct names *names, const char *from, const char *to)
{
	for (const char *p = from; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			return arena_printf(l->arena, "'%s' is not in lower case", from);
	if (strcasecmp(from, to) != 0)
		return arena_printf(l->arena,
				    "'%s' and '%s' are different names; expected a "
				    "difference in case alone",
				    from, to);
	for (size_t i = 0; i < names->n; i++)
		if (span_ieq(names->items[i], span_str(to)))
			return arena_printf(l->arena, "'%s' is here twice", from);
	names->items =
		arena_grow(l->arena, names->items, names->n, sizeof(*names->items));
	names->items[names->n++] = build_text(l, to);
	return NULL;
}

static void
add_line(struct loading *l, struct names *names, const struct node *at, struct span line,
	 unsigned number)
{
	struct span rest = line;
	const char *from = arena_span(l->arena, value_word(&rest));
	const char *to = arena_span(l->arena, value_word(&rest));
	const struct schema_key *k = schema_find(SECTION_global, "h1_case_adjust");
	const char *wrong = value_check(l, k, to);
	if (rest.n)
		wrong = "more than two words";
	if (!wrong)
		wrong = add(l, names, from, to);
	if (wrong)
		report_error(l->report, at, "line %u of '%s': %s", number, at->text,
			     wrong);
}

/* Two names on a line; empty lines and those that begin with '#' do not count. */
static void
add_file(struct loading *l, struct names *names, const struct node *at)
{
	struct span bytes = {NULL, 0};
	const char *wrong = build_file(l, at->text, &bytes);
	if (wrong)
		report_error(l->report, at, "%s", wrong);
	for (unsigned number = 1; bytes.n; number++) {
		struct span line = span_cut(&bytes, '\n');
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		line = span_trim(line);
		if (line.n && line.p[0] != '#')
			add_line(l, names, at, line, number);
	}
}

void
build_case(struct loading *l, const struct node *global)
{
	struct names names = {NULL, 0};
	const struct node *map = node_get(global, "h1_case_adjust");
	const struct node *file = node_get(global, "h1_case_adjust_file");
	for (size_t i = 0; map && i < map->n; i++) {
		const char *wrong =
			add(l, &names, map->keys[i]->text, map->items[i]->text);
		if (wrong)
			report_error(l->report, map->items[i], "%s", wrong);
	}
	if (file)
		add_file(l, &names, file);
	if (names.n)
		l->cfg->global.h1_case = http_case_new(l->arena, names.items, names.n);
}
