/* SPDX-License-Identifier: MIT
 *
 * The %letters of formats (lib/expr/format_alias.def) but for dates and times, one small
 * function each, in the order of their meaning (configuration.txt 8.2.6). Worker.
 */
#include <unistd.h>

#include "lib/base/num.h"
#include "worker/pick/persist.h"
#include "worker/fetch/alias.h"
#include "worker/fetch/capture.h"
#include "worker/origin.h"
#include "worker/pick/farm.h"

/* --- addresses -----------------------------------------------------------------------
 */

static bool
give_address(struct expr_sample *s, const struct addr *a)
{
	if (a->kind == ADDR_INET) {
		s->type = EXPR_IPV4;
		s->ipv4 = a->u.in.sin_addr;
		return true;
	}
	if (a->kind == ADDR_INET6) {
		s->type = EXPR_IPV6;
		s->ipv6 = a->u.in6.sin6_addr;
		return true;
	}
	return a->kind == ADDR_UNIX && give_text(s, "unix");
}

static struct addr
local_address(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr a = {.kind = ADDR_NONE};
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		addr_from_sockaddr(&a, (struct sockaddr *)&ss, len);
	return a;
}

/* A UNIX socket has no port: HAProxy writes the listener's id. */
static bool
give_port(struct expr_sample *s, const struct txn *t, const struct addr *a)
{
	if (a->kind == ADDR_UNIX)
		return give_int(s, t->s->bind->cfg->index + 1);
	return a->kind != ADDR_NONE && give_int(s, addr_port(a));
}

ALIAS_FN(ci)
{
	const union session_addr *client = &txn_of(c)->s->peer;
	return give_sockaddr_ip(s, client) ||
	       (client->sa.sa_family == AF_UNIX && give_text(s, "unix"));
}

ALIAS_FN(cp)
{
	const struct session *client = txn_of(c)->s;
	return give_sockaddr_port(s, &client->peer) ||
	       give_int(s, client->bind->cfg->index + 1);
}

ALIAS_FN(fi)
{
	struct addr a = session_dst(txn_of(c)->s);
	return give_address(s, &a);
}

ALIAS_FN(fp)
{
	struct addr a = session_dst(txn_of(c)->s);
	return give_port(s, txn_of(c), &a);
}

ALIAS_FN(bi)
{
	const struct origin *o = txn_of(c)->origin;
	struct addr a = o ? local_address(o->conn.watch.fd) : (struct addr){0};
	return give_address(s, &a);
}

ALIAS_FN(bp)
{
	const struct origin *o = txn_of(c)->origin;
	struct addr a = o ? local_address(o->conn.watch.fd) : (struct addr){0};
	return give_port(s, txn_of(c), &a);
}

ALIAS_FN(si)
{
	const struct rt_server *srv = txn_of(c)->srv;
	struct addr a = srv ? farm_address(srv) : (struct addr){.kind = ADDR_NONE};
	return srv && give_address(s, &a);
}

ALIAS_FN(sp)
{
	const struct rt_server *srv = txn_of(c)->srv;
	struct addr a = srv ? farm_address(srv) : (struct addr){.kind = ADDR_NONE};
	return srv && give_port(s, txn_of(c), &a);
}

/* --- names and counts ------------------------------------------------------------------
 */

ALIAS_FN(f)
{
	return give_text(s, txn_of(c)->fe->cfg->name);
}

ALIAS_FN(ft)
{
	return give_text(s, txn_of(c)->fe->cfg->name);
}

ALIAS_FN(b)
{
	const struct txn *t = txn_of(c);
	return give_text(s, t->be ? t->be->cfg->name : t->fe->cfg->name);
}

ALIAS_FN(s)
{
	const struct txn *t = txn_of(c);
	if (t->is_stats)
		return give_text(s, "<STATS>");
	const struct rt_server *srv = t->srv			? t->srv
				      : t->phase == PHASE_QUEUE ? t->home
								: NULL;
	return give_text(s, srv ? srv->cfg->name : "<NOSRV>");
}

ALIAS_FN(H)
{
	static char host[64];
	if (!host[0] && gethostname(host, sizeof(host) - 1) < 0)
		return false;
	return give_text(s, host);
}

ALIAS_FN(pid)
{
	return give_int(s, getpid());
}

ALIAS_FN(ac)
{
	return give_int(s, shm_gauge_cur(self.global.gauge));
}

ALIAS_FN(fc)
{
	return give_int(s, shm_gauge_cur(txn_of(c)->fe->shm.gauge));
}

/* As in HAProxy, a line that is written at the end counts the others: who is told about
 * has left the backend and the server by then. */
