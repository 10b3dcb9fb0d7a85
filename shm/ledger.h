/* SPDX-License-Identifier: MIT
 *
 * What a process holds in stick tables: one record per tracked entry, in the region, so
 * that it can be given back when the process dies. A record changes inside the critical
 * section of the entry's bucket and is covered by its undo record; which records are free
 * is private to the process.
 */
#ifndef WEIR_SHM_LEDGER_H
#define WEIR_SHM_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct shm;

/* Two words: table + 1 and birth; bucket and way. Both 0: free. */
struct shm_ledger_record {
	_Atomic uint64_t what, where;
};

/* What becomes of a record. */
struct shm_ledger_change {
	uint32_t slot, record;
	bool is_held; /* false: it becomes free */
	uint32_t table, birth;
	uint64_t bucket;
	uint32_t way;
};

/* Before the lock of a bucket is taken for a change of the ledger: until that lock has
 * been seen free, an heir may put an old record back. */
void shm_ledger_note(struct shm *s, uint32_t table, uint64_t bucket);
/* What a slot noted last; false: nothing yet. */
bool shm_ledger_noted(const struct shm *s, uint32_t slot, uint32_t *table,
		      uint64_t *bucket);
void shm_ledger_forget(struct shm *s, uint32_t slot);
/* How many records of each ledger are in use. */
uint32_t shm_ledger_records_n(const struct shm *s);
/* A free record of this process, -1: none. */
int64_t shm_ledger_take(struct shm *s);
void shm_ledger_give(struct shm *s, uint32_t record);
/* Inside a critical section: the record as it is, for undo; and the change. */
void shm_ledger_save(const struct shm *s, const struct shm_ledger_change *c,
		     _Atomic uint64_t held[2]);
void shm_ledger_apply(struct shm *s, const struct shm_ledger_change *c);
/* The heir puts a record of a slot back. */
void shm_ledger_restore(struct shm *s, uint32_t slot, uint32_t record,
			const _Atomic uint64_t held[2]);
/* Makes a record free, outside of any critical section. */
void shm_ledger_clear(struct shm *s, uint32_t slot, uint32_t record);
/* What a record says; false: it is free. */
bool shm_ledger_read(const struct shm_ledger_record *r, struct shm_ledger_change *out);
struct shm_ledger_record *shm_ledger_at(const struct shm *s, uint32_t slot,
					uint32_t record);

#endif
