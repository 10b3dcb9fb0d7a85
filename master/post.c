/* SPDX-License-Identifier: MIT
 *
 * When to fill a post again: at once, so that a killed worker costs its own connections
 * and nothing else; but a worker that dies of its first request, again and again, must
 * not keep the machine busy with forks. Pure. Master.
 */
#include "master/post.h"

#include <string.h>

/* Whether the latest POST_FAULTS_N deaths lie close together. The delays in between do
 * not count: else a back-off would cure itself by waiting. */
static bool
keeps_dying(const struct post *post)
{
	uint64_t oldest_ms = post->fault_at_ms[POST_FAULTS_N - 1];
	return oldest_ms &&
	       post->fault_at_ms[0] - oldest_ms <=
		       POST_FAULTS_MS + (POST_FAULTS_N - 1) * post->backoff_ms;
}

uint64_t
post_died(struct post *post, bool is_own_fault, uint64_t now_ms)
{
	post->respawn_at_ms = now_ms;
	if (!is_own_fault)
		return 0;
	memmove(post->fault_at_ms + 1, post->fault_at_ms,
		sizeof(post->fault_at_ms) - sizeof(post->fault_at_ms[0]));
	post->fault_at_ms[0] = now_ms;
	if (!keeps_dying(post)) {
		post->backoff_ms = 0;
		return 0;
	}
	post->backoff_ms = post->backoff_ms ? post->backoff_ms * 2 : POST_BACKOFF_MIN_MS;
	if (post->backoff_ms > POST_BACKOFF_MAX_MS)
		post->backoff_ms = POST_BACKOFF_MAX_MS;
	post->respawn_at_ms = now_ms + post->backoff_ms;
	return post->backoff_ms;
}
