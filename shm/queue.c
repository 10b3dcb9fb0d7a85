/* SPDX-License-Identifier: MIT
 *
 * Tickets: taken, granted, handed on. Workers change them; the master takes away those of
 * dead processes. Everything that changes goes through shm_undo_set().
 */
#include "shm/queue.h"

#include <stdlib.h>

#include "shm/queue_area.h"

uint64_t
shm_queue_bytes(uint32_t tickets_n)
{
	return sizeof(struct shm_queue_area) +
	       (uint64_t)tickets_n * sizeof(struct shm_ticket);
}

bool
shm_queue_open(struct shm *s, const struct shm_object *backend, struct shm_queue *out)
{
	(void)s;
	*out = (struct shm_queue){.backend = *backend,
				  .area = backend->area,
				  .tickets_n = tickets_in(backend->area_bytes)};
	if (backend->kind != SHM_BACKEND || !backend->area || out->tickets_n == 0)
		return false;
	/* address space; a page is used when it is needed */
	out->owed = must_calloc(out->tickets_n, sizeof(*out->owed));
	return true;
}

void
shm_queue_fini(struct shm_queue *q)
{
	free(q->owed);
	q->owed = NULL;
}

/* --- what is read ------------------------------------------------------------------ */

static uint64_t
get(const _Atomic uint64_t *word)
{
	return shm_undo_get(word);
}

static struct shm_ticket *
ticket_at(const struct shm_queue *q, uint64_t place)
{
	return place == 0 || place > q->tickets_n ? NULL : &q->area->tickets[place - 1];
}

uint32_t
shm_server_maxconn(const struct shm *s, const struct shm_object *server)
{
	uint32_t agent =
		server->server
			? shm_agent_unpack(atomic_load_explicit(&server->server->agent,
								memory_order_relaxed))
				  .maxconn
			: 0;
	return agent ? agent : shm_object_maxconn(s, server);
}

/* Without slow start. */
static uint32_t
full_limit(const struct shm *s, const struct shm_queue *q,
	   const struct shm_object *server)
{
	uint64_t max = shm_server_maxconn(s, server), min = shm_object_minconn(s, server);
	uint64_t full = shm_object_maxconn(s, &q->backend);
	if (max == 0 || min == 0 || min >= max || full == 0)
		return (uint32_t)max;
	uint64_t load = shm_gauge_cur(q->backend.gauge);
	if (load >= full)
		return (uint32_t)max;
	uint64_t dynamic = load * max / full;
	return (uint32_t)(dynamic > min ? dynamic : min);
}

/* configuration.txt, slowstart: the limit grows from 1 as the weight does. */
uint32_t
shm_queue_limit(const struct shm *s, const struct shm_queue *q,
		const struct shm_object *server)
{
	uint64_t limit = full_limit(s, q, server);
	uint32_t slowstart_ms = shm_object_slowstart_ms(s, server);
	if (limit == 0 || slowstart_ms == 0)
		return (uint32_t)limit;
	limit = limit * shm_ramp(server, slowstart_ms) / 100;
	return limit ? (uint32_t)limit : 1;
}

static bool
has_free(const struct shm *s, const struct shm_queue *q, const struct shm_object *server)
{
	uint32_t limit = shm_queue_limit(s, q, server);
	return limit == 0 || get(&server->server->slots.served) < limit;
}

bool
shm_queue_is_full(const struct shm *s, const struct shm_queue *q,
		  const struct shm_object *server)
{
	return get(&server->server->slots.line.n) > 0 || get(&q->area->line.n) > 0 ||
	       !has_free(s, q, server);
}

int64_t
shm_queue_server_of(const struct shm_queue *q, uint32_t ticket)
{
	const struct shm_ticket *t = ticket_at(q, ticket);
	uint64_t state = atomic_load_explicit(&t->state, memory_order_acquire);
	return ticket_state(state) == SHM_TICKET_GRANTED ? (int64_t)get(&t->server) - 1
							 : -1;
}

