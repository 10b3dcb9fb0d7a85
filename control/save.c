/* SPDX-License-Identifier: MIT
 *
 * Stick tables as files (`persist`), so that they outlive the machine's memory: written
 * from time to time, a piece between other work, and once more when the daemon stops. A
 * file is complete under another name before it takes the place of the former one. The
 * master has them read (master/tables.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "control/place.h"
#include "control/self.h"
#include "lib/base/must.h"
#include "shm/snapshot.h"

enum { PAUSE_MS = 1, NAME_BYTES = 256 };

struct saved {
	const struct cfg_table *table;
	struct place place;
	uint64_t due_ms;
	bool has_failed; /* the last time; said once */
};

struct saver {
	struct net_timer timer;
	struct saved *all; /* [n] */
	size_t n;
	struct saved *current; /* NULL: nothing is being written */
	struct shm_stick stick;
	struct shm_snapshot_save save;
	int fd;
	off_t written;
	_Alignas(8) unsigned char piece[SHM_SNAPSHOT_PIECE_BYTES];
};

/* --- before anything runs -------------------------------------------------------------
 */

/* Beside the file: "tables.snap.new" */
static bool
name_beside(const struct place *p, const char *suffix, char out[NAME_BYTES])
{
	int n = snprintf(out, NAME_BYTES, "%s.%s", p->name, suffix);
	return n > 0 && n < NAME_BYTES && p->name[0];
}

static bool
temporary_name(const struct place *p, char out[NAME_BYTES])
{
	return name_beside(p, "new", out);
}

