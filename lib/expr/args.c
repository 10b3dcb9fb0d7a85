/* SPDX-License-Identifier: MIT
 *
 * Arguments of fetches and converters: cutting "(a,b)" apart (configuration.txt 2.2, the
 * second level of quoting), and values by signature. Master only (at load).
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>

#include "lib/base/num.h"
#include "lib/base/suggest.h"
#include "lib/expr/parts.h"

/* What a backslash and this byte mean; 0: nothing special, the backslash stays. */
static char
unescape(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case '\\':
	case '"':
	case '\'':
	case ' ':
	case ',':
	case '(':
	case ')':
		return c;
	default:
		return 0;
	}
}

/* One argument from text[*pos]; *pos moves to the ',' or ')' behind it. */
static int
split_one(struct arena *a, struct span text, size_t *pos, struct expr_arg_text *out,
	  struct expr_error *err)
{
	char quote = 0, *p = arena_alloc(a, text.n - *pos + 1);
	size_t i = *pos, n = 0, quote_at = 0;
	for (; i < text.n; i++) {
		char c = text.p[i];
		if (quote && c == quote) {
			quote = 0;
		} else if (c == '\\' && quote != '\'' && i + 1 < text.n &&
			   unescape(text.p[i + 1])) {
			p[n++] = unescape(text.p[++i]);
		} else if (!quote && (c == '"' || c == '\'')) {
			quote = c;
			quote_at = i;
		} else if (!quote && (c == ',' || c == ')')) {
			break;
		} else {
			p[n++] = c;
		}
	}
	if (quote)
		return expr_fail(err, quote_at,
				 "the quote is not closed; expected another %c", quote);
	*out = (struct expr_arg_text){span_of(p, n), *pos};
	*pos = i;
	return 0;
}

int
expr_args_split(struct arena *a, struct span text, size_t *pos,
		struct expr_arg_text out[EXPR_ARGS_MAX], struct expr_error *err)
{
	size_t open = *pos;
	int n = 0;
	if (open == text.n || text.p[open] != '(')
		return 0;
	do {
		++*pos;
		if (n == EXPR_ARGS_MAX)
			return expr_fail(err, *pos, "too many arguments; expected ')'");
		if (split_one(a, text, pos, &out[n++], err) < 0)
			return -1;
		if (*pos == text.n)
			return expr_fail(
				err, open,
				"the parenthesis is not closed; expected ')', and quotes "
				"around blanks");
	} while (text.p[*pos] == ',');
	++*pos;
	return n;
}

/* --- signatures ----------------------------------------------------------------------
 */

struct place {
	struct span name, kind;
	bool is_optional;
	bool repeats;
};

/* The next place of a signature; false at its end. */
static bool
place_next(struct span *rest, struct place *out)
{
	bool was_optional = out->is_optional;
	if (rest->n == 0)
		return false;
	struct span word = span_cut(rest, ',');
	*out = (struct place){.is_optional = was_optional};
	if (span_ends(word, SPAN("..."))) {
		out->repeats = true;
		word.n -= 3;
	}
	if (word.n && word.p[word.n - 1] == '?') {
		out->is_optional = true;
		word.n--;
	}
	out->kind = word;
	out->name = span_cut(&out->kind, ':');
	if (out->kind.n == 0)
		out->kind = out->name;
	return true;
}

struct binding {
	struct expr_env *env;
	struct span what;
	size_t at;
	struct expr_error *err;
};

static int
wrong(struct binding *b, const struct expr_arg_text *t, const char *expected)
{
	return expr_fail(b->err, t->at, "'%.*s' is not %s", (int)t->text.n, t->text.p,
			 expected);
}

static int
bind_int(struct binding *b, const struct expr_arg_text *t, struct expr_arg *out)
{
	out->kind = EXPR_ARG_INT;
	return expr_parse_int(span_trim(t->text), &out->integer)
		       ? 0
		       : wrong(b, t, "a number");
}

