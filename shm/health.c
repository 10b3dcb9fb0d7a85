/* SPDX-License-Identifier: MIT
 *
 * State of servers: words, the record of the last check, and what follows from them.
 * Writers check the lease of their role first; readers are everybody.
 */
#include "shm/health.h"

#include <string.h>

#include "lib/base/clock.h"
#include "shm/layout.h"
#include "shm/seq.h"

/* --- words --------------------------------------------------------------------- */

/* state:8 | seq:8 | reserved (factor of a slow start):16 | since_s:32 */
struct shm_health_word
shm_health_unpack(uint64_t word)
{
	unsigned state = word >> 16 & 0xffff ? UINT8_MAX : word & 0xff;
	return (struct shm_health_word){
		.state = state <= SHM_HEALTH_NOLB ? (enum shm_health)state
						  : SHM_HEALTH_UNKNOWN,
		.seq = (uint8_t)(word >> 8),
		.since_s = (uint32_t)(word >> 32),
	};
}

uint64_t
shm_health_pack(struct shm_health_word w)
{
	return (uint64_t)w.state | (uint64_t)w.seq << 8 | (uint64_t)w.since_s << 32;
}

enum {
	ADMIN_MAINT = 1,
	ADMIN_DRAIN = 2,
	ADMIN_CONFIG_DISABLED = 4,
	ADMIN_NO_CHECK = 8,
	ADMIN_WISH_SHIFT = 4, /* two bits */
	ADMIN_NO_AGENT = 64,
	ADMIN_WISH_SEQ_SHIFT = 8,
	ADMIN_AGENT_WISH_SHIFT = 48, /* two bits */
	ADMIN_AGENT_SEQ_SHIFT = 50,
	ADMIN_END_SHIFT = 58, /* zeros from here on */
};

static uint16_t
weight_or_configured(uint32_t w)
{
	return w <= SHM_WEIGHT_MAX ? (uint16_t)w : SHM_WEIGHT_CONFIGURED;
}

static bool
is_weight(uint64_t inverted)
{
	uint32_t w = ~(uint32_t)inverted & 0xffff;
	return w <= SHM_WEIGHT_MAX || w == SHM_WEIGHT_CONFIGURED;
}

/* flags:4 wish:4 wish_seq:8 | weight:16 | config_weight:16 | agent_wish:2
 * agent_wish_seq:8 0:6; weights are stored
 * inverted, so that a word of zeros means "as configured"; so does one that nobody has
 * written like this. */
struct shm_admin_word
shm_admin_unpack(uint64_t word)
{
	if (word >> ADMIN_END_SHIFT || !is_weight(word >> 16) || !is_weight(word >> 32))
		word = 0;
	return (struct shm_admin_word){
		.maint = word & ADMIN_MAINT,
		.drain = word & ADMIN_DRAIN,
		.config_disabled = word & ADMIN_CONFIG_DISABLED,
		.no_check = word & ADMIN_NO_CHECK,
		.wish = (enum shm_wish)(word >> ADMIN_WISH_SHIFT & 3),
		.wish_seq = (uint8_t)(word >> ADMIN_WISH_SEQ_SHIFT),
		.no_agent = word & ADMIN_NO_AGENT,
		.agent_wish = (enum shm_wish)(word >> ADMIN_AGENT_WISH_SHIFT & 3),
		.agent_wish_seq = (uint8_t)(word >> ADMIN_AGENT_SEQ_SHIFT),
		.weight = weight_or_configured(~(uint32_t)(word >> 16) & 0xffff),
		.config_weight = weight_or_configured(~(uint32_t)(word >> 32) & 0xffff),
	};
}

uint64_t
shm_admin_pack(struct shm_admin_word w)
{
	return (w.maint ? ADMIN_MAINT : 0ULL) | (w.drain ? ADMIN_DRAIN : 0ULL) |
	       (w.config_disabled ? ADMIN_CONFIG_DISABLED : 0ULL) |
	       (w.no_check ? ADMIN_NO_CHECK : 0ULL) |
	       (uint64_t)w.wish << ADMIN_WISH_SHIFT |
	       (uint64_t)w.wish_seq << ADMIN_WISH_SEQ_SHIFT |
	       (w.no_agent ? ADMIN_NO_AGENT : 0ULL) |
	       (uint64_t)w.agent_wish << ADMIN_AGENT_WISH_SHIFT |
	       (uint64_t)w.agent_wish_seq << ADMIN_AGENT_SEQ_SHIFT |
	       (uint64_t)(~(uint32_t)w.weight & 0xffff) << 16 |
	       (uint64_t)(~(uint32_t)w.config_weight & 0xffff) << 32;
}

