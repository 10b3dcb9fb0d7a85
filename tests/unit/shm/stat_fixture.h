/* SPDX-License-Identifier: MIT
 *
 * A region with traffic in it, for the tests of the statistics: frontend web, backend
 * app (a up, b down, c in maintenance, a backup), backend db without servers, and a
 * proxy that is both.
 */
#ifndef WEIR_TEST_SHM_STAT_FIXTURE_H
#define WEIR_TEST_SHM_STAT_FIXTURE_H

#include "tests/unit/shm/fixture.h"

#include "lib/base/clock.h"
#include "shm/counters.h"
#include "shm/gauge.h"
#include "shm/health.h"
#include "shm/stats/render.h"
#include "shm/slots.h"

static inline struct shm_facts *
stat_add(struct fixture *f, enum shm_kind kind, const char *parent, const char *name,
	 const char *addr, uint32_t id, uint32_t parent_id)
{
	struct shm_facts *x = fixture_add(f, kind, parent, name, addr);
	x->id = id;
	x->parent_id = parent_id;
	return x;
}

static inline void
stat_server(struct fixture *f, const char *name, uint32_t id, uint32_t weight,
	    bool is_backup)
{
	char addr[32];
	snprintf(addr, sizeof(addr), "10.0.0.%u:80", id);
	struct shm_facts *x = stat_add(f, SHM_SERVER, "app", name, addr, id, 2);
	x->weight = weight;
	x->is_backup = is_backup;
	x->is_checked = !is_backup;
	x->rise = is_backup ? 0 : 2;
	x->fall = is_backup ? 0 : 3;
}

/* Not in the order of the configuration: the snapshot has to sort. */
static inline void
stat_facts(struct fixture *f)
{
	f->g = (struct shm_geometry){
		.objects = f->facts,
		.workers_n = 2,
		.generations_max = 4,
		.version = "1.0-test",
		.control_socket = "",
	};
	fixture_add(f, SHM_GLOBAL, "", "global", "")->maxconn = 1000;
	stat_add(f, SHM_BACKEND, "", "both", "", 4, 0);
	stat_server(f, "c", 3, 1, false);
	struct shm_facts *app = stat_add(f, SHM_BACKEND, "", "app", "", 2, 0);
	strcpy(app->algo, "roundrobin");
	stat_server(f, "a", 1, 10, false);
	stat_server(f, "b", 2, 20, false);
	stat_server(f, "spare", 4, 5, true);
	struct shm_facts *db = stat_add(f, SHM_BACKEND, "", "db", "", 3, 0);
	strcpy(db->mode, "tcp");
	stat_add(f, SHM_FRONTEND, "", "both", "", 4, 0);
	stat_add(f, SHM_FRONTEND, "", "web", "", 1, 0)->maxconn = 100;
	struct shm_facts *l =
		stat_add(f, SHM_LISTENER, "web", "*:80", "0.0.0.0:80", 1, 1);
	l->mode[0] = '\0'; /* as its frontend */
}

static inline void
stat_create(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/dev/shm/weir-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/weir.shm", f->dir);
	stat_facts(f);
	assert_false(fixture_open(f, false));
	if (!f->shm)
		fail_msg("%s", f->err);
	shm_commit(f->shm, &f->g, 1);
	/* this process may do all that the roles do */
	shm_lease_grant(f->shm, SHM_ROLE_CHECKER, SHM_SLOT_MASTER);
	shm_lease_grant(f->shm, SHM_ROLE_CONTROL, SHM_SLOT_MASTER);
}

static inline void
stat_health(struct fixture *f, const char *server, enum shm_health state)
{
	struct shm_object o = fixture_object(f, SHM_SERVER, "app", server);
	struct shm_object be = fixture_object(f, SHM_BACKEND, "", "app");
	assert_true(shm_health_publish(f->shm, &o, &be, state));
}

static inline void
stat_check(struct fixture *f, const char *server, const char *status, uint32_t code,
	   uint32_t counter, const char *desc)
{
	struct shm_object o = fixture_object(f, SHM_SERVER, "app", server);
	struct shm_check c = {.code = code,
			      .duration_ms = 7,
			      .counter = counter,
			      .at_boot_ms = clock_boot_ms()};
	while (strcmp(shm_check_word(c.status), status) != 0)
		c.status++;
	snprintf(c.status_text, sizeof(c.status_text), "%s", status);
	snprintf(c.desc, sizeof(c.desc), "%s", desc);
	assert_true(shm_check_publish(f->shm, &o, &c));
}

static inline void
stat_maint(struct fixture *f, const char *server)
{
	struct shm_object o = fixture_object(f, SHM_SERVER, "app", server);
	struct shm_object be = fixture_object(f, SHM_BACKEND, "", "app");
	struct shm_admin_word w = shm_admin_unpack(atomic_load(&o.server->admin));
	w.maint = true;
	assert_true(shm_admin_publish(f->shm, &o, &be, w));
}

/* a is UP, b is DOWN, c is in maintenance. */
static inline void
stat_states(struct fixture *f)
{
	stat_health(f, "a", SHM_HEALTH_UP);
	stat_check(f, "a", "L7OK", 200, 0, "Layer7 check passed: OK");
	stat_health(f, "b", SHM_HEALTH_DOWN);
	stat_check(f, "b", "L4CON", 0, 0,
		   "Layer4 connection problem: Connection refused");
	stat_health(f, "c", SHM_HEALTH_UP);
	stat_maint(f, "c");
}

static inline const struct shm_stat_row *
stat_row(const struct shm_stat *st, const char *px, const char *sv)
{
	for (size_t i = 0; i < st->rows_n; i++) {
		const struct shm_stat_row *r = st->rows[i];
		if (strcmp(shm_stat_text(r, SHM_STAT_pxname), px) == 0 &&
		    strcmp(shm_stat_text(r, SHM_STAT_svname), sv) == 0)
			return r;
	}
	fail_msg("no row %s/%s", px, sv);
	return NULL;
}

#endif
