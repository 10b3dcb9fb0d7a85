/* SPDX-License-Identifier: MIT
 *
 * The table of shm/check_result.def. Pure.
 */
#include "checker/results.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *word, *description;
	bool passed, has_code;
} rows[] = {
#define RESULT(id, word_, passed_, code_, description_) \
	{word_, description_, passed_, code_},
#include "shm/check_result.def"
#undef RESULT
};

const char *
result_word(enum result r)
{
	return rows[r].word;
}

const char *
result_description(enum result r)
{
	return rows[r].description;
}

bool
result_passed(enum result r)
{
	return rows[r].passed;
}

bool
result_has_code(enum result r)
{
	return rows[r].has_code;
}

void
probe_result_inform(struct probe_result *r, struct span text)
{
	const char *end = text.n ? memchr(text.p, 0, text.n) : NULL;
	text = span_trim(end ? span_of(text.p, (size_t)(end - text.p)) : text);
	size_t n = text.n < sizeof(r->info) - 1 ? text.n : sizeof(r->info) - 1;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		r->info[i] = c < 0x20 || c >= 0x7f || c == '"' ? '?' : (char)c;
	}
	r->info[n] = 0;
}