bool
shm_queue_view(const struct shm_object *o, struct shm_queue_view *out)
{
	*out = (struct shm_queue_view){0};
	const struct shm_line *line = NULL;
	if (o->server) {
		line = &o->server->slots.line;
		out->served = (uint32_t)get(&o->server->slots.served);
		out->kept = (uint32_t)get(&o->server->slots.kept);
	} else if (o->backend && o->area && tickets_in(o->area_bytes)) {
		line = &((const struct shm_queue_area *)o->area)->line;
	}
	if (!line)
		return false;
	out->waiting = (uint32_t)get(&line->n);
	out->waiting_max = (uint32_t)get(&line->max);
	return true;
}

/* --- one section ----------------------------------------------------------- */

/* A critical section of a queue: what its functions need. */
struct section {
	struct shm *s;
	struct shm_queue *q;
	struct shm_undo *undo;
	struct shm_queue_wakes *wakes;
	uint32_t grants_n;
};

static void
set(const struct section *c, _Atomic uint64_t *word, uint64_t value)
{
	shm_undo_set(c->s, c->undo, word, value);
}

static void
add(const struct section *c, _Atomic uint64_t *word, int64_t delta)
{
	uint64_t v = get(word);
	set(c, word, delta < 0 && v < (uint64_t)-delta ? 0 : v + (uint64_t)delta);
}

static bool
section_open(struct section *c, struct shm *s, struct shm_queue *q,
	     struct shm_queue_wakes *wakes)
{
	*c = (struct section){.s = s, .q = q, .undo = &q->area->undo, .wakes = wakes};
	return shm_undo_open(s, c->undo);
}

static void
section_close(const struct section *c)
{
	shm_undo_close(c->s, c->undo);
}

/* The server of a directory index, NULL: none (damage). */
static struct shm_slots_of *
slots_at(const struct section *c, uint64_t index)
{
	return index < shm_objects_n(c->s)
		       ? &shm_record(c->s, (uint32_t)index)->server.slots
		       : NULL;
}

/* --- tickets --------------------------------------------------------------- */

/* The place of a free ticket, 0: none. */
static uint64_t
take_ticket(const struct section *c)
{
	struct shm_queue_area *a = c->q->area;
	uint64_t place = get(&a->free), used_n = get(&a->used_n);
	const struct shm_ticket *t = ticket_at(c->q, place);
	if (t) {
		set(c, &a->free, get(&t->next));
		return place;
	}
	if (used_n >= c->q->tickets_n)
		return 0;
	set(c, &a->used_n, used_n + 1);
	return used_n + 1;
}

static void
free_ticket(const struct section *c, uint64_t place)
{
	struct shm_ticket *t = ticket_at(c->q, place);
	set(c, &t->next, get(&c->q->area->free));
	set(c, &c->q->area->free, place);
	set(c, &t->state, 0);
}

/* Own keys rise, and they are times, so that a priority can shift them. */
static uint64_t
draw_key(const struct section *c, const struct shm_queue_ask *ask)
{
	const uint64_t time_mask = (1ULL << 52) - 1;
	uint64_t last = get(&c->q->area->clock);
	uint64_t now = ask->now_us > last ? ask->now_us : last + 1;
	set(c, &c->q->area->clock, now);
	int64_t at = (int64_t)(now & time_mask) + ask->priority_offset_us;
	uint64_t level = (uint64_t)(ask->priority_class + SHM_QUEUE_CLASS_MAX + 1);
	return level << 52 | (at < 0 ? 0 : (uint64_t)at & time_mask);
}

/* --- lines ----------------------------------------------------------------- */

/* The ticket before which one with that key belongs, 0: at the end. Looked for from both
 * ends: without priorities the end is the first guess. */
