/* SPDX-License-Identifier: MIT
 *
 * Takes the snapshot: collects the objects and sorts them as the configuration has them;
 * stat_fill.c fills the fields. Reads the region only; runs in workers (stats page),
 * control and weirctl.
 */
#include "shm/stats/stat.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "shm/address.h"
#include "shm/stats/stat_fill.h"

#define TEXT				    true, "str"
#define U32				    false, "u32"
#define S32				    false, "s32"
#define U64				    false, "u64"
#define STAT(name, type, kinds, tags, help) {#name, type, tags, kinds, help},
const struct shm_stat_desc shm_stat_fields[SHM_STAT_FIELDS_N] = {
#include "shm/stats/stat_fields.def"
};
#undef STAT
#undef TEXT
#undef U32
#undef S32
#undef U64

uint64_t
shm_stat_n(const struct shm_stat_row *r, enum shm_stat_field f)
{
	return r->v[f].is_set && !shm_stat_fields[f].is_text ? r->v[f].u.n : 0;
}

const char *
shm_stat_text(const struct shm_stat_row *r, enum shm_stat_field f)
{
	return r->v[f].is_set && shm_stat_fields[f].is_text ? r->v[f].u.text : "";
}

/* --- which rows --------------------------------------------------------- */

static bool
type_of(enum shm_kind kind, enum shm_stat_type *type)
{
	switch (kind) {
	case SHM_FRONTEND:
		*type = SHM_STAT_FRONTEND;
		return true;
	case SHM_BACKEND:
		*type = SHM_STAT_BACKEND;
		return true;
	case SHM_SERVER:
		*type = SHM_STAT_SERVER;
		return true;
	case SHM_LISTENER:
		*type = SHM_STAT_LISTENER;
		return true;
	case SHM_GLOBAL:
	case SHM_TABLE:
	case SHM_KINDS_N:
		break;
	}
	return false;
}

/* Where it is now. */
static void
put_address(struct shm_stat_row *r)
{
	struct addr now;
	if (r->object.server && shm_address_read(&r->object, &now))
		(void)addr_format(&now, r->facts.addr);
}
_Static_assert((int)SHM_ADDR_BYTES >= (int)ADDR_TEXT_BYTES, "addresses have room");

/* The proxies asked for: complete ones, since a backend's row sums up its servers. */
static size_t
collect(const struct stat_taking *k, const struct shm_stat_opts *o, struct shm_stat *st)
{
	size_t n = 0;
	for (uint32_t i = 0; i < shm_objects_n(k->s); i++) {
		struct shm_stat_row *r = &st->all[n];
		if (!shm_object_at(k->s, i, &r->object) ||
		    !type_of(r->object.kind, &r->type))
			continue;
		r->is_gone = !r->object.is_current;
		if (r->is_gone && !o->with_gone)
			continue;
		shm_object_facts(k->s, &r->object, &r->facts);
		put_address(r);
		if ((o->proxy && strcmp(stat_proxy_of(r), o->proxy) != 0) ||
		    (o->iid && stat_iid_of(r) != o->iid) ||
		    (o->shows && !o->shows(o->shows_arg, stat_proxy_of(r))))
			continue;
		st->rows[n++] = r;
	}
	return n;
}

static int
compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* By proxy; within it the frontend, its listeners, the servers, the backend. */
static int
by_position(const void *pa, const void *pb)
{
	static const int order[] = {
		[SHM_STAT_FRONTEND] = 0,
		[SHM_STAT_LISTENER] = 1,
		[SHM_STAT_SERVER] = 2,
		[SHM_STAT_BACKEND] = 3,
	};
	const struct shm_stat_row *a = *(struct shm_stat_row *const *)pa;
	const struct shm_stat_row *b = *(struct shm_stat_row *const *)pb;
	int d = compare(a->is_gone, b->is_gone);
	if (!d)
		d = compare(stat_iid_of(a), stat_iid_of(b));
	if (!d)
		d = strcmp(stat_proxy_of(a), stat_proxy_of(b));
	if (!d)
		d = order[a->type] - order[b->type];
	if (!d)
		d = compare(a->facts.place, b->facts.place);
	if (!d)
		d = compare(stat_sid_of(a), stat_sid_of(b));
	return d ? d : compare(a->object.index, b->object.index);
}

/* --- the snapshot ------------------------------------------------------- */

static void
keep_asked(const struct shm_stat_opts *o, struct shm_stat *st)
{
	uint32_t types = o->types ? o->types : ~(1U << SHM_STAT_LISTENER);
	size_t n = 0;
	for (size_t i = 0; i < st->rows_n; i++) {
		struct shm_stat_row *r = st->rows[i];
		bool is_down =
			r->light == SHM_LIGHT_DOWN || r->light == SHM_LIGHT_GOING_UP;
		bool is_maint = r->light == SHM_LIGHT_MAINT;
		if ((o->only_up && (is_down || is_maint)) || (o->no_maint && is_maint))
			continue;
		if (types & 1U << r->type && (!o->sid || stat_sid_of(r) == o->sid))
			st->rows[n++] = r;
	}
	st->rows_n = n;
}

static void
inherit_mode(struct shm_stat_row *r, const struct shm_stat_row *proxy)
{
	if (proxy && !r->facts.mode[0] && stat_iid_of(proxy) == stat_iid_of(r))
		memcpy(r->facts.mode, proxy->facts.mode, sizeof(r->facts.mode));
}

/* A listener speaks the mode of the frontend before it, a server that of the backend
 * behind it. */
static void
inherit_modes(struct shm_stat *st)
{
	const struct shm_stat_row *proxy = NULL;
	for (size_t i = 0; i < st->rows_n; i++) {
		if (st->rows[i]->type == SHM_STAT_FRONTEND)
			proxy = st->rows[i];
		else if (st->rows[i]->type == SHM_STAT_LISTENER)
			inherit_mode(st->rows[i], proxy);
	}
	proxy = NULL;
	for (size_t i = st->rows_n; i-- > 0;) {
		if (st->rows[i]->type == SHM_STAT_BACKEND)
			proxy = st->rows[i];
		else if (st->rows[i]->type == SHM_STAT_SERVER)
			inherit_mode(st->rows[i], proxy);
	}
}

int
shm_stat_take(const struct shm *s, const struct shm_stat_opts *opts, struct shm_stat *out)
{
	static const struct shm_stat_opts everything;
	const struct shm_stat_opts *o = opts ? opts : &everything;
	size_t max = shm_objects_n(s) + 1U;
	struct shm_info *info = malloc(sizeof(*info));
	struct stat_taking *k = malloc(sizeof(*k));
	*out = (struct shm_stat){0};
	out->rows = calloc(max, sizeof(*out->rows));
	out->all = calloc(max, sizeof(*out->all));
	if (!info || !k || !out->rows || !out->all) {
		free(info);
		free(k);
		shm_stat_fini(out);
		return -1;
	}
	shm_info(s, info);
	out->boot_ms = clock_boot_ms();
	k->s = s;
	k->boot_s = out->boot_ms / 1000;
	k->is_running = info->running;
	stat_find_counters(k);
	out->rows_n = collect(k, o, out);
	qsort(out->rows, out->rows_n, sizeof(*out->rows), by_position);
	inherit_modes(out);
	stat_fill_rows(k, out);
	keep_asked(o, out);
	free(info);
	free(k);
	return 0;
}

void
shm_stat_fini(struct shm_stat *st)
{
	free(st->rows);
	free(st->all);
	*st = (struct shm_stat){0};
}