/* In the name of who will do it. */
static int
open_as_user(const struct cfg_global *g, const struct place *p, const char *name)
{
	bool changes = geteuid() == 0;
	gid_t gid = changes && g->gid != (gid_t)-1 ? (gid_t)setfsgid(g->gid) : 0;
	uid_t uid = changes && g->uid != (uid_t)-1 ? (uid_t)setfsuid(g->uid) : 0;
	(void)unlinkat(p->dir_fd, name, 0);
	int fd = openat(p->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	int error = errno;
	if (fd >= 0)
		(void)unlinkat(p->dir_fd, name, 0);
	if (changes && g->uid != (uid_t)-1)
		(void)setfsuid(uid);
	if (changes && g->gid != (gid_t)-1)
		(void)setfsgid(gid);
	errno = error;
	return fd;
}

/* A directory that is missing is made, for the user of the processes. */
static void
make_directory(const struct cfg_global *g, const char *path)
{
	char dir[4096];
	const char *slash = strrchr(path, '/');
	if (!slash || slash == path || (size_t)(slash - path) >= sizeof(dir))
		return;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	if (mkdir(dir, 0750) == 0 && geteuid() == 0)
		(void)!chown(dir, g->uid, g->gid);
}

int
save_check(const struct cfg *cfg, char err[SHM_ERROR_BYTES])
{
	for (size_t i = 0; i < cfg->tables_n; i++) {
		const struct cfg_table *t = cfg->tables[i];
		char name[NAME_BYTES];
		struct place p;
		if (!t->persist)
			continue;
		make_directory(&cfg->global, t->persist);
		place_open(&p, t->persist);
		errno = p.dir_fd < 0 ? errno : ENAMETOOLONG;
		int fd = p.dir_fd >= 0 && name_beside(&p, "try", name)
				 ? open_as_user(&cfg->global, &p, name)
				 : -1;
		int error = errno;
		place_close(&p);
		if (fd < 0) {
			snprintf(err, SHM_ERROR_BYTES,
				 "table %s: persist: %.300s: its directory cannot be "
				 "written by the user of the processes: %s",
				 t->name, t->persist, strerror(error));
			return -1;
		}
		close(fd);
	}
	return 0;
}

void
save_prepare(const struct cfg *cfg)
{
	size_t n = 0;
	for (size_t i = 0; i < cfg->tables_n; i++)
		n += cfg->tables[i]->persist != NULL;
	if (n == 0)
		return;
	struct saver *s = control.saver = must_calloc(1, sizeof(*s));
	s->all = must_calloc(n, sizeof(*s->all));
	for (size_t i = 0; i < cfg->tables_n; i++) {
		const struct cfg_table *t = cfg->tables[i];
		if (!t->persist)
			continue;
		s->all[s->n].table = t;
		place_open(&s->all[s->n++].place, t->persist);
	}
}

/* --- one file -------------------------------------------------------------------------
 */

static void
close_all(struct saver *s)
{
	if (s->fd >= 0)
		close(s->fd);
	shm_stick_fini(&s->stick);
	s->current = NULL;
}

static void
fail(struct saver *s, int error)
{
	struct saved *f = s->current;
	char name[NAME_BYTES];
	if (!f->has_failed)
		control_log(LOG_ERR,
			    "table %s: %s was not written: %s; what was there stays",
			    f->table->name, f->table->persist, strerror(error));
	f->has_failed = true;
	if (s->fd >= 0 && temporary_name(&f->place, name))
		(void)unlinkat(f->place.dir_fd, name, 0);
	close_all(s);
}

static void
begin(struct saver *s, struct saved *f)
{
	char name[NAME_BYTES], id[SHM_ADDR_BYTES];
	struct shm_object o;
	stick_spec_id(&f->table->spec, id, sizeof(id));
	if (!shm_find(control.shm, SHM_TABLE, "", f->table->name, id, &o) ||
	    !shm_stick_init(&s->stick, &f->table->spec, &o))
		return;
	s->current = f;
	s->fd = -1;
	s->written = 0;
	errno = EBADF;
	if (f->place.dir_fd >= 0 && temporary_name(&f->place, name)) {
		(void)unlinkat(f->place.dir_fd, name, 0);
		s->fd = openat(f->place.dir_fd, name,
			       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			       0640);
	}
	if (s->fd < 0)
		fail(s, errno);
	else
		shm_snapshot_save_begin(&s->save, &s->stick, f->table->name);
}

/* The name is taken over when the bytes are on the disk. */
static void
finish(struct saver *s)
{
	struct saved *f = s->current;
	char name[NAME_BYTES];
	bool is_done =
		temporary_name(&f->place, name) && fdatasync(s->fd) == 0 &&
		renameat(f->place.dir_fd, name, f->place.dir_fd, f->place.name) == 0;
	if (!is_done) {
		fail(s, errno);
		return;
	}
	(void)fsync(f->place.dir_fd);
	if (f->has_failed)
		control_log(LOG_NOTICE, "table %s: %s is written again", f->table->name,
			    f->table->persist);
	f->has_failed = false;
	close_all(s);
}

/* One piece. The disk begins at once, so that there is little to wait for at the end. */
static void
write_some(struct saver *s)
{
	size_t n = shm_snapshot_save_some(&s->save, s->piece);
	if (n == 0) {
		finish(s);
		return;
	}
	ssize_t written = write(s->fd, s->piece, n);
	if (written != (ssize_t)n) {
		fail(s, written < 0 ? errno : ENOSPC);
		return;
	}
	(void)sync_file_range(s->fd, s->written, written, SYNC_FILE_RANGE_WRITE);
	s->written += written;
}

/* --- all of them ----------------------------------------------------------------------
 */

/* The one that is due first. */
static struct saved *
first(struct saver *s)
{
	struct saved *best = &s->all[0];
	for (size_t i = 1; i < s->n; i++)
		if (s->all[i].due_ms < best->due_ms)
			best = &s->all[i];
	return best;
}

static void
step(struct net_timer *timer)
{
	struct saver *s = control.saver;
	uint64_t now_ms = net_loop_now_ms(control.loop);
	struct saved *next = first(s);
	if (control.is_leaving)
		return;
	if (s->current) {
		write_some(s);
	} else if (now_ms >= next->due_ms) {
		next->due_ms = now_ms + next->table->persist_interval_ms;
		begin(s, next);
	}
	net_timer_set(control.loop, timer,
		      s->current ? now_ms + PAUSE_MS : first(s)->due_ms);
}

void
save_begin(void)
{
	struct saver *s = control.saver;
	if (!s)
		return;
	uint64_t now_ms = net_loop_now_ms(control.loop);
	for (size_t i = 0; i < s->n; i++)
		s->all[i].due_ms = now_ms + s->all[i].table->persist_interval_ms;
	net_timer_init(&s->timer, step);
	net_timer_set(control.loop, &s->timer, first(s)->due_ms);
}

void
save_cancel(void)
{
	struct saver *s = control.saver;
	char name[NAME_BYTES];
	if (!s || !s->current)
		return;
	if (temporary_name(&s->current->place, name))
		(void)unlinkat(s->current->place.dir_fd, name, 0);
	close_all(s);
}

void
save_all(void)
{
	struct saver *s = control.saver;
	for (size_t i = 0; s && i < s->n; i++) {
		begin(s, &s->all[i]);
		while (s->current)
			write_some(s);
	}
}
