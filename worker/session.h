/* SPDX-License-Identifier: MIT
 *
 * One client connection (struct session) and one request or TCP exchange on it (struct
 * txn). An idle keep-alive connection is a session without txn and without buffers.
 */
#ifndef WEIR_WORKER_SESSION_H
#define WEIR_WORKER_SESSION_H

#include "lib/http/framing.h"
#include "worker/flow.h"
#include "worker/self.h"

enum stop {
#define STOP(id, cause, word, help) STOP_##id,
#define STOP_WELL(id, cause, word)  STOP_##id,
#include "shm/stop.def"
#undef STOP
#undef STOP_WELL
	STOPS_N
};

/* Where a txn is; the letter is the second one of the termination state. */
enum txn_phase {
	PHASE_REQUEST, /* R */
	PHASE_TARPIT,  /* T: a rule makes it wait for its answer */
	PHASE_QUEUE,   /* Q */
	PHASE_CONNECT, /* C */
	PHASE_HEADERS, /* H: waiting for the response head */
	PHASE_DATA,    /* D */
	PHASE_LAST,    /* L: everything received, last bytes to the client */
};

enum session_state {
	SESSION_PROXY,	/* before the header of the PROXY protocol is there */
	SESSION_IDLE,	/* between requests, no byte of the next one */
	SESSION_HEAD,	/* part of a request head is in `in` */
	SESSION_BUSY,	/* txn */
	SESSION_LINGER, /* FIN sent, discarding what the client still sends */
};

union session_addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* What is known of a connection's ends besides session.peer and its socket: of most
 * nothing. fc_: as rules of the connection have left it; src is session.peer. */
struct session_ends {
	bool has_fc_src, has_fc_dst, has_dst;
	bool is_proxied; /* a PROXY header was there */
	uint32_t handshake_ms;
	union session_addr fc_src, fc_dst, dst;
	struct buf *tlvs; /* of that header; NULL: none */
};

struct session {
	struct net_conn client;
	struct net_timer timer;
	struct net_task task;
	struct list node;
	struct rt_listener *bind;
	struct txn *txn;
	struct list own;	    /* idle server connections that are for nobody else */
	struct rt_server *last_srv; /* the one of the last request, or NULL */
	struct buf *vars;	    /* of the scope sess; NULL: none */
	struct tracker *trackers;
	struct shm_session *summary;
	struct buf *in;	      /* bytes of the client that are not parsed yet */
	uint64_t accepted_us; /* monotonic */
	uint64_t since_us; /* first byte of the current request, or start of the idle time
			    */
	union session_addr peer;
	struct session_ends *ends;
	uint32_t idle_ms; /* before the current request */
	uint32_t requests_n;
	uint32_t parsed; /* bytes of `in` the head parser has seen */
	uint8_t state;
	bool is_tcp;
	bool sticks;	/* the last answer was a challenge: go to last_srv again */
	bool say_close; /* the answer under way announced the end of this connection */
};

struct origin;

/* What rules have set for one txn: most have none. */
struct txn_set {
	bool has_peer, has_dst, has_retries;
	uint8_t retries;
	uint8_t has_timeout; /* bits: 1 << CFG_TIMEOUT_* */
	uint64_t timeout_ms[CFG_TIMEOUTS_N];
	int16_t priority_class;
	int32_t priority_offset_ms;
	union session_addr peer; /* the session's, as it was before set_src */
	union session_addr dst;
};

enum { TXN_KEEP_BYTES = 32 * 1024 }; /* larger requests are not sent again by retry_on */

