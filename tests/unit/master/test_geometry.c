/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "master/geometry.h"

static char err[SHM_ERROR_BYTES];

/* A listen "web" with one bind and two servers; only the first is checked. */
static struct cfg *
make(void)
{
	struct arena *a = arena_new();
	struct cfg *cfg = arena_alloc(a, sizeof(*cfg));
	struct cfg_proxy *p = arena_alloc(a, sizeof(*p));
	struct cfg_bind *b = arena_alloc(a, sizeof(*b));
	static const struct cfg_server servers[] = {
		{.name = "one",
		 .addr_text = "10.0.0.1:80",
		 .weight = 3,
		 .check = true,
		 .rise = 2,
		 .fall = 4,
		 .id = 1},
		{.name = "two",
		 .addr_text = "two.example:80",
		 .weight = 1,
		 .rise = 2,
		 .fall = 3,
		 .id = 2,
		 .backup = true,
		 .disabled = true},
	};
	cfg->arena = a;
	cfg->global.nbproc = 4;
	cfg->global.max_generations = 8;
	cfg->global.maxconn = 2000;
	cfg->proxies = arena_alloc(a, sizeof(*cfg->proxies));
	cfg->proxies[cfg->proxies_n++] = p;
	*p = (struct cfg_proxy){.name = "web",
				.caps = CFG_CAP_FRONTEND | CFG_CAP_BACKEND,
				.id = 7,
				.mode = CFG_MODE_HTTP,
				.maxconn = 500,
				.balance = {.algorithm = BALANCE_LEASTCONN}};
	b->name = "public";
	b->maxconn = 300;
	assert_int_equal(addr_parse(SPAN("127.0.0.1:8080"), -1, &b->addr, NULL), ADDR_OK);
	p->binds = arena_alloc(a, sizeof(*p->binds));
	p->binds[p->binds_n++] = b;
	p->servers = arena_alloc(a, 2 * sizeof(*p->servers));
	for (size_t i = 0; i < 2; i++) {
		p->servers[i] = arena_alloc(a, sizeof(*p->servers[i]));
		*p->servers[i] = servers[i];
	}
	for (size_t k = 0; k < 2; k++)
		p->servers[k]->addr.kind = ADDR_INET;
	p->servers_n = 2;
	return cfg;
}

/* The handle lies in what it frees. */
static void
unmake(struct cfg *cfg)
{
	struct arena *a = cfg->arena;
	arena_free(&a);
}

static const struct shm_facts *
find(const struct shm_geometry *g, enum shm_kind kind, const char *name)
{
	for (size_t i = 0; i < g->objects_n; i++)
		if (g->objects[i].kind == kind && strcmp(g->objects[i].name, name) == 0)
			return &g->objects[i];
	fail_msg("no object %s", name);
	return NULL;
}

static void
every_object_has_its_facts(void **state)
{
	struct cfg *cfg = make();
	struct shm_geometry g;
	(void)state;
	assert_int_equal(geometry_of(cfg, &g, err), 0);
	assert_int_equal(g.objects_n, 6);
	assert_int_equal(g.workers_n, 4);
	assert_int_equal(g.generations_max, 8);
	assert_int_equal(g.objects[0].kind, SHM_GLOBAL);
	assert_int_equal(g.objects[0].maxconn, 2000);
	const struct shm_facts *f = find(&g, SHM_FRONTEND, "web");
	assert_int_equal(f->id, 7);
	assert_int_equal(f->maxconn, 500);
	assert_string_equal(f->mode, "http");
	f = find(&g, SHM_LISTENER, "public");
	assert_string_equal(f->parent, "web");
	assert_string_equal(f->addr, "127.0.0.1:8080");
	assert_int_equal(f->maxconn, 300);
	f = find(&g, SHM_BACKEND, "web");
	assert_string_equal(f->algo, "leastconn");
	f = find(&g, SHM_SERVER, "one");
	assert_string_equal(f->parent, "web");
	assert_int_equal(f->parent_id, 7);
	assert_int_equal(f->weight, 3);
	assert_int_equal(f->fall, 4);
	assert_true(f->is_checked && !f->is_backup && !f->is_disabled);
	f = find(&g, SHM_SERVER, "two");
	assert_int_equal(f->rise, 0);
	assert_true(!f->is_checked && f->is_backup && f->is_disabled);
	unmake(cfg);
}

static void
a_server_without_an_address_counts_as_checked_so_that_it_shows_down(void **state)
{
	struct cfg *cfg = make();
	struct shm_geometry g;
	(void)state;
	cfg->proxies[0]->servers[1]->addr.kind = ADDR_NONE;
	assert_int_equal(geometry_of(cfg, &g, err), 0);
	assert_true(find(&g, SHM_SERVER, "two")->is_checked);
	unmake(cfg);
}

static void
a_server_is_known_by_its_address_as_written(void **state)
{
	struct cfg *cfg = make();
	struct shm_geometry g;
	(void)state;
	assert_int_equal(geometry_of(cfg, &g, err), 0);
	assert_string_equal(find(&g, SHM_SERVER, "two")->addr, "two.example:80");
	unmake(cfg);
}

static void
a_name_that_does_not_fit_is_an_error(void **state)
{
	struct cfg *cfg = make();
	struct shm_geometry g;
	char name[SHM_NAME_BYTES + 1];
	(void)state;
	memset(name, 'x', SHM_NAME_BYTES);
	name[SHM_NAME_BYTES] = '\0';
	cfg->proxies[0]->name = name;
	assert_int_equal(geometry_of(cfg, &g, err), -1);
	assert_non_null(strstr(err, "too long"));
	name[SHM_NAME_BYTES - 1] = '\0';
	assert_int_equal(geometry_of(cfg, &g, err), 0);
	unmake(cfg);
}

static void
the_control_socket_is_found_from_everywhere(void **state)
{
	struct cfg *cfg = make();
	struct shm_geometry g;
	struct cfg_stats_socket socket = {.path = "run/weir.sock",
					  .addr = {.kind = ADDR_UNIX}};
	(void)state;
	assert_int_equal(geometry_of(cfg, &g, err), 0);
	assert_string_equal(g.control_socket, "");
	cfg->global.sockets = &socket;
	cfg->global.sockets_n = 1;
	assert_int_equal(geometry_of(cfg, &g, err), 0);
	assert_int_equal(g.control_socket[0], '/');
	assert_non_null(strstr(g.control_socket, "/run/weir.sock"));
	unmake(cfg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_object_has_its_facts),
		cmocka_unit_test(
			a_server_without_an_address_counts_as_checked_so_that_it_shows_down),
		cmocka_unit_test(a_server_is_known_by_its_address_as_written),
		cmocka_unit_test(a_name_that_does_not_fit_is_an_error),
		cmocka_unit_test(the_control_socket_is_found_from_everywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
