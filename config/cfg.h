/* SPDX-License-Identifier: MIT
 *
 * The configuration as all processes read it: plain structs in one arena, built
 * once by the master, immutable afterwards but for the lists of servers (roster/),
 * inherited through fork. One per generation. Durations in ms (0: none), sizes in bytes.
 * Strings are never NULL unless said.
 */
#ifndef WEIR_CONFIG_CFG_H
#define WEIR_CONFIG_CFG_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "config/cfg_check.h"
#include "config/cfg_server.h"
#include "lib/balance/balance.h"
#include "lib/base/addr.h"
#include "lib/base/arena.h"
#include "lib/base/span.h"
#include "lib/base/stick_spec.h"
#include "lib/expr/cond.h"
#include "lib/http/case.h"
#include "lib/expr/format.h"
#include "lib/http/limits.h"
#include "lib/http/reply.h"
#include "lib/net/log_target.h"

struct cfg_proxy;

enum { CFG_NAME_MAX = 63 }; /* bytes: what the shared region keeps of a name */

enum cfg_mode { CFG_MODE_TCP, CFG_MODE_HTTP, CFG_MODE_HEALTH };
enum cfg_level { CFG_LEVEL_USER, CFG_LEVEL_OPERATOR, CFG_LEVEL_ADMIN };

struct cfg_stats_socket {
	const char *path; /* of a UNIX socket; else the address as written */
	struct addr addr;
	mode_t mode;
	uid_t uid;
	gid_t gid; /* -1: as created */
	enum cfg_level level;
};

enum cfg_log_pid { CFG_LOG_PID_PROCESS, CFG_LOG_PID_MASTER };

/* A variable of the scope proc with a value from the beginning. */
struct cfg_set_var {
	const struct expr_var *var;
	unsigned type; /* enum expr_type */
	struct span bytes;
};

struct cfg_global {
	struct cfg_set_var *set_vars; /* in order: the last one of a variable holds */
	size_t set_vars_n;
	uint32_t nbproc;   /* resolved: auto has become a number */
	const char *user;  /* NULL: not set */
	const char *group; /* NULL: not set */
	uid_t uid;	   /* (uid_t)-1: do not change */
	gid_t gid;
	const char *chroot; /* NULL: none */
	bool daemon;
	const char *pidfile;		   /* NULL: none */
	uint32_t maxconnrate, maxsessrate; /* per second, 0: no limit */
	uint32_t maxconn; /* over all workers; resolved from the fd limit when not set */
	uint32_t fds_needed; /* per worker, all told; RLIMIT_NOFILE is raised to it */
	const char *log_tag; /* "weir" */
	enum cfg_log_pid log_pid;
	bool log_processes;
	const char *shm;
	bool shm_unsafe;
	struct cfg_stats_socket *sockets;
	uint64_t stats_timeout_ms;
	size_t sockets_n;
	uint64_t drain_timeout_ms, close_spread_ms, reload_max_delay_ms;
	uint32_t max_generations;
	uint64_t watchdog_ms;
	bool external_check; /* checks may run programs */
	bool pp2_never_send_local;
	uid_t external_uid; /* of the checker then; -1: as all */
	gid_t external_gid;
	const struct http_case *h1_case; /* NULL: none */
	int *cpu_of_worker;		 /* [nbproc], NULL: no pinning */
	bool quiet, debug, foreground;	 /* -q, -d, -db / -d */
};

struct cfg_timeouts {
	uint64_t connect_ms, client_ms, server_ms, http_request_ms, http_keep_alive_ms,
		queue_ms, check_ms, tunnel_ms, tarpit_ms, client_hs_ms, client_fin_ms,
		server_fin_ms;
};

