/* SPDX-License-Identifier: MIT
 *
 * Variables: their names (master, at load) and their values (any process).
 */
#include "lib/expr/vars.h"

#include "lib/base/suggest.h"

static const char *const scopes[EXPR_SCOPES_N] = {
	[EXPR_SCOPE_PROC] = "proc", [EXPR_SCOPE_SESS] = "sess",
	[EXPR_SCOPE_TXN] = "txn",   [EXPR_SCOPE_REQ] = "req",
	[EXPR_SCOPE_RES] = "res",   [EXPR_SCOPE_CHECK] = "check",
};

struct expr_names {
	struct arena *arena;
	struct expr_var **vars;
	uint32_t n;
	uint32_t scope_n[EXPR_SCOPES_N];
	bool is_closed;
};

struct expr_names *
expr_names_new(struct arena *a)
{
	struct expr_names *names = arena_alloc(a, sizeof(*names));
	names->arena = a;
	return names;
}

void
expr_names_close(struct expr_names *names)
{
	names->is_closed = true;
}

static int
scope_of(struct span name, size_t at, struct expr_error *err)
{
	const char *dot = name.n ? memchr(name.p, '.', name.n) : NULL;
	struct span word = span_of(name.p, dot ? (size_t)(dot - name.p) : name.n);
	struct suggest s = suggest_begin(word);
	for (int i = 0; i < EXPR_SCOPES_N; i++) {
		suggest_offer(&s, scopes[i]);
		if (dot && span_eq(word, span_str(scopes[i])))
			return i;
	}
	return expr_fail(err, at,
			 "'%.*s' is not a variable; expected proc, sess, txn, req, res "
			 "or check, '.' and a name%s%s%s",
			 (int)name.n, name.p, dot && s.best ? "; did you mean '" : "",
			 dot && s.best ? s.best : "", dot && s.best ? "'?" : "");
}

static bool
is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_';
}

const struct expr_var *
expr_var_find(const struct expr_names *names, struct span name)
{
	for (uint32_t i = 0; i < names->n; i++)
		if (span_eq(names->vars[i]->name, name))
			return names->vars[i];
	return NULL;
}

const struct expr_var *
expr_var_of(struct expr_names *names, struct span name, size_t at, struct expr_error *err)
{
	int scope = scope_of(name, at, err);
	if (scope < 0)
		return NULL;
	size_t begin = strlen(scopes[scope]) + 1;
	for (size_t i = begin; i < name.n; i++)
		if (!is_name_byte(name.p[i])) {
			expr_fail(err, at + i,
				  "'%.*s': expected letters, digits, '.' and '_' in the "
				  "name of a variable",
				  (int)name.n, name.p);
			return NULL;
		}
	if (begin == name.n) {
		expr_fail(err, at + begin, "'%.*s': expected a name behind the '.'",
			  (int)name.n, name.p);
		return NULL;
	}
	const struct expr_var *known = expr_var_find(names, name);
	if (known)
		return known;
	if (names->is_closed) {
		expr_fail(err, at,
			  "nothing in the configuration uses the variable '%.*s'",
			  (int)name.n, name.p);
		return NULL;
	}
	struct expr_var *v = arena_alloc(names->arena, sizeof(*v));
	*v = (struct expr_var){
		.name = span_of(arena_span(names->arena, name), name.n),
		.scope = (enum expr_scope)scope,
		.index = names->n,
		.place = names->scope_n[scope]++,
	};
	names->vars =
		arena_grow(names->arena, names->vars, names->n, sizeof(*names->vars));
	names->vars[names->n++] = v;
	return v;
}

/* What ends with a message is not there before it has come, or when it is gone. A rule
 * of http_after_response may stand behind either (an answer made here). */
