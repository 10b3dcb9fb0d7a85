/* SPDX-License-Identifier: MIT
 *
 * The master's changes of shape: room for the objects of a configuration before a
 * reload, and the commit that makes them current. Children are forked in between: they
 * find the new objects, old ones see no difference.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "shm/file.h"
#include "shm/layout.h"
#include "shm/member.h"
#include "shm/seq.h"

/* Without accidental bytes: facts are compared and summed as bytes. */
static struct shm_facts
facts_normal(const struct shm_facts *f)
{
	struct shm_facts n;
	memset(&n, 0, sizeof(n));
	n.kind = f->kind;
	memcpy(n.name, f->name, strnlen(f->name, sizeof(n.name) - 1));
	memcpy(n.parent, f->parent, strnlen(f->parent, sizeof(n.parent) - 1));
	memcpy(n.addr, f->addr, strnlen(f->addr, sizeof(n.addr) - 1));
	memcpy(n.mode, f->mode, strnlen(f->mode, sizeof(n.mode) - 1));
	memcpy(n.algo, f->algo, strnlen(f->algo, sizeof(n.algo) - 1));
	n.id = f->id;
	n.parent_id = f->parent_id;
	n.maxconn = f->maxconn;
	n.weight = f->weight;
	n.rise = f->rise;
	n.fall = f->fall;
	n.is_checked = f->is_checked;
	n.is_backup = f->is_backup;
	n.is_observed = f->is_observed;
	n.has_agent = f->has_agent;
	n.check_port = f->check_port;
	n.agent_port = f->agent_port;
	n.is_disabled = f->is_disabled;
	n.starts_down = f->starts_down;
	n.minconn = f->minconn;
	n.maxqueue = f->maxqueue;
	n.rate_limit = f->rate_limit;
	n.sess_rate_limit = f->sess_rate_limit;
	n.area_bytes = f->area_bytes;
	n.slowstart_ms = f->slowstart_ms;
	n.place = f->place;
	n.membership = f->membership;
	n.text_hash = f->text_hash;
	return n;
}

/* --- words of servers ------------------------------------------------------------- */

/* Until the first check. The checker begins behind the workers, who must not take it for
 * up in the meantime. */
static uint64_t
health_unchecked(const struct shm_facts *f, uint8_t seq)
{
	return shm_health_pack((struct shm_health_word){
		.state = f->starts_down ? SHM_HEALTH_DOWN : SHM_HEALTH_UNKNOWN,
		.seq = seq,
		.since_s = (uint32_t)(clock_boot_ms() / 1000),
	});
}

/* Its checks begin anew: none was made that counts. */
static void
check_forget(struct shm_check *c)
{
	static const struct shm_check none;
	shm_seq_write(&c->seq, (char *)c + SHM_CHECK_SEQ_BYTES,
		      (const char *)&none + SHM_CHECK_SEQ_BYTES,
		      sizeof(none) - SHM_CHECK_SEQ_BYTES);
}

/* A server nobody knew: up until checks fail, as in HAProxy, unless it is to start down;
 * `disabled` is maint. */
void
shm_server_begin(struct shm *s, uint32_t i, const struct shm_facts *f)
{
	struct shm_server *to = &shm_record(s, i)->server;
	struct shm_admin_word a = {
		.maint = f->is_disabled,
		.config_disabled = f->is_disabled,
		.weight = SHM_WEIGHT_CONFIGURED,
		.config_weight = (uint16_t)f->weight,
	};
	check_forget(&to->check);
	atomic_store(&to->health, health_unchecked(f, 0));
	atomic_store(&to->admin, shm_admin_pack(a));
	atomic_store(&to->shut, 0);
	atomic_store(&to->latency, 0);
	atomic_store(&to->up_at_ms, 0);
	shm_address_forget(&to->address);
	shm_wish_obey(&(struct shm_object){.server = to}, a.wish_seq);
	shm_agent_wish_obey(&(struct shm_object){.server = to}, a.agent_wish_seq);
}

