/* SPDX-License-Identifier: MIT
 *
 * Stick tables as text, in HAProxy's words ("show table"): keys, entries, filters.
 * weirctl and control.
 */
#ifndef WEIR_SHM_STICK_TEXT_H
#define WEIR_SHM_STICK_TEXT_H

#include "shm/stick/stick.h"
#include "shm/stats/text.h"

/* "data.gpc0 gt 5" */
struct shm_stick_filter {
	uint16_t value; /* index in the view */
	uint8_t op;	/* its own business */
	uint64_t n;
};

enum { SHM_STICK_FILTERS_MAX = 8 };

/* What may be wrong with a filter; each reader has words of its own for it. */
enum shm_stick_wrong {
	SHM_STICK_RIGHT,
	SHM_STICK_NO_TYPE,
	SHM_STICK_NOT_STORED,
	SHM_STICK_NO_OPERATOR,
	SHM_STICK_NO_NUMBER,
	SHM_STICK_TOO_MANY,
	SHM_STICK_WRONGS_N
};

/* What is shown of a table. */
struct shm_stick_query {
	struct shm_stick_filter filters[SHM_STICK_FILTERS_MAX];
	unsigned filters_n;
	const unsigned char *key; /* this one alone; NULL: all */
	int sort;		  /* by this value, the largest first; -1: by the key */
	const struct shm *region; /* where names of servers are; NULL: as their hash */
	bool is_json;
	bool is_haproxys; /* an identification before each line, its names of elements */
};

/* The current table of that name; false: there is none. */
bool shm_stick_find(const struct shm *s, const char *name, struct shm_object *out);
/* "127.0.0.1": a key as stored; false: it is none of the table. */
bool shm_stick_parse_key(const struct stick_spec *spec, const char *text,
			 unsigned char key[STICK_KEY_BYTES_MAX]);
/* "gpc0", "gpt[1]", with or without "data." before it: the index of its value. */
enum shm_stick_wrong shm_stick_parse_value(const struct stick_spec *spec,
					   const char *text, uint16_t *value);
enum shm_stick_wrong shm_stick_add_filter(struct shm_stick_query *q,
					  const struct stick_spec *spec,
					  const char *column, const char *op,
					  const char *n);
bool shm_stick_matches(const struct shm_stick_query *q, const struct shm_stick_view *v);
/* The entries that are asked for, sorted, one per line. */
void shm_stick_render(const struct shm_stick *t, const char *name,
		      const struct shm_stick_query *q, uint64_t now_ms,
		      struct shm_text *out);

#endif
