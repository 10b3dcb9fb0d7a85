/* SPDX-License-Identifier: MIT
 *
 * Summaries of connections: what a reader sees while they come and go, and what is left
 * of them when their worker is killed at any point.
 */
#include "fixture.h"

#include "shm/session_list.h"
#include "shm/sessions.h"

#include <arpa/inet.h>

enum { ROOM = 4 * SHM_SESSION_CHUNK, HELD_MAX = 150 };

struct stand {
	struct fixture f;
	struct shm_sessions l; /* of the process itself */
	struct shm_session *held[HELD_MAX];
	uint32_t held_n;
};

static void
open_summaries(struct fixture *f, struct shm_sessions *l)
{
	struct shm_object global;
	assert_true(shm_object_at(f->shm, 0, &global));
	shm_sessions_open(f->shm, &global, l);
}

static void
stand_create(struct stand *x)
{
	memset(x, 0, sizeof(*x));
	fixture_create(&x->f);
	x->f.facts[0].area_bytes = shm_sessions_bytes(ROOM);
	x->f.g.workers_n = 3;
	assert_int_equal(shm_grow(x->f.shm, &x->f.g, x->f.err), 0);
	open_summaries(&x->f, &x->l);
}

static void
stand_remove(struct stand *x)
{
	free(x->l.free);
	fixture_remove(&x->f);
}

static uint64_t
place_of(const struct stand *x, enum shm_session_state state)
{
	struct shm_object listener =
		fixture_object(&x->f, SHM_LISTENER, "web", "127.0.0.1:80");
	struct shm_object backend = fixture_object(&x->f, SHM_BACKEND, "", "app");
	struct shm_object server = fixture_object(&x->f, SHM_SERVER, "app", "b");
	return shm_session_pack((struct shm_session_where){state, listener.index,
							   backend.index, server.index});
}

static struct shm_session *
begin(struct shm_sessions *l, uint64_t accepted_us, uint64_t where)
{
	struct shm_session_client c = {
		.accepted_us = accepted_us, .family = 4, .port = 1234};
	inet_pton(AF_INET, "192.0.2.1", c.addr);
	return shm_session_begin(l, &c, where);
}

static struct shm_session_list
list(const struct stand *x, struct shm_session_query q, uint64_t now_us)
{
	struct shm_session_list l;
	shm_session_list_make(x->f.shm, &q, now_us, &l);
	assert_false(l.failed);
	return l;
}

static size_t
count(const struct stand *x)
{
	struct shm_session_list l = list(x, (struct shm_session_query){0}, 0);
	size_t n = l.n;
	shm_session_list_fini(&l);
	return n;
}

static void
a_connection_is_listed_with_what_was_said_of_it(void **state)
{
	(void)state;
	struct stand x;
	stand_create(&x);
	struct shm_session *c = begin(&x.l, 5000000, place_of(&x, SHM_SESSION_HEADERS));
	shm_session_count(c, 10, 200);
	shm_session_count(c, 11, 202);
	shm_session_show(c, place_of(&x, SHM_SESSION_DATA), 5000000 + 3 * 1024);
	struct shm_session_list l = list(&x, (struct shm_session_query){0}, 9000000);
	assert_int_equal(l.n, 1);
	const struct shm_session_view *v = &l.at[0];
	struct shm_text client = {0};
	shm_session_put_client(&client, v);
	assert_string_equal(client.bytes, "192.0.2.1:1234");
	assert_string_equal(v->frontend, "web");
	assert_string_equal(v->bind, "127.0.0.1:80");
	assert_string_equal(v->backend, "app");
	assert_string_equal(v->server, "b");
	assert_string_equal(shm_session_state_name(v->where.state), "data");
	assert_int_equal(v->age_us, 4000000);
	assert_int_equal(v->state_us, 4000000 - 3 * 1024);
	assert_int_equal(v->bytes_in, 11);
	assert_int_equal(v->bytes_out, 202);
	assert_int_equal(v->slot, x.f.shm->slot);
	shm_text_fini(&client);
	shm_session_list_fini(&l);
	shm_session_end(&x.l, c);
	assert_int_equal(count(&x), 0);
	stand_remove(&x);
}