static const struct {
	unsigned at;
	unsigned scopes;
	const char *why;
} strangers[] = {
	{EXPR_ANYWHERE & ~EXPR_AT_CHECK, 1u << EXPR_SCOPE_CHECK,
	 "belongs to health checks; expected proc, sess, txn, req or res"},
	{EXPR_AT_CHECK,
	 1u << EXPR_SCOPE_TXN | 1u << EXPR_SCOPE_REQ | 1u << EXPR_SCOPE_RES,
	 "belongs to requests; expected proc, sess or check"},
	{EXPR_AT_CONNECTION | EXPR_AT_SESSION,
	 1u << EXPR_SCOPE_TXN | 1u << EXPR_SCOPE_REQ | 1u << EXPR_SCOPE_RES,
	 "does not exist yet; expected proc or sess"},
	{EXPR_AT_CONTENT | EXPR_AT_REQUEST, 1u << EXPR_SCOPE_RES,
	 "does not exist yet: it ends with a response; expected proc, sess, txn or req"},
	{EXPR_AT_RES_CONTENT | EXPR_AT_RESPONSE, 1u << EXPR_SCOPE_REQ,
	 "is gone: it ended with the request; expected proc, sess, txn or res"},
};

const struct expr_var *
expr_var_at(struct expr_env *env, struct span name, size_t at, struct expr_error *err)
{
	const struct expr_var *v = expr_var_of(env->vars, name, at, err);
	for (size_t i = 0; v && i < sizeof(strangers) / sizeof(strangers[0]); i++) {
		if (!(strangers[i].at & env->at) ||
		    !(strangers[i].scopes & 1u << v->scope))
			continue;
		expr_fail(err, at, "the scope of '%.*s' %s", (int)name.n, name.p,
			  strangers[i].why);
		return NULL;
	}
	return v;
}

uint32_t
expr_names_n(const struct expr_names *names, enum expr_scope scope)
{
	return names->scope_n[scope];
}

/* --- conditions ----------------------------------------------------------------------
 */

static bool
is_empty(const struct expr_sample *s)
{
	bool is_text =
		s->type == EXPR_STR || s->type == EXPR_BIN || s->type == EXPR_METHOD;
	return is_text && s->str.n == 0;
}

/* Which of all conditions hold. */
static unsigned
what_holds(const struct expr_var *v, bool is_set, const struct expr_sample *old,
	   const struct expr_sample *value)
{
	bool exists = is_set || v->scope == EXPR_SCOPE_PROC;
	bool are_numbers = is_set && old->type == EXPR_INT && value->type == EXPR_INT;
	unsigned holds = exists ? EXPR_SET_IF_EXISTS : EXPR_SET_IF_NOT_EXISTS;
	holds |= is_set ? EXPR_SET_IF_SET : EXPR_SET_IF_NOT_SET;
	holds |= is_empty(value) ? EXPR_SET_IF_EMPTY : EXPR_SET_IF_NOT_EMPTY;
	if (!are_numbers || old->integer > value->integer)
		holds |= EXPR_SET_IF_GREATER;
	if (!are_numbers || old->integer < value->integer)
		holds |= EXPR_SET_IF_LESS;
	return holds;
}

bool
expr_var_may_set(const struct expr_context *c, const struct expr_var *v,
		 unsigned conditions, const struct expr_sample *value)
{
	struct expr_sample old = {.next = 0};
	if (!conditions)
		return true;
	bool is_set = c->host->var_get && c->host->var_get(c, v, &old);
	return (conditions & ~what_holds(v, is_set, &old, value)) == 0;
}

/* --- values --------------------------------------------------------------------------
 */

/* In front of each value's bytes. */
struct entry {
	uint32_t index;
	uint32_t n; /* bytes of the value */
	uint8_t scope, type;
};
enum { ENTRY_BYTES = 16 };
_Static_assert(sizeof(struct entry) <= ENTRY_BYTES, "an entry's head has its place");

static size_t
entry_size(const struct entry *e)
{
	return ENTRY_BYTES + (((size_t)e->n + 7) & ~(size_t)7);
}

static struct entry
entry_at(const struct expr_store *s, size_t at)
{
	struct entry e;
	memcpy(&e, s->bytes + at, sizeof(e));
	return e;
}

/* Where the variable's entry begins; s->used without one. */
static size_t
find(const struct expr_store *s, const struct expr_var *v)
{
	for (size_t at = 0; at < s->used;) {
		struct entry e = entry_at(s, at);
		if (e.index == v->index)
			return at;
		at += entry_size(&e);
	}
	return s->used;
}

