/* SPDX-License-Identifier: MIT
 *
 * Rules of HAProxy up to 2.0, which saw a head as lines: reqadd, reqdel, reqrep, reqdeny
 * ... become rules of today where their regular expression is about one field, or about
 * the target of the request.
 */
#include <ctype.h>
#include <string.h>

#include "import/words.h"

/* A pattern on a line of the head, taken apart. */
struct line_pattern {
	const char *field; /* NULL: it is about the request line */
	const char *rest; /* the pattern on the value or the target, anchored if it was */
	int groups_n;	  /* that stood before it */
};

static bool
ignores_case(const struct cursor *c)
{
	const char *word = c->line->words[0].text;
	return strncmp(word, "reqi", 4) == 0 || strncmp(word, "rspi", 4) == 0;
}

static struct node *
scalar(struct cursor *c, size_t word, const char *text)
{
	return import_scalar(c->im, c->line, word, text);
}

static const char *
cased(struct cursor *c, const char *pattern)
{
	return ignores_case(c) ? arena_printf(c->im->arena, "(?i)%s", pattern) : pattern;
}

static void
not_possible(struct cursor *c, const char *instead)
{
	import_lost(
		c->im, import_pos(c->line, 1),
		"'%s' is a pattern on lines of a head that no rule stands for; use %s",
		c->line->n > 1 ? c->line->words[1].text : "", instead);
}

/* "^Name:\ *rest" -> Name, ^rest. false: another pattern. */
static bool
parse_field(struct cursor *c, const char *text, struct line_pattern *out)
{
	struct arena *a = c->im->arena;
	const char *p = text + (text[0] == '^'), *from = p;
	while (isalnum((unsigned char)*p) || *p == '-' || *p == '_')
		p++;
	if (p == from || *p != ':')
		return false;
	out->field = arena_span(a, span_of(from, (size_t)(p - from)));
	p++;
	bool is_loose = false;
	for (;;) { /* blanks behind the colon, however many */
		size_t used = 0;
		if (strncmp(p, "\\ ", 2) == 0 || strncmp(p, "\\s", 2) == 0)
			used = 2;
		else if (strncmp(p, "[ ]", 3) == 0)
			used = 3;
		else if (*p == ' ')
			used = 1;
		if (!used)
			break;
		p += used;
		p += *p == '*' || *p == '+' || *p == '?';
	}
	if (strncmp(p, ".*", 2) == 0) {
		is_loose = true;
		p += 2;
	}
	out->rest = is_loose ? p : arena_printf(a, "^%s", p);
	out->groups_n = 0;
	return true;
}

/* "^([^\ :]*)\ /static/(.*)": the method, then the target. */
static bool
parse_target(struct cursor *c, const char *text, struct line_pattern *out)
{
	static const struct {
		const char *begin;
		int groups_n;
	} methods[] = {
		{"^([^\\ :]*)\\ ", 1}, {"^([^ :]*)\\ ", 1},  {"^([^ :]*) ", 1},
		{"^([^ ]*) ", 1},      {"^([^\\ ]*)\\ ", 1}, {"^([^\\ ]*) ", 1},
		{"^(.*)\\ ", 1},       {"^[^\\ :]*\\ ", 0},  {"^[^ :]* ", 0},
		{"^[^ ]* ", 0},	       {"^[^:\\ ]*\\ ", 0},  {"^([^\\ :]*) ", 1},
		{"^[^\\ :]* ", 0},     {"^[^ :]*\\ ", 0},    {"^([^:\\ ]*)\\ ", 1},
	};
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		size_t n = strlen(methods[i].begin);
		if (strncmp(text, methods[i].begin, n) != 0)
			continue;
		*out = (struct line_pattern){
			.rest = arena_printf(c->im->arena, "^%s", text + n),
			.groups_n = methods[i].groups_n};
		return true;
	}
	return false;
}

static bool
parse_pattern(struct cursor *c, struct line_pattern *out)
{
	if (c->line->n < 2) {
		import_lost(c->im, c->line->at, "a pattern is missing");
		return false;
	}
	const char *text = c->line->words[1].text;
	bool is_response = strncmp(c->line->words[0].text, "rsp", 3) == 0;
	memset(out, 0, sizeof(*out));
	return parse_field(c, text, out) || (!is_response && parse_target(c, text, out));
}

/* A rule with the condition behind word `from`. */
static void
append_rule(struct cursor *c, const char *path, const char *action, struct node *value,
	    size_t from)
{
	struct arena *a = c->im->arena;
	struct node *rule = node_new(a, NODE_MAP, c->line->at);
	struct node *list = import_list(c, path);
	node_put(a, rule, action, value);
	c->i = from;
	if (c->i < c->line->n) {
		const char *word = c->line->words[c->i].text;
		if (strcmp(word, "if") != 0 && strcmp(word, "unless") != 0) {
			import_ends(c);
			return;
		}
		struct node *cond = scalar(c, ++c->i, NULL);
		cond->text = import_text(c);
		node_put(a, rule, word, cond);
	}
	if (list)
		node_append(a, list, rule);
}

/* Text as a format: nothing in it is a letter for a value. */
static const char *
as_format(struct arena *a, const char *text)
{
	char *out = arena_alloc(a, 2 * strlen(text) + 1), *p = out;
	for (; *text; text++) {
		if (*text == '%')
			*p++ = '%';
		*p++ = *text;
	}
	return out;
}

