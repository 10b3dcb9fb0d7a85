/* SPDX-License-Identifier: MIT
 *
 * Takes the snapshot: collects the objects, sorts them as the configuration has them,
 * fills the fields. Reads the region only; runs in workers (stats page), control and
 * weirctl. Counters are found by the name of the field in the region's own table, so
 * that a weirctl of another build reads what the daemon's build counts.
 */
#include "shm/stat.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "shm/counters.h"
#include "shm/gauge.h"

#define NUMBER			      false
#define TEXT			      true
#define STAT(name, type, kinds, help) {#name, type, kinds, help},
const struct shm_stat_desc shm_stat_fields[SHM_STAT_FIELDS_N] = {
#include "shm/stat_fields.def"
};
#undef STAT
#undef NUMBER
#undef TEXT

/* What a snapshot needs to know while it is made. */
struct taking {
	const struct shm *s;
	uint64_t boot_s;
	bool is_running;
	int cells[SHM_KINDS_N][SHM_STAT_FIELDS_N]; /* counter of a field, -1: none */
};

static const char type_letters[] = "FBSL";

static void
set_n(struct shm_stat_row *r, enum shm_stat_field f, uint64_t n)
{
	r->v[f].is_set = true;
	r->v[f].u.n = n;
}

static void
set_text(struct shm_stat_row *r, enum shm_stat_field f, const char *text)
{
	r->v[f].is_set = true;
	r->v[f].u.text = text;
}

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

/* --- which rows -------------------------------------------------------------------- */

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
	case SHM_KINDS_N:
		break;
	}
	return false;
}

static bool
has_parent(const struct shm_stat_row *r)
{
	return r->type == SHM_STAT_SERVER || r->type == SHM_STAT_LISTENER;
}

static const char *
proxy_of(const struct shm_stat_row *r)
{
	return has_parent(r) ? r->facts.parent : r->facts.name;
}

static uint32_t
iid_of(const struct shm_stat_row *r)
{
	return has_parent(r) ? r->facts.parent_id : r->facts.id;
}

static uint32_t
sid_of(const struct shm_stat_row *r)
{
	return has_parent(r) ? r->facts.id : 0;
}

/* The proxies asked for: complete ones, since a backend's row sums up its servers. */
static size_t
collect(const struct taking *k, const struct shm_stat_opts *o, struct shm_stat *st)
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
		if ((o->proxy && strcmp(proxy_of(r), o->proxy) != 0) ||
		    (o->iid && iid_of(r) != o->iid))
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
		d = compare(iid_of(a), iid_of(b));
	if (!d)
		d = strcmp(proxy_of(a), proxy_of(b));
	if (!d)
		d = order[a->type] - order[b->type];
	if (!d)
		d = compare(sid_of(a), sid_of(b));
	return d ? d : compare(a->object.index, b->object.index);
}

/* --- fields that every row has ---------------------------------------------------------
 */

static void
find_counters(struct taking *k)
{
	for (int kind = 0; kind < SHM_KINDS_N; kind++) {
		for (int f = 0; f < SHM_STAT_FIELDS_N; f++)
			k->cells[kind][f] = shm_counter_index(k->s, (enum shm_kind)kind,
							      shm_stat_fields[f].name);
	}
}

static void
fill_counters(const struct taking *k, struct shm_stat_row *r)
{
	char letter = type_letters[r->type];
	bool is_http = strcmp(r->facts.mode, "http") == 0;
	for (int f = 0; f < SHM_STAT_FIELDS_N; f++) {
		const struct shm_stat_desc *d = &shm_stat_fields[f];
		int cell = k->cells[r->object.kind][f];
		if (cell < 0 || d->is_text)
			continue;
		bool is_http_field = strncmp(d->name, "hrsp_", 5) == 0 ||
				     strcmp(d->name, "req_tot") == 0;
		bool always = strchr(d->kinds, letter) != NULL;
		bool maybe = strchr(d->kinds, tolower(letter)) != NULL;
		if (is_http_field)
			maybe = maybe && is_http;
		else
			maybe = maybe && r->facts.is_checked;
		if (always || maybe)
			set_n(r, (enum shm_stat_field)f,
			      shm_total(k->s, &r->object, (unsigned)cell));
	}
}