static int
bind_size(struct binding *b, const struct expr_arg_text *t, struct expr_arg *out)
{
	uint64_t v;
	out->kind = EXPR_ARG_INT;
	if (num_size(span_trim(t->text), &v) != NUM_OK || v > INT64_MAX)
		return wrong(b, t, "a size such as 10k");
	out->integer = (int64_t)v;
	return 0;
}

static int
bind_time(struct binding *b, const struct expr_arg_text *t, struct expr_arg *out)
{
	uint64_t v;
	out->kind = EXPR_ARG_INT;
	if (num_duration_ms(span_trim(t->text), &v) != NUM_OK || v > INT64_MAX)
		return wrong(b, t, "a time such as 10s");
	out->integer = (int64_t)v;
	return 0;
}

static int
bind_str(struct binding *b, const struct expr_arg_text *t, struct expr_arg *out)
{
	(void)b;
	out->kind = EXPR_ARG_STR;
	out->str = t->text;
	return 0;
}

static int
bind_field(struct binding *b, const struct expr_arg_text *t, struct expr_arg *out)
{
	struct span name = span_trim(t->text);
	out->kind = EXPR_ARG_STR;
	out->str = name;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~' ||
		    strchr("\"(),/:;<=>?@[\\]{}", name.p[i]))
			return wrong(b, t, "the name of a field");
	if (b->env->field_id)
		out->field_id = (uint16_t)b->env->field_id(name);
	return 0;
}

static int
bind_var(struct binding *b, const struct expr_arg_text *t, struct expr_arg *out)
{
	out->kind = EXPR_ARG_VAR;
	out->var = expr_var_at(b->env, span_trim(t->text), t->at, b->err);
	return out->var ? 0 : -1;
}

/* A number or a variable. */
static int
bind_num(struct binding *b, const struct expr_arg_text *t, struct expr_arg *out)
{
	struct span text = span_trim(t->text);
	out->kind = EXPR_ARG_INT;
	if (expr_parse_int(text, &out->integer))
		return 0;
	if (!memchr(text.p, '.', text.n))
		return wrong(b, t, "a number or a variable such as txn.name");
	return bind_var(b, t, out);
}

static bool
parse_addr(int family, struct span text, void *out)
{
	char c_string[INET6_ADDRSTRLEN];
	if (text.n >= sizeof(c_string))
		return false;
	snprintf(c_string, sizeof(c_string), "%.*s", (int)text.n, text.p);
	return inet_pton(family, c_string, out) == 1;
}

static int
bind_ip4(struct binding *b, const struct expr_arg_text *t, struct expr_arg *out)
{
	out->kind = EXPR_ARG_IP4;
	return parse_addr(AF_INET, span_trim(t->text), &out->ip4)
		       ? 0
		       : wrong(b, t, "an IPv4 address");
}

static int
bind_ip6(struct binding *b, const struct expr_arg_text *t, struct expr_arg *out)
{
	out->kind = EXPR_ARG_IP6;
	return parse_addr(AF_INET6, span_trim(t->text), &out->ip6)
		       ? 0
		       : wrong(b, t, "an IPv6 address");
}

/* The first `bits` of `bytes` bytes set. */
static void
fill_mask(uint8_t *mask, size_t bytes, unsigned bits)
{
	for (size_t i = 0; i < bytes; i++, bits -= bits < 8 ? bits : 8)
		mask[i] = bits >= 8 ? 0xff : (uint8_t)(0xff00 >> bits);
}

static int
bind_mask4(struct binding *b, const struct expr_arg_text *t, struct expr_arg *out)
{
	uint64_t bits;
	struct span text = span_trim(t->text);
	out->kind = EXPR_ARG_IP4;
	if (num_u64(text, &bits) == NUM_OK && bits <= 32)
		fill_mask((uint8_t *)&out->ip4, 4, (unsigned)bits);
	else if (!parse_addr(AF_INET, text, &out->ip4))
		return wrong(b, t, "an IPv4 mask such as 24 or 255.255.255.0");
	return 0;
}

