/* SPDX-License-Identifier: MIT
 *
 * The result of one check: a row of shm/check_result.def and its details.
 */
#ifndef WEIR_CHECKER_RESULTS_H
#define WEIR_CHECKER_RESULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/span.h"

enum result {
#define RESULT(id, word, passed, has_code, description) RESULT_##id,
#include "shm/check_result.def"
#undef RESULT
	RESULTS_N
};

const char *result_word(enum result r);
const char *result_description(enum result r);
bool result_passed(enum result r);
bool result_has_code(enum result r);

enum { PROBE_INFO_BYTES = 128 };

struct probe_result {
	enum result id;
	uint32_t code; /* HTTP status, 0: none was looked at */
	uint32_t duration_ms;
	char info[PROBE_INFO_BYTES]; /* "Connection refused", "" for none */
};

/* Sets info to a copy of text up to a zero byte, which ends texts in binary protocols,
 * cut, with everything that has no place in a quoted word of a log line replaced by '?':
 * a server's reason phrase is not ours to trust. */
void probe_result_inform(struct probe_result *r, struct span text);

#endif