/* Config wins over memory: what was set by hand stays only while the configured value
 * it was based on stands. `forgotten`: of shm_hands_commit(). */
static void
server_commit(struct shm *s, uint32_t i, const struct shm_facts *f, uint64_t forgotten)
{
	struct shm_server *to = &shm_record(s, i)->server;
	uint64_t seen = atomic_load(&to->admin), want;
	if (forgotten >> SHM_HAND_ADDRESS & 1)
		shm_address_forget(&to->address);
	do {
		struct shm_admin_word a = shm_admin_unpack(seen);
		if (a.config_disabled != f->is_disabled ||
		    forgotten >> SHM_HAND_STATE & 1) {
			if (a.maint && !f->is_disabled)
				atomic_store(&to->up_at_ms, clock_boot_ms());
			a.maint = f->is_disabled;
			a.drain = false;
		}
		if (a.config_weight != f->weight || forgotten >> SHM_HAND_WEIGHT & 1)
			a.weight = SHM_WEIGHT_CONFIGURED;
		if (!f->is_checked || forgotten >> SHM_HAND_CHECK & 1)
			a.no_check = false;
		if (!f->has_agent || forgotten >> SHM_HAND_AGENT & 1)
			a.no_agent = false;
		a.config_disabled = f->is_disabled;
		a.config_weight = (uint16_t)f->weight;
		want = shm_admin_pack(a);
	} while (want != seen && !atomic_compare_exchange_weak(&to->admin, &seen, want));

	/* Not checked any more: what the last check said is worth nothing. Checked from
	 * now on: it starts as it is to. */
	seen = atomic_load(&to->health);
	struct shm_health_word h = shm_health_unpack(seen);
	bool is_unknown = h.state == SHM_HEALTH_UNKNOWN;
	want = health_unchecked(f, (uint8_t)(h.seq + 1));
	if ((is_unknown ? f->starts_down : !f->is_checked) &&
	    atomic_compare_exchange_strong(&to->health, &seen, want) && is_unknown)
		check_forget(&to->check);
}

/* --- making room ---------------------------------------------------------------------
 */

/* Where new entries may go. */
struct room {
	uint32_t free_n;   /* entries below objects_n that are free */
	uint32_t append_n; /* entries behind them */
	uint32_t reuse_n;  /* gone, and no generation uses them */
};

static bool
is_reusable(const struct shm_entry_data *d, uint64_t oldest)
{
	return d->state == SHM_ENTRY_GONE && d->gone_generation <= oldest;
}

static struct room
room_count(const struct shm *s)
{
	uint32_t n = shm_objects_n(s);
	uint64_t oldest = shm_oldest_generation(s);
	struct room r = {.append_n = s->at.objects_max - n};
	for (uint32_t i = 0; i < n; i++) {
		struct shm_entry_data d;
		if (!shm_entry_read(s, i, &d))
			r.free_n++;
		else if (is_reusable(&d, oldest))
			r.reuse_n++;
	}
	return r;
}

/* The next place for a new entry: a free one, one more, at last the one that is gone
 * for longest. */
static uint32_t
room_take(struct shm *s, struct room *r, uint32_t *end)
{
	uint64_t oldest = shm_oldest_generation(s), gone = UINT64_MAX;
	struct shm_entry_data d;
	uint32_t best = UINT32_MAX, n = shm_objects_n(s);
	if (r->free_n > 0) {
		r->free_n--;
		for (uint32_t i = 0; i < n; i++)
			if (!shm_entry_read(s, i, &d))
				return i;
	}
	if (r->append_n > 0) {
		r->append_n--;
		return (*end)++;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (!shm_entry_read(s, i, &d) || !is_reusable(&d, oldest) ||
		    d.gone_generation >= gone)
			continue;
		best = i;
		gone = d.gone_generation;
	}
	must(best != UINT32_MAX); /* its area went back before */
	memset(&d, 0, sizeof(d));
	shm_entry_write(s, best, &d);
	return best;
}

