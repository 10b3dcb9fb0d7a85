/* SPDX-License-Identifier: MIT
 *
 * Actions that change maps and ACLs: set_map, del_map, add_acl, del_acl. Worker. What
 * they change is seen by all workers with the next look (lib/expr/live.h).
 *
 * A change allocates while it is made: it builds the new version in private memory first.
 */
#include <stdio.h>
#include <syslog.h>

#include "lib/expr/live.h"
#include "shm/shared.h"
#include "worker/fetch/fetch.h"
#include "worker/rules/rules.h"

enum { PATIENCE_MS = 5 };

static void
complain(struct rule_run *r, const struct cfg_rule *a, const char *why)
{
	char line[512];
	const struct cfg_proxy *p = r->proxy;
	if (now_ms() < self.quiet_until_ms)
		return;
	self.quiet_until_ms = now_ms() + 1000;
	int n = snprintf(line, sizeof(line), "%s: '%.*s' was not changed: %s", p->name,
			 (int)a->patterns->name.n, a->patterns->name.p, why);
	n = n < (int)sizeof(line) ? n : (int)sizeof(line) - 1;
	logger_line(self.logger, p->log_mask, LOG_WARNING, span_of(line, (size_t)n));
}

/* Under the lock. */
typedef enum expr_live change_fn(struct expr_source *s, struct span key,
				 struct span value, struct expr_error *err);

static enum rule_end
change(struct rule_run *r, const struct cfg_rule *a, change_fn *fn)
{
	struct expr_error err;
	_Atomic uint32_t *lock = expr_live_lock(&self.cfg->env);
	struct span key = rule_text(r, a->format);
	struct span value = a->value ? rule_text(r, a->value) : span_of(NULL, 0);
	if (!lock || !shm_shared_lock(self.shm, lock, PATIENCE_MS)) {
		complain(r, a, lock ? "it is being changed" : "there is no memory");
		return RULE_GOES_ON;
	}
	enum expr_live rc = fn(a->patterns, key, value, &err);
	shm_shared_unlock(self.shm, lock);
	if (rc == EXPR_LIVE_WRONG)
		complain(r, a, err.text);
	if (rc == EXPR_LIVE_FULL)
		complain(r, a, "there is no memory");
	return RULE_GOES_ON;
}

static enum expr_live
set(struct expr_source *s, struct span key, struct span value, struct expr_error *err)
{
	const struct expr_which which = {.text = key};
	enum expr_live rc = expr_live_set(s, which, value, err);
	return rc == EXPR_LIVE_NOT_FOUND ? expr_live_add(s, key, value, err) : rc;
}

static enum expr_live
add(struct expr_source *s, struct span key, struct span value, struct expr_error *err)
{
	return expr_live_has(s, key) ? EXPR_LIVE_DONE : expr_live_add(s, key, value, err);
}

static enum expr_live delete (struct expr_source *s, struct span key, struct span value,
			      struct expr_error *err) {
	(void)value; (void)err;
	return expr_live_delete(s, (struct expr_which){.text = key});
}

enum rule_end
do_set_map(struct rule_run *r, const struct cfg_rule *a)
{
	return change(r, a, set);
}

enum rule_end
do_del_map(struct rule_run *r, const struct cfg_rule *a)
{
	return change(r, a, delete);
}

enum rule_end
do_add_acl(struct rule_run *r, const struct cfg_rule *a)
{
	return change(r, a, add);
}

enum rule_end
do_del_acl(struct rule_run *r, const struct cfg_rule *a)
{
	return change(r, a, delete);
}
