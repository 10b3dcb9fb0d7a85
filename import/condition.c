/* SPDX-License-Identifier: MIT
 *
 * Conditions of .if and -cc (configuration.txt 2.4): predicates, !, &&, ||, ( ).
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "import/importing.h"

enum { ARGS_MAX = 3, DEPTH_MAX = 64 };

struct evaluator {
	struct importing *im;
	const char *p;
	const char *err;
	int depth;
};

static const struct {
	const char *name;
	bool is_there;
} features[] = {
#define FEATURE(name, is_there) {name, is_there},
#include "import/features.def"
};

static bool
has_feature(const char *name)
{
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (strcmp(features[i].name, name) == 0)
			return features[i].is_there;
	return false;
}

void
import_print_features(FILE *out)
{
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		fprintf(out, "%s%c%s", i ? " " : "", features[i].is_there ? '+' : '-',
			features[i].name);
	fputc('\n', out);
}

/* "3.2-dev5" against ours: < 0, 0, > 0. A development version is older than the release.
 */
static int
compare_version(const char *text)
{
	const char *own = IMPORT_HAPROXY_VERSION;
	for (;;) {
		char *text_end, *own_end;
		unsigned long a = strtoul(own, &own_end, 10),
			      b = strtoul(text, &text_end, 10);
		if (a != b)
			return a < b ? -1 : 1;
		if (*text_end != '.')
			return strncmp(text_end, "-dev", 4) == 0 ? 1 : 0;
		text = text_end + 1;
		own = *own_end == '.' ? own_end + 1 : "0";
	}
}

/* --- predicates ---------------------------------------------------------------- */

typedef bool predicate_fn(struct evaluator *e, const char *const args[]);

static bool
is_defined(struct evaluator *e, const char *const args[])
{
	bool is_own;
	return import_variable(e->im, args[0], &is_own) != NULL;
}

static bool
is_feature(struct evaluator *e, const char *const args[])
{
	(void)e;
	return has_feature(args[0]);
}

static bool
are_equal(struct evaluator *e, const char *const args[])
{
	(void)e;
	return strcmp(args[0], args[1]) == 0;
}

static bool
are_different(struct evaluator *e, const char *const args[])
{
	return !are_equal(e, args);
}

static bool
is_inside(struct evaluator *e, const char *const args[])
{
	(void)e;
	return strstr(args[0], args[1]) != NULL;
}

static bool
is_atleast(struct evaluator *e, const char *const args[])
{
	(void)e;
	return compare_version(args[0]) >= 0;
}

static bool
is_before(struct evaluator *e, const char *const args[])
{
	(void)e;
	return compare_version(args[0]) < 0;
}

static bool
is_enabled(struct evaluator *e, const char *const args[])
{
	(void)e;
	static const char *const enabled[] = {"EPOLL", "GETADDRINFO", "REUSEPORT",
					      "SPLICE"};
	for (size_t i = 0; i < sizeof(enabled) / sizeof(enabled[0]); i++)
		if (strcmp(enabled[i], args[0]) == 0)
			return true;
	return false;
}

/* Another library's, or none of TLS at all. */
static bool
is_never(struct evaluator *e, const char *const args[])
{
	(void)e;
	(void)args;
	return false;
}

static const struct {
	const char *name;
	size_t args_n;
	predicate_fn *fn;
} predicates[] = {
	{"defined", 1, is_defined},
	{"feature", 1, is_feature},
	{"enabled", 1, is_enabled},
	{"streq", 2, are_equal},
	{"strneq", 2, are_different},
	{"strstr", 2, is_inside},
	{"version_atleast", 1, is_atleast},
	{"version_before", 1, is_before},
	{"ssllib_name_startswith", 1, is_never},
	{"openssl_version_atleast", 1, is_never},
	{"openssl_version_before", 1, is_never},
	{"awslc_api_atleast", 1, is_never},
	{"awslc_api_before", 1, is_never},
	{"fips_mode", 0, is_never},
};

/* --- the text -------------------------------------------------------------------- */

static void
skip_blanks(struct evaluator *e)
{
	while (*e->p == ' ' || *e->p == '\t')
		e->p++;
}

static bool
fail(struct evaluator *e, const char *what)
{
	if (!e->err)
		e->err = arena_printf(e->im->arena, "%s at '%s'", what, e->p);
	return false;
}

