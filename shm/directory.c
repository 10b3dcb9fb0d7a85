/* SPDX-License-Identifier: MIT
 *
 * The directory: which objects there are, and where. Written by the master; read by
 * everybody, also from a file nobody vouches for, so an entry is copied, checked and
 * only then used.
 */
#include "shm/object.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "shm/layout.h"
#include "shm/seq.h"

_Static_assert(sizeof(struct shm_entry_data) % 4 == 0, "copied by words");

/* --- entries --------------------------------------------------------------------- */

static uint64_t
entry_checksum(const struct shm_entry_data *d, uint32_t i)
{
	size_t from = offsetof(struct shm_entry_data, identity);
	return hash_bytes((const char *)d + from, sizeof(*d) - from, i);
}

/* Terminates strings, makes truth values of bytes: what a hostile file may lack. */
static void
facts_sanitise(struct shm_facts *f)
{
	f->name[sizeof(f->name) - 1] = '\0';
	f->parent[sizeof(f->parent) - 1] = '\0';
	f->addr[sizeof(f->addr) - 1] = '\0';
	f->mode[sizeof(f->mode) - 1] = '\0';
	f->algo[sizeof(f->algo) - 1] = '\0';
	unsigned char *flags =
		(unsigned char *)f + offsetof(struct shm_facts, is_checked);
	for (int i = 0; i < 3; i++)
		flags[i] = flags[i] != 0;
}

/* Like shm_entry_read(), up to the size of the directory: the master meets entries
 * whose number is not published yet. */
static bool
entry_get(const struct shm *s, uint32_t i, struct shm_entry_data *out)
{
	const struct shm_entry *e = shm_entry(s, i);
	if (!shm_seq_read(&e->seq, out, &e->data, sizeof(*out)) && s->is_reader)
		return false;
	if (out->checksum != entry_checksum(out, i) || out->state == SHM_ENTRY_FREE ||
	    out->state > SHM_ENTRY_GONE || (unsigned)out->facts.kind >= SHM_KINDS_N)
		return false;
	facts_sanitise(&out->facts);
	return true;
}

bool
shm_entry_read(const struct shm *s, uint32_t i, struct shm_entry_data *out)
{
	return i < shm_objects_n(s) && entry_get(s, i, out);
}

void
shm_entry_write(struct shm *s, uint32_t i, struct shm_entry_data *d)
{
	struct shm_entry *e = shm_entry(s, i);
	d->record_off = s->at.records_off + (uint64_t)i * s->at.record_bytes;
	d->cells = i * s->at.cells_n;
	d->checksum = entry_checksum(d, i);
	uint32_t odd = shm_seq_open(&e->seq);
	SHM_FAULT(entry_odd);
	e->index = i;
	shm_words_put(&e->data, d, sizeof(*d));
	shm_seq_close(&e->seq, odd);
	SHM_FAULT(entry_even);
}

static uint64_t
name_hash(const struct shm_facts *f)
{
	uint64_t h = hash_bytes(f->parent, strnlen(f->parent, SHM_NAME_BYTES), f->kind);
	return hash_bytes(f->name, strnlen(f->name, SHM_NAME_BYTES), h);
}

uint64_t
shm_facts_identity(const struct shm_facts *f)
{
	uint64_t h = name_hash(f);
	if (shm_kind_has_addr(f->kind))
		h = hash_bytes(f->addr, strnlen(f->addr, SHM_ADDR_BYTES), h);
	return h;
}

void
shm_cells_clear(struct shm *s, uint32_t i)
{
	uint32_t workers_n = atomic_load(&shm_header(s)->workers_n);
	for (uint32_t lane = 0; lane < s->at.lanes_n; lane++) {
		if (lane >= workers_n && lane < s->at.workers_max)
			continue;
		_Atomic uint64_t *cells = shm_cells(s, lane) + (size_t)i * s->at.cells_n;
		for (uint32_t c = 0; c < s->at.cells_n; c++)
			atomic_store_explicit(&cells[c], 0, memory_order_relaxed);
	}
}

void
shm_record_reset(struct shm *s, uint32_t i)
{
	struct shm_record *r = shm_record(s, i);
	memset(r, 0, s->at.record_bytes);
	r->magic = SHM_RECORD_MAGIC;
	r->bytes = s->at.record_bytes;
	r->index = i;
}

/* --- names to entries ------------------------------------------------------------- */

/* Open addressing over hash of kind, parent, name; rebuilt when the region's shape is
 * not the one it was built from. Private memory. */
struct shm_index {
	uint32_t shape, mask;
	uint32_t used_n;
	uint32_t at[]; /* entry + 1; 0: empty */
};

