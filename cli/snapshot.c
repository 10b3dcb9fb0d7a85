/* SPDX-License-Identifier: MIT
 *
 * weirctl table save, load: a stick table as a file. It is written from the region, with
 * the rights of who asks; to load one, its descriptor is handed to control, which adds
 * some thousand keys at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "shm/snapshot.h"
#include "shm/stick/text.h"

/* --- save ----------------------------------------------------------------------------
 */

/* 0, or -1 with errno. */
static int
write_all(int fd, struct shm_snapshot_save *w)
{
	static _Alignas(8) unsigned char piece[SHM_SNAPSHOT_PIECE_BYTES];
	size_t n;
	while ((n = shm_snapshot_save_some(w, piece)) > 0) {
		ssize_t written = write(fd, piece, n);
		if (written != (ssize_t)n) {
			errno = written < 0 ? errno : ENOSPC;
			return -1;
		}
	}
	return fsync(fd);
}

/* The file takes the name when it is complete. */
static int
write_file(struct shm_stick *t, const char *name, const char *file,
	   struct shm_snapshot_save *w)
{
	char temp[PATH_MAX];
	int n = snprintf(temp, sizeof(temp), "%s.%ld", file, (long)getpid());
	if (n < 0 || (size_t)n >= sizeof(temp)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		return -1;
	shm_snapshot_save_begin(w, t, name);
	int rc = write_all(fd, w) == 0 && rename(temp, file) == 0 ? 0 : -1;
	int error = errno;
	close(fd);
	if (rc != 0)
		(void)unlink(temp);
	errno = error;
	return rc;
}

enum cli_exit
cli_table_save(struct cli *c, const char *name, const char *file)
{
	struct shm_snapshot_save w;
	struct shm_object o;
	struct shm_stick t;
	enum cli_exit rc = cli_attach(c);
	if (rc != CLI_OK)
		return rc;
	if (!shm_stick_find(c->shm, name, &o)) {
		cli_error("there is no table '%s'", name);
		return CLI_FAILED;
	}
	if (!shm_stick_open(&t, &o)) {
		cli_error("table '%s' is damaged", name);
		return CLI_FAILED;
	}
	rc = CLI_OK;
	if (write_file(&t, name, file, &w) != 0) {
		cli_error("%s was not written: %s", file, strerror(errno));
		rc = CLI_FAILED;
	} else {
		printf("%llu keys saved\n", (unsigned long long)w.saved_n);
		if (w.left_out_n)
			cli_error("%llu keys never held still and were left out",
				  (unsigned long long)w.left_out_n);
	}
	shm_stick_fini(&t);
	return rc;
}

/* --- load ----------------------------------------------------------------------------
 */

struct loading {
	unsigned long long next, loaded, expired, left_out;
	bool is_done;
};

/* "next OFFSET" or "end", then "loaded N expired N left_out N"; false: a refusal. */
static bool
read_answer(const char *text, struct loading *l)
{
	unsigned long long loaded, expired, left_out;
	const char *line = strchr(text, '\n');
	if (line && sscanf(line, "\nloaded %llu expired %llu left_out %llu", &loaded,
			   &expired, &left_out) == 3) {
		l->loaded += loaded;
		l->expired += expired;
		l->left_out += left_out;
	}
	l->is_done = strncmp(text, "end\n", 4) == 0;
	return l->is_done || sscanf(text, "next %llu", &l->next) == 1;
}

static enum cli_exit
refused(const char *file, const struct shm_text *answer)
{
	const char *text = answer->n ? answer->bytes : "no answer";
	cli_error("%s: %.*s", file, (int)strcspn(text, "\n"), text);
	return strncmp(text, "Permission denied", 17) == 0 ? CLI_PERMISSION : CLI_FAILED;
}

static enum cli_exit
load_all(const char *socket, const char *name, const char *file, int fd,
	 struct loading *l)
{
	enum cli_exit rc = CLI_OK;
	while (rc == CLI_OK && !l->is_done) {
		struct shm_text line = {0}, answer = {0};
		shm_text_fmt(&line, "load table %s %llu", name, l->next);
		rc = line.failed ? CLI_FAILED
				 : cli_ask_with(socket, line.bytes, fd, false, &answer);
		if (rc == CLI_OK && !(answer.n && read_answer(answer.bytes, l)))
			rc = refused(file, &answer);
		shm_text_fini(&line);
		shm_text_fini(&answer);
	}
	return rc;
}

enum cli_exit
cli_table_load(struct cli *c, const char *name, const char *file)
{
	struct loading l = {0};
	struct shm_info info;
	const char *socket;
	enum cli_exit rc = cli_find_socket(c, &info, &socket);
	if (rc != CLI_OK)
		return rc;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		cli_error("%s cannot be read: %s", file, strerror(errno));
		return CLI_FAILED;
	}
	rc = load_all(socket, name, file, fd, &l);
	close(fd);
	if (rc == CLI_OK || l.loaded)
		printf("%llu keys loaded, %llu had expired\n", l.loaded, l.expired);
	if (l.left_out)
		cli_error("%llu keys found no room", l.left_out);
	return rc;
}
