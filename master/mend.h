/* SPDX-License-Identifier: MIT
 *
 * What a crash may have left, or come from: damage in the region. Master.
 */
#ifndef WEIR_MASTER_MEND_H
#define WEIR_MASTER_MEND_H

#include "master/self.h"

enum {
	MEND_DEATHS_N = 3,	/* so many deaths inside of one object ... */
	MEND_WITHIN_MS = 60000, /* ... in so long a time, and it is made new */
};

/* A process died in a critical section of that object. True when it is the last straw;
 * then its deaths are forgotten. Pure. */
bool mend_is_killer(struct mend_deaths *all, int64_t object, uint64_t now_ms);

/* A child ended like this; before what it held is given back. */
void mend_after(const struct proc *p, int status);

#endif