static int
bind_mask6(struct binding *b, const struct expr_arg_text *t, struct expr_arg *out)
{
	uint64_t bits;
	struct span text = span_trim(t->text);
	out->kind = EXPR_ARG_IP6;
	if (num_u64(text, &bits) == NUM_OK && bits <= 128)
		fill_mask(out->ip6.s6_addr, 16, (unsigned)bits);
	else if (!parse_addr(AF_INET6, text, &out->ip6))
		return wrong(b, t, "an IPv6 mask such as 64 or ffff:ffff::");
	return 0;
}

static int
bind_ref(struct binding *b, const struct expr_arg_text *t, enum expr_ref ref,
	 struct expr_arg *out)
{
	out->kind = EXPR_ARG_REF;
	if (!b->env->resolve)
		return expr_fail(b->err, t->at,
				 "'%.*s': no name of the configuration may stand here",
				 (int)t->text.n, t->text.p);
	out->ref = b->env->resolve(b->env, ref, span_trim(t->text), b->err);
	b->err->at = t->at;
	return out->ref ? 0 : -1;
}

static int
bind_choice(struct binding *b, const struct expr_arg_text *t, struct span choices,
	    struct expr_arg *out)
{
	struct span rest = choices, text = span_trim(t->text);
	struct suggest s = suggest_begin(text);
	out->kind = EXPR_ARG_INT;
	for (out->integer = 0; rest.n; out->integer++) {
		struct span word = span_cut(&rest, '|');
		if (span_eq(word, text))
			return 0;
		suggest_offer(&s, arena_span(b->env->arena, word));
	}
	return expr_fail(b->err, t->at, "'%.*s' is none of %.*s%s%s%s", (int)text.n,
			 text.p, (int)choices.n, choices.p,
			 s.best ? "; did you mean '" : "", s.best ? s.best : "",
			 s.best ? "'?" : "");
}

/* configuration.txt, fc_pp_tlv: a number, or a name of the PROXY protocol. */
static int
bind_tlv(struct binding *b, const struct expr_arg_text *t, struct expr_arg *out)
{
	static const struct {
		const char *name;
		uint8_t type;
	} names[] = {
		{"ALPN", 0x01},	      {"AUTHORITY", 0x02},   {"CRC32", 0x03},
		{"CRC32C", 0x03},     {"NOOP", 0x04},	     {"UNIQUE_ID", 0x05},
		{"SSL", 0x20},	      {"SSL_VERSION", 0x21}, {"SSL_CN", 0x22},
		{"SSL_CIPHER", 0x23}, {"SSL_SIG_ALG", 0x24}, {"SSL_KEY_ALG", 0x25},
		{"NETNS", 0x30},
	};
	struct span text = span_trim(t->text);
	out->kind = EXPR_ARG_INT;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_ieq(text, span_str(names[i].name))) {
			out->integer = names[i].type;
			return 0;
		}
	uint64_t number;
	if (num_byte(text, &number) != NUM_OK)
		return wrong(b, t,
			     "a TLV type; expected 0 to 255, 0x00 to 0xff, ALPN, "
			     "AUTHORITY, CRC32, "
			     "NOOP, UNIQUE_ID, SSL, SSL_VERSION, SSL_CN, SSL_CIPHER, "
			     "SSL_SIG_ALG, SSL_KEY_ALG or NETNS");
	out->integer = (int64_t)number;
	return 0;
}

typedef int bind_fn(struct binding *b, const struct expr_arg_text *t,
		    struct expr_arg *out);

static const struct {
	const char *kind;
	bind_fn *bind;
} kinds[] = {
	{"int", bind_int},	{"size", bind_size},   {"time", bind_time},
	{"str", bind_str},	{"field", bind_field}, {"var", bind_var},
	{"fields", bind_field}, {"ip4", bind_ip4},     {"ip6", bind_ip6},
	{"mask4", bind_mask4},	{"mask6", bind_mask6}, {"num", bind_num},
	{"tlv", bind_tlv},
};

