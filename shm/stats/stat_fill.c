/* SPDX-License-Identifier: MIT
 *
 * Fills the rows of a snapshot: counters, gauges, rates, states, and what the servers of
 * a backend add up to. Counters are found by the name of the field in the region's own
 * table, so that a weirctl of another build reads what the daemon's build counts.
 */
#include "shm/stats/stat_fill.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "shm/counters.h"
#include "shm/hand.h"
#include "shm/queue.h"

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

/* --- fields that every row has ------------------------------------------ */

static bool
is_http_field(const char *name)
{
	return strncmp(name, "hrsp_", 5) == 0 || strcmp(name, "req_tot") == 0 ||
	       strcmp(name, "intercepted") == 0;
}

/* The letter of a kind in the table of fields; global: none. */
static const char kind_letters[SHM_KINDS_N] = {
	[SHM_GLOBAL] = '?',  [SHM_FRONTEND] = 'F', [SHM_LISTENER] = 'L',
	[SHM_BACKEND] = 'B', [SHM_SERVER] = 'S',   [SHM_TABLE] = '?',
};

static void
find_counter(struct stat_taking *k, enum shm_kind kind, enum shm_stat_field field)
{
	const struct shm_stat_desc *d = &shm_stat_fields[field];
	int counter = shm_counter_index(k->s, kind, d->name);
	bool always = strchr(d->kinds, kind_letters[kind]) != NULL;
	bool maybe = strchr(d->kinds, tolower(kind_letters[kind])) != NULL;
	if (counter < 0 || d->is_text || (!always && !maybe))
		return;
	k->cells[kind][k->cells_n[kind]++] = (struct stat_cell){
		.field = field,
		.counter = (unsigned)counter,
		.needs_http = !always && is_http_field(d->name),
		.needs_check = !always && !is_http_field(d->name),
	};
}

void
stat_find_counters(struct stat_taking *k)
{
	memset(k->cells_n, 0, sizeof(k->cells_n));
	for (int kind = 0; kind < SHM_KINDS_N; kind++)
		for (int f = 0; f < SHM_STAT_FIELDS_N; f++)
			find_counter(k, (enum shm_kind)kind, (enum shm_stat_field)f);
}

/* It has a check of its own: the others track one that has, or have no address yet. */
static bool
has_check(const struct shm_stat_row *r)
{
	return r->facts.is_checked && r->facts.rise;
}

static void
fill_counters(const struct stat_taking *k, struct shm_stat_row *r)
{
	enum shm_kind kind = r->object.kind;
	bool is_http = strcmp(r->facts.mode, "http") == 0;
	for (size_t i = 0; i < k->cells_n[kind]; i++) {
		const struct stat_cell *c = &k->cells[kind][i];
		if ((c->needs_http && !is_http) || (c->needs_check && !has_check(r)) ||
		    (c->field == SHM_STAT_hanafail && !r->facts.is_observed))
			continue;
		set_n(r, c->field, shm_total(k->s, &r->object, c->counter));
	}
}

static uint32_t
rate_of(const _Atomic uint32_t *rate)
{
	return atomic_load_explicit(rate, memory_order_relaxed);
}

static void
fill_rates(const struct stat_taking *k, struct shm_stat_row *r)
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
		set_n(r, SHM_STAT_rate_lim, r->facts.rate_limit);
		set_n(r, SHM_STAT_req_rate, now * rate_of(&q->req_rate));
		set_n(r, SHM_STAT_req_rate_max, rate_of(&q->req_rate_max));
		set_n(r, SHM_STAT_conn_rate, now * rate_of(&q->conn_rate));
		set_n(r, SHM_STAT_conn_rate_max, rate_of(&q->conn_rate_max));
	}
	uint32_t last_s = rate_of(&q->last_sess_s);
	if (last_s && (r->type == SHM_STAT_BACKEND || r->type == SHM_STAT_SERVER))
		set_n(r, SHM_STAT_lastsess, k->boot_s > last_s ? k->boot_s - last_s : 0);
	set_n(r, SHM_STAT_bin_rate,
	      now * atomic_load_explicit(&q->bin_rate, memory_order_relaxed));
	set_n(r, SHM_STAT_bout_rate,
	      now * atomic_load_explicit(&q->bout_rate, memory_order_relaxed));
}

