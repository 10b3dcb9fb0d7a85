/* SPDX-License-Identifier: MIT
 *
 * weirctl diff, weirctl import: weir itself reads configurations, so it is executed, the
 * one that lies beside this program, else the installed one.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lib/base/must.h"

/* ".../bin/weirctl" -> ".../bin/weir", ".../sbin/weir" */
static void
try_beside(char **argv, const char *folder)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);
	path[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(path, '/');
	if (!slash)
		return;
	snprintf(slash + 1, (size_t)(path + sizeof(path) - slash - 1), "%s%s", folder,
		 argv[0]);
	(void)execv(path, argv);
}

/* The command line of the program to become. */
struct argv {
	char **at;
	size_t n;
};

static void
argv_begin(struct argv *v, const char *program, const char *first, size_t words_n)
{
	*v = (struct argv){must_calloc(words_n + 3, sizeof(*v->at)), 2};
	v->at[0] = (char *)(uintptr_t)program;
	v->at[1] = (char *)(uintptr_t)first;
}

/* The word, or what `from` is called there. */
static void
argv_add(struct argv *v, char *word, const char *from, const char *there)
{
	v->at[v->n++] = strcmp(word, from) == 0 ? (char *)(uintptr_t)there : word;
}

static enum cli_exit
become(const struct argv *v)
{
	try_beside(v->at, "");
	try_beside(v->at, "../sbin/");
	(void)execvp(v->at[0], v->at);
	cli_error("cannot execute %s: %s", v->at[0], strerror(errno));
	return CLI_FAILED;
}

/* The files the daemon was started with, and what else its command line says: unless
 * other files are named, the difference is to what a reload would read. */
static void
add_words_of_daemon(struct argv *v, const char *words, bool has_files)
{
	for (; *words; words += strlen(words) + 1) {
		bool is_file = strcmp(words, "-f") == 0;
		if (is_file && has_files)
			words += strlen(words) + 1;
		else
			v->at[v->n++] = (char *)(uintptr_t)words;
	}
}

/* Ours, though the program will stand in the directory of the daemon. */
static char *
absolute(char *path)
{
	char here[PATH_MAX];
	if (path[0] == '/' || !getcwd(here, sizeof(here)))
		return path;
	size_t n = strlen(here) + strlen(path) + 2;
	char *whole = must_alloc(n);
	snprintf(whole, n, "%s/%s", here, path);
	return whole;
}

enum cli_exit
cli_diff(struct cli *c)
{
	struct shm_info *info = must_alloc(sizeof(*info));
	struct argv v;
	bool has_files = false;
	for (size_t i = 0; i < c->words_n; i++)
		has_files = has_files || strcmp(c->words[i], "-f") == 0;
	enum cli_exit rc = cli_attach(c);
	if (rc != CLI_OK)
		return rc;
	shm_info(c->shm, info);
	argv_begin(&v, "weir", "--diff", c->words_n + SHM_CONFIG_WORDS_BYTES / 2);
	add_words_of_daemon(&v, info->config_words, has_files);
	for (size_t i = 0; i < c->words_n; i++) {
		bool is_path = i && strcmp(c->words[i - 1], "-f") == 0;
		argv_add(&v, is_path ? absolute(c->words[i]) : c->words[i], "-j",
			 "--json");
	}
	return become(&v);
}

enum cli_exit
cli_import(struct cli *c)
{
	if (c->words_n == 0) {
		cli_error("import: expected the path of a haproxy.cfg");
		return CLI_USAGE;
	}
	struct argv v;
	argv_begin(&v, "weir-haproxy", "--import", c->words_n);
	for (size_t i = 0; i < c->words_n; i++)
		argv_add(&v, c->words[i], "-o", "--to");
	return become(&v);
}
