/* SPDX-License-Identifier: MIT
 *
 * Words of a line as keys of the schema: "len 8 whole" is {len: 8, whole: true}. What
 * HAProxy spells with '-' has '_' here, and the schema knows which key takes a value, so
 * that a keyword that weir learns is imported at once.
 */
#include <stdio.h>
#include <string.h>

#include "import/importing.h"

const char *
import_snake(struct arena *a, const char *word)
{
	char *name = arena_strdup(a, word);
	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	return name;
}

struct node *
import_scalar(struct importing *im, const struct import_line *line, size_t word,
	      const char *text)
{
	struct node *n = node_scalar(im->arena, text, import_pos(line, word));
	if (word < line->n && line->words[word].is_verbatim &&
	    text == line->words[word].text)
		n->text_col = line->words[word].col;
	return n;
}

/* --- text -------------------------------------------------------------------------- */

/* weir cuts conditions into words once more. */
static const char *
quoted(struct arena *a, const char *word)
{
	if (word[0] && !strpbrk(word, " \t\n\r\"'\\"))
		return word;
	if (!strpbrk(word, "'\n\r"))
		return arena_printf(a, "'%s'", word);
	char *out = arena_alloc(a, 2 * strlen(word) + 3), *p = out;
	*p++ = '"';
	for (; *word; word++) {
		const char *at = strchr("\"\\\n\r", *word);
		if (at)
			*p++ = '\\';
		*p++ = at ? "\"\\nr"[at - "\"\\\n\r"] : *word;
	}
	*p = '"';
	return out;
}

const char *
import_text(struct cursor *c)
{
	struct arena *a = c->im->arena;
	size_t bytes = 1;
	for (size_t i = c->i; i < c->line->n; i++)
		bytes += 2 * strlen(c->line->words[i].text) + 4;
	char *out = arena_alloc(a, bytes), *p = out;
	for (bool is_first = true; c->i < c->line->n; c->i++, is_first = false) {
		const char *word = quoted(a, c->line->words[c->i].text);
		if (!is_first)
			*p++ = ' ';
		memcpy(p, word, strlen(word));
		p += strlen(word);
	}
	return out;
}

bool
import_ends(struct cursor *c)
{
	if (c->i >= c->line->n)
		return true;
	import_lost(c->im, import_pos(c->line, c->i),
		    "'%s' is too much here; expected the end of the line",
		    c->line->words[c->i].text);
	return false;
}

/* --- values --------------------------------------------------------------------------
 */

