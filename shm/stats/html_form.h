/* SPDX-License-Identifier: MIT
 *
 * What is on the page for those who may change servers (configuration.txt, stats admin).
 */
#ifndef WEIR_SHM_STATS_HTML_FORM_H
#define WEIR_SHM_STATS_HTML_FORM_H

#include "shm/stats/render.h"

/* How the form that was sent before has gone. */
void html_form_put_result(const struct shm_html_opts *o, struct shm_text *out);
/* Around the table of a proxy; the servers' boxes lie between. */
void html_form_begin(const struct shm_html_opts *o, struct shm_text *out);
void html_form_end(const char *proxy, struct shm_text *out);
void html_form_put_box(const char *server, struct shm_text *out);

#endif
