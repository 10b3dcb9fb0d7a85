/* SPDX-License-Identifier: MIT
 *
 * `cookie` as HAProxy writes it, "SRV insert indirect nocache", as the map it stands for.
 * Master (at load).
 */
#include "config/loading.h"

enum takes { NOTHING, VALUE, SECONDS };

static const struct {
	const char *word;
	enum takes takes;
} words[] = {
	{"rewrite", NOTHING},  {"insert", NOTHING},   {"prefix", NOTHING},
	{"indirect", NOTHING}, {"nocache", NOTHING},  {"postonly", NOTHING},
	{"preserve", NOTHING}, {"httponly", NOTHING}, {"secure", NOTHING},
	{"dynamic", NOTHING},  {"domain", VALUE},     {"attr", VALUE},
	{"maxidle", SECONDS},  {"maxlife", SECONDS},
};
enum { WORDS_N = sizeof(words) / sizeof(words[0]) };

static size_t
find(struct span word)
{
	size_t i = 0;
	while (i < WORDS_N && !span_eq(word, span_str(words[i].word)))
		i++;
	return i;
}

/* HAProxy's times are seconds here, where nothing else is written. */
static const char *
value_of(struct loading *l, enum takes takes, struct span value)
{
	bool is_bare = value.n > 0;
	for (size_t i = 0; i < value.n; i++)
		is_bare &= value.p[i] >= '0' && value.p[i] <= '9';
	if (takes == NOTHING)
		return "true";
	return arena_printf(l->arena, "%.*s%s", (int)value.n, value.p,
			    takes == SECONDS && is_bare ? "s" : "");
}

/* Adds one; what may be there more than once is a list. false: wrong (reported). */
static bool
put(struct loading *l, struct node *map, const struct node *from, const char *key,
    const char *text)
{
	const struct schema_key *k = schema_find(SECTION_cookie, key);
	struct node *n = node_scalar(l->arena, text, from->pos);
	n->origin = from->origin;
	const char *wrong = value_check(l, k, text);
	if (wrong)
		report_error(l->report, from, "%s: %s", key, wrong);
	else if (!(k->form & FORM_LIST))
		node_put(l->arena, map, key, n);
	if (wrong || !(k->form & FORM_LIST))
		return !wrong;
	struct node *list = node_get(map, key);
	if (!list) {
		list = node_new(l->arena, NODE_LIST, from->pos);
		list->origin = from->origin;
		node_put(l->arena, map, key, list);
	}
	node_append(l->arena, list, n);
	return true;
}

struct node *
cookie_words(struct loading *l, struct node *n)
{
	struct span rest = span_str(n->text), word = value_word(&rest);
	struct node *map = node_new(l->arena, NODE_MAP, n->pos);
	map->origin = n->origin;
	map->parent = n->parent;
	map->name = n->name;
	if (!put(l, map, n, "name", arena_span(l->arena, word)))
		return NULL;
	while ((word = value_word(&rest)).n) {
		size_t i = find(word);
		if (i == WORDS_N) {
			report_error(l->report, n,
				     "'%.*s' is not a word of cookie; expected rewrite, "
				     "insert, prefix, indirect, nocache, postonly, "
				     "preserve, httponly, secure, domain D, maxidle T, "
				     "maxlife T, dynamic or attr A",
				     (int)word.n, word.p);
			return NULL;
		}
		struct span value = words[i].takes ? value_word(&rest) : word;
		if (!put(l, map, n, words[i].word, value_of(l, words[i].takes, value)))
			return NULL;
	}
	return map;
}