static bool
is_one_of(const char *allowed, const char *word)
{
	size_t n = strlen(word);
	for (const char *p = allowed; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
		if (strncmp(p, word, n) == 0 && (p[n] == '\0' || p[n] == '|'))
			return true;
	return false;
}

/* Words of a choice are HAProxy's with '_', too. */
static const char *
spelled(struct arena *a, const struct schema_key *k, const char *word)
{
	if (!k->allowed || is_one_of(k->allowed, word))
		return word;
	const char *snake = import_snake(a, word);
	return is_one_of(k->allowed, snake) ? snake : word;
}

static bool
is_flag(const struct schema_key *k)
{
	return (k->type == TYPE_BOOL || k->type == TYPE_TRUE) && !(k->form & FORM_NAMED);
}

static bool
may_be_condition(const struct cursor *c, enum schema_section in)
{
	const char *word = c->i < c->line->n ? c->line->words[c->i].text : "";
	return (strcmp(word, "if") == 0 || strcmp(word, "unless") == 0) &&
	       schema_find(in, "if");
}

static bool
has_value(struct cursor *c, const char *name, size_t n)
{
	if (c->i + n <= c->line->n)
		return true;
	import_lost(c->im, import_pos(c->line, c->i - 1), "'%s' needs %s behind it", name,
		    n > 1 ? "a name and a value" : "a value");
	return false;
}

/* "name[-lf] [-m MATCH] TEXT [value[-lf] [-m MATCH] TEXT]" of http-check expect hdr. */
static struct node *
expected_field(struct cursor *c)
{
	struct importing *im = c->im;
	struct node *map = node_new(im->arena, NODE_MAP, import_pos(c->line, c->i));
	for (int part = 0; part < 2 && c->i < c->line->n; part++) {
		const char *what = part ? "value" : "name";
		const struct import_word *words = c->line->words;
		const char *key = import_snake(im->arena, words[c->i].text);
		size_t n = strlen(what);
		if (strncmp(key, what, n) != 0 || (key[n] && strcmp(key + n, "_lf") != 0))
			break;
		c->i++;
		if (c->i + 1 < c->line->n && strcmp(words[c->i].text, "-m") == 0) {
			node_put(im->arena, map,
				 arena_printf(im->arena, "%s_match", what),
				 import_scalar(im, c->line, c->i + 1,
					       words[c->i + 1].text));
			c->i += 2;
		}
		if (!has_value(c, key, 1))
			return NULL;
		node_put(im->arena, map, key,
			 import_scalar(im, c->line, c->i, words[c->i].text));
		c->i++;
	}
	return map;
}

static void
take_choices(struct cursor *c, struct node *map, const struct schema_key *k)
{
	struct importing *im = c->im;
	struct span rest = span_str(c->line->words[c->i].text);
	while (rest.n) {
		const char *word = arena_span(im->arena, span_cut(&rest, ','));
		import_append(
			c, map, k->name,
			import_scalar(im, c->line, c->i, spelled(im->arena, k, word)));
	}
	c->i++;
}

/* The value of a key, or true for one that has none; false: it is missing (told). */
static bool
take_value(struct cursor *c, struct node *map, const struct schema_key *k)
{
	struct importing *im = c->im;
	const struct import_word *words = c->line->words;
	if (is_flag(k)) {
		node_put(im->arena, map, k->name,
			 import_scalar(im, c->line, c->i - 1, "true"));
		return true;
	}
	if (!has_value(c, words[c->i - 1].text, k->form & FORM_NAMED ? 2 : 1))
		return false;
	if (k->sub == SECTION_expect_field) {
		struct node *field = expected_field(c);
		if (field)
			import_put(c, map, k->name, field);
		return field;
	}
	if (k->form & FORM_NAMED) { /* hdr NAME VALUE */
		struct node *named = node_get(map, k->name);
		if (!named) {
			named = node_new(im->arena, NODE_MAP, import_pos(c->line, c->i));
			node_put(im->arena, map, k->name, named);
		}
		struct cursor into = *c;
		import_append(&into, named, words[c->i].text,
			      import_scalar(im, c->line, c->i + 1, words[c->i + 1].text));
		c->i += 2;
		return true;
	}
	if (k->form & FORM_LIST && k->type == TYPE_CHOICE) { /* "unique-id,crc32c" */
		take_choices(c, map, k);
		return true;
	}
	const char *text = spelled(im->arena, k, words[c->i].text);
	struct node *value = import_scalar(im, c->line, c->i++, text);
	if (k->form & FORM_LIST)
		import_append(c, map, k->name, value);
	else
		import_put(c, map, k->name, value);
	return true;
}

/* --- positions ---------------------------------------------------------------------- */

/* Where it is not the main key or the keys that must be there. */
static const struct {
	enum schema_section in;
	const char *keys; /* with blanks */
} positions[] = {
	{SECTION_table, ""},
	{SECTION_http_error, ""},
	{SECTION_capture_slot, ""},
	{SECTION_capture_header, "name"},
	{SECTION_capture_cookie, "name"},
	{SECTION_capture_sample, "sample"},
	{SECTION_pgsql_check, ""},
	{SECTION_smtpchk, "hello domain"},
	{SECTION_wait_for_body, ""},
};

/* The i-th of some names with blanks between them, as a key. */
static const struct schema_key *
nth_key(enum schema_section in, const char *keys, size_t i)
{
	char name[64];
	for (; i && keys; i--)
		if ((keys = strchr(keys, ' ')))
			keys++;
	if (!keys || !keys[0])
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(keys, " "), keys);
	return schema_find(in, name);
}

