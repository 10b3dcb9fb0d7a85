/* SPDX-License-Identifier: MIT
 *
 * HAProxy's command line.
 */
#ifndef WEIR_HAPROXY_OPTIONS_H
#define WEIR_HAPROXY_OPTIONS_H

#include <stdint.h>
#include <stdio.h>

#include "master/options.h"

struct haproxy_options {
	struct options weir;   /* what the master understands */
	const char *condition; /* -cc */
	const char *import_to; /* --import: "-" or a file or directory */
	bool is_import;
	bool has_master;	   /* -W, -Ws */
	bool is_verbose;	   /* -V */
	uint64_t memory_bytes;	   /* -m, 0: no limit */
	const char *master_socket; /* -S */
};

/* 0, or -1 with what is wrong in err. */
int haproxy_options_parse(struct haproxy_options *o, int argc, char **argv,
			  char err[OPTIONS_ERROR_BYTES]);
void haproxy_options_free(struct haproxy_options *o);
void haproxy_options_help(FILE *out);

#endif