static uint64_t
find_place(const struct section *c, const struct shm_line *line, uint64_t key)
{
	uint64_t front = get(&line->head), back = get(&line->tail), behind = 0;
	for (uint64_t left = get(&line->n); left > 0; left--) {
		const struct shm_ticket *f = ticket_at(c->q, front);
		const struct shm_ticket *b = ticket_at(c->q, back);
		if (!f || !b || get(&b->key) <= key)
			return behind;
		if (get(&f->key) > key)
			return front;
		behind = back;
		back = get(&b->prev);
		front = get(&f->next);
	}
	return behind;
}

static void
line_insert(const struct section *c, struct shm_line *line, uint64_t place)
{
	struct shm_ticket *t = ticket_at(c->q, place);
	uint64_t next = find_place(c, line, get(&t->key));
	struct shm_ticket *after = ticket_at(c->q, next);
	uint64_t prev = after ? get(&after->prev) : get(&line->tail);
	struct shm_ticket *before = ticket_at(c->q, prev);
	set(c, &t->next, next);
	set(c, &t->prev, prev);
	set(c, before ? &before->next : &line->head, place);
	set(c, after ? &after->prev : &line->tail, place);
	add(c, &line->n, 1);
	if (get(&line->n) > get(&line->max))
		set(c, &line->max, get(&line->n));
}

static void
line_remove(const struct section *c, struct shm_line *line, const struct shm_ticket *t)
{
	uint64_t next = get(&t->next), prev = get(&t->prev);
	struct shm_ticket *before = ticket_at(c->q, prev), *after = ticket_at(c->q, next);
	set(c, before ? &before->next : &line->head, next);
	set(c, after ? &after->prev : &line->tail, prev);
	add(c, &line->n, -1);
}

/* The line a waiting ticket stands in. */
static struct shm_line *
line_of(const struct section *c, const struct shm_ticket *t)
{
	uint64_t home = get(&t->home);
	struct shm_slots_of *of = home ? slots_at(c, home - 1) : NULL;
	return of ? &of->line : &c->q->area->line;
}

/* --- granting -------------------------------------------------------------- */

static void
grant(struct section *c, uint64_t place, uint32_t owner, const struct shm_object *server)
{
	struct shm_ticket *t = ticket_at(c->q, place);
	set(c, &t->server, server->index + 1ULL);
	add(c, &server->server->slots.served, 1);
	set(c, &t->state, ticket_word(owner, SHM_TICKET_GRANTED));
	c->grants_n++;
	if (owner == c->s->slot || !c->wakes)
		return;
	for (uint32_t i = 0; i < c->wakes->n; i++)
		if (c->wakes->slots[i] == owner)
			return;
	if (c->wakes->n < SHM_QUEUE_GRANTS)
		c->wakes->slots[c->wakes->n++] = owner;
}

/* The next one for that server: the lower key of both lines; 0: nobody. */
static uint64_t
first_for(const struct section *c, struct shm_queue_server on)
{
	uint64_t own = get(&on.server->server->slots.line.head);
	uint64_t any = on.own_only ? 0 : get(&c->q->area->line.head);
	const struct shm_ticket *o = ticket_at(c->q, own), *a = ticket_at(c->q, any);
	if (!o || !a)
		return o ? own : a ? any : 0;
	return get(&o->key) <= get(&a->key) ? own : any;
}

static void
pump(struct section *c, struct shm_queue_server on)
{
	if (!on.server || !on.server->server || !on.is_usable)
		return;
	while (has_free(c->s, c->q, on.server)) {
		uint64_t place = first_for(c, on);
		struct shm_ticket *t = ticket_at(c->q, place);
		if (!t)
			return;
		if (c->grants_n >= SHM_QUEUE_GRANTS) {
			if (c->wakes)
				c->wakes->is_more = true;
			return;
		}
		line_remove(c, line_of(c, t), t);
		grant(c, place, ticket_owner(get(&t->state)), on.server);
	}
}

bool
shm_queue_pump(struct shm *s, struct shm_queue *q, struct shm_queue_server on,
	       struct shm_queue_wakes *wakes)
{
	struct section c;
	if (!section_open(&c, s, q, wakes))
		return false;
	pump(&c, on);
	section_close(&c);
	return true;
}

