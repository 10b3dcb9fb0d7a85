/* SPDX-License-Identifier: MIT
 *
 * One ACL definition: "fetch(arg) [-i] [-m method] [-f file] [--] patterns". Master only
 * (at load); the result lies in the arena and is never changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/num.h"
#include "lib/base/suggest.h"
#include "lib/expr/expr.h"

enum { PATTERN_FILE_BYTES_MAX = 64 * 1024 * 1024 };

enum fetch_arg { NO_ARG, FIELD_NAME };

struct fetch_row {
	const char *name;
	enum fetch_arg arg;
};

static const struct fetch_row fetches[] = {
#define FETCH(id, name, arg, type, help) {name, arg},
#include "lib/expr/fetch.def"
#undef FETCH
};

struct method_row {
	const char *name;
	int match; /* enum expr_match; -1: known, not implemented */
};

/* The words behind -m; those up to "len" are also suffixes of a fetch's name. */
static const struct method_row methods[] = {
	{"beg", EXPR_MATCH_BEG},
	{"dir", EXPR_MATCH_DIR},
	{"dom", EXPR_MATCH_DOM},
	{"end", EXPR_MATCH_END},
	{"len", EXPR_MATCH_LEN},
	{"sub", EXPR_MATCH_SUB},
	{"reg", -1},
	{"str", EXPR_MATCH_STR},
	{"exact", EXPR_MATCH_STR},
	{"found", EXPR_MATCH_FOUND},
	{"bin", -1},
	{"bool", -1},
	{"int", -1},
	{"ip", -1},
};
enum { METHODS_N = sizeof(methods) / sizeof(methods[0]), SUFFIXES_N = 7 };

static int
fetch_find(struct span name)
{
	for (int i = 0; i < EXPR_FETCHES_N; i++)
		if (span_eq(name, span_str(fetches[i].name)))
			return i;
	return -1;
}

/* A name with "_beg" and the like behind it: the fetch and the match. 1, 0: no such
 * name, -1: a match that is not implemented (err is set). */
static int
fetch_find_derived(struct span name, size_t at, struct expr_test *t,
		   struct expr_error *err)
{
	for (size_t m = 0; m < SUFFIXES_N; m++) {
		struct span suffix = span_str(methods[m].name);
		if (name.n < suffix.n + 2 || !span_ends(name, suffix) ||
		    name.p[name.n - suffix.n - 1] != '_')
			continue;
		int id = fetch_find(span_of(name.p, name.n - suffix.n - 1));
		if (id < 0)
			continue;
		if (methods[m].match < 0)
			return expr_fail(err, at,
					 "'%.*s' is not implemented in this release "
					 "(regular expressions)",
					 (int)name.n, name.p);
		t->fetch.id = (enum expr_fetch_id)id;
		t->match = (enum expr_match)methods[m].match;
		return 1;
	}
	return 0;
}

static int
fetch_unknown(struct arena *a, struct span name, size_t at, struct expr_error *err)
{
	if (expr_is_known_fetch(name))
		return expr_fail(err, at,
				 "fetch '%.*s' is not implemented in this release",
				 (int)name.n, name.p);
	struct suggest s = suggest_begin(name);
	for (int i = 0; i < EXPR_FETCHES_N; i++)
		suggest_offer(&s, fetches[i].name);
	for (int i = 0; i < EXPR_FETCHES_N; i++)
		for (size_t m = 0; m < SUFFIXES_N - 1; m++)
			suggest_offer(&s, arena_printf(a, "%s_%s", fetches[i].name,
						       methods[m].name));
	if (s.best)
		return expr_fail(err, at, "unknown fetch '%.*s'; did you mean '%s'?",
				 (int)name.n, name.p, s.best);
	return expr_fail(err, at,
			 "unknown fetch '%.*s'; expected path, query, url, method or "
			 "hdr(name)",
			 (int)name.n, name.p);
}

static bool
is_field_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' ||
		    strchr("\"(),/:;<=>?@[\\]{}", s.p[i]))
			return false;
	return s.n > 0;
}

