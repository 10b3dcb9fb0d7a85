/* SPDX-License-Identifier: MIT
 *
 * The action rate_limit: a token for each request or connection, out of a stick table
 * that all workers share. Where the table cannot answer (its lock's owner does not run,
 * or nothing could make room), what comes passes. Worker.
 */
#include "worker/rules/rules.h"

#include "lib/base/num.h"
#include "lib/expr/program.h"
#include "lib/http/reply.h"
#include "worker/track.h"

/* false: there is no token. */
static bool
take(struct rule_run *r, const struct cfg_limit *c, uint64_t *wait_ms)
{
	unsigned char key[STICK_KEY_BYTES_MAX];
	struct expr_sample v;
	struct shm_token token = {.is_taken = true};
	struct rt_table *table = table_of(c->table);
	if (!expr_eval(c->expr, &r->c.base, EXPR_ANY, &v) ||
	    !track_key(table, &r->c.base, &v, key))
		return true;
	const struct shm_stick_limit limit = {
		.tokens_value = (uint16_t)table_value(table, STICK_tokens, 0),
		.refused_value = table_value(table, STICK_refused_cnt, 0),
		.tokens = c->tokens,
		.burst = c->burst,
	};
	enum shm_stick_result got = track_take(table, key, &limit, &token);
	*wait_ms = token.wait_ms;
	return (got != SHM_STICK_OK && got != SHM_STICK_NEW) || token.is_taken;
}

/* RFC 9110 10.2.3: whole seconds, after which there is a token. */
static void
add_retry_after(struct http_reply *reply, uint64_t wait_ms)
{
	enum { BYTES = sizeof("Retry-After: \r\n") + 20 };
	size_t n = reply->extra.n;
	char *out = expr_scratch_take(&self.scratch, n + BYTES);
	if (!out)
		return;
	memcpy(out, reply->extra.p, n);
	memcpy(out + n, "Retry-After: ", 13);
	n += 13;
	n += num_put(out + n, (wait_ms + 999) / 1000);
	memcpy(out + n, "\r\n", 2);
	reply->extra = span_of(out, n + 2);
}

enum rule_end
do_rate_limit(struct rule_run *r, const struct cfg_rule *a)
{
	const struct cfg_limit *c = a->limit;
	uint64_t wait_ms = 0;
	if (take(r, c, &wait_ms) || c->is_observing)
		return RULE_GOES_ON;
	rule_count_denied(r);
	if (r->set != CFG_RULES_REQUEST)
		return rule_close(r, STOP_rate_limited);
	struct http_reply reply;
	page_error(&r->c, (int)c->status, &reply);
	if (c->retry_after)
		add_retry_after(&reply, wait_ms);
	reply_send(r->c.t, &reply, STOP_rate_limited);
	return RULE_ENDED;
}
