/* SPDX-License-Identifier: MIT
 *
 * Event loop: epoll, timer wheel, run queue, graves. One per process; owns the epoll
 * descriptor.
 */
#include "lib/net/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/must.h"
#include "lib/net/wheel.h"

enum {
	LOOP_BATCH_N = 256,
	LOOP_ROUND_N = 1024, /* with what net_loop_look() finds */
	LOOP_SLEEP_MAX_MS = 60000,
};

struct grave {
	struct pool *pool;
	void *object;
};

struct net_loop {
	int epoll_fd;
	bool is_stopped;
	uint64_t now_us;
	struct net_loop_hooks hooks;
	struct list tasks;
	struct wheel wheel;
	struct grave *graves; /* freed after the batch */
	size_t graves_n, graves_cap;
	uint64_t looks_n; /* how often epoll was asked */
	uint32_t steps_n; /* events and tasks since then */
	bool may_be_more; /* than it could tell */
	int next_event, events_n;
	struct epoll_event events[LOOP_ROUND_N];
};

struct net_loop *
net_loop_new(const struct net_loop_hooks *hooks)
{
	struct net_loop *l = must_calloc(1, sizeof(*l));
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	must(l->epoll_fd >= 0);
	if (hooks)
		l->hooks = *hooks;
	list_init(&l->tasks);
	l->now_us = clock_mono_us();
	wheel_init(&l->wheel, l->now_us / 1000);
	return l;
}

static void
empty_graves(struct net_loop *l)
{
	for (size_t i = 0; i < l->graves_n; i++) {
		if (l->graves[i].pool)
			pool_put(l->graves[i].pool, l->graves[i].object);
		else
			free(l->graves[i].object);
	}
	l->graves_n = 0;
}

void
net_loop_free(struct net_loop **l)
{
	if (!*l)
		return;
	empty_graves(*l);
	free((*l)->graves);
	close((*l)->epoll_fd);
	free(*l);
	*l = NULL;
}

void
net_loop_stop(struct net_loop *l)
{
	l->is_stopped = true;
}

uint64_t
net_loop_now_ms(const struct net_loop *l)
{
	return l->now_us / 1000;
}

uint64_t
net_loop_now_us(const struct net_loop *l)
{
	return l->now_us;
}

/* Runs the tasks that are queued now; what they queue waits for the next round. */
static void
run_tasks(struct net_loop *l)
{
	struct list now;
	if (list_is_empty(&l->tasks))
		return;
	list_take_all(&now, &l->tasks);
	while (!list_is_empty(&now)) {
		struct net_task *t = list_entry(now.next, struct net_task, node);
		list_remove(&t->node);
		l->steps_n++;
		t->run(t);
	}
}

/* Takes in n events behind those that are there. Marked at once: whoever picks an idle
 * connection must know that it has news, though its turn comes later in the round. */
static void
take_in(struct net_loop *l, int n, int room)
{
	for (int i = l->events_n; i < l->events_n + n; i++)
		((struct net_watch *)l->events[i].data.ptr)->pending_n++;
	l->events_n += n;
	l->may_be_more = n == room;
	l->looks_n++;
	l->steps_n = 0;
}

static void
wait_for_events(struct net_loop *l)
{
	uint64_t now_ms = l->now_us / 1000, cap_ms = LOOP_SLEEP_MAX_MS;
	if (l->hooks.before_wait) {
		uint64_t most = l->hooks.before_wait(l->hooks.arg, now_ms);
		cap_ms = most < cap_ms ? most : cap_ms;
	}
	uint64_t sleep_ms =
		list_is_empty(&l->tasks) ? wheel_sleep_ms(&l->wheel, now_ms, cap_ms) : 0;
	if (l->hooks.sleeping)
		l->hooks.sleeping(l->hooks.arg, now_ms, now_ms + sleep_ms);
	int n = epoll_wait(l->epoll_fd, l->events, LOOP_BATCH_N, (int)sleep_ms);
	must(n >= 0 || errno == EINTR);
	l->now_us = clock_mono_us();
	l->next_event = l->events_n = 0;
	take_in(l, n > 0 ? n : 0, LOOP_BATCH_N);
	if (l->hooks.after_wait)
		l->hooks.after_wait(l->hooks.arg, l->now_us / 1000);
}

bool
net_loop_look(struct net_loop *l, uint32_t max_steps)
{
	if (!l->may_be_more && l->steps_n <= max_steps)
		return true;
	int room = LOOP_ROUND_N - l->events_n;
	if (room == 0)
		return false;
	int n = epoll_wait(l->epoll_fd, l->events + l->events_n, room, 0);
	if (n < 0)
		return false;
	take_in(l, n, room);
	return !l->may_be_more;
}

uint64_t
net_loop_looks(const struct net_loop *l)
{
	return l->looks_n;
}

static void
dispatch(struct net_loop *l)
{
	while (l->next_event < l->events_n) {
		struct epoll_event *e = &l->events[l->next_event++];
		struct net_watch *w = e->data.ptr;
		w->pending_n--;
		l->steps_n++;
		/* removed by an earlier one of this round: not wanted any more (a
		 * listener would accept for a process that has stopped to) */
		if (w->ready && w->is_registered)
			w->ready(w, e->events);
	}
}

void
net_loop_run(struct net_loop *l)
{
	l->is_stopped = false;
	while (!l->is_stopped) {
		wait_for_events(l);
		dispatch(l);
		wheel_expire(&l->wheel, l->now_us / 1000);
		run_tasks(l);
		dispatch(l); /* what those two have found */
		empty_graves(l);
	}
}

void
net_watch_init(struct net_watch *w, int fd,
	       void (*ready)(struct net_watch *w, uint32_t events))
{
	*w = (struct net_watch){.ready = ready, .fd = fd};
}

void
net_watch_set(struct net_loop *l, struct net_watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};
	int op = w->is_registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	must(epoll_ctl(l->epoll_fd, op, w->fd, &e) == 0);
	w->is_registered = true;
}

void
net_watch_remove(struct net_loop *l, struct net_watch *w)
{
	if (!w->is_registered)
		return;
	(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	w->is_registered = false;
}

void
net_loop_bury(struct net_loop *l, struct pool *pool, void *object)
{
	if (l->graves_n == l->graves_cap) {
		l->graves_cap = l->graves_cap ? 2 * l->graves_cap : 256;
		l->graves = must_realloc(l->graves, l->graves_cap * sizeof(*l->graves));
	}
	l->graves[l->graves_n++] = (struct grave){pool, object};
}

void
net_timer_init(struct net_timer *t, void (*expired)(struct net_timer *t))
{
	*t = (struct net_timer){.expired = expired};
	list_init(&t->node);
}

void
net_timer_set(struct net_loop *l, struct net_timer *t, uint64_t deadline_ms)
{
	t->deadline_ms = deadline_ms;
	if (deadline_ms == 0)
		return;
	if (!list_is_empty(&t->node)) {
		if (t->slot_ms <= deadline_ms)
			return; /* the wheel looks early enough */
		list_remove(&t->node);
	}
	wheel_add(&l->wheel, t);
}

void
net_timer_remove(struct net_timer *t)
{
	t->deadline_ms = 0;
	list_remove(&t->node);
}

void
net_task_init(struct net_task *t, void (*run)(struct net_task *t))
{
	t->run = run;
	list_init(&t->node);
}

void
net_task_schedule(struct net_loop *l, struct net_task *t)
{
	if (list_is_empty(&t->node))
		list_add_back(&l->tasks, &t->node);
}

void
net_task_cancel(struct net_task *t)
{
	list_remove(&t->node);
}
