/* SPDX-License-Identifier: MIT
 *
 * The region seen from outside: weirctl maps it read-only, with or without a daemon,
 * made by this build or another. Nothing in the file is believed: offsets are checked
 * against the file, texts are terminated, indices are bounded.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/file.h"
#include "shm/layout.h"
#include "shm/queue.h"
#include "shm/stick/stick.h"
#include "shm/seq.h"

static enum shm_attach
open_for_reading(const char *path, int *fd, uint64_t *bytes, char used[PATH_MAX],
		 char err[SHM_ERROR_BYTES])
{
	struct stat st;
	int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	snprintf(used, PATH_MAX, "%s", path);
	*fd = open(used, flags);
	if (*fd < 0 && errno == ENOENT && shm_file_elsewhere(path, used))
		*fd = open(used, flags);
	if (*fd < 0 && (errno == EACCES || errno == EPERM)) {
		shm_fail(err, "no permission to read %s: be root or in the group of weir",
			 used);
		return SHM_ATTACH_PERMISSION;
	}
	if (*fd < 0) {
		shm_fail(err,
			 "no region at %s (%s): was weir started? -s names another place",
			 path, strerror(errno));
		return SHM_ATTACH_MISSING;
	}
	if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		shm_fail(err, "%s is not a regular file", used);
		close(*fd);
		return SHM_ATTACH_LAYOUT;
	}
	*bytes = (uint64_t)st.st_size;
	return SHM_ATTACH_OK;
}

enum shm_attach
shm_attach(const char *path, struct shm **out, char err[SHM_ERROR_BYTES])
{
	char used[PATH_MAX], why[SHM_ERROR_BYTES];
	struct shm_header h;
	uint64_t bytes;
	int fd;
	*out = NULL;
	err[0] = '\0';
	if (strlen(path) >= PATH_MAX) {
		shm_fail(err, "the path of the region is too long");
		return SHM_ATTACH_MISSING;
	}
	enum shm_attach rc = open_for_reading(path, &fd, &bytes, used, err);
	if (rc != SHM_ATTACH_OK)
		return rc;
	memset(&h, 0, sizeof(h));
	if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
		h.magic = 0;
	if (!shm_header_check(&h, bytes, why)) {
		shm_fail(err, "%.200s %.250s", used, why);
		close(fd);
		return SHM_ATTACH_LAYOUT;
	}
	void *p = mmap(NULL, h.layout.size_bytes, PROT_READ, MAP_SHARED, fd, 0);
	int map_errno = errno;
	close(fd);
	if (p == MAP_FAILED) {
		shm_fail(err, "cannot map %.200s: %s", used, strerror(map_errno));
		return SHM_ATTACH_LAYOUT;
	}
	struct shm *s = must_calloc(1, sizeof(*s));
	s->base = p;
	s->at = h.layout;
	s->is_reader = true;
	s->rw_fd = s->ro_fd = -1;
	memcpy(s->path, used, strlen(used) + 1);
	*out = s;
	return SHM_ATTACH_OK;
}

bool
shm_can_adopt(const char *path, char err[SHM_ERROR_BYTES])
{
	struct shm *s = NULL;
	if (shm_attach(path, &s, err) != SHM_ATTACH_OK)
		return false;
	bool can = shm_counters_agree(s, err);
	shm_close(&s);
	return can;
}

static void
text_copy(char *to, size_t to_bytes, const char *from, size_t from_bytes)
{
	size_t n = strnlen(from, from_bytes);
	if (n >= to_bytes)
		n = to_bytes - 1;
	memcpy(to, from, n);
	memset(to + n, 0, to_bytes - n);
}

void
shm_info(const struct shm *s, struct shm_info *out)
{
	const struct shm_header *h = shm_header(s);
	struct shm_live live;
	struct shm_reload_data r;
	char boot_id[SHM_BOOT_ID_BYTES];
	memset(out, 0, sizeof(*out));
	/* never at rest: a master killed in the middle; what is there is bounded */
	shm_seq_read(&h->live_seq, &live, &h->live, sizeof(live));
	shm_seq_read(&shm_reload(s)->seq, &r, &shm_reload(s)->data, sizeof(r));
	memcpy(boot_id, h->boot_id, sizeof(boot_id));
	text_copy(out->version, sizeof(out->version), live.version, sizeof(live.version));
	text_copy(out->boot_id, sizeof(out->boot_id), boot_id, sizeof(boot_id));
	text_copy(out->control_socket, sizeof(out->control_socket), live.control_socket,
		  sizeof(live.control_socket));
	memcpy(out->config_words, live.config_words, sizeof(out->config_words) - 2);
	out->config_hash = live.config_hash;
	text_copy(out->reload_text, sizeof(out->reload_text), r.text, sizeof(r.text));
	out->major = SHM_MAJOR;
	out->minor = h->minor;
	out->master_pid = live.master_pid;
	out->running = shm_process_is_alive(live.master_pid, live.master_start_time);
	for (uint32_t slot = 1; !out->running && slot < s->at.slots_n; slot++)
		out->orphans_n += shm_slot_is_alive(s, slot);
	out->generation = live.generation;
	out->workers_n = live.workers_n;
	out->slots_n = s->at.slots_n;
	out->lanes_n = s->at.lanes_n;
	out->size_bytes = s->at.size_bytes;
	out->used_bytes = live.used_bytes;
	out->created_wall_s = h->created_wall_s;
	out->started_wall_s = live.started_wall_s;
	out->reloads_ok = r.ok;
	out->reloads_failed = r.failed;
	out->reload_last_ok = r.last_ok != 0;
	out->reload_last_wall_s = r.last_wall_s;
	out->reload_seq = r.seq;
	out->reload_busy = r.is_busy != 0;
}

