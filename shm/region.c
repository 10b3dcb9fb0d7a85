/* SPDX-License-Identifier: MIT
 *
 * The region's life in the processes of the daemon: made or adopted by the master,
 * entered by its children, closed. Readers from outside: attach.c.
 */
#include "shm/region.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "shm/file.h"
#include "shm/layout.h"
#include "shm/mend.h"
#include "shm/seq.h"

_Static_assert(sizeof(struct shm_live) % 4 == 0, "copied by words");
_Static_assert(sizeof(struct shm_reload_data) % 4 == 0, "copied by words");

void
shm_live_publish(struct shm *s)
{
	struct shm_header *h = shm_header(s);
	shm_seq_write(&h->live_seq, &h->live, &s->live, sizeof(s->live));
}

/* --- the handle -------------------------------------------------------------------- */

static struct shm *
handle_new(const struct shm_layout *at, const char *path)
{
	struct shm *s = must_calloc(1, sizeof(*s));
	s->at = *at;
	s->rw_fd = s->ro_fd = -1;
	snprintf(s->path, sizeof(s->path), "%s", path);
	s->debt = must_calloc(at->objects_max, sizeof(*s->debt));
	s->debtors = must_calloc(at->objects_max, sizeof(*s->debtors));
	s->slot_use = must_calloc(at->slots_n, 1);
	s->reload = must_calloc(1, sizeof(*s->reload));
	return s;
}

void
shm_close(struct shm **sp)
{
	struct shm *s = *sp;
	if (!s)
		return;
	*sp = NULL;
	if (s->lock.tid != 0)
		shm_lock_unregister(&s->lock);
	if (s->base) {
		unsigned char *lane = (unsigned char *)shm_lane;
		if (lane >= s->base && lane < s->base + s->at.size_bytes)
			shm_lane = NULL;
		munmap(s->base, s->at.size_bytes);
	}
	if (s->rw_fd >= 0)
		close(s->rw_fd);
	if (s->ro_fd >= 0)
		close(s->ro_fd);
	shm_index_free(s);
	free(s->debt);
	free(s->debtors);
	free(s->ledger_free);
	free(s->slot_use);
	free(s->reload);
	free(s);
}

static bool
handle_map(struct shm *s, char err[SHM_ERROR_BYTES])
{
	void *p = mmap(NULL, s->at.size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		       s->rw_fd, 0);
	if (p == MAP_FAILED) {
		shm_fail(err, "global.shm: cannot map %s: %s", s->path, strerror(errno));
		return false;
	}
	s->base = p;
	return true;
}

/* The master takes its slot and says that it is running. */
static void
master_begin(struct shm *s)
{
	must(shm_slot_reserve(s, SHM_ROLE_MASTER, 0, 0) == SHM_SLOT_MASTER);
	shm_leases_sweep(s);
	s->live.started_wall_s = clock_wall_us() / 1000000;
	shm_slot_identify(s, SHM_SLOT_MASTER, (uint32_t)getpid());
	shm_lease_grant(s, SHM_ROLE_MASTER, SHM_SLOT_MASTER);
}

/* --- making
 * ----------------------------------------------------------------------------- */

static struct shm *
region_create(const char *path, const struct shm_geometry *g, uint32_t gid,
	      char err[SHM_ERROR_BYTES])
{
	struct shm_layout at;
	struct shm_extent use = {g->objects_n, g->workers_n, g->ledger_n};
	char temp[PATH_MAX];
	if (!shm_layout_plan(g, &at, err))
		return NULL;
	struct shm *s = handle_new(&at, path);
	s->rw_fd = shm_file_create(path, at.size_bytes, temp, err);
	if (s->rw_fd < 0)
		goto out;
	/* an empty directory and the lanes; shm_grow() takes the rest */
	if (!shm_file_protect(s->rw_fd, path, gid, err) ||
	    !shm_file_allocate(s->rw_fd, path, &at, &use, 0, 0, err) ||
	    !handle_map(s, err))
		goto out_unlink;
	s->live.used_bytes = shm_layout_used(&at, &use);
	struct shm_header *h = shm_header(s);
	h->magic = SHM_MAGIC;
	h->major = SHM_MAJOR;
	h->minor = SHM_MINOR;
	h->header_bytes = sizeof(*h);
	shm_boot_id(h->boot_id);
	h->layout = at;
	h->created_wall_s = clock_wall_us() / 1000000;
	h->checksum = shm_header_checksum(h);
	shm_counters_describe(s);
	s->ro_fd = shm_file_readonly(temp, s->rw_fd, err);
	if (s->ro_fd < 0 || shm_grow(s, g, err) != 0)
		goto out_unlink;
	master_begin(s);
	shm_commit(s, g, 0);
	SHM_FAULT(create_filled);
	if (rename(temp, path) == 0)
		return s;
	shm_fail(err, "global.shm: cannot rename %s to %s: %s", temp, path,
		 strerror(errno));
out_unlink:
	unlink(temp);
out:
	shm_close(&s);
	return NULL;
}

