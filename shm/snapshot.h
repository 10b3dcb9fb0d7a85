/* SPDX-License-Identifier: MIT
 *
 * A stick table as a file: what it knew before the machine was started anew. Written
 * piece by piece without locks (control, weirctl), read block by block (a child of the
 * master, control); each block carries a checksum, and nothing of the file is believed
 * before it was checked.
 *
 * Times are told relative to a moment by the wall clock, so that expiry and rates go on
 * while the machine was down. Keys move by column, as to a table of another shape; what
 * is held (conn_cur) belongs to connections and stays behind.
 */
#ifndef WEIR_SHM_SNAPSHOT_H
#define WEIR_SHM_SNAPSHOT_H

#include "shm/stick/stick.h"

enum { SHM_SNAPSHOT_PIECE_BYTES = 64 * 1024 };

/* --- writing -------------------------------------------------------------------------
 */

struct shm_snapshot_save {
	struct shm_stick *stick;
	uint64_t saved_n;    /* keys */
	uint64_t left_out_n; /* those that never held still */
	/* its own business */
	const char *name;
	uint64_t at, began_ms, wall_ms;
	enum { SNAPSHOT_HEAD, SNAPSHOT_BLOCKS, SNAPSHOT_DONE } phase;
};

/* `stick` and `name` stay with the caller until the end. */
void shm_snapshot_save_begin(struct shm_snapshot_save *w, struct shm_stick *stick,
			     const char *name);
/* The next piece of the file; returns its bytes, 0: that was all. */
size_t shm_snapshot_save_some(struct shm_snapshot_save *w,
			      unsigned char piece[SHM_SNAPSHOT_PIECE_BYTES]);

/* --- reading -------------------------------------------------------------------------
 */

/* A value of the file and where it goes. */
struct shm_snapshot_column {
	uint16_t from, to; /* cells */
	uint32_t from_period_ms, to_period_ms;
};

struct shm_snapshot_load {
	uint64_t loaded_n, expired_n;
	uint64_t left_out_n; /* no room, or busy */
	uint32_t lost; /* bits, 1 << enum stick_type: not stored any more, or fewer */
	uint64_t at;   /* of the file: where the next block begins */
	/* its own business */
	int fd;
	struct shm_stick *to;
	struct stick_spec from;
	uint64_t base_ms, now_ms; /* stick_time(): when it was written, now */
	unsigned columns_n;
	struct shm_snapshot_column columns[STICK_VALUES_MAX];
	unsigned char *block;
};

/* Whether the file can be loaded into that table; `at`: 0, or where a load before
 * stopped. false: err says why not; nothing is to be ended. */
bool shm_snapshot_load_begin(struct shm_snapshot_load *r, int fd, struct shm_stick *to,
			     uint64_t at, char err[SHM_ERROR_BYTES]);

enum shm_snapshot_result { SHM_SNAPSHOT_MORE, SHM_SNAPSHOT_END, SHM_SNAPSHOT_DAMAGED };
/* One block. Keys that are there already stay as they are. DAMAGED: err says how; what
 * came before is loaded. */
enum shm_snapshot_result shm_snapshot_load_some(struct shm_snapshot_load *r,
						struct shm *s, char err[SHM_ERROR_BYTES]);
void shm_snapshot_load_end(struct shm_snapshot_load *r);

#endif
