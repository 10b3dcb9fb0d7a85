/* SPDX-License-Identifier: MIT
 *
 * "clear counters": what people want to see begin at zero again.
 */
#ifndef WEIR_SHM_CLEAR_H
#define WEIR_SHM_CLEAR_H

#include "shm/object.h"

/* Highest values are as high as the present ones. */
void shm_clear_maxima(const struct shm_object *o);
/* Totals are 0: what they are by now is subtracted in the own lane, so that nobody who
 * counts meanwhile is overwritten. After shm_child_enter(). */
void shm_clear_totals(const struct shm *s, const struct shm_object *o);

#endif
