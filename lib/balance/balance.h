/* SPDX-License-Identifier: MIT
 *
 * Which server: the words of `balance` and `hash_type`, hashes of keys, and tables that
 * lead from a position or a hash to a server. All pure: the same servers with the same
 * weights make the same table in every process and on every machine. Nothing here
 * allocates after balance_table_init().
 */
#ifndef WEIR_BALANCE_BALANCE_H
#define WEIR_BALANCE_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/span.h"

enum balance_takes {
	BALANCE_TAKES_DRAWS = 1,
	BALANCE_TAKES_DECAY = 2,
	BALANCE_TAKES_URI = 4,
	BALANCE_TAKES_NAME = 8,	     /* it must be written */
	BALANCE_TAKES_OWN_NAME = 16, /* it has one of its own */
	BALANCE_TAKES_POST = 32,
	BALANCE_TAKES_DOMAIN = 64,
	BALANCE_TAKES_EXPR = 128,
	BALANCE_NEEDS_HTTP = 256,
};

enum balance_algorithm {
#define ALGORITHM(id, word, table, takes) BALANCE_##id,
#include "lib/balance/algorithm.def"
#undef ALGORITHM
	BALANCE_ALGORITHMS_N
};

/* "roundrobin" */
const char *balance_word(enum balance_algorithm a);
/* Bits of enum balance_takes. */
unsigned balance_takes(enum balance_algorithm a);
/* A key of the request or connection chooses the server. */
bool balance_is_hash(enum balance_algorithm a);

/* --- keys (hash.c, key.c) ------------------------------------------------------ */

/* hash_type, in the order of the words in config/schema/schema.def */
enum balance_function {
	BALANCE_SDBM,
	BALANCE_DJB2,
	BALANCE_WT6,
	BALANCE_CRC32,
	BALANCE_NONE, /* the key is the number */
	BALANCE_XXH3,
};

uint32_t balance_hash(enum balance_function f, bool avalanches, struct span key);
/* `balance source`: the words of an address, combined. bytes: 4 or 16. */
uint32_t balance_address(const void *address, size_t bytes, bool avalanches);

struct balance_uri {
	uint32_t len, depth; /* 0: no limit */
	bool whole;	     /* the query counts */
};
/* The part of a request target that counts. */
struct span balance_uri_part(struct span target, const struct balance_uri *u);
/* The value of the first parameter `name` in "a=b&c=d"; p NULL: there is none. is_body:
 * what no URL may hold ends the value at a blank, and else means that these are no
 * parameters. */
struct span balance_param(struct span text, struct span name, bool is_body);
/* "1wt" of "haproxy.1wt.eu" (hdr with use_domain_only). */
struct span balance_domain(struct span host);

/* --- tables (table.c) ----------------------------------------------------------- */

enum balance_kind {
	BALANCE_TURNS, /* smooth weighted turns */
	/* hash_type */
	BALANCE_MAP,
	BALANCE_RING,
	BALANCE_MAGLEV,
};

enum {
	BALANCE_WEIGHT_MAX = 256,
	/* A weight of 1 in shares: a server that starts slowly has fewer. */
	BALANCE_SHARE = 100,
	BALANCE_RING_NODES = 16, /* of a weight of 1 */
	BALANCE_TURNS_MAX = 16384,
};

struct balance_server {
	uint32_t share; /* weight * BALANCE_SHARE; 0: gets nothing */
	uint32_t key;	/* where it is in rings and maglev tables */
};

struct balance_table {
	enum balance_kind kind;
	size_t n;	 /* positions; 0: nobody serves */
	uint16_t *slots; /* the server of each position */
	uint32_t *keys;	 /* ring: where the positions are, ascending */
	void *scratch;
	size_t servers_n, cap, scratch_bytes;
};

/* Takes all the memory it will ever need: address space, which is used as far as weights
 * and the number of servers ask for it. */
void balance_table_init(struct balance_table *t, enum balance_kind kind,
			size_t servers_n);
void balance_table_fini(struct balance_table *t);
/* Who is at each position from now on. servers: [servers_n]. */
void balance_table_build(struct balance_table *t, const struct balance_server *servers);
/* The position a hash leads to; needs n > 0. Others are tried from there upwards. */
size_t balance_table_find(const struct balance_table *t, uint32_t hash);
static inline uint16_t
balance_table_at(const struct balance_table *t, uint64_t position)
{
	return t->slots[position % t->n];
}

/* The table an algorithm looks servers up in; hash_kind: what hash_type says. */
enum balance_kind balance_kind_of(enum balance_algorithm a, enum balance_kind hash_kind);

/* hash_key */
enum balance_identity {
	BALANCE_BY_KIND, /* id; name in a maglev table */
	BALANCE_BY_ID,
	BALANCE_BY_ID32,
	BALANCE_BY_NAME,
	BALANCE_BY_ADDR,
	BALANCE_BY_ADDR_PORT,
};
/* balance_server.key of a server. address: of 4 or 16 bytes, or 0: then it is the id. */
struct balance_identified {
	uint32_t id;
	struct span name;
	const void *address;
	size_t address_bytes;
	uint16_t port;
};
uint32_t balance_server_key(enum balance_identity by, enum balance_kind kind,
			    const struct balance_identified *s);

/* --- one file per kind, for table.c ------------------------------------------------ */

/* Each fills slots[0, cap) and returns the number of positions; scratch has
 * ..._scratch() bytes. */
size_t balance_turns(const struct balance_server *s, size_t n, uint16_t *slots,
		     size_t cap, void *scratch);
size_t balance_turns_scratch(size_t n);
size_t balance_map(const struct balance_server *s, size_t n, uint16_t *slots, size_t cap,
		   void *scratch);
size_t balance_map_scratch(size_t n, size_t cap);
size_t balance_ring(const struct balance_server *s, size_t n, uint16_t *slots,
		    uint32_t *keys, void *scratch);
size_t balance_ring_scratch(size_t cap);
size_t balance_ring_find(const uint32_t *keys, size_t n, uint32_t hash);
size_t balance_maglev(const struct balance_server *s, size_t n, uint16_t *slots,
		      size_t size, void *scratch);
size_t balance_maglev_scratch(size_t n);
/* The prime number of positions for so many servers. */
size_t balance_maglev_size(size_t servers_n);
/* The largest number that divides all shares; 0: all are 0. */
uint32_t balance_common(const struct balance_server *s, size_t n);

/* --- loads (load.c) ------------------------------------------------------------------
 */

/* hash_balance_factor: the most requests a server with `share` of `all` may have when
 * `served` are under way and one more comes; `before` is the sum of the shares in front
 * of it, so that what is left of a division goes to some and not to others. */
uint64_t balance_bound(uint64_t served, uint32_t factor, uint64_t share, uint64_t before,
		       uint64_t all);

/* A latency average that everybody may write without a lock: microseconds and when they
 * were written. A peak counts at once, what is better only by and by, and it is forgotten
 * by half in each decay_ms. 0: nothing is known. */
uint64_t balance_ewma_add(uint64_t average, uint32_t us, uint32_t now_ms,
			  uint32_t decay_ms);
/* Microseconds now. */
uint32_t balance_ewma_us(uint64_t average, uint32_t now_ms, uint32_t decay_ms);

#endif