static void
index_insert(struct shm_index *x, uint64_t hash, uint32_t entry)
{
	uint32_t at = (uint32_t)hash & x->mask;
	while (x->at[at] != 0)
		at = (at + 1) & x->mask;
	x->at[at] = entry + 1;
	x->used_n++;
}

static struct shm_index *
index_build(uint32_t shape, uint32_t room)
{
	uint32_t size = 64;
	while (size < room * 2)
		size *= 2;
	struct shm_index *x = must_calloc(1, sizeof(*x) + (size_t)size * 4);
	x->shape = shape;
	x->mask = size - 1;
	return x;
}

static struct shm_index *
index_get(const struct shm *s)
{
	uint32_t shape =
		atomic_load_explicit(&shm_header(s)->shape, memory_order_acquire);
	if (s->index && s->index->shape == shape)
		return s->index;
	uint32_t n = shm_objects_n(s);
	struct shm_index *x = index_build(shape, n + 32);
	for (uint32_t i = 0; i < n; i++) {
		struct shm_entry_data d;
		if (entry_get(s, i, &d))
			index_insert(x, name_hash(&d.facts), i);
	}
	free(s->index);
	((struct shm *)(uintptr_t)s)->index = x; /* a cache: the handle stays the same */
	return x;
}

void
shm_index_free(struct shm *s)
{
	free(s->index);
	s->index = NULL;
}

/* Goes through the entries with these names; `f->addr` is not compared. *step starts
 * at 0. */
static int64_t
index_next(const struct shm *s, const struct shm_facts *f, uint32_t *step,
	   struct shm_entry_data *d)
{
	const struct shm_index *x = index_get(s);
	uint64_t hash = name_hash(f);
	while (*step <= x->mask) {
		uint32_t at = x->at[((uint32_t)hash + (*step)++) & x->mask];
		if (at == 0)
			return -1;
		if (entry_get(s, at - 1, d) && d->facts.kind == f->kind &&
		    strcmp(d->facts.parent, f->parent) == 0 &&
		    strcmp(d->facts.name, f->name) == 0)
			return at - 1;
	}
	return -1;
}

int64_t
shm_directory_lookup(const struct shm *s, const struct shm_facts *f)
{
	struct shm_entry_data d;
	uint32_t step = 0;
	for (;;) {
		int64_t i = index_next(s, f, &step, &d);
		if (i < 0 || !shm_kind_has_addr(f->kind) ||
		    strcmp(d.facts.addr, f->addr) == 0)
			return i;
	}
}

/* The master has written a new entry. */
void
shm_index_add(struct shm *s, const struct shm_facts *f, uint32_t i)
{
	struct shm_index *x = index_get(s);
	if (x->used_n * 2 > x->mask) { /* too full: twice the room, same content */
		struct shm_index *y = index_build(x->shape, x->mask + 1);
		for (uint32_t at = 0; at <= x->mask; at++) {
			struct shm_entry_data d;
			if (x->at[at] != 0 && entry_get(s, x->at[at] - 1, &d))
				index_insert(y, name_hash(&d.facts), x->at[at] - 1);
		}
		free(x);
		s->index = x = y;
	}
	index_insert(x, name_hash(f), i);
}

/* --- mending -------------------------------------------------------------------------
 */

/* A master killed while it wrote new facts leaves an entry whose names are good (its
 * identity says so): it is kept, the next commit writes the rest. Anything else is set
 * aside with its numbers. */
static bool
entry_mend(struct shm *s, uint32_t i)
{
	struct shm_entry *e = shm_entry(s, i);
	struct shm_entry_data d;
	memcpy(&d, &e->data, sizeof(d));
	if ((d.checksum == entry_checksum(&d, i) && d.state <= SHM_ENTRY_GONE &&
	     (unsigned)d.facts.kind < SHM_KINDS_N))
		return true;
	facts_sanitise(&d.facts);
	bool is_known = (unsigned)d.facts.kind < SHM_KINDS_N &&
			d.identity == shm_facts_identity(&d.facts);
	if (is_known) {
		if (d.state == SHM_ENTRY_FREE || d.state > SHM_ENTRY_GONE)
			d.state = SHM_ENTRY_GONE;
	} else {
		memset(&d, 0, sizeof(d));
		shm_cells_clear(s, i);
		shm_record_reset(s, i);
	}
	shm_entry_write(s, i, &d);
	return is_known;
}