/* --- entering and leaving --- */

/* A ticket for somebody who must wait; 0: none is left. */
static uint64_t
join(struct section *c, const struct shm_queue_ask *ask)
{
	uint64_t place = take_ticket(c);
	struct shm_ticket *t = ticket_at(c->q, place);
	if (!t)
		return 0;
	set(c, &t->key, draw_key(c, ask));
	set(c, &t->home, ask->at_server ? ask->on.server->index + 1ULL : 0);
	set(c, &t->state, ticket_word(c->s->slot, SHM_TICKET_WAITING));
	line_insert(c, line_of(c, t), place);
	return place;
}

static bool
is_queue_full(const struct section *c, const struct shm_queue_ask *ask)
{
	uint32_t most = ask->at_server ? shm_object_maxqueue(c->s, ask->on.server) : 0;
	return most && get(&ask->on.server->server->slots.line.n) >= most;
}

static enum shm_queue_got
enter(struct section *c, const struct shm_queue_ask *ask, uint32_t *ticket)
{
	const struct shm_object *server = ask->on.server;
	uint64_t place;
	if (server && ask->on.is_usable && first_for(c, ask->on) == 0 &&
	    has_free(c->s, c->q, server)) {
		place = take_ticket(c);
		if (place)
			grant(c, place, c->s->slot, server);
	} else {
		place = is_queue_full(c, ask) ? 0 : join(c, ask);
		pump(c, ask->on);
	}
	if (!place)
		return SHM_QUEUE_FULL;
	*ticket = (uint32_t)place;
	return ticket_state(get(&ticket_at(c->q, place)->state)) == SHM_TICKET_GRANTED
		       ? SHM_QUEUE_GRANTED
		       : SHM_QUEUE_WAITING;
}

enum shm_queue_got
shm_queue_enter(struct shm *s, struct shm_queue *q, const struct shm_queue_ask *ask,
		uint32_t *ticket, struct shm_queue_wakes *wakes)
{
	struct section c;
	*ticket = 0;
	if (!section_open(&c, s, q, wakes))
		return SHM_QUEUE_BUSY;
	enum shm_queue_got got = enter(&c, ask, ticket);
	section_close(&c);
	return got;
}

/* Whatever it is, it is free afterwards. */
static void
drop(const struct section *c, uint64_t place)
{
	const struct shm_ticket *t = ticket_at(c->q, place);
	enum shm_ticket_state state = ticket_state(get(&t->state));
	uint64_t server = get(&t->server);
	struct shm_slots_of *of = server ? slots_at(c, server - 1) : NULL;
	if (state == SHM_TICKET_FREE)
		return;
	if (state == SHM_TICKET_WAITING)
		line_remove(c, line_of(c, t), t);
	else if (of)
		add(c, state == SHM_TICKET_KEPT ? &of->kept : &of->served, -1);
	free_ticket(c, place);
}

void
shm_queue_leave(struct shm *s, struct shm_queue *q, uint32_t ticket,
		struct shm_queue_server on, struct shm_queue_wakes *wakes)
{
	struct section c;
	must(ticket_at(q, ticket));
	if (!section_open(&c, s, q, wakes)) {
		q->owed[q->owed_n++] = ticket;
		return;
	}
	if (ticket_owner(get(&ticket_at(q, ticket)->state)) == s->slot) /* not renewed */
		drop(&c, ticket);
	pump(&c, on);
	section_close(&c);
}

bool
shm_queue_settle(struct shm *s, struct shm_queue *q, struct shm_queue_wakes *wakes)
{
	while (q->owed_n > 0) {
		struct section c;
		if (!section_open(&c, s, q, wakes))
			return false;
		drop(&c, q->owed[--q->owed_n]);
		section_close(&c);
	}
	return true;
}

