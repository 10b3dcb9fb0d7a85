/* SPDX-License-Identifier: MIT
 *
 * The inside of a compiled format, shared by format.c (makes it) and format_write.c
 * (writes it).
 */
#ifndef WEIR_EXPR_FORMAT_ITEMS_H
#define WEIR_EXPR_FORMAT_ITEMS_H

#include "lib/expr/format.h"

enum format_kind {
	FORMAT_IS_END, /* the last one of a text: nothing but what stands before it */
	FORMAT_IS_ALIAS,
	FORMAT_IS_EXPR,
	FORMAT_IS_FORMAT, /* a member of an object */
};

/* Flags of an item. */
enum {
	FORMAT_QUOTE = 1,  /* Q: in double quotes */
	FORMAT_HEX = 2,	   /* X: numbers and addresses in hexadecimal */
	FORMAT_ESCAPE = 4, /* E: a backslash before '"', '\' and ']' */
	FORMAT_BIN = 8,	   /* bytes as they are */
	FORMAT_JSON = 16,  /* as a JSON value */
	FORMAT_LIST = 32,  /* lines, each by itself, with blanks between them */
};

enum { FORMAT_PAD = 8 }; /* so many bytes behind a text may be read */

struct format_item {
	struct span before; /* text in front of it, padded */
	uint8_t kind, flags;
	uint8_t as; /* enum expr_type its JSON value is forced to, EXPR_ANY: as it is */
	uint16_t alias;
	struct span name; /* "(name)" */
	union {
		const struct expr_program *program;
		const struct format *nested;
	};
};

struct format {
	struct format_item *items;
	size_t n;
	enum format_use use;
	bool is_json; /* one object of the named items, nothing else */
};

#endif
