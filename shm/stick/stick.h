/* SPDX-License-Identifier: MIT
 *
 * Stick tables: keys and what is counted for them, over all workers. Set-associative:
 * the hash of a key names a bucket, which has its own robust lock and undo record, so
 * that a process killed at any instruction leaves every entry as it was before or after
 * the change, never between. Readers take no lock.
 *
 * An update returns the values as they were inside its critical section: two requests
 * never see the same count.
 */
#ifndef WEIR_SHM_STICK_STICK_H
#define WEIR_SHM_STICK_STICK_H

#include "shm/object.h"
#include "lib/base/stick_spec.h"
#include "shm/tokens.h"

/* A table as a process sees it; private, made once. */
struct shm_stick {
	struct stick_spec spec;
	unsigned char *memory; /* of the region */
	uint32_t table;	       /* index of its object in the directory */
	uint32_t counters;     /* of its first counter in a lane */
	uint16_t cell_of[STICK_VALUES_MAX];
	uint32_t period_of[STICK_VALUES_MAX]; /* 0: not a rate */
	unsigned char *scratch;		      /* one entry */
};

/* An entry somebody has found, valid as long as it holds a reference on it. */
struct shm_stick_ref {
	uint64_t bucket;
	uint32_t way, birth;
	uint32_t record; /* in the ledger of this process, + 1; 0: none */
};

enum shm_stick_act { SHM_STICK_ADD, SHM_STICK_TAKE_AWAY, SHM_STICK_SET };

/* A change of one value (index in the view). Rates know ADD and SET 0; what is taken away
 * stops at 0. */
struct shm_stick_op {
	uint16_t value;
	uint8_t act; /* enum shm_stick_act */
	uint64_t n;
};

enum {
	SHM_STICK_CREATE = 1, /* a key that is not there is added */
	SHM_STICK_HOLD = 2,   /* take a reference: *ref is filled */
	SHM_STICK_LEAVE = 4,  /* give the reference of *ref back */
	SHM_STICK_KEEP = 8,   /* do not put its expiry off */
};

/* A limit by tokens: so many per period of a rate of the table, and `burst` more when
 * they were not used before (tokens.h). */
struct shm_stick_limit {
	uint16_t tokens_value; /* index of the rate in the view */
	int32_t refused_value; /* of what counts refusals; -1: nothing does */
	uint64_t tokens, burst;
};

enum shm_stick_result {
	SHM_STICK_OK,
	SHM_STICK_NEW,	/* likewise; the key was added */
	SHM_STICK_NONE, /* no such key; a reference to an entry that is gone */
	SHM_STICK_FULL, /* not added: nothing could make way; no room in the ledger */
	SHM_STICK_BUSY, /* the lock's owner does not run: try again, 1 ms later say */
};

/* The memory of a table for a spec: zeroed bytes become an empty table. */
void shm_stick_format(void *memory, const struct stick_spec *spec);
/* The handle; false: the memory is not a table of that spec. */
bool shm_stick_init(struct shm_stick *t, const struct stick_spec *spec,
		    const struct shm_object *o);
/* The same for those without configuration: by what the memory says of itself, checked
 * against the size on the trusted pages. */
bool shm_stick_open(struct shm_stick *t, const struct shm_object *o);
void shm_stick_fini(struct shm_stick *t);
/* Master: gives back what a dead process held; false: something was busy, try again. */
bool shm_stick_release(struct shm *s, uint32_t slot);
/* Adoption: locks of all tables whose owner is_alive() does not know are left behind. */
void shm_stick_bury(struct shm *s, bool (*is_alive)(void *arg, uint32_t tid), void *arg);

/* The key as stored: exactly spec.key_bytes bytes, zeros behind. Longer ones are cut, as
 * HAProxy does. Returns `out`. */
const void *shm_stick_key(const struct shm_stick *t, const void *bytes, size_t n,
			  unsigned char out[STICK_KEY_BYTES_MAX]);

/* Changes the entry of a key. values: the view after it, spec.values_n numbers (rates as
 * events per period), or NULL. */
enum shm_stick_result shm_stick_update(struct shm *s, struct shm_stick *t,
				       const void *key, uint64_t now_ms,
				       const struct shm_stick_op *ops, unsigned ops_n,
				       unsigned flags, struct shm_stick_ref *ref,
				       uint64_t *values);
/* The same for an entry that is held. */
enum shm_stick_result shm_stick_update_ref(struct shm *s, struct shm_stick *t,
					   struct shm_stick_ref *ref, uint64_t now_ms,
					   const struct shm_stick_op *ops, unsigned ops_n,
					   unsigned flags, uint64_t *values);
/* Takes a token for a key, which is added when it is not there. */
enum shm_stick_result shm_stick_take(struct shm *s, struct shm_stick *t, const void *key,
				     uint64_t now_ms, const struct shm_stick_limit *l,
				     struct shm_token *out);
/* Puts a key there as a file has it (stick_snapshot.c), unless it is there already: its
 * cells, and when it was used last, both in the table's time. */
enum shm_stick_result shm_stick_restore(struct shm *s, struct shm_stick *t,
					const void *key, uint64_t used_ms,
					const uint64_t *cells);
/* Removes a key, also one that is held (it starts anew then). */
enum shm_stick_result shm_stick_remove(struct shm *s, struct shm_stick *t,
				       const void *key);

/* What a reader sees. */
struct shm_stick_view {
	unsigned char key[STICK_KEY_BYTES_MAX];
	uint64_t values[STICK_VALUES_MAX];
	uint64_t expires_in_ms; /* 0: never, or a tracked one */
	uint32_t refs;
};

/* Without a lock: OK, NONE or BUSY (it never held still). */
enum shm_stick_result shm_stick_read(const struct shm_stick *t, const void *key,
				     uint64_t now_ms, struct shm_stick_view *out);
/* Goes through all entries that have not expired; *at starts at 0. NONE: the end; BUSY:
 * one was left out. */
enum shm_stick_result shm_stick_each(const struct shm_stick *t, uint64_t *at,
				     uint64_t now_ms, struct shm_stick_view *out);
/* Reports the entries that have more references than the ledgers say. */
struct shm_stick_odd {
	uint64_t bucket;
	uint32_t way, refs, held;
};
void shm_stick_verify(const struct shm *s, const struct shm_object *o,
		      void (*report)(void *arg, const struct shm_stick_odd *odd),
		      void *arg);
/* Entries, expired ones among them. */
uint64_t shm_stick_used(const struct shm_stick *t);
/* Those that have not expired. */
uint64_t shm_stick_live(const struct shm_stick *t, uint64_t now_ms);

#endif
