/* SPDX-License-Identifier: MIT
 *
 * What lies in the memory of a stick table: a head, then buckets; a bucket is two lines,
 * an entry that keeps the old bytes of the one that is being changed, and `ways` entries.
 * For the files of the table alone.
 */
#ifndef WEIR_SHM_STICK_MEMORY_H
#define WEIR_SHM_STICK_MEMORY_H

#include <stdatomic.h>
#include <stddef.h>

#include "shm/rate.h"
#include "lib/base/stick_spec.h"

#define SHM_STICK_MAGIC 0x31656c6261747277ULL /* "wrtable1" */

/* Written before the table can be found. */
struct stick_head {
	uint64_t magic;
	char text[STICK_TEXT_BYTES]; /* the spec, for readers without configuration */
	_Atomic uint32_t is_settled; /* control: the former shape was asked for */
};
_Static_assert(sizeof(struct stick_head) <= STICK_HEAD_BYTES, "the head is a page");

/* seq is odd while the undo record is valid: the entry of undo_way was what the spare one
 * is, its tag undo_tag, and the ledger record undo_record - 1 of undo_slot (0: none) held
 * undo_held. */
struct stick_bucket {
	_Atomic uint32_t lock, seq;
	_Atomic uint32_t undo_way, undo_tag;
	_Atomic uint32_t undo_slot, undo_record;
	_Atomic uint64_t undo_held[2];
	_Atomic uint32_t births; /* +1 for every new entry */
	uint32_t reserved[5];
	_Atomic uint8_t tags[STICK_WAYS]; /* of the hash, never 0; 0: no entry */
};
_Static_assert(sizeof(struct stick_bucket) == 2 * STICK_LINE, "two lines");
_Static_assert(offsetof(struct stick_bucket, tags) == STICK_LINE, "tags: one line");

/* Its cells follow the key at spec.cells_off. */
struct stick_entry {
	uint64_t used_ms; /* stick_time(): the last update */
	uint32_t refs;	  /* trackers: it does not expire while there are some */
	uint32_t birth;	  /* tells it from others that had this place */
	unsigned char key[];
};
_Static_assert(offsetof(struct stick_entry, key) == STICK_ENTRY_BYTES, "the key's place");
_Static_assert((int)SHM_RATE_CELLS == (int)STICK_RATE_CELLS, "cells of a rate");

#endif
