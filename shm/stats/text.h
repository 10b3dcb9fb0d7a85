/* SPDX-License-Identifier: MIT
 *
 * A text that grows: what the renderers write into, and what a stats page or a
 * command then sends. It lives in malloc'ed memory, so it has no place on the path
 * of ordinary requests. When memory runs out the text stays as it is, `failed` is
 * set, and later appends do nothing: the caller looks once, at the end.
 */
#ifndef WEIR_SHM_STATS_TEXT_H
#define WEIR_SHM_STATS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shm_text {
	char *bytes; /* terminated by a 0 that is not counted; NULL while empty */
	size_t n;
	size_t cap;
	bool failed;
};

/* A zeroed struct is an empty text. */
void shm_text_fini(struct shm_text *t);
void shm_text_clear(struct shm_text *t);
void shm_text_add(struct shm_text *t, const char *p, size_t n);
void shm_text_str(struct shm_text *t, const char *s);
void shm_text_char(struct shm_text *t, char c);
void shm_text_u64(struct shm_text *t, uint64_t v);
void shm_text_fmt(struct shm_text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Between HTML tags or inside a quoted attribute: < > & " ' become references,
 * control characters and bytes that are not UTF-8 become '?'. */
void shm_text_html(struct shm_text *t, const char *s);
/* A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void shm_text_json(struct shm_text *t, const char *s);
/* A CSV field: quoted when it holds a comma, a quote or a line end
 * (management.txt 9.1). */
void shm_text_csv(struct shm_text *t, const char *s);
/* For a terminal: control characters and bytes that are not UTF-8 become '?', so that
 * a name from a foreign region cannot move the cursor. */
void shm_text_plain(struct shm_text *t, const char *s);

/* "1.2M", "340", "17k": a number in 5 characters at most; step 1000 or 1024. */
void shm_text_short(struct shm_text *t, uint64_t v, unsigned step);
/* "3d4h", "12m5s": a duration. */
void shm_text_age(struct shm_text *t, uint64_t seconds);

#endif
