/* SPDX-License-Identifier: MIT
 *
 * What the evaluation of expressions tells people: a regular expression that reached its
 * limits (counted each time, logged once per second), the lines of converter debug; and
 * what converter when asks. Worker.
 */
#include <stdio.h>
#include <syslog.h>

#include "worker/fetch/fetch.h"

enum { LINE_BYTES = 512, QUIET_MS = 1000 };

static void
write_line(const struct expr_context *c, int level, const char *what, struct span detail)
{
	const struct cfg_proxy *fe = context_of(c)->s->bind->fe->cfg;
	char line[LINE_BYTES];
	int shown = detail.n < LINE_BYTES / 2 ? (int)detail.n : LINE_BYTES / 2;
	int n = snprintf(line, sizeof(line), "%s: %s: %.*s", fe->name, what, shown,
			 detail.p ? detail.p : "");
	if (n >= LINE_BYTES)
		n = LINE_BYTES - 1;
	logger_line(self.logger, fe->log_mask, level, span_of(line, (size_t)n));
}

void
fetch_complain(const struct expr_context *c, const char *what, struct span detail)
{
	shm_count(&self.global, SHM_GLOBAL_regex_limit, 1);
	if (!context_of(c)->s || now_ms() < self.quiet_until_ms)
		return;
	self.quiet_until_ms = now_ms() + QUIET_MS;
	write_line(c, LOG_WARNING, what, detail);
}

void
fetch_debug(const struct expr_context *c, const char *prefix, struct span value)
{
	if (context_of(c)->s)
		write_line(c, LOG_INFO, prefix, value);
}

bool
fetch_is_in_state(const struct expr_context *c, enum expr_state state)
{
	const struct txn *t = context_of(c)->t;
	bool is_forwarded = t && t->connected_us;
	bool is_ours = t && (t->is_reply || t->is_stats);
	switch (state) {
	case EXPR_STATE_ERROR:
		return t && !access_log_is_normal(t);
	case EXPR_STATE_FORWARDED:
		return is_forwarded;
	case EXPR_STATE_NORMAL:
		return !t || access_log_is_normal(t);
	case EXPR_STATE_PROCESSED:
		return is_forwarded || is_ours;
	case EXPR_STATE_STOPPING:
		return self.is_draining;
	case EXPR_STATE_TOAPPLET:
		return is_ours;
	case EXPR_STATES_N:
		break;
	}
	return false;
}
