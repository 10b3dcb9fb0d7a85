/* SPDX-License-Identifier: MIT
 *
 * Three processes at everything the region shares: a gauge, entries and tokens of a
 * table, slots and queues of servers, summaries of sessions. One of them is killed, or
 * stopped, at every labelled point of every critical section, while the other two go on:
 * nobody hangs, and nothing that it held is lost.
 */
#include "queue_fixture.h"

#include <sys/mman.h>

#include "shm/session_list.h"
#include "shm/sessions.h"
#include "shm/stick/stick.h"

#ifdef WEIR_FAULTS

enum {
	OTHERS_N = 2,
	HELD_MAX = 8,
	TOKENS = 500,
	STEPS_MIN = 200,      /* that each of the others makes meanwhile */
	PATIENCE_MS = 5000,   /* for them: the machine may be busy */
	STEP_CPU_US = 100000, /* no call takes longer */
};

static const char spec[] = "integer size=10 expire=0 "
			   "store=conn_cnt,conn_cur,tokens(3600000),refused_cnt";

/* Written by the others, read by the test. */
struct progress {
	_Atomic uint64_t steps[OTHERS_N], worst_us[OTHERS_N], tokens;
};

struct crew {
	struct farm m;
	struct stick_spec spec;
	struct shm_stick t;
	struct progress *progress;
};

/* What one process holds. */
struct hands {
	struct crew *c;
	struct shm_gauge *gauge;
	struct shm_sessions sessions;
	struct shm_stick_ref refs[HELD_MAX];
	struct shm_session *here[HELD_MAX];
	uint32_t tickets[HELD_MAX];
	uint32_t refs_n, here_n, tickets_n, gauge_n, rnd;
};

static void
crew_create(struct crew *c)
{
	struct fixture *f = &c->m.f;
	memset(c, 0, sizeof(*c));
	farm_create(&c->m);
	assert_true(stick_spec_read(spec, &c->spec));
	fixture_add(f, SHM_TABLE, "", "t", "one")->area_bytes = c->spec.bytes;
	f->facts[0].area_bytes = shm_sessions_bytes(8 * SHM_SESSION_CHUNK);
	f->g.ledger_n = HELD_MAX + 2;
	assert_int_equal(shm_grow(f->shm, &f->g, f->err), 0);
	shm_commit(f->shm, &f->g, 1);
	struct shm_object o = fixture_object(f, SHM_TABLE, "", "t");
	shm_stick_format(o.area, &c->spec);
	assert_true(shm_stick_init(&c->t, &c->spec, &o));
	c->progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);
	assert_true(c->progress != MAP_FAILED);
}

static void
crew_remove(struct crew *c)
{
	munmap(c->progress, 4096);
	shm_stick_fini(&c->t);
	farm_remove(&c->m);
}

static uint16_t
value_of(const struct crew *c, enum stick_type type)
{
	return stick_spec_find(&c->spec, type)->value;
}

/* --- one step of a process ------------------------------------------------------------
 */

static void
step_gauge(struct hands *h)
{
	struct shm *s = h->c->m.f.shm;
	if (h->gauge_n && (h->gauge_n == HELD_MAX || h->rnd & 64)) {
		shm_gauge_give(s, h->gauge);
		h->gauge_n--;
	} else {
		h->gauge_n +=
			shm_gauge_take(s, h->gauge, h->rnd & 128 ? 100 : 0) == SHM_TAKEN;
	}
}

static void
step_entry(struct hands *h)
{
	struct crew *c = h->c;
	struct shm *s = c->m.f.shm;
	struct shm_stick_op up[] = {{value_of(c, STICK_conn_cnt), SHM_STICK_ADD, 1},
				    {value_of(c, STICK_conn_cur), SHM_STICK_ADD, 1}};
	struct shm_stick_op down = {value_of(c, STICK_conn_cur), SHM_STICK_TAKE_AWAY, 1};
	uint32_t key = h->rnd >> 9 & 3;
	if (h->refs_n && (h->refs_n == HELD_MAX || h->rnd & 64)) {
		h->refs_n -= shm_stick_update_ref(s, &c->t, &h->refs[h->refs_n - 1], 1000,
						  &down, 1, SHM_STICK_LEAVE,
						  NULL) != SHM_STICK_BUSY;
		return;
	}
	h->refs_n += shm_stick_update(s, &c->t, &key, 1000, up, 2,
				      SHM_STICK_CREATE | SHM_STICK_HOLD,
				      &h->refs[h->refs_n], NULL) <= SHM_STICK_NEW;
}

static void
step_token(struct hands *h)
{
	struct crew *c = h->c;
	const struct shm_stick_limit limit = {value_of(c, STICK_tokens),
					      value_of(c, STICK_refused_cnt), TOKENS, 0};
	struct shm_token token = {.is_taken = false};
	uint32_t key = 4;
	(void)shm_stick_take(c->m.f.shm, &c->t, &key, 1000, &limit, &token);
	if (token.is_taken)
		atomic_fetch_add(&c->progress->tokens, 1);
}