static uint32_t
rate_of(const _Atomic uint32_t *rate)
{
	return atomic_load_explicit(rate, memory_order_relaxed);
}

static void
fill_rates(const struct taking *k, struct shm_stat_row *r)
{
	const struct shm_rates *q = r->object.rates;
	if (!q)
		return;
	/* with nobody there to measure them, what stands there is old */
	uint32_t now = k->is_running ? 1 : 0;
	if (r->type != SHM_STAT_LISTENER) {
		set_n(r, SHM_STAT_rate, now * rate_of(&q->sess_rate));
		set_n(r, SHM_STAT_rate_max, rate_of(&q->sess_rate_max));
	}
	if (r->type == SHM_STAT_FRONTEND) {
		set_n(r, SHM_STAT_rate_lim, 0);
		set_n(r, SHM_STAT_req_rate, now * rate_of(&q->req_rate));
		set_n(r, SHM_STAT_req_rate_max, rate_of(&q->req_rate_max));
		set_n(r, SHM_STAT_conn_rate, now * rate_of(&q->conn_rate));
		set_n(r, SHM_STAT_conn_rate_max, rate_of(&q->conn_rate_max));
	}
	set_n(r, SHM_STAT_bin_rate,
	      now * atomic_load_explicit(&q->bin_rate, memory_order_relaxed));
	set_n(r, SHM_STAT_bout_rate,
	      now * atomic_load_explicit(&q->bout_rate, memory_order_relaxed));
}

static void
fill_common(const struct taking *k, struct shm_stat_row *r)
{
	uint32_t maxconn = shm_object_maxconn(k->s, &r->object);
	set_text(r, SHM_STAT_pxname, proxy_of(r));
	set_text(r, SHM_STAT_svname,
		 r->type == SHM_STAT_FRONTEND  ? "FRONTEND"
		 : r->type == SHM_STAT_BACKEND ? "BACKEND"
					       : r->facts.name);
	set_n(r, SHM_STAT_scur, r->object.gauge ? shm_gauge_cur(r->object.gauge) : 0);
	set_n(r, SHM_STAT_smax, r->object.gauge ? shm_gauge_max(r->object.gauge) : 0);
	if (maxconn || r->type == SHM_STAT_FRONTEND || r->type == SHM_STAT_LISTENER)
		set_n(r, SHM_STAT_slim, maxconn);
	set_n(r, SHM_STAT_pid, 1);
	set_n(r, SHM_STAT_iid, iid_of(r));
	set_n(r, SHM_STAT_sid, sid_of(r));
	set_n(r, SHM_STAT_type, r->type);
	set_text(r, SHM_STAT_mode, r->facts.mode);
	set_text(r, SHM_STAT_separator, "-");
	if (r->type == SHM_STAT_BACKEND || r->type == SHM_STAT_SERVER) {
		/* no queues yet: nothing waits */
		set_n(r, SHM_STAT_qcur, 0);
		set_n(r, SHM_STAT_qmax, 0);
	}
	if (has_parent(r))
		set_text(r, SHM_STAT_addr, r->facts.addr);
	fill_counters(k, r);
	fill_rates(k, r);
}

static void
fill_entrance(const struct taking *k, struct shm_stat_row *r)
{
	uint64_t limit = shm_stat_n(r, SHM_STAT_slim);
	bool is_full = limit && shm_stat_n(r, SHM_STAT_scur) >= limit;
	const char *text = "OPEN";
	r->light = SHM_LIGHT_UP;
	if (!k->is_running || r->facts.is_disabled || r->is_gone) {
		text = "STOP";
		r->light = SHM_LIGHT_MAINT;
	} else if (is_full) {
		text = r->type == SHM_STAT_LISTENER ? "FULL" : "OPEN";
		r->light = SHM_LIGHT_GOING_DOWN;
	}
	snprintf(r->status, sizeof(r->status), "%s", text);
	set_text(r, SHM_STAT_status, r->status);
}

