/* SPDX-License-Identifier: MIT
 *
 * Files and directories named with -f, in their order. A directory means its *.yaml and
 * *.yml in lexical order. Master (at load).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/loading.h"

static void
cannot(struct loading *l, const char *path, const char *what)
{
	l->has_syntax_error = true;
	report_error_at(l->report, (struct pos){path, 0, 0}, NULL, "%s", what);
}

/* The whole file, in the arena; NULL when it can't be read (reported). */
static char *
slurp(struct loading *l, const char *path, int fd, size_t *n)
{
	size_t cap = 16384;
	char *bytes = arena_alloc(l->arena, cap);
	*n = 0;
	for (;;) {
		ssize_t got = read(fd, bytes + *n, cap - *n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			cannot(l, path,
			       arena_printf(l->arena, "cannot be read: %s",
					    strerror(errno)));
			return NULL;
		}
		if (got == 0)
			return bytes;
		*n += (size_t)got;
		if (*n > CFG_FILE_BYTES_MAX) {
			cannot(l, path, "is larger than 64 MB; expected a configuration");
			return NULL;
		}
		if (*n == cap) {
			char *bigger = arena_alloc(l->arena, 2 * cap);
			memcpy(bigger, bytes, cap);
			bytes = bigger;
			cap *= 2;
		}
	}
}

static void
read_file(struct loading *l, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		cannot(l, path,
		       arena_printf(l->arena, "cannot be opened: %s", strerror(errno)));
		return;
	}
	size_t n;
	const char *bytes = slurp(l, path, fd, &n);
	close(fd);
	if (!bytes)
		return;
	struct node *file = yaml_parse(l, path, bytes, n);
	if (file)
		merge_file(l, file);
}

static int
is_yaml(const struct dirent *d)
{
	struct span name = span_str(d->d_name);
	return name.p[0] != '.' &&
	       (span_ends(name, SPAN(".yaml")) || span_ends(name, SPAN(".yml")));
}

static int
lexical(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void
read_directory(struct loading *l, const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_yaml, lexical);
	if (n < 0) {
		cannot(l, path,
		       arena_printf(l->arena, "cannot be read: %s", strerror(errno)));
		return;
	}
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	for (int i = 0; i < n; i++) {
		read_file(l, arena_printf(l->arena, "%.*s/%s", (int)length, path,
					  entries[i]->d_name));
		free(entries[i]);
	}
	free(entries);
	if (n == 0)
		cannot(l, path,
		       "holds no configuration; expected files named *.yaml or *.yml");
}

void
files_read(struct loading *l)
{
	const struct cfg_request *r = l->request;
	for (size_t i = 0; i < r->paths_n; i++) {
		const char *path = arena_strdup(l->arena, r->paths[i]);
		struct stat st;
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			read_directory(l, path);
		else
			read_file(l, path);
	}
	if (r->paths_n == 0)
		cannot(l, "command line", "no configuration is named; expected -f PATH");
}
