/* SPDX-License-Identifier: MIT
 *
 * A line of haproxy.cfg: quotes, escapes, variables (configuration.txt 2.2, 2.3).
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import/importing.h"
#include "lib/base/must.h"

/* A line while it is cut. */
struct cutter {
	struct importing *im;
	struct import_line *line;
	const char *p;
	char quote; /* 0, '"' or '\'' */
	bool keeps; /* variables */
	bool is_in_word, is_verbatim;
	const char *word_at; /* where it begins in the line */
	char *bytes;	     /* the word */
	size_t n;
	const char *wrong; /* told at `wrong_at` */
	const char *wrong_at;
};

static void
put(struct cutter *c, char byte)
{
	if (!c->is_in_word) {
		c->is_in_word = true;
		c->is_verbatim = !c->quote;
		c->word_at = c->p;
	}
	if (c->n < IMPORT_LINE_BYTES_MAX)
		c->bytes[c->n++] = byte;
	else if (!c->wrong) {
		c->wrong = "the line grows beyond 64 KB; expected a shorter one";
		c->wrong_at = c->p;
	}
}

static void
put_text(struct cutter *c, const char *text)
{
	while (*text)
		put(c, *text++);
}

static void
end_word(struct cutter *c)
{
	struct arena *a = c->im->arena;
	struct import_line *l = c->line;
	if (!c->is_in_word)
		return;
	if (l->n < IMPORT_WORDS_MAX) {
		l->words = arena_grow(a, l->words, l->n, sizeof(*l->words));
		l->words[l->n++] = (struct import_word){
			.text = arena_span(a, span_of(c->bytes, c->n)),
			.col = (unsigned)(c->word_at - l->raw) + 1,
			.is_verbatim = c->is_verbatim,
		};
	} else if (!c->wrong) {
		c->wrong = "too many words; expected at most 1024";
		c->wrong_at = c->word_at;
	}
	c->is_in_word = false;
	c->n = 0;
}

/* --- escapes ---------------------------------------------------------------- */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A dollar that is text: YAML's files need two. */
static void
put_plain(struct cutter *c, char byte)
{
	put(c, byte);
	if (byte == '$' && c->keeps)
		put(c, '$');
}

/* c->p is at a backslash. Pairs that mean nothing stay as they are. */
static void
escape(struct cutter *c)
{
	static const char plain[] = " \\#'\"", named[] = "tnr", bytes[] = "\t\n\r";
	char next = c->p[1];
	const char *at = next ? strchr(named, next) : NULL;
	if (next == 'x') {
		int high = hex(c->p[2]), low = high < 0 ? -1 : hex(c->p[3]);
		if (low < 0 || (high | low) == 0) {
			c->wrong =
				"wrong escape; expected two hexadecimal digits, not 00, "
				"behind \\x";
			c->wrong_at = c->p;
			c->p++;
			return;
		}
		put_plain(c, (char)(high << 4 | low));
		c->p += 4;
	} else if (next && (strchr(plain, next) || (next == '$' && c->quote))) {
		put_plain(c, next);
		c->p += 2;
	} else if (at) {
		put(c, bytes[at - named]);
		c->p += 2;
	} else {
		put(c, '\\');
		c->p++;
		return;
	}
	c->is_verbatim = false;
}

/* --- variables -------------------------------------------------------------- */

static const char *
format_variable(const char *name)
{
	static const struct {
		const char *name, *text;
	} formats[] = {
		{"HAPROXY_HTTP_LOG_FMT",
		 "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc "
		 "%ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r"},
		{"HAPROXY_TCP_LOG_FMT",
		 "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq"},
		{"HAPROXY_HTTP_CLF_LOG_FMT",
		 "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR "
		 "%Tw "
		 "%Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl"},
	};
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, name) == 0)
			return formats[i].text;
	return NULL;
}

const char *
import_variable(struct importing *im, const char *name, bool *is_own)
{
	*is_own = true;
	for (size_t i = im->variables_n; i-- > 0;)
		if (strcmp(im->variables[i].name, name) == 0)
			return im->variables[i].value;
	const char *text = format_variable(name);
	if (text)
		return text;
	if (strcmp(name, "HAPROXY_BRANCH") == 0) {
		const char *dot = strrchr(IMPORT_HAPROXY_VERSION, '.');
		return arena_span(im->arena,
				  span_of(IMPORT_HAPROXY_VERSION,
					  (size_t)(dot - IMPORT_HAPROXY_VERSION)));
	}
	if (strcmp(name, "HAPROXY_LOCALPEER") == 0) {
		char host[256] = "";
		gethostname(host, sizeof(host) - 1);
		return im->local_name ? im->local_name : arena_strdup(im->arena, host);
	}
	*is_own = false;
	return getenv(name);
}

static const char *
place_variable(struct cutter *c, const char *name)
{
	struct importing *im = c->im;
	if (strcmp(name, ".LINE") == 0)
		return arena_printf(im->arena, "%u", c->line->at.line);
	if (strcmp(name, ".FILE") == 0)
		return c->line->at.file;
	return strcmp(name, ".SECTION") == 0 ? im->section_name : NULL;
}

