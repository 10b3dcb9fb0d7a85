/* SPDX-License-Identifier: MIT
 *
 * What the master says. A line goes out at once: the next thing the master does may be
 * fork(), and a queue must not be sent twice.
 */
#include "master/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/net/log_target.h"

static struct {
	const char *name; /* of the program */
	enum report_level stderr_max, log_max;
	bool is_stderr_closed;
	struct logger *logger;
	uint64_t mask;
	bool logs_to_stderr; /* a log target is stderr: a line must not stand there twice
			      */
} out = {.name = "weir", .stderr_max = REPORT_NOTICE};

void
report_set_name(const char *program)
{
	out.name = program;
}

const char *
report_name(void)
{
	return out.name;
}

static const char *
level_name(enum report_level level)
{
	switch (level) {
	case REPORT_ALERT:
		return "alert";
	case REPORT_ERROR:
		return "error";
	case REPORT_WARNING:
		return "warning";
	case REPORT_NOTICE:
		return "notice";
	case REPORT_INFO:
		return "info";
	case REPORT_DEBUG:
		return "debug";
	}
	return "";
}

void
report_set_stderr(enum report_level max)
{
	out.stderr_max = max;
}

void
report_close_stderr(void)
{
	out.is_stderr_closed = true;
}

void
report_close_targets(void)
{
	if (out.logger)
		logger_free(&out.logger);
}

void
report_set_targets(const struct cfg *cfg, int relay_fd)
{
	report_close_targets();
	out.mask = cfg->global_log_mask;
	out.log_max = cfg->global.log_processes ? REPORT_DEBUG : REPORT_WARNING;
	out.logs_to_stderr = false;
	for (size_t i = 0; i < cfg->log_targets_n; i++)
		if ((out.mask >> i & 1) && cfg->log_targets[i].kind == LOG_TO_STDERR)
			out.logs_to_stderr = true;
	out.logger = logger_new(cfg->log_targets, cfg->log_targets_n, cfg->global.log_tag,
				relay_fd, NULL, NULL);
}

void
report(enum report_level level, const char *fmt, ...)
{
	char text[2048];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	if (!out.is_stderr_closed && level <= out.stderr_max && !out.logs_to_stderr)
		fprintf(stderr, "%s: %s: %s\n", out.name, level_name(level), text);
	if (out.logger && level <= out.log_max) {
		logger_line(out.logger, out.mask, (int)level, span_of(text, (size_t)n));
		logger_flush(out.logger);
	}
}

int
report_into(char err[SHM_ERROR_BYTES], const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(err, SHM_ERROR_BYTES, fmt, args);
	va_end(args);
	return -1;
}
