/* SPDX-License-Identifier: MIT
 *
 * Environment variables in scalars: ${VAR}, ${VAR-default} (when VAR is not set),
 * ${VAR+alt} (alt when it is set, else nothing), $$ for a dollar. A dollar in front of
 * anything else stays. What a variable holds is not expanded again.
 */
#include <stdlib.h>
#include <unistd.h>

#include "config/loading.h"

enum { TEXT_BYTES_MAX = 1 << 20 };

struct text {
	struct arena *arena;
	char *bytes;
	size_t n, cap;
};

static void
append(struct text *t, const char *p, size_t n)
{
	if (t->n + n + 1 > t->cap) {
		t->cap = 2 * (t->n + n + 1);
		char *bigger = arena_alloc(t->arena, t->cap);
		if (t->n)
			memcpy(bigger, t->bytes, t->n);
		t->bytes = bigger;
	}
	memcpy(t->bytes + t->n, p, n);
	t->n += n;
	t->bytes[t->n] = '\0';
}

static bool
is_name_char(char c, bool is_first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
	       (!is_first && c >= '0' && c <= '9');
}

/* The value of a variable; HAPROXY_LOCALPEER is the name given with -L or the host's. */
static const char *
lookup(struct loading *l, const char *name)
{
	if (strcmp(name, "HAPROXY_LOCALPEER") == 0) {
		if (l->request->local_name)
			return l->request->local_name;
		char host[256] = "";
		gethostname(host, sizeof(host) - 1);
		return arena_strdup(l->arena, host);
	}
	return getenv(name);
}

/* p is behind "${": appends the value, returns what is behind "}", NULL on error. */
static const char *
expand_one(struct loading *l, struct text *out, const char *p, const char **err)
{
	size_t n = 0;
	while (is_name_char(p[n], n == 0))
		n++;
	const char *end = strchr(p + n, '}');
	if (n == 0 || !end || (p[n] != '}' && p[n] != '-' && p[n] != '+')) {
		*err = "wrong variable; expected ${NAME}, ${NAME-default} or "
		       "${NAME+text}, "
		       "or $$ for a dollar";
		return NULL;
	}
	const char *name = arena_span(l->arena, span_of(p, n)), *value = lookup(l, name);
	const char *word = p + n + 1;
	size_t word_n = p[n] == '}' ? 0 : (size_t)(end - word);
	if (p[n] == '+') {
		if (value)
			append(out, word, word_n);
	} else if (value) {
		append(out, value, strlen(value));
	} else if (p[n] == '-') {
		append(out, word, word_n);
	} else {
		*err = arena_printf(
			l->arena,
			"the environment variable '%s' is not set; expected it in "
			"the environment, or a default: ${%s-default}",
			name, name);
		return NULL;
	}
	return end + 1;
}

const char *
vars_expand(struct loading *l, const char *text, const char **err)
{
	if (!strchr(text, '$'))
		return text;
	struct text out = {.arena = l->arena};
	append(&out, "", 0);
	for (const char *p = text; *p;) {
		size_t plain = strcspn(p, "$");
		append(&out, p, plain);
		p += plain;
		if (p[0] == '$' && p[1] == '{') {
			p = expand_one(l, &out, p + 2, err);
			if (!p)
				return NULL;
		} else if (p[0] == '$') {
			append(&out, "$", 1);
			p += p[1] == '$' ? 2 : 1;
		}
		if (out.n > TEXT_BYTES_MAX) {
			*err = "the text grows beyond 1 MB";
			return NULL;
		}
	}
	return out.bytes;
}
