/* SPDX-License-Identifier: MIT
 *
 * A region with one stick table.
 */
#ifndef WEIR_TEST_STICK_FIXTURE_H
#define WEIR_TEST_STICK_FIXTURE_H

#include "fixture.h"
#include "lib/base/clock.h"
#include "shm/stick/stick.h"

struct table {
	struct fixture f;
	struct stick_spec spec;
	struct shm_stick t;
};

static inline void
table_create(struct table *x, const char *text, uint32_t ledger_n)
{
	struct fixture *f = &x->f;
	memset(x, 0, sizeof(*x));
	assert_true(stick_spec_read(text, &x->spec));
	snprintf(f->dir, sizeof(f->dir), "/dev/shm/weir-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/weir.shm", f->dir);
	fixture_config(f);
	fixture_add(f, SHM_TABLE, "", "t", "one")->area_bytes = x->spec.bytes;
	f->g.ledger_n = ledger_n;
	assert_false(fixture_open(f, false));
	if (!f->shm)
		fail_msg("%s", f->err);
	shm_commit(f->shm, &f->g, 1);
	struct shm_object o = fixture_object(f, SHM_TABLE, "", "t");
	assert_non_null(o.area);
	shm_stick_format(o.area, &x->spec);
	assert_true(shm_stick_init(&x->t, &x->spec, &o));
}

static inline void
table_remove(struct table *x)
{
	fixture_verify(&x->f);
	shm_stick_fini(&x->t);
	fixture_remove(&x->f);
}

/* The value's index in a view. */
static inline uint16_t
value_of(const struct table *x, enum stick_type type)
{
	const struct stick_column *c = stick_spec_find(&x->spec, type);
	assert_non_null(c);
	return c->value;
}

static inline struct shm_stick_op
add(const struct table *x, enum stick_type type, uint64_t n)
{
	return (struct shm_stick_op){value_of(x, type), SHM_STICK_ADD, n};
}

#endif