static void
a_name_is_never_given_to_another_connection(void **state)
{
	(void)state;
	struct stand x;
	uint64_t seen[100];
	stand_create(&x);
	for (int i = 0; i < 100; i++) {
		struct shm_session *c = begin(&x.l, 1, 0);
		struct shm_session_list l = list(&x, (struct shm_session_query){0}, 2);
		assert_int_equal(l.n, 1);
		seen[i] = l.at[0].id;
		for (int k = 0; k < i; k++)
			assert_int_not_equal(seen[k], seen[i]);
		assert_int_equal(shm_session_kill(x.f.shm, seen[i]), x.f.shm->slot);
		assert_true(shm_session_is_killed(c));
		shm_session_end(&x.l, c);
		assert_int_equal(shm_session_kill(x.f.shm, seen[i]), -1);
		shm_session_list_fini(&l);
		struct shm_session *next = begin(&x.l, 1, 0);
		assert_false(shm_session_is_killed(next));
		shm_session_end(&x.l, next);
	}
	stand_remove(&x);
}

static void
who_finds_no_room_is_served_but_not_listed(void **state)
{
	(void)state;
	struct stand x;
	struct shm_session *all[ROOM + 10];
	stand_create(&x);
	for (int i = 0; i < ROOM + 10; i++)
		all[i] = begin(&x.l, 1, 0);
	assert_int_equal(count(&x), ROOM);
	assert_ptr_equal(all[ROOM], all[ROOM + 9]);
	assert_false(shm_session_is_killed(all[ROOM]));
	for (int i = 0; i < ROOM + 10; i++)
		shm_session_end(&x.l, all[i]);
	assert_int_equal(count(&x), 0);
	/* empty chunks went back, but one */
	assert_int_equal(x.l.free_n, SHM_SESSION_CHUNK);
	free(x.l.free);
	x.l = (struct shm_sessions){.free = calloc(1, 8)};
	struct shm_session *c = begin(&x.l, 1, 0); /* a region without an area */
	shm_session_end(&x.l, c);
	stand_remove(&x);
}

static void
connections_are_asked_for_in_words(void **state)
{
	(void)state;
	static const struct {
		const char *words[4];
		size_t n; /* SIZE_MAX: refused */
	} rows[] = {
		{{"frontend", "web"}, 3},      {{"frontend", "app"}, 0},
		{{"backend", "app"}, 2},       {{"server", "app/b"}, 2},
		{{"server", "app/a"}, 0},      {{"client", "192.0.2.1"}, 3},
		{{"client", "192.0.2.2"}, 0},  {{"client", "::1"}, 0},
		{{"state", "idle"}, 1},	       {{"state", "data"}, 1},
		{{"older", "2"}, 2},	       {{"older", "2500ms"}, 1},
		{{"limit", "2"}, 2},	       {{"sort", "in", "limit", "1"}, 1},
		{{"server", "b"}, SIZE_MAX},   {{"older", "old"}, SIZE_MAX},
		{{"state", "good"}, SIZE_MAX}, {{"limit", "0"}, SIZE_MAX},
		{{"sort", "name"}, SIZE_MAX},  {{"id", "x"}, SIZE_MAX},
		{{"colour"}, SIZE_MAX},	       {{"backend"}, SIZE_MAX},
	};
	struct stand x;
	stand_create(&x);
	struct shm_session_where idle = {SHM_SESSION_IDLE, 2, 0, 0};
	begin(&x.l, 1000000, place_of(&x, SHM_SESSION_HEADERS));
	begin(&x.l, 2000000, place_of(&x, SHM_SESSION_DATA));
	begin(&x.l, 3000000, shm_session_pack(idle));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shm_session_query q = {0};
		size_t n = 0;
		while (n < 4 && rows[i].words[n])
			n++;
		const char *wrong =
			shm_session_query_read(&q, (char *const *)rows[i].words, n);
		assert_int_equal(wrong != NULL, rows[i].n == SIZE_MAX);
		if (wrong)
			continue;
		struct shm_session_list l = list(&x, q, 4000000);
		assert_int_equal(l.n, rows[i].n);
		shm_session_list_fini(&l);
	}
	stand_remove(&x);
}

