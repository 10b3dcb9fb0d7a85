/* SPDX-License-Identifier: MIT
 *
 * A region in a directory of its own on /dev/shm, and the facts of a small
 * configuration: one frontend, one backend, servers a, b, c.
 */
#ifndef WEIR_TEST_SHM_FIXTURE_H
#define WEIR_TEST_SHM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shm/file.h"
#include "shm/layout.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

enum { FACTS_MAX = 64 };

struct fixture {
	char dir[64], path[96];
	struct shm_facts facts[FACTS_MAX];
	struct shm_geometry g;
	struct shm *shm;
	char err[SHM_ERROR_BYTES];
};

static inline struct shm_facts *
fixture_add(struct fixture *f, enum shm_kind kind, const char *parent, const char *name,
	    const char *addr)
{
	assert_true(f->g.objects_n < FACTS_MAX);
	struct shm_facts *x = &f->facts[f->g.objects_n++];
	memset(x, 0, sizeof(*x));
	x->kind = kind;
	snprintf(x->parent, sizeof(x->parent), "%s", parent);
	snprintf(x->name, sizeof(x->name), "%s", name);
	snprintf(x->addr, sizeof(x->addr), "%s", addr);
	snprintf(x->mode, sizeof(x->mode), "http");
	x->id = (uint32_t)f->g.objects_n;
	x->weight = 1;
	return x;
}

static inline struct shm_facts *
fixture_facts(struct fixture *f, const char *name)
{
	for (size_t i = 0; i < f->g.objects_n; i++)
		if (strcmp(f->facts[i].name, name) == 0)
			return &f->facts[i];
	fail_msg("no facts called %s", name);
	return NULL;
}

/* Removes facts from the configuration. */
static inline void
fixture_drop(struct fixture *f, const char *name)
{
	struct shm_facts *x = fixture_facts(f, name);
	size_t i = (size_t)(x - f->facts);
	memmove(x, x + 1, (f->g.objects_n - i - 1) * sizeof(*x));
	f->g.objects_n--;
}

static inline void
fixture_config(struct fixture *f)
{
	f->g = (struct shm_geometry){
		.objects = f->facts,
		.workers_n = 2,
		.generations_max = 8,
		.version = "1.0-test",
		.control_socket = "/run/weir/weir.sock",
	};
	fixture_add(f, SHM_GLOBAL, "", "", "");
	fixture_add(f, SHM_FRONTEND, "", "web", "")->maxconn = 100;
	fixture_add(f, SHM_LISTENER, "web", "127.0.0.1:80", "127.0.0.1:80");
	fixture_add(f, SHM_BACKEND, "", "app", "");
	const char *const names[] = {"a", "b", "c"};
	for (int i = 0; i < 3; i++) {
		char addr[32];
		snprintf(addr, sizeof(addr), "10.0.0.%d:80", i + 1);
		struct shm_facts *x = fixture_add(f, SHM_SERVER, "app", names[i], addr);
		x->is_checked = true;
		x->rise = 2;
		x->fall = 3;
	}
}

static inline bool
fixture_open(struct fixture *f, bool fresh)
{
	bool adopted = false;
	f->shm = shm_open_master(f->path, &f->g, fresh, false, (uint32_t)-1, &adopted,
				 f->err);
	return adopted;
}

/* A region, created and committed as generation 1. */
static inline void
fixture_create(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/dev/shm/weir-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/weir.shm", f->dir);
	fixture_config(f);
	assert_false(fixture_open(f, false));
	if (!f->shm)
		fail_msg("%s", f->err);
	shm_commit(f->shm, &f->g, 1);
}

static inline void
fixture_remove(struct fixture *f)
{
	char path[PATH_MAX];
	shm_close(&f->shm);
	DIR *d = opendir(f->dir);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(f->dir);
}

static inline struct shm_object
fixture_object(const struct fixture *f, enum shm_kind kind, const char *parent,
	       const char *name)
{
	struct shm_object o;
	if (!shm_find(f->shm, kind, parent, name, NULL, &o))
		fail_msg("no object called %s/%s", parent, name);
	return o;
}

/* Starts fn in a child that is worker `index`; returns its slot. */
static inline uint32_t
fixture_fork(struct fixture *f, enum shm_role role, uint32_t index, pid_t *pid,
	     void (*fn)(struct fixture *f, void *arg), void *arg)
{
	int slot = shm_slot_reserve(f->shm, role, index, 1);
	assert_true(slot > 0);
	fflush(NULL);
	*pid = fork();
	assert_true(*pid >= 0);
	if (*pid == 0) {
		/* cmocka would go on with its tests in here */
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		shm_child_enter(f->shm, (uint32_t)slot);
		fn(f, arg);
		_exit(0);
	}
	shm_slot_identify(f->shm, (uint32_t)slot, (uint32_t)*pid);
	return (uint32_t)slot;
}

static inline int
fixture_wait(pid_t pid)
{
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static inline void
pause_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
	nanosleep(&ts, NULL);
}

static inline void
fixture_print_problem(void *arg, const char *text)
{
	(void)arg;
	print_error("verify: %s\n", text);
}

/* Every invariant the region knows of holds. */
static inline void
fixture_verify(const struct fixture *f)
{
	assert_int_equal(shm_verify(f->shm, fixture_print_problem, NULL), 0);
}

#endif
