/* SPDX-License-Identifier: MIT
 *
 * The region's file, as the master handles it: where it may lie, opening one that is
 * there, making one under a temporary name, taking room. For the files of shm/ alone.
 * Every failure leaves one line in err that names the setting.
 */
#ifndef WEIR_SHM_FILE_H
#define WEIR_SHM_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/layout.h"

/* Where the region goes when `path` is asked for: there when it is on tmpfs (or
 * unsafe_fs), else /dev/shm/NAME. Makes the directory (0755) when it is missing. */
bool shm_file_place(const char *path, bool unsafe_fs, char out[PATH_MAX],
		    char err[SHM_ERROR_BYTES]);
/* Where a reader finds what shm_file_place() placed elsewhere; false: nowhere else. */
bool shm_file_elsewhere(const char *path, char out[PATH_MAX]);

enum shm_file { SHM_FILE_OPEN, SHM_FILE_MISSING, SHM_FILE_REFUSED };
/* Opens an existing region for writing: only a regular file of ours with one link. */
enum shm_file shm_file_open(const char *path, int *fd, uint64_t *bytes,
			    char err[SHM_ERROR_BYTES]);
/* Makes a sparse file of that size under a temporary name, written to `temp`. */
int shm_file_create(const char *path, uint64_t bytes, char temp[PATH_MAX],
		    char err[SHM_ERROR_BYTES]);
/* Mode 0640 and the group (unless -1). */
bool shm_file_protect(int fd, const char *path, uint32_t gid, char err[SHM_ERROR_BYTES]);
/* A second descriptor of the same file that can't become writable, or -1. */
int shm_file_readonly(const char *path, int rw_fd, char err[SHM_ERROR_BYTES]);
/* Takes room for that much use, and says no when `areas_bytes` more would not fit; what
 * is there already stays. `has_bytes` is what is taken now. false: no space; what is in
 * the file is unchanged. */
bool shm_file_allocate(int fd, const char *path, const struct shm_layout *at,
		       const struct shm_extent *use, uint64_t areas_bytes,
		       uint64_t has_bytes, char err[SHM_ERROR_BYTES]);
/* The boot id of this machine, "" when it can't be read. */
void shm_boot_id(char out[SHM_BOOT_ID_BYTES]);

#endif
