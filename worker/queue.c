/* SPDX-License-Identifier: MIT
 *
 * Requests that wait for a server. Worker. Owns the private lists of those who wait; what
 * decides lies in the region.
 */
#include "worker/queue.h"

#include <limits.h>
#include <sys/eventfd.h>

#include "shm/fault.h"
#include "shm/slots.h"
#include "worker/origin.h"
#include "worker/pick/farm.h"

enum {
	QUEUE_RECHECK_MS = 10,
	/* Those who came first are granted first: a look for news ends behind so many in
	 * a row that have none. The re-check sees everybody. */
	QUEUE_LOOK_MAX = 64,
};

/* --- what is shared -------------------------------------------------------- */

void
queue_refresh(struct rt_backend *be)
{
	struct shm_object now;
	bool has_area = be->queue.area != NULL;
	if (!has_area && shm_find(self.shm, SHM_BACKEND, "", be->cfg->name, "", &now))
		has_area = shm_queue_open(self.shm, &now, &be->queue);
	be->has_limits = be->has_unlimited = false;
	for (size_t i = 0; i < be->servers_n; i++) {
		struct rt_server *srv = be->servers[i];
		srv->is_strict = false;
		srv->is_limited = has_area && shm_server_maxconn(self.shm, &srv->shm) > 0;
		srv->is_strict = srv->is_limited && srv->cfg->strict_maxconn;
		be->has_limits |= srv->is_limited;
		be->has_unlimited |= !srv->is_limited && farm_is_usable(srv);
	}
}

/* One that is drained serves those who are bound to it. */
static struct shm_queue_server
seen(const struct rt_server *srv)
{
	bool is_usable = farm_is_usable(srv);
	return (struct shm_queue_server){
		.server = &srv->shm,
		.is_usable = is_usable || farm_may_stick(srv, false),
		.own_only = !is_usable,
	};
}

bool
queue_has_waiters(const struct rt_server *srv)
{
	struct shm_queue_view own, any;
	shm_queue_view(&srv->shm, &own);
	shm_queue_view(&srv->be->queue.backend, &any);
	return own.waiting + any.waiting > 0;
}

bool
queue_is_full(const struct rt_server *srv)
{
	if (!srv->is_limited)
		return false;
	if (srv->is_strict && srv->idle_n && !queue_has_waiters(srv))
		return false;
	return shm_queue_is_full(self.shm, &srv->be->queue, &srv->shm);
}

/* Only a hint. */
static void
poke(uint32_t slot)
{
	if (!shm_fault_is_mute())
		(void)eventfd_write(self.in->net.slot_eventfds[slot], 1);
}

/* One of our own may have been granted something; it is run from the task, not from
 * within the end of another. */
static void
wake(const struct shm_queue_wakes *w)
{
	for (uint32_t i = 0; i < w->n; i++)
		poke(w->slots[i]);
	if (self.waiting_n)
		net_task_schedule(self.loop, &self.queue_task);
}

static void
recheck_soon(void)
{
	if (!self.queue_timer.deadline_ms)
		net_timer_set(self.loop, &self.queue_timer, now_ms() + QUEUE_RECHECK_MS);
}

/* The server of a directory index; NULL: another generation's. */
static struct rt_server *
server_at(const struct rt_backend *be, int64_t index)
{
	for (size_t i = 0; i < be->servers_n; i++)
		if (be->servers[i]->shm.index == index)
			return be->servers[i];
	return NULL;
}

static struct rt_server *
granted_to(const struct txn *t)
{
	return server_at(t->be, shm_queue_server_of(&t->be->queue, t->ticket));
}

/* strict_maxconn: idle connections of the other workers may be all that is in the way. */
static void
ask_for_room(const struct rt_backend *be)
{
	bool is_strict = false;
	for (size_t i = 0; i < be->servers_n; i++)
		is_strict |= be->servers[i]->is_strict;
	for (uint32_t slot = 1; is_strict && slot < shm_slots_n(self.shm); slot++) {
		struct shm_slot_view v;
		if (shm_slot_view(self.shm, slot, &v) && v.role == SHM_ROLE_WORKER)
			poke(slot);
	}
}

/* Closes idle connections for whose slots somebody waits. */
static void
make_room(void)
{
	struct list *next;
	for (struct list *n = self.idle_origins.next;
	     self.strict_idle_n && n != &self.idle_origins; n = next) {
		struct origin *o = list_entry(n, struct origin, age_node);
		next = n->next;
		if (o->slot && queue_has_waiters(o->srv))
			origin_close(o);
	}
}

/* --- one request ----------------------------------------------------------- */

