/* SPDX-License-Identifier: MIT
 *
 * The growing text and its escapes; used by control, workers (stats page) and
 * weirctl.
 */
#include "shm/stats/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/num.h"
#include "lib/base/utf8.h"

enum { TEXT_FIRST_BYTES = 4096 };

void
shm_text_fini(struct shm_text *t)
{
	free(t->bytes);
	*t = (struct shm_text){0};
}

void
shm_text_clear(struct shm_text *t)
{
	t->n = 0;
	t->failed = false;
	if (t->bytes)
		t->bytes[0] = '\0';
}

/* Room for n more bytes and the terminator. */
static bool
reserve(struct shm_text *t, size_t n)
{
	size_t cap = t->cap ? t->cap : TEXT_FIRST_BYTES;
	if (t->failed)
		return false;
	if (t->cap > t->n && t->cap - t->n > n)
		return true;
	while (cap - t->n <= n) {
		if (cap > SIZE_MAX / 2) {
			t->failed = true;
			return false;
		}
		cap *= 2;
	}
	char *bytes = realloc(t->bytes, cap);
	if (!bytes) {
		t->failed = true;
		return false;
	}
	t->bytes = bytes;
	t->cap = cap;
	return true;
}

void
shm_text_add(struct shm_text *t, const char *p, size_t n)
{
	if (n == 0 || !reserve(t, n))
		return;
	memcpy(t->bytes + t->n, p, n);
	t->n += n;
	t->bytes[t->n] = '\0';
}

void
shm_text_str(struct shm_text *t, const char *s)
{
	shm_text_add(t, s, strlen(s));
}

void
shm_text_char(struct shm_text *t, char c)
{
	shm_text_add(t, &c, 1);
}

void
shm_text_u64(struct shm_text *t, uint64_t v)
{
	char digits[24];
	shm_text_add(t, digits, num_put(digits, v));
}

void
shm_text_fmt(struct shm_text *t, const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n > 0 && reserve(t, (size_t)n)) {
		vsnprintf(t->bytes + t->n, (size_t)n + 1, fmt, again);
		t->n += (size_t)n;
	}
	va_end(again);
}

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* What a reader may see of the character at s, *n bytes long: itself, or '?' for
 * control characters (C0, DEL, C1) and bytes that are not UTF-8. */
static bool
is_readable(const char *s, size_t *n)
{
	*n = utf8_length(s, 4);
	if (*n == 0) {
		*n = 1;
		return false;
	}
	bool is_c1 = *n == 2 && (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] < 0xa0;
	return !is_control(*s) && !is_c1;
}

static void
put_readable(struct shm_text *t, const char *s, size_t *n)
{
	if (is_readable(s, n))
		shm_text_add(t, s, *n);
	else
		shm_text_char(t, '?');
}

void
shm_text_html(struct shm_text *t, const char *s)
{
	for (size_t n = 1; *s; s += n, n = 1) {
		switch (*s) {
		case '<':
			shm_text_str(t, "&lt;");
			break;
		case '>':
			shm_text_str(t, "&gt;");
			break;
		case '&':
			shm_text_str(t, "&amp;");
			break;
		case '"':
			shm_text_str(t, "&quot;");
			break;
		case '\'':
			shm_text_str(t, "&#39;");
			break;
		default:
			put_readable(t, s, &n);
		}
	}
}

void
shm_text_json(struct shm_text *t, const char *s)
{
	shm_text_char(t, '"');
	while (*s) {
		size_t n = utf8_length(s, 4);
		if (n == 0) {
			shm_text_str(t, "\\ufffd");
			n = 1;
		} else if (*s == '"' || *s == '\\') {
			shm_text_char(t, '\\');
			shm_text_char(t, *s);
		} else if (is_control(*s)) {
			shm_text_fmt(t, "\\u%04x", (unsigned)*s);
		} else {
			shm_text_add(t, s, n);
		}
		s += n;
	}
	shm_text_char(t, '"');
}

void
shm_text_csv(struct shm_text *t, const char *s)
{
	bool is_quoted = strpbrk(s, ",\"\r\n") != NULL;
	shm_text_str(t, is_quoted ? "\"" : "");
	for (size_t n; *s; s += n) {
		if (*s == '"')
			shm_text_char(t, '"');
		put_readable(t, s, &n);
	}
	shm_text_str(t, is_quoted ? "\"" : "");
}

void
shm_text_plain(struct shm_text *t, const char *s)
{
	for (size_t n; *s; s += n)
		put_readable(t, s, &n);
}

void
shm_text_short(struct shm_text *t, uint64_t v, unsigned step)
{
	static const char units[] = " kMGTPE";
	unsigned unit = 0;
	uint64_t whole = v, rest = 0;
	while (whole >= (step == 1024 ? 1000 : step) && unit < sizeof(units) - 2) {
		rest = whole % step;
		whole /= step;
		unit++;
	}
	shm_text_u64(t, whole);
	if (unit == 0)
		return;
	if (whole < 10)
		shm_text_fmt(t, ".%u", (unsigned)(rest * 10 / step));
	shm_text_char(t, units[unit]);
}

void
shm_text_age(struct shm_text *t, uint64_t seconds)
{
	static const struct {
		unsigned s;
		char unit;
	} steps[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;
	while (i < 3 && seconds < steps[i].s)
		i++;
	shm_text_fmt(t, "%llu%c", (unsigned long long)(seconds / steps[i].s),
		     steps[i].unit);
	seconds %= steps[i].s;
	if (i < 3 && seconds / steps[i + 1].s)
		shm_text_fmt(t, "%llu%c", (unsigned long long)(seconds / steps[i + 1].s),
			     steps[i + 1].unit);
}