struct txn {
	struct session *s;
	struct rt_frontend *fe;
	struct rt_backend *be;
	struct rt_server *srv;	  /* its gauge is held */
	struct rt_server *wanted; /* by use_server, or by stick */
	struct rt_server *avoid;  /* the one that failed last */
	struct rt_server *home;	  /* the one it waits for; NULL: any */
	struct list wait_node;	  /* in be->waiters, while is_waiting */
	uint32_t ticket;	  /* in be->queue: waiting, or its slot of srv; 0: none */
	uint32_t srv_ahead, be_ahead; /* how many waited before it */
	uint64_t queue_until_ms;      /* timeout queue; 0: none */
	uint64_t cursor;  /* its turn among the servers; UINT64_MAX: none yet */
	uint32_t hash;	  /* of its key, if has_hash */
	uint64_t sent_us; /* the last attempt began */
	uint64_t cookie_used_s,
		cookie_set_s; /* dates of its persistence cookie; 0: none */
	struct origin *origin;
	struct flow up, down; /* client to server, server to client */
	struct buf *head; /* the request as forwarded, kept until it cannot be replayed */
	struct span upgrade; /* protocols asked for, in `head` */
	struct buf *res_in;  /* part of a response head */
	struct buf *parked;  /* parked.h: a head that waits for its body; NULL: none */
	struct buf *body;    /* what has come of that, as it will be sent */
	uint64_t body_least, body_until_ms; /* how much, how long: parked_ask() */
	uint32_t parked_bytes;		    /* of the head */
	struct buf *line;    /* request line for the log, NULL when not logged */
	struct buf *vars;    /* of the scopes txn, req, res; NULL: none */
	struct txn_set *set; /* NULL: nothing */
	const struct cfg_rule *last_rule; /* that ended its list; NULL: none */
	struct buf *stores;		  /* stick.c: keys, until the server is known */
	struct tracker *trackers;
	struct buf *kept;	  /* captures (capture.h); NULL: none */
	uint32_t name_at, name_n; /* in `head`: the line http_send_name_header writes */
	uint32_t head_sent;
	uint32_t res_parsed;
	uint32_t number;     /* among those of this worker */
	uint8_t phase;	     /* enum txn_phase */
	uint8_t shown_phase; /* in the summary */
	uint8_t stop;	     /* enum stop */
	uint8_t method;	     /* enum http_method */
	uint8_t client_minor;
	uint8_t inspects; /* enum inspect: bytes are read for rules, not passed on */
	bool inspects_response;
	uint8_t rule_stage;	/* which list of rules waits, of those of its message */
	uint16_t rule_at;	/* where it goes on */
	uint16_t status;	/* sent to the client, 0: none yet */
	uint16_t server_status; /* as it came, 0: none yet */
	uint8_t server_minor;	/* HTTP/1.x of that */
	uint8_t retries, retries_left;
	uint8_t log_level;  /* 1 + a syslog level; 0: the usual one */
	uint8_t cookie;	    /* enum persist_cookie: what the client sent */
	uint8_t set_cookie; /* enum persist_set: what was done about it */
	bool is_forced;	    /* force_persist */
	bool ignores_persist;
	bool has_hash; /* `balance` finds something to hash in it */
	bool is_redispatched;
	bool is_reset;	    /* reading the answer has failed */
	bool is_waiting;    /* in a queue */
	bool is_judged;	    /* by all rules: what is waited for is the key of `balance` */
	bool is_parked;	    /* its rules wait for the request's body */
	bool is_at_action;  /* rules go on at rule_at, whose condition held */
	bool is_body_begun; /* `down` carries the response's body */
	bool is_turnaround; /* waiting before the next attempt */
	bool is_reply;	    /* answered here; `down` only flushes */
	bool is_replayable; /* idempotent and without a body */
	bool is_kept;	    /* retry_on: all that was read of it is in `head` */
	bool on_reused;	    /* origin was idle before */
	bool no_reuse;	    /* a reused one died under this request: take a new one */
	bool up_broken;	    /* the server takes no more, but may still answer */
	bool keep_client;   /* the client's connection persists after this */
	bool expects_keep;  /* it did not announce its last request: more may come */
	bool keep_origin;   /* the server's may be pooled */
	bool binds_origin;  /* its credentials authenticate the connection */
	bool wants_tunnel;  /* CONNECT, or an upgrade to one of `upgrade` */
	bool hides_body; /* the client asked with HEAD, the server is asked otherwise */
	bool is_tunnel;
	bool head_forwarded; /* a final response head went to the client */
	bool no_log;
	bool no_l7_retry;    /* it is sent again only when a connect failed */
	bool is_early;	     /* its line is written while it goes on (option logasap) */
	bool is_request_bad; /* no valid request: logged as <BADREQ> */
	bool is_counted;     /* as a request, for what is tracked */
	bool is_stats;	     /* answered by the stats page */
	bool holds_backend;  /* the backend's gauge */
	bool has_earned;     /* something for the retry_budget */
	uint64_t wall_us;    /* date of the first byte */
	uint64_t start_us, request_us, assigned_us, connected_us,
		response_us; /* 0: not yet */
	uint64_t bytes_in, bytes_out;
	uint64_t tracked_in, tracked_out; /* of them, counted for what is tracked */
	uint64_t client_deadline_ms, server_deadline_ms;
	uint64_t client_mark,
		server_mark; /* how far each was when its deadline was set */
	uint64_t look_at_ms; /* run again then, whoever is late; 0: no */
	uint64_t inspect_from_ms;
	uint64_t tarpit_until_ms; /* its answer waits so long; 0: no */
	/* or until control has done this for it (stats_form.c); NULL: nothing */
	const struct rt_backend *asks;
	uint64_t asks_round;
};

