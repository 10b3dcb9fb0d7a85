/* SPDX-License-Identifier: MIT
 *
 * Reading a stick table from a file, which anybody may have written. A child of the
 * master at the start, control.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "shm/layout.h"
#include "shm/snapshot_file.h"
#include "shm/stick/scan.h"

/* A machine that was off for longer has forgotten everything anyway. */
static const uint64_t away_max_ms = 1ULL << 41;

/* --- the head ------------------------------------------------------------------------
 */

/* All n bytes at `at`; false with the reason. */
static bool
read_at(int fd, void *out, size_t n, uint64_t at, char err[SHM_ERROR_BYTES])
{
	ssize_t got;
	do
		got = pread(fd, out, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	if (got == (ssize_t)n)
		return true;
	return got < 0 ? shm_fail(err, "it cannot be read: %s", strerror(errno))
		       : shm_fail(err, "it ends too early, at byte %llu",
				  (unsigned long long)at + (uint64_t)got);
}

static bool
read_head(struct shm_snapshot_load *r, struct snapshot_head *h, char err[SHM_ERROR_BYTES])
{
	struct stat st;
	if (fstat(r->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return shm_fail(err, "it is not a regular file");
	if (!read_at(r->fd, h, sizeof(*h), 0, err))
		return false;
	if (h->magic == __builtin_bswap64(SNAPSHOT_MAGIC))
		return shm_fail(err, "it was written by a machine of another byte order");
	if (h->magic != SNAPSHOT_MAGIC)
		return shm_fail(err, "it is not the file of a table");
	if (h->version != SNAPSHOT_VERSION)
		return shm_fail(err, "it has version %u, this weir reads %d", h->version,
				SNAPSHOT_VERSION);
	if (h->checksum != snapshot_head_checksum(h))
		return shm_fail(err, "its head is damaged");
	h->shape[sizeof(h->shape) - 1] = '\0';
	if (h->head_bytes != sizeof(*h) || !stick_spec_read(h->shape, &r->from) ||
	    h->record_bytes != snapshot_record_bytes(&r->from))
		return shm_fail(err, "its head makes no sense");
	return true;
}

/* --- columns -------------------------------------------------------------------------
 */

static void
map_column(struct shm_snapshot_load *r, const struct stick_column *a,
	   const struct stick_column *b)
{
	for (uint32_t i = 0; i < a->n && i < b->n; i++)
		r->columns[r->columns_n++] = (struct shm_snapshot_column){
			.from = (uint16_t)(a->cell +
					   i * (a->period_ms ? SHM_RATE_CELLS : 1)),
			.to = r->to->cell_of[b->value + i],
			.from_period_ms = a->period_ms,
			.to_period_ms = b->period_ms};
}

static void
map_columns(struct shm_snapshot_load *r)
{
	for (uint32_t i = 0; i < r->from.columns_n; i++) {
		const struct stick_column *a = &r->from.columns[i];
		enum stick_type type = (enum stick_type)a->type;
		const struct stick_column *b = stick_spec_find(&r->to->spec, type);
		if (!b || b->n < a->n)
			r->lost |= 1u << type;
		if (b && stick_type_kind(type) != STICK_IS_GAUGE)
			map_column(r, a, b);
	}
}

bool
shm_snapshot_load_begin(struct shm_snapshot_load *r, int fd, struct shm_stick *to,
			uint64_t at, char err[SHM_ERROR_BYTES])
{
	struct snapshot_head h;
	uint64_t wall_ms = clock_wall_us() / 1000;
	*r = (struct shm_snapshot_load){
		.fd = fd, .to = to, .now_ms = stick_time(clock_mono_ms())};
	if (!read_head(r, &h, err))
		return false;
	if (r->from.key != to->spec.key || r->from.key_bytes != to->spec.key_bytes)
		return shm_fail(err, "its keys are of another type (%s, %u bytes)",
				stick_key_name(r->from.key), r->from.key_bytes);
	uint64_t away_ms = wall_ms > h.wall_ms ? wall_ms - h.wall_ms : 0;
	r->base_ms = r->now_ms - (away_ms < away_max_ms ? away_ms : away_max_ms);
	r->at = at ? at : sizeof(h);
	map_columns(r);
	r->block = must_alloc(SHM_SNAPSHOT_PIECE_BYTES);
	return true;
}

void
shm_snapshot_load_end(struct shm_snapshot_load *r)
{
	free(r->block);
	r->block = NULL;
}

/* --- records -------------------------------------------------------------------------
 */

/* From a time relative to the file's moment; the future becomes now. */
static uint64_t
here(const struct shm_snapshot_load *r, uint64_t relative_ms)
{
	uint64_t ms = r->base_ms + relative_ms;
	return ms < r->now_ms ? ms : r->now_ms;
}

/* A rate with another period begins one with what it was. */
static void
load_rate(const struct shm_snapshot_load *r, const struct shm_snapshot_column *c,
	  const uint64_t *from, uint64_t *to)
{
	struct shm_rate rate = {here(r, from[0]), from[1], from[2]};
	if (rate.current == 0 && rate.previous == 0)
		return;
	if (c->from_period_ms != c->to_period_ms)
		rate = (struct shm_rate){
			r->now_ms, shm_rate_read(rate, c->from_period_ms, r->now_ms), 0};
	to[0] = rate.start_ms;
	to[1] = rate.current;
	to[2] = rate.previous;
}

static void
load_record(struct shm_snapshot_load *r, struct shm *s, const uint64_t *record)
{
	uint64_t cells[STICK_VALUES_MAX * SHM_RATE_CELLS] = {0};
	uint64_t used_ms = here(r, record[0]), expire_ms = r->to->spec.expire_ms;
	const uint64_t *from = record + 1 + (r->from.cells_off - STICK_ENTRY_BYTES) / 8;
	if (expire_ms && r->now_ms - used_ms >= expire_ms) {
		r->expired_n++;
		return;
	}
	for (unsigned i = 0; i < r->columns_n; i++) {
		const struct shm_snapshot_column *c = &r->columns[i];
		if (c->from_period_ms)
			load_rate(r, c, from + c->from, cells + c->to);
		else
			cells[c->to] = from[c->from];
	}
	switch (shm_stick_restore(s, r->to, record + 1, used_ms, cells)) {
	case SHM_STICK_NEW:
		r->loaded_n++;
		break;
	case SHM_STICK_OK: /* there already */
	case SHM_STICK_NONE:
		break;
	case SHM_STICK_FULL:
	case SHM_STICK_BUSY:
		r->left_out_n++;
		break;
	}
}

enum shm_snapshot_result
shm_snapshot_load_some(struct shm_snapshot_load *r, struct shm *s,
		       char err[SHM_ERROR_BYTES])
{
	struct snapshot_block b;
	uint32_t record_bytes = snapshot_record_bytes(&r->from);
	if (!read_at(r->fd, &b, sizeof(b), r->at, err))
		return SHM_SNAPSHOT_DAMAGED;
	size_t bytes = (size_t)b.records_n * record_bytes;
	bool is_good = b.magic == SNAPSHOT_BLOCK_MAGIC &&
		       b.records_n <= snapshot_records_max(&r->from);
	if (is_good && !read_at(r->fd, r->block, bytes, r->at + sizeof(b), err))
		return SHM_SNAPSHOT_DAMAGED;
	if (!is_good || b.checksum != snapshot_block_checksum(&b, r->block, bytes)) {
		(void)shm_fail(err, "it is damaged at byte %llu",
			       (unsigned long long)r->at);
		return SHM_SNAPSHOT_DAMAGED;
	}
	r->at += sizeof(b) + bytes;
	for (uint32_t i = 0; i < b.records_n; i++)
		load_record(
			r, s,
			(const uint64_t *)(void *)(r->block + (size_t)i * record_bytes));
	return b.records_n ? SHM_SNAPSHOT_MORE : SHM_SNAPSHOT_END;
}