enum cfg_option {
	CFG_OPT_TCPLOG = 1 << 1,
	CFG_OPT_REDISPATCH = 1 << 2,
	CFG_OPT_HTTP_SERVER_CLOSE = 1 << 4,
	CFG_OPT_HTTPCLOSE = 1 << 5,
	CFG_OPT_ABORTONCLOSE = 1 << 6,
	CFG_OPT_VIA = 1 << 7,
	CFG_OPT_DONTLOGNULL = 1 << 8,
	CFG_OPT_HTTPCHK = 1 << 9,
	CFG_OPT_TCPKA = 1 << 10, /* SO_KEEPALIVE both sides */
	CFG_OPT_LOG_HEALTH_CHECKS = 1 << 11,
	CFG_OPT_ALLBACKUPS = 1 << 12,
	CFG_OPT_DONTLOG_NORMAL = 1 << 13,
	CFG_OPT_LOG_SEPARATE_ERRORS = 1 << 14,
	CFG_OPT_PREFER_LAST_SERVER = 1 << 15,
	CFG_OPT_H1_CASE_CLIENT = 1 << 16,
	CFG_OPT_H1_CASE_SERVER = 1 << 17,
	CFG_OPT_HTTP_IGNORE_PROBES = 1 << 18,
	CFG_OPT_HTTP_KEEP_ALIVE = 1 << 19, /* what is left when no other mode is set */
	CFG_OPT_HTTP_PRETEND_KEEPALIVE = 1 << 20,
	CFG_OPT_LOGASAP = 1 << 0,
	CFG_OPT_HTTP_BUFFER_REQUEST = 1 << 21,
	CFG_OPT_PERSIST = 1 << 22,
	CFG_OPT_ABSOLUTE_FORM = 1 << 23,
};

/* option http_restrict_req_hdr_names */
enum cfg_names { CFG_NAMES_PRESERVE, CFG_NAMES_DELETE, CFG_NAMES_REJECT };
enum cfg_shards { CFG_SHARDS_PER_WORKER, CFG_SHARDS_SHARED };

/* One listening address. A port range in the file has become one per port. */
struct cfg_bind {
	const char *name; /* given, or the address as text: the shm listener's name */
	struct addr addr;
	int backlog;	  /* 0: maxconn of the frontend, at least 1024 */
	uint32_t maxconn; /* 0: none */
	enum cfg_shards shards;
	bool v4v6, v6only;
	bool accept_proxy;     /* connections begin with a PROXY header */
	bool is_named;	       /* `name` is given */
	const char *interface; /* NULL: none */
	mode_t mode;	       /* unix sockets; (mode_t)-1: umask */
	struct cfg_proxy *frontend;
	uint32_t index;	   /* over all binds of the configuration */
	const char *where; /* "file:line:col" */
};

struct cfg_header {
	struct span name, value;
};

/* A field whose value is made when it is needed. */
struct cfg_field {
	struct span name;
	const struct format *value;
};

/* `return`, `deny`, `tarpit`, `http_error`: an answer. */
struct cfg_reply {
	int status;
	const struct http_reply *message; /* NULL: what the proxy has for `status` */
	/* what of it is not fixed; needs a message */
	const struct format *body; /* NULL: the message's */
	struct cfg_field *fields;  /* besides the message's */
	size_t fields_n;
};

struct cfg_redirect {
	const struct format *location, *prefix, *scheme; /* one of them */
	uint16_t code;
	struct span set_cookie, clear_cookie;
	bool drop_query, keep_query, append_slash, ignore_empty;
};

/* set_timeout: what it sets. */
enum {
	CFG_TIMEOUT_CLIENT,
	CFG_TIMEOUT_CONNECT,
	CFG_TIMEOUT_QUEUE,
	CFG_TIMEOUT_SERVER,
	CFG_TIMEOUT_TARPIT,
	CFG_TIMEOUT_TUNNEL,
	CFG_TIMEOUTS_N
};
struct cfg_set_timeout {
	bool is_set;
	uint64_t ms;
	const struct expr_program *expr; /* not NULL: gives the ms */
};

enum cfg_action {
#define ACTION(name, sets, end, form, type, sub, help, manual) CFG_ACTION_##name,
#include "config/actions.def"
#undef ACTION
	CFG_ACTIONS_N
};

/* A stick table. */
enum cfg_srvkey { CFG_SRVKEY_NAME, CFG_SRVKEY_ADDR };

struct cfg_table {
	const char *name;
	struct stick_spec spec;
	const char *persist; /* NULL: not written to a file */
	uint64_t persist_interval_ms;
	enum cfg_srvkey srvkey;
	uint32_t index; /* in cfg->tables */
	const char *where;
};

enum { CFG_TRACKERS_MAX = 12 }; /* sc0 to sc11 */

