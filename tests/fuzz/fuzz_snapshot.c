/* SPDX-License-Identifier: MIT
 *
 * The file of a stick table, as anybody may have left it: loading it must not crash, and
 * the table must stay a table. The input is such a file; its checksums are made good, so
 * that what stands behind them is reached.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/must.h"
#include "shm/snapshot_file.h"
#include "shm/stick/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char dir[] = "/dev/shm/weir-fuzz-XXXXXX";
static char path[64];
static struct shm *region;
static struct shm_object table;
static struct stick_spec spec;

static void
clean_up(void)
{
	shm_close(&region);
	unlink(path);
	rmdir(dir);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct shm_facts facts[] = {
		{.kind = SHM_GLOBAL, .name = "global", .maxconn = 10},
		{.kind = SHM_TABLE, .name = "t", .addr = "fuzz", .id = 1},
	};
	struct shm_geometry g = {
		.objects = facts,
		.objects_n = 2,
		.workers_n = 1,
		.generations_max = 1,
		.ledger_n = 16,
		.version = "fuzz",
		.control_socket = "",
	};
	char err[SHM_ERROR_BYTES];
	bool adopted;
	(void)argc;
	(void)argv;
	must(stick_spec_read(
		"string len=32 size=100 expire=60000 "
		"store=gpt(2),gpc0,gpc_rate(2,1000),conn_cur,conn_rate(10000)",
		&spec));
	facts[1].area_bytes = spec.bytes;
	must(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/weir.shm", dir);
	region = shm_open_master(path, &g, true, false, (uint32_t)-1, &adopted, err);
	must(region);
	shm_commit(region, &g, 1);
	must(shm_find(region, SHM_TABLE, "", "t", "fuzz", &table) && table.area);
	(void)atexit(clean_up);
	return 0;
}

/* Head and blocks as far as they make sense. */
static void
make_good(unsigned char *file, size_t size)
{
	struct snapshot_head h;
	struct stick_spec s;
	if (size < sizeof(h))
		return;
	memcpy(&h, file, sizeof(h));
	h.magic = SNAPSHOT_MAGIC;
	h.version = SNAPSHOT_VERSION;
	h.head_bytes = sizeof(h);
	h.shape[sizeof(h.shape) - 1] = '\0';
	bool has_shape = stick_spec_read(h.shape, &s);
	if (has_shape)
		h.record_bytes = snapshot_record_bytes(&s);
	h.checksum = snapshot_head_checksum(&h);
	memcpy(file, &h, sizeof(h));
	for (size_t at = sizeof(h);
	     has_shape && at + sizeof(struct snapshot_block) <= size;) {
		struct snapshot_block b;
		memcpy(&b, file + at, sizeof(b));
		size_t rest = size - at - sizeof(b);
		size_t bytes = (size_t)(b.records_n % 64) * h.record_bytes;
		b.magic = SNAPSHOT_BLOCK_MAGIC;
		b.records_n %= 64;
		if (bytes <= rest)
			b.checksum =
				snapshot_block_checksum(&b, file + at + sizeof(b), bytes);
		memcpy(file + at, &b, sizeof(b));
		at += sizeof(b) + bytes;
	}
}

static void
load(int fd)
{
	static struct shm_snapshot_load r;
	struct shm_text text = {0};
	struct shm_stick t;
	char err[SHM_ERROR_BYTES];
	const struct shm_stick_query all = {.sort = -1};
	memset(table.area, 0, spec.bytes);
	shm_stick_format(table.area, &spec);
	must(shm_stick_init(&t, &spec, &table));
	if (shm_snapshot_load_begin(&r, fd, &t, 0, err)) {
		while (shm_snapshot_load_some(&r, region, err) == SHM_SNAPSHOT_MORE)
			;
		shm_snapshot_load_end(&r);
	}
	shm_stick_render(&t, "t", &all, clock_mono_ms(), &text);
	must(shm_stick_used(&t) <= 128);
	shm_text_fini(&text);
	shm_stick_fini(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned char file[1 << 16];
	if (size == 0 || size > sizeof(file))
		return 0;
	memcpy(file, data, size);
	int fd = memfd_create("snapshot", MFD_CLOEXEC);
	must(fd >= 0 && write(fd, file, size) == (ssize_t)size);
	load(fd); /* as it is */
	make_good(file, size);
	must(pwrite(fd, file, size, 0) == (ssize_t)size);
	load(fd);
	close(fd);
	return 0;
}
