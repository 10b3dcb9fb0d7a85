/* SPDX-License-Identifier: MIT
 *
 * Persistence by stick tables: `stick` of backends. Master (at load).
 */
#include "config/loading.h"

static const struct {
	const char *name;
	uint8_t does;
} kinds[] = {
	{"on", CFG_STICK_MATCH | CFG_STICK_STORE},
	{"match", CFG_STICK_MATCH},
	{"store_request", CFG_STICK_STORE},
	{"store_response", CFG_STICK_RESPONSE},
};
enum { KINDS_N = sizeof(kinds) / sizeof(kinds[0]) };

/* The one expression; NULL: none, or several (reported). */
static const struct node *
kind_of(struct loading *l, const struct node *map, uint8_t *does)
{
	const struct node *found = NULL;
	for (size_t i = 0; i < KINDS_N; i++) {
		const struct node *n = node_get(map, kinds[i].name);
		if (n && found) {
			report_error(l->report, n,
				     "'%s' is given too; expected one of them",
				     found->name);
			return NULL;
		}
		if (n) {
			found = n;
			*does = kinds[i].does;
		}
	}
	if (!found && !map->has_lost)
		report_error(
			l->report, map,
			"expected one of on, match, store_request and store_response");
	return found;
}

static void
build_one(struct loading *l, struct built *b, const struct node *map)
{
	struct cfg_proxy *p = b->proxy;
	struct cfg_stick s = {.does = 0};
	const struct node *key = kind_of(l, map, &s.does), *name = node_get(map, "table");
	struct expr_error err;
	bool is_http = p->mode == CFG_MODE_HTTP;
	bool is_response = s.does & CFG_STICK_RESPONSE;
	if (!key)
		return;
	if (is_response && !is_http) {
		report_error(l->report, key, "needs mode http");
		return;
	}
	l->cfg->env.at = is_response ? EXPR_AT_RESPONSE
			 : is_http   ? EXPR_AT_REQUEST
				     : EXPR_AT_CONTENT;
	s.table = build_table_find(l, b, span_str(name ? name->text : ""), &err);
	if (!s.table)
		report_error(l->report, name ? name : map, "%s", err.text);
	bool is_sound = build_cond(l, b, map, &s.when.cond, &s.when.unless);
	s.expr = build_key(l, key, s.table);
	if (!s.table || !s.expr || !is_sound)
		return;
	p->sticks = arena_grow(l->arena, p->sticks, p->sticks_n, sizeof(s));
	p->sticks[p->sticks_n++] = s;
}

void
build_sticks(struct loading *l, struct built *b)
{
	const struct node *list = node_get(b->map, "stick");
	for (size_t i = 0; list && i < list->n; i++)
		build_one(l, b, list->items[i]);
}

bool
build_is_sticky(const struct loading *l, const char *table)
{
	for (size_t i = 0; i < l->cfg->proxies_n; i++) {
		const struct built *b = &l->built[i];
		const struct node *list = node_get(b->map, "stick");
		for (size_t j = 0; list && j < list->n; j++) {
			const char *name = node_text(list->items[j], "table");
			if (strcmp(name ? name : b->proxy->name, table) == 0)
				return true;
		}
	}
	return false;
}
