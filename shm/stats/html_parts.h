/* SPDX-License-Identifier: MIT
 *
 * The parts of the stats page, shared by the files that make it (html*.c).
 */
#ifndef WEIR_SHM_STATS_HTML_PARTS_H
#define WEIR_SHM_STATS_HTML_PARTS_H

#include "shm/stats/render.h"

/* --- html.c: cells */

/* A number as short as it can be read. */
void html_put_value(uint64_t v, unsigned step, struct shm_text *out);
const char *html_light_class(enum shm_stat_light l);

/* --- html_frame.c: around the tables */

void html_put_head(const struct shm_info *info, const struct shm_html_opts *o,
		   struct shm_text *out);
void html_put_reload(const struct shm_info *info, struct shm_text *out);
void html_put_tiles(const struct shm *s, bool is_running, struct shm_text *out);
void html_put_foot(struct shm_text *out);

/* --- html_form.c: for those who may change servers (configuration.txt, stats admin) */

/* How the form that was sent before has gone. */
void html_put_result(const struct shm_html_opts *o, struct shm_text *out);
/* Around the table of a proxy; the servers' boxes lie between. */
void html_begin_form(const struct shm_html_opts *o, struct shm_text *out);
void html_end_form(const char *proxy, struct shm_text *out);
void html_put_box(const char *server, struct shm_text *out);

#endif
