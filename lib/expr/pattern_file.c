/* SPDX-License-Identifier: MIT
 *
 * Files of patterns and maps (configuration.txt 7.1.1 "-f", 7.3.1 "map"). Master only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/expr/pattern.h"

#define PATTERN_FILE_BYTES_MAX (1ULL << 30)

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The line without blanks around it and without its CR. */
static struct span
trim_line(struct span line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return span_trim(line);
}

static int
add_line(struct expr_patterns *p, struct span line, bool with_values,
	 struct expr_error *err)
{
	struct span key = line, value = {NULL, 0};
	if (with_values) {
		size_t n = 0;
		while (n < line.n && !is_blank(line.p[n]))
			n++;
		key = span_of(line.p, n);
		value = span_trim(span_of(line.p + n, line.n - n));
	}
	return expr_patterns_add(p, key, value, err);
}

static int
add_lines(struct expr_patterns *p, struct span rest, struct span path, bool with_values,
	  struct expr_error *err)
{
	for (unsigned number = 1; rest.n; number++) {
		struct span line = trim_line(span_cut(&rest, '\n'));
		struct expr_error why;
		if (!line.n || line.p[0] == '#' ||
		    add_line(p, line, with_values, &why) == 0)
			continue;
		return expr_fail(err, 0, "%.*s:%u: %s", (int)path.n, path.p, number,
				 why.text);
	}
	return 0;
}

int
expr_patterns_read(struct expr_patterns *p, struct span path, bool with_values,
		   struct expr_error *err)
{
	char *name = strndup(path.p ? path.p : "", path.n);
	int fd = name ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1, rc = -1;
	struct stat st;
	free(name);
	if (fd < 0 || fstat(fd, &st) < 0) {
		expr_fail(err, 0, "cannot open the pattern file '%.*s': %s", (int)path.n,
			  path.p, strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > PATTERN_FILE_BYTES_MAX) {
		expr_fail(err, 0,
			  "'%.*s' is not a pattern file; expected a regular file of at "
			  "most 1 GB",
			  (int)path.n, path.p);
		goto out;
	}
	rc = 0;
	if (st.st_size == 0)
		goto out;
	void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED) {
		rc = expr_fail(err, 0, "cannot read '%.*s': %s", (int)path.n, path.p,
			       strerror(errno));
		goto out;
	}
	rc = add_lines(p, span_of(bytes, (size_t)st.st_size), path, with_values, err);
	munmap(bytes, (size_t)st.st_size);
out:
	if (fd >= 0)
		close(fd);
	return rc;
}