void
shape_add_field(struct cursor *c, const struct word_row *w)
{
	struct arena *a = c->im->arena;
	const char *text = c->line->n > 1 ? c->line->words[1].text : "";
	struct span value = span_str(text);
	struct span name = span_cut(&value, ':');
	struct node *field = node_new(a, NODE_MAP, c->line->at);
	if (name.n == 0 || !strchr(text, ':')) {
		import_lost(c->im, c->line->at, "expected 'Name: value'");
		return;
	}
	node_put(a, field, "name", scalar(c, 1, arena_span(a, span_trim(name))));
	node_put(a, field, "value",
		 scalar(c, 1, as_format(a, arena_span(a, span_trim(value)))));
	append_rule(c, w->path, "add_header", field, 2);
}

void
shape_del_field(struct cursor *c, const struct word_row *w)
{
	struct line_pattern p;
	if (!parse_pattern(c, &p) || !p.field) {
		not_possible(c, "'del_header' with 'match: reg'");
		return;
	}
	if (p.rest[0] && strcmp(p.rest, "^") != 0) /* only some values */
		not_possible(c, "'replace_header', or 'del_header' with a condition");
	else
		append_rule(c, w->path, "del_header", scalar(c, 1, p.field), 2);
}

/* "\2" behind a group that is gone is "\1"; false: the gone group is used. */
static bool
renumber(struct cursor *c, const char *text, int gone, const char **out)
{
	char *made = arena_strdup(c->im->arena, text);
	for (char *p = made; *p; p++)
		if (p[0] == '\\' && isdigit((unsigned char)p[1])) {
			p++;
			if (*p - '0' <= gone && *p != '0')
				return false;
			if (*p != '0')
				*p = (char)(*p - gone);
		}
	*out = made;
	return true;
}

/* What stands before the value in the new line: "\1\ " or "Name:\ "; NULL: another. */
static const char *
behind_begin(const struct line_pattern *p, const char *text)
{
	if (p->field) {
		size_t n = strlen(p->field);
		if (strncasecmp(text, p->field, n) != 0 || text[n] != ':')
			return NULL;
		for (text += n + 1; *text == ' ' || strncmp(text, "\\ ", 2) == 0;)
			text += *text == ' ' ? 1 : 2;
		return text;
	}
	if (p->groups_n == 1 && strncmp(text, "\\1 ", 3) == 0)
		return text + 3;
	return p->groups_n == 1 && strncmp(text, "\\1\\ ", 4) == 0 ? text + 4 : NULL;
}

void
shape_replace(struct cursor *c, const struct word_row *w)
{
	struct arena *a = c->im->arena;
	struct line_pattern p;
	const char *value = NULL;
	if (c->line->n < 3 || !parse_pattern(c, &p) ||
	    !(value = behind_begin(&p, c->line->words[2].text)) ||
	    !renumber(c, value, p.groups_n, &value)) {
		not_possible(c, "'replace_header', 'replace_uri' or 'set_path'");
		return;
	}
	struct node *map = node_new(a, NODE_MAP, c->line->at);
	if (p.field)
		node_put(a, map, "name", scalar(c, 1, p.field));
	node_put(a, map, "match", scalar(c, 1, cased(c, p.rest)));
	node_put(a, map, "value", scalar(c, 2, as_format(a, value)));
	append_rule(c, w->path, p.field ? "replace_header" : "replace_uri", map, 3);
}

/* reqdeny, reqtarpit, reqallow: a rule with a condition of its own. */
void
shape_decide(struct cursor *c, const struct word_row *w)
{
	struct arena *a = c->im->arena;
	struct line_pattern p;
	const char *word = c->line->words[0].text;
	const char *action = strstr(word, "deny")     ? "deny"
			     : strstr(word, "tarpit") ? "tarpit"
						      : "allow";
	if (!parse_pattern(c, &p)) {
		not_possible(c, arena_printf(a, "'%s' with a condition", action));
		return;
	}
	const char *side = strncmp(word, "rsp", 3) == 0 ? "res" : "req";
	const char *fetch =
		p.field ? arena_printf(a, "%s.fhdr(%s)", side, p.field) : "url";
	struct import_line made = *c->line;
	struct import_word words[] = {
		c->line->words[0],
		{.text = "if"},
		{.text = "{"},
		{.text = fetch},
		{.text = "-m"},
		{.text = "reg"},
		{.text = cased(c, p.rest)},
		{.text = "}"},
	};
	struct node *rule = node_new(a, NODE_MAP, c->line->at);
	struct node *cond = scalar(c, 1, NULL), *list = import_list(c, w->path);
	made.words = words;
	made.n = sizeof(words) / sizeof(words[0]);
	struct cursor test = {.im = c->im, .line = &made, .i = 2};
	cond->text = import_text(&test);
	c->i = 2;
	if (c->i < c->line->n) {
		if (strcmp(c->line->words[c->i].text, "if") != 0) {
			not_possible(c, "a rule with two conditions");
			return;
		}
		c->i++;
		cond->text = arena_printf(a, "%s %s", import_text(c), cond->text);
	}
	node_put(a, rule, action, scalar(c, 0, "true"));
	node_put(a, rule, "if", cond);
	if (list)
		node_append(a, list, rule);
}