/* state:8 | flags:8 | weight:16, inverted | maxconn:32 */
struct shm_agent_word
shm_agent_unpack(uint64_t word)
{
	unsigned state = word & 0xff;
	if (state > SHM_AGENT_FAILED ||
	    (word >> 8 & 0xff) > (ADMIN_MAINT | ADMIN_DRAIN) || !is_weight(word >> 16))
		word = state = 0;
	return (struct shm_agent_word){
		.state = state <= SHM_AGENT_FAILED ? (enum shm_agent_state)state
						   : SHM_AGENT_SILENT,
		.maint = word >> 8 & ADMIN_MAINT,
		.drain = word >> 8 & ADMIN_DRAIN,
		.weight = weight_or_configured(~(uint32_t)(word >> 16) & 0xffff),
		.maxconn = (uint32_t)(word >> 32),
	};
}

static uint64_t
agent_pack(struct shm_agent_word w)
{
	uint64_t flags = (w.maint ? ADMIN_MAINT : 0ULL) | (w.drain ? ADMIN_DRAIN : 0ULL);
	return (uint64_t)w.state | flags << 8 |
	       (uint64_t)(~(uint32_t)w.weight & 0xffff) << 16 | (uint64_t)w.maxconn << 32;
}

bool
shm_agent_is_down(struct shm_agent_word w)
{
	return w.state >= SHM_AGENT_DOWN;
}

struct shm_admin_word
shm_admin_with(struct shm_admin_word a, struct shm_agent_word g)
{
	a.maint |= g.maint;
	a.drain |= g.drain;
	bool is_ours = a.no_agent && a.weight != SHM_WEIGHT_CONFIGURED;
	if (g.weight != SHM_WEIGHT_CONFIGURED && !is_ours)
		a.weight = g.weight;
	return a;
}

struct shm_admin_word
shm_server_admin(const struct shm_object *server)
{
	const struct shm_server *v = server->server;
	return shm_admin_with(
		shm_admin_unpack(atomic_load_explicit(&v->admin, memory_order_acquire)),
		shm_agent_unpack(atomic_load_explicit(&v->agent, memory_order_acquire)));
}

/* --- writers -------------------------------------------------------------------- */

/* A slow start begins. */
static void
serve_again(const struct shm_object *server)
{
	atomic_store(&server->server->up_at_ms, clock_boot_ms());
}

static void
version_bump(const struct shm_object *backend)
{
	if (backend && backend->backend)
		atomic_fetch_add(&backend->backend->version, 1);
}

static bool
is_alike(enum shm_health a, enum shm_health b)
{
	return (a == SHM_HEALTH_UNKNOWN ? SHM_HEALTH_UP : a) ==
	       (b == SHM_HEALTH_UNKNOWN ? SHM_HEALTH_UP : b);
}

/* `since` tells the last change: a first good check of a server that counted as up
 * changes nothing of it. */
bool
shm_health_publish(struct shm *s, const struct shm_object *server,
		   const struct shm_object *backend, enum shm_health state)
{
	_Atomic uint64_t *word = &server->server->health;
	uint64_t seen = atomic_load(word);
	for (;;) {
		if (!shm_lease_is_mine(s, SHM_ROLE_CHECKER))
			return false;
		struct shm_health_word w = shm_health_unpack(seen);
		if (w.state == state)
			return true;
		if (!is_alike(w.state, state) || w.since_s == 0)
			w.since_s = (uint32_t)(clock_boot_ms() / 1000);
		if (w.state == SHM_HEALTH_DOWN)
			serve_again(server);
		w.state = state;
		w.seq++;
		if (atomic_compare_exchange_weak(word, &seen, shm_health_pack(w)))
			break;
	}
	version_bump(backend);
	return true;
}

enum { OBEYED_IS_KNOWN = 1 << 8 };

uint8_t
shm_wish_obeyed(const struct shm_object *server)
{
	uint32_t obeyed = atomic_load(&server->server->obeyed);
	return obeyed & OBEYED_IS_KNOWN ? (uint8_t)obeyed
					: shm_server_admin(server).wish_seq;
}

uint8_t
shm_agent_wish_obeyed(const struct shm_object *server)
{
	return (uint8_t)atomic_load(&server->server->agent_obeyed);
}

void
shm_agent_wish_obey(const struct shm_object *server, uint8_t seq)
{
	atomic_store(&server->server->agent_obeyed, seq);
}

void
shm_wish_obey(const struct shm_object *server, uint8_t seq)
{
	atomic_store(&server->server->obeyed, OBEYED_IS_KNOWN | seq);
}