/* "${X-default}" of YAML, where what is not set is empty. */
static void
keep_variable(struct cutter *c, const char *name, const char *behind, size_t behind_n)
{
	struct arena *a = c->im->arena;
	if (behind_n && memchr(behind, '$', behind_n)) {
		c->wrong = "a '$' inside of a default; write its value";
		c->wrong_at = behind;
		return;
	}
	put_text(c, behind_n ? arena_printf(a, "${%s%.*s}", name, (int)behind_n, behind)
			     : arena_printf(a, "${%s-}", name));
}

/* The value as words of their own ("[*]"), or as it is. */
static void
put_value(struct cutter *c, const char *value, bool is_list)
{
	for (; *value; value++) {
		if (is_list && isspace((unsigned char)*value))
			end_word(c);
		else
			put_plain(c, *value);
	}
}

static void
wrong_variable(struct cutter *c, const char *at)
{
	c->wrong = "wrong variable; expected $NAME, ${NAME}, ${NAME-default} or "
		   "${NAME[*]}, or \\$ for a dollar";
	c->wrong_at = at;
	c->p++;
}

/* c->p is at a dollar. */
static void
variable(struct cutter *c)
{
	struct importing *im = c->im;
	const char *at = c->p, *p = at + 1, *behind = NULL;
	bool has_brace = *p == '{', is_list = false, is_own = true;
	p += has_brace;
	const char *from = p;
	if (!isalpha((unsigned char)*p) && *p != '_' && *p != '.') {
		wrong_variable(c, at);
		return;
	}
	for (p++; isalnum((unsigned char)*p) || *p == '_';)
		p++;
	const char *name = arena_span(im->arena, span_of(from, (size_t)(p - from)));
	if (has_brace && strncmp(p, "[*]", 3) == 0) {
		is_list = true;
		p += 3;
	}
	if (has_brace && (*p == '-' || *p == '+')) {
		behind = p;
		p += strcspn(p, "}");
	}
	if (has_brace && *p != '}') {
		wrong_variable(c, at);
		return;
	}
	size_t behind_n = behind ? (size_t)(p - behind) : 0;
	const char *value = name[0] == '.' ? place_variable(c, name)
					   : import_variable(im, name, &is_own);
	c->p = at;
	if (c->keeps && !is_own && !is_list) {
		keep_variable(c, name, behind, behind_n);
	} else {
		bool says_other = behind && (behind[0] == '+' ? value != NULL : !value);
		if (says_other)
			value = arena_span(im->arena, span_of(behind + 1, behind_n - 1));
		else if (behind && behind[0] == '+')
			value = "";
		if (!is_list && !c->is_in_word) { /* it counts, even when it is empty */
			put(c, ' ');
			c->n = 0;
		}
		put_value(c, value ? value : "", is_list);
	}
	c->is_verbatim = false;
	c->p = p + has_brace;
}

/* Addresses are expanded without quotes, too: the first words of these lines. */
static bool
is_address(const struct cutter *c)
{
	static const char *const heads[] = {
		"bind",	  "server",	     "log", "stats", "dispatch",
		"source", "server-template", "peer"};
	const struct import_line *l = c->line;
	if (l->n == 0 || l->n > 3)
		return false;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (strcmp(heads[i], l->words[0].text) == 0)
			return c->p[1] == '{' || isalpha((unsigned char)c->p[1]) ||
			       c->p[1] == '_';
	return false;
}

/* --- the line ------------------------------------------------------------------ */

static void
quote(struct cutter *c)
{
	char q = *c->p;
	if (!c->is_in_word) { /* "" is a word */
		put(c, ' ');
		c->n = 0;
	}
	c->is_verbatim = false;
	c->quote = c->quote ? 0 : q;
	c->p++;
}

/* One character or what stands for one; false at the end. */
static bool
step(struct cutter *c)
{
	char b = *c->p;
	if (b == '\0' || (b == '#' && !c->quote))
		return false;
	if ((b == '"' && c->quote != '\'') || (b == '\'' && c->quote != '"')) {
		quote(c);
	} else if (b == '\\' && c->quote != '\'') {
		escape(c);
	} else if (isspace((unsigned char)b) && !c->quote) {
		end_word(c);
		c->p++;
	} else if (b == '$' && (c->quote == '"' || (!c->quote && is_address(c)))) {
		variable(c);
	} else {
		put_plain(c, b);
		c->p++;
	}
	return true;
}

bool
import_line_cut(struct importing *im, struct import_line *line, const char **comment)
{
	const char *begin = line->raw + strspn(line->raw, " \t");
	struct cutter c = {
		.im = im,
		.line = line,
		.p = line->raw,
		.keeps = im->keeps_variables && begin[0] != '.',
		.bytes = must_alloc(IMPORT_LINE_BYTES_MAX),
	};
	*comment = NULL;
	while (!c.wrong && step(&c))
		;
	if (!c.wrong && c.quote) {
		c.wrong = "the quote is not closed; expected another one";
		c.wrong_at = c.p;
	}
	if (!c.wrong && *c.p == '#')
		*comment = c.p + 1;
	end_word(&c);
	free(c.bytes);
	if (c.wrong) {
		struct pos at = line->at;
		at.col = (unsigned)(c.wrong_at - line->raw) + 1;
		import_lost(im, at, "%s", c.wrong);
	}
	return !c.wrong;
}
