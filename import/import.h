/* SPDX-License-Identifier: MIT
 *
 * haproxy.cfg to weir's tree of a configuration. The places of its nodes are those of
 * haproxy.cfg, so that whatever the loader finds wrong is told there. weir-haproxy runs
 * the tree; weirctl import writes it as YAML.
 */
#ifndef WEIR_IMPORT_IMPORT_H
#define WEIR_IMPORT_IMPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "config/load.h"
#include "config/node.h"

/* What is told about a line. */
struct import_note {
	struct pos at;
	const char *text; /* what, and what to do */
	const char *raw;  /* the line; NULL: none */
	bool is_lost;	  /* it was not taken over; else it means something else here */
};

struct import_comment {
	struct pos at;	   /* where it stands */
	const char *text;  /* behind the '#' */
	unsigned for_line; /* of the same file; 0: nothing follows */
	bool is_written;
};

struct import {
	struct arena *arena;
	struct node *root;
	struct import_note *notes;
	size_t notes_n, lost_n;
	struct import_comment *comments;
	size_t comments_n;
};

struct import_request {
	const char *const *paths; /* files, or directories of *.cfg */
	size_t paths_n;
	bool keeps_variables; /* for YAML: "$X" becomes "${X}" */
	const char *local_name;
	/* Lines that are left out: the loader has refused them. */
	const struct import_refusal {
		const char *file;
		unsigned line;
		const char *why;
	} * refusals;
	size_t refusals_n;
};

/* Everything of the result is in the arena. */
struct import *import_read(struct arena *a, const struct import_request *r);

/* The same without what the loader refuses, which is told with the reason. */
struct import *import_check(struct arena *a, const struct import_request *r);

/* cfg_request.read of weir-haproxy: what is lost is an error. */
struct node *import_load(const struct cfg_request *r, struct arena *a,
			 struct report *report);

/* The tree as YAML, with the comments. */
void import_write(struct import *im, FILE *out);

/* -cc: 0 or 1; -1 with a reason. */
int import_check_condition(struct arena *a, const char *text, const char **err);
/* What HAProxy we stand for. */
#define IMPORT_HAPROXY_VERSION "3.2.0"
/* "+OPENSSL -LUA ..." */
void import_print_features(FILE *out);

#endif