/* --- adopting
 * ------------------------------------------------------------------------------ */

enum adopt { ADOPT_YES, ADOPT_NEW, ADOPT_NO };

/* Looks at what is there before anything is changed. */
static enum adopt
adopt_look(const char *path, int fd, uint64_t bytes, struct shm_header *h,
	   char err[SHM_ERROR_BYTES])
{
	char boot_id[SHM_BOOT_ID_BYTES], why[SHM_ERROR_BYTES];
	memset(h, 0, sizeof(*h));
	if (pread(fd, h, sizeof(*h), 0) != (ssize_t)sizeof(*h))
		h->magic = 0;
	shm_boot_id(boot_id);
	h->boot_id[sizeof(h->boot_id) - 1] = '\0';
	if (h->magic == SHM_MAGIC && strcmp(h->boot_id, boot_id) != 0)
		return ADOPT_NEW; /* clocks and processes of another boot */
	if (shm_header_check(h, bytes, why))
		return ADOPT_YES;
	shm_fail(err,
		 "global.shm: %s %.300s; --fresh-shm replaces it (all counters start at "
		 "0)",
		 path, why);
	return ADOPT_NO;
}

/* Copies of what the header and the last reload say, checked. */
static bool
adopt_read(struct shm *s, char err[SHM_ERROR_BYTES])
{
	char why[SHM_ERROR_BYTES];
	s->live = shm_header(s)->live;
	*s->reload = shm_reload(s)->data;
	s->reload->text[SHM_RELOAD_TEXT_BYTES - 1] = '\0';
	s->reload->is_busy = 0; /* it died with its master */
	uint32_t pid = s->live.master_pid;
	if (pid != (uint32_t)getpid() && pid != 0 &&
	    shm_process_is_alive(pid, s->live.master_start_time)) {
		shm_fail(
			err,
			"global.shm: %s is in use by process %u: weir is already running",
			s->path, pid);
		return false;
	}
	uint32_t workers_n = atomic_load(&shm_header(s)->workers_n);
	if (workers_n > s->at.workers_max)
		atomic_store(&shm_header(s)->workers_n, s->at.workers_max);
	if (atomic_load(&shm_header(s)->objects_n) > s->at.objects_max)
		atomic_store(&shm_header(s)->objects_n, s->at.objects_max);
	if (shm_counters_agree(s, why))
		return true;
	shm_fail(err,
		 "global.shm: %s %.300s; --fresh-shm replaces it (all counters start at "
		 "0)",
		 s->path, why);
	return false;
}

static void
reload_publish(struct shm *s)
{
	shm_seq_write(&shm_reload(s)->seq, &shm_reload(s)->data, s->reload,
		      sizeof(*s->reload));
}

