/* SPDX-License-Identifier: MIT
 *
 * The table of keywords (schema.def) as data.
 */
#ifndef WEIR_CONFIG_SCHEMA_SCHEMA_H
#define WEIR_CONFIG_SCHEMA_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
enum schema_section {
	SECTION_none,
#define SECTION(id, structure, main, title, help) SECTION_##id,
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
#undef MOVED
#undef ALSO
	SECTIONS_N
};

enum schema_type {
	TYPE_NONE,
	TYPE_STRING,	    /* any text */
	TYPE_TEXT,	    /* any text but the empty one */
	TYPE_NAME,	    /* of a proxy, a server, a listener */
	TYPE_BACKEND,	    /* the same, or a format that makes one */
	TYPE_TOKEN,	    /* RFC 9110 token */
	TYPE_COOKIE_OCTETS, /* RFC 6265 4.1.1 */
	TYPE_FIELD_NAME,    /* the same, of a field */
	TYPE_FIELD_VALUE,   /* no control characters */
	TYPE_NETWORK,	    /* 10.0.0.0/8 */
	TYPE_URI,	    /* no blanks, no control characters */
	TYPE_LOCATION,	    /* likewise, of any form */
	TYPE_BOOL,
	TYPE_TRUE, /* true alone: an action without arguments */
	TYPE_UINT,
	TYPE_COUNT_OR_AUTO,
	TYPE_RETRY_ON,
	TYPE_LIMIT, /* a number, or -1: none */
	TYPE_OCTAL,
	TYPE_DURATION,
	TYPE_SIZE,
	TYPE_PERCENT,
	TYPE_CHOICE,
	TYPE_BOOL_OR, /* or one of `allowed` */
	TYPE_REDISPATCH,
	TYPE_LOG_TAG,
	TYPE_CPUS,
	TYPE_STATUSES,
	TYPE_REGEX,
	TYPE_AUTH,
	TYPE_HTTPCHK,
	TYPE_HEX, /* bytes as an even number of hexadecimal digits */
	/* checked where they are built */
	TYPE_BALANCE,
	TYPE_HASH_TYPE,
	TYPE_COOKIE,
	TYPE_BIND,
	TYPE_SERVER,
	TYPE_HOST,
	TYPE_LOG,
	TYPE_LOG_ADDRESS,
	TYPE_ACL,
	TYPE_CONDITION,
	TYPE_FORMAT,
	TYPE_EXPRESSION,
	TYPE_VARIABLE, /* "txn.name" */
	TYPE_PATTERN,  /* a regular expression that rules match with */
};

enum {
	FORM_SCALAR = 1,
	FORM_MAP = 2,
	FORM_LIST = 4,
	FORM_NAMED = 8,
	FORM_FLAGS = 16,
	FORM_MERGE = 32,
};

/* Kinds of sections a key may stand in. */
enum {
	WHERE_DEFAULTS = 1,
	WHERE_FRONTEND = 2,
	WHERE_BACKEND = 4,
	WHERE_LISTEN = 8,
	WHERE_TEMPLATE = 16, /* default_server */
	/* lists of rules */
	WHERE_CONNECTION = 32,
	WHERE_SESSION = 64,
	WHERE_CONTENT = 128,
	WHERE_RES_CONTENT = 256,
	WHERE_REQUEST = 512,
	WHERE_RESPONSE = 1024,
	WHERE_AFTER_RESPONSE = 2048,
	WHERE_ANY = 0xffff,
};

struct schema_key {
	enum schema_section in;
	unsigned where;
	const char *name;
	unsigned form;
	enum schema_type type;
	const char *allowed;	 /* or NULL */
	const char *deflt;	 /* as in schema.def, or NULL */
	enum schema_section sub; /* of the map form */
	size_t offset, bytes;	 /* of the member; bytes 0: none */
	uint32_t option;	 /* enum cfg_option, 0: none */
	const char *help, *manual;
};

struct schema_section_row {
	const char *id, *main, *title, *help;
};

/* All keys, in the order of the table; the last one has in == SECTION_none. */
extern const struct schema_key schema_keys[];
extern const struct schema_section_row schema_sections[SECTIONS_N];

/* NULL: no such key in the section. */
const struct schema_key *schema_find(enum schema_section in, const char *name);
/* Is a map without it an error? */
bool schema_is_required(const struct schema_key *k);
/* How a map of that section looks, for messages: "{ name: ..., value: ... }", the keys
 * that must be there, or else its first one. */
const char *schema_example(struct arena *a, enum schema_section in);
/* What a plain value of k is: k, or the key of its section that the value stands for. */
const struct schema_key *schema_plain(const struct schema_key *k);
/* Where the keys below k stand, when k stands in `where`. */
unsigned schema_inner(const struct schema_key *k, unsigned where);
/* The name another spelling stands for, or NULL. */
const char *schema_also(enum schema_section in, const char *name);
/* "timeout.connect" for "contimeout", or NULL. */
const char *schema_moved(enum schema_section in, const char *name);
/* Why a known keyword is an error, NULL: it is not known. */
const char *schema_unsupported(enum schema_section in, const char *name);
/* The i-th row of those tables, for suggestions and documents; NULL: the end. */
const char *schema_moved_at(size_t i, const char **to, const char **manual);
/* *why: it never will be supported; NULL: not yet. */
const char *schema_unsupported_at(size_t i, enum schema_section *in, const char **why);
const char *schema_also_at(size_t i, enum schema_section *in, const char **name);
/* The best suggestion for an unknown key, or NULL. */
const char *schema_suggest(enum schema_section in, unsigned where, const char *wrong);
enum { SCHEMA_WHERE_BYTES = 160 };
/* "frontends, listens": where a key may stand. */
const char *schema_where_text(unsigned where, char buf[SCHEMA_WHERE_BYTES]);

#endif
