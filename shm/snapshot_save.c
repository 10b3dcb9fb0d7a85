/* SPDX-License-Identifier: MIT
 *
 * Writing a stick table as a file. Control, weirctl; without locks.
 */
#include "lib/base/clock.h"
#include "shm/snapshot_file.h"
#include "shm/stick/scan.h"

void
shm_snapshot_save_begin(struct shm_snapshot_save *w, struct shm_stick *stick,
			const char *name)
{
	*w = (struct shm_snapshot_save){.stick = stick,
					.name = name,
					.began_ms = stick_time(clock_mono_ms()),
					.wall_ms = clock_wall_us() / 1000};
}

static size_t
put_head(const struct shm_snapshot_save *w, unsigned char *out)
{
	struct snapshot_head h = {.magic = SNAPSHOT_MAGIC,
				  .version = SNAPSHOT_VERSION,
				  .head_bytes = sizeof(h),
				  .wall_ms = w->wall_ms,
				  .record_bytes = snapshot_record_bytes(&w->stick->spec)};
	_Static_assert(sizeof(h.shape) == STICK_TEXT_BYTES, "every shape fits");
	strncpy(h.name, w->name, sizeof(h.name) - 1);
	(void)stick_spec_write(&w->stick->spec, h.shape);
	h.checksum = snapshot_head_checksum(&h);
	memcpy(out, &h, sizeof(h));
	return sizeof(h);
}

/* The entry in the scratch. */
static void
put_record(const struct shm_snapshot_save *w, unsigned char *out)
{
	const struct shm_stick *t = w->stick;
	const struct stick_entry *e = (const struct stick_entry *)(void *)t->scratch;
	uint64_t *words = (uint64_t *)(void *)out;
	uint32_t key_bytes = t->spec.cells_off - STICK_ENTRY_BYTES;
	uint64_t *cells = words + 1 + key_bytes / 8;
	words[0] = e->used_ms - w->began_ms;
	memcpy(words + 1, e->key, key_bytes);
	memcpy(cells, stick_cells(t, t->scratch), t->spec.cells_n * 8ULL);
	for (uint32_t i = 0; i < t->spec.values_n; i++)
		if (t->period_of[i])
			cells[t->cell_of[i]] -= w->began_ms;
}

static size_t
put_block(struct shm_snapshot_save *w, unsigned char *out)
{
	struct snapshot_block *b = (struct snapshot_block *)(void *)out;
	uint32_t record_bytes = snapshot_record_bytes(&w->stick->spec);
	uint32_t most = snapshot_records_max(&w->stick->spec);
	uint64_t now_ms = clock_mono_ms();
	unsigned char *records = out + sizeof(*b);
	struct shm_stick_view view;
	*b = (struct snapshot_block){.magic = SNAPSHOT_BLOCK_MAGIC,
				     .before_n = w->saved_n};
	while (b->records_n < most) {
		enum shm_stick_result r = shm_stick_each(w->stick, &w->at, now_ms, &view);
		if (r == SHM_STICK_NONE)
			break;
		if (r == SHM_STICK_OK)
			put_record(w, records + (size_t)b->records_n++ * record_bytes);
		else
			w->left_out_n++;
	}
	size_t bytes = (size_t)b->records_n * record_bytes;
	w->saved_n += b->records_n;
	if (b->records_n == 0)
		w->phase = SNAPSHOT_DONE;
	b->checksum = snapshot_block_checksum(b, records, bytes);
	return sizeof(*b) + bytes;
}

size_t
shm_snapshot_save_some(struct shm_snapshot_save *w,
		       unsigned char piece[SHM_SNAPSHOT_PIECE_BYTES])
{
	switch (w->phase) {
	case SNAPSHOT_HEAD:
		w->phase = SNAPSHOT_BLOCKS;
		return put_head(w, piece);
	case SNAPSHOT_BLOCKS:
		return put_block(w, piece);
	case SNAPSHOT_DONE:
		break;
	}
	return 0;
}