/* --- verifying ---------------------------------------------------------------------- */

struct verify {
	const struct shm *s;
	void (*report)(void *arg, const char *text);
	void *arg;
	int problems_n;
};

__attribute__((format(printf, 2, 3))) static void
problem(struct verify *v, const char *fmt, ...)
{
	char text[SHM_ERROR_BYTES];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	v->problems_n++;
	if (v->report)
		v->report(v->arg, text);
}

static void
verify_object(struct verify *v, uint32_t i)
{
	const struct shm *s = v->s;
	const struct shm_record *r = shm_record(s, i);
	struct shm_entry_data d;
	uint32_t cur = 0;
	uint64_t held = 0;
	if (!shm_entry_read(s, i, &d)) {
		if (__atomic_load_n(&shm_entry(s, i)->data.state, __ATOMIC_ACQUIRE) !=
		    SHM_ENTRY_FREE)
			problem(v, "object %u: its directory entry is damaged", i);
		return;
	}
	if (d.identity != shm_facts_identity(&d.facts))
		problem(v, "object %u (%s): its identity does not fit its names", i,
			d.facts.name);
	if (d.record_off != s->at.records_off + (uint64_t)i * s->at.record_bytes ||
	    d.cells != i * s->at.cells_n)
		problem(v, "object %u (%s): its offsets are wrong", i, d.facts.name);
	if (r->magic != SHM_RECORD_MAGIC || r->bytes != s->at.record_bytes ||
	    r->index != i)
		problem(v, "object %u (%s): its record is damaged", i, d.facts.name);
	else if (!shm_gauge_sum(s, shm_gauge_of(s, i), &cur, &held))
		problem(v, "object %u (%s): its gauge never held still", i, d.facts.name);
	else if (cur != held)
		problem(v, "object %u (%s): conns %u, held by processes %llu", i,
			d.facts.name, cur, (unsigned long long)held);
}

/* A table that is being verified. */
struct verify_stick {
	struct verify *v;
	uint32_t index;
};

static void
report_odd(void *arg, const struct shm_stick_odd *odd)
{
	const struct verify_stick *x = arg;
	problem(x->v, "object %u: bucket %llu, way %u: %u references, %u in ledgers",
		x->index, (unsigned long long)odd->bucket, odd->way, odd->refs,
		odd->held);
}

static void
verify_table(struct verify *v, uint32_t i)
{
	struct shm_object o;
	if (!shm_object_at(v->s, i, &o) || o.kind != SHM_TABLE)
		return;
	if (o.is_current && !o.area)
		problem(v, "object %u: a table without memory", i);
	shm_stick_verify(v->s, &o, report_odd, &(struct verify_stick){v, i});
}

static void
verify_queue(struct verify *v, uint32_t i)
{
	struct shm_object o;
	if (shm_object_at(v->s, i, &o) && o.kind == SHM_BACKEND)
		v->problems_n += shm_queue_verify(v->s, &o, v->report, v->arg);
}

int
shm_verify(const struct shm *s, void (*report)(void *arg, const char *text), void *arg)
{
	struct verify v = {s, report, arg, 0};
	struct shm_object o;
	struct shm_header h;
	char why[SHM_ERROR_BYTES];
	memcpy(&h, shm_header(s), sizeof(h));
	if (!shm_header_check(&h, s->at.size_bytes, why))
		problem(&v, "the header %s", why);
	for (unsigned kind = 0; kind < SHM_KINDS_N; kind++)
		if (shm_counters_n(s, (enum shm_kind)kind) == 0)
			problem(&v, "kind %u has no counters", kind);
	if (!shm_object_at(s, 0, &o) || o.kind != SHM_GLOBAL)
		problem(&v, "object 0 is not the daemon");
	for (uint32_t i = 0; i < shm_objects_n(s); i++)
		verify_object(&v, i);
	for (uint32_t i = 0; i < shm_objects_n(s); i++)
		verify_table(&v, i);
	for (uint32_t i = 0; i < shm_objects_n(s); i++)
		verify_queue(&v, i);
	return v.problems_n;
}
