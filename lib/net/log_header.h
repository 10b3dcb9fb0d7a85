/* SPDX-License-Identifier: MIT
 *
 * What stands before the text of a log line: priority, date, host, process.
 */
#ifndef WEIR_NET_LOG_HEADER_H
#define WEIR_NET_LOG_HEADER_H

#include <time.h>

#include "lib/net/log_target.h"

/* Parts that change once per second, ready to be copied. */
struct log_header {
	time_t at_s;
	pid_t shown_pid; /* 0: that of this process */
	char tag[64], host[64], pid[24];
	size_t pid_n, short_n, iso_n;
	char short_date[24]; /* "Nov 22 22:38:41 " */
	char iso_date[48];   /* "2026-11-22T22:38:41.000000+01:00 " */
};

/* Reads the zone's file and the host's name while they can be reached. */
void log_header_init(struct log_header *h, const char *tag);
/* Call before the lines of a moment: `now` is their date. */
void log_header_refresh(struct log_header *h, const struct timespec *now);
/* Writes what the target's format asks for, at most LOG_HEADER_BYTES plus the tag and the
 * structured data; returns the length. level as shown. */
size_t log_header_put(const struct log_header *h, const struct log_target *t, int level,
		      const struct log_text *text, char *at);

#endif
