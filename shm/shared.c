/* SPDX-License-Identifier: MIT
 *
 * Memory of a generation (shared.h). Any process.
 */
#include "shm/shared.h"

#include <sys/mman.h>

#include "lib/base/clock.h"
#include "shm/layout.h"

void *
shm_shared_new(uint64_t bytes)
{
	void *p = bytes ? mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
			: MAP_FAILED;
	return p == MAP_FAILED ? NULL : p;
}

void
shm_shared_free(void **p, uint64_t bytes)
{
	if (*p)
		(void)munmap(*p, bytes);
	*p = NULL;
}

bool
shm_shared_lock(struct shm *s, _Atomic uint32_t *word, unsigned patience_ms)
{
	uint64_t until_ms = clock_mono_ms() + patience_ms;
	while (shm_lock_take(&s->lock, word) == SHM_LOCK_BUSY)
		if (clock_mono_ms() >= until_ms)
			return false;
	return true;
}

void
shm_shared_unlock(struct shm *s, _Atomic uint32_t *word)
{
	shm_lock_give(&s->lock, word);
}
