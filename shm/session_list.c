/* SPDX-License-Identifier: MIT
 *
 * Reading the summaries of connections. Nothing in them is believed: places and indices
 * are checked, a summary that changes hands while it is read is left out.
 */
#include "shm/session_list.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/num.h"
#include "shm/session_area.h"

static const char *const state_names[SHM_SESSION_STATES_N] = {
	[SHM_SESSION_IDLE] = "idle",	   [SHM_SESSION_REQUEST] = "request",
	[SHM_SESSION_TARPIT] = "tarpit",   [SHM_SESSION_QUEUE] = "queue",
	[SHM_SESSION_CONNECT] = "connect", [SHM_SESSION_HEADERS] = "response",
	[SHM_SESSION_DATA] = "data",	   [SHM_SESSION_LAST] = "last",
	[SHM_SESSION_TUNNEL] = "tunnel",   [SHM_SESSION_LINGER] = "closing",
};

const char *
shm_session_state_name(enum shm_session_state state)
{
	return (unsigned)state < SHM_SESSION_STATES_N ? state_names[state] : "?";
}

void
shm_session_put_client(struct shm_text *out, const struct shm_session_view *v)
{
	char text[INET6_ADDRSTRLEN] = "";
	if (v->family == 0) {
		shm_text_str(out, "unix:1");
		return;
	}
	(void)inet_ntop(v->family == 6 ? AF_INET6 : AF_INET, v->addr, text, sizeof(text));
	shm_text_fmt(out, v->family == 6 ? "[%s]:%u" : "%s:%u", text, v->port);
}

/* --- what is asked for ----------------------------------------------------------------
 */

static const struct {
	const char *name;
	enum shm_session_sort sort;
} sorts[] = {
	{"age", SHM_SESSIONS_BY_AGE},	  {"since", SHM_SESSIONS_BY_STATE_AGE},
	{"in", SHM_SESSIONS_BY_IN},	  {"out", SHM_SESSIONS_BY_OUT},
	{"bytes", SHM_SESSIONS_BY_BYTES},
};

static const char *
read_sort(struct shm_session_query *q, const char *word)
{
	for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		if (strcmp(sorts[i].name, word) != 0)
			continue;
		q->sort = sorts[i].sort;
		return NULL;
	}
	return "expected age, since, in, out or bytes behind 'sort'";
}

static const char *
read_state(struct shm_session_query *q, const char *word)
{
	for (int i = 0; i < SHM_SESSION_STATES_N; i++) {
		if (strcmp(state_names[i], word) != 0)
			continue;
		q->state_plus_1 = i + 1;
		return NULL;
	}
	return "expected idle, request, tarpit, queue, connect, response, data, last, "
	       "tunnel or closing behind 'state'";
}

/* A bare number is seconds, as HAProxy has it. */
static const char *
read_older(struct shm_session_query *q, const char *word)
{
	uint64_t n;
	if (num_u64(span_str(word), &n) == NUM_OK)
		n *= 1000;
	else if (num_duration_ms(span_str(word), &n) != NUM_OK)
		return "expected an age like 30, 500ms or 10m behind 'older'";
	q->older_us = n * 1000;
	return NULL;
}

static const char *
read_server(struct shm_session_query *q, const char *word)
{
	q->server = word;
	return strchr(word, '/') ? NULL : "expected BACKEND/SERVER behind 'server'";
}

static const char *
read_limit(struct shm_session_query *q, const char *word)
{
	uint64_t n;
	if (num_u64(span_str(word), &n) != NUM_OK || n == 0)
		return "expected a number behind 'limit'";
	q->limit = n;
	return NULL;
}

static const char *
read_frontend(struct shm_session_query *q, const char *word)
{
	q->frontend = word;
	return NULL;
}

static const char *
read_backend(struct shm_session_query *q, const char *word)
{
	q->backend = word;
	return NULL;
}

static const char *
read_client(struct shm_session_query *q, const char *word)
{
	q->client = word;
	return NULL;
}

static const char *
read_id(struct shm_session_query *q, const char *word)
{
	q->id = shm_session_id_read(word);
	return q->id ? NULL : "expected an identification behind 'id'";
}