static void
fill_common(const struct stat_taking *k, struct shm_stat_row *r)
{
	uint32_t maxconn = shm_server_maxconn(k->s, &r->object);
	set_text(r, SHM_STAT_pxname, stat_proxy_of(r));
	set_text(r, SHM_STAT_svname,
		 r->type == SHM_STAT_FRONTEND  ? "FRONTEND"
		 : r->type == SHM_STAT_BACKEND ? "BACKEND"
					       : r->facts.name);
	set_n(r, SHM_STAT_scur, r->object.gauge ? shm_gauge_cur(r->object.gauge) : 0);
	set_n(r, SHM_STAT_smax, r->object.gauge ? shm_gauge_max(r->object.gauge) : 0);
	if (maxconn || r->type == SHM_STAT_FRONTEND || r->type == SHM_STAT_LISTENER)
		set_n(r, SHM_STAT_slim, maxconn);
	set_n(r, SHM_STAT_pid, 1);
	set_n(r, SHM_STAT_iid, stat_iid_of(r));
	set_n(r, SHM_STAT_sid, stat_sid_of(r));
	set_n(r, SHM_STAT_type, r->type);
	set_text(r, SHM_STAT_mode, r->facts.mode);
	set_text(r, SHM_STAT_separator, "-");
	if (r->type == SHM_STAT_BACKEND || r->type == SHM_STAT_SERVER) {
		struct shm_queue_view line;
		shm_queue_view(&r->object, &line);
		set_n(r, SHM_STAT_qcur, line.waiting);
		set_n(r, SHM_STAT_qmax, line.waiting_max);
		if (r->facts.maxqueue)
			set_n(r, SHM_STAT_qlimit, r->facts.maxqueue);
	}
	if (stat_has_parent(r))
		set_text(r, SHM_STAT_addr, r->facts.addr);
	fill_counters(k, r);
	fill_rates(k, r);
}

static void
fill_entrance(const struct stat_taking *k, struct shm_stat_row *r)
{
	uint64_t limit = shm_stat_n(r, SHM_STAT_slim);
	bool is_full = limit && shm_stat_n(r, SHM_STAT_scur) >= limit;
	const char *text = "OPEN";
	uint32_t closed = shm_hand_value(&r->object, SHM_HAND_CLOSED, SHM_IS_OPEN);
	r->light = SHM_LIGHT_UP;
	if (!k->is_running || r->facts.is_disabled || r->is_gone) {
		text = "STOP";
		r->light = SHM_LIGHT_MAINT;
	} else if (closed != SHM_IS_OPEN) {
		text = closed == SHM_IS_SHUT ? "STOP" : "PAUSED";
		r->light = SHM_LIGHT_MAINT;
	} else if (is_full) {
		text = r->type == SHM_STAT_LISTENER ? "FULL" : "OPEN";
		r->light = SHM_LIGHT_GOING_DOWN;
	}
	snprintf(r->status, sizeof(r->status), "%s", text);
	set_text(r, SHM_STAT_status, r->status);
}