/* session.c */
void session_new(int fd, struct rt_listener *bind, const struct sockaddr *sa,
		 socklen_t len);
void session_close(struct session *s, bool with_reset);
/* The txn is over (freed): next request, linger or close. */
void session_next(struct session *s, bool keep, bool client_may_send);
/* Where the client connected to, or what rules say about that; connection: what only
 * rules of the connection say. ADDR_NONE: it is not known. */
struct addr session_dst(const struct session *s);
struct addr session_dst_of_connection(const struct session *s);
union session_addr session_addr_of(const struct addr *a);
/* Made at the first use; NULL: no memory. */
struct session_ends *session_ends_of(struct session *s);
/* session.peer is going to be another one than that of the connection. */
void session_keep_fc_src(const struct session *s, struct session_ends *ends);
/* Rules of the connection have passed, and a PROXY header if there is one. */
void session_begin(struct session *s);
/* %Th: what came before its first byte took so long. */
static inline uint32_t
session_handshake_ms(const struct session *s)
{
	return s->ends ? s->ends->handshake_ms : 0;
}
/* Ready function of the client's watch. */
struct session *session_of(struct net_watch *w);

/* proxied.c: the PROXY protocol of clients. */
/* Reads the header as far as it is there, and begins the session behind it. */
void proxied_read(struct session *s);
/* It did not come in time. */
void proxied_timeout(struct session *s);

/* request.c: HTTP requests. */
/* Parses what has arrived and starts txns; called when readable or `in` has bytes. */
void request_read(struct session *s);
/* The deadline for a request head passed. */
void request_timeout(struct session *s);
/* Rules wait for the body (is_parked): goes on collecting it. */
void request_collect(struct txn *t);

/* txn.c: life of a txn, common to tcp and http. */
struct txn *txn_new(struct session *s);
/* Something happened on either side. */
void txn_run(struct txn *t);
void txn_timeout(struct txn *t);
/* Counts, logs, gives everything back, and hands the client on. */
void txn_end(struct txn *t, enum stop stop);
/* Ends at once without touching the client's connection further: both are closed. */
void txn_abort(struct txn *t, enum stop stop);
/* Puts the timer to the nearest deadline. */
void txn_arm(struct txn *t);
/* Moves what can be moved, counted. rest: as of flow_run(). */
enum flow_end txn_run_up(struct txn *t, struct buf **rest);
enum flow_end txn_run_down(struct txn *t);
/* Reads of the body what is there into t->head, as long as it may be kept. */
enum flow_end txn_keep_body(struct txn *t);
void txn_count_in(struct txn *t, uint64_t n);
void txn_count_up(void *txn, uint64_t n); /* likewise, for flows */
void txn_count_out(struct txn *t, uint64_t n);
/* Of what the client gets; of what the server said. */
void txn_count_status(struct txn *t, int status);
void txn_count_server_status(struct txn *t, int status);
const struct cfg_timeouts *txn_timeouts(const struct txn *t);
/* CFG_TIMEOUT_*: of the configuration, unless a rule set another. */
uint64_t txn_timeout_ms(const struct txn *t, unsigned which);
static inline uint64_t
txn_client_ms(const struct txn *t)
{
	return t->set ? txn_timeout_ms(t, CFG_TIMEOUT_CLIENT)
		      : t->fe->cfg->timeout.client_ms;
}
static inline uint64_t
txn_server_ms(const struct txn *t)
{
	return t->set ? txn_timeout_ms(t, CFG_TIMEOUT_SERVER)
		      : txn_timeouts(t)->server_ms;
}
/* What rules set, made at the first use; NULL: no memory. */
struct txn_set *txn_set_of(struct txn *t);
uint8_t txn_retries(const struct txn *t);
/* Where the frontend's rules lead; times and retries that a listen has set are those of
 * its own servers (configuration.txt, set-retries). */