static bool
limits_ok(const struct shm *s, const struct shm_geometry *g, char err[SHM_ERROR_BYTES])
{
	if (g->workers_n > s->at.workers_max) {
		shm_fail(err,
			 "global.nbproc: %u workers, but the region %s was made for at "
			 "most %u; a restart with --fresh-shm makes it larger",
			 g->workers_n, s->path, s->at.workers_max);
		return false;
	}
	if (g->ledger_n > s->at.ledger_bytes / sizeof(struct shm_ledger_record)) {
		shm_fail(err,
			 "tables: %u references per process, the region %s has room for "
			 "%llu; a restart with --fresh-shm makes it larger",
			 g->ledger_n, s->path,
			 (unsigned long long)(s->at.ledger_bytes /
					      sizeof(struct shm_ledger_record)));
		return false;
	}
	/* two generations overlap at least */
	if (g->workers_n * 2ULL + 8 > s->at.slots_n) {
		shm_fail(err,
			 "global.nbproc: %u workers need %llu process slots, the region "
			 "%s "
			 "has %u; a restart with --fresh-shm makes it larger",
			 g->workers_n, g->workers_n * 2ULL + 8, s->path, s->at.slots_n);
		return false;
	}
	return true;
}

static uint64_t
area_pages(const struct shm_facts *f)
{
	return (f->area_bytes + SHM_PAGE - 1) / SHM_PAGE * SHM_PAGE;
}

/* The next piece of the memory that was taken for all. */
static void
area_note(struct shm_entry_data *d, const struct shm_facts *f, uint64_t *area)
{
	if (!f->area_bytes)
		return;
	d->area_off = *area;
	d->area_bytes = area_pages(f);
	*area += d->area_bytes;
}

static void
entry_begin(struct shm *s, uint32_t i, const struct shm_facts *f, uint64_t *area)
{
	struct shm_entry_data d;
	memset(&d, 0, sizeof(d));
	shm_record_reset(s, i);
	shm_cells_clear(s, i);
	if (f->kind == SHM_SERVER)
		shm_server_begin(s, i, f);
	d.facts = *f;
	d.identity = shm_facts_identity(f);
	d.state = SHM_ENTRY_PENDING;
	area_note(&d, f, area);
	shm_entry_write(s, i, &d);
	shm_index_add(s, f, i);
}

/* What returns goes on with its numbers, but not with a state from before. What needs
 * memory for the first time gets it. */
static void
entry_return(struct shm *s, uint32_t i, const struct shm_facts *f, uint64_t *area)
{
	struct shm_entry_data d;
	must(shm_entry_read(s, i, &d));
	bool needs_area = f->area_bytes && !d.area_bytes;
	if (d.state != SHM_ENTRY_GONE && !needs_area)
		return;
	if (needs_area)
		area_note(&d, f, area);
	if (d.state == SHM_ENTRY_GONE && f->kind == SHM_SERVER)
		shm_server_begin(s, i, f);
	if (d.state == SHM_ENTRY_GONE) {
		memset(&shm_record(s, i)->hands, 0, sizeof(struct shm_hands));
		d.state = SHM_ENTRY_PENDING;
	}
	shm_entry_write(s, i, &d);
}

/* Bytes of areas that are not there yet. */
static uint64_t
areas_missing(const struct shm *s, const struct shm_geometry *g)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < g->objects_n; i++) {
		struct shm_facts f = facts_normal(&g->objects[i]);
		struct shm_entry_data d;
		int64_t at = f.area_bytes ? shm_directory_lookup(s, &f) : -1;
		bool is_there =
			at >= 0 && shm_entry_read(s, (uint32_t)at, &d) && d.area_bytes;
		if (!is_there)
			sum += area_pages(&f);
	}
	return sum;
}

