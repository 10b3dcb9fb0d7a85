/* SPDX-License-Identifier: MIT
 *
 * words.def as data: a shape is a function.
 */
#ifndef WEIR_IMPORT_WORDS_H
#define WEIR_IMPORT_WORDS_H

#include "import/importing.h"

struct word_row {
	enum schema_section in;
	const char *words;
	const char *path; /* NULL: nothing is needed; "!": it cannot be translated */
	void (*shape)(struct cursor *c, const struct word_row *row);
	const char *why;
};

typedef void shape_fn(struct cursor *c, const struct word_row *row);
shape_fn shape_ONE, shape_SECONDS, shape_FLAG, shape_TEXT, shape_APPEND,
	shape_APPEND_TEXT, shape_MAP, shape_APPEND_MAP, shape_PAIR, shape_RULE,
	shape_STEP;
/* special.c */
shape_fn shape_named_text, shape_socket, shape_cpu_map, shape_nbthread, shape_server,
	shape_default_server, shape_acl, shape_option, shape_words, shape_errorfiles,
	shape_monitor_net, shape_dispatch, shape_enabled, shape_user, shape_group,
	shape_reuse;
/* old.c */
shape_fn shape_add_field, shape_del_field, shape_replace, shape_decide;

/* One line of a section. */
void import_line(struct importing *im, enum schema_section in,
		 const struct import_line *line);

#endif