static void
wait_begin(struct txn *t, struct rt_server *home)
{
	uint64_t limit_ms = txn_timeout_ms(t, CFG_TIMEOUT_QUEUE);
	struct shm_queue_view line = {0};
	shm_queue_view(home ? &home->shm : &t->be->queue.backend, &line);
	uint32_t ahead = line.waiting ? line.waiting - 1 : 0;
	if (home)
		t->srv_ahead += ahead;
	else
		t->be_ahead += ahead;
	t->phase = PHASE_QUEUE;
	t->is_waiting = true;
	t->home = home;
	t->client_deadline_ms = 0;
	if (!t->queue_until_ms && limit_ms)
		t->queue_until_ms = now_ms() + limit_ms;
	t->server_deadline_ms = t->queue_until_ms;
	list_add_back(&t->be->waiters, &t->wait_node);
	self.waiting_n++;
	recheck_soon();
	ask_for_room(t->be);
	net_conn_await(self.loop, &t->s->client);
	txn_arm(t);
}

static void
wait_end(struct txn *t)
{
	if (!t->is_waiting)
		return;
	t->is_waiting = false;
	t->server_deadline_ms = 0;
	list_remove(&t->wait_node);
	self.waiting_n--;
}

/* Nobody will serve it. */
static void
refuse(struct txn *t, enum stop stop)
{
	shm_count(&t->be->shm, SHM_BACKEND_econ, 1);
	if (t->home)
		shm_count(&t->home->shm, SHM_SERVER_econ, 1);
	t->phase = PHASE_QUEUE;
	t->assigned_us = now_us(); /* it never will be: so long it waited */
	if (t->s->is_tcp)
		txn_abort(t, stop);
	else
		reply_error(t, 503, stop);
}

static enum shm_queue_got
ask(struct txn *t, struct rt_server *srv, bool at_server)
{
	struct shm_queue_wakes w = {.n = 0};
	struct shm_queue_ask a = {.at_server = at_server, .now_us = now_us()};
	if (srv)
		a.on = seen(srv);
	a.on.is_usable |= srv && t->is_forced && t->wanted == srv;
	if (t->set) {
		a.priority_class = t->set->priority_class;
		a.priority_offset_us = t->set->priority_offset_ms * INT64_C(1000);
	}
	enum shm_queue_got got =
		shm_queue_enter(self.shm, &t->be->queue, &a, &t->ticket, &w);
	wake(&w);
	return got;
}

/* Grants what became free between the look for a free server and the place in the line.
 */
static void
pump(struct rt_backend *be)
{
	for (size_t i = 0; i < be->servers_n; i++) {
		const struct rt_server *srv = be->servers[i];
		struct shm_queue_wakes w = {.n = 0};
		struct shm_queue_view own;
		if (!srv->is_limited || !shm_queue_view(&srv->shm, &own))
			continue;
		uint32_t limit = shm_queue_limit(self.shm, &be->queue, &srv->shm);
		if (limit && own.served >= limit)
			continue;
		shm_queue_pump(self.shm, &be->queue, seen(srv), &w);
		wake(&w);
	}
}

/* option redispatch: a rule's server may be given up for another. */
static void
full(struct txn *t, struct rt_server *home)
{
	if (home && t->wanted == home && !t->is_forced &&
	    t->be->cfg->options & CFG_OPT_REDISPATCH) {
		dispatch_elsewhere(t, home);
		return;
	}
	t->home = home;
	refuse(t, STOP_queue_full);
}

void
queue_enter(struct txn *t, struct rt_server *srv, bool at_server)
{
	switch (ask(t, srv, at_server)) {
	case SHM_QUEUE_GRANTED:
		dispatch_granted(t, granted_to(t));
		break;
	case SHM_QUEUE_BUSY:
		t->be->queue_version = 0; /* the re-check asks again */
		wait_begin(t, at_server ? srv : NULL);
		break;
	case SHM_QUEUE_WAITING:
		wait_begin(t, at_server ? srv : NULL);
		if (!at_server)
			pump(t->be);
		break;
	case SHM_QUEUE_FULL:
		full(t, at_server ? srv : NULL);
		break;
	}
}

void
queue_leave(struct txn *t)
{
	struct shm_queue_wakes w = {.n = 0};
	struct shm_queue_server on = {.server = NULL};
	wait_end(t);
	if (!t->ticket)
		return;
	const struct rt_server *srv = granted_to(t);
	if (srv)
		on = seen(srv);
	shm_queue_leave(self.shm, &t->be->queue, t->ticket, on, &w);
	t->ticket = 0;
	wake(&w);
	if (t->be->queue.owed_n)
		recheck_soon();
}

void
queue_timeout(struct txn *t)
{
	queue_leave(t);
	refuse(t, STOP_queue_timeout);
}

