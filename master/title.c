/* SPDX-License-Identifier: MIT
 *
 * Process titles: /proc/PID/cmdline is the memory the kernel put the arguments into, so
 * writing there renames the process. The environment lies right behind and is moved to
 * the heap first. A last byte of the arguments that is not zero tells the kernel that a
 * title stands there, and it ends at its zero. Runs in the master, and in each child
 * right after fork.
 */
#include "master/title.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/base/must.h"

static struct {
	char *at;
	size_t args_bytes; /* what was the arguments */
	size_t bytes;	   /* and the environment */
	char **copies;	   /* of the environment, also of what is unset later */
} area;

static char *
copy(const char *s)
{
	size_t n = strlen(s) + 1;
	return memcpy(must_alloc(n), s, n);
}

void
title_init(int argc, char **argv)
{
	size_t env_n = 0;
	area.at = argv[0];
	char *end = argv[0];
	/* one stretch of strings, first the arguments, then the environment */
	for (int i = 0; i < argc; i++)
		if (argv[i] == end)
			end += strlen(end) + 1;
	area.args_bytes = (size_t)(end - area.at);
	for (; environ[env_n]; env_n++)
		if (environ[env_n] == end)
			end += strlen(end) + 1;
	area.bytes = (size_t)(end - area.at);
	char **env = must_calloc(env_n + 1, sizeof(*env));
	area.copies = must_calloc(env_n + 1, sizeof(*env));
	for (size_t i = 0; i < env_n; i++)
		env[i] = area.copies[i] = copy(environ[i]);
	environ = env;
	/* argv itself stays in use (file names), so it moves as well */
	for (int i = 0; i < argc; i++)
		argv[i] = copy(argv[i]);
}

void
title_set(const char *fmt, ...)
{
	char text[64];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (n < 0)
		return;
	(void)prctl(PR_SET_NAME, text);
	if (area.bytes < 2)
		return;
	size_t length = strlen(text) < area.bytes ? strlen(text) : area.bytes - 1;
	memset(area.at, 0, area.bytes);
	memcpy(area.at, text, length);
	if (length + 1 < area.args_bytes)
		area.at[area.args_bytes - 1] = '.';
}
