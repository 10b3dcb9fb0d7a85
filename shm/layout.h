/* SPDX-License-Identifier: MIT
 *
 * What lies where in the region, and the handle of a process. For the files of shm/
 * alone. docs/shm.md has the drawing.
 *
 *   trusted (children map it read-only): header | leases | identities of slots |
 *     descriptions of counters | result of the last reload | directory
 *   writable: slots | records (one per object) | lanes (counters) | ledgers (references
 *     of each process) | areas (memory of objects: stick tables)
 *
 * Every part has room for its maximum, so the file is large and sparse, mapped once and
 * never moved; what is used is allocated at creation and in shm_grow(). Reading a hole
 * of a file on tmpfs allocates, so readers never look beyond what is in use.
 */
#ifndef WEIR_SHM_LAYOUT_H
#define WEIR_SHM_LAYOUT_H

#include <limits.h>
#include <stdatomic.h>

#include "shm/counters.h"
#include "shm/gauge.h"
#include "shm/hand.h"
#include "shm/health.h"
#include "shm/ledger.h"
#include "shm/lock.h"
#include "shm/object.h"
#include "shm/slots.h"

#define SHM_MAGIC	 0x316d687372696577ULL /* "weirshm1" */
#define SHM_RECORD_MAGIC 0x63657277U	       /* "wrec" */

enum {
	SHM_MAJOR = 4, /* another one is refused */
	SHM_MINOR = 5, /* something was appended */
	SHM_PAGE = 4096,
	SHM_LINE = 64,
	SHM_CELLS = 48, /* counters of one object, with room to append */
	SHM_BOOT_ID_BYTES = 40,
	SHM_VERSION_BYTES = 32,
	SHM_LANES_EXTRA = 3, /* behind the workers': checker, control, master */
	/* Bounds that a region from elsewhere is checked against. */
	SHM_LANES_LIMIT = 1 << 14,
	SHM_SLOTS_LIMIT = 1 << 15,
	SHM_OBJECTS_LIMIT = 1 << 20,
	SHM_LEDGER_LIMIT = 1 << 24, /* records of one ledger */
};

/* --- the trusted part: written by the master alone -------------------------- */

/* Where things are: fixed when the region is made, checked when it is met. */
struct shm_layout {
	uint64_t size_bytes, trusted_bytes;
	uint64_t leases_off, identities_off, descs_off, reload_off, entries_off;
	uint64_t slots_off, records_off, lanes_off, ledgers_off, areas_off;
	uint64_t lane_bytes, ledger_bytes; /* strides */
	uint64_t areas_bytes;		   /* room for memory of objects, all told */
	uint32_t identity_bytes, entry_bytes, slot_bytes, record_bytes; /* strides */
	uint32_t gauge_off;						/* in a record */
	uint32_t cells_n; /* counters of one object in a lane */
	uint32_t workers_max, lanes_n, slots_n, objects_max;
};

/* What the master says of itself; read under header.live_seq. */
struct shm_live {
	uint32_t master_pid, workers_n;
	uint64_t master_start_time, generation, started_wall_s, used_bytes;
	char version[SHM_VERSION_BYTES];
	char control_socket[SHM_ADDR_BYTES];
	uint64_t config_hash;			   /* 0: of a build before minor 1 */
	char config_words[SHM_CONFIG_WORDS_BYTES]; /* each ends with a 0, the last by two
						    */
};

struct shm_header {
	/* These three stay where they are in every major. */
	uint64_t magic;
	uint32_t major, header_bytes;
	char boot_id[SHM_BOOT_ID_BYTES];

	struct shm_layout layout;
	uint64_t created_wall_s;
	uint64_t checksum; /* of everything above */

	uint32_t minor;
	_Atomic uint32_t shape;	    /* +1 whenever an index stands for another object */
	_Atomic uint32_t objects_n; /* entries and records in use */
	_Atomic uint32_t workers_n; /* worker lanes in use: never shrinks */
	_Atomic uint64_t epoch;	    /* the last one given to a slot */
	_Atomic uint32_t counters_n[SHM_KINDS_N];
	_Atomic uint32_t ledger_n; /* records in use of each ledger: never shrinks */
	_Atomic uint32_t live_seq;
	struct shm_live live;
};
_Static_assert(sizeof(struct shm_header) <= SHM_PAGE, "header is one page");
/* Of minor 0; what was appended is 0 in a region of that one. */
enum {
	SHM_HEADER_BYTES_MIN =
		offsetof(struct shm_header, live) + offsetof(struct shm_live, config_hash)
};
_Static_assert(offsetof(struct shm_header, boot_id) == 16, "stable over majors");

