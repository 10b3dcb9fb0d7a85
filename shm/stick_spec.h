/* SPDX-License-Identifier: MIT
 *
 * What a stick table is: type of its keys, size, expiry, columns; as text ("ip size=1000
 * expire=600000 store=conn_cur,http_req_rate(10000)", canonical: equal tables have equal
 * texts) and as the geometry of its memory, which every process computes from the text by
 * itself. Pure.
 */
#ifndef WEIR_SHM_STICK_SPEC_H
#define WEIR_SHM_STICK_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum shm_stick_key {
	SHM_STICK_IP,	   /* 4 bytes, network order */
	SHM_STICK_IPV6,	   /* 16 bytes */
	SHM_STICK_INTEGER, /* 4 bytes, host order */
	SHM_STICK_STRING,  /* up to key_bytes, zeros behind */
	SHM_STICK_BINARY,  /* key_bytes, zeros behind a shorter one */
	SHM_STICK_KEYS_N
};

enum shm_stick_type {
#define COLUMN(id, name, kind, help) SHM_STICK_##id,
#include "shm/stick_columns.def"
#undef COLUMN
	SHM_STICK_TYPES_N
};

enum shm_stick_kind {
	SHM_STICK_IS_COUNT,
	SHM_STICK_IS_GAUGE,
	SHM_STICK_IS_RATE,
	SHM_STICK_IS_TAG,
	SHM_STICK_IS_COUNTS,
	SHM_STICK_IS_RATES,
	SHM_STICK_IS_TAGS,
};

enum {
	SHM_STICK_KEY_BYTES_MAX = 1024,
	SHM_STICK_ELEMENTS_MAX = 100, /* of an array, as in HAProxy */
	SHM_STICK_VALUES_MAX = 256,   /* of a table: all elements of all columns */
	SHM_STICK_TEXT_BYTES = 512,
	SHM_STICK_WAYS = 64,
};
#define SHM_STICK_SIZE_MAX (1ULL << 32)

struct shm_stick_column {
	uint8_t type;	    /* enum shm_stick_type */
	uint8_t n;	    /* elements, 1 but for arrays */
	uint16_t value;	    /* index of its first value in a view */
	uint16_t cell;	    /* index of its first cell in an entry; a rate takes three */
	uint32_t period_ms; /* rates */
};

struct shm_stick_spec {
	enum shm_stick_key key;
	uint32_t key_bytes; /* most, strings and binaries; else what the type takes */
	uint64_t size;	    /* keys it holds at least */
	uint64_t expire_ms; /* 0: never */
	bool is_nopurge; /* full: refuse, instead of dropping the least recently used */
	uint32_t columns_n;
	struct shm_stick_column
		columns[SHM_STICK_TYPES_N]; /* in the order of the table */
	/* computed */
	uint32_t values_n, cells_n;
	uint32_t ways; /* in use in each bucket: less than SHM_STICK_WAYS in small tables
			*/
	uint64_t buckets_n;
	uint32_t cells_off, entry_bytes, bucket_bytes;
	uint64_t bytes; /* of the whole table */
};

const char *shm_stick_type_name(enum shm_stick_type t);
enum shm_stick_kind shm_stick_type_kind(enum shm_stick_type t);
const char *shm_stick_type_help(enum shm_stick_type t);
/* The type of that name; -1: none. */
int shm_stick_type_find(const char *name, size_t n);
const char *shm_stick_key_name(enum shm_stick_key k); /* "ip" */

static inline bool
shm_stick_is_rate(enum shm_stick_type t)
{
	enum shm_stick_kind k = shm_stick_type_kind(t);
	return k == SHM_STICK_IS_RATE || k == SHM_STICK_IS_RATES;
}

static inline bool
shm_stick_is_array(enum shm_stick_type t)
{
	return shm_stick_type_kind(t) >= SHM_STICK_IS_COUNTS;
}

/* Adds a column (n: elements of an array, else 1). false: it is there already, or there
 * are too many values. */
bool shm_stick_spec_add(struct shm_stick_spec *s, enum shm_stick_type type, uint32_t n,
			uint32_t period_ms);
/* Key, size, expiry and columns are given: computes the rest. false: sizes that make no
 * sense. */
bool shm_stick_spec_plan(struct shm_stick_spec *s);
/* The canonical text of a planned spec; returns its length, 0: it does not fit. */
size_t shm_stick_spec_write(const struct shm_stick_spec *s,
			    char out[SHM_STICK_TEXT_BYTES]);
/* From such a text, also from a file nobody vouches for; planned. */
bool shm_stick_spec_read(const char *text, struct shm_stick_spec *out);
/* The column of that type, NULL: not stored. */
const struct shm_stick_column *shm_stick_spec_find(const struct shm_stick_spec *s,
						   enum shm_stick_type type);

#endif
