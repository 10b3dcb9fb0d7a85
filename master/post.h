/* SPDX-License-Identifier: MIT
 *
 * A post: a place the current generation must fill (worker 3, the checker), and how its
 * holders died.
 */
#ifndef WEIR_MASTER_POST_H
#define WEIR_MASTER_POST_H

#include <stdbool.h>
#include <stdint.h>

enum {
	POST_FAULTS_N = 3,	/* so many deaths by own fault ... */
	POST_FAULTS_MS = 10000, /* ... in so long a time, and restarts slow down */
	POST_BACKOFF_MIN_MS = 100,
	POST_BACKOFF_MAX_MS = 5000,
};

struct post {
	uint64_t
		fault_at_ms[POST_FAULTS_N]; /* the latest deaths, newest first; 0: none */
	uint64_t backoff_ms;		    /* the last delay, 0: none */
	uint64_t respawn_at_ms;		    /* not before */
};

/* Its holder died. Sets when it may be filled again, and returns the delay: 0 unless it
 * keeps dying by its own fault. */
uint64_t post_died(struct post *post, bool is_own_fault, uint64_t now_ms);

#endif
