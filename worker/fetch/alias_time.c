/* SPDX-License-Identifier: MIT
 *
 * The %letters of formats that are dates and times (configuration.txt 8.2.6, 8.4).
 * Worker.
 */
#include <time.h>

#include "worker/fetch/alias.h"

/* --- dates ------------------------------------------------------------------------- */

enum date_kind { DATE_LOCAL_MS, DATE_UTC, DATE_LOCAL };

/* Formatted at most once per second and kind. */
static struct span
date_text(enum date_kind kind, time_t second)
{
	static const char *const shapes[] = {[DATE_LOCAL_MS] = "%d/%b/%Y:%H:%M:%S.",
					     [DATE_UTC] = "%d/%b/%Y:%H:%M:%S %z",
					     [DATE_LOCAL] = "%d/%b/%Y:%H:%M:%S %z"};
	static struct {
		time_t second;
		size_t n;
		char text[40];
	} cache[3];
	if (cache[kind].n == 0 || cache[kind].second != second) {
		struct tm tm;
		cache[kind].second = second;
		if (kind == DATE_UTC)
			gmtime_r(&second, &tm);
		else
			localtime_r(&second, &tm);
		cache[kind].n = strftime(cache[kind].text, sizeof(cache[kind].text),
					 shapes[kind], &tm);
	}
	return span_of(cache[kind].text, cache[kind].n);
}

static bool
give_date(const struct expr_context *c, struct expr_sample *s, enum date_kind kind,
	  uint64_t wall_us)
{
	struct span text = date_text(kind, (time_t)(wall_us / 1000000));
	if (kind != DATE_LOCAL_MS) {
		expr_set_str(s, text);
		return true;
	}
	char *p = expr_scratch_take(c->scratch, text.n + 3);
	unsigned ms = (unsigned)(wall_us / 1000 % 1000);
	if (!p)
		return false;
	memcpy(p, text.p, text.n);
	p[text.n] = (char)('0' + ms / 100);
	p[text.n + 1] = (char)('0' + ms / 10 % 10);
	p[text.n + 2] = (char)('0' + ms % 10);
	expr_set_str(s, span_of(p, text.n + 3));
	return true;
}

/* When the connection, or what came before this request on it, was over. */
static uint64_t
accepted_wall_us(const struct txn *t)
{
	return t->wall_us - t->s->idle_ms * 1000ULL;
}

ALIAS_FN(tr)
{
	return give_date(c, s, DATE_LOCAL_MS, txn_of(c)->wall_us);
}

ALIAS_FN(trg)
{
	return give_date(c, s, DATE_UTC, txn_of(c)->wall_us);
}

ALIAS_FN(trl)
{
	return give_date(c, s, DATE_LOCAL, txn_of(c)->wall_us);
}

ALIAS_FN(t)
{
	return give_date(c, s, DATE_LOCAL_MS, accepted_wall_us(txn_of(c)));
}

ALIAS_FN(T)
{
	return give_date(c, s, DATE_UTC, accepted_wall_us(txn_of(c)));
}

ALIAS_FN(Tl)
{
	return give_date(c, s, DATE_LOCAL, accepted_wall_us(txn_of(c)));
}

ALIAS_FN(Ts)
{
	return give_int(s, (int64_t)(accepted_wall_us(txn_of(c)) / 1000000));
}

ALIAS_FN(ms)
{
	unsigned ms = (unsigned)(accepted_wall_us(txn_of(c)) / 1000 % 1000);
	char *p = expr_scratch_take(c->scratch, 3);
	if (!p)
		return false;
	p[0] = (char)('0' + ms / 100);
	p[1] = (char)('0' + ms / 10 % 10);
	p[2] = (char)('0' + ms % 10);
	expr_set_str(s, span_of(p, 3));
	return true;
}

/* --- times, in ms; -1: that did not happen ------------------------------------------ */

static int64_t
ms_between(uint64_t from_us, uint64_t to_us)
{
	if (!from_us || !to_us)
		return -1;
	return to_us > from_us ? (int64_t)((to_us - from_us) / 1000) : 0;
}

static int64_t
idle_ms(const struct txn *t)
{
	return t->s->idle_ms;
}

/* Where waiting for a server begins: tcp has no request. */
static uint64_t
ready_us(const struct txn *t)
{
	return t->s->is_tcp ? t->start_us : t->request_us;
}

static uint64_t
answered_us(const struct txn *t)
{
	return t->head_forwarded ? t->response_us : 0;
}

/* All of its time is waiting, as HAProxy sees it. */
static bool
is_tarpitted(const struct txn *t)
{
	return t->phase == PHASE_TARPIT;
}

ALIAS_FN(TR)
{
	const struct txn *t = txn_of(c);
	return give_int(s, is_tarpitted(t) ? -1 : ms_between(t->start_us, t->request_us));
}

ALIAS_FN(Ta)
{
	return give_total(c, s, ms_between(txn_of(c)->start_us, now_us()));
}

ALIAS_FN(Tc)
{
	const struct txn *t = txn_of(c);
	return give_int(s, ms_between(t->assigned_us, t->connected_us));
}

ALIAS_FN(Td)
{
	const struct txn *t = txn_of(c);
	uint64_t from_us = t->s->is_tcp ? t->connected_us : answered_us(t);
	return give_int(s, ms_between(from_us, now_us()));
}

ALIAS_FN(Th)
{
	return give_int(s, session_handshake_ms(txn_of(c)->s));
}

ALIAS_FN(Ti)
{
	return give_int(s, idle_ms(txn_of(c)));
}

ALIAS_FN(Tq)
{
	const struct txn *t = txn_of(c);
	int64_t read_ms = ms_between(t->start_us, t->request_us);
	return give_int(s, read_ms < 0 ? -1 : idle_ms(t) + read_ms);
}

ALIAS_FN(Tr)
{
	const struct txn *t = txn_of(c);
	return give_int(s, ms_between(t->connected_us, answered_us(t)));
}

ALIAS_FN(Tt)
{
	const struct txn *t = txn_of(c);
	return give_total(c, s, idle_ms(t) + ms_between(t->start_us, now_us()));
}

ALIAS_FN(Tu)
{
	return give_total(c, s, ms_between(txn_of(c)->start_us, now_us()));
}

ALIAS_FN(Tw)
{
	const struct txn *t = txn_of(c);
	uint64_t until_us = t->is_waiting || is_tarpitted(t) ? now_us() : t->assigned_us;
	return give_int(s, ms_between(ready_us(t), until_us));
}
