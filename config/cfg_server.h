/* SPDX-License-Identifier: MIT
 *
 * A server of a backend, as configured: by the files, or when it joined at run time.
 */
#ifndef WEIR_CONFIG_CFG_SERVER_H
#define WEIR_CONFIG_CFG_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "config/cfg_check.h"
#include "lib/balance/balance.h"
#include "lib/base/addr.h"
#include "lib/base/span.h"
#include "lib/expr/format.h"

struct cfg_proxy;

/* What a server is before anything is known of it. */
enum cfg_init_state {
	CFG_INIT_NONE, /* up; the first check decides */
	CFG_INIT_FULLY_UP,
	CFG_INIT_UP,
	CFG_INIT_DOWN,
	CFG_INIT_FULLY_DOWN,
};

/* What traffic shows of a server, and what follows from errors in a row. */
enum cfg_observe { CFG_OBSERVE_NONE, CFG_OBSERVE_LAYER4, CFG_OBSERVE_LAYER7 };
enum cfg_on_error {
	CFG_ON_ERROR_FAIL_CHECK,
	CFG_ON_ERROR_FASTINTER,
	CFG_ON_ERROR_SUDDEN_DEATH,
	CFG_ON_ERROR_MARK_DOWN,
};

/* A header of the PROXY protocol in front of what a server gets. */
struct cfg_proxy_header {
	uint8_t version; /* 0: there is none */
	bool authority, crc32c, unique_id;
	struct cfg_tlv {
		uint8_t type;
		const struct format *value;
	} * tlvs;
	size_t tlvs_n;
};

struct cfg_server {
	const char *name;
	struct addr addr; /* ADDR_NONE: the name could not be resolved; starts DOWN */
	const char *addr_text; /* as written */
	struct span cookie;    /* empty: none of its own */
	uint32_t weight;       /* 0..256, default 1 */
	bool backup, disabled, check, strict_maxconn, non_stick;
	enum balance_identity hash_key;
	const struct cfg_check *healthcheck; /* how it is checked */
	const struct cfg_server *track;	     /* whose health it shares, or NULL */
	enum cfg_init_state init_state;
	bool check_reuse_pool;
	struct cfg_proxy_header send_proxy;
	uint8_t check_send_proxy; /* the version in front of checks; 0: none */
	enum cfg_observe observe;
	enum cfg_on_error on_error;
	uint32_t error_limit;
	bool shuts_sessions;	    /* on_marked_down */
	bool shuts_backup_sessions; /* on_marked_up */
	bool agent_check;
	const struct cfg_check *agent; /* how its agent is asked, NULL: it has none */
	struct addr agent_addr;
	bool agent_has_addr; /* does not follow addr */
	uint64_t agent_inter_ms;
	uint64_t inter_ms, fastinter_ms,
		downinter_ms; /* fast and down default to inter */
	uint32_t rise, fall;
	uint32_t slowstart_ms;
	uint32_t maxconn, minconn, maxqueue; /* over all workers; 0: none */
	int32_t pool_max_conn;		     /* over all workers; -1: no limit */
	uint64_t pool_purge_delay_ms;
	int32_t max_reuse; /* -1: no limit */
	struct addr
		check_addr; /* where checks go: addr with check_addr/check_port applied */
	bool check_has_addr, check_has_port; /* these do not follow addr */
	bool send_to_client_addr;	     /* 0.0.0.0: where the client wanted to go */
	bool send_to_client_port; /* address without port: the client's destination port
				     is used */
	int port_offset; /* "+1000" / "-10": added to the client's destination port */
	struct cfg_proxy *backend;
	uint32_t index;	      /* within the backend, as it is now */
	uint32_t id;	      /* from 1, position in the backend */
	bool is_referenced;   /* rules, conditions or other servers name it */
	uint64_t joined_hash; /* of its text, when it joined at run time; else 0 */
};

/* The ports of its own that checks and its agent are asked at; 0: there is none. */
static inline uint16_t
cfg_server_check_port(const struct cfg_server *s)
{
	bool is_inet =
		s->check_addr.kind == ADDR_INET || s->check_addr.kind == ADDR_INET6;
	return s->check_has_port && is_inet ? (uint16_t)addr_port(&s->check_addr) : 0;
}

static inline uint16_t
cfg_server_agent_port(const struct cfg_server *s)
{
	bool is_inet =
		s->agent_addr.kind == ADDR_INET || s->agent_addr.kind == ADDR_INET6;
	return s->agent && is_inet ? (uint16_t)addr_port(&s->agent_addr) : 0;
}

/* Whether its health is known, or will be. */
static inline bool
cfg_server_is_checked(const struct cfg_server *s)
{
	return s->check || s->track;
}

/* What it is until its first check, and after maintenance. One that tracks another has
 * the state of that. */
static inline bool
cfg_server_starts_down(const struct cfg_server *s)
{
	while (s->track)
		s = s->track;
	return s->check &&
	       (s->init_state == CFG_INIT_DOWN || s->init_state == CFG_INIT_FULLY_DOWN);
}

/* A server as expressions name it: they may be read before it is built. */
struct cfg_server_ref {
	const struct cfg_proxy *backend;
	const struct cfg_server *server; /* NULL: its backend is disabled */
};

#endif
