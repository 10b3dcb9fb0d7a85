/* SPDX-License-Identifier: MIT
 *
 * Loading a text in a test.
 */
#ifndef WEIR_TESTS_LOADED_H
#define WEIR_TESTS_LOADED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/loading.h"

/* The configuration, which must be good. */
static inline struct cfg *
loaded_with(const struct cfg_request *r, const char *yaml)
{
	struct cfg_errors *errors = NULL;
	struct cfg *c = cfg_load_text(r, "t", yaml, strlen(yaml), &errors);
	for (size_t i = 0; i < cfg_errors_n(errors); i++)
		print_error("%s\n", cfg_errors_at(errors, i));
	assert_non_null(c);
	cfg_errors_free(&errors);
	return c;
}

static inline struct cfg *
loaded(const char *yaml)
{
	struct cfg_request r = {0};
	return loaded_with(&r, yaml);
}

static inline struct cfg_proxy *
proxy_named(const struct cfg *c, const char *name, unsigned caps)
{
	for (size_t i = 0; i < c->proxies_n; i++)
		if (strcmp(c->proxies[i]->name, name) == 0 && c->proxies[i]->caps == caps)
			return c->proxies[i];
	fail_msg("no proxy '%s'", name);
	return NULL;
}

static inline struct cfg_proxy *
frontend(const struct cfg *c, const char *name)
{
	return proxy_named(c, name, CFG_CAP_FRONTEND);
}

static inline struct cfg_proxy *
backend(const struct cfg *c, const char *name)
{
	return proxy_named(c, name, CFG_CAP_BACKEND);
}

#define assert_span(span, text)                                    \
	do {                                                       \
		assert_int_equal((span).n, strlen(text));          \
		assert_memory_equal((span).p, text, strlen(text)); \
	} while (0)

#endif