/* "hdr(host)": sets the fetch and, for derived names, the match. */
static int
fetch_compile(struct arena *a, const struct expr_word *w, struct expr_test *t,
	      struct expr_error *err)
{
	struct span name = w->text, arg = {NULL, 0};
	const char *open = memchr(name.p, '(', name.n), *close = NULL;
	if (open) {
		close = memchr(open, ')', name.n - (size_t)(open - name.p));
		if (!close)
			return expr_fail(err, w->at + (size_t)(open - name.p),
					 "the parenthesis is not closed; expected ')'");
		arg = span_of(open + 1, (size_t)(close - open - 1));
	}
	const char *rest = close ? close + 1 : memchr(name.p, ',', name.n);
	if (rest && rest < name.p + name.n)
		return expr_fail(err, w->at + (size_t)(rest - name.p),
				 "'%.*s': converters are not implemented in this release",
				 (int)(name.p + name.n - rest), rest);
	if (open)
		name.n = (size_t)(open - name.p);
	t->match = EXPR_MATCH_STR;
	int id = fetch_find(name), derived = 0;
	if (id >= 0)
		t->fetch.id = (enum expr_fetch_id)id;
	else if ((derived = fetch_find_derived(name, w->at, t, err)) <= 0)
		return derived < 0 ? -1 : fetch_unknown(a, name, w->at, err);
	t->fetch.arg = span_trim(arg);
	if (fetches[t->fetch.id].arg == NO_ARG && t->fetch.arg.n)
		return expr_fail(err, w->at, "'%.*s' takes no argument", (int)name.n,
				 name.p);
	if (fetches[t->fetch.id].arg == FIELD_NAME && !t->fetch.arg.n)
		return expr_fail(err, w->at,
				 "'%.*s' needs the name of a field; expected "
				 "%.*s(host) for instance",
				 (int)name.n, name.p, (int)name.n, name.p);
	if (memchr(t->fetch.arg.p ? t->fetch.arg.p : "", ',', t->fetch.arg.n))
		return expr_fail(err, w->at,
				 "'%.*s': the number of an occurrence is not "
				 "implemented in this release",
				 (int)w->text.n, w->text.p);
	if (fetches[t->fetch.id].arg == FIELD_NAME && !is_field_name(t->fetch.arg))
		return expr_fail(err, w->at, "'%.*s' is not the name of a field",
				 (int)t->fetch.arg.n, t->fetch.arg.p);
	return 0;
}

static int
method_set(const struct expr_word *w, struct expr_test *t, struct expr_error *err)
{
	struct suggest s = suggest_begin(w->text);
	for (size_t i = 0; i < METHODS_N; i++) {
		suggest_offer(&s, methods[i].name);
		if (!span_eq(w->text, span_str(methods[i].name)))
			continue;
		if (methods[i].match < 0)
			return expr_fail(err, w->at,
					 "'-m %s' is not implemented in this release",
					 methods[i].name);
		t->match = (enum expr_match)methods[i].match;
		return 0;
	}
	return expr_fail(err, w->at,
			 "unknown match '%.*s'; expected found, str, beg, end, sub, "
			 "dir, dom or len%s%s%s",
			 (int)w->text.n, w->text.p, s.best ? "; did you mean '" : "",
			 s.best ? s.best : "", s.best ? "'?" : "");
}

static int
pattern_add(struct arena *a, struct expr_test *t, struct span text)
{
	t->patterns = arena_grow(a, t->patterns, t->n, sizeof(*t->patterns));
	t->patterns[t->n++] = text;
	return 0;
}

/* Patterns from a file: one per line; blanks before it, empty lines and lines that begin
 * with '#' do not count (configuration.txt 7.1.1, "-f"). */
static int
patterns_read(struct arena *a, const struct expr_word *w, struct expr_test *t,
	      struct expr_error *err)
{
	const char *path = arena_span(a, w->text);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0) {
		int e = errno;
		if (fd >= 0)
			close(fd);
		return expr_fail(err, w->at, "cannot open the pattern file '%s': %s",
				 path, strerror(e));
	}
	if (!S_ISREG(st.st_mode) || st.st_size > PATTERN_FILE_BYTES_MAX) {
		close(fd);
		return expr_fail(err, w->at,
				 "'%s' is not a pattern file; expected a regular "
				 "file of at most 64 MB",
				 path);
	}
	char *bytes = arena_alloc(a, (size_t)st.st_size + 1);
	struct span rest = span_of(bytes, 0);
	ssize_t got;
	while (rest.n < (size_t)st.st_size &&
	       (got = read(fd, bytes + rest.n, (size_t)st.st_size - rest.n)) > 0)
		rest.n += (size_t)got;
	close(fd);
	while (rest.n) {
		struct span line = span_cut(&rest, '\n');
		while (line.n && (line.p[0] == ' ' || line.p[0] == '\t'))
			line = span_of(line.p + 1, line.n - 1);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n && line.p[0] != '#')
			pattern_add(a, t, line);
	}
	return 0;
}

