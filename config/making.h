/* SPDX-License-Identifier: MIT
 *
 * A health check on its way: what the files that build it share (build/check.c, steps.c,
 * expect.c, presets.c).
 */
#ifndef WEIR_CONFIG_MAKING_H
#define WEIR_CONFIG_MAKING_H

#include "config/loading.h"

struct making {
	struct loading *l;
	struct built *b; /* the proxy, or one without a name for `checks` */
	struct cfg_check *check;
	const struct node *at;	  /* for messages about the whole */
	const struct node *steps; /* tcp_check or http_check, NULL: none */
	const char *comment;	  /* for the next step */
};

/* --- build/steps.c -------------------------------------------------------------- */

/* Appends a step, zero but for its kind. */
struct cfg_step *making_step(struct making *m, enum cfg_step_kind kind);
/* A step that connects to where the server is checked. */
void making_connect(struct making *m);
void making_send(struct making *m, struct span bytes);
/* An expectation behind all steps, with what is usual. */
struct cfg_expect *making_expect(struct making *m, enum cfg_expect_kind kind);
/* The steps of tcp_check. */
void making_script(struct making *m);
/* Those of http_check behind the request of option httpchk. */
void making_http(struct making *m, const struct node *httpchk);
/* A format as it stands in the file, with its bytes when it is constant; the plain text
 * of `key` or the format of the other key, not both. */
struct cfg_text making_text_of_format(struct making *m, const struct node *n);
struct cfg_text making_text_of_keys(struct making *m, const struct node *map,
				    const char *key, const char *format_key);
/* Compiles what the presets say; it is right. */
const struct format *making_format(struct making *m, const char *text);
const struct expr_program *making_expr(struct making *m, const char *text);
const struct expr_regex *making_regex(struct making *m, const char *text);
/* "0a0D" as bytes; the text was checked. */
struct span making_hex(struct making *m, const char *digits);

/* --- build/expect.c ------------------------------------------------------------- */

/* One map of `expect`, as a step. */
void making_expect_of(struct making *m, const struct node *map);
/* Appends "200-399,404". */
void making_ranges(struct loading *l, struct cfg_expect *e, const char *text);

/* --- build/presets.c ------------------------------------------------------------ */

/* args: the map of the option, or a plain value. */
void making_redis(struct making *m, const struct node *args);
void making_mysql(struct making *m, const struct node *args);
void making_pgsql(struct making *m, const struct node *args);
void making_smtp(struct making *m, const struct node *args);
void making_ldap(struct making *m, const struct node *args);
void making_ssl_hello(struct making *m, const struct node *args);
void making_udp(struct making *m, const struct node *args);
void making_dns(struct making *m, const struct node *args);

#endif
