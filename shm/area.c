/* SPDX-License-Identifier: MIT
 *
 * Memory of objects that need more than a record: stick tables. The last part of the
 * region is address space for it; the master cuts pieces off and notes them in the
 * directory, on pages the others cannot write.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "shm/layout.h"

struct piece {
	uint64_t from, to;
};

void *
shm_area_at(const struct shm *s, const struct shm_entry_data *d)
{
	uint64_t off = d->area_off, bytes = d->area_bytes;
	bool fits = bytes && off % SHM_PAGE == 0 && off >= s->at.areas_off &&
		    bytes <= s->at.areas_bytes &&
		    off - s->at.areas_off <= s->at.areas_bytes - bytes;
	return fits ? s->base + off : NULL;
}

uint64_t
shm_areas_used(const struct shm *s)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < shm_objects_n(s); i++) {
		struct shm_entry_data d;
		if (shm_entry_read(s, i, &d) && shm_area_at(s, &d))
			sum += d.area_bytes;
	}
	return sum;
}

static void
punch(struct shm *s, uint64_t off, uint64_t bytes)
{
	if (fallocate(s->rw_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
		      (off_t)bytes) != 0)
		memset(s->base + off, 0, bytes); /* another file system (shm_unsafe) */
}

void
shm_areas_release(struct shm *s)
{
	uint64_t oldest = shm_oldest_generation(s);
	for (uint32_t i = 0; i < shm_objects_n(s); i++) {
		struct shm_entry_data d;
		if (!shm_entry_read(s, i, &d) || !shm_area_at(s, &d) ||
		    d.state != SHM_ENTRY_GONE || d.gone_generation > oldest)
			continue;
		uint64_t off = d.area_off, bytes = d.area_bytes;
		d.area_off = d.area_bytes = 0;
		shm_entry_write(s, i, &d);
		punch(s, off, bytes);
	}
}

static int
by_place(const void *pa, const void *pb)
{
	const struct piece *a = pa, *b = pb;
	return a->from < b->from ? -1 : a->from > b->from;
}

/* The first gap of that many bytes; 0: there is none. */
static uint64_t
find_gap(const struct shm *s, uint64_t bytes)
{
	uint32_t n = 0, objects_n = shm_objects_n(s);
	struct piece *used = must_calloc(objects_n + 1ULL, sizeof(*used));
	for (uint32_t i = 0; i < objects_n; i++) {
		struct shm_entry_data d;
		if (shm_entry_read(s, i, &d) && shm_area_at(s, &d))
			used[n++] = (struct piece){d.area_off, d.area_off + d.area_bytes};
	}
	qsort(used, n, sizeof(*used), by_place);
	uint64_t at = s->at.areas_off, end = at + s->at.areas_bytes;
	used[n] = (struct piece){end, end};
	for (uint32_t i = 0; i <= n; i++) {
		if (used[i].from >= at && used[i].from - at >= bytes)
			break;
		if (used[i].to > at)
			at = (used[i].to + SHM_PAGE - 1) / SHM_PAGE * SHM_PAGE;
	}
	free(used);
	return at <= end && end - at >= bytes ? at : 0;
}

bool
shm_area_take(struct shm *s, uint64_t bytes, uint64_t *off, char err[SHM_ERROR_BYTES])
{
	int rc;
	*off = bytes <= s->at.areas_bytes ? find_gap(s, bytes) : 0;
	if (*off == 0)
		return shm_fail(
			err,
			"tables: %llu KB are needed in one piece, the region %s has "
			"room for %llu KB of tables; a restart with --fresh-shm makes "
			"it larger",
			(unsigned long long)(bytes >> 10), s->path,
			(unsigned long long)(s->at.areas_bytes >> 10));
	do
		rc = fallocate(s->rw_fd, 0, (off_t)*off, (off_t)bytes) == 0 ? 0 : errno;
	while (rc == EINTR);
	if (rc == EOPNOTSUPP)
		rc = posix_fallocate(s->rw_fd, (off_t)*off, (off_t)bytes);
	if (rc == 0)
		return true;
	return shm_fail(err, "tables: no room for %llu KB in %s: %s",
			(unsigned long long)(bytes >> 10), s->path, strerror(rc));
}