/* Result of the last reload; read under seq. */
struct shm_reload_data {
	uint64_t ok, failed, last_wall_s, seq;
	uint32_t last_ok, is_busy; /* is_busy: one is under way */
	char text[SHM_RELOAD_TEXT_BYTES];
};

struct shm_reload {
	_Atomic uint32_t seq;
	uint32_t reserved;
	struct shm_reload_data data;
};

/* owner[role]: epoch << 16 | slot; 0: nobody. */
struct shm_leases {
	_Atomic uint64_t owner[SHM_ROLES_N];
};
_Static_assert(SHM_SLOTS_LIMIT <= 1 << 16, "a slot fits into 16 bits of a lease");

/* Who a slot is; read under seq. pid 0: nobody. */
struct shm_identity_data {
	uint32_t pid, index, role, reserved;
	uint64_t generation, epoch, start_time, started_wall_s;
};

struct shm_identity {
	_Atomic uint32_t seq;
	uint32_t reserved;
	struct shm_identity_data data;
	uint8_t pad[8];
};
_Static_assert(sizeof(struct shm_identity) == SHM_LINE, "one line per identity");

enum shm_entry_state {
	SHM_ENTRY_FREE,
	SHM_ENTRY_PENDING, /* room was made, not committed */
	SHM_ENTRY_CURRENT,
	SHM_ENTRY_GONE, /* not configured any more */
};

/* What the directory says of an object. Its record and its cells follow from the
 * index; they are told for readers who do not know this code. */
struct shm_entry_data {
	uint64_t checksum; /* of what follows, seeded with the index */
	uint64_t identity; /* hash of kind, parent, name, addr */
	uint64_t record_off;
	uint64_t gone_generation; /* GONE: the first generation that does without it */
	uint64_t area_off, area_bytes; /* memory of its own; 0: none */
	uint32_t state, cells;
	struct shm_facts facts;
};

struct shm_entry {
	_Atomic uint32_t seq;
	uint32_t index;
	struct shm_entry_data data;
};
_Static_assert(sizeof(struct shm_facts) == 384, "facts have no accidental padding");
_Static_assert(sizeof(struct shm_entry) == 7 * SHM_LINE, "entries keep to their lines");

/* --- the writable part --------------------------------------------------------- */

/* Two lines: written by the process itself, the mailbox by anybody. */
struct shm_slot {
	_Atomic uint32_t state, conns;
	_Atomic uint64_t heartbeat_ms, wake_at_ms;
	_Atomic uint32_t waiting[4];
	_Atomic uint64_t bucket; /* ledger.c: where it changes its ledger, or did last */
	_Atomic uint64_t leave_at_ms; /* draining: gives up then; 0: never */
	_Atomic uint64_t section;     /* lock.h */
	_Atomic uint32_t mail;
	uint8_t pad2[60];
};
_Static_assert(sizeof(struct shm_slot) == 2 * SHM_LINE, "two lines per slot");
_Static_assert(offsetof(struct shm_slot, mail) == SHM_LINE, "mail has its own line");

/* cur == sum of held. seq is odd while the undo record is valid. */
struct shm_gauge {
	_Atomic uint32_t lock;
	_Atomic uint32_t seq;
	_Atomic uint32_t cur, max;
	_Atomic uint32_t undo_slot, undo_cur, undo_held;
	uint32_t reserved;
	/* who waits until it falls: bit slot % 64; a hint, outside of the lock */
	_Atomic uint64_t awaited;
	_Atomic uint32_t woken; /* bit that was woken last */
	uint32_t reserved2[5];
	_Atomic uint32_t held[]; /* per slot */
};
_Static_assert(sizeof(struct shm_gauge) == SHM_LINE, "what a take touches is one line");

struct shm_record {
	uint32_t magic, bytes, index, reserved;
	struct shm_rates rates;
	struct shm_hands hands;
	union {
		struct shm_server server;
		struct shm_backend backend;
		_Atomic uint64_t throttles[SHM_THROTTLES_N];
		uint8_t room[576];
	};
	/* struct shm_gauge at layout.gauge_off */
};
_Static_assert(sizeof(struct shm_rates) == 48, "rates end their line");
_Static_assert(sizeof(struct shm_server) == 568, "layout of a server");
_Static_assert(sizeof(struct shm_backend) == 64, "layout of a backend");
_Static_assert(sizeof(struct shm_record) == 11 * SHM_LINE, "the gauge starts a line");

/* --- the handle (private memory, inherited by fork) ---------------------------- */

/* What the master knows of a slot. */
enum shm_slot_use {
	SHM_SLOT_IS_FREE,
	SHM_SLOT_IS_USED,
	SHM_SLOT_IS_RELEASING, /* reaped, but a gauge was busy */
	SHM_SLOT_IS_ORPHAN,    /* of the master before us, still alive */
};