static const struct {
	const char *name;
	const char *(*read)(struct shm_session_query *q, const char *word);
} filters[] = {
	{"backend", read_backend}, {"client", read_client}, {"frontend", read_frontend},
	{"id", read_id},	   {"limit", read_limit},   {"older", read_older},
	{"server", read_server},   {"sort", read_sort},	    {"state", read_state},
};

const char *
shm_session_query_read(struct shm_session_query *q, char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i += 2) {
		size_t k = 0;
		while (k < sizeof(filters) / sizeof(filters[0]) &&
		       strcmp(filters[k].name, words[i]) != 0)
			k++;
		if (k == sizeof(filters) / sizeof(filters[0]))
			return "expected frontend, backend, server, client, state, "
			       "older, id, sort or limit";
		if (i + 1 == n)
			return "the last word wants a value";
		const char *wrong = filters[k].read(q, words[i + 1]);
		if (wrong)
			return wrong;
	}
	return NULL;
}

uint64_t
shm_session_id_read(const char *text)
{
	char *end = NULL;
	uint64_t id = strtoull(text, &end, 16);
	return end && *end == '\0' && text[0] != '-' ? id : 0;
}

/* --- one connection -------------------------------------------------------------------
 */

/* The facts of an object of that kind, else of none. */
static const struct shm_facts *
facts_of(const struct shm_session_list *l, uint32_t objects_n, uint32_t i,
	 enum shm_kind kind)
{
	static const struct shm_facts none;
	bool is_right = i && i < objects_n && l->names[i].kind == kind;
	return is_right ? &l->names[i] : &none;
}

static uint64_t
load(const _Atomic uint64_t *p)
{
	return atomic_load_explicit(p, memory_order_acquire);
}

static uint64_t
since(uint64_t now_us, uint64_t then_us)
{
	return now_us > then_us ? now_us - then_us : 0;
}

static bool
read_one(const struct session_area *a, uint32_t place, uint64_t now_us,
	 struct shm_session_view *v)
{
	const struct shm_session *c = &a->at[place];
	uint32_t turn = atomic_load_explicit(&c->turn, memory_order_acquire);
	uint32_t owner = atomic_load_explicit(&a->owners[place / SHM_SESSION_CHUNK],
					      memory_order_acquire);
	if (!(turn & 1) || owner == 0)
		return false;
	uint64_t accepted_us = load(&c->accepted_us), where = load(&c->where);
	uint64_t ticks = atomic_load_explicit(&c->since, memory_order_acquire);
	*v = (struct shm_session_view){
		.id = (uint64_t)turn << 32 | place,
		.age_us = since(now_us, accepted_us),
		.state_us = since(now_us, accepted_us + ticks * SHM_SESSION_TICK_US),
		.bytes_in = load(&c->bytes_in),
		.bytes_out = load(&c->bytes_out),
		.addr = {load(&c->addr[0]), load(&c->addr[1])},
		.where = {(enum shm_session_state)(where >> 60),
			  (uint32_t)(where >> 40) & 0xfffff,
			  (uint32_t)(where >> 20) & 0xfffff, (uint32_t)where & 0xfffff},
		.slot = owner - 1,
		.port = atomic_load_explicit(&c->port, memory_order_acquire),
		.family = atomic_load_explicit(&c->family, memory_order_acquire),
	};
	return atomic_load_explicit(&c->turn, memory_order_relaxed) == turn;
}

static void
name_one(const struct shm_session_list *l, uint32_t objects_n, struct shm_session_view *v)
{
	const struct shm_facts *f =
		facts_of(l, objects_n, v->where.listener, SHM_LISTENER);
	v->frontend = f->parent;
	v->bind = f->name;
	v->mode = f->mode;
	v->backend = facts_of(l, objects_n, v->where.backend, SHM_BACKEND)->name;
	v->server = facts_of(l, objects_n, v->where.server, SHM_SERVER)->name;
}

static bool
is_client(const struct shm_session_view *v, const char *text)
{
	unsigned char addr[16];
	if (strcmp(text, "unix") == 0)
		return v->family == 0;
	if (inet_pton(AF_INET, text, addr) == 1)
		return v->family == 4 && memcmp(addr, v->addr, 4) == 0;
	return v->family == 6 && inet_pton(AF_INET6, text, addr) == 1 &&
	       memcmp(addr, v->addr, 16) == 0;
}