static void
cut(struct expr_store *s, size_t at)
{
	struct entry e = entry_at(s, at);
	size_t n = entry_size(&e);
	memmove(s->bytes + at, s->bytes + at + n, s->used - at - n);
	s->used -= (uint32_t)n;
}

struct span
expr_value_bytes(const struct expr_sample *value)
{
	if (!value)
		return span_of(NULL, 0);
	switch ((enum expr_type)value->type) {
	case EXPR_BOOL:
	case EXPR_INT:
		return span_of((const char *)&value->integer, sizeof(value->integer));
	case EXPR_IPV4:
		return span_of((const char *)&value->ipv4, sizeof(value->ipv4));
	case EXPR_IPV6:
		return span_of((const char *)&value->ipv6, sizeof(value->ipv6));
	case EXPR_STR:
	case EXPR_BIN:
	case EXPR_METHOD:
	case EXPR_TYPES_N:
	case EXPR_ANY:
	case EXPR_SAME:
		break;
	}
	return value->str;
}

bool
expr_value_set(struct expr_sample *out, unsigned type, struct span bytes)
{
	static const size_t sizes[EXPR_TYPES_N] = {
		[EXPR_BOOL] = sizeof(out->integer),
		[EXPR_INT] = sizeof(out->integer),
		[EXPR_IPV4] = sizeof(out->ipv4),
		[EXPR_IPV6] = sizeof(out->ipv6),
	};
	if (type >= EXPR_TYPES_N || (sizes[type] && sizes[type] != bytes.n))
		return false;
	out->type = (uint8_t)type;
	out->is_own = false;
	if (sizes[type])
		memcpy(&out->ipv6, bytes.p, bytes.n);
	else
		out->str = bytes;
	return true;
}

unsigned
expr_value_tag(const struct expr_sample *value)
{
	return value ? value->type + 1u : 0;
}

bool
expr_value_copy(const struct expr_context *c, unsigned tag, struct span bytes,
		struct expr_sample *out)
{
	char *p = tag ? expr_scratch_take(c->scratch, bytes.n) : NULL;
	if (!p)
		return false;
	memcpy(p, bytes.p, bytes.n);
	return expr_value_set(out, tag - 1, span_of(p, bytes.n));
}

bool
expr_store_get(const struct expr_store *s, const struct expr_var *v,
	       struct expr_sample *out)
{
	size_t at = find(s, v);
	if (at == s->used)
		return false;
	struct entry e = entry_at(s, at);
	const char *p = s->bytes + at + ENTRY_BYTES;
	return expr_value_set(out, e.type, span_of(p, e.n));
}

bool
expr_store_set(struct expr_store *s, const struct expr_var *v,
	       const struct expr_sample *value)
{
	struct span bytes = expr_value_bytes(value);
	if (bytes.n > s->cap)
		return false;
	struct entry e = {v->index, (uint32_t)bytes.n, (uint8_t)v->scope, value->type};
	size_t old = find(s, v), freed = 0;
	if (old < s->used) {
		struct entry was = entry_at(s, old);
		freed = entry_size(&was);
	}
	if (entry_size(&e) > s->cap - s->used + freed)
		return false;
	/* the new value may be a part of this very store: it is copied to its place only
	 * when it cannot move any more */
	bool overlaps = bytes.n && bytes.p >= s->bytes && bytes.p < s->bytes + s->used;
	if (freed && overlaps && entry_size(&e) > s->cap - s->used)
		return false;
	if (freed && !overlaps) {
		cut(s, old);
		freed = 0;
	}
	memcpy(s->bytes + s->used, &e, sizeof(e));
	if (bytes.n)
		memcpy(s->bytes + s->used + ENTRY_BYTES, bytes.p, bytes.n);
	s->used += (uint32_t)entry_size(&e);
	if (freed)
		cut(s, old);
	return true;
}

void
expr_store_unset(struct expr_store *s, const struct expr_var *v)
{
	size_t at = find(s, v);
	if (at < s->used)
		cut(s, at);
}

void
expr_store_clear(struct expr_store *s, enum expr_scope scope)
{
	for (size_t at = 0; at < s->used;) {
		struct entry e = entry_at(s, at);
		if (e.scope == scope)
			cut(s, at);
		else
			at += entry_size(&e);
	}
}