struct shm_index;

struct shm {
	unsigned char *base;
	struct shm_lock_self lock;
	uint32_t slot;	  /* own */
	uint32_t debts_n; /* gauges with a change not applied yet */
	bool is_reader;	  /* weirctl: nothing may be written */

	struct shm_layout at; /* private copy: what the pages say later is not asked */
	enum shm_role role;
	uint64_t lease; /* as it must stand in leases.owner[role] to be ours */

	int32_t *debt;	   /* per object */
	uint32_t *debtors; /* indices with debt != 0, debts_n of them */

	/* master */
	uint8_t *slot_use;     /* enum shm_slot_use, per slot */
	uint32_t unreleased_n; /* RELEASING or ORPHAN */
	struct shm_live live;  /* what stands in the header */
	struct shm_reload_data *reload;
	int rw_fd, ro_fd;

	struct shm_index *index; /* names to entries */
	/* records of the own ledger: those from ledger_used_n on were never used */
	uint32_t *ledger_free;
	uint32_t ledger_free_n, ledger_used_n;
	char path[PATH_MAX];
};

static inline struct shm_header *
shm_header(const struct shm *s)
{
	return (struct shm_header *)(void *)s->base;
}

static inline struct shm_leases *
shm_leases(const struct shm *s)
{
	return (struct shm_leases *)(void *)(s->base + s->at.leases_off);
}

static inline struct shm_reload *
shm_reload(const struct shm *s)
{
	return (struct shm_reload *)(void *)(s->base + s->at.reload_off);
}

static inline struct shm_identity *
shm_identity(const struct shm *s, uint32_t slot)
{
	return (struct shm_identity *)(void *)(s->base + s->at.identities_off +
					       (uint64_t)slot * s->at.identity_bytes);
}

static inline struct shm_slot *
shm_slot(const struct shm *s, uint32_t slot)
{
	return (struct shm_slot *)(void *)(s->base + s->at.slots_off +
					   (uint64_t)slot * s->at.slot_bytes);
}

static inline struct shm_counter_desc *
shm_desc(const struct shm *s, enum shm_kind kind, uint32_t i)
{
	return (struct shm_counter_desc *)(void *)(s->base + s->at.descs_off) +
	       (size_t)kind * s->at.cells_n + i;
}

static inline struct shm_entry *
shm_entry(const struct shm *s, uint32_t i)
{
	return (struct shm_entry *)(void *)(s->base + s->at.entries_off +
					    (uint64_t)i * s->at.entry_bytes);
}

static inline struct shm_record *
shm_record(const struct shm *s, uint32_t i)
{
	return (struct shm_record *)(void *)(s->base + s->at.records_off +
					     (uint64_t)i * s->at.record_bytes);
}

static inline struct shm_gauge *
shm_gauge_of(const struct shm *s, uint32_t i)
{
	return (struct shm_gauge *)(void *)((unsigned char *)shm_record(s, i) +
					    s->at.gauge_off);
}

static inline _Atomic uint64_t *
shm_cells(const struct shm *s, uint32_t lane)
{
	return (_Atomic uint64_t *)(void *)(s->base + s->at.lanes_off +
					    (uint64_t)lane * s->at.lane_bytes);
}

/* --- file.c --- */

