/* SPDX-License-Identifier: MIT
 *
 * The administrator's will, as control publishes it: maintenance, drain, checks that are
 * not wanted, states that are wished for. Runs in the checker, which looks for it ten
 * times a second.
 */
#include "checker/self.h"
#include "shm/member.h"

/* What a server inherits of the one whose health it shares, or what its agent has said;
 * one that has neither any more has nothing of it. */
void
admin_begin(struct checked *c)
{
	uint64_t word =
		atomic_load_explicit(&c->object.server->agent, memory_order_acquire);
	if (c->agent || c->tracked)
		c->says = shm_agent_unpack(word);
	else if (word)
		outcome_keep_lease(
			shm_agent_forget(checker.shm, &c->object, &c->group->object));
	struct shm_admin_word a = checked_admin(c);
	c->is_maint = a.maint;
	c->is_drained = a.drain;
	c->is_silenced = a.no_check;
	c->wish_seq = shm_wish_obeyed(&c->object);
	shm_wish_obey(&c->object, c->wish_seq);
	c->is_agent_off = a.no_agent;
}

/* Those that track it are in maintenance, and drained, with it. */
static void
bequeath(const struct checked *c)
{
	for (struct checked *t = c->trackers; t; t = t->next_tracker) {
		if (t->says.maint == c->is_maint && t->says.drain == c->is_drained)
			continue;
		t->says.maint = c->is_maint;
		t->says.drain = c->is_drained;
		outcome_keep_lease(shm_agent_publish(checker.shm, &t->object,
						     &t->group->object, t->says, 0, 0));
	}
}

/* After maintenance its checks begin anew. */
static void
begin_anew(struct checked *c)
{
	struct probe_result r = {.id = RESULT_initializing};
	if (c->tracked) {
		(void)outcome_publish(c, checked_health(c->tracked).state);
		return;
	}
	if (!c->probe)
		return;
	verdict_trust(&c->verdict, c->cfg->init_state);
	c->last = r.id;
	c->is_limited = false;
	outcome_record(c, &r, outcome_checked(c));
	(void)outcome_publish(c, outcome_state(c));
}

/* It counts as going down. Workers see that maintenance is over before it is looked at
 * here: what a server begins anew with, if that is down, stands there already. */
static void
lie_down(struct checked *c)
{
	if (cfg_server_starts_down(c->cfg))
		(void)outcome_publish(c, SHM_HEALTH_DOWN);
	else if (checked_health(c).state != SHM_HEALTH_DOWN)
		shm_count(&c->object, SHM_SERVER_chkdown, 1);
}

static void
change_maint(struct checked *c, bool is_maint)
{
	c->is_maint = is_maint;
	if (!is_maint)
		begin_anew(c);
	tell_admin(c, is_maint ? ANNOUNCE_MAINT : ANNOUNCE_READY);
	outcome_end_sessions(c, !is_maint);
	outcome_follow_one(c);
	if (is_maint)
		lie_down(c);
}

/* "set server health": as if checks had said it. */
static void
obey(struct checked *c, struct shm_admin_word a)
{
	bool is_down = a.wish == SHM_WISH_DOWN;
	struct probe_result r = {.id = RESULT_initializing};
	c->wish_seq = a.wish_seq;
	shm_wish_obey(&c->object, c->wish_seq);
	if (a.wish == SHM_WISH_NONE || a.maint || c->is_unresolved || !c->probe)
		return;
	verdict_restore(&c->verdict, c->cfg->rise, c->cfg->fall,
			is_down ? SHM_HEALTH_DOWN : SHM_HEALTH_UP, 0);
	c->is_limited = a.wish == SHM_WISH_NOLB;
	probe_result_inform(&r, SPAN("set by hand"));
	outcome_record(c, &r, outcome_checked(c));
	outcome_change(c, outcome_state(c), NULL, NULL);
}

/* What was wished for while no checker looked. */
void
admin_begun(struct group *g)
{
	for (size_t i = 0; i < g->servers_n; i++) {
		struct checked *c = g->servers[i];
		struct shm_admin_word a = checked_admin(c);
		if (a.wish_seq != c->wish_seq)
			obey(c, a);
	}
}

/* "set server agent": as if its agent had said it. */
static void
obey_for_agent(struct checked *c, struct shm_admin_word a)
{
	bool is_down = a.agent_wish == SHM_WISH_DOWN;
	struct probe_result r = {.id = is_down ? RESULT_l7_status : RESULT_l7_ok};
	struct shm_agent_word w = c->says;
	shm_agent_wish_obey(&c->object, a.agent_wish_seq);
	if (a.agent_wish == SHM_WISH_NONE || !c->agent)
		return;
	w.state = is_down ? SHM_AGENT_DOWN : SHM_AGENT_UP;
	probe_result_inform(&r, SPAN("set by hand"));
	outcome_agent(c, w, &r);
}

static void
look_at_agent(struct checked *c, struct shm_admin_word a)
{
	bool was_wanted = c->agent && schedule_is_wanted(c->agent);
	c->is_agent_off = a.no_agent;
	if (c->agent)
		schedule_wish(c->agent, was_wanted);
	if (a.agent_wish_seq != shm_agent_wish_obeyed(&c->object))
		obey_for_agent(c, a);
}

static void
look_at_server(struct checked *c)
{
	struct shm_admin_word a = checked_admin(c);
	bool was_wanted = c->probe && schedule_is_wanted(c->probe);
	bool was_drained = c->is_drained;
	group_follow_address(c);
	c->is_silenced = a.no_check;
	c->is_drained = a.drain;
	if (a.maint != c->is_maint)
		change_maint(c, a.maint);
	else if (!a.maint && a.drain != was_drained)
		tell_admin(c, a.drain ? ANNOUNCE_DRAIN : ANNOUNCE_UNDRAIN);
	bequeath(c);
	if (c->probe && !c->is_unresolved)
		schedule_wish(c->probe, was_wanted);
	if (a.wish_seq != c->wish_seq)
		obey(c, a);
	look_at_agent(c, a);
}

/* Counted first: what is told has the numbers of now. */
static void
look_at_group(struct group *g)
{
	uint32_t usable_before = g->active_n + g->backup_n;
	g->has_news = false;
	group_follow_members(g);
	group_recount(g);
	outcome_count_group(g, usable_before);
	for (size_t i = 0; i < g->servers_n; i++)
		look_at_server(g->servers[i]);
	if (usable_before && g->active_n + g->backup_n == 0)
		tell_no_server(g);
	quorum_look(g);
}

/* Everything an operator or an agent does counts the backend's version up. */
void
admin_look(void)
{
	for (size_t i = 0; i < checker.groups_n; i++) {
		struct group *g = &checker.groups[i];
		uint64_t version = atomic_load_explicit(&g->object.backend->version,
							memory_order_acquire);
		if (g->has_news || g->version != version ||
		    g->members != shm_members_version(&g->object))
			look_at_group(g);
	}
}
