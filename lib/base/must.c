/* SPDX-License-Identifier: MIT
 *
 * Assertions and allocations that may not fail. Any process.
 */
#include "lib/base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void
must_failed(const char *expr, const char *file, int line)
{
	dprintf(STDERR_FILENO, "weir[%d]: must(%s) failed at %s:%d\n", (int)getpid(),
		expr, file, line);
	abort();
}

void *
must_alloc(unsigned long bytes)
{
	void *p = malloc(bytes ? bytes : 1);
	must(p != NULL);
	return p;
}

void *
must_calloc(unsigned long n, unsigned long bytes)
{
	void *p = calloc(n ? n : 1, bytes ? bytes : 1);
	must(p != NULL);
	return p;
}

void *
must_realloc(void *p, unsigned long bytes)
{
	p = realloc(p, bytes ? bytes : 1);
	must(p != NULL);
	return p;
}
