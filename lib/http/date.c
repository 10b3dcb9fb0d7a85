/* SPDX-License-Identifier: MIT
 *
 * Dates, without the locale and the lock of libc.
 */
#include "lib/http/date.h"

#include <string.h>

enum {
	DAY_S = 86400,
	ERA_DAYS = 146097,   /* the 400 years after which the calendar repeats */
	MARCH_0000 = 719468, /* days from 0000-03-01 to 1970-01-01 */
};

static char *
put_number(char *p, unsigned v, unsigned digits)
{
	for (unsigned i = digits; i-- > 0; v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + digits;
}

static char *
put_text(char *p, const char *text, size_t n)
{
	memcpy(p, text, n);
	return p + n;
}

/* Years are counted from March, so that the leap day ends them. */
void
http_date_put(char out[HTTP_DATE_BYTES], uint64_t seconds)
{
	static const char weekdays[] =
		"ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
	static const char months[] = "MarAprMayJunJulAugSepOctNovDecJanFeb";
	unsigned days = (unsigned)(seconds / DAY_S), left = (unsigned)(seconds % DAY_S);
	unsigned z = days + MARCH_0000, era = z / ERA_DAYS, of_era = z % ERA_DAYS;
	unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * of_year + 2) / 153;
	char *p = put_text(out, weekdays + days % 7 * 3, 3);

	p = put_text(p, ", ", 2);
	p = put_number(p, of_year - (153 * month + 2) / 5 + 1, 2);
	p = put_text(p, " ", 1);
	p = put_text(p, months + month * 3, 3);
	p = put_text(p, " ", 1);
	p = put_number(p, year + era * 400 + (month >= 10), 4);
	p = put_text(p, " ", 1);
	p = put_number(p, left / 3600, 2);
	p = put_text(p, ":", 1);
	p = put_number(p, left / 60 % 60, 2);
	p = put_text(p, ":", 1);
	p = put_number(p, left % 60, 2);
	put_text(p, " GMT", 4);
}

struct span
http_date_line(struct http_date *d, uint64_t seconds)
{
	if (d->at_s != seconds) {
		char *p = put_text(d->line, "Date: ", 6);
		http_date_put(p, seconds);
		memcpy(p + HTTP_DATE_BYTES, "\r\n", 2);
		d->at_s = seconds;
	}
	return span_of(d->line, HTTP_DATE_LINE_BYTES);
}
