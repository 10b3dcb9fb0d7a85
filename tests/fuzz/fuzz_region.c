/* SPDX-License-Identifier: MIT
 *
 * A hostile region: whatever stands in the file, weirctl must not crash. A real region
 * is made once; an input is a list of words to overwrite in it (offset, value: four bytes
 * each). Then everything that only reads is called.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "shm/counters.h"
#include "shm/stats/render.h"
#include "shm/session_list.h"
#include "shm/slots.h"

enum { PATCHES_MAX = 64, HEAD_BYTES = 128 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char dir[] = "/dev/shm/weir-fuzz-XXXXXX";
static char path[64];
static unsigned char *file;
static size_t file_bytes;

static void
clean_up(void)
{
	unlink(path);
	rmdir(dir);
}

/* Some connections, of states and objects there are and there are not. */
static void
begin_sessions(struct shm *s)
{
	struct shm_sessions l;
	struct shm_object global;
	must(shm_object_at(s, 0, &global));
	shm_sessions_open(s, &global, &l);
	for (uint32_t i = 0; i < SHM_SESSION_CHUNK + 1; i++) {
		const struct shm_session_client c = {.family = (uint8_t)i};
		(void)shm_session_begin(&l, &c, i * 0x1000100001000001ULL);
	}
	free(l.free);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct shm_facts facts[] = {
		{.kind = SHM_GLOBAL, .name = "global", .maxconn = 10},
		{.kind = SHM_FRONTEND, .name = "web", .mode = "http", .id = 1},
		{.kind = SHM_LISTENER,
		 .name = "l",
		 .parent = "web",
		 .addr = "*:80",
		 .id = 1,
		 .parent_id = 1},
		{.kind = SHM_BACKEND,
		 .name = "app",
		 .mode = "http",
		 .algo = "roundrobin",
		 .id = 2},
		{.kind = SHM_SERVER,
		 .name = "a",
		 .parent = "app",
		 .addr = "10.0.0.1:80",
		 .id = 1,
		 .parent_id = 2,
		 .weight = 1,
		 .is_checked = true,
		 .rise = 2,
		 .fall = 3},
	};
	const struct shm_geometry g = {
		.objects = facts,
		.objects_n = sizeof(facts) / sizeof(facts[0]),
		.workers_n = 1,
		.generations_max = 1,
		.version = "fuzz",
		.control_socket = "/run/x",
	};
	char err[SHM_ERROR_BYTES];
	bool adopted;
	struct stat st;
	(void)argc;
	(void)argv;
	facts[0].area_bytes = shm_sessions_bytes(2 * SHM_SESSION_CHUNK);
	must(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/weir.shm", dir);
	struct shm *s =
		shm_open_master(path, &g, true, false, (uint32_t)-1, &adopted, err);
	must(s);
	shm_commit(s, &g, 1);
	begin_sessions(s);
	shm_mark_stopped(s);
	shm_close(&s);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	must(fd >= 0 && fstat(fd, &st) == 0);
	file_bytes = (size_t)st.st_size;
	file = mmap(NULL, file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(file != MAP_FAILED);
	close(fd);
	(void)atexit(clean_up);
	return 0;
}

static void
ignore(void *arg, const char *text)
{
	*(size_t *)arg += strlen(text);
}

static void
read_slots_and_counters(const struct shm *s)
{
	struct shm_slot_view v;
	struct shm_counter_desc d;
	for (uint32_t i = 0; i < shm_slots_n(s); i++)
		(void)shm_slot_view(s, i, &v);
	for (unsigned kind = 0; kind < SHM_KINDS_N; kind++)
		for (uint32_t i = 0; i < shm_counters_n(s, (enum shm_kind)kind); i++)
			(void)shm_counter_desc(s, (enum shm_kind)kind, i, &d);
}

static void
read_sessions(const struct shm *s, struct shm_text *text)
{
	struct shm_session_list l;
	shm_session_list_make(s, &(struct shm_session_query){0}, 1, &l);
	for (size_t i = 0; i < l.n; i++) {
		shm_session_put_client(text, &l.at[i]);
		shm_text_plain(text, l.at[i].frontend);
		shm_text_plain(text, l.at[i].server);
		shm_text_str(text, shm_session_state_name(l.at[i].where.state));
	}
	shm_session_list_fini(&l);
}

static void
read_all(struct shm *s)
{
	const struct shm_html_opts html = {.uri = "/", .stat = {.types = ~0U}};
	const struct shm_stat_opts all = {.types = ~0U, .with_gone = true};
	struct shm_text text = {0};
	struct shm_stat st;
	size_t bytes = 0;
	shm_render_csv(s, &all, &text);
	shm_render_json(s, &all, &text);
	shm_render_html(s, &html, &text);
	shm_render_info(s, SHM_INFO_JSON, &text);
	if (shm_stat_take(s, &all, &st) == 0) {
		shm_render_table(&st, &(struct shm_table_opts){0}, &text);
		shm_stat_fini(&st);
	}
	(void)shm_verify(s, ignore, &bytes);
	read_slots_and_counters(s);
	read_sessions(s, &text);
	shm_text_fini(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t was[PATCHES_MAX], at[PATCHES_MAX];
	char err[SHM_ERROR_BYTES];
	struct shm *s = NULL;
	size_t n = 0;
	for (; n < PATCHES_MAX && (n + 1) * 8 <= size; n++) {
		memcpy(&at[n], data + n * 8, 4);
		/* mostly where the structure is */
		size_t within = at[n] >> 30 == 3 || file_bytes < HEAD_BYTES ? file_bytes
									    : HEAD_BYTES;
		at[n] = (uint32_t)(at[n] % (within / 4)) * 4;
		memcpy(&was[n], file + at[n], 4);
		memcpy(file + at[n], data + n * 8 + 4, 4);
	}
	if (shm_attach(path, &s, err) == SHM_ATTACH_OK) {
		read_all(s);
		shm_close(&s);
	}
	while (n-- > 0)
		memcpy(file + at[n], &was[n], 4);
	return 0;
}
