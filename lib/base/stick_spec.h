/* SPDX-License-Identifier: MIT
 *
 * What a stick table is: type of its keys, size, expiry, columns; as text ("ip size=1000
 * expire=600000 store=conn_cur,http_req_rate(10000)", canonical: equal tables have equal
 * texts) and as the geometry of its memory, which every process computes from the text by
 * itself. Pure.
 */
#ifndef WEIR_BASE_STICK_SPEC_H
#define WEIR_BASE_STICK_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stick_key {
	STICK_IP,      /* 4 bytes, network order */
	STICK_IPV6,    /* 16 bytes */
	STICK_INTEGER, /* 4 bytes, host order */
	STICK_STRING,  /* up to key_bytes, zeros behind */
	STICK_BINARY,  /* key_bytes, zeros behind a shorter one */
	STICK_KEYS_N
};

enum stick_type {
#define COLUMN(id, name, kind, help) STICK_##id,
#include "lib/base/stick_columns.def"
#undef COLUMN
	STICK_TYPES_N
};

enum stick_kind {
	STICK_IS_COUNT,
	STICK_IS_GAUGE,
	STICK_IS_RATE,
	STICK_IS_TAG,
	STICK_IS_COUNTS,
	STICK_IS_RATES,
	STICK_IS_TAGS,
};

enum {
	STICK_KEY_BYTES_MAX = 1024,
	STICK_ELEMENTS_MAX = 100, /* of an array, as in HAProxy */
	STICK_VALUES_MAX = 256,	  /* of a table: all elements of all columns */
	STICK_TEXT_BYTES = 512,
	STICK_WAYS = 64,
	/* of its memory */
	STICK_HEAD_BYTES = 4096,
	STICK_LINE = 64,	/* a bucket begins with two */
	STICK_ENTRY_BYTES = 16, /* before the key */
	STICK_RATE_CELLS = 3,
};
#define STICK_SIZE_MAX (1ULL << 32)

struct stick_column {
	uint8_t type;	    /* enum stick_type */
	uint8_t n;	    /* elements, 1 but for arrays */
	uint16_t value;	    /* index of its first value in a view */
	uint16_t cell;	    /* index of its first cell in an entry; a rate takes three */
	uint32_t period_ms; /* rates */
};

struct stick_spec {
	enum stick_key key;
	uint32_t key_bytes; /* most, strings and binaries; else what the type takes */
	uint64_t size;	    /* keys it holds at least */
	uint64_t expire_ms; /* 0: never */
	bool is_nopurge; /* full: refuse, instead of dropping the least recently used */
	uint32_t columns_n;
	struct stick_column columns[STICK_TYPES_N]; /* in the order of the table */
	/* computed */
	uint32_t values_n, cells_n;
	uint32_t ways; /* in use in each bucket: less than STICK_WAYS in small tables
			*/
	uint64_t buckets_n;
	uint32_t cells_off, entry_bytes, bucket_bytes;
	uint64_t bytes; /* of the whole table */
};

const char *stick_type_name(enum stick_type t);
enum stick_kind stick_type_kind(enum stick_type t);
const char *stick_type_help(enum stick_type t);
/* The type of that name; -1: none. */
int stick_type_find(const char *name, size_t n);
const char *stick_key_name(enum stick_key k); /* "ip" */

static inline bool
stick_is_rate(enum stick_type t)
{
	enum stick_kind k = stick_type_kind(t);
	return k == STICK_IS_RATE || k == STICK_IS_RATES;
}

static inline bool
stick_is_array(enum stick_type t)
{
	return stick_type_kind(t) >= STICK_IS_COUNTS;
}

/* Adds a column (n: elements of an array, else 1). false: it is there already, or there
 * are too many values. */
bool stick_spec_add(struct stick_spec *s, enum stick_type type, uint32_t n,
		    uint32_t period_ms);
/* Key, size, expiry and columns are given: computes the rest. false: sizes that make no
 * sense. */
bool stick_spec_plan(struct stick_spec *s);
/* The canonical text of a planned spec; returns its length, 0: it does not fit. */
size_t stick_spec_write(const struct stick_spec *s, char out[STICK_TEXT_BYTES]);
/* What tells it from others, in `room` bytes: the text, or the front of a long one and
 * its hash. */
void stick_spec_id(const struct stick_spec *s, char *out, size_t room);
/* From such a text, also from a file nobody vouches for; planned. */
bool stick_spec_read(const char *text, struct stick_spec *out);
/* The column of that type, NULL: not stored. */
const struct stick_column *stick_spec_find(const struct stick_spec *s,
					   enum stick_type type);

#endif
