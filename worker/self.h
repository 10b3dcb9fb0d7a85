/* SPDX-License-Identifier: MIT
 *
 * The state of this worker process, private to the room: one per process (`self`), and
 * the run-time side of each configured object (its place in shared memory, its idle
 * connections, its private balancing table).
 */
#ifndef WEIR_WORKER_SELF_H
#define WEIR_WORKER_SELF_H

#include "lib/balance/balance.h"
#include "lib/base/buf.h"
#include "lib/expr/sample.h"
#include "lib/http/date.h"
#include "lib/http/head.h"
#include "lib/net/conn.h"
#include "lib/net/pipes.h"
#include "shm/counters.h"
#include "shm/gauge.h"
#include "shm/sessions.h"
#include "shm/stick/stick.h"
#include "shm/queue.h"
#include "worker/worker.h"

enum {
	/* One read takes at most this; also the size of the static buffers. */
	WORKER_RX_BYTES = 128 * 1024,
	/* room before (chunk header) and behind (last chunk, trailers) the payload */
	WORKER_TX_BYTES = WORKER_RX_BYTES + 16 * 1024,
	WORKER_HX_BYTES = HTTP_HEAD_BYTES_MAX + 8 * 1024,
	WORKER_SCRATCH_BYTES = 64 * 1024,
	WORKER_EDITS_BYTES = 64 * 1024 - 1,
	WORKER_PIPES_N = 32,
	WORKER_PIPE_BYTES = 1024 * 1024,
	WORKER_WAKE_MS = 100, /* longest sleep: heartbeat and watch over the neighbour */
};

struct rt_server {
	const struct cfg_server *cfg;
	struct shm_object shm;
	struct rt_backend *be;
	uint32_t index; /* among the servers of `be`; UINT32_MAX: it has left */
	/* idle.c: its connections of this worker */
	struct list idle;    /* of struct origin, the freshest first */
	struct list fresh;   /* likewise, released since epoll was asked last */
	uint64_t fresh_look; /* net_loop_looks() then */
	uint32_t origins_n;  /* all */
	uint32_t idle_n;     /* those in `idle` and `fresh` */
	bool keeps_idle;
	bool is_personal;      /* origin.h: its connections are not all the same */
	uint32_t address_mark; /* of the address that the cookie and the key are of */
	struct span cookie;    /* of persistence; empty: none */
	char dynamic_cookie[16];
	uint32_t used_max; /* most at once since the last purge */
	uint32_t need_n;   /* the same, smoothed over earlier ones */
	struct net_timer purge_timer;
	uint64_t idle_death_ms; /* shortest idle time after which the server closed; 0:
				   none */
	uint64_t distrusted_until_ms;
	bool is_out;	 /* DOWN or in maintenance */
	bool is_strict;	 /* strict_maxconn: slots belong to connections */
	bool is_limited; /* it has a maxconn */
};

struct rt_backend {
	const struct cfg_proxy *cfg;
	struct shm_object shm;
	struct rt_server **servers; /* [servers_n], as in cfg */
	size_t servers_n;
	uint64_t members; /* as last seen (roster.h) */
	/* farm.c: who serves, found out again when the shared version changes */
	uint64_t version_seen;
	struct balance_table table;
	struct balance_server *farm; /* [servers_n] */
	uint64_t *shares_before;     /* [servers_n] the sum of those in front */
	uint64_t shares;	     /* of all */
	uint64_t ramp_ms; /* somebody starts slowly: look again then; 0: nobody */
	uint32_t usable_n;
	bool is_built;
	bool is_panicking;     /* panic_threshold: checks are not believed */
	uint64_t idle_version; /* idle.c has seen this one */
	/* queue.c */
	struct shm_queue queue; /* area NULL: no server ever had a limit */
	struct list waiters;	/* txns of this worker, the first ones first */
	uint64_t queue_version; /* they have seen this one; 0: none */
	bool has_limits;
	bool has_unlimited; /* a usable server without a limit */
};

struct rt_frontend {
	const struct cfg_proxy *cfg;
	struct shm_object shm;
	struct rt_backend *default_be; /* NULL: none */
	uint64_t lines_n;	       /* written to its log by this worker */
};