void txn_lead_to(struct txn *t, struct rt_backend *be);

/* tcp.c */
void tcp_start(struct session *s);
void tcp_run(struct txn *t);
/* inspect.c: tcp_request content, tcp_response content, in mode tcp. */
enum inspect { INSPECT_OVER, INSPECT_FRONTEND, INSPECT_BACKEND };
/* Goes on with the rules of the client's bytes; at their end a backend is chosen and the
 * exchange begins. */
void inspect_request(struct txn *t);
enum inspect_end { INSPECT_PASSED, INSPECT_WAITS, INSPECT_GONE };
enum inspect_end inspect_response(struct txn *t);
/* health.c: mode health. */
void health_answer(int fd, const struct cfg_proxy *fe);

/* http.c: the exchange with the server. */
void http_run(struct txn *t);
/* A flow from the client broke off. */
void http_up_failed(struct txn *t, enum flow_end end);
/* What a flow that cannot go on waits for. */
void http_wait(struct txn *t, enum flow_end why);

/* response.c: reads the response head and forwards it with what came behind it. true: the
 * head is forwarded and t is alive; go on with the body. */
bool response_read(struct txn *t);

/* reply.c: answers made here. */
struct http_reply;
/* Sends a fixed answer and ends the txn. */
void reply_send(struct txn *t, const struct http_reply *r, enum stop stop);
/* Sends the page of an error. */
void reply_error(struct txn *t, int status, enum stop stop);
/* A refused request. */
void reply_reject(struct txn *t, enum http_reject why);
/* Goes on sending it. */
void reply_run(struct txn *t);

/* dispatch.c: server choice, connection, retries. */
/* Chooses a server and a connection and starts to send. */
void dispatch_start(struct txn *t);
/* The same when the server it is bound to has no room for it. */
void dispatch_elsewhere(struct txn *t, const struct rt_server *full);
/* srv has a slot for t; NULL: it is none of ours, choose again. */
void dispatch_granted(struct txn *t, struct rt_server *srv);
void dispatch_connect_failed(struct txn *t, int error);
/* The response failed in this way (config/retry.h): true when retry_on has sent the
 * request again. */
bool dispatch_retry_on(struct txn *t, uint32_t event);
/* What is replayable goes out again, over a new connection, unless a byte of an answer
 * went to the client. */
bool dispatch_replay(struct txn *t);
/* The turn-around delay is over. */
void dispatch_retry(struct txn *t);
/* Releases server and backend gauges. */
void dispatch_release(struct txn *t);

/* name_header.c: http_send_name_header. */
/* Drops what the client sent of that name; the room the field will need. */
size_t name_header_begin(const struct txn *t, struct http_head *h);
/* Writes the name of t->srv into t->head, of which nothing is sent. false: no buffer. */
bool name_header_write(struct txn *t);

/* access_log.c */
/* Whether nothing failed, as option dontlog_normal means it. */
bool access_log_is_normal(const struct txn *t);
/* The line of a finished txn, if its frontend logs. */
void access_log(struct txn *t);
/* option logasap: the answer begins, or the server is connected in mode tcp. */
void access_log_early(struct txn *t);
/* The line of a connection that ended before its first request, for the reason told. */
void access_log_handshake(struct txn *t, struct span reason);
/* Remembers the request line as received, for the log. */
void access_log_capture(struct txn *t, const char *p, size_t n);

#endif
