/* SPDX-License-Identifier: MIT
 *
 * The log line of a finished txn, written by the format of its frontend
 * (configuration.txt 8.2). Worker.
 */
#include <stdio.h>
#include <syslog.h>

#include "worker/fetch/context.h"

bool
access_log_is_normal(const struct txn *t)
{
	return (t->stop == STOP_normal || t->stop == STOP_answered_here) &&
	       t->status < 500 && t->retries == 0 && !t->is_redispatched;
}

void
access_log_capture(struct txn *t, const char *p, size_t n)
{
	const char *end = memchr(p, '\r', n);
	if (end)
		n = (size_t)(end - p);
	if (n > LOG_LINE_BYTES)
		n = LOG_LINE_BYTES;
	(void)buf_append(&self.bufs, &t->line, p, n); /* without memory: <BADREQ> */
}

/* Requests that never were one have a format of their own, if it is given. */
static const struct format *
format_for(const struct txn *t)
{
	const struct cfg_log *log = &t->fe->cfg->access_log;
	return t->is_request_bad && log->error_format ? log->error_format : log->format;
}

/* From 1, among those of its frontend. */
static unsigned
place_of(const struct cfg_bind *bind)
{
	const struct cfg_proxy *p = bind->frontend;
	unsigned i = 0;
	while (i < p->binds_n && p->binds[i] != bind)
		i++;
	return i + 1;
}

void
access_log(struct txn *t)
{
	static char line[LOG_LINE_BYTES], sd[LOG_SD_BYTES];
	const struct cfg_proxy *fe = t->fe->cfg;
	const struct cfg_log *log = &fe->access_log;
	if (!fe->log_mask || (log->is_per_connection && t->s->requests_n > 1))
		return;
	if (access_log_is_normal(t) && fe->options & CFG_OPT_DONTLOG_NORMAL)
		return;
	bool is_error =
		!access_log_is_normal(t) && fe->options & CFG_OPT_LOG_SEPARATE_ERRORS;
	struct txn_context c = context_for(t, EXPR_AT_LOG);
	struct log_text text = {.tag = log->tag};
	t->fe->lines_n++;
	text.text =
		span_of(line, format_write(format_for(t), &c.base, line, sizeof(line)));
	if (log->sd)
		text.sd = span_of(sd, format_write(log->sd, &c.base, sd, sizeof(sd)));
	int level = t->log_level ? t->log_level - 1 : is_error ? LOG_ERR : LOG_INFO;
	logger_write(self.logger, fe->log_mask, level, &text);
}

void
access_log_handshake(struct txn *t, struct span reason)
{
	char line[LOG_LINE_BYTES / 4];
	const struct cfg_proxy *fe = t->fe->cfg;
	const struct cfg_bind *bind = t->s->bind->cfg;
	struct txn_context c = context_for(t, EXPR_AT_LOG);
	struct log_text text = {.tag = fe->access_log.tag};
	if (!fe->log_mask)
		return;
	size_t n = format_write(fe->access_log.handshake, &c.base, line,
				sizeof(line) - reason.n - CFG_NAME_MAX - 16);
	int name_n = bind->is_named
			     ? snprintf(line + n, CFG_NAME_MAX + 1, "%s", bind->name)
			     : snprintf(line + n, 16, "%u", place_of(bind));
	n += (size_t)name_n;
	memcpy(line + n, ": ", 2);
	memcpy(line + n + 2, reason.p, reason.n);
	text.text = span_of(line, n + 2 + reason.n);
	t->fe->lines_n++;
	bool is_error = fe->options & CFG_OPT_LOG_SEPARATE_ERRORS;
	logger_write(self.logger, fe->log_mask, is_error ? LOG_ERR : LOG_INFO, &text);
}

void
access_log_early(struct txn *t)
{
	if (!(t->fe->cfg->options & CFG_OPT_LOGASAP) || t->no_log)
		return;
	t->is_early = true;
	access_log(t);
	t->is_early = false;
	t->no_log = true;
}
