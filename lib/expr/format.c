/* SPDX-License-Identifier: MIT
 *
 * Formats into items, by the master at load. An item is an alias or an expression, with
 * the flags that hold for it and the text in front of it. format_write.c writes them.
 */
#include "lib/expr/format_items.h"
#include "lib/expr/parts.h"

#include "lib/base/suggest.h"

struct alias_row {
	const char *name;
	bool is_http_only;
	uint8_t kind;
	const char *help;
};

enum { ANY, HTTP };
enum { TEXT, LIST, NUMBER, CODE, DATE };

static const struct alias_row aliases[] = {
#define ALIAS(id, name, mode, kind, help) {name, mode == HTTP, kind, help},
#include "lib/expr/format_alias.def"
#undef ALIAS
};

const char *
format_alias_at(size_t i, const char **help, bool *is_http_only)
{
	if (i >= FORMAT_ALIASES_N)
		return NULL;
	*help = aliases[i].help;
	*is_http_only = aliases[i].is_http_only;
	return aliases[i].name;
}

struct flag_row {
	const char *name;
	unsigned flag;
};

static const struct flag_row flags[] = {
	{"Q", FORMAT_QUOTE}, {"X", FORMAT_HEX},	    {"E", FORMAT_ESCAPE},
	{"bin", FORMAT_BIN}, {"json", FORMAT_JSON},
};

struct parser {
	struct expr_env *env;
	struct span text;
	size_t at;
	struct format *f;
	struct span before; /* text that belongs to the next item */
	bool is_http;
	struct expr_error *err;
};

static bool
more(const struct parser *p)
{
	return p->at < p->text.n;
}

static char
here(const struct parser *p)
{
	return more(p) ? p->text.p[p->at] : '\0';
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static void
add_item(struct parser *p, struct format_item item)
{
	struct format *f = p->f;
	f->items = arena_grow(p->env->arena, f->items, f->n, sizeof(*f->items));
	item.before = p->before;
	f->items[f->n++] = item;
	p->before = span_of(NULL, 0);
}

static void
add_text(struct parser *p, struct span piece)
{
	struct span before = p->before;
	if (!piece.n)
		return;
	char *both = arena_alloc(p->env->arena, before.n + piece.n + FORMAT_PAD);
	if (before.n)
		memcpy(both, before.p, before.n);
	memcpy(both + before.n, piece.p, piece.n);
	p->before = span_of(both, before.n + piece.n);
}

/* Text up to the next '%'. In logs a run of blanks is one. */
static void
parse_text(struct parser *p)
{
	size_t start = p->at;
	while (more(p) && here(p) != '%') {
		bool is_blank = here(p) == ' ' || here(p) == '\t';
		p->at++;
		if (!is_blank || p->f->use != FORMAT_LOG)
			continue;
		add_text(p, span_of(p->text.p + start, p->at - start - 1));
		add_text(p, SPAN(" "));
		while (here(p) == ' ' || here(p) == '\t')
			p->at++;
		start = p->at;
	}
	add_text(p, span_of(p->text.p + start, p->at - start));
}

static int
parse_flag(struct parser *p, struct span word, size_t at, unsigned *out)
{
	bool is_minus = word.n && word.p[0] == '-';
	if (word.n && (word.p[0] == '+' || is_minus))
		word = span_of(word.p + 1, word.n - 1);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (!span_eq(word, span_str(flags[i].name)))
			continue;
		*out = is_minus ? *out & ~flags[i].flag : *out | flags[i].flag;
		return 0;
	}
	if (span_eq(word, SPAN("cbor")))
		return expr_fail(p->err, at,
				 "flag 'cbor' is not implemented in this release; "
				 "expected Q, X, E, bin or json");
	return expr_fail(
		p->err, at,
		"unknown flag '%.*s'; expected Q, X, E, bin or json; expressions "
		"stand in %%[ ]",
		(int)word.n, word.p);
}

/* "{+Q,-E}" behind the '%'. */
static int
parse_flags(struct parser *p, unsigned *out)
{
	size_t open = p->at++;
	for (;;) {
		size_t start = p->at;
		while (more(p) && here(p) != ',' && here(p) != '}')
			p->at++;
		if (!more(p))
			return expr_fail(p->err, open,
					 "the brace is not closed; expected '}'");
		if (parse_flag(p, span_of(p->text.p + start, p->at - start), start, out) <
		    0)
			return -1;
		if (p->text.p[p->at++] == '}')
			return 0;
	}
}