/* The i-th key that a word without a keyword means; NULL: there is none. */
static const struct schema_key *
position(enum schema_section in, size_t i)
{
	for (size_t j = 0; j < sizeof(positions) / sizeof(positions[0]); j++)
		if (positions[j].in == in)
			return nth_key(in, positions[j].keys, i);
	const char *main = schema_sections[in].main;
	if (main)
		return i == 0 ? schema_find(in, main) : NULL;
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++)
		if (k->in == in && schema_is_required(k) && i-- == 0)
			return k;
	return NULL;
}

/* "set-var(txn.a) value", "sc-inc-gpc(0,1)": what stands in the parenthesis of the word
 * before c->i comes first. Numbers are cut at commas. Returns how many keys got one. */
static size_t
take_parenthesis(struct cursor *c, struct node *map, enum schema_section in)
{
	struct importing *im = c->im;
	const char *word = c->i ? c->line->words[c->i - 1].text : "";
	const char *open = strchr(word, '(');
	size_t n = strlen(word), count = 0;
	if (!open || word[n - 1] != ')')
		return 0;
	struct span rest = span_of(open + 1, n - (size_t)(open - word) - 2);
	const struct schema_key *k = position(in, 0);
	bool is_cut = k && k->type == TYPE_UINT;
	while (k && rest.n) {
		struct span piece = is_cut ? span_cut(&rest, ',') : rest;
		if (!is_cut)
			rest.n = 0;
		node_put(im->arena, map, k->name,
			 import_scalar(im, c->line, c->i - 1,
				       arena_span(im->arena, span_trim(piece))));
		k = position(in, ++count);
	}
	if (rest.n)
		import_lost(im, import_pos(c->line, c->i - 1),
			    "'%s' has too many arguments", word);
	return count;
}

/* --- keywords -------------------------------------------------------------------------
 */

/* Words that switch off what another word switches on. */
static const struct {
	enum schema_section in;
	const char *word, *key;
} opposites[] = {
	{SECTION_server, "enabled", "disabled"},
};

static const char *
opposite(enum schema_section in, const char *name)
{
	for (size_t i = 0; i < sizeof(opposites) / sizeof(opposites[0]); i++)
		if (opposites[i].in == in && strcmp(opposites[i].word, name) == 0)
			return opposites[i].key;
	return strncmp(name, "no_", 3) == 0 ? name + 3 : NULL;
}

/* The key that a word means: itself, another spelling, "-m", "no-x". */
static const struct schema_key *
keyword(struct cursor *c, enum schema_section in, const char *word, bool *is_off)
{
	struct arena *a = c->im->arena;
	const char *name = import_snake(a, strcmp(word, "-m") == 0 ? "match" : word);
	const char *also = schema_also(in, name);
	const struct schema_key *k = schema_find(in, also ? also : name);
	const char *on = opposite(in, name);
	*is_off = false;
	if (k || !on)
		return k;
	k = schema_find(in, on);
	*is_off = k && is_flag(k);
	return *is_off ? k : NULL;
}

static const struct {
	enum schema_section in;
	const char *word;
	size_t values_n;
	const char *why;
} needless[] = {
#define WORD(section, words, path, shape)
#define NOTHING(section, words, why)
#define GONE(section, words, todo)
#define ARGUMENT(section, word, values, why) {SECTION_##section, word, values, why},
#include "import/words.def"
};

/* Goes over an argument that weir has no need of. */
static bool
skip_needless(struct cursor *c, enum schema_section in)
{
	const char *word = c->line->words[c->i].text;
	for (size_t i = 0; i < sizeof(needless) / sizeof(needless[0]); i++) {
		if (needless[i].in != in || strcmp(needless[i].word, word) != 0)
			continue;
		import_note(c->im, import_pos(c->line, c->i), "'%s' is not needed: %s",
			    word, needless[i].why);
		c->i += 1 + needless[i].values_n;
		if (c->i > c->line->n)
			c->i = c->line->n;
		return true;
	}
	return false;
}

/* A word that is no key but a value that only one key can have: "pre-41". */
static const struct schema_key *
key_of_choice(enum schema_section in, const char *word)
{
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++)
		if (k->in == in && k->type == TYPE_CHOICE && is_one_of(k->allowed, word))
			return k;
	return NULL;
}