/* Writes one line to err; false, to be returned. */
bool shm_fail(char err[SHM_ERROR_BYTES], const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* --- layout.c ----------------------------------------------------------------- */

/* The layout of a new region for g; false with err when g is too large. */
bool shm_layout_plan(const struct shm_geometry *g, struct shm_layout *out,
		     char err[SHM_ERROR_BYTES]);
/* How much of it is in use. */
struct shm_extent {
	uint64_t objects_n;
	uint32_t workers_n, ledger_n;
};
/* Bytes in use, without areas. */
uint64_t shm_layout_used(const struct shm_layout *at, const struct shm_extent *use);
/* Calls fn for each stretch of the file in use but areas, until one call fails; returns
 * what that call returned. */
int shm_layout_each(const struct shm_layout *at, const struct shm_extent *use,
		    int (*fn)(void *arg, uint64_t off, uint64_t bytes), void *arg);
uint64_t shm_header_checksum(const struct shm_header *h);
/* Whether a header (a private copy) describes a region that fits into a file of that
 * size and that this code can use. On false `err` says why; *is_ours tells whether it
 * is a region at all. */
bool shm_header_check(const struct shm_header *h, uint64_t file_bytes,
		      char err[SHM_ERROR_BYTES]);

/* Kinds that are told apart by their address as well. */
static inline bool
shm_kind_has_addr(enum shm_kind kind)
{
	return kind == SHM_SERVER || kind == SHM_TABLE;
}
/* --- area.c -------------------------------------------------------------------- */
/* Memory of an object; NULL: it has none, or the entry lies. */
void *shm_area_at(const struct shm *s, const struct shm_entry_data *d);
/* Bytes of all areas. */
uint64_t shm_areas_used(const struct shm *s);
/* Gives the areas of objects back that no generation uses. Master. */
void shm_areas_release(struct shm *s);
/* Finds room for one more and allocates it, zeroed; false with err. Master. */
bool shm_area_take(struct shm *s, uint64_t bytes, uint64_t *off,
		   char err[SHM_ERROR_BYTES]);
/* --- directory.c --------------------------------------------------------------- */

/* A checked copy of an entry; false when it is free, damaged or out of range. */
bool shm_entry_read(const struct shm *s, uint32_t i, struct shm_entry_data *out);
void shm_entry_write(struct shm *s, uint32_t i, struct shm_entry_data *d);
uint64_t shm_facts_identity(const struct shm_facts *f);
/* Index of the entry for exactly these names and that address, -1: none. */
int64_t shm_directory_lookup(const struct shm *s, const struct shm_facts *f);
/* The oldest generation that still has a process; UINT64_MAX: none. */
uint64_t shm_oldest_generation(const struct shm *s);
void shm_record_reset(struct shm *s, uint32_t i);
/* Adoption: sets damaged entries and records aside; returns how many. */
unsigned shm_directory_mend(struct shm *s);
/* The master has written a new entry for f at i. */
void shm_index_add(struct shm *s, const struct shm_facts *f, uint32_t i);
/* The handle of an entry that was read. */
void shm_object_fill(const struct shm *s, uint32_t i, const struct shm_entry_data *d,
		     struct shm_object *out);
void shm_index_free(struct shm *s);
/* Zeros the counters of an entry in every lane. */
void shm_cells_clear(struct shm *s, uint32_t i);

/* --- grow.c -------------------------------------------------------------------- */

/* The entry that shm_grow() made for f is current, and says what f says; its index. */
uint32_t shm_entry_commit(struct shm *s, const struct shm_facts *f);
/* member.c: those that joined are others now. */
void shm_members_changed(struct shm *s, const char *backend);
/* The words of a server nobody knew. */
void shm_server_begin(struct shm *s, uint32_t i, const struct shm_facts *f);

/* --- counters.c ---------------------------------------------------------------- */

/* Writes the descriptions of this build. */
void shm_counters_describe(struct shm *s);
/* Whether the region's descriptions and ours agree as far as the shorter goes. */
bool shm_counters_agree(const struct shm *s, char err[SHM_ERROR_BYTES]);

/* --- gauge.c --------------------------------------------------------------------- */

/* Takes away what a dead process held; false: busy, try again. */
bool shm_gauge_drop(struct shm *s, struct shm_gauge *g, uint32_t slot);
/* cur := sum of held, under the lock; false: busy. */
bool shm_gauge_recount(struct shm *s, struct shm_gauge *g);
/* Whether what is held adds up, and is held by processes. */
bool shm_gauge_is_sound(struct shm *s, struct shm_gauge *g);
/* Nobody holds anything any more, whoever has the lock. */
void shm_gauge_renew(struct shm *s, struct shm_gauge *g);
/* A consistent look; false when it never held still. */
bool shm_gauge_sum(const struct shm *s, const struct shm_gauge *g, uint32_t *cur,
		   uint64_t *held);

/* --- slots.c --------------------------------------------------------------------- */

/* Start time of a process in clock ticks since boot, 0: there is none. */
uint64_t shm_process_start_time(uint32_t pid);
/* Whether that process runs (start_time 0: any process of that pid). A zombie does
 * not: it holds nothing any more. */
bool shm_process_is_alive(uint32_t pid, uint64_t start_time);
void shm_identity_read(const struct shm *s, uint32_t slot, struct shm_identity_data *out);
void shm_identity_write(struct shm *s, uint32_t slot, const struct shm_identity_data *d);
/* Adoption: slots of dead processes are given back, living ones become orphans. */
void shm_slots_adopt(struct shm *s);
/* Goes on with slots that could not be given back; true when none is left. */
bool shm_slots_settle(struct shm *s);
/* Takes the leases away that no living process holds, and the master's. */
void shm_leases_sweep(struct shm *s);
/* The handle becomes the process of that slot: lane, lease, robust list. */
void shm_self_enter(struct shm *s, uint32_t slot);
/* The same for the master before it has a slot: it adopts. */
void shm_self_enter_master(struct shm *s);

/* --- region.c --------------------------------------------------------------------- */

/* Publishes s->live. */
void shm_live_publish(struct shm *s);

#endif