bool
shm_admin_publish(struct shm *s, const struct shm_object *server,
		  const struct shm_object *backend, struct shm_admin_word w)
{
	if (!shm_lease_is_mine(s, SHM_ROLE_CONTROL))
		return false;
	struct shm_admin_word old = shm_admin_unpack(atomic_load(&server->server->admin));
	if (old.maint && !w.maint)
		serve_again(server);
	atomic_store(&server->server->admin, shm_admin_pack(w));
	if (old.maint != w.maint || old.drain != w.drain)
		atomic_store(&server->server->admin_since_s,
			     (uint32_t)(clock_boot_ms() / 1000));
	version_bump(backend);
	return true;
}

bool
shm_agent_publish(struct shm *s, const struct shm_object *server,
		  const struct shm_object *backend, struct shm_agent_word w,
		  uint32_t status, uint32_t duration_ms)
{
	struct shm_server *v = server->server;
	uint64_t word = agent_pack(w), boot_s = clock_boot_ms() / 1000;
	uint64_t ms = duration_ms < 0xffffff ? duration_ms : 0xffffff;
	if (!shm_lease_is_mine(s, SHM_ROLE_CHECKER))
		return false;
	atomic_store(&v->agent_seen, boot_s << 32 | ms << 8 | (status & 0xff));
	if (atomic_exchange(&v->agent, word) != word)
		version_bump(backend);
	return true;
}

bool
shm_agent_forget(struct shm *s, const struct shm_object *server,
		 const struct shm_object *backend)
{
	if (!shm_lease_is_mine(s, SHM_ROLE_CHECKER))
		return false;
	atomic_store(&server->server->agent_seen, 0);
	atomic_store(&server->server->agent, 0);
	version_bump(backend);
	return true;
}

bool
shm_quorum_publish(struct shm *s, const struct shm_object *backend, bool is_met)
{
	if (!shm_lease_is_mine(s, SHM_ROLE_CHECKER))
		return false;
	atomic_store(&backend->backend->without_quorum, !is_met);
	version_bump(backend);
	return true;
}

bool
shm_backend_lacks_quorum(const struct shm_object *backend)
{
	return atomic_load_explicit(&backend->backend->without_quorum,
				    memory_order_acquire) != 0;
}

/* Exact over all workers but for a good answer between two errors, which may come a
 * moment too early or too late, as it may on the wire. */
bool
shm_observe(const struct shm_object *server, const struct shm_object *backend,
	    enum shm_observed what, uint32_t limit)
{
	struct shm_server *v = server->server;
	if (what == SHM_OBSERVED_CONNECTED || what == SHM_OBSERVED_ANSWER) {
		if (atomic_load_explicit(&v->errors, memory_order_relaxed))
			atomic_store(&v->errors, 0);
		return false;
	}
	uint32_t n, seen = atomic_load(&v->errors);
	atomic_store(&v->errors_last, (uint32_t)what);
	do
		n = seen + 1;
	while (!atomic_compare_exchange_weak(&v->errors, &seen, n < limit ? n : 0));
	if (n < limit)
		return false;
	atomic_fetch_add(&v->errors_reached, 1);
	if (backend && backend->backend)
		atomic_fetch_add(&backend->backend->observed, 1);
	return true;
}

/* Within the sequence of the check. */
static void
remember(struct shm_server *server, const struct shm_check *c)
{
	const struct shm_check_past past = {.at_boot_ms = c->at_boot_ms,
					    .duration_ms = c->duration_ms,
					    .code = (uint16_t)c->code,
					    .status = (uint8_t)c->status,
					    .state = (uint8_t)c->state};
	uint32_t n = atomic_load_explicit(&server->past_n, memory_order_relaxed);
	if (c->status < SHM_CHECK_FIRST)
		return; /* a state, no result */
	shm_words_put(&server->past[n % SHM_CHECKS_KEPT], &past, sizeof(past));
	atomic_store_explicit(&server->past_n, n + 1, memory_order_release);
}

bool
shm_check_publish(struct shm *s, const struct shm_object *server,
		  const struct shm_check *c)
{
	struct shm_check *to = &server->server->check;
	if (!shm_lease_is_mine(s, SHM_ROLE_CHECKER))
		return false;
	uint32_t odd = shm_seq_open(&to->seq);
	SHM_FAULT(check_odd);
	shm_words_put((char *)to + SHM_CHECK_SEQ_BYTES,
		      (const char *)c + SHM_CHECK_SEQ_BYTES,
		      sizeof(*c) - SHM_CHECK_SEQ_BYTES);
	remember(server->server, c);
	shm_seq_close(&to->seq, odd);
	SHM_FAULT(check_even);
	return true;
}

/* --- readers -------------------------------------------------------------------- */

bool
shm_check_read(const struct shm_object *server, struct shm_check *out)
{
	const struct shm_check *from = &server->server->check;
	memset(out, 0, sizeof(*out));
	bool ok = shm_seq_read(&from->seq, (char *)out + SHM_CHECK_SEQ_BYTES,
			       (const char *)from + SHM_CHECK_SEQ_BYTES,
			       sizeof(*out) - SHM_CHECK_SEQ_BYTES);
	out->status_text[sizeof(out->status_text) - 1] = '\0';
	out->desc[sizeof(out->desc) - 1] = '\0';
	return ok;
}

