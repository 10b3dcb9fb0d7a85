/* SPDX-License-Identifier: MIT
 *
 * Bad configurations and what the loader says about them, to the letter: the place, the
 * path, what is wrong, what was expected.
 */
#ifndef WEIR_TESTS_CONFIG_BAD_H
#define WEIR_TESTS_CONFIG_BAD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/loading.h"

struct bad {
	const char *what, *yaml, *errors;
};

/* All errors, a line each. */
static inline char *
errors_of(const char *yaml)
{
	struct cfg_request r = {0};
	struct cfg_errors *errors = NULL;
	struct cfg *c = cfg_load_text(&r, "t", yaml, strlen(yaml), &errors);
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	for (size_t i = 0; i < cfg_errors_n(errors); i++)
		fprintf(f, "%s%s", i ? "\n" : "", cfg_errors_at(errors, i));
	fclose(f);
	assert_true((c == NULL) == (cfg_errors_n(errors) > 0));
	cfg_errors_free(&errors);
	cfg_free(&c);
	return text;
}

static inline void
assert_told(const struct bad *bads, size_t n)
{
	int wrong = 0;
	for (size_t i = 0; i < n; i++) {
		char *text = errors_of(bads[i].yaml);
		if (strcmp(text, bads[i].errors) != 0) {
			print_error("%s:\n%s\ngives\n%s\nnot\n%s\n\n", bads[i].what,
				    bads[i].yaml, text, bads[i].errors);
			wrong++;
		}
		free(text);
	}
	assert_int_equal(wrong, 0);
}

#endif
