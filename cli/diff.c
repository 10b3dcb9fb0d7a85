/* SPDX-License-Identifier: MIT
 *
 * weirctl diff: weir itself reads configurations, so it is executed, the one that lies
 * beside this program, else the installed one.
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
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	path[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(path, '/');
	if (!slash)
		return;
	snprintf(slash + 1, (size_t)(path + sizeof(path) - slash - 1), "%sweir", folder);
	(void)execv(path, argv);
}

enum cli_exit
cli_diff(struct cli *c)
{
	static char weir[] = "weir", diff[] = "--diff";
	char **argv = must_calloc(c->words_n + 3, sizeof(*argv));
	argv[0] = weir;
	argv[1] = diff;
	for (size_t i = 0; i < c->words_n; i++)
		argv[i + 2] = c->words[i];
	try_beside(argv, "");
	try_beside(argv, "../sbin/");
	(void)execvp(weir, argv);
	cli_error("cannot execute weir: %s", strerror(errno));
	return CLI_FAILED;
}
