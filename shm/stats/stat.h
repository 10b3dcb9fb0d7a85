/* SPDX-License-Identifier: MIT
 *
 * A snapshot of what the region knows about the traffic: one row per frontend,
 * listener (when asked for), server and backend, in the order of the configuration,
 * with HAProxy's fields. Totals over all lanes, so over all processes and
 * generations. Taking one costs nothing but reads; weirctl, control and the stats
 * page use the same.
 */
#ifndef WEIR_SHM_STATS_STAT_H
#define WEIR_SHM_STATS_STAT_H

#include "shm/health.h"
#include "shm/object.h"

/* HAProxy's numbers (field `type`). */
enum shm_stat_type {
	SHM_STAT_FRONTEND,
	SHM_STAT_BACKEND,
	SHM_STAT_SERVER,
	SHM_STAT_LISTENER,
};

#define STAT(name, type, kinds, tags, help) SHM_STAT_##name,
enum shm_stat_field {
#include "shm/stats/stat_fields.def"
	SHM_STAT_FIELDS_N
};
#undef STAT

/* One row of stat_fields.def. */
struct shm_stat_desc {
	const char *name;
	bool is_text;
	const char *type;  /* "str", "u32", "s32", "u64" */
	const char *tags;  /* "KNS": origin, nature, scope (management.txt 9.2) */
	const char *kinds; /* "FBSL", lower case: only when there is something to say */
	const char *help;
};
extern const struct shm_stat_desc shm_stat_fields[SHM_STAT_FIELDS_N];

struct shm_stat_value {
	bool is_set;
	union {
		uint64_t n;
		const char *text; /* inside the row, or static */
	} u;
};

/* What an interface colours by. */
enum shm_stat_light {
	SHM_LIGHT_UP,
	SHM_LIGHT_GOING_DOWN, /* up, but the last checks failed */
	SHM_LIGHT_DOWN,
	SHM_LIGHT_GOING_UP, /* down, but the last checks passed */
	SHM_LIGHT_MAINT,
	SHM_LIGHT_DRAIN,
	SHM_LIGHT_UNCHECKED,
};

struct shm_stat_row {
	enum shm_stat_type type;
	enum shm_stat_light light;
	bool is_gone; /* no longer configured */
	struct shm_object object;
	struct shm_facts facts;
	struct shm_check check;		/* servers; at_boot_ms 0: none yet */
	struct shm_effective effective; /* servers */
	char status[32];
	char check_desc[96]; /* the check's result, and behind its end what was seen */
	struct shm_stat_value v[SHM_STAT_FIELDS_N];
};

struct shm_stat_opts {
	const char *proxy; /* only the proxy of that name; NULL: all */
	uint32_t iid, sid; /* only these ids; 0: all */
	uint32_t types;	   /* bits 1 << enum shm_stat_type; 0: all but listeners */
	/* only the proxies for which it is true; NULL: all */
	bool (*shows)(const void *arg, const char *proxy);
	const void *shows_arg;
	bool only_up;	/* without servers that are down (and their backends) */
	bool no_maint;	/* without servers in maintenance */
	bool with_gone; /* also what is no longer configured */
};

struct shm_stat {
	struct shm_stat_row *
		*rows; /* those asked for, in the order of the configuration */
	size_t rows_n;
	struct shm_stat_row *all; /* the memory behind them */
	uint64_t boot_ms;	  /* when it was taken */
};

/* Takes a snapshot; 0, or -1 when memory ran out. */
int shm_stat_take(const struct shm *s, const struct shm_stat_opts *opts,
		  struct shm_stat *out);
void shm_stat_fini(struct shm_stat *st);
/* The number in a field, 0 when it is empty. */
uint64_t shm_stat_n(const struct shm_stat_row *r, enum shm_stat_field f);
/* The text in a field, "" when it is empty. */
const char *shm_stat_text(const struct shm_stat_row *r, enum shm_stat_field f);

/* The daemon as a whole: gauge, rates and counters of the GLOBAL object. */
struct shm_stat_global {
	uint32_t conns, conns_max, maxconn, hard_maxconn;
	uint32_t rate_limit; /* connections per second, 0: none */
	uint32_t conn_rate, conn_rate_max, req_rate, req_rate_max;
	uint64_t bin_rate, bout_rate;
	uint64_t conn_tot, req_tot, bin, bout, log_sent, log_dropped;
};
void shm_stat_global(const struct shm *s, struct shm_stat_global *out);

#endif
