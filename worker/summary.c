/* SPDX-License-Identifier: MIT
 *
 * Summaries of sessions, and their end on request. Worker. What a request costs here is a
 * few stores when it begins, ends, and comes to rest in another phase: a hung worker
 * shows what it did last.
 */
#include "worker/summary.h"

static const uint8_t state_of_phase[] = {
	[PHASE_REQUEST] = SHM_SESSION_REQUEST, [PHASE_TARPIT] = SHM_SESSION_TARPIT,
	[PHASE_QUEUE] = SHM_SESSION_QUEUE,     [PHASE_CONNECT] = SHM_SESSION_CONNECT,
	[PHASE_HEADERS] = SHM_SESSION_HEADERS, [PHASE_DATA] = SHM_SESSION_DATA,
	[PHASE_LAST] = SHM_SESSION_LAST,
};

void
summary_init(void)
{
	shm_sessions_open(self.shm, &self.global, &self.summaries);
}

void
summary_begin(struct session *s)
{
	struct shm_session_client c = {.accepted_us = s->accepted_us};
	if (s->peer.sa.sa_family == AF_INET) {
		c.family = 4;
		c.port = ntohs(s->peer.in.sin_port);
		memcpy(c.addr, &s->peer.in.sin_addr, sizeof(s->peer.in.sin_addr));
	} else if (s->peer.sa.sa_family == AF_INET6) {
		c.family = 6;
		c.port = ntohs(s->peer.in6.sin6_port);
		memcpy(c.addr, &s->peer.in6.sin6_addr, sizeof(s->peer.in6.sin6_addr));
	}
	struct shm_session_where where = {SHM_SESSION_IDLE, s->bind->shm.index, 0, 0};
	s->summary = shm_session_begin(&self.summaries, &c, shm_session_pack(where));
}

void
summary_end(struct session *s)
{
	shm_session_end(&self.summaries, s->summary);
}

void
summary_show(struct txn *t)
{
	bool is_tunnel = t->is_tunnel && t->phase == PHASE_DATA;
	struct shm_session_where where = {
		.state = is_tunnel ? SHM_SESSION_TUNNEL
				   : (enum shm_session_state)state_of_phase[t->phase],
		.listener = t->s->bind->shm.index,
		.backend = t->be ? t->be->shm.index : 0,
		.server = t->srv ? t->srv->shm.index : 0,
	};
	shm_session_move(t->s->summary, shm_session_pack(where));
	summary_count(t);
	t->shown_phase = t->phase;
}

/* --- ending ---------------------------------------------------------------- */

static enum stop
stop_of(enum shm_shut why)
{
	switch (why) {
	case SHM_SHUT_KILLED:
		break;
	case SHM_SHUT_DOWN:
		return STOP_server_down;
	case SHM_SHUT_BETTER_IS_UP:
		return STOP_server_replaced;
	}
	return STOP_killed;
}

static bool
has_to_end(const struct session *s, enum stop *stop)
{
	enum shm_shut why;
	*stop = STOP_killed;
	if (shm_session_is_killed(s->summary))
		return true;
	if (!s->txn || !s->txn->srv ||
	    !shm_server_is_shut(&s->txn->srv->shm, s->txn->assigned_us, &why))
		return false;
	*stop = stop_of(why);
	return true;
}

/* Who has asked for something and got nothing yet is told. */
static int
last_word(const struct txn *t)
{
	if (t->s->is_tcp || t->head_forwarded || !flow_is_done(&t->up))
		return 0;
	return t->phase == PHASE_HEADERS ? 502 : t->phase == PHASE_CONNECT ? 503 : 0;
}

/* Half a request is logged as one that was refused. */
static void
end(struct session *s, enum stop stop)
{
	if ((s->state == SESSION_HEAD || s->state == SESSION_PROXY) && txn_new(s))
		s->txn->is_request_bad = true;
	int status = s->txn ? last_word(s->txn) : 0;
	if (status) {
		s->say_close = true;
		reply_error(s->txn, status, stop);
	} else if (s->txn) {
		txn_abort(s->txn, stop);
	} else {
		session_close(s, false);
	}
}

void
summary_kill(void)
{
	struct list *next;
	for (struct list *n = self.session_list.next; n != &self.session_list; n = next) {
		struct session *s = list_entry(n, struct session, node);
		enum stop stop;
		next = n->next;
		if (!has_to_end(s, &stop))
			continue;
		end(s, stop);
	}
}
