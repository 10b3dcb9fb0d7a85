/* SPDX-License-Identifier: MIT
 *
 * The snapshot as people and programs like to read it. All append to `out`; a text
 * that ran out of memory has `failed` set.
 */
#ifndef WEIR_SHM_RENDER_H
#define WEIR_SHM_RENDER_H

#include "shm/stat.h"
#include "shm/text.h"

/* HAProxy's CSV (management.txt 9.1): header line, one line per row. */
void shm_render_csv(const struct shm *s, const struct shm_stat_opts *opts,
		    struct shm_text *out);
/* An array of objects, one per row, with the same names; empty fields are left out. */
void shm_render_json(const struct shm *s, const struct shm_stat_opts *opts,
		     struct shm_text *out);

/* The daemon as a whole: "Name: value" lines with HAProxy's names where it has one
 * (management.txt, "show info"), or one JSON object. */
void shm_render_info(const struct shm *s, bool is_json, struct shm_text *out);

struct shm_html_opts {
	struct shm_stat_opts stat;
	const char *uri;     /* the path under which the page is served */
	uint64_t refresh_ms; /* the page asks for itself again; 0: it does not */
	bool hide_version;
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
