/* SPDX-License-Identifier: MIT
 *
 * A file by its name in a directory that was opened before chroot, so that it is found
 * again afterwards, also when another one has taken its name.
 */
#ifndef WEIR_CONTROL_PLACE_H
#define WEIR_CONTROL_PLACE_H

struct place {
	int dir_fd;	  /* -1: it could not be opened, with errno */
	const char *name; /* part of the path it was opened with */
};

void place_open(struct place *p, const char *path);
void place_close(struct place *p);

#endif