static void
a_server_is_shut_for_those_that_came_before(void **state)
{
	(void)state;
	struct stand x;
	enum shm_shut why;
	stand_create(&x);
	struct shm_object b = fixture_object(&x.f, SHM_SERVER, "app", "b");
	assert_false(shm_server_is_shut(&b, 1, &why));
	shm_server_shut(&b, SHM_SHUT_DOWN, 1000);
	assert_true(shm_server_is_shut(&b, 1000, &why));
	assert_int_equal(why, SHM_SHUT_DOWN);
	assert_false(shm_server_is_shut(&b, 1001, &why));
	stand_remove(&x);
}

/* --- processes -------------------------------------------------------------------- */

struct work {
	struct stand *x;
	enum shm_fault_point point;
	unsigned nth;	 /* 0: nothing is armed */
	unsigned rounds; /* 0: forever */
};

/* Connections come and go, and say what they do. */
static void
hammer(struct fixture *f, void *arg)
{
	const struct work *w = arg;
	struct stand *x = w->x;
	uint32_t rnd = (uint32_t)getpid() * 2654435761U | 1;
#ifdef WEIR_FAULTS
	if (w->nth)
		shm_fault_arm(w->point, w->nth, SHM_FAULT_KILL);
#endif
	free(x->l.free);
	open_summaries(f, &x->l);
	for (unsigned i = 0; !w->rounds || i < w->rounds; i++) {
		rnd = rnd * 1664525U + 1013904223U;
		if (x->held_n == HELD_MAX || (x->held_n && rnd >> 31)) {
			shm_session_end(&x->l, x->held[--x->held_n]);
			continue;
		}
		/* accepted_us and bytes say the same: a reader sees whole connections */
		uint64_t mark = (uint64_t)f->shm->slot << 32 | i;
		struct shm_session *c = begin(&x->l, mark, 0);
		shm_session_count(c, mark, mark);
		x->held[x->held_n++] = c;
	}
	while (x->held_n)
		shm_session_end(&x->l, x->held[--x->held_n]);
}

static size_t
count_of(const struct stand *x, uint32_t slot)
{
	struct shm_session_query q = {.slot_plus_1 = (int64_t)slot + 1};
	struct shm_session_list l = list(x, q, UINT64_MAX);
	size_t n = l.n;
	for (size_t i = 0; i < n; i++) {
		uint64_t mark = UINT64_MAX - l.at[i].age_us;
		assert_true(mark >> 32 == slot);
		assert_true(l.at[i].bytes_in == 0 || l.at[i].bytes_in == mark);
		assert_true(l.at[i].bytes_out == 0 || l.at[i].bytes_out == mark);
	}
	shm_session_list_fini(&l);
	return n;
}

static void
kills_at_random_instants_leave_nothing_behind(void **state)
{
	(void)state;
	enum { N = 3, KILLS = 60 };
	struct stand x;
	struct work w = {.x = &x};
	pid_t pid[N];
	uint32_t slot[N];
	stand_create(&x);
	for (uint32_t i = 0; i < N; i++)
		slot[i] = fixture_fork(&x.f, SHM_ROLE_WORKER, i, &pid[i], hammer, &w);
	for (uint32_t k = 0; k < KILLS; k++) {
		uint32_t i = k % N;
		pause_ms(k % 3);
		for (uint32_t n = 0; n < N; n++)
			count_of(&x, slot[n]);
		kill(pid[i], SIGKILL);
		fixture_wait(pid[i]);
		shm_slot_release(x.f.shm, slot[i]);
		assert_int_equal(count_of(&x, slot[i]), 0);
		slot[i] = fixture_fork(&x.f, SHM_ROLE_WORKER, i, &pid[i], hammer, &w);
	}
	for (uint32_t i = 0; i < N; i++) {
		kill(pid[i], SIGKILL);
		fixture_wait(pid[i]);
		shm_slot_release(x.f.shm, slot[i]);
	}
	assert_int_equal(count(&x), 0);
	/* all the room is there again */
	for (int i = 0; i < ROOM; i++)
		assert_true(begin(&x.l, 1, 0) != &x.l.nowhere);
	stand_remove(&x);
}

