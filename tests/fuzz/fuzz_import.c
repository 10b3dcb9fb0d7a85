/* SPDX-License-Identifier: MIT
 *
 * haproxy.cfg: any text gives a tree and notes; when nothing is lost, the YAML written
 * from it is a configuration.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/loading.h"
#include "import/import.h"
#include "lib/base/must.h"

enum { INPUT_MAX = 8 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file with the text. */
static const char *
file_of(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[64];
	if (fd < 0) {
		fd = memfd_create("cfg", MFD_CLOEXEC);
		must(fd >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	must(ftruncate(fd, 0) == 0);
	must(pwrite(fd, data, size, 0) == (ssize_t)size);
	return path;
}

static void
check_yaml(const char *bytes, size_t n)
{
	struct cfg_request r = {.asks_no_names = true};
	struct cfg_errors *errors = NULL;
	struct cfg *c = cfg_load_text(&r, "written", bytes, n, &errors);
	for (size_t i = 0; i < cfg_errors_n(errors); i++)
		fprintf(stderr, "%s\n", cfg_errors_at(errors, i));
	must(c != NULL);
	cfg_errors_free(&errors);
	cfg_free(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > INPUT_MAX)
		return 0;
	const char *path = file_of(data, size);
	struct arena *a = arena_new();
	struct import_request r = {.paths = &path, .paths_n = 1, .keeps_variables = true};
	struct import *im = import_check(a, &r);
	char *yaml = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&yaml, &n);
	must(f != NULL);
	import_write(im, f);
	fclose(f);
	if (im->lost_n == 0)
		check_yaml(yaml, n);
	free(yaml);
	arena_free(&a);
	return 0;
}