bool
queue_keep(struct rt_server *srv, uint32_t most, uint32_t *ticket)
{
	return srv->be->queue.area && shm_queue_keep(self.shm, &srv->be->queue, &srv->shm,
						     most, ticket) == SHM_QUEUE_GRANTED;
}

void
queue_give(struct rt_server *srv, uint32_t *ticket)
{
	struct shm_queue_wakes w = {.n = 0};
	shm_queue_leave(self.shm, &srv->be->queue, *ticket, seen(srv), &w);
	*ticket = 0;
	wake(&w);
	if (srv->be->queue.owed_n)
		recheck_soon();
}

void
queue_idle(void)
{
	recheck_soon();
}

void
queue_drop(struct rt_backend *be, uint32_t *ticket)
{
	struct shm_queue_server nobody = {.server = NULL};
	shm_queue_leave(self.shm, &be->queue, *ticket, nobody, NULL);
	*ticket = 0;
	if (be->queue.owed_n)
		recheck_soon();
}

/* --- news ------------------------------------------------------------------ */

/* Runs those of be that were granted; `most`: so many others in a row end the look. */
static void
run_granted(struct rt_backend *be, unsigned most)
{
	struct list granted, *next;
	unsigned idle_n = 0;
	list_init(&granted);
	for (struct list *n = be->waiters.next; n != &be->waiters && idle_n < most;
	     n = next) {
		struct txn *t = list_entry(n, struct txn, wait_node);
		next = n->next;
		idle_n++;
		if (!t->ticket || shm_queue_server_of(&be->queue, t->ticket) < 0)
			continue;
		idle_n = 0;
		list_remove(n);
		list_add_back(&granted, n);
	}
	/* one that ends while others run leaves this list like the other */
	while (!list_is_empty(&granted)) {
		struct txn *t = list_entry(granted.next, struct txn, wait_node);
		struct rt_server *srv = granted_to(t);
		wait_end(t);
		dispatch_granted(t, srv);
	}
}

void
queue_look(void)
{
	make_room();
	for (size_t i = 0; i < self.cfg->proxies_n && self.waiting_n; i++)
		if (self.backends[i].cfg && self.backends[i].queue.area)
			run_granted(&self.backends[i], QUEUE_LOOK_MAX);
}

/* The server it waited for is gone, or one without a limit came up, or the lock was busy
 * when it came. false: look again. */
static bool
reconsider(struct txn *t)
{
	struct rt_backend *be = t->be;
	if (farm_usable_n(be) == 0 || (!t->home && be->has_unlimited)) {
		queue_leave(t);
		dispatch_start(t);
	} else if (!t->ticket) {
		struct rt_server *home = t->home;
		wait_end(t);
		queue_enter(t, home, home != NULL);
		return false;
	} else if (t->home && !farm_may_stick(t->home, t->is_forced)) {
		if (!shm_queue_release_from(self.shm, &be->queue, t->ticket))
			return false;
		t->home = NULL;
	}
	return true;
}

/* Each of those who wait now, once: they may go, and come again at the end. */
static bool
reconsider_all(struct rt_backend *be)
{
	struct list all;
	bool is_done = true;
	list_init(&all);
	while (!list_is_empty(&be->waiters)) {
		struct list *n = be->waiters.next;
		list_remove(n);
		list_add_back(&all, n);
	}
	while (!list_is_empty(&all)) {
		struct txn *t = list_entry(all.next, struct txn, wait_node);
		list_remove(&t->wait_node);
		list_add_back(&be->waiters, &t->wait_node);
		is_done &= reconsider(t);
	}
	return is_done;
}

static void
recheck_backend(struct rt_backend *be)
{
	struct shm_queue_wakes w = {.n = 0};
	shm_queue_settle(self.shm, &be->queue, &w);
	if (list_is_empty(&be->waiters))
		return;
	uint64_t version =
		atomic_load_explicit(&be->shm.backend->version, memory_order_acquire);
	pump(be);
	run_granted(be, UINT_MAX);
	if (version != be->queue_version && reconsider_all(be))
		be->queue_version = version;
}

static void
recheck(struct net_timer *timer)
{
	bool is_owing = false;
	(void)timer;
	for (size_t i = 0; i < self.cfg->proxies_n; i++) {
		struct rt_backend *be = &self.backends[i];
		if (!be->cfg || !be->queue.area)
			continue;
		recheck_backend(be);
		is_owing |= be->queue.owed_n > 0;
	}
	make_room();
	if (self.waiting_n || is_owing || self.strict_idle_n)
		recheck_soon();
}

static void
look_task(struct net_task *task)
{
	(void)task;
	queue_look();
}

void
queue_init(void)
{
	net_timer_init(&self.queue_timer, recheck);
	net_task_init(&self.queue_task, look_task);
}
