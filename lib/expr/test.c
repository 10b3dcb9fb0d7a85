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

struct method_row {
	const char *name;
	int match; /* enum expr_match; -1: known, not implemented */
};

/* The words behind -m. */
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
enum { METHODS_N = sizeof(methods) / sizeof(methods[0]) };

static int method_set(struct span name, size_t at, struct expr_test *t,
		      struct expr_error *err);

/* "hdr(host),lower", "path_beg": sets the program and, for derived names, the match. */
static int
fetch_compile(struct expr_env *env, const struct expr_word *w, struct expr_test *t,
	      struct expr_error *err)
{
	struct span suffix;
	t->match = EXPR_MATCH_STR;
	t->program = expr_compile_acl(env, w->text, &suffix, err);
	if (!t->program) {
		err->at += w->at;
		return -1;
	}
	if (suffix.n)
		return method_set(suffix, w->at, t, err);
	return 0;
}

/* Numbers, truth and addresses have matches of their own. */
static int
check_type(const struct expr_word *w, const struct expr_test *t, struct expr_error *err)
{
	enum expr_type type = expr_program_type(t->program);
	bool is_text = type == EXPR_STR || type == EXPR_METHOD || type == EXPR_BIN;
	if (is_text || t->match == EXPR_MATCH_FOUND)
		return 0;
	return expr_fail(err, w->at,
			 "'%.*s' is %s: comparing it is not implemented in this release",
			 (int)w->text.n, w->text.p, expr_type_name(type));
}

static int
method_set(struct span name, size_t at, struct expr_test *t, struct expr_error *err)
{
	struct suggest s = suggest_begin(name);
	for (size_t i = 0; i < METHODS_N; i++) {
		suggest_offer(&s, methods[i].name);
		if (!span_eq(name, span_str(methods[i].name)))
			continue;
		if (methods[i].match < 0)
			return expr_fail(err, at,
					 "'-m %s' is not implemented in this release",
					 methods[i].name);
		t->match = (enum expr_match)methods[i].match;
		return 0;
	}
	return expr_fail(err, at,
			 "unknown match '%.*s'; expected found, str, beg, end, sub, "
			 "dir, dom or len%s%s%s",
			 (int)name.n, name.p, s.best ? "; did you mean '" : "",
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
		if ((flag == 'm' ? method_set(word->text, word->at, t, err)
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
expr_test_compile(struct expr_env *env, const struct expr_words *w, size_t from,
		  size_t to, struct expr_test *out, struct expr_error *err)
{
	*out = (struct expr_test){0};
	struct arena *a = env->arena;
	const struct expr_word *first = &w->words[from];
	bool has_file = false;
	if (fetch_compile(env, first, out, err) < 0)
		return -1;
	size_t at = from + 1;
	if (flags_compile(a, w, &at, to, out, &has_file, err) < 0 ||
	    check_type(first, out, err) < 0)
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
