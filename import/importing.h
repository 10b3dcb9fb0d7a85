/* SPDX-License-Identifier: MIT
 *
 * One run of the importer: what its steps share, and the steps in their order. Only the
 * files of this room use it.
 *
 *   files -> lines (line.c, source.c) -> translate -> presume
 */
#ifndef WEIR_IMPORT_IMPORTING_H
#define WEIR_IMPORT_IMPORTING_H

#include <stdint.h>

#include "config/node.h"
#include "config/schema/schema.h"
#include "import/import.h"

enum {
	IMPORT_WORDS_MAX = 1024,	 /* of a line */
	IMPORT_LINE_BYTES_MAX = 1 << 16, /* variables expanded */
	IMPORT_IF_DEPTH_MAX = 64,
	IMPORT_FILE_BYTES_MAX = 64 << 20,
};

struct import_word {
	const char *text; /* without quotes and escapes; variables as the run says */
	unsigned col;	  /* from 1 */
	bool is_verbatim; /* the file has it letter by letter */
};

struct import_line {
	struct pos at;
	const char *raw;
	struct import_word *words;
	size_t n;
};

struct import_variable {
	const char *name, *value; /* value NULL: unset */
};

struct importing {
	struct arena *arena;
	struct import *result;
	bool keeps_variables; /* "$X" becomes "${X}", for YAML, instead of its value */
	const char *local_name;
	const struct import_refusal *refusals;
	size_t refusals_n;
	struct import_variable
		*variables; /* of setenv and its kin, over the environment */
	size_t variables_n;
	const char *section_name; /* for ${.SECTION} */
	struct import_line *lines;
	size_t lines_n;
	size_t comments_tied_n; /* those that know their line */

	/* translate.c */
	const struct import_line *head; /* of the section */
	struct node *section;		/* its map; NULL: it was not taken over */
	/* what its default-server lines say below its first server, for those below them
	 */
	struct node *late_defaults;
	const struct node *late_in; /* the section they are of */
	enum schema_section in;	    /* of its lines */
	unsigned where;		    /* WHERE_* of a proxy */
	struct node *base;	    /* the defaults that hold for proxies from here on */
	struct import_base *bases;  /* all defaults, in their order */
	size_t bases_n;
	struct import_use *uses; /* all proxies, in their order */
	size_t uses_n;
};

/* A proxy and the defaults under it. */
struct import_use {
	struct node *map;
	const struct node *base; /* NULL: none */
	unsigned where;		 /* WHERE_* */
};

/* A `defaults` section. */
struct import_base {
	const char *name; /* NULL: it has none */
	struct node *map;
	struct pos at;
};

/* --- what the user is told ------------------------------------------------- */

void import_lost(struct importing *im, struct pos at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void import_note(struct importing *im, struct pos at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* By file and line. */
void import_sort_notes(struct import *im);
/* The place of a word; behind the last one that of the line. */
struct pos import_pos(const struct import_line *line, size_t word);

/* --- line.c ---------------------------------------------------------------- */

/* Cuts a line into words. *comment is what stands behind '#', or NULL. false: wrong
 * (told). */
bool import_line_cut(struct importing *im, struct import_line *line,
		     const char **comment);
/* What a variable holds, NULL: it is not set. *is_own: setenv or HAProxy itself says so.
 */
const char *import_variable(struct importing *im, const char *name, bool *is_own);

/* --- source.c -------------------------------------------------------------- */

/* Reads the files: im->lines without those that conditions leave out. false: a file is
 * missing or has no end (told). */
bool import_source(struct importing *im, const char *const *paths, size_t n);
/* A line that was not taken over, as a comment in front of what line `for_line` of its
 * file became (0: of the next one that is read). */
void import_leave_comment(struct importing *im, const struct import_line *line,
			  unsigned for_line);

/* --- sections.c, translate.c -----------------------------------------------------------
 */

void import_translate(struct importing *im);
/* Whether a line with this word begins a section. */
bool import_is_section(const char *word);

/* A line on its way into a map. */
struct cursor {
	struct importing *im;
	const struct import_line *line;
	size_t i;	       /* the next word */
	bool has_no_positions; /* keywords from the beginning */
};
/* A scalar at the place of a word. */
struct node *import_scalar(struct importing *im, const struct import_line *line,
			   size_t word, const char *text);
/* "http-request" as "http_request". */
const char *import_snake(struct arena *a, const char *word);
/* The map that `path` ("stats.socket") leads to in `map`, made on the way; *key is its
 * last part. NULL: something else is in the way (told). */
struct node *import_reach(struct cursor *c, struct node *map, const char *path,
			  const char **key);
/* Puts a value; what was there goes, as in HAProxy (noted). */
void import_put(struct cursor *c, struct node *map, const char *key, struct node *value);
/* Appends to the list at key. */
void import_append(struct cursor *c, struct node *map, const char *key,
		   struct node *value);
/* The section's list of rules of one kind ("http_request"), made when it is not there. */
struct node *import_list(struct cursor *c, const char *path);

/* --- arguments.c ----------------------------------------------------------- */

/* The remaining words as the keys of a section of the schema: first those that have
 * their places, then keyword and value. A map, or a plain value where that says the
 * same. is_plain: a plain value may stand for it. */
struct node *import_arguments(struct cursor *c, const struct schema_key *k);
/* The words from c->i on as one text that weir cuts into the same words. */
const char *import_text(struct cursor *c);
/* True when all words are used; else told. */
bool import_ends(struct cursor *c);

/* --- rules.c --------------------------------------------------------------- */

/* "ACTION arguments [if|unless ...]" as a rule; NULL: wrong (told). */
struct node *import_rule(struct cursor *c);

/* --- inherit.c ------------------------------------------------------------- */

/* Rules of defaults go to the proxies that start from them. */
void import_inherit(struct importing *im);

/* --- slots.c --------------------------------------------------------------- */

/* Slots of captures get the numbers that they have in haproxy.cfg. */
void import_number_slots(struct importing *im);

/* --- references.c ---------------------------------------------------------- */

/* In rules of defaults: servers and tables that need the proxy's own to be known. */
void import_refuse_unnamed(struct importing *im, const struct node *n);

/* --- presume.c ------------------------------------------------------------- */

/* What HAProxy takes for granted and weir does not; names for defaults. */
void import_presume(struct importing *im);

/* --- condition.c ----------------------------------------------------------- */

/* Evaluates the condition of .if or -cc: 0 or 1; -1 with a reason. */
int import_condition(struct importing *im, const char *text, const char **err);

#endif
