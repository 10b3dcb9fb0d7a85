/* SPDX-License-Identifier: MIT
 *
 * What the master says: to stderr while it has one, and to the log targets. Master.
 */
#ifndef WEIR_MASTER_REPORT_H
#define WEIR_MASTER_REPORT_H

#include "config/cfg.h"
#include "shm/region.h"

/* syslog's severities */
enum report_level {
	REPORT_ALERT = 1,
	REPORT_ERROR = 3,
	REPORT_WARNING = 4,
	REPORT_NOTICE = 5,
	REPORT_INFO = 6,
	REPORT_DEBUG = 7,
};

/* What stands in front of lines on stderr: "weir", unless another program says so. */
void report_set_name(const char *program);
const char *report_name(void);
/* Lines up to this level go to stderr. */
void report_set_stderr(enum report_level max);
/* The targets of a configuration; before: stderr alone. Call again after a reload and
 * before the old configuration is freed. */
void report_set_targets(const struct cfg *cfg, int relay_fd);
/* Before the configuration with the targets is freed for good. */
void report_close_targets(void);
/* Nobody reads stderr any more (daemon). */
void report_close_stderr(void);
/* One line, without newline. */
void report(enum report_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* For functions that leave reporting to their caller: formats into err, returns -1. */
int report_into(char err[SHM_ERROR_BYTES], const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
