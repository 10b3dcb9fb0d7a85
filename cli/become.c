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

/* Becomes that program, with the words of the command behind its first switch. */
static enum cli_exit
become(struct cli *c, const char *program, const char *first)
{
	char **argv = must_calloc(c->words_n + 3, sizeof(*argv));
	argv[0] = (char *)(uintptr_t)program;
	argv[1] = (char *)(uintptr_t)first;
	for (size_t i = 0; i < c->words_n; i++) {
		bool is_target = first[2] == 'i' && strcmp(c->words[i], "-o") == 0;
		argv[i + 2] = is_target ? (char *)(uintptr_t) "--to" : c->words[i];
	}
	try_beside(argv, "");
	try_beside(argv, "../sbin/");
	(void)execvp(program, argv);
	cli_error("cannot execute %s: %s", program, strerror(errno));
	return CLI_FAILED;
}

enum cli_exit
cli_diff(struct cli *c)
{
	return become(c, "weir", "--diff");
}

enum cli_exit
cli_import(struct cli *c)
{
	if (c->words_n == 0) {
		cli_error("import: expected the path of a haproxy.cfg");
		return CLI_USAGE;
	}
	return become(c, "weir-haproxy", "--import");
}
