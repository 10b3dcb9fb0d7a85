/* SPDX-License-Identifier: MIT
 *
 * Converters of dates. Any process; the time zone was read before a chroot.
 */
#include <stdio.h>
#include <time.h>

#include "lib/expr/parts.h"

enum { DATE_FORMAT_BYTES = 512, DATE_TEXT_BYTES = 1024 };

static int64_t
with_offset(int64_t v, const struct expr_arg *offset)
{
	if (offset->kind == EXPR_ARG_INT &&
	    __builtin_add_overflow(v, offset->integer, &v))
		return offset->integer < 0 ? INT64_MIN : INT64_MAX;
	return v;
}

/* Whole units of v, rounded down; *rest is what is left. */
static int64_t
split(int64_t v, int64_t unit, int64_t *rest)
{
	int64_t whole = v / unit;
	*rest = v % unit;
	if (*rest < 0) {
		*rest += unit;
		whole--;
	}
	return whole;
}

/* Copies the format with "%N", "%3N" ... filled in from nanoseconds; as a C string. */
static bool
fill_nanoseconds(struct span format, int64_t ns, char out[DATE_FORMAT_BYTES])
{
	char digits[9];
	size_t n = 0;
	for (int i = 8; i >= 0; i--, ns /= 10)
		digits[i] = (char)('0' + ns % 10);
	for (size_t i = 0; i < format.n; i++) {
		if (n + 10 > DATE_FORMAT_BYTES)
			return false;
		out[n++] = format.p[i];
		if (format.p[i] != '%' || i + 1 == format.n)
			continue;
		char next = format.p[i + 1];
		bool has_width = next >= '1' && next <= '9' && i + 2 < format.n &&
				 format.p[i + 2] == 'N';
		if (next != 'N' && !has_width) {
			out[n++] = next; /* may be a second '%' */
			i++;
			continue;
		}
		size_t width = has_width ? (size_t)(next - '0') : 9;
		memcpy(out + n - 1, digits, width);
		n += width - 1;
		i += has_width ? 2 : 1;
	}
	out[n] = '\0';
	return true;
}

/* s is a date in `per_second`ths of a second. */
static bool
format_date(const struct expr_context *c, const struct expr_arg *args,
	    struct expr_sample *s, int64_t per_second, bool is_local)
{
	char format[DATE_FORMAT_BYTES],
		*p = expr_scratch_take(c->scratch, DATE_TEXT_BYTES);
	int64_t rest;
	time_t at = split(with_offset(s->integer, &args[1]), per_second, &rest);
	struct tm tm;
	if (!p || !(is_local ? localtime_r(&at, &tm) : gmtime_r(&at, &tm)))
		return false;
	int64_t ns = rest * (1000000000 / per_second);
	if (!fill_nanoseconds(args[0].str, ns, format))
		return false;
	expr_set_own(s, EXPR_STR, p, strftime(p, DATE_TEXT_BYTES, format, &tm));
	return true;
}

bool
expr_conv_ltime(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	return format_date(c, args, s, 1, true);
}

bool
expr_conv_ms_ltime(const struct expr_context *c, const struct expr_arg *args,
		   struct expr_sample *s)
{
	return format_date(c, args, s, 1000, true);
}

bool
expr_conv_us_ltime(const struct expr_context *c, const struct expr_arg *args,
		   struct expr_sample *s)
{
	return format_date(c, args, s, 1000000, true);
}

bool
expr_conv_utime(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	return format_date(c, args, s, 1, false);
}

bool
expr_conv_ms_utime(const struct expr_context *c, const struct expr_arg *args,
		   struct expr_sample *s)
{
	return format_date(c, args, s, 1000, false);
}

bool
expr_conv_us_utime(const struct expr_context *c, const struct expr_arg *args,
		   struct expr_sample *s)
{
	return format_date(c, args, s, 1000000, false);
}

/* RFC 9110 5.6.7; finer units leave a fraction, as HAProxy writes it. */
bool
expr_conv_http_date(const struct expr_context *c, const struct expr_arg *args,
		    struct expr_sample *s)
{
	static const int64_t units[] = {1, 1000, 1000000};
	int64_t unit = args[1].kind == EXPR_ARG_INT ? units[args[1].integer] : 1, rest;
	time_t at = split(with_offset(s->integer, &args[0]), unit, &rest);
	struct tm tm;
	char *p = expr_scratch_take(c->scratch, 64);
	if (!p || !gmtime_r(&at, &tm))
		return false;
	size_t n = strftime(p, 64, "%a, %d %b %Y %H:%M:%S", &tm);
	if (unit > 1)
		n += (size_t)snprintf(p + n, 64 - n, unit == 1000 ? ".%03d" : ".%06d",
				      (int)rest);
	memcpy(p + n, " GMT", 4);
	expr_set_own(s, EXPR_STR, p, n + 4);
	return true;
}

/* A date of HTTP in one of its three forms. */
bool
expr_conv_date(const struct expr_context *c, const struct expr_arg *args,
	       struct expr_sample *s)
{
	static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT",
					    "%A, %d-%b-%y %H:%M:%S GMT",
					    "%a %b %e %H:%M:%S %Y"};
	char text[64];
	(void)c;
	(void)args;
	if (s->str.n >= sizeof(text))
		return false;
	memcpy(text, s->str.p ? s->str.p : "", s->str.n);
	text[s->str.n] = '\0';
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {.tm_isdst = 0};
		const char *end = strptime(text, forms[i], &tm);
		if (!end || *end)
			continue;
		expr_set_int(s, timegm(&tm));
		return true;
	}
	return false;
}