static void
step_queue(struct hands *h)
{
	struct farm *m = &h->c->m;
	const struct shm_object *on = h->rnd & 64 ? &m->a : &m->b;
	m->wakes.n = 0;
	(void)shm_queue_settle(m->f.shm, &m->q, &m->wakes);
	if (h->tickets_n && (h->tickets_n == HELD_MAX || h->rnd & 128)) {
		uint32_t ticket = h->tickets[--h->tickets_n];
		int64_t of = shm_queue_server_of(&m->q, ticket);
		farm_leave(m, of == m->b.index ? &m->b : &m->a, ticket);
	} else {
		h->tickets_n +=
			farm_enter(m, on, h->rnd & 256, &h->tickets[h->tickets_n]) <=
			SHM_QUEUE_WAITING;
	}
	if (farm_view(on).served > QUEUE_LIMIT)
		_exit(7); /* never one more than the limit */
}

static void
step_session(struct hands *h)
{
	const struct shm_session_client client = {.accepted_us = h->rnd};
	if (h->here_n && (h->here_n == HELD_MAX || h->rnd & 64))
		shm_session_end(&h->sessions, h->here[--h->here_n]);
	else
		h->here[h->here_n++] = shm_session_begin(&h->sessions, &client, 0);
}

static void
step(struct hands *h)
{
	static void (*const steps[])(struct hands * h) = {
		step_gauge, step_entry, step_token, step_queue, step_session};
	h->rnd ^= h->rnd << 13;
	h->rnd ^= h->rnd >> 17;
	h->rnd ^= h->rnd << 5;
	struct shm *s = h->c->m.f.shm;
	if (shm_gauge_is_unsettled(s))
		(void)shm_gauge_settle(s);
	steps[h->rnd % (sizeof(steps) / sizeof(steps[0]))](h);
}

static void
hands_begin(struct hands *h, struct crew *c)
{
	struct shm_object global;
	*h = (struct hands){.c = c, .rnd = (uint32_t)getpid() * 2654435761U | 1};
	c->m.q.owed_n = 0;
	h->gauge = fixture_object(&c->m.f, SHM_FRONTEND, "", "web").gauge;
	assert_true(shm_object_at(c->m.f.shm, 0, &global));
	shm_sessions_open(c->m.f.shm, &global, &h->sessions);
}

/* --- the processes --------------------------------------------------------------------
 */

struct part {
	struct crew *c;
	uint32_t index; /* of the others */
	enum shm_fault_point point;
	unsigned nth; /* 0: one of the others */
	enum shm_fault_act act;
};

static uint64_t
cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
play(struct fixture *f, void *arg)
{
	const struct part *p = arg;
	struct progress *g = p->c->progress;
	struct hands h;
	(void)f;
	hands_begin(&h, p->c);
	if (p->nth)
		shm_fault_arm(p->point, p->nth, p->act);
	for (;;) {
		uint64_t before_us = cpu_us();
		step(&h);
		uint64_t took_us = cpu_us() - before_us;
		if (p->nth)
			continue;
		if (took_us > atomic_load(&g->worst_us[p->index]))
			atomic_store(&g->worst_us[p->index], took_us);
		atomic_fetch_add(&g->steps[p->index], 1);
	}
}

static void
settle(struct crew *c)
{
	for (int i = 0; !shm_gauge_settle(c->m.f.shm); i++) {
		assert_true(i < PATIENCE_MS);
		pause_ms(1);
	}
}

/* Each of the others makes so many steps from now on. */
static void
others_go_on(struct crew *c)
{
	for (uint32_t i = 0; i < OTHERS_N; i++) {
		uint64_t until = atomic_load(&c->progress->steps[i]) + STEPS_MIN;
		for (int ms = 0; atomic_load(&c->progress->steps[i]) < until; ms++) {
			assert_true(ms < PATIENCE_MS);
			pause_ms(1);
		}
	}
}

static const enum shm_fault_point points[] = {
	SHM_FAULT_lock_pending,	   SHM_FAULT_lock_taken,     SHM_FAULT_lock_released,
	SHM_FAULT_gauge_undo,	   SHM_FAULT_gauge_odd,	     SHM_FAULT_gauge_cur,
	SHM_FAULT_gauge_held,	   SHM_FAULT_gauge_max,	     SHM_FAULT_gauge_even,
	SHM_FAULT_stick_undo,	   SHM_FAULT_stick_odd,	     SHM_FAULT_stick_entry,
	SHM_FAULT_stick_tag,	   SHM_FAULT_ledger_where,   SHM_FAULT_stick_ledger,
	SHM_FAULT_stick_even,	   SHM_FAULT_undo_opened,    SHM_FAULT_undo_written,
	SHM_FAULT_undo_noted,	   SHM_FAULT_undo_changed,   SHM_FAULT_undo_closed,
	SHM_FAULT_session_claimed, SHM_FAULT_session_filled, SHM_FAULT_session_begun,
	SHM_FAULT_session_ended,
};
enum { POINTS_N = sizeof(points) / sizeof(points[0]) };