bool
shm_queue_release_from(struct shm *s, struct shm_queue *q, uint32_t ticket)
{
	struct section c;
	struct shm_ticket *t = ticket_at(q, ticket);
	if (!section_open(&c, s, q, NULL))
		return false;
	bool is_bound =
		ticket_state(get(&t->state)) == SHM_TICKET_WAITING && get(&t->home) != 0;
	if (is_bound) {
		line_remove(&c, line_of(&c, t), t);
		set(&c, &t->home, 0);
		line_insert(&c, &q->area->line, ticket);
	}
	section_close(&c);
	return is_bound;
}

enum shm_queue_got
shm_queue_keep(struct shm *s, struct shm_queue *q, const struct shm_object *server,
	       uint32_t limit, uint32_t *ticket)
{
	struct section c;
	enum shm_queue_got got = SHM_QUEUE_FULL;
	*ticket = 0;
	if (get(&server->server->slots.kept) >= limit)
		return SHM_QUEUE_FULL;
	if (!section_open(&c, s, q, NULL))
		return SHM_QUEUE_BUSY;
	uint64_t place = get(&server->server->slots.kept) < limit ? take_ticket(&c) : 0;
	struct shm_ticket *t = ticket_at(q, place);
	if (t) {
		set(&c, &t->server, server->index + 1ULL);
		add(&c, &server->server->slots.kept, 1);
		set(&c, &t->state, ticket_word(s->slot, SHM_TICKET_KEPT));
		*ticket = (uint32_t)place;
		got = SHM_QUEUE_GRANTED;
	}
	section_close(&c);
	return got;
}

/* --- the master's part --- */

/* Entered once before anything is looked at: a section that a dead process left could
 * give a ticket back to it by being undone. Waiters see within 10 ms what is free. */
static bool
drop_in(struct shm *s, struct shm_queue *q, uint32_t slot)
{
	struct section c;
	if (!section_open(&c, s, q, NULL))
		return false;
	section_close(&c);
	uint64_t used_n = get(&q->area->used_n);
	for (uint64_t place = 1; place <= used_n && ticket_at(q, place); place++) {
		uint64_t state = atomic_load_explicit(&ticket_at(q, place)->state,
						      memory_order_acquire);
		if (ticket_state(state) == SHM_TICKET_FREE || ticket_owner(state) != slot)
			continue;
		if (!section_open(&c, s, q, NULL))
			return false;
		drop(&c, place);
		section_close(&c);
	}
	return true;
}

/* The queues of each backend; fn returns false when it could not do its work. */
static bool
each_queue(struct shm *s, bool (*fn)(struct shm *s, struct shm_queue *q, void *arg),
	   void *arg)
{
	bool is_done = true;
	for (uint32_t i = 0; i < shm_objects_n(s); i++) {
		struct shm_entry_data d;
		if (!shm_entry_read(s, i, &d) || d.facts.kind != SHM_BACKEND)
			continue;
		struct shm_queue q = {.area = shm_area_at(s, &d),
				      .tickets_n = tickets_in(d.area_bytes)};
		if (q.area && q.tickets_n)
			is_done &= fn(s, &q, arg);
	}
	return is_done;
}

static bool
drop_slot(struct shm *s, struct shm_queue *q, void *arg)
{
	return drop_in(s, q, *(const uint32_t *)arg);
}

bool
shm_queue_drop(struct shm *s, uint32_t slot)
{
	return each_queue(s, drop_slot, &slot);
}

struct burial {
	bool (*is_alive)(void *arg, uint32_t tid);
	void *arg;
};

static bool
bury(struct shm *s, struct shm_queue *q, void *arg)
{
	const struct burial *b = arg;
	(void)s;
	shm_lock_bury(&q->area->undo.lock, b->is_alive, b->arg);
	return true;
}

void
shm_queue_bury(struct shm *s, bool (*is_alive)(void *arg, uint32_t tid), void *arg)
{
	struct burial b = {is_alive, arg};
	each_queue(s, bury, &b);
}