/* -i, -m, -f and --; *at moves behind them. */
static int
flags_compile(struct arena *a, const struct expr_words *w, size_t *at, size_t to,
	      struct expr_test *t, bool *has_file, struct expr_error *err)
{
	for (; *at < to; ++*at) {
		const struct expr_word *word = &w->words[*at];
		if (word->is_quoted || word->text.n == 0 || word->text.p[0] != '-')
			return 0;
		char flag = word->text.n == 2 ? word->text.p[1] : 0;
		if (flag == '-') {
			++*at;
			return 0;
		}
		if (flag == 'i') {
			t->is_caseless = true;
			continue;
		}
		if (flag && strchr("nuM", flag))
			return expr_fail(err, word->at,
					 "'-%c' is not implemented in this release",
					 flag);
		if (flag != 'm' && flag != 'f')
			return expr_fail(
				err, word->at,
				"unknown flag '%.*s'; expected -i, -m, -f, or -- in "
				"front of a pattern that begins with '-'",
				(int)word->text.n, word->text.p);
		if (++*at == to)
			return expr_fail(err, word->at, "'-%c' needs %s behind it", flag,
					 flag == 'm' ? "a match such as beg" : "a file");
		word = &w->words[*at];
		*has_file |= flag == 'f';
		if ((flag == 'm' ? method_set(word, t, err)
				 : patterns_read(a, word, t, err)) < 0)
			return -1;
	}
	return 0;
}

/* "5", "1:10", "10:"; `op` is the word in front ("gt") or NULL. */
static int
range_add(struct arena *a, struct expr_test *t, struct span text, size_t at,
	  const char *op, struct expr_error *err)
{
	struct span rest = text;
	struct span from = span_cut(&rest, ':');
	bool has_colon = from.n < text.n;
	struct expr_range r = {0, UINT64_MAX};
	bool bad = from.n && num_u64(from, &r.from) != NUM_OK;
	if (!has_colon)
		r.to = r.from;
	else if (rest.n)
		bad |= num_u64(rest, &r.to) != NUM_OK;
	if (bad || (!from.n && !rest.n) || (op && has_colon))
		return expr_fail(err, at,
				 "'%.*s' is not a number or a range such as 1:10",
				 (int)text.n, text.p);
	if (op && op[0] == 'g') {
		r.from += op[1] == 't' && r.from < UINT64_MAX;
		r.to = UINT64_MAX;
	} else if (op && op[0] == 'l') {
		if (op[1] == 't' && r.to == 0)
			return expr_fail(err, at, "no length is below 0");
		r.to -= op[1] == 't';
		r.from = 0;
	}
	t->ranges = arena_grow(a, t->ranges, t->n, sizeof(*t->ranges));
	t->ranges[t->n++] = r;
	return 0;
}

static int
ranges_compile(struct arena *a, const struct expr_words *w, size_t at, size_t to,
	       struct expr_test *t, struct expr_error *err)
{
	static const char *const ops[] = {"eq", "ge", "gt", "le", "lt"};
	const char *op = NULL;
	struct span *from_file = t->patterns;
	size_t from_file_n = t->n;
	t->n = 0;
	for (size_t i = 0; i < from_file_n; i++)
		if (range_add(a, t, from_file[i], w->words[0].at, NULL, err) < 0)
			return -1;
	for (; at < to; at++) {
		bool is_op = false;
		for (size_t i = 0; i < 5; i++)
			if (span_eq(w->words[at].text, span_str(ops[i]))) {
				op = i == 0 ? NULL : ops[i];
				is_op = true;
			}
		if (!is_op &&
		    range_add(a, t, w->words[at].text, w->words[at].at, op, err) < 0)
			return -1;
	}
	return 0;
}

int
expr_test_compile(struct arena *a, const struct expr_words *w, size_t from, size_t to,
		  struct expr_test *out, struct expr_error *err)
{
	*out = (struct expr_test){0};
	const struct expr_word *first = &w->words[from];
	bool has_file = false;
	if (fetch_compile(a, first, out, err) < 0)
		return -1;
	size_t at = from + 1;
	if (flags_compile(a, w, &at, to, out, &has_file, err) < 0)
		return -1;
	if (out->match == EXPR_MATCH_FOUND) {
		if (at < to)
			return expr_fail(
				err, w->words[at].at,
				"'-m found' takes no patterns; expected the end");
		return 0;
	}
	if (out->match == EXPR_MATCH_LEN) {
		if (ranges_compile(a, w, at, to, out, err) < 0)
			return -1;
	} else {
		for (; at < to; at++)
			pattern_add(a, out, w->words[at].text);
	}
	if (out->n == 0 && !has_file)
		return expr_fail(
			err, first->at,
			"'%.*s' has no pattern; expected what to compare with, or "
			"-m found",
			(int)first->text.n, first->text.p);
	expr_test_sort(out);
	return 0;
}
