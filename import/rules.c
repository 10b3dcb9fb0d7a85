/* SPDX-License-Identifier: MIT
 *
 * "http-request set-header X-Id 1 if is_api" as {set_header: {name: X-Id, value: 1}, if:
 * is_api}. The actions and their arguments are those of config/actions.def.
 */
#include <string.h>

#include "import/importing.h"

/* Where the condition begins; line->n when there is none. */
static size_t
find_condition(const struct import_line *line, size_t from)
{
	for (size_t i = from; i < line->n; i++)
		if (strcmp(line->words[i].text, "if") == 0 ||
		    strcmp(line->words[i].text, "unless") == 0)
			return i;
	return line->n;
}

static struct node *
condition(struct cursor *c)
{
	struct node *n = import_scalar(c->im, c->line, c->i, NULL);
	n->text = import_text(c);
	return n;
}

/* The value of an action that the schema knows; NULL: wrong (told). */
static struct node *
action_value(struct cursor *c, const struct schema_key *k)
{
	struct importing *im = c->im;
	if (k->sub != SECTION_none)
		return import_arguments(c, k);
	if (k->type == TYPE_TRUE || k->type == TYPE_BOOL)
		return import_ends(c) ? import_scalar(im, c->line, c->i - 1, "true")
				      : NULL;
	if (c->i == c->line->n) {
		import_lost(im, import_pos(c->line, c->i), "'%s' needs an argument",
			    k->name);
		return NULL;
	}
	struct node *n = import_scalar(im, c->line, c->i, c->line->words[c->i].text);
	c->i++;
	return import_ends(c) ? n : NULL;
}

struct node *
import_rule(struct cursor *c)
{
	struct importing *im = c->im;
	struct arena *a = im->arena;
	if (c->i == c->line->n) {
		import_lost(im, import_pos(c->line, c->i), "the action is missing");
		return NULL;
	}
	/* the arguments end where the condition begins */
	struct import_line action = *c->line;
	action.n = find_condition(c->line, c->i + 1);
	struct cursor args = *c;
	args.line = &action;
	const char *word = action.words[args.i].text;
	const char *name =
		import_snake(a, arena_span(a, span_of(word, strcspn(word, "("))));
	struct node *rule = node_new(a, NODE_MAP, import_pos(c->line, c->i));
	const struct schema_key *k = schema_find(SECTION_rule, name);
	args.i++;
	struct node *value = k ? action_value(&args, k)
			       : import_scalar(im, &action, args.i - 1, "true");
	if (!value)
		return NULL;
	node_put(a, rule, name, value);
	c->i = action.n;
	if (c->i < c->line->n) {
		bool is_if = strcmp(c->line->words[c->i].text, "if") == 0;
		c->i++;
		node_put(a, rule, is_if ? "if" : "unless", condition(c));
	}
	return rule;
}