/* One argument, quoted in parts or not; e->p is then at ',' or ')'. */
static const char *
argument(struct evaluator *e)
{
	char *out = arena_alloc(e->im->arena, strlen(e->p) + 1);
	size_t n = 0;
	for (char quote = 0; *e->p && (quote || !strchr(",)", *e->p)); e->p++) {
		if (quote ? *e->p == quote : *e->p == '"' || *e->p == '\'')
			quote = quote ? 0 : *e->p;
		else if (*e->p == '\\' && quote != '\'' && e->p[1])
			out[n++] = *++e->p;
		else
			out[n++] = *e->p;
	}
	return out;
}

static bool
predicate(struct evaluator *e)
{
	const char *args[ARGS_MAX] = {"", "", ""};
	size_t name_n = strspn(e->p, "abcdefghijklmnopqrstuvwxyz0123456789_"), args_n = 0,
	       i;
	const size_t all = sizeof(predicates) / sizeof(predicates[0]);
	for (i = 0; i < all; i++)
		if (strlen(predicates[i].name) == name_n &&
		    strncmp(predicates[i].name, e->p, name_n) == 0)
			break;
	if (i == all)
		return fail(e, "unknown predicate; expected defined(X), feature(X), "
			       "streq(a,b), version_atleast(x) or their like");
	e->p += name_n;
	if (*e->p == '(') {
		do {
			e->p++;
			const char *text = argument(e);
			if (args_n < ARGS_MAX)
				args[args_n] = text;
			args_n++;
		} while (*e->p == ',');
		if (*e->p != ')')
			return fail(e, "a parenthesis is not closed");
		e->p++;
		if (predicates[i].args_n == 0 && args[0][0] == '\0')
			args_n = 0;
	}
	if (args_n != predicates[i].args_n)
		return fail(e, arena_printf(
				       e->im->arena, "%s takes %zu arguments, not %zu",
				       predicates[i].name, predicates[i].args_n, args_n));
	return predicates[i].fn(e, args);
}

static bool either(struct evaluator *e);

static bool
term(struct evaluator *e)
{
	bool result;
	skip_blanks(e);
	if (e->err || e->depth >= DEPTH_MAX)
		return fail(e, "nested too deep");
	if (*e->p == '!') {
		e->p++;
		e->depth++;
		result = !term(e);
		e->depth--;
	} else if (*e->p == '(') {
		e->p++;
		e->depth++;
		result = either(e);
		e->depth--;
		skip_blanks(e);
		if (*e->p != ')')
			return fail(e, "a parenthesis is not closed");
		e->p++;
	} else if (isdigit((unsigned char)*e->p) || *e->p == '-') {
		char *end;
		result = strtol(e->p, &end, 10) != 0;
		if (end == e->p)
			return fail(e, "not a number");
		e->p = end;
	} else {
		result = predicate(e);
	}
	skip_blanks(e);
	return result;
}

/* Both sides are read, whatever the first one says: mistakes are found in any case. */
static bool
both(struct evaluator *e)
{
	bool result = term(e);
	while (!e->err && e->p[0] == '&' && e->p[1] == '&') {
		e->p += 2;
		bool next = term(e);
		result = result && next;
	}
	return result;
}

static bool
either(struct evaluator *e)
{
	bool result = both(e);
	while (!e->err && e->p[0] == '|' && e->p[1] == '|') {
		e->p += 2;
		bool next = both(e);
		result = result || next;
	}
	return result;
}

int
import_condition(struct importing *im, const char *text, const char **err)
{
	struct evaluator e = {.im = im, .p = text};
	skip_blanks(&e);
	if (*e.p == '\0')
		return 0;
	bool result = either(&e);
	if (!e.err && *e.p)
		fail(&e, "expected '&&', '||' or the end");
	*err = e.err;
	return e.err ? -1 : result;
}

int
import_check_condition(struct arena *a, const char *text, const char **err)
{
	struct import result = {.arena = a};
	struct importing im = {.arena = a, .result = &result, .section_name = ""};
	struct import_line line = {.at = {"-cc", 1, 1},
				   .raw = arena_printf(a, ".if %s", text)};
	const char *comment;
	if (!import_line_cut(&im, &line, &comment)) {
		*err = result.notes[0].text;
		return -1;
	}
	const char *words = "";
	for (size_t i = 1; i < line.n; i++)
		words = arena_printf(a, "%s%s%s", words, i > 1 ? " " : "",
				     line.words[i].text);
	return import_condition(&im, words, err);
}
