/* SPDX-License-Identifier: MIT
 *
 * Process titles, as ps and top show them.
 */
#ifndef WEIR_MASTER_TITLE_H
#define WEIR_MASTER_TITLE_H

/* Once, first thing in main(): remembers where the arguments lie and moves the
 * environment out of their way. */
void title_init(int argc, char **argv);
/* "weir: worker 3" as command line and (15 bytes of it) as name of the process. */
void title_set(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
