/* SPDX-License-Identifier: MIT
 *
 * Headers of log lines, from the table log_format.def. A date is formatted once per
 * second and process; within the second only its microseconds are patched.
 */
#include "lib/net/log_header.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "lib/base/num.h"

enum { NO, YES, LEVEL, FACILITY, SHORT, ISO, TAG, FIELDS };
enum { MICROSECONDS_AT = sizeof("2026-11-22T22:38:41.") - 1 };

struct format_row {
	uint8_t priority, date, host, process;
};

static const struct format_row formats[LOG_FORMATS_N] = {
#define LOG_FORMAT(id, name, priority, date, host, process, help) \
	{priority, date, host, process},
#include "lib/net/log_format.def"
#undef LOG_FORMAT
};

void
log_header_init(struct log_header *h, const char *tag)
{
	*h = (struct log_header){.at_s = -1};
	snprintf(h->tag, sizeof(h->tag), "%s", tag);
	if (gethostname(h->host, sizeof(h->host) - 1) < 0 || !h->host[0])
		strcpy(h->host, "-");
	tzset();
}

static void
make_dates(struct log_header *h, time_t now_s)
{
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct tm tm;
	localtime_r(&now_s, &tm);
	int n = snprintf(h->short_date, sizeof(h->short_date), "%s %2d %02d:%02d:%02d ",
			 months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	must(n > 0 && (size_t)n < sizeof(h->short_date));
	h->short_n = (size_t)n;
	char zone[8];
	must(strftime(zone, sizeof(zone), "%z", &tm) == 5); /* "+0100" */
	h->iso_n = strftime(h->iso_date, sizeof(h->iso_date), "%Y-%m-%dT%H:%M:%S.000000",
			    &tm);
	h->iso_n +=
		(size_t)snprintf(h->iso_date + h->iso_n, sizeof(h->iso_date) - h->iso_n,
				 "%.3s:%s ", zone, zone + 3);
}

void
log_header_refresh(struct log_header *h, const struct timespec *now)
{
	if (now->tv_sec != h->at_s) {
		make_dates(h, now->tv_sec);
		h->pid_n = num_put(h->pid,
				   (uint64_t)(h->shown_pid ? h->shown_pid : getpid()));
		h->at_s = now->tv_sec;
	}
	unsigned us = (unsigned)(now->tv_nsec / 1000);
	for (size_t i = 6; i-- > 0; us /= 10)
		h->iso_date[MICROSECONDS_AT + i] = (char)('0' + us % 10);
}

static char *
put(char *p, const char *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

size_t
log_header_put(const struct log_header *h, const struct log_target *t, int level,
	       const struct log_text *text, char *at)
{
	const struct format_row *f = &formats[t->format];
	struct span tag = text->tag.n ? text->tag : span_str(h->tag);
	struct span sd = text->sd.n ? text->sd : SPAN("-");
	char *p = at;
	if (f->priority != NO) {
		int facility = f->priority == FACILITY ? t->facility : 0;
		*p++ = '<';
		p += num_put(p, (uint64_t)(facility * 8 + level));
		*p++ = '>';
	}
	if (f->process == FIELDS)
		p = put(p, "1 ", 2); /* VERSION */
	if (f->date == SHORT)
		p = put(p, h->short_date, h->short_n);
	else if (f->date == ISO)
		p = put(p, h->iso_date, h->iso_n);
	if (f->host == YES) {
		p = put(p, h->host, strlen(h->host));
		*p++ = ' ';
	}
	if (f->process == NO)
		return (size_t)(p - at);
	p = put(p, tag.p, tag.n);
	*p++ = f->process == TAG ? '[' : ' ';
	p = put(p, h->pid, h->pid_n);
	if (f->process == TAG)
		return (size_t)(put(p, "]: ", 3) - at);
	p = put(p, " - ", 3); /* MSGID */
	p = put(p, sd.p, sd.n);
	*p++ = ' ';
	return (size_t)(p - at);
}