#ifdef WEIR_FAULTS

static void
a_kill_at_every_point_leaves_nothing_while_two_others_go_on(void **state)
{
	(void)state;
	static const enum shm_fault_point points[] = {
		SHM_FAULT_session_claimed, SHM_FAULT_session_filled,
		SHM_FAULT_session_begun, SHM_FAULT_session_ended};
	for (size_t p = 0; p < sizeof(points) / sizeof(points[0]); p++) {
		for (unsigned nth = 1; nth <= 4; nth++) {
			struct stand x;
			pid_t pid[3];
			uint32_t slot[3];
			stand_create(&x);
			struct work other = {.x = &x, .rounds = 2000};
			struct work victim = {.x = &x, .point = points[p], .nth = nth};
			if (points[p] == SHM_FAULT_session_claimed)
				victim.nth = 1; /* the others may have the rest */
			for (uint32_t i = 0; i < 3; i++)
				slot[i] = fixture_fork(&x.f, SHM_ROLE_WORKER, i, &pid[i],
						       hammer, i ? &other : &victim);
			assert_true(WIFSIGNALED(fixture_wait(pid[0])));
			shm_slot_release(x.f.shm, slot[0]);
			assert_int_equal(count_of(&x, slot[0]), 0);
			for (uint32_t i = 1; i < 3; i++) {
				assert_int_equal(fixture_wait(pid[i]), 0);
				shm_slot_release(x.f.shm, slot[i]);
			}
			assert_int_equal(count(&x), 0);
			stand_remove(&x);
		}
	}
}

/* A master that dies while it takes chunks back: its successor goes on. */
static void
drop_and_die(struct fixture *f, void *arg)
{
	shm_fault_arm(SHM_FAULT_session_dropped, 1, SHM_FAULT_KILL);
	shm_sessions_drop(f->shm, *(const uint32_t *)arg);
}

static void
taking_back_can_be_repeated(void **state)
{
	(void)state;
	struct stand x;
	struct work w = {.x = &x, .point = SHM_FAULT_session_begun, .nth = 100};
	pid_t pid;
	stand_create(&x);
	uint32_t slot = fixture_fork(&x.f, SHM_ROLE_WORKER, 0, &pid, hammer, &w);
	assert_true(WIFSIGNALED(fixture_wait(pid)));
	assert_true(count_of(&x, slot) > 0);
	pid_t heir;
	uint32_t heirs =
		fixture_fork(&x.f, SHM_ROLE_WORKER, 1, &heir, drop_and_die, &slot);
	assert_true(WIFSIGNALED(fixture_wait(heir)));
	shm_slot_release(x.f.shm, heirs);
	shm_slot_release(x.f.shm, slot);
	assert_int_equal(count(&x), 0);
	stand_remove(&x);
}

#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_listed_with_what_was_said_of_it),
		cmocka_unit_test(a_name_is_never_given_to_another_connection),
		cmocka_unit_test(who_finds_no_room_is_served_but_not_listed),
		cmocka_unit_test(connections_are_asked_for_in_words),
		cmocka_unit_test(a_server_is_shut_for_those_that_came_before),
		cmocka_unit_test(kills_at_random_instants_leave_nothing_behind),
#ifdef WEIR_FAULTS
		cmocka_unit_test(
			a_kill_at_every_point_leaves_nothing_while_two_others_go_on),
		cmocka_unit_test(taking_back_can_be_repeated),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