static const struct {
	const char *kind;
	enum expr_ref ref;
} refs[] = {
	{"backend", EXPR_REF_BACKEND},	 {"frontend", EXPR_REF_FRONTEND},
	{"proxy", EXPR_REF_PROXY},	 {"server", EXPR_REF_SERVER},
	{"table", EXPR_REF_TABLE},	 {"own_table", EXPR_REF_TABLE},
	{"userlist", EXPR_REF_USERLIST}, {"acl", EXPR_REF_ACL},
};

static int
bind_one(struct binding *b, struct span kind, const struct expr_arg_text *t,
	 struct expr_arg *out)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (span_eq(kind, span_str(kinds[i].kind)))
			return kinds[i].bind(b, t, out);
	for (size_t i = 0; i < sizeof(refs) / sizeof(refs[0]); i++)
		if (span_eq(kind, span_str(refs[i].kind)))
			return bind_ref(b, t, refs[i].ref, out);
	return bind_choice(b, t, kind, out);
}

/* Nothing between the commas: no value, but for text, which may be empty. */
static bool
is_missing(const struct expr_arg_text *t, struct span kind)
{
	return t->text.n == 0 && !span_eq(kind, SPAN("str"));
}

static int
missing(struct binding *b, const struct place *p)
{
	bool may_be_all = span_eq(p->kind, SPAN("fields"));
	if (may_be_all || span_eq(p->kind, SPAN("field")))
		return expr_fail(b->err, b->at,
				 "'%.*s' needs the name of a field; expected "
				 "%.*s(host) for instance%s",
				 (int)b->what.n, b->what.p, (int)b->what.n, b->what.p,
				 may_be_all ? ", or () for all fields" : "");
	return expr_fail(b->err, b->at, "'%.*s' needs an argument: %.*s (%.*s)",
			 (int)b->what.n, b->what.p, (int)p->name.n, p->name.p,
			 (int)p->kind.n, p->kind.p);
}

static int
too_many(struct binding *b, const struct expr_arg_text *t, int allowed)
{
	if (allowed == 0)
		return expr_fail(b->err, b->at, "'%.*s' takes no argument",
				 (int)b->what.n, b->what.p);
	return expr_fail(b->err, t->at,
			 "'%.*s' takes at most %d argument%s; expected ')'",
			 (int)b->what.n, b->what.p, allowed, allowed > 1 ? "s" : "");
}

struct expr_arg *
expr_args_bind(struct expr_env *env, struct span what, size_t at, const char *signature,
	       const struct expr_arg_text *texts, int n, struct expr_error *err)
{
	struct binding b = {env, what, at, err};
	struct expr_arg *args =
		arena_alloc(env->arena, (EXPR_ARGS_MAX + 1) * sizeof(*args));
	struct span rest = span_str(signature);
	struct place p = {.repeats = false};
	static const struct expr_arg_text nothing = {.at = 0};
	bool is_empty = n == 1 && texts[0].text.n == 0; /* "()" */
	int i = 0;
	for (; p.repeats ? i < n : place_next(&rest, &p); i++) {
		bool is_given = i < n && !is_missing(&texts[i], p.kind) &&
				!(is_empty && p.is_optional);
		if (is_given && bind_one(&b, p.kind, &texts[i], &args[i]) < 0)
			return NULL;
		if (!is_given && span_eq(p.kind, SPAN("own_table")) &&
		    bind_ref(&b, &nothing, EXPR_REF_TABLE, &args[i]) < 0)
			return NULL;
		bool is_needed =
			!p.is_optional || (n == 0 && span_eq(p.kind, SPAN("fields")));
		if (!is_given && is_needed) {
			missing(&b, &p);
			return NULL;
		}
		p.is_optional |= p.repeats;
	}
	if (n > i && !is_empty) {
		too_many(&b, &texts[i], i);
		return NULL;
	}
	return args;
}