static struct shm *
region_adopt(const char *path, int fd, const struct shm_header *h,
	     const struct shm_geometry *g, uint32_t gid, char err[SHM_ERROR_BYTES])
{
	struct shm *s = handle_new(&h->layout, path);
	s->rw_fd = fd;
	if (!handle_map(s, err) || !adopt_read(s, err) ||
	    !shm_file_protect(fd, path, gid, err))
		goto out;
	s->ro_fd = shm_file_readonly(path, fd, err);
	if (s->ro_fd < 0)
		goto out;
	/* its own writes first: a lane and the robust list are needed to repair */
	shm_counters_describe(s);
	shm_header(s)->minor = SHM_MINOR;
	unsigned damaged_n = shm_directory_mend(s);
	atomic_fetch_add(&shm_header(s)->shape, 1);
	shm_self_enter_master(s);
	shm_slots_adopt(s);
	damaged_n += shm_mend(s, UINT32_MAX, NULL, NULL);
	reload_publish(s);
	master_begin(s);
	if (shm_grow(s, g, err) != 0)
		goto out_stop;
	if (damaged_n > 0)
		shm_fail(err,
			 "global.shm: %u damaged objects of %s were replaced by empty "
			 "ones",
			 damaged_n, path);
	return s;
out_stop:
	shm_mark_stopped(s);
out:
	shm_close(&s);
	return NULL;
}

struct shm *
shm_open_master(const char *path, const struct shm_geometry *g, bool fresh,
		bool unsafe_fs, uint32_t gid, bool *adopted, char err[SHM_ERROR_BYTES])
{
	char place[PATH_MAX];
	struct shm_header h;
	uint64_t bytes = 0;
	int fd = -1;
	err[0] = '\0';
	*adopted = false;
	if (!shm_file_place(path, unsafe_fs, place, err))
		return NULL;
	if (fresh)
		return region_create(place, g, gid, err);
	switch (shm_file_open(place, &fd, &bytes, err)) {
	case SHM_FILE_MISSING:
		return region_create(place, g, gid, err);
	case SHM_FILE_REFUSED:
		return NULL;
	case SHM_FILE_OPEN:
		break;
	}
	switch (adopt_look(place, fd, bytes, &h, err)) {
	case ADOPT_YES:
		*adopted = true;
		return region_adopt(place, fd, &h, g, gid, err);
	case ADOPT_NEW:
		close(fd);
		return region_create(place, g, gid, err);
	case ADOPT_NO:
		break;
	}
	close(fd);
	return NULL;
}

/* --- the master goes on
 * --------------------------------------------------------------------- */

void
shm_reload_begin(struct shm *s)
{
	s->reload->is_busy = 1;
	reload_publish(s);
}

void
shm_reload_result(struct shm *s, bool ok, const char *text)
{
	struct shm_reload_data *r = s->reload;
	r->is_busy = 0;
	r->ok += ok;
	r->failed += !ok;
	r->seq++;
	r->last_ok = ok;
	r->last_wall_s = clock_wall_us() / 1000000;
	memset(r->text, 0, sizeof(r->text));
	snprintf(r->text, sizeof(r->text), "%s", text ? text : "");
	reload_publish(s);
}

void
shm_mark_stopped(struct shm *s)
{
	shm_leases_sweep(s);
	shm_identity_write(s, SHM_SLOT_MASTER, &(struct shm_identity_data){0});
	s->live.master_pid = 0;
	s->live.master_start_time = 0;
	shm_live_publish(s);
}

const char *
shm_path(const struct shm *s)
{
	return s->path;
}

/* --- children
 * -------------------------------------------------------------------------------- */

void
shm_child_enter(struct shm *s, uint32_t slot)
{
	/* A mapping of a descriptor that was opened for reading can't be made writable
	 * again by mprotect(). */
	void *p = mmap(s->base, s->at.trusted_bytes, PROT_READ, MAP_SHARED | MAP_FIXED,
		       s->ro_fd, 0);
	must(p == s->base);
	close(s->ro_fd);
	close(s->rw_fd);
	s->ro_fd = s->rw_fd = -1;
	s->debts_n = 0; /* the master's */
	s->unreleased_n = 0;
	free(s->slot_use); /* only the master gives slots out */
	s->slot_use = NULL;
	shm_self_enter(s, slot);
#ifdef WEIR_FAULTS
	shm_fault_arm_env();
#endif
}

bool
shm_generation_is_over(const struct shm *s, uint64_t generation)
{
	return __atomic_load_n(&shm_header(s)->live.generation, __ATOMIC_ACQUIRE) >
	       generation;
}
