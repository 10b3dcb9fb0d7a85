/* SPDX-License-Identifier: MIT
 *
 * Rates of every object, sampled once per second from the totals, so that nobody on
 * the path of a request has to keep them. Written by the control process alone.
 */
#include <stdlib.h>

#include "control/self.h"
#include "lib/base/clock.h"
#include "lib/base/must.h"
#include "shm/counters.h"
#include "shm/slots.h"

enum { PERIOD_MS = 1000 };

enum measure { SESSIONS, REQUESTS, CONNECTIONS, BYTES_IN, BYTES_OUT, MEASURES_N };

/* Which counters of a kind they are; -1: it has none. */
static const int counters[SHM_KINDS_N][MEASURES_N] = {
	[SHM_GLOBAL] = {-1, SHM_GLOBAL_req_tot, SHM_GLOBAL_conn_tot, SHM_GLOBAL_bytes_in,
			SHM_GLOBAL_bytes_out},
	[SHM_FRONTEND] = {SHM_FRONTEND_stot, SHM_FRONTEND_req_tot, SHM_FRONTEND_conn_tot,
			  SHM_FRONTEND_bin, SHM_FRONTEND_bout},
	[SHM_LISTENER] = {SHM_LISTENER_stot, -1, SHM_LISTENER_conn_tot, SHM_LISTENER_bin,
			  SHM_LISTENER_bout},
	[SHM_BACKEND] = {SHM_BACKEND_stot, SHM_BACKEND_req_tot, -1, SHM_BACKEND_bin,
			 SHM_BACKEND_bout},
	[SHM_SERVER] = {SHM_SERVER_stot, SHM_SERVER_req_tot, -1, SHM_SERVER_bin,
			SHM_SERVER_bout},
	[SHM_TABLE] = {-1, -1, -1, -1, -1},
};

/* The totals of an object at the last sample. */
struct sample {
	bool is_set;
	enum shm_kind kind;
	uint32_t cells;
	uint64_t totals[MEASURES_N];
};

static struct {
	struct net_timer timer;
	uint64_t at_ms;
	struct sample *samples; /* by place in the directory */
	uint32_t samples_n;
} rates;

static void
publish(_Atomic uint32_t *rate, _Atomic uint32_t *max, uint64_t v)
{
	uint32_t now = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
	atomic_store_explicit(rate, now, memory_order_relaxed);
	if (now > atomic_load_explicit(max, memory_order_relaxed))
		atomic_store_explicit(max, now, memory_order_relaxed);
}

static void
measure(const struct shm_object *o, struct sample *was, uint64_t elapsed_ms)
{
	uint64_t rate[MEASURES_N] = {0}, sessions = was->totals[SESSIONS];
	/* the place may belong to another object by now */
	bool is_same = was->is_set && was->kind == o->kind && was->cells == o->cells;
	for (int m = 0; m < MEASURES_N; m++) {
		int counter = counters[o->kind][m];
		if (counter < 0)
			continue;
		uint64_t total = shm_total(control.shm, o, (unsigned)counter);
		if (is_same && total > was->totals[m])
			rate[m] = ((total - was->totals[m]) * 1000 + elapsed_ms / 2) /
				  elapsed_ms;
		was->totals[m] = total;
	}
	bool has_news = is_same && was->totals[SESSIONS] > sessions;
	was->is_set = true;
	was->kind = o->kind;
	was->cells = o->cells;
	if (!o->rates)
		return;
	if (has_news)
		atomic_store_explicit(&o->rates->last_sess_s,
				      (uint32_t)(clock_boot_ms() / 1000),
				      memory_order_relaxed);
	publish(&o->rates->sess_rate, &o->rates->sess_rate_max, rate[SESSIONS]);
	publish(&o->rates->req_rate, &o->rates->req_rate_max, rate[REQUESTS]);
	publish(&o->rates->conn_rate, &o->rates->conn_rate_max, rate[CONNECTIONS]);
	atomic_store_explicit(&o->rates->bin_rate, rate[BYTES_IN], memory_order_relaxed);
	atomic_store_explicit(&o->rates->bout_rate, rate[BYTES_OUT],
			      memory_order_relaxed);
}

static void
make_room(uint32_t n)
{
	if (n <= rates.samples_n)
		return;
	rates.samples = must_realloc(rates.samples, n * sizeof(*rates.samples));
	for (uint32_t i = rates.samples_n; i < n; i++)
		rates.samples[i] = (struct sample){0};
	rates.samples_n = n;
}

static void
take_sample(struct net_timer *t)
{
	uint64_t now_ms = net_loop_now_ms(control.loop);
	uint64_t elapsed_ms = now_ms > rates.at_ms ? now_ms - rates.at_ms : 1;
	uint32_t n = shm_objects_n(control.shm);
	struct shm_object o;
	net_timer_set(control.loop, t, now_ms + PERIOD_MS);
	if (!shm_lease_is_mine(control.shm, SHM_ROLE_CONTROL))
		return;
	make_room(n);
	for (uint32_t i = 0; i < n; i++) {
		if (shm_object_at(control.shm, i, &o))
			measure(&o, &rates.samples[i], elapsed_ms);
	}
	rates.at_ms = now_ms;
}

void
rates_begin(void)
{
	rates.at_ms = net_loop_now_ms(control.loop);
	net_timer_init(&rates.timer, take_sample);
	take_sample(&rates.timer);
}
