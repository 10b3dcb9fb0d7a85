/* SPDX-License-Identifier: MIT
 *
 * What a table knew before it was given another shape.
 */
#ifndef WEIR_SHM_STICK_MOVE_H
#define WEIR_SHM_STICK_MOVE_H

#include "shm/stick/stick.h"

enum shm_stick_moving {
	SHM_STICK_NOTHING,    /* it is not new, or had no former shape */
	SHM_STICK_OTHER_KEYS, /* another type or length: nothing can move */
	SHM_STICK_MOVES,
};

struct shm_stick_move {
	struct shm_stick from, to;
	uint32_t lost; /* bits, 1 << enum stick_type: not stored any more, or fewer */
	uint64_t moved_n;
	/* its own business */
	uint64_t at;
	unsigned ops_n;
	struct shm_stick_op ops[STICK_VALUES_MAX];
	uint16_t source[STICK_VALUES_MAX];
	struct shm_stick_view view;
};

/* Whether the table has a former one; each table is asked once in its life. */
enum shm_stick_moving shm_stick_move_begin(struct shm_stick_move *m, const struct shm *s,
					   const struct shm_object *table);
/* At most so many entries; false: that was all. Rates begin a new period with what they
 * were; what is tracked now stays in the former table. */
bool shm_stick_move_some(struct shm_stick_move *m, struct shm *s, uint64_t now_ms,
			 unsigned most);
void shm_stick_move_end(struct shm_stick_move *m);

#endif
