/* SPDX-License-Identifier: MIT
 *
 * weir, the program: reads the command line and does what it says.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "master/command.h"
#include "master/title.h"

int
main(int argc, char **argv)
{
	struct options o;
	char err[OPTIONS_ERROR_BYTES];
	title_init(argc, argv);
	if (options_parse(&o, argc, argv, err)) {
		fprintf(stderr, "weir: %s; see weir --help\n", err);
		options_free(&o);
		return 1;
	}
	int status = 1;
	if (o.request.chdir && chdir(o.request.chdir))
		fprintf(stderr, "weir: -C %s: %s\n", o.request.chdir, strerror(errno));
	else
		status = command_do(&o);
	options_free(&o);
	return fflush(stdout) ? 1 : status;
}