int
shm_grow(struct shm *s, const struct shm_geometry *g, char err[SHM_ERROR_BYTES])
{
	struct shm_header *h = shm_header(s);
	uint32_t new_n = 0, n = shm_objects_n(s), end = n;
	must(s->slot_use != NULL && g->objects_n > 0 && g->objects[0].kind == SHM_GLOBAL);
	if (!limits_ok(s, g, err))
		return -1;
	struct room room = room_count(s);
	for (size_t i = 0; i < g->objects_n; i++) {
		struct shm_facts f = facts_normal(&g->objects[i]);
		new_n += shm_directory_lookup(s, &f) < 0;
	}
	if (new_n > (uint64_t)room.free_n + room.append_n + room.reuse_n) {
		shm_fail(err,
			 "global.shm: the region %s has room for %u proxies, binds and "
			 "servers, %u more are needed; a restart with --fresh-shm makes "
			 "it "
			 "larger",
			 s->path, s->at.objects_max, new_n);
		return -1;
	}
	uint32_t append_n = new_n > room.free_n ? new_n - room.free_n : 0;
	if (append_n > room.append_n)
		append_n = room.append_n;
	shm_areas_release(s);
	struct shm_extent use = {n + append_n, atomic_load(&h->workers_n),
				 atomic_load(&h->ledger_n)};
	if (use.workers_n < g->workers_n)
		use.workers_n = g->workers_n;
	if (use.ledger_n < g->ledger_n)
		use.ledger_n = g->ledger_n;
	uint64_t more = areas_missing(s, g), areas = shm_areas_used(s), area = 0;
	if (!shm_file_allocate(s->rw_fd, s->path, &s->at, &use, areas + more,
			       s->live.used_bytes, err) ||
	    (more && !shm_area_take(s, more, &area, err)))
		return -1;
	SHM_FAULT(grow_allocated);

	/* lanes before entries: their cells are cleared in every lane */
	atomic_store_explicit(&h->workers_n, use.workers_n, memory_order_release);
	atomic_store_explicit(&h->ledger_n, use.ledger_n, memory_order_release);
	for (size_t i = 0; i < g->objects_n; i++) {
		struct shm_facts f = facts_normal(&g->objects[i]);
		int64_t at = shm_directory_lookup(s, &f);
		if (at >= 0)
			entry_return(s, (uint32_t)at, &f, &area);
	}
	for (size_t i = 0; i < g->objects_n; i++) {
		struct shm_facts f = facts_normal(&g->objects[i]);
		if (shm_directory_lookup(s, &f) < 0)
			entry_begin(s, room_take(s, &room, &end), &f, &area);
	}
	SHM_FAULT(grow_entries);
	s->live.used_bytes = shm_layout_used(&s->at, &use) + areas + more;
	atomic_store_explicit(&h->objects_n, end, memory_order_release);
	atomic_fetch_add_explicit(&h->shape, 1, memory_order_release);
	shm_live_publish(s);
	return 0;
}

/* --- commit
 * ----------------------------------------------------------------------------- */

uint32_t
shm_entry_commit(struct shm *s, const struct shm_facts *facts)
{
	struct shm_entry_data d;
	const struct shm_facts n = facts_normal(facts), *f = &n;
	int64_t at = shm_directory_lookup(s, f);
	must(at >= 0 && shm_entry_read(s, (uint32_t)at, &d)); /* shm_grow() came before */
	uint32_t i = (uint32_t)at;
	if (d.state != SHM_ENTRY_CURRENT || memcmp(&d.facts, f, sizeof(*f)) != 0) {
		d.state = SHM_ENTRY_CURRENT;
		d.gone_generation = 0;
		d.facts = *f;
		shm_entry_write(s, i, &d);
	}
	uint64_t forgotten = shm_hands_commit(&shm_record(s, i)->hands, f);
	if (f->kind == SHM_SERVER)
		server_commit(s, i, f, forgotten);
	if (f->kind == SHM_BACKEND)
		atomic_fetch_add(&shm_record(s, i)->backend.version, 1);
	return i;
}

