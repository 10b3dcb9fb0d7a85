/* SPDX-License-Identifier: MIT
 *
 * Files of patterns and maps (configuration.txt 7.1.1 "-f", 7.3.1 "map"). Master only.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/expr/parts.h"
#include "lib/expr/pattern.h"

#define PATTERN_FILE_BYTES_MAX (1ULL << 30)

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The line without its CR. */
static struct span
next_line(struct span *rest)
{
	struct span line = span_cut(rest, '\n');
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

int
expr_value_check(struct span value, enum expr_type type, struct expr_error *err)
{
	int64_t number;
	struct in6_addr address;
	char word[INET6_ADDRSTRLEN];
	if (type == EXPR_INT && !expr_parse_int(value, &number))
		return expr_fail(err, 0, "the value '%.*s' is not a number", (int)value.n,
				 value.p);
	if (type != EXPR_ADDR)
		return 0;
	snprintf(word, sizeof(word), "%.*s", (int)value.n, value.p);
	if (value.n < sizeof(word) && (inet_pton(AF_INET, word, &address) == 1 ||
				       inet_pton(AF_INET6, word, &address) == 1))
		return 0;
	return expr_fail(err, 0, "the value '%.*s' is not an address", (int)value.n,
			 value.p);
}

static int
add_line(struct expr_patterns *p, struct span line, enum expr_type values,
	 struct expr_error *err)
{
	while (line.n && is_blank(line.p[0]))
		line = span_of(line.p + 1, line.n - 1);
	if (!line.n)
		return 0;
	struct span key = line, value = {NULL, 0};
	if (values != EXPR_ANY) {
		size_t n = 0;
		while (n < line.n && !is_blank(line.p[n]))
			n++;
		key = span_of(line.p, n);
		value = span_trim(span_of(line.p + n, line.n - n));
		if (expr_value_check(value, values, err) < 0)
			return -1;
	}
	return expr_patterns_add(p, key, value, err);
}

static int
add_lines(struct expr_patterns *p, struct span rest, struct span path,
	  enum expr_type values, struct expr_error *err)
{
	for (unsigned number = 1; rest.n; number++) {
		struct span line = next_line(&rest);
		struct expr_error why;
		bool is_comment = line.n && line.p[0] == '#';
		if (is_comment || add_line(p, line, values, &why) == 0)
			continue;
		return expr_fail(err, 0, "%.*s:%u: %s", (int)path.n, path.p, number,
				 why.text);
	}
	return 0;
}

int
expr_patterns_read(struct expr_patterns *p, struct span path, enum expr_type values,
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
	rc = add_lines(p, span_of(bytes, (size_t)st.st_size), path, values, err);
	munmap(bytes, (size_t)st.st_size);
out:
	if (fd >= 0)
		close(fd);
	return rc;
}