/* "set-proxy-v2-tlv-fmt(0x20) FORMAT": one of the names of a key that has names. */
static bool
take_named(struct cursor *c, struct node *map, enum schema_section in, const char *word)
{
	struct importing *im = c->im;
	struct span name = span_str(word), inner = name;
	name = span_cut(&inner, '(');
	if (!inner.n || inner.p[inner.n - 1] != ')')
		return false;
	const char *key = import_snake(im->arena, arena_span(im->arena, name));
	const struct schema_key *k = schema_find(in, key);
	if (!k || !(k->form & FORM_NAMED))
		return false;
	struct node *named = node_get(map, k->name);
	if (!named) {
		named = node_new(im->arena, NODE_MAP, import_pos(c->line, c->i));
		node_put(im->arena, map, k->name, named);
	}
	inner.n--;
	c->i++;
	bool has_text = c->i < c->line->n; /* it may have none at the end of the line */
	node_put(im->arena, named, arena_span(im->arena, inner),
		 import_scalar(im, c->line, has_text ? c->i : c->i - 1,
			       has_text ? c->line->words[c->i].text : ""));
	c->i += has_text;
	return true;
}

/* A keyword and its value; false: the line is told to be wrong. */
static bool
take_keyword(struct cursor *c, struct node *map, enum schema_section in)
{
	struct importing *im = c->im;
	const char *word = c->line->words[c->i].text;
	bool is_off;
	if (word[0] == '!' && schema_find(in, "negate")) { /* "! rstring", "!rstring" */
		node_put(im->arena, map, "negate",
			 import_scalar(im, c->line, c->i, "true"));
		c->i += word[1] == '\0';
		if (!has_value(c, "!", 1))
			return false;
		word = c->line->words[c->i].text;
		word += word[0] == '!';
	}
	const struct schema_key *k = keyword(c, in, word, &is_off);
	if (!k && take_named(c, map, in, word))
		return true;
	if (!k && skip_needless(c, in))
		return true;
	const struct schema_key *chosen = k ? NULL : key_of_choice(in, word);
	c->i++;
	if (chosen) {
		import_put(c, map, chosen->name,
			   import_scalar(im, c->line, c->i - 1, word));
		return true;
	}
	if (!k) { /* the loader knows what to say about it */
		node_put(im->arena, map, import_snake(im->arena, word),
			 import_scalar(im, c->line, c->i - 1, "true"));
		c->i = c->line->n;
		return true;
	}
	if (is_off) {
		import_put(c, map, k->name,
			   import_scalar(im, c->line, c->i - 1, "false"));
		return true;
	}
	if (k->type == TYPE_CONDITION) {
		struct node *n = import_scalar(im, c->line, c->i, NULL);
		n->text = import_text(c);
		node_put(im->arena, map, k->name, n);
		return true;
	}
	return take_value(c, map, k);
}

/* A map that says no more than a plain value. */
static struct node *
simplest(struct cursor *c, const struct schema_key *k, struct node *map)
{
	const char *main = schema_sections[k->sub].main;
	if (!(k->form & FORM_SCALAR))
		return map;
	if (map->n == 0 &&
	    (k->type == TYPE_TRUE || k->type == TYPE_BOOL || k->type == TYPE_HTTPCHK))
		return import_scalar(c->im, c->line, c->i - 1, "true");
	bool is_plain = main && map->n == 1 && strcmp(map->keys[0]->text, main) == 0;
	return is_plain && map->items[0]->kind == NODE_SCALAR ? map->items[0] : map;
}

struct node *
import_arguments(struct cursor *c, const struct schema_key *k)
{
	enum schema_section in = k->sub;
	struct pos at = import_pos(c->line, c->i);
	struct node *map = node_new(c->im->arena, NODE_MAP, at);
	size_t placed = take_parenthesis(c, map, in);
	const struct schema_key *next;
	while (c->i < c->line->n && !c->has_no_positions &&
	       (next = position(in, placed)) && !may_be_condition(c, in)) {
		const char *text = spelled(c->im->arena, next, c->line->words[c->i].text);
		node_put(c->im->arena, map, next->name,
			 import_scalar(c->im, c->line, c->i, text));
		c->i++;
		placed++;
	}
	while (c->i < c->line->n)
		if (!take_keyword(c, map, in))
			return NULL;
	return simplest(c, k, map);
}