/* --- servers
 * ---------------------------------------------------------------------------- */

static void
fill_check(struct shm_stat_row *r, bool is_up)
{
	uint32_t rise = r->facts.rise, fall = r->facts.fall, c = r->check.counter;
	set_n(r, SHM_STAT_check_rise, rise);
	set_n(r, SHM_STAT_check_fall, fall);
	if (is_up)
		set_n(r, SHM_STAT_check_health,
		      rise + fall > c + 1 ? rise + fall - 1 - c : 0);
	else
		set_n(r, SHM_STAT_check_health, c);
	set_text(r, SHM_STAT_check_status, "INI");
	if (r->check.at_boot_ms == 0)
		return;
	set_text(r, SHM_STAT_check_status, r->check.status_text);
	if (r->check.code)
		set_n(r, SHM_STAT_check_code, r->check.code);
	set_n(r, SHM_STAT_check_duration, r->check.duration_ms);
	/* "Layer4 connection problem: Connection refused" is two fields of HAProxy */
	snprintf(r->check_desc, sizeof(r->check_desc), "%s", r->check.desc);
	char *seen = strstr(r->check_desc, ": ");
	if (seen) {
		*seen = '\0';
		set_text(r, SHM_STAT_last_chk, seen + 2);
	}
	set_text(r, SHM_STAT_check_desc, r->check_desc);
}

/* The colour, and the "1/3" of a server on its way (management.txt 9.1). */
static void
fill_server_status(struct shm_stat_row *r, struct shm_admin_word a)
{
	const char *text = r->effective.text;
	uint32_t c = r->facts.is_checked ? r->check.counter : 0;
	snprintf(r->status, sizeof(r->status), "%s", text);
	if (a.maint) {
		r->light = SHM_LIGHT_MAINT;
	} else if (!r->effective.is_up) {
		r->light = c ? SHM_LIGHT_GOING_UP : SHM_LIGHT_DOWN;
		if (c)
			snprintf(r->status, sizeof(r->status), "%s %u/%u", text, c,
				 r->facts.rise);
	} else {
		r->light = !r->facts.is_checked ? SHM_LIGHT_UNCHECKED
			   : c			? SHM_LIGHT_GOING_DOWN
						: SHM_LIGHT_UP;
		if (!r->effective.is_usable)
			r->light = SHM_LIGHT_DRAIN;
		if (c && c < r->facts.fall)
			snprintf(r->status, sizeof(r->status), "%s %u/%u", text,
				 r->facts.fall - c, r->facts.fall);
	}
	set_text(r, SHM_STAT_status, r->status);
}

static void
fill_server(const struct taking *k, struct shm_stat_row *r)
{
	const struct shm_server *v = r->object.server;
	if (!v)
		return;
	struct shm_health_word h =
		shm_health_unpack(atomic_load_explicit(&v->health, memory_order_acquire));
	struct shm_admin_word a =
		shm_admin_unpack(atomic_load_explicit(&v->admin, memory_order_acquire));
	uint32_t uweight = a.weight == SHM_WEIGHT_CONFIGURED ? r->facts.weight : a.weight;
	r->effective = shm_server_effective(&r->object, &r->facts);
	if (!r->facts.is_checked || !shm_check_read(&r->object, &r->check))
		r->check = (struct shm_check){0};
	bool is_down = h.state == SHM_HEALTH_DOWN;
	if (r->facts.is_checked)
		fill_check(r, !is_down);
	fill_server_status(r, a);
	uint64_t since = h.since_s && k->boot_s > h.since_s ? k->boot_s - h.since_s : 0;
	set_n(r, SHM_STAT_lastchg, since);
	if (r->facts.is_checked && is_down)
		r->v[SHM_STAT_downtime].u.n += since;
	set_n(r, SHM_STAT_weight, r->effective.is_up ? r->effective.weight : uweight);
	set_n(r, SHM_STAT_uweight, uweight);
	set_n(r, SHM_STAT_act, !r->facts.is_backup);
	set_n(r, SHM_STAT_bck, r->facts.is_backup);
	set_n(r, SHM_STAT_used_conn_cur, shm_stat_n(r, SHM_STAT_scur));
}