static uint64_t
without_own(const struct expr_context *c, const struct shm_gauge *gauge, bool is_in)
{
	bool has_left = is_in && c->at == EXPR_AT_LOG && !txn_of(c)->is_early;
	uint64_t n = shm_gauge_cur(gauge);
	return n > has_left ? n - has_left : 0;
}

ALIAS_FN(bc)
{
	const struct txn *t = txn_of(c);
	return give_int(
		s,
		t->be ? (int64_t)without_own(c, t->be->shm.gauge, t->holds_backend) : 0);
}

ALIAS_FN(sc)
{
	const struct txn *t = txn_of(c);
	return give_int(s, t->srv ? (int64_t)without_own(c, t->srv->shm.gauge, true) : 0);
}

ALIAS_FN(sq)
{
	return give_int(s, txn_of(c)->srv_ahead);
}

ALIAS_FN(bq)
{
	return give_int(s, txn_of(c)->be_ahead);
}

static bool
give_plus(const struct expr_context *c, struct expr_sample *s, int64_t v)
{
	char *p = expr_scratch_take(c->scratch, 24);
	if (!p)
		return false;
	*p = '+';
	expr_set_str(s, span_of(p, 1 + num_put(p + 1, (uint64_t)v)));
	return true;
}

bool
give_total(const struct expr_context *c, struct expr_sample *s, int64_t v)
{
	return txn_of(c)->is_early && v >= 0 ? give_plus(c, s, v) : give_int(s, v);
}

ALIAS_FN(rc)
{
	const struct txn *t = txn_of(c);
	return t->is_redispatched ? give_plus(c, s, t->retries) : give_int(s, t->retries);
}

ALIAS_FN(rt)
{
	return give_int(s, txn_of(c)->number);
}

ALIAS_FN(lc)
{
	return give_int(s, (int64_t)txn_of(c)->fe->lines_n);
}

/* --- the exchange
 * ------------------------------------------------------------------------- */

ALIAS_FN(B)
{
	return give_total(c, s, (int64_t)txn_of(c)->bytes_out);
}

ALIAS_FN(U)
{
	return give_int(s, (int64_t)txn_of(c)->bytes_in);
}

ALIAS_FN(ST)
{
	const struct txn *t = txn_of(c);
	return give_int(s, t->status ? t->status : -1);
}

/* The two letters: who ended it, and where it was then. */
static void
state_letters(const struct txn *t, char out[2])
{
	static const char causes[STOPS_N] = {
#define STOP(id, cause, word, help) STOP_WELL(id, cause, word)
#define STOP_WELL(id, cause, word)  [STOP_##id] = cause,
#include "shm/stop.def"
#undef STOP
#undef STOP_WELL
	};
	static const char phases[] = {
		[PHASE_REQUEST] = 'R', [PHASE_TARPIT] = 'T',  [PHASE_QUEUE] = 'Q',
		[PHASE_CONNECT] = 'C', [PHASE_HEADERS] = 'H', [PHASE_DATA] = 'D',
		[PHASE_LAST] = 'L'};
	out[0] = causes[t->stop];
	out[1] = t->stop == STOP_normal ? '-' : phases[t->phase];
}

static bool
give_state(const struct expr_context *c, struct expr_sample *s, size_t n)
{
	char *p = expr_scratch_take(c->scratch, 4);
	if (!p)
		return false;
	memset(p, '-', 4);
	state_letters(txn_of(c), p);
	persist_letters(txn_of(c), p + 2);
	expr_set_str(s, span_of(p, n));
	return true;
}

ALIAS_FN(ts)
{
	return give_state(c, s, 2);
}

ALIAS_FN(tsc)
{
	return give_state(c, s, 4);
}

ALIAS_FN(reason)
{
	static const char *const words[STOPS_N] = {
#define STOP(id, cause, word, help) STOP_WELL(id, cause, word)
#define STOP_WELL(id, cause, word)  [STOP_##id] = word,
#include "shm/stop.def"
#undef STOP
#undef STOP_WELL
	};
	return give_text(s, words[txn_of(c)->stop]);
}

ALIAS_FN(OG)
{
	return give_text(s, txn_of(c)->is_early ? "txn_response" : "txn_close");
}

/* --- the request line ------------------------------------------------------------------
 */

/* As received; empty: there is none. */
static struct span
request_line(const struct expr_context *c)
{
	const struct txn *t = txn_of(c);
	const struct http_head *h = context_of(c)->req;
	if (h) {
		const char *end = memchr(h->base, '\r', h->bytes);
		return span_of(h->base, end ? (size_t)(end - h->base) : 0);
	}
	return t->is_request_bad || !t->line ? span_of(NULL, 0) : buf_span(t->line);
}

/* The nth word of it. */
static bool
give_word(const struct expr_context *c, struct expr_sample *s, int nth)
{
	struct span rest = request_line(c), word = {NULL, 0};
	if (!rest.n)
		return give_text(s, "<BADREQ>");
	for (int i = 0; i <= nth; i++)
		word = span_cut(&rest, ' ');
	expr_set_str(s, word);
	return true;
}