unsigned
shm_directory_mend(struct shm *s)
{
	unsigned damaged_n = 0;
	for (uint32_t i = 0; i < shm_objects_n(s); i++) {
		damaged_n += !entry_mend(s, i);
		const struct shm_record *r = shm_record(s, i);
		if (r->magic == SHM_RECORD_MAGIC && r->bytes == s->at.record_bytes &&
		    r->index == i)
			continue;
		struct shm_entry_data d;
		shm_record_reset(s, i);
		if (shm_entry_read(s, i, &d) && d.facts.kind == SHM_SERVER)
			shm_server_begin(s, i, &d.facts);
		damaged_n++;
	}
	return damaged_n;
}

/* --- object.h -------------------------------------------------------------------------
 */

void
shm_object_fill(const struct shm *s, uint32_t i, const struct shm_entry_data *d,
		struct shm_object *out)
{
	struct shm_record *r = shm_record(s, i);
	*out = (struct shm_object){
		.index = i,
		.cells = i * s->at.cells_n,
		.kind = d->facts.kind,
		.is_current = d->state == SHM_ENTRY_CURRENT,
		.gauge = shm_gauge_of(s, i),
		.rates = &r->rates,
		.hands = &r->hands,
		.server = d->facts.kind == SHM_SERVER ? &r->server : NULL,
		.backend = d->facts.kind == SHM_BACKEND ? &r->backend : NULL,
		.throttles = d->facts.kind == SHM_FRONTEND || d->facts.kind == SHM_GLOBAL
				     ? r->throttles
				     : NULL,
		.area = shm_area_at(s, d),
		.area_bytes = d->area_bytes,
	};
}

bool
shm_find(const struct shm *s, enum shm_kind kind, const char *parent, const char *name,
	 const char *addr, struct shm_object *out)
{
	struct shm_facts f = {.kind = kind};
	struct shm_entry_data d;
	uint32_t step = 0;
	bool is_found = false;
	if ((parent && strlen(parent) >= sizeof(f.parent)) ||
	    (name && strlen(name) >= sizeof(f.name)))
		return false;
	strcpy(f.parent, parent ? parent : "");
	strcpy(f.name, name ? name : "");
	for (;;) {
		int64_t i = index_next(s, &f, &step, &d);
		if (i < 0)
			return is_found;
		if (shm_kind_has_addr(kind) && addr && strcmp(d.facts.addr, addr) != 0)
			continue;
		if (is_found && d.state != SHM_ENTRY_CURRENT)
			continue;
		shm_object_fill(s, (uint32_t)i, &d, out);
		is_found = true;
		if (out->is_current)
			return true;
	}
}

uint32_t
shm_objects_n(const struct shm *s)
{
	uint32_t n =
		atomic_load_explicit(&shm_header(s)->objects_n, memory_order_acquire);
	return n < s->at.objects_max ? n : s->at.objects_max;
}

bool
shm_object_at(const struct shm *s, uint32_t i, struct shm_object *out)
{
	struct shm_entry_data d;
	if (!shm_entry_read(s, i, &d))
		return false;
	if (d.state == SHM_ENTRY_GONE && d.gone_generation <= shm_oldest_generation(s))
		return false; /* nobody uses it any more */
	shm_object_fill(s, i, &d, out);
	return true;
}

void
shm_object_facts(const struct shm *s, const struct shm_object *o, struct shm_facts *out)
{
	struct shm_entry_data d;
	if (shm_entry_read(s, o->index, &d)) {
		*out = d.facts;
		return;
	}
	memset(out, 0, sizeof(*out));
	out->kind = o->kind;
}

/* One of the limits among the facts, as it is now. */
#define LIMIT(name)                                                                 \
	uint32_t shm_object_##name(const struct shm *s, const struct shm_object *o) \
	{                                                                           \
		if (o->index >= s->at.objects_max)                                  \
			return 0;                                                   \
		return __atomic_load_n(&shm_entry(s, o->index)->data.facts.name,    \
				       __ATOMIC_RELAXED);                           \
	}
LIMIT(minconn)
LIMIT(maxqueue)
LIMIT(slowstart_ms)

/* The same of those that people can change at run time. */
#define LIMIT_BY_HAND(name, field)                                                  \
	uint32_t shm_object_##name(const struct shm *s, const struct shm_object *o) \
	{                                                                           \
		if (o->index >= s->at.objects_max)                                  \
			return 0;                                                   \
		return shm_hand_value(                                              \
			o, field,                                                   \
			__atomic_load_n(&shm_entry(s, o->index)->data.facts.name,   \
					__ATOMIC_RELAXED));                         \
	}
LIMIT_BY_HAND(maxconn, SHM_HAND_MAXCONN)
LIMIT_BY_HAND(rate_limit, SHM_HAND_RATE_LIMIT)
LIMIT_BY_HAND(sess_rate_limit, SHM_HAND_SESS_RATE_LIMIT)