/* --- backends: what their servers add up to
 * ------------------------------------------------ */

struct backend_sum {
	uint64_t act, bck, weight, uweight, backup_weight;
	uint64_t youngest_s, oldest_usable_s; /* seconds since a change */
	bool has_servers, has_checked;
};

static void
add_server(struct backend_sum *b, const struct shm_stat_row *r)
{
	uint64_t age = shm_stat_n(r, SHM_STAT_lastchg);
	if (!b->has_servers || age < b->youngest_s)
		b->youngest_s = age;
	b->has_servers = true;
	b->has_checked = b->has_checked || r->facts.is_checked;
	if (!r->effective.is_usable)
		return;
	if (age > b->oldest_usable_s)
		b->oldest_usable_s = age;
	b->uweight += shm_stat_n(r, SHM_STAT_uweight);
	if (r->facts.is_backup) {
		b->bck++;
		if (!b->backup_weight) /* the first one serves alone */
			b->backup_weight = r->effective.weight;
	} else {
		b->act++;
		b->weight += r->effective.weight;
	}
}

static void
fill_backend(struct shm_stat_row *r, const struct backend_sum *b)
{
	bool is_up = !b->has_servers || b->act || b->bck;
	snprintf(r->status, sizeof(r->status), "%s", is_up ? "UP" : "DOWN");
	set_text(r, SHM_STAT_status, r->status);
	r->light = !is_up	    ? SHM_LIGHT_DOWN
		   : b->has_servers ? b->act ? SHM_LIGHT_UP : SHM_LIGHT_GOING_DOWN
				    : SHM_LIGHT_UNCHECKED;
	set_text(r, SHM_STAT_algo, r->facts.algo);
	set_n(r, SHM_STAT_act, b->act);
	set_n(r, SHM_STAT_bck, b->bck);
	set_n(r, SHM_STAT_weight, b->act ? b->weight : b->backup_weight);
	set_n(r, SHM_STAT_uweight, b->uweight);
	/* it went down with its last server, and came up with its first one */
	uint64_t since = is_up ? b->oldest_usable_s : b->youngest_s;
	set_n(r, SHM_STAT_lastchg, since);
	if (!is_up)
		r->v[SHM_STAT_downtime].u.n += since;
}

/* --- the snapshot
 * ------------------------------------------------------------------------ */

/* Rows are sorted, so a backend comes right behind its servers. */
static void
fill_rows(const struct taking *k, struct shm_stat *st)
{
	struct backend_sum sum = {0};
	for (size_t i = 0; i < st->rows_n; i++) {
		struct shm_stat_row *r = st->rows[i];
		if (i && (iid_of(r) != iid_of(st->rows[i - 1]) ||
			  r->is_gone != st->rows[i - 1]->is_gone))
			sum = (struct backend_sum){0};
		fill_common(k, r);
		switch (r->type) {
		case SHM_STAT_FRONTEND:
		case SHM_STAT_LISTENER:
			fill_entrance(k, r);
			break;
		case SHM_STAT_SERVER:
			fill_server(k, r);
			add_server(&sum, r);
			break;
		case SHM_STAT_BACKEND:
			fill_backend(r, &sum);
			break;
		}
	}
}

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
		if (types & 1U << r->type && (!o->sid || sid_of(r) == o->sid))
			st->rows[n++] = r;
	}
	st->rows_n = n;
}

static void
inherit_mode(struct shm_stat_row *r, const struct shm_stat_row *proxy)
{
	if (proxy && !r->facts.mode[0] && iid_of(proxy) == iid_of(r))
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
	struct taking *k = malloc(sizeof(*k));
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
	find_counters(k);
	out->rows_n = collect(k, o, out);
	qsort(out->rows, out->rows_n, sizeof(*out->rows), by_position);
	inherit_modes(out);
	fill_rows(k, out);
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