/* Lists of rules, in the order of enum expr_at: list i is evaluated at 1 << i. */
enum cfg_rule_set {
	CFG_RULES_CONNECTION,
	CFG_RULES_SESSION,
	CFG_RULES_CONTENT,
	CFG_RULES_REQUEST,
	CFG_RULES_RES_CONTENT,
	CFG_RULES_RESPONSE,
	CFG_RULES_AFTER_RESPONSE,
	CFG_RULES_REDIRECT, /* of requests, behind the others: at EXPR_AT_REQUEST */
	CFG_RULE_SETS_N
};

static inline enum expr_at
cfg_at(enum cfg_rule_set set)
{
	return set == CFG_RULES_REDIRECT ? EXPR_AT_REQUEST : (enum expr_at)(1 << set);
}

/* del_header: how names are compared. */
enum cfg_match {
	CFG_MATCH_STR,
	CFG_MATCH_BEG,
	CFG_MATCH_END,
	CFG_MATCH_SUB,
	CFG_MATCH_REG
};

struct cfg_user {
	struct span name;
	struct span password; /* of crypt(3), with a zero behind it; or as it is: */
	bool is_plain;
	struct span *groups;
	size_t groups_n;
};

struct cfg_userlist {
	const char *name;
	struct cfg_user *users;
	size_t users_n;
};

/* An address and the length of its prefix. */
struct cfg_network {
	int family; /* AF_UNSPEC: none */
	uint8_t bits;
	uint8_t bytes[16];
};

/* option forwardfor, originalto */
struct cfg_forward {
	bool is_on, if_none;
	struct span header;
	struct cfg_network except;
};

/* option forwarded */
struct cfg_forwarded {
	bool is_on;
	bool proto, host, by, by_port, for_, for_port;
	const struct expr_program *host_expr, *by_expr, *by_port_expr, *for_expr,
		*for_port_expr;
};

/* What of a request or response is kept. */
struct cfg_capture {
	struct span name; /* of the field or cookie; empty: a rule fills it */
	uint32_t len;	  /* at most; 0: there is no such slot */
	uint32_t off;	  /* in the txn's memory */
};

enum { CFG_CAPTURE_REQUEST, CFG_CAPTURE_RESPONSE, CFG_CAPTURE_SIDES_N };
enum { CFG_UNIQUE_ID_BYTES = 128 };

struct cfg_captures {
	struct cfg_capture *slots[CFG_CAPTURE_SIDES_N];
	size_t slots_n[CFG_CAPTURE_SIDES_N];
	struct cfg_capture cookie[CFG_CAPTURE_SIDES_N];
	struct cfg_capture unique_id;
	uint32_t bytes; /* of a txn's memory; 0: nothing is kept */
};

/* rate_limit */
struct cfg_limit {
	const struct expr_program *expr;
	const struct cfg_table *table;
	uint64_t tokens, burst; /* per period of the table's column */
	uint64_t size;
	uint32_t status;
	bool retry_after, is_observing;
};

/* One rule: an action, its arguments (which members it uses stands in schema_rules.def),
 * and when it acts. */
struct cfg_rule {
	uint8_t action; /* enum cfg_action */
	bool unless;	/* acts when the condition is false */
	bool ends;	/* later rules are not looked at */
	bool is_on;
	uint8_t match;		      /* enum cfg_match */
	uint8_t set_if;		      /* set_var: bits of enum cfg_set_if */
	const struct expr_cond *cond; /* NULL: always */
	struct span name;
	const struct format *format, *value; /* value: of set_map */
	const struct expr_program *expr;     /* NULL where a number was given */
	const struct expr_regex *regex;
	const struct expr_var *var;
	uint64_t number, time_ms;
	const struct cfg_table *table;
	const char *file; /* where it stands */
	unsigned line;
	uint8_t sc;    /* a tracker */
	uint8_t index; /* of gpc(n) and gpt(n) */
	union {
		const struct cfg_reply *reply;
		const struct cfg_redirect *redirect;
		const struct cfg_set_timeout *timeouts; /* [CFG_TIMEOUTS_N] */
		const struct cfg_limit *limit;
		struct expr_source *patterns; /* of a file */
	};
};

struct cfg_rules {
	struct cfg_rule *list;
	size_t n;
};

/* A condition alone: monitor fail. */
struct cfg_when {
	const struct expr_cond *cond;
	bool unless;
};

struct cfg_use_server {
	const struct cfg_server *server;
	const struct format *name; /* not NULL: gives the server's name */
	struct cfg_when when;
};

