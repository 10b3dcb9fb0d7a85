/* SPDX-License-Identifier: MIT
 *
 * The snapshot as people and programs like to read it. All append to `out`; a text
 * that ran out of memory has `failed` set.
 */
#ifndef WEIR_SHM_STATS_RENDER_H
#define WEIR_SHM_STATS_RENDER_H

#include "shm/stats/stat.h"
#include "shm/stats/text.h"

/* HAProxy's CSV (management.txt 9.1): header line, one line per row. */
void shm_render_csv(const struct shm *s, const struct shm_stat_opts *opts,
		    struct shm_text *out);
/* An array of objects, one per row, with the same names; empty fields are left out. */
void shm_render_json(const struct shm *s, const struct shm_stat_opts *opts,
		     struct shm_text *out);

/* HAProxy's typed output (management.txt 9.2): a line for each field that is filled. */
void shm_render_typed(const struct shm *s, const struct shm_stat_opts *opts,
		      bool has_help, struct shm_text *out);
/* The same as HAProxy's JSON: an array of rows, each an array of fields. */
void shm_render_typed_json(const struct shm *s, const struct shm_stat_opts *opts,
			   struct shm_text *out);
/* HAProxy's CSV with names and what they mean, one field a line. */
void shm_render_stat_help(struct shm_text *out);

/* Where a value comes from, what it is, whose it is: "MGP" in words, for JSON. */
void shm_render_tags(struct shm_text *out, const char *tags);

enum shm_info_format {
	SHM_INFO_LINES, /* "Name: value" */
	SHM_INFO_HELP,	/* "Name: value:"what it is"" */
	SHM_INFO_TYPED,
	SHM_INFO_TYPED_JSON,
	SHM_INFO_JSON, /* one object */
};
/* The daemon as a whole, with HAProxy's names where it has one (management.txt, "show
 * info"). */
void shm_render_info(const struct shm *s, enum shm_info_format format,
		     struct shm_text *out);

struct shm_html_opts {
	struct shm_stat_opts stat;
	const char *uri;     /* the path under which the page is served */
	uint64_t refresh_ms; /* the page asks for itself again; 0: it does not */
	bool hide_version;
	bool is_admin;	  /* with the form that changes servers */
	const char *said; /* about the form that was sent before; NULL: nothing */
	bool said_is_good;
};
/* A whole HTML document (UTF-8) with links to uri;csv and uri;json. Content-Type:
 * text/html; charset=utf-8. */
void shm_render_html(const struct shm *s, const struct shm_html_opts *opts,
		     struct shm_text *out);

/* For a terminal: aligned columns. `before` is an earlier snapshot or NULL; with it
 * the rates are those between the two, else those control measured last. */
struct shm_table_opts {
	const struct shm_stat *before;
	bool is_coloured;
	uint32_t width; /* of the terminal, 0: unlimited */
};
void shm_render_table(const struct shm_stat *st, const struct shm_table_opts *opts,
		      struct shm_text *out);

#endif