/* --- servers ------------------------------------------------------------ */

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
	if (shm_check_has_code(r->check.status))
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
fill_agent(struct shm_stat_row *r, const struct shm_server *v)
{
	uint64_t seen = atomic_load_explicit(&v->agent_seen, memory_order_relaxed);
	struct shm_agent_word says =
		shm_agent_unpack(atomic_load_explicit(&v->agent, memory_order_relaxed));
	if (!(seen & 0xff)) /* nobody was asked */
		return;
	set_text(r, SHM_STAT_agent_status, shm_check_word(seen & 0xff));
	set_text(r, SHM_STAT_agent_desc, shm_check_description(seen & 0xff));
	if (shm_check_has_code(seen & 0xff))
		set_n(r, SHM_STAT_agent_code, 0); /* it says words */
	set_n(r, SHM_STAT_agent_duration, seen >> 8 & 0xffffff);
	/* its first word decides */
	set_n(r, SHM_STAT_agent_rise, 1);
	set_n(r, SHM_STAT_agent_fall, 1);
	set_n(r, SHM_STAT_agent_health, !shm_agent_is_down(says));
}

static void
fill_server(const struct stat_taking *k, struct shm_stat_row *r)
{
	const struct shm_server *v = r->object.server;
	if (!v)
		return;
	struct shm_health_word h =
		shm_health_unpack(atomic_load_explicit(&v->health, memory_order_acquire));
	struct shm_admin_word a = shm_server_admin(&r->object);
	uint32_t uweight = a.weight == SHM_WEIGHT_CONFIGURED ? r->facts.weight : a.weight;
	r->effective = shm_server_effective(&r->object, &r->facts);
	if (!r->facts.is_checked || !shm_check_read(&r->object, &r->check))
		r->check = (struct shm_check){0};
	bool is_down = h.state == SHM_HEALTH_DOWN;
	if (has_check(r) && !a.maint) /* else it rests */
		fill_check(r, !is_down);
	fill_agent(r, v);
	fill_server_status(r, a);
	uint64_t since = h.since_s && k->boot_s > h.since_s ? k->boot_s - h.since_s : 0;
	/* what people did last is a change, too */
	uint32_t by_hand_s =
		atomic_load_explicit(&v->admin_since_s, memory_order_relaxed);
	uint64_t since_hand =
		by_hand_s && k->boot_s > by_hand_s ? k->boot_s - by_hand_s : 0;
	set_n(r, SHM_STAT_lastchg, by_hand_s && since_hand < since ? since_hand : since);
	if (r->facts.is_checked && is_down)
		r->v[SHM_STAT_downtime].u.n += since;
	set_n(r, SHM_STAT_weight, r->effective.is_up ? r->effective.weight : uweight);
	set_n(r, SHM_STAT_uweight, uweight);
	if (r->effective.ramp < 100)
		set_n(r, SHM_STAT_throttle, r->effective.ramp);
	set_n(r, SHM_STAT_act, !r->facts.is_backup);
	set_n(r, SHM_STAT_bck, r->facts.is_backup);
	set_n(r, SHM_STAT_used_conn_cur, shm_stat_n(r, SHM_STAT_scur));
}

/* --- backends: what their servers add up to ----------------------------- */

struct backend_sum {
	uint64_t act, bck, weight, uweight, backup_weight, backup_uweight;
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
	if (r->facts.is_backup) {
		b->bck++;
		b->backup_uweight += shm_stat_n(r, SHM_STAT_uweight);
		if (!b->backup_weight) /* the first one serves alone */
			b->backup_weight = r->effective.weight;
	} else {
		b->act++;
		b->uweight += shm_stat_n(r, SHM_STAT_uweight);
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
	set_n(r, SHM_STAT_uweight, b->act ? b->uweight : b->backup_uweight);
	/* it went down with its last server, and came up with its first one */
	uint64_t since = is_up ? b->oldest_usable_s : b->youngest_s;
	set_n(r, SHM_STAT_lastchg, since);
	if (!is_up)
		r->v[SHM_STAT_downtime].u.n += since;
}

/* --- all of them -------------------------------------------------------- */

void
stat_fill_rows(const struct stat_taking *k, struct shm_stat *st)
{
	struct backend_sum sum = {0};
	for (size_t i = 0; i < st->rows_n; i++) {
		struct shm_stat_row *r = st->rows[i];
		if (i && (stat_iid_of(r) != stat_iid_of(st->rows[i - 1]) ||
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