static int
parse_type(struct parser *p, struct span type, size_t at, struct format_item *item)
{
	static const struct {
		const char *name;
		enum expr_type type;
	} types[] = {{"str", EXPR_STR}, {"sint", EXPR_INT}, {"bool", EXPR_BOOL}};
	for (size_t i = 0; i < 3; i++)
		if (span_eq(type, span_str(types[i].name))) {
			item->as = (uint8_t)types[i].type;
			return 0;
		}
	return expr_fail(p->err, at, "unknown type '%.*s'; expected str, sint or bool",
			 (int)type.n, type.p);
}

/* "(name)", "(name:type)" behind the '%'. */
static int
parse_name(struct parser *p, struct format_item *item)
{
	size_t open = p->at++;
	const char *end = memchr(p->text.p + p->at, ')', p->text.n - p->at);
	if (!end)
		return expr_fail(p->err, open,
				 "the parenthesis is not closed; expected ')'");
	struct span type = span_of(p->text.p + p->at, (size_t)(end - p->text.p) - p->at);
	struct span name = span_cut(&type, ':');
	size_t type_at = p->at + name.n + 1;
	bool has_type = name.p + name.n < end;
	p->at = (size_t)(end - p->text.p) + 1;
	item->name = span_of(arena_span(p->env->arena, name), name.n);
	return has_type ? parse_type(p, type, type_at, item) : 0;
}

/* "[expression]" behind the '%'. */
static int
parse_expression(struct parser *p, struct format_item *item)
{
	size_t open = p->at++, used = 0;
	struct span rest = span_of(p->text.p + p->at, p->text.n - p->at);
	item->kind = FORMAT_IS_EXPR;
	item->program = expr_compile_front(p->env, rest, &used, p->err);
	if (!item->program) {
		p->err->at += p->at;
		return -1;
	}
	p->at += used;
	if (here(p) != ']')
		return more(p) ? expr_fail(p->err, p->at,
					   "'%c' behind the expression; expected ']'",
					   here(p))
			       : expr_fail(p->err, open,
					   "the bracket is not closed; expected ']'");
	p->at++;
	return 0;
}

static int
unknown_alias(struct parser *p, struct span name, size_t at)
{
	struct suggest s = suggest_begin(name);
	for (size_t i = 0; i < FORMAT_ALIASES_N; i++)
		suggest_offer(&s, aliases[i].name);
	if (!name.n)
		return expr_fail(p->err, at,
				 "'%%' stands alone; expected letters such as %%ci, "
				 "%%[expression], or %%%% for a percent sign");
	if (span_eq(name, SPAN("sslc")) || span_eq(name, SPAN("sslv")))
		return expr_fail(p->err, at,
				 "'%%%.*s' needs TLS, which is not "
				 "implemented in this release",
				 (int)name.n, name.p);
	if (expr_is_fetch(name))
		return expr_fail(p->err, at, "unknown '%%%.*s'; did you mean '%%[%.*s]'?",
				 (int)name.n, name.p, (int)name.n, name.p);
	return expr_fail(p->err, at, "unknown '%%%.*s'%s%s%s", (int)name.n, name.p,
			 s.best ? "; did you mean '%" : "; expected letters such as %ci",
			 s.best ? s.best : "", s.best ? "'?" : "");
}

/* Host, backend and server are known without a request. */
static bool
is_of_checks(size_t alias)
{
	return alias == FORMAT_ALIAS_H || alias == FORMAT_ALIAS_b ||
	       alias == FORMAT_ALIAS_s;
}