enum { CFG_STICK_MATCH = 1, CFG_STICK_STORE = 2, CFG_STICK_RESPONSE = 4 };

/* stick: a key leads to the server that was stored with it. */
struct cfg_stick {
	uint8_t does; /* CFG_STICK_* */
	const struct expr_program *expr;
	const struct cfg_table *table;
	struct cfg_when when;
};

struct cfg_use_backend {
	struct cfg_proxy *backend;
	const struct format *name;    /* not NULL: gives the backend's name */
	const struct expr_cond *cond; /* NULL: always */
	bool unless;
};

/* From the strictest to the most liberal. */
enum cfg_reuse {
	CFG_REUSE_NEVER,
	CFG_REUSE_SAFE,
	CFG_REUSE_AGGRESSIVE,
	CFG_REUSE_ALWAYS
};

/* hash_preserve_affinity: which servers a hash passes over. */
enum cfg_affinity { CFG_AFFINITY_ALWAYS, CFG_AFFINITY_MAXCONN, CFG_AFFINITY_MAXQUEUE };

/* balance, hash_type and what belongs to them */
struct cfg_balance {
	enum balance_algorithm algorithm;
	struct balance_uri uri;
	bool path_only;			 /* uri: without the authority */
	bool check_post;		 /* url_param: in the body, too */
	bool use_domain_only;		 /* hdr */
	struct span name;		 /* of the parameter, field or cookie */
	const struct expr_program *expr; /* hash, rdp_cookie */
	uint32_t draws;			 /* random */
	uint32_t decay_ms;		 /* peak_ewma */
	enum balance_kind hash_kind;
	enum balance_function function;
	bool avalanches;
	uint32_t factor; /* hash_balance_factor, 0: no bound */
	enum cfg_affinity affinity;
};

enum cfg_cookie_mode {
	CFG_COOKIE_PASSIVE, /* only looked at */
	CFG_COOKIE_REWRITE,
	CFG_COOKIE_INSERT,
	CFG_COOKIE_PREFIX,
};

/* Persistence by a cookie. */
struct cfg_cookie {
	struct span name; /* empty: none */
	enum cfg_cookie_mode mode;
	bool indirect, nocache, postonly, preserve, httponly, secure, dynamic;
	uint64_t maxidle_ms, maxlife_ms; /* 0: no limit */
	struct span tail;		 /* "; domain=..; HttpOnly; Secure; ..." */
	struct span key;		 /* dynamic_cookie_key */
};

/* force_persist, ignore_persist */
struct cfg_persist {
	struct cfg_when when;
	bool is_forced;
};

/* Retries that are allowed, over all workers. */
struct cfg_retry_budget {
	uint32_t percent;  /* of the requests; 0: no limit */
	uint32_t min_rate; /* per second, whatever comes */
};

/* What a backend needs of its active servers; weight 0: nothing. */
struct cfg_quorum {
	uint32_t weight, hysteresis;
	const char *up, *down; /* programs, or NULL */
};

struct cfg_stats {
	const char *uri;     /* NULL: no stats page here */
	uint64_t refresh_ms; /* 0: none */
	const char *realm;
	const char **auths; /* "user:password" */
	size_t auths_n;
	const char **scope;	/* names of the proxies it is about, "." for its own */
	size_t scope_n;		/* 0: all */
	struct cfg_when *admin; /* who may change servers: when one of these holds */
	size_t admin_n;
	bool hide_version;
};

/* How the lines of a frontend look. */
struct cfg_log {
	const struct format *format;
	const struct format *error_format; /* NULL: format */
	const struct format *sd;	   /* structured data; NULL: none */
	/* of what ends before its first request: what stands before the listener */
	const struct format *handshake;
	struct span tag;	/* empty: global.log_tag */
	bool is_per_connection; /* one line per connection, not per request */
};

/* Statuses of what fails here, by the reason. */
struct cfg_error_status {
	uint16_t client_timeout, connect_failed, connect_timeout, no_server, queue_full,
		queue_timeout, server_abort, server_timeout, bad_response;
};

enum { CFG_CAP_FRONTEND = 1, CFG_CAP_BACKEND = 2 };

