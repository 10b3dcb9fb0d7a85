/* SPDX-License-Identifier: MIT
 *
 * Checks the queues of a backend: every waiting ticket stands in its line, lines are in
 * order and as long as they say, and what a server serves is what tickets were granted.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shm/queue_area.h"

struct count {
	const struct shm *s;
	const struct shm_queue_area *area;
	uint32_t tickets_n;
	uint32_t waiting, in_lines;
	char problem[SHM_ERROR_BYTES]; /* the first one */
	int problems_n;
};

static void __attribute__((format(printf, 2, 3)))
problem(struct count *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (c->problems_n++ == 0)
		vsnprintf(c->problem, sizeof(c->problem), fmt, ap);
	va_end(ap);
}

static void
check_line(struct count *c, const struct shm_line *line, uint64_t home, const char *name)
{
	uint64_t n = 0, key = 0, last = 0;
	uint64_t place = shm_undo_get(&line->head);
	while (place && place <= c->tickets_n && n <= c->tickets_n) {
		const struct shm_ticket *t = &c->area->tickets[place - 1];
		if (ticket_state(shm_undo_get(&t->state)) != SHM_TICKET_WAITING ||
		    shm_undo_get(&t->home) != home || shm_undo_get(&t->prev) != last)
			problem(c, "%s: ticket %u does not belong into its line", name,
				(unsigned)place);
		if (shm_undo_get(&t->key) < key)
			problem(c, "%s: the line is out of order", name);
		key = shm_undo_get(&t->key);
		last = place;
		place = shm_undo_get(&t->next);
		n++;
	}
	if (place || n != shm_undo_get(&line->n) || last != shm_undo_get(&line->tail))
		problem(c, "%s: a line of %u has %u tickets", name,
			(unsigned)shm_undo_get(&line->n), (unsigned)n);
	c->in_lines += (uint32_t)n;
}

static void
check_server(struct count *c, uint32_t index, const char *name)
{
	const struct shm_slots_of *of = &shm_record(c->s, index)->server.slots;
	uint64_t served = 0, kept = 0;
	uint64_t used_n = shm_undo_get(&c->area->used_n);
	for (uint64_t i = 0; i < used_n && i < c->tickets_n; i++) {
		const struct shm_ticket *t = &c->area->tickets[i];
		enum shm_ticket_state state = ticket_state(shm_undo_get(&t->state));
		bool is_here = shm_undo_get(&t->server) == index + 1ULL;
		served += is_here && state == SHM_TICKET_GRANTED;
		kept += is_here && state == SHM_TICKET_KEPT;
	}
	if (served != shm_undo_get(&of->served) || kept != shm_undo_get(&of->kept))
		problem(c, "%s: %u slots taken, %u granted", name,
			(unsigned)shm_undo_get(&of->served), (unsigned)served);
	check_line(c, &of->line, index + 1ULL, name);
}

static void
look(struct count *c, const struct shm_facts *backend)
{
	uint64_t used_n = shm_undo_get(&c->area->used_n);
	check_line(c, &c->area->line, 0, backend->name);
	for (uint32_t i = 0; i < shm_objects_n(c->s); i++) {
		struct shm_entry_data d;
		if (shm_entry_read(c->s, i, &d) && d.facts.kind == SHM_SERVER &&
		    strcmp(d.facts.parent, backend->name) == 0)
			check_server(c, i, d.facts.name);
	}
	for (uint64_t i = 0; i < used_n && i < c->tickets_n; i++)
		c->waiting += ticket_state(shm_undo_get(&c->area->tickets[i].state)) ==
			      SHM_TICKET_WAITING;
	if (c->waiting != c->in_lines)
		problem(c, "%s: %u tickets wait, %u stand in lines", backend->name,
			c->waiting, c->in_lines);
}

int
shm_queue_verify(const struct shm *s, const struct shm_object *backend,
		 void (*report)(void *arg, const char *text), void *arg)
{
	struct shm_facts facts;
	const struct shm_queue_area *area = backend->area;
	if (backend->kind != SHM_BACKEND || !area || !tickets_in(backend->area_bytes))
		return 0;
	shm_object_facts(s, backend, &facts);
	for (int tries = 0; tries < 100; tries++) {
		struct count c = {.s = s,
				  .area = area,
				  .tickets_n = tickets_in(backend->area_bytes)};
		uint32_t before = atomic_load(&area->undo.seq);
		look(&c, &facts);
		if (atomic_load(&area->undo.seq) != before || before & 1)
			continue;
		if (c.problems_n && report)
			report(arg, c.problem);
		return c.problems_n;
	}
	return 0; /* it never held still */
}