static bool
is_on(const struct shm_session_view *v, const char *text)
{
	size_t n = strlen(v->backend);
	return strncmp(v->backend, text, n) == 0 && text[n] == '/' &&
	       strcmp(v->server, text + n + 1) == 0;
}

static bool
matches(const struct shm_session_query *q, const struct shm_session_view *v)
{
	return (!q->id || q->id == v->id) && v->age_us >= q->older_us &&
	       (!q->slot_plus_1 || q->slot_plus_1 == (int64_t)v->slot + 1) &&
	       (!q->state_plus_1 || q->state_plus_1 == (int)v->where.state + 1) &&
	       (!q->frontend || strcmp(q->frontend, v->frontend) == 0) &&
	       (!q->backend || strcmp(q->backend, v->backend) == 0) &&
	       (!q->server || is_on(v, q->server)) &&
	       (!q->client || is_client(v, q->client));
}

/* --- all of them ----------------------------------------------------------------------
 */

static void
add(struct shm_session_list *l, size_t *cap, const struct shm_session_view *v)
{
	if (l->n == *cap) {
		size_t more = *cap ? *cap * 2 : 256;
		struct shm_session_view *at = realloc(l->at, more * sizeof(*at));
		if (!at) {
			l->failed = true;
			return;
		}
		l->at = at;
		*cap = more;
	}
	l->at[l->n++] = *v;
}

static uint64_t
rank(const struct shm_session_view *v, enum shm_session_sort sort)
{
	switch (sort) {
	case SHM_SESSIONS_BY_AGE:
		return v->age_us;
	case SHM_SESSIONS_BY_STATE_AGE:
		return v->state_us;
	case SHM_SESSIONS_BY_IN:
		return v->bytes_in;
	case SHM_SESSIONS_BY_OUT:
		return v->bytes_out;
	case SHM_SESSIONS_BY_BYTES:
		return v->bytes_in + v->bytes_out;
	}
	return 0;
}

static int
by_rank(const void *pa, const void *pb, void *sort)
{
	const struct shm_session_view *a = pa, *b = pb;
	enum shm_session_sort by = *(const enum shm_session_sort *)sort;
	uint64_t x = rank(a, by), y = rank(b, by);
	if (x != y)
		return x > y ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static void
read_names(const struct shm *s, uint32_t objects_n, struct shm_session_list *l)
{
	for (uint32_t i = 0; i < objects_n; i++) {
		struct shm_object o;
		if (shm_object_at(s, i, &o))
			shm_object_facts(s, &o, &l->names[i]);
	}
}

void
shm_session_list_make(const struct shm *s, const struct shm_session_query *q,
		      uint64_t now_us, struct shm_session_list *out)
{
	uint32_t objects_n = shm_objects_n(s);
	struct shm_object global;
	size_t cap = 0;
	*out = (struct shm_session_list){
		.names = calloc(objects_n + 1, sizeof(*out->names))};
	out->failed = !out->names;
	if (out->failed || !shm_object_at(s, 0, &global))
		return;
	read_names(s, objects_n, out);
	struct session_area a = session_area_of(&global);
	for (uint32_t chunk = 0; chunk < a.chunks_n && !out->failed; chunk++) {
		if (!atomic_load_explicit(&a.owners[chunk], memory_order_relaxed))
			continue;
		for (uint32_t i = 0; i < SHM_SESSION_CHUNK; i++) {
			struct shm_session_view v;
			if (!read_one(&a, chunk * SHM_SESSION_CHUNK + i, now_us, &v))
				continue;
			name_one(out, objects_n, &v);
			if (matches(q, &v))
				add(out, &cap, &v);
		}
	}
	enum shm_session_sort sort = q->sort;
	if (out->n)
		qsort_r(out->at, out->n, sizeof(*out->at), by_rank, &sort);
	out->found_n = out->n;
	if (q->limit && out->n > q->limit)
		out->n = q->limit;
}

void
shm_session_list_fini(struct shm_session_list *l)
{
	free(l->at);
	free(l->names);
	*l = (struct shm_session_list){0};
}