uint32_t
shm_check_history(const struct shm_object *server,
		  struct shm_check_past out[SHM_CHECKS_KEPT])
{
	const struct shm_server *from = server->server;
	struct shm_check_past copy[SHM_CHECKS_KEPT];
	(void)shm_seq_read(&from->check.seq, copy, from->past, sizeof(copy));
	uint32_t end = atomic_load_explicit(&from->past_n, memory_order_acquire);
	uint32_t n = end < SHM_CHECKS_KEPT ? end : SHM_CHECKS_KEPT;
	for (uint32_t i = 0; i < n; i++)
		out[i] = copy[(end - 1 - i) % SHM_CHECKS_KEPT];
	return n;
}

static const struct {
	const char *word;
	bool passed, has_code;
	const char *description;
} results[] = {
#define RESULT(id, word, passed, has_code, description) \
	{word, passed, has_code, description},
#include "shm/check_result.def"
#undef RESULT
};
enum { RESULTS_N = sizeof(results) / sizeof(results[0]) };

const char *
shm_check_word(uint32_t status)
{
	return results[status < RESULTS_N ? status : 0].word;
}

const char *
shm_check_description(uint32_t status)
{
	return results[status < RESULTS_N ? status : 0].description;
}

bool
shm_check_passed(uint32_t status)
{
	return status < RESULTS_N && results[status].passed;
}

bool
shm_check_has_code(uint32_t status)
{
	return status < RESULTS_N && results[status].has_code;
}

/* The order of the texts is HAProxy's: what people did hides what checks say, except
 * that a drained server that is down is DOWN. */
struct shm_effective
shm_effective(struct shm_admin_word a, struct shm_health_word h, uint32_t config_weight,
	      bool is_checked)
{
	struct shm_effective e = {0};
	e.weight = a.weight <= SHM_WEIGHT_MAX ? a.weight : config_weight;
	if (e.weight > SHM_WEIGHT_MAX)
		e.weight = SHM_WEIGHT_MAX;
	e.is_up = !a.maint && !(is_checked && h.state == SHM_HEALTH_DOWN);
	if (a.drain)
		e.weight = 0;
	e.is_usable =
		e.is_up && e.weight > 0 && !(is_checked && h.state == SHM_HEALTH_NOLB);
	e.full_weight = e.weight;
	e.ramp = 100;
	if (a.maint)
		e.text = "MAINT";
	else if (!e.is_up)
		e.text = "DOWN";
	else if (e.weight == 0)
		e.text = "DRAIN";
	else if (is_checked && h.state == SHM_HEALTH_NOLB)
		e.text = "NOLB";
	else
		e.text = is_checked ? "UP" : "no check";
	return e;
}

uint32_t
shm_ramp(const struct shm_object *server, uint32_t slowstart_ms)
{
	uint64_t from =
		atomic_load_explicit(&server->server->up_at_ms, memory_order_acquire);
	if (slowstart_ms == 0 || from == 0)
		return 100;
	uint64_t now = clock_boot_ms(), age = now > from ? now - from : 0;
	if (age >= slowstart_ms)
		return 100;
	uint32_t step = (uint32_t)(age * SHM_RAMP_STEPS / slowstart_ms);
	return 100 / SHM_RAMP_STEPS * (step ? step : 1);
}

/* What the agent says hides what people say; maintenance and drain are either's. */
struct shm_effective
shm_effective_of(struct shm_admin_word a, struct shm_health_word h,
		 struct shm_agent_word g, uint32_t config_weight, bool is_checked)
{
	struct shm_effective e =
		shm_effective(shm_admin_with(a, g), h, config_weight, is_checked);
	if (a.maint || g.maint || !shm_agent_is_down(g))
		return e;
	e.is_up = e.is_usable = false;
	e.text = "DOWN (agent)";
	return e;
}

struct shm_effective
shm_server_effective(const struct shm_object *server, const struct shm_facts *f)
{
	const struct shm_server *s = server->server;
	uint64_t admin = atomic_load_explicit(&s->admin, memory_order_acquire);
	uint64_t health = atomic_load_explicit(&s->health, memory_order_acquire);
	uint64_t agent = atomic_load_explicit(&s->agent, memory_order_acquire);
	struct shm_effective e =
		shm_effective_of(shm_admin_unpack(admin), shm_health_unpack(health),
				 shm_agent_unpack(agent), f->weight, f->is_checked);
	e.ramp = e.is_usable ? shm_ramp(server, f->slowstart_ms) : 100;
	e.weight = (e.full_weight * e.ramp + 99) / 100;
	return e;
}