/* The victim comes to its end, or to rest. */
static void
meet_the_fault(struct crew *c, enum shm_fault_point point, unsigned nth,
	       enum shm_fault_act act)
{
	struct part victim = {.c = c, .point = point, .nth = nth, .act = act};
	pid_t pid;
	int status;
	if (point == SHM_FAULT_session_claimed)
		victim.nth = 1; /* one chunk is enough for it */
	uint32_t slot =
		fixture_fork(&c->m.f, SHM_ROLE_WORKER, OTHERS_N, &pid, play, &victim);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	if (act == SHM_FAULT_STOP) {
		assert_true(WIFSTOPPED(status));
		others_go_on(c);
		kill(pid, SIGKILL);
		status = fixture_wait(pid);
	}
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	shm_slot_release(c->m.f.shm, slot);
	others_go_on(c);
	settle(c);
}

static void
nothing_is_left(struct crew *c)
{
	struct shm_session_list l;
	struct shm_stick_view view;
	uint64_t at = 0;
	fixture_verify(&c->m.f);
	assert_int_equal(
		shm_gauge_cur(fixture_object(&c->m.f, SHM_FRONTEND, "", "web").gauge), 0);
	assert_int_equal(farm_view(&c->m.a).served + farm_view(&c->m.b).served, 0);
	assert_int_equal(farm_view(&c->m.q.backend).waiting, 0);
	while (shm_stick_each(&c->t, &at, 1000, &view) == SHM_STICK_OK) {
		assert_int_equal(view.refs, 0);
		assert_int_equal(view.values[value_of(c, STICK_conn_cur)], 0);
	}
	shm_session_list_make(c->m.f.shm, &(struct shm_session_query){0}, 0, &l);
	assert_int_equal(l.n, 0);
	shm_session_list_fini(&l);
}

/* What was let through was counted, and no more than there is: a victim may have died
 * with a token in its hand. */
static void
tokens_are_exact(struct crew *c, unsigned deaths)
{
	struct shm_stick_view view;
	uint32_t key = 4;
	assert_int_equal(shm_stick_read(&c->t, &key, 1000, &view), SHM_STICK_OK);
	assert_int_equal(view.values[value_of(c, STICK_tokens)], TOKENS);
	assert_in_range(atomic_load(&c->progress->tokens), TOKENS - deaths, TOKENS);
}

static void
everybody_goes_on_whoever_comes_to_an_end_wherever(enum shm_fault_act act)
{
	struct crew c;
	struct part others[OTHERS_N];
	pid_t pid[OTHERS_N];
	uint32_t slot[OTHERS_N];
	crew_create(&c);
	for (uint32_t i = 0; i < OTHERS_N; i++) {
		others[i] = (struct part){.c = &c, .index = i};
		slot[i] = fixture_fork(&c.m.f, SHM_ROLE_WORKER, i, &pid[i], play,
				       &others[i]);
	}
	for (int p = 0; p < POINTS_N; p++)
		for (unsigned nth = 1; nth <= 7; nth += 3)
			meet_the_fault(&c, points[p], nth, act);
	for (uint32_t i = 0; i < OTHERS_N; i++) {
		assert_true(atomic_load(&c.progress->worst_us[i]) < STEP_CPU_US);
		kill(pid[i], SIGKILL);
		assert_int_equal(WTERMSIG(fixture_wait(pid[i])), SIGKILL);
	}
	for (uint32_t i = 0; i < OTHERS_N; i++)
		shm_slot_release(c.m.f.shm, slot[i]);
	settle(&c);
	tokens_are_exact(&c, POINTS_N * 3 + OTHERS_N);
	nothing_is_left(&c);
	crew_remove(&c);
}

static void
a_kill_at_every_point_stops_nobody_and_loses_nothing(void **state)
{
	(void)state;
	everybody_goes_on_whoever_comes_to_an_end_wherever(SHM_FAULT_KILL);
}

static void
a_stop_at_every_point_stops_nobody_and_loses_nothing(void **state)
{
	(void)state;
	everybody_goes_on_whoever_comes_to_an_end_wherever(SHM_FAULT_STOP);
}

#endif

int
main(void)
{
#ifdef WEIR_FAULTS
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_at_every_point_stops_nobody_and_loses_nothing),
		cmocka_unit_test(a_stop_at_every_point_stops_nobody_and_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
#else
	return 0;
#endif
}