struct cfg_proxy {
	const char *name;
	unsigned caps;	/* CFG_CAP_*: a `listens` section has both */
	uint32_t id;	/* HAProxy's iid: `id`, or the next that is free */
	uint32_t index; /* in cfg->proxies */
	enum cfg_mode mode;
	uint32_t options; /* enum cfg_option */
	struct cfg_timeouts timeout;
	bool has_tunnel_timeout; /* `timeout tunnel` was written: mode tcp obeys it, too
				  */
	struct http_limits limits;
	uint64_t log_mask; /* bits of cfg->log_targets */
	struct cfg_log access_log;
	struct cfg_forward forwardfor, originalto;
	struct cfg_forwarded forwarded;
	enum cfg_names names; /* fields whose names are not letters, digits and '-' */
	struct cfg_stats stats;
	const char *where; /* "file:line:col" of its name */
	/* in the place of the standard pages; NULL: nothing here */
	const struct cfg_reply *errors[HTTP_ERRORS_N]; /* NULL: the standard page */
	struct cfg_error_status error_status;

	struct cfg_rules rules[CFG_RULE_SETS_N];
	uint32_t rule_sets; /* bits 1 << enum cfg_rule_set: those that are not empty */
	struct cfg_captures captures;
	struct cfg_when *monitor_fail;
	size_t monitor_fail_n;
	struct cfg_stick *sticks;
	size_t sticks_n;
	struct cfg_use_server *use_server;
	size_t use_server_n;
	const struct format *unique_id; /* of requests; NULL: none */
	const struct format *check_id;	/* of health checks: a backend's own */
	struct span send_name_header;	/* of the server, in requests; empty: none */
	struct span unique_id_header;
	uint64_t request_inspect_ms, response_inspect_ms; /* 0: no wait */

	/* frontend */
	struct cfg_bind **binds;
	size_t binds_n;
	uint32_t maxconn;	      /* default: global.maxconn */
	uint32_t rate_limit_sessions; /* per second, 0: no limit */
	uint32_t fullconn; /* default: 10 % of the maxconn of the frontends that lead here
			    */
	struct cfg_use_backend *use_backend;
	size_t use_backend_n;
	struct cfg_proxy *default_backend; /* NULL: 503 (a listen: itself) */
	struct span monitor_uri;	   /* empty: none */

	/* backend */
	struct cfg_balance balance;
	const struct expr_program *rdp_cookie; /* persist; NULL: not given */
	struct cfg_server **servers;
	size_t servers_n;
	enum cfg_reuse http_reuse;
	bool reuse_repeatable;
	uint32_t retry_on; /* config/retry.h */
	uint32_t retries;
	uint32_t panic_percent; /* of the active servers */
	struct cfg_quorum quorum;
	struct cfg_retry_budget retry_budget;
	struct cfg_cookie cookie;
	struct cfg_persist *persist;
	size_t persist_n;
	int redispatch_interval;       /* option redispatch [n]: -1 = on the last retry */
	const struct cfg_check *check; /* of its servers without one of their own */
	bool is_disabled;
	const struct cfg_table *table; /* stick_table; NULL: none */
};

struct cfg {
	struct arena *arena;
	struct expr_env env; /* of all its expressions */
	struct cfg_global global;
	struct log_target
		*log_targets; /* of all proxies and global, at most LOG_TARGETS_MAX */
	size_t log_targets_n;
	uint64_t global_log_mask;
	struct cfg_proxy **proxies; /* in the order of the files */
	size_t proxies_n;
	struct cfg_userlist *userlists;
	size_t userlists_n;
	struct cfg_proxy **backends; /* those with a backend, by name */
	size_t backends_n;
	struct cfg_table **tables;
	size_t tables_n;
	uint32_t trackers;	 /* bits: 1 << N of those in use */
	struct cfg_bind **binds; /* all, by index */
	size_t binds_n;
	const char **warnings; /* "file:line:col: text" */
	size_t warnings_n;
	uint64_t hash; /* of the effective text */
};

/* Whether the statistics page of `page` is about the proxy of that name. */
static inline bool
cfg_stats_covers(const struct cfg_proxy *page, const char *name)
{
	const struct cfg_stats *s = &page->stats;
	bool covers = s->scope_n == 0;
	for (size_t i = 0; i < s->scope_n; i++)
		covers |= strcmp(strcmp(s->scope[i], ".") == 0 ? page->name : s->scope[i],
				 name) == 0;
	return covers;
}

#endif
