/* SPDX-License-Identifier: MIT
 *
 * schema.def as arrays, and looking keys up. Master (at load).
 */
#include "config/schema/schema.h"

#include <stdio.h>
#include <string.h>

#include "config/cfg.h"
#include "lib/base/suggest.h"

/* the short words of schema.def */
enum {
	S = FORM_SCALAR,
	M = FORM_MAP,
	L = FORM_LIST,
	N = FORM_NAMED,
	FLAGS = FORM_FLAGS,
	MERGE = FORM_MERGE,
	FL = WHERE_FRONTEND | WHERE_LISTEN,
	BL = WHERE_BACKEND | WHERE_LISTEN,
	FBL = WHERE_FRONTEND | BL,
	DFL = WHERE_DEFAULTS | FL,
	DBL = WHERE_DEFAULTS | BL,
	DFBL = WHERE_DEFAULTS | FBL,
	ANY = WHERE_ANY,
	SERVER_ONLY = WHERE_ANY & ~WHERE_TEMPLATE,
	CON = WHERE_CONNECTION,
	SES = WHERE_SESSION,
	CNT = WHERE_CONTENT,
	RCN = WHERE_RES_CONTENT,
	REQ = WHERE_REQUEST,
	RES = WHERE_RESPONSE,
	AFT = WHERE_AFTER_RESPONSE,
	TCP = CON | SES | CNT | RCN,
	HTTP = REQ | RES | AFT,
};

/* the struct of each section, for offsetof() in the rows of FIELD */
#define SECTION(id, structure, main, title, help) typedef structure struct_of_##id;
#define KEY(section, where, name, form, type, allowed, deflt, sub, help, manual)
#define FIELD(section, where, name, form, type, allowed, deflt, member, help, manual)
#define OPTION(where, name, bit, deflt, help, manual)
#define MOVED(where, old, to, manual)
#define ALSO(section, other, name)
#include "config/schema/schema.def"
#undef SECTION
#undef KEY
#undef FIELD
#undef OPTION

