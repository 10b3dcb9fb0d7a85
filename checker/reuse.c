/* SPDX-License-Identifier: MIT
 *
 * Connections that serve one check after the other (configuration.txt 5.2
 * "check-reuse-pool"). Runs in the checker; a probe keeps its own connection while it
 * rests, unlike HAProxy's checks, which share those of traffic.
 *
 * A connection stays only behind an answer that passed, is here to its last byte and does
 * not say that it is the last one. Servers close what has rested for long: a check that
 * finds its connection closed before a byte of an answer begins again on a new one.
 */
#include "checker/self.h"

/* One connection to the server's own address, and one request. */
bool
reuse_is_wanted(const struct probe *p)
{
	const struct cfg_check *check = p->check;
	unsigned requests_n = 0;
	if (!p->users->cfg->check_reuse_pool || check->kind != CFG_CHECK_HTTP)
		return false;
	for (size_t i = 0; i < check->steps_n; i++) {
		const struct cfg_step *step = &check->steps[i];
		if (step->kind == CFG_STEP_CONNECT && (i > 0 || step->connect))
			return false;
		requests_n += step->kind == CFG_STEP_REQUEST;
	}
	return requests_n == 1;
}

/* What came while it rested is an end, or nothing that was asked for. */
bool
reuse_take(struct probe *p, const struct addr *to)
{
	p->is_reused = p->is_resting && !p->socket->may_read && addr_eq(&p->to, to);
	checker.resting_n -= p->is_resting;
	p->is_resting = false;
	return p->is_reused;
}

/* Half of the descriptors are for those that have no connection. All that has come was
 * read: an end that is not told again is found by the next check. */
bool
reuse_keep(struct probe *p)
{
	if (!p->reuses || !p->kept_bytes || checker.resting_n >= checker.probes_cap / 2)
		return false;
	struct exam *x = script_exam(p);
	if (!exam_head(x) || !x->has_body || x->is_last)
		return false;
	checker.resting_n++;
	p->is_resting = true;
	p->socket->may_read = false;
	return true;
}

void
reuse_drop(struct probe *p)
{
	if (!p->is_resting)
		return;
	checker.resting_n--;
	p->is_resting = false;
	probe_socket_put(&p->socket, false);
}

bool
reuse_retry(struct probe *p)
{
	if (!p->is_reused || p->kept_bytes)
		return false;
	p->is_reused = false;
	p->step = 0;
	script_run(p);
	return true;
}