ALIAS_FN(r)
{
	struct span line = request_line(c);
	expr_set_str(s, line.n ? line : SPAN("<BADREQ>"));
	return true;
}

ALIAS_FN(HM)
{
	return give_word(c, s, 0);
}

ALIAS_FN(HU)
{
	return give_word(c, s, 1);
}

ALIAS_FN(HV)
{
	return give_word(c, s, 2);
}

ALIAS_FN(HP)
{
	(void)give_word(c, s, 1);
	s->str = span_cut(&s->str, '?');
	return true;
}

ALIAS_FN(HPO)
{
	(void)give_word(c, s, 1);
	struct span target = span_cut(&s->str, '?');
	const char *host = target.n && target.p[0] != '/'
				   ? memmem(target.p, target.n, "://", 3)
				   : NULL;
	if (host) {
		size_t skip = (size_t)(host - target.p) + 3;
		const char *path = memchr(target.p + skip, '/', target.n - skip);
		target = path ? span_of(path, target.n - (size_t)(path - target.p))
			      : SPAN("/");
	}
	s->str = target;
	return true;
}

ALIAS_FN(HQ)
{
	(void)give_word(c, s, 1);
	const char *mark = s->str.n ? memchr(s->str.p, '?', s->str.n) : NULL;
	s->str = mark ? span_of(mark, s->str.n - (size_t)(mark - s->str.p))
		      : span_of(s->str.p, 0);
	return true;
}

/* --- what rules have kept --------------------------------------------------------------
 */

static bool
give_cookie(const struct txn *t, int side, struct expr_sample *s)
{
	expr_set_str(s, capture_kept(t, &t->fe->cfg->captures.cookie[side]));
	return s->str.p != NULL;
}

ALIAS_FN(CC)
{
	return give_cookie(txn_of(c), CFG_CAPTURE_REQUEST, s);
}

ALIAS_FN(CS)
{
	return give_cookie(txn_of(c), CFG_CAPTURE_RESPONSE, s);
}

ALIAS_FN(ID)
{
	struct txn_context made = *context_of(c);
	if (!made.t)
		return false;
	expr_set_str(s, capture_unique_id(&made));
	return s->str.p != NULL;
}

/* All slots of one side behind each other; nothing when there are none. */
static bool
give_captures(const struct expr_context *c, struct expr_sample *s, int side)
{
	const struct txn *t = txn_of(c);
	const struct cfg_captures *all = &t->fe->cfg->captures;
	char *p = all->slots_n[side]
			  ? expr_scratch_take(c->scratch,
					      all->bytes + all->slots_n[side] + 2)
			  : NULL;
	if (!p)
		return give_text(s, "");
	char *at = stpcpy(p, "{");
	for (size_t i = 0; i < all->slots_n[side]; i++) {
		struct span v = capture_kept(t, &all->slots[side][i]);
		if (i)
			*at++ = '|';
		if (v.n)
			memcpy(at, v.p, v.n);
		at += v.n;
	}
	*at++ = '}';
	expr_set_str(s, span_of(p, (size_t)(at - p)));
	return true;
}

/* The same, one a line. */
static bool
give_capture_lines(const struct expr_context *c, struct expr_sample *s, int side)
{
	const struct txn *t = txn_of(c);
	const struct cfg_captures *all = &t->fe->cfg->captures;
	char *p = expr_scratch_take(c->scratch, all->bytes + all->slots_n[side]);
	if (!p)
		return give_text(s, "");
	char *at = p;
	for (size_t i = 0; i < all->slots_n[side]; i++) {
		struct span v = capture_kept(t, &all->slots[side][i]);
		for (size_t k = 0; k < v.n; k++)
			*at++ = v.p[k] == '\n' ? ' ' : v.p[k];
		*at++ = '\n';
	}
	expr_set_str(s, span_of(p, (size_t)(at - p)));
	return true;
}

ALIAS_FN(hr)
{
	return give_captures(c, s, CFG_CAPTURE_REQUEST);
}

ALIAS_FN(hrl)
{
	return give_capture_lines(c, s, CFG_CAPTURE_REQUEST);
}

ALIAS_FN(hs)
{
	return give_captures(c, s, CFG_CAPTURE_RESPONSE);
}

ALIAS_FN(hsl)
{
	return give_capture_lines(c, s, CFG_CAPTURE_RESPONSE);
}

expr_fetch_fn *const worker_aliases[FORMAT_ALIASES_N] = {
#define ALIAS(id, name, mode, kind, help) [FORMAT_ALIAS_##id] = alias_##id,
#include "lib/expr/format_alias.def"
#undef ALIAS
};
