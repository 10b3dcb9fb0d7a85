/* SPDX-License-Identifier: MIT
 *
 * What stands in the file of a stick table: a head, then blocks of records, then a block
 * without records. All numbers as the machine has them; a file of another byte order has
 * another magic. For the files of snapshots alone.
 */
#ifndef WEIR_SHM_SNAPSHOT_FILE_H
#define WEIR_SHM_SNAPSHOT_FILE_H

#include "lib/base/hash.h"
#include "shm/snapshot.h"

#define SNAPSHOT_MAGIC 0x656c626174726577ULL /* "wertable" */

enum {
	SNAPSHOT_VERSION = 1,
	SNAPSHOT_BLOCK_MAGIC = 0x6b6f6c62, /* "blok" */
};

struct snapshot_head {
	uint64_t magic;
	uint32_t version, head_bytes;
	uint64_t wall_ms; /* since 1970: the moment times are relative to */
	uint32_t record_bytes, reserved;
	char name[64];
	char shape[512]; /* stick_spec_write() */
	uint64_t checksum;
};
_Static_assert(sizeof(struct snapshot_head) == 616, "layout of version 1");

/* records_n 0: the end. */
struct snapshot_block {
	uint32_t magic, records_n;
	uint64_t before_n; /* records before this block */
	uint64_t checksum; /* of the two lines above and the records */
};
_Static_assert(sizeof(struct snapshot_block) == 24, "layout of version 1");

/* A record: last use, relative; the key, with zeros up to a word; the cells. Of those of
 * a rate the first is a time, likewise relative. */
static inline uint32_t
snapshot_record_bytes(const struct stick_spec *s)
{
	return 8 + (s->cells_off - STICK_ENTRY_BYTES) + s->cells_n * 8;
}

static inline uint32_t
snapshot_records_max(const struct stick_spec *s)
{
	return (uint32_t)(SHM_SNAPSHOT_PIECE_BYTES - sizeof(struct snapshot_block)) /
	       snapshot_record_bytes(s);
}

static inline uint64_t
snapshot_head_checksum(const struct snapshot_head *h)
{
	return hash_bytes(h, offsetof(struct snapshot_head, checksum), SNAPSHOT_MAGIC);
}

static inline uint64_t
snapshot_block_checksum(const struct snapshot_block *b, const void *records, size_t bytes)
{
	uint64_t seed =
		hash_bytes(b, offsetof(struct snapshot_block, checksum), SNAPSHOT_MAGIC);
	return hash_bytes(records, bytes, seed);
}

#endif