static int
parse_alias(struct parser *p, struct format_item *item, unsigned *item_flags)
{
	size_t start = p->at;
	while (is_alnum(here(p)))
		p->at++;
	struct span name = span_of(p->text.p + start, p->at - start);
	item->kind = FORMAT_IS_ALIAS;
	for (size_t i = 0; i < FORMAT_ALIASES_N; i++) {
		if (!span_eq(name, span_str(aliases[i].name)))
			continue;
		if (p->env->at == EXPR_AT_CHECK && !is_of_checks(i))
			return expr_fail(
				p->err, start,
				"'%%%s' is of requests; health checks know %%H, %%b, "
				"%%s and %%[expressions]",
				aliases[i].name);
		if (p->env->at == EXPR_AT_ALONE)
			return expr_fail(p->err, start,
					 "'%%%s' is of connections; here only "
					 "%%[expressions] have a value",
					 aliases[i].name);
		if (aliases[i].is_http_only && !p->is_http)
			return expr_fail(p->err, start,
					 "'%%%s' is for mode http; this is mode tcp",
					 aliases[i].name);
		item->alias = (uint16_t)i;
		if (aliases[i].kind == DATE)
			*item_flags |= FORMAT_BIN; /* nothing odd is in it */
		if (aliases[i].kind == LIST)
			*item_flags |= FORMAT_LIST;
		else if (aliases[i].kind != TEXT)
			*item_flags &= ~(unsigned)FORMAT_QUOTE;
		if (aliases[i].kind == NUMBER)
			*item_flags &= ~(unsigned)FORMAT_HEX;
		return 0;
	}
	return unknown_alias(p, name, start);
}

/* What follows a '%'. */
static int
parse_item(struct parser *p, unsigned *common)
{
	struct format_item item = {.as = EXPR_ANY};
	unsigned own = *common;
	p->at++;
	if (here(p) == '%') {
		p->at++;
		add_text(p, SPAN("%"));
		return 0;
	}
	if (here(p) == '(' && parse_name(p, &item) < 0)
		return -1;
	if (here(p) == '{' && parse_flags(p, &own) < 0)
		return -1;
	if (here(p) == 'o' &&
	    !is_alnum(p->at + 1 < p->text.n ? p->text.p[p->at + 1] : 0)) {
		p->at++;
		*common = own;
		p->f->is_json |= (own & FORMAT_JSON) != 0;
		while (here(p) == ' ' && p->f->n == 0 && !p->before.n)
			p->at++; /* the blank behind it is no part of the line */
		return 0;
	}
	if (here(p) == '[') {
		own &= ~(unsigned)FORMAT_HEX; /* converter hex is for expressions */
		if (parse_expression(p, &item) < 0)
			return -1;
	} else if (parse_alias(p, &item, &own) < 0) {
		return -1;
	}
	item.flags = (uint8_t)own;
	add_item(p, item);
	return 0;
}

const struct format *
format_compile(struct expr_env *env, struct span text, enum format_use use, bool is_http,
	       struct expr_error *err)
{
	struct parser p = {.env = env, .text = text, .is_http = is_http, .err = err};
	unsigned common = 0;
	p.f = arena_alloc(env->arena, sizeof(*p.f));
	p.f->use = use;
	while (more(&p)) {
		if (here(&p) != '%')
			parse_text(&p);
		else if (parse_item(&p, &common) < 0)
			return NULL;
	}
	add_item(&p, (struct format_item){.kind = FORMAT_IS_END});
	return p.f;
}

/* What stands for the member: its only item, or the whole text. */
static struct format_item
member_of(const struct format *value)
{
	const struct format_item *items = value->items;
	if (value->n == 2 && !items[0].before.n && !items[1].before.n)
		return items[0];
	return (struct format_item){
		.kind = FORMAT_IS_FORMAT, .as = EXPR_ANY, .nested = value};
}

const struct format *
format_compile_object(struct expr_env *env, const struct span *names,
		      const struct span *texts, size_t n, bool is_http, size_t *wrong,
		      struct expr_error *err)
{
	struct format *f = arena_alloc(env->arena, sizeof(*f));
	f->use = FORMAT_LOG;
	f->is_json = true;
	f->items = arena_alloc(env->arena, n * sizeof(*f->items));
	for (*wrong = 0; *wrong < n; ++*wrong) {
		const struct format *value =
			format_compile(env, texts[*wrong], FORMAT_BYTES, is_http, err);
		if (!value)
			return NULL;
		struct format_item *item = &f->items[f->n++];
		*item = member_of(value);
		item->name =
			span_of(arena_span(env->arena, names[*wrong]), names[*wrong].n);
	}
	return f;
}

struct span
format_constant(const struct format *f)
{
	if (f->n > 1)
		return span_of(NULL, 0);
	return f->items[0].before.n ? f->items[0].before : SPAN("");
}