const struct schema_section_row schema_sections[SECTIONS_N] = {
#define SECTION(id, structure, main, title, help) \
	[SECTION_##id] = {#id, main, title, help},
#define KEY(section, where, name, form, type, allowed, deflt, sub, help, manual)
#define FIELD(section, where, name, form, type, allowed, deflt, member, help, manual)
#define OPTION(where, name, bit, deflt, help, manual)
#include "config/schema/schema.def"
#undef SECTION
#undef KEY
#undef FIELD
#undef OPTION
};

const struct schema_key schema_keys[] = {
#define SECTION(id, structure, main, title, help)
#define KEY(section, where, name, form, type, allowed, deflt, sub, help, manual) \
	{SECTION_##section, where, #name, form, TYPE_##type, allowed, deflt,     \
	 SECTION_##sub,	    0,	   0,	  0,	help,	     manual},
#define FIELD(section, where, name, form, type, allowed, deflt, member, help, manual) \
	{SECTION_##section,                                                           \
	 where,                                                                       \
	 #name,                                                                       \
	 form,                                                                        \
	 TYPE_##type,                                                                 \
	 allowed,                                                                     \
	 deflt,                                                                       \
	 SECTION_none,                                                                \
	 offsetof(struct_of_##section, member),                                       \
	 sizeof(((struct_of_##section *)0)->member),                                  \
	 0,                                                                           \
	 help,                                                                        \
	 manual},
#define OPTION(where, name, bit, deflt, help, manual)                                 \
	{SECTION_option, where, #name, S, TYPE_BOOL, NULL, deflt, SECTION_none, 0, 0, \
	 CFG_OPT_##bit,	 help,	manual},
#include "config/schema/schema.def"
#undef SECTION
#undef KEY
#undef FIELD
#undef OPTION
#undef MOVED
#undef ALSO
	{.in = SECTION_none},
};

#define SECTION(id, structure, main, title, help)
#define KEY(section, where, name, form, type, allowed, deflt, sub, help, manual)
#define FIELD(section, where, name, form, type, allowed, deflt, member, help, manual)
#define OPTION(where, name, bit, deflt, help, manual)

static const struct {
	const char *old, *to, *manual;
} moved[] = {
#define MOVED(where, old, to, manual) {#old, to, manual},
#define ALSO(section, other, name)
#include "config/schema/schema.def"
#undef MOVED
#undef ALSO
};

static const struct {
	enum schema_section in;
	const char *other, *name;
} also[] = {
#define MOVED(where, old, to, manual)
#define ALSO(section, other, name) {SECTION_##section, #other, #name},
#include "config/schema/schema.def"
};

static const struct {
	enum schema_section in;
	const char *name, *why;
	bool is_never;
} unsupported[] = {
#define NOT_YET(section, name) \
	{SECTION_##section, #name, "is not implemented in this release", false},
#define NO_TLS(section, name) \
	{SECTION_##section, #name, "is not implemented: this release has no TLS", false},
#define NEVER(section, name, why) {SECTION_##section, #name, why, true},
#include "config/unsupported.def"
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct schema_key *
schema_find(enum schema_section in, const char *name)
{
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++)
		if (k->in == in && strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

const char *
schema_also(enum schema_section in, const char *name)
{
	for (size_t i = 0; i < COUNT(also); i++)
		if (also[i].in == in && strcmp(also[i].other, name) == 0)
			return also[i].name;
	return NULL;
}

const char *
schema_also_at(size_t i, enum schema_section *in, const char **name)
{
	if (i >= COUNT(also))
		return NULL;
	*in = also[i].in;
	*name = also[i].name;
	return also[i].other;
}

/* The old names may stand in a proxy, or as children of `timeout`. */
const char *
schema_moved(enum schema_section in, const char *name)
{
	if (in != SECTION_proxy && in != SECTION_timeout)
		return NULL;
	for (size_t i = 0; i < COUNT(moved); i++)
		if (strcmp(moved[i].old, name) == 0)
			return moved[i].to;
	return NULL;
}

const char *
schema_moved_at(size_t i, const char **to, const char **manual)
{
	if (i >= COUNT(moved))
		return NULL;
	*to = moved[i].to;
	*manual = moved[i].manual;
	return moved[i].old;
}

const char *
schema_unsupported(enum schema_section in, const char *name)
{
	for (size_t i = 0; i < COUNT(unsupported); i++)
		if (unsupported[i].in == in && strcmp(unsupported[i].name, name) == 0)
			return unsupported[i].why;
	return NULL;
}

const char *
schema_unsupported_at(size_t i, enum schema_section *in, const char **why)
{
	if (i >= COUNT(unsupported))
		return NULL;
	*in = unsupported[i].in;
	*why = unsupported[i].is_never ? unsupported[i].why : NULL;
	return unsupported[i].name;
}

bool
schema_is_required(const struct schema_key *k)
{
	return k->deflt && k->deflt[0] == '!';
}

const char *
schema_example(struct arena *a, enum schema_section in)
{
	const char *first = NULL, *all = NULL;
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++) {
		if (k->in != in)
			continue;
		first = first ? first : k->name;
		if (schema_is_required(k))
			all = all ? arena_printf(a, "%s, %s: ...", all, k->name)
				  : arena_printf(a, "%s: ...", k->name);
	}
	return all ? arena_printf(a, "{ %s }", all)
		   : arena_printf(a, "{ %s: ... }", first);
}

const char *
schema_suggest(enum schema_section in, unsigned where, const char *wrong)
{
	struct suggest s = suggest_begin(span_str(wrong));
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++)
		if (k->in == in && (k->where & where))
			suggest_offer(&s, k->name);
	/* then what stands in another kind of section, then what is not there yet */
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++)
		if (k->in == in)
			suggest_offer(&s, k->name);
	if (in == SECTION_proxy || in == SECTION_timeout)
		for (size_t i = 0; i < COUNT(moved); i++)
			suggest_offer(&s, moved[i].old);
	for (size_t i = 0; i < COUNT(unsupported); i++)
		if (unsupported[i].in == in)
			suggest_offer(&s, unsupported[i].name);
	return s.best;
}

/* What a plain value of k is: the main key of its map, unless k has a type of its own. */
const struct schema_key *
schema_plain(const struct schema_key *k)
{
	const char *main = schema_sections[k->sub].main;
	return k->type == TYPE_NONE && main ? schema_find(k->sub, main) : k;
}

static const struct {
	enum schema_section in;
	const char *key;
	unsigned where;
	const char *name; /* for messages, NULL: nothing is said */
} places[] = {
	{SECTION_root, "defaults", WHERE_DEFAULTS, "defaults"},
	{SECTION_root, "named_defaults", WHERE_DEFAULTS, NULL},
	{SECTION_root, "frontends", WHERE_FRONTEND, "frontends"},
	{SECTION_root, "backends", WHERE_BACKEND, "backends"},
	{SECTION_root, "listens", WHERE_LISTEN, "listens"},
	{SECTION_proxy, "default_server", WHERE_TEMPLATE, NULL},
	{SECTION_proxy, "servers", SERVER_ONLY, NULL},
	{SECTION_tcp_request, "connection", CON, "tcp_request.connection"},
	{SECTION_tcp_request, "session", SES, "tcp_request.session"},
	{SECTION_tcp_request, "content", CNT, "tcp_request.content"},
	{SECTION_tcp_response, "content", RCN, "tcp_response.content"},
	{SECTION_proxy, "http_request", REQ, "http_request"},
	{SECTION_proxy, "http_response", RES, "http_response"},
	{SECTION_proxy, "http_after_response", AFT, "http_after_response"},
};

unsigned
schema_inner(const struct schema_key *k, unsigned where)
{
	for (size_t i = 0; i < COUNT(places); i++)
		if (places[i].in == k->in && strcmp(places[i].key, k->name) == 0)
			return places[i].where;
	return where;
}

const char *
schema_where_text(unsigned where, char buf[SCHEMA_WHERE_BYTES])
{
	size_t at = 0;
	buf[0] = '\0';
	for (size_t i = 0; i < COUNT(places); i++)
		if (places[i].name && (places[i].where & where))
			at += (size_t)snprintf(buf + at, SCHEMA_WHERE_BYTES - at, "%s%s",
					       at ? ", " : "", places[i].name);
	return buf;
}