/* One polled listening socket. */
struct listener {
	struct net_watch watch;
	struct rt_listener *bind;
	const struct shm_object *awaits; /* paused: the limit that is reached, or NULL */
	uint32_t column;
	bool is_shared, is_paused;
};

/* One bind address. */
struct rt_listener {
	const struct cfg_bind *cfg;
	struct shm_object shm;
	struct rt_frontend *fe;
};

struct worker {
	const struct worker_inherit *in;
	const struct cfg *cfg;
	struct shm *shm;
	struct net_loop *loop;
	struct logger *logger;

	struct shm_object global;
	struct rt_frontend *frontends; /* [cfg->proxies_n], by proxy index */
	struct rt_backend *backends;   /* likewise */
	struct rt_listener *binds;     /* [cfg->binds_n] */

	/* track.c */
	struct rt_table *tables;   /* [cfg->tables_n], by index */
	uint32_t tracker_values_n; /* of the largest table */
	struct tracker *owed;	   /* to be given back: a bucket was busy */

	struct listener *listeners; /* every socket of the matrix */
	size_t listeners_n;
	uint32_t paused_n;
	struct net_timer queue_timer;
	struct net_task queue_task, resume_task;
	uint32_t waiting_n;	/* txns in all queues */
	uint32_t strict_idle_n; /* idle connections that hold slots */
	struct net_timer resume_timer, neighbour_timer, sweep_timer, drain_timer;
	bool has_takeover;

	struct pool sessions, session_ends, txns, txn_sets, origins, trackers;
	struct buf_pools bufs;
	struct net_pipes pipes;
	struct list session_list; /* all sessions, oldest first */
	struct shm_sessions summaries;
	struct list idle_origins; /* over all servers, the longest idle first */
	uint32_t conns_n;
	uint32_t txns_made;

	uint64_t random; /* pick.c */
	uint64_t started_ms;
	uint64_t quiet_until_ms; /* no complaint about regular expressions before */
	bool is_draining;	 /* no new connections; say close; leave when empty */
	bool is_stopping;	 /* also close idle connections at once */
	uint64_t drain_started_ms;

	struct http_date date;

	/* scratch, valid within one event */
	struct http_head head;
	struct span body; /* of the message that is judged: what is here, decoded */
	struct span bad;  /* what was read when a flow ended with FLOW_BAD ... */
	size_t bad_at;	  /* ... and which byte is wrong */
	char *rx;	  /* WORKER_RX_BYTES */
	char *tx;	  /* WORKER_TX_BYTES: re-encoded bodies */
	char *hx;	  /* WORKER_HX_BYTES: heads on their way out */
	char *edits;	  /* WORKER_EDITS_BYTES: what rules write into `head` */
	struct shm_stick_view stick_view;
	struct expr_scratch scratch; /* what expressions make */
};

extern struct worker self;

static inline uint64_t
now_ms(void)
{
	return net_loop_now_ms(self.loop);
}

static inline uint64_t
now_us(void)
{
	return net_loop_now_us(self.loop);
}

static inline struct rt_backend *
backend_of(const struct cfg_proxy *p)
{
	return p ? &self.backends[p->index] : NULL;
}

/* How a side that asks for it gets the names of fields; NULL: as they came. */
static inline const struct http_case *
case_for(const struct cfg_proxy *p, enum cfg_option side)
{
	return p->options & side ? self.cfg->global.h1_case : NULL;
}

/* worker.c: pools and scratch memory. */
void worker_memory_init(void);
/* runtime.c: makes frontends, backends, binds from the configuration. */
void runtime_init(void);
/* Takes over what servers have joined or left; true: there were some. */
bool runtime_follow(struct rt_backend *be);

/* accept.c: listeners, limits, the neighbour's listeners. */
void accept_init(void);
void accept_stop(void);
/* Paused listeners try again: a limit may have room. */
void accept_look(void);

/* drain.c */
void drain_init(void);
void drain_begin(bool stop_now);
void drain_check(void);

#endif