/* A number of a server's own that no configured one has, and no other that joined. */
static uint32_t
free_id(const struct shm *s, const struct shm_facts *f, uint32_t own,
	const struct shm_geometry *g)
{
	uint32_t id = f->id, i = 0;
	struct shm_object o;
	struct shm_facts x;
	for (bool is_taken = true; is_taken; id += is_taken) {
		is_taken = false;
		for (size_t k = 0; k < g->objects_n; k++)
			is_taken |= g->objects[k].kind == SHM_SERVER &&
				    g->objects[k].id == id &&
				    strcmp(g->objects[k].parent, f->parent) == 0;
		for (i = 0; shm_member_next(s, f->parent, &i, &o, &x);)
			is_taken |= o.index != own && x.id == id;
	}
	return id;
}

/* Whether a server that joined at run time does so still: its backend is there, and no
 * server of that name is configured, which would win. It follows its backend. */
static bool
stays(struct shm *s, uint32_t i, struct shm_entry_data *d, const struct shm_geometry *g)
{
	const struct shm_facts *backend = NULL;
	if (d->state != SHM_ENTRY_CURRENT || d->facts.membership != SHM_MEMBER_JOINED)
		return false;
	for (size_t k = 0; k < g->objects_n; k++) {
		const struct shm_facts *f = &g->objects[k];
		if (f->kind == SHM_BACKEND && strcmp(f->name, d->facts.parent) == 0)
			backend = f;
		if (f->kind == SHM_SERVER && strcmp(f->name, d->facts.name) == 0 &&
		    strcmp(f->parent, d->facts.parent) == 0)
			return false;
	}
	if (!backend)
		return false;
	uint32_t id = free_id(s, &d->facts, i, g);
	bool is_renumbered = id != d->facts.id;
	d->facts.parent_id = backend->id;
	memcpy(d->facts.mode, backend->mode, sizeof(d->facts.mode));
	d->facts.id = id;
	shm_entry_write(s, i, d);
	if (is_renumbered)
		shm_members_changed(s, d->facts.parent);
	return true;
}

/* All of the words, or none where there is no room. */
static void
words_copy(char to[SHM_CONFIG_WORDS_BYTES], const char *words)
{
	size_t n = 0;
	while (words && words[n])
		n += strlen(words + n) + 1;
	memset(to, 0, SHM_CONFIG_WORDS_BYTES);
	if (words && n < SHM_CONFIG_WORDS_BYTES)
		memcpy(to, words, n);
}

void
shm_commit(struct shm *s, const struct shm_geometry *g, uint64_t generation)
{
	uint32_t n = shm_objects_n(s);
	unsigned char *is_configured = must_calloc(n, 1);
	/* servers first: a backend's version says that they are ready to be read */
	for (int backends = 0; backends < 2; backends++) {
		for (size_t i = 0; i < g->objects_n; i++)
			if ((g->objects[i].kind == SHM_BACKEND) == backends)
				is_configured[shm_entry_commit(s, &g->objects[i])] = 1;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct shm_entry_data d;
		if (is_configured[i] || !shm_entry_read(s, i, &d) ||
		    d.state == SHM_ENTRY_GONE || stays(s, i, &d, g))
			continue;
		d.state = SHM_ENTRY_GONE;
		d.gone_generation = generation;
		shm_entry_write(s, i, &d);
	}
	free(is_configured);
	SHM_FAULT(commit_entries);

	s->live.generation = generation;
	s->live.workers_n = g->workers_n;
	memset(s->live.version, 0, sizeof(s->live.version));
	memset(s->live.control_socket, 0, sizeof(s->live.control_socket));
	s->live.config_hash = g->config_hash;
	words_copy(s->live.config_words, g->config_words);
	snprintf(s->live.version, sizeof(s->live.version), "%s",
		 g->version ? g->version : "");
	snprintf(s->live.control_socket, sizeof(s->live.control_socket), "%s",
		 g->control_socket ? g->control_socket : "");
	shm_live_publish(s);
}
