/* SPDX-License-Identifier: MIT
 *
 * The map of "hash-type map-based" and static-rr: the same as HAProxy's for the same
 * servers, so that a migration keeps every client where it is. At each position every
 * server earns its weight, and the one with the most whole rounds (of the sum of all
 * weights) due gets it, the first of them; getting a position costs a round. Pure.
 *
 * HAProxy looks at all servers for each position. Here a server is looked at when
 * another round of it becomes due, and those that have the most due stand on a heap: the
 * cost is that of the sum of the weights, however many servers there are.
 */
#include "lib/balance/balance.h"

enum { NOBODY = UINT16_MAX };

/* On the heap: a server and the rounds it had due when it was put there. */
struct offer {
	int32_t due;
	uint16_t server;
};

struct map {
	uint64_t sum; /* of the reduced weights: the positions */
	uint32_t common;
	const struct balance_server *servers;
	struct offer *heap; /* each round makes an offer, each position as well */
	size_t heap_n;
	int32_t *due;	 /* [n] whole rounds now */
	uint32_t *round; /* [n] the last one that became due */
	uint16_t *next;	 /* [n] another server with a round at the same position */
	uint16_t *first; /* [sum + 1] servers with a round at this position */
};

static size_t
aligned(size_t bytes)
{
	return (bytes + 7) & ~(size_t)7;
}

size_t
balance_map_scratch(size_t n, size_t cap)
{
	return aligned((2 * cap + n) * sizeof(struct offer)) +
	       aligned(n * sizeof(int32_t)) + aligned(n * sizeof(uint32_t)) +
	       aligned(n * sizeof(uint16_t)) + aligned((cap + 1) * sizeof(uint16_t));
}

static void
lay_out(struct map *m, size_t n, size_t cap, void *scratch)
{
	char *p = scratch;
	m->heap = (void *)p;
	p += aligned((2 * cap + n) * sizeof(struct offer));
	m->due = (void *)p;
	p += aligned(n * sizeof(int32_t));
	m->round = (void *)p;
	p += aligned(n * sizeof(uint32_t));
	m->next = (void *)p;
	p += aligned(n * sizeof(uint16_t));
	m->first = (void *)p;
	for (uint64_t i = 0; i <= m->sum; i++)
		m->first[i] = NOBODY;
}

static bool
is_better(struct offer a, struct offer b)
{
	return a.due != b.due ? a.due > b.due : a.server < b.server;
}

static void
offer(struct map *m, uint16_t server)
{
	struct offer o = {m->due[server], server};
	size_t i = m->heap_n++;
	for (; i && is_better(o, m->heap[(i - 1) / 2]); i = (i - 1) / 2)
		m->heap[i] = m->heap[(i - 1) / 2];
	m->heap[i] = o;
}

static struct offer
take(struct map *m)
{
	struct offer best = m->heap[0], o = m->heap[--m->heap_n];
	size_t i = 0;
	for (size_t kid; (kid = 2 * i + 1) < m->heap_n; i = kid) {
		if (kid + 1 < m->heap_n && is_better(m->heap[kid + 1], m->heap[kid]))
			kid++;
		if (!is_better(m->heap[kid], o))
			break;
		m->heap[i] = m->heap[kid];
	}
	m->heap[i] = o;
	return best;
}

/* The server's next round becomes due at the first position p with p * weight >= rounds *
 * sum; positions count from 1. */
static void
expect(struct map *m, uint16_t server)
{
	uint64_t weight = m->servers[server].share / m->common;
	uint64_t at = (++m->round[server] * m->sum + weight - 1) / weight;
	if (at > m->sum)
		return;
	m->next[server] = m->first[at];
	m->first[at] = server;
}

static void
rounds_due(struct map *m, uint64_t position)
{
	for (uint16_t s = m->first[position], next; s != NOBODY; s = next) {
		next = m->next[s];
		m->due[s]++;
		offer(m, s);
		expect(m, s);
	}
}

/* Offers that another round or position has overtaken are passed over. */
static uint16_t
best(struct map *m)
{
	for (;;) {
		struct offer o = take(m);
		if (o.due != m->due[o.server])
			continue;
		m->due[o.server]--;
		offer(m, o.server);
		return o.server;
	}
}

size_t
balance_map(const struct balance_server *s, size_t n, uint16_t *slots, size_t cap,
	    void *scratch)
{
	struct map m = {.common = balance_common(s, n), .servers = s};
	for (size_t i = 0; i < n && m.common; i++)
		m.sum += s[i].share / m.common;
	if (m.sum == 0 || m.sum > cap)
		return 0;
	lay_out(&m, n, cap, scratch);
	for (size_t i = 0; i < n; i++) {
		if (s[i].share == 0)
			continue;
		m.due[i] = 0;
		m.round[i] = 0;
		offer(&m, (uint16_t)i);
		expect(&m, (uint16_t)i);
	}
	for (uint64_t position = 1; position <= m.sum; position++) {
		rounds_due(&m, position);
		slots[position - 1] = best(&m);
	}
	return m.sum;
}
