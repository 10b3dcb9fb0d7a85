/* SPDX-License-Identifier: MIT
 *
 * A backend with queues: servers a and b take two requests each, c has no limit.
 */
#ifndef WEIR_TEST_QUEUE_FIXTURE_H
#define WEIR_TEST_QUEUE_FIXTURE_H

#include "fixture.h"
#include "lib/base/clock.h"
#include "shm/queue.h"
#include "shm/queue_area.h"

enum { QUEUE_LIMIT = 2, QUEUE_TICKETS = 64 };

struct farm {
	struct fixture f;
	struct shm_object a, b;
	struct shm_queue q;
	struct shm_queue_wakes wakes;
};

static inline void
farm_create(struct farm *m)
{
	memset(m, 0, sizeof(*m));
	fixture_create(&m->f);
	m->f.g.workers_n = 8;
	fixture_facts(&m->f, "app")->area_bytes = shm_queue_bytes(QUEUE_TICKETS);
	fixture_facts(&m->f, "a")->maxconn = QUEUE_LIMIT;
	fixture_facts(&m->f, "b")->maxconn = QUEUE_LIMIT;
	assert_int_equal(shm_grow(m->f.shm, &m->f.g, m->f.err), 0);
	shm_commit(m->f.shm, &m->f.g, 1);
	struct shm_object app = fixture_object(&m->f, SHM_BACKEND, "", "app");
	m->a = fixture_object(&m->f, SHM_SERVER, "app", "a");
	m->b = fixture_object(&m->f, SHM_SERVER, "app", "b");
	assert_true(shm_queue_open(m->f.shm, &app, &m->q));
	m->q.tickets_n = QUEUE_TICKETS;
}

static inline void
farm_remove(struct farm *m)
{
	fixture_verify(&m->f);
	shm_queue_fini(&m->q);
	fixture_remove(&m->f);
}

static inline struct shm_queue_server
up(const struct shm_object *server)
{
	return (struct shm_queue_server){.server = server, .is_usable = true};
}

static inline enum shm_queue_got
farm_enter(struct farm *m, const struct shm_object *server, bool at_server,
	   uint32_t *ticket)
{
	struct shm_queue_ask ask = {.now_us = clock_mono_us(), .at_server = at_server};
	if (server)
		ask.on = up(server);
	return shm_queue_enter(m->f.shm, &m->q, &ask, ticket, &m->wakes);
}

static inline void
farm_leave(struct farm *m, const struct shm_object *server, uint32_t ticket)
{
	shm_queue_leave(m->f.shm, &m->q, ticket, up(server), &m->wakes);
}

static inline struct shm_queue_view
farm_view(const struct shm_object *o)
{
	struct shm_queue_view v;
	assert_true(shm_queue_view(o, &v));
	return v;
}

#endif
