/* SPDX-License-Identifier: MIT
 *
 * The shared region as a process sees it: one handle, got by creating or adopting
 * it (master), entering it after fork (children) or attaching to it (weirctl).
 *
 * What a process needs to trust (offsets, sizes, limits) is copied into the
 * handle when it is made; the pages others can write hold only counts and states.
 */
#ifndef WEIR_SHM_REGION_H
#define WEIR_SHM_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shm;

enum shm_role {
	SHM_ROLE_MASTER,
	SHM_ROLE_WORKER,
	SHM_ROLE_CHECKER,
	SHM_ROLE_CONTROL,
	SHM_ROLES_N,
};

enum {
	SHM_NAME_BYTES =
		64, /* with the terminator; longer object names are refused at load */
	SHM_ADDR_BYTES = 128,
	SHM_CONFIG_WORDS_BYTES = 1024,
	SHM_ERROR_BYTES = 512,
	SHM_RELOAD_TEXT_BYTES = 8192,
};

enum shm_kind {
	SHM_GLOBAL,
	SHM_FRONTEND,
	SHM_LISTENER,
	SHM_BACKEND,
	SHM_SERVER,
	SHM_TABLE,
	SHM_KINDS_N,
};

/* What an object is: the facts the master takes from the configuration and writes
 * into the directory, which children map read-only. Found by kind + parent + name
 * (+ addr for servers and tables). */
struct shm_facts {
	enum shm_kind kind;
	char name[SHM_NAME_BYTES]; /* server: its name; listener: bind name or address */
	char parent[SHM_NAME_BYTES]; /* server: backend; listener: frontend; else "" */
	char addr[SHM_ADDR_BYTES]; /* server, listener: address as text; table: its shape
				    */
	char mode[8];		   /* "http", "tcp", "health" */
	char algo[16];		   /* backend: balance algorithm */
	uint32_t id;		   /* HAProxy's iid or sid */
	uint32_t parent_id;	   /* server, listener: the proxy's id */
	uint32_t maxconn;	   /* limit of the object's gauge; backend: fullconn */
	uint32_t weight;	   /* server: configured weight 0..256 */
	uint32_t rise, fall;	   /* server: check numbers; 0 when not checked */
	bool is_checked, is_backup, is_disabled;
	bool starts_down;	    /* server: what it is until checks say more */
	uint32_t minconn, maxqueue; /* server; 0: none */
	uint32_t rate_limit;	    /* new connections per second; 0: none */
	uint64_t area_bytes;	    /* table, queues of a backend: memory; 0: none */
	uint32_t slowstart_ms;	    /* server; 0: none */
	uint32_t sess_rate_limit;   /* the daemon: those that rules let in; 0: none */
	uint32_t place;		    /* server: among those of its backend */
	bool is_observed;	    /* server: errors of its traffic count against it */
	bool has_agent;		    /* server: it is asked for words */
	uint16_t check_port, agent_port; /* server: of their own; 0: its own */
	uint8_t membership;		 /* server: enum shm_membership (member.h) */
	uint8_t reserved[13];
	uint64_t text_hash; /* server that joined: of its text */
	uint8_t reserved2[8];
};

/* What the region must hold: filled by the master from a configuration. */
struct shm_geometry {
	const struct shm_facts *objects; /* [0] is the GLOBAL object */
	size_t objects_n;
	uint32_t workers_n;
	uint32_t generations_max;
	uint32_t ledger_n;   /* references into tables a process may hold; 0: none */
	const char *version; /* "1.0-dev" */
	const char *control_socket; /* absolute path or "" */
	uint64_t config_hash;	    /* of the configuration that the objects are from */
	const char *config_words;   /* switches that name it: "-f\0PATH\0\0", or NULL */
};

/* --- master ------------------------------------------------------------- */

/* Creates the region at path, or adopts the one that is there (same boot, same
 * layout, owned by us, regular file with one link) unless `fresh`. `unsafe_fs`
 * allows a file system other than tmpfs; otherwise /dev/shm/NAME is tried. The path
 * in use is shm_path(). On failure NULL with one line in err that names the
 * setting. *adopted tells which it was. `gid`: group of the file (mode 0640), or
 * (gid_t)-1. On success err is "" or one line to warn with (damage that was set
 * aside). The caller takes SHM_SLOT_MASTER and is running from here on; shm_commit()
 * comes next, before the first fork. */
struct shm *shm_open_master(const char *path, const struct shm_geometry *g, bool fresh,
			    bool unsafe_fs, uint32_t gid, bool *adopted,
			    char err[SHM_ERROR_BYTES]);
/* Whether this build could go on with the region at path; else err says why not. Changes
 * nothing. */
bool shm_can_adopt(const char *path, char err[SHM_ERROR_BYTES]);
/* Bytes a new region for g takes. */
uint64_t shm_bytes_needed(const struct shm_geometry *g);
/* Makes room for the objects of g before a reload is committed: new objects are
 * added to the directory (not visible as "current" yet). 0, or -1 with err. Nothing
 * is changed on failure. */
int shm_grow(struct shm *s, const struct shm_geometry *g, char err[SHM_ERROR_BYTES]);
/* Commits: facts of existing objects are updated (limits that decide are obeyed by
 * old workers from now on), objects not in g are marked as gone (they stay readable
 * until no generation uses them), new ones become current; runtime values whose
 * configured base changed are dropped (config wins over memory). */
void shm_commit(struct shm *s, const struct shm_geometry *g, uint64_t generation);
/* A reload begins to read the files: whoever asks from now on waits for the next one.
 * Ended by shm_reload_result(). */
void shm_reload_begin(struct shm *s);
/* Writes the result of a reload: ok, and the text shown by `weirctl reload --wait`. The
 * counters reload_ok and reload_failed are the caller's. */
void shm_reload_result(struct shm *s, bool ok, const char *text);
/* Marks the daemon as stopped (clean stop); the file stays. */
void shm_mark_stopped(struct shm *s);
void shm_close(struct shm **s);

/* --- children ------------------------------------------------------------ */

/* First call in a child after fork: maps header, directory, leases and identities
 * read-only, drops the descriptors, registers the robust list, remembers the slot
 * and lane. Aborts on failure. */
void shm_child_enter(struct shm *s, uint32_t slot);

/* --- weirctl --------------------------------------------------------------- */

enum shm_attach {
	SHM_ATTACH_OK,
	SHM_ATTACH_MISSING,
	SHM_ATTACH_PERMISSION,
	SHM_ATTACH_LAYOUT
};
/* Maps the region read-only after verifying it; a hostile file must not crash the
 * reader. err explains everything but OK. */
enum shm_attach shm_attach(const char *path, struct shm **out, char err[SHM_ERROR_BYTES]);

/* --- everybody -------------------------------------------------------------- */

const char *shm_path(const struct shm *s);

struct shm_info {
	char version[32];
	char boot_id[40];
	char control_socket[SHM_ADDR_BYTES];
	uint64_t config_hash;			   /* 0: unknown */
	char config_words[SHM_CONFIG_WORDS_BYTES]; /* "": unknown */
	uint32_t major, minor;
	uint32_t master_pid; /* 0: stopped cleanly */
	bool running;	     /* master_pid exists with the recorded start time */
	uint32_t orphans_n;  /* without a master: processes of it that serve on */
	uint64_t generation;
	uint32_t workers_n, slots_n, lanes_n;
	uint64_t size_bytes, used_bytes;
	uint64_t created_wall_s, started_wall_s; /* region made; this master started */
	uint64_t reloads_ok, reloads_failed;
	bool reload_last_ok;
	uint64_t reload_last_wall_s; /* 0: never */
	uint64_t reload_seq;	     /* +1 per finished reload, good or bad */
	bool reload_busy;	     /* one is under way, with the files as they were */
	char reload_text[SHM_RELOAD_TEXT_BYTES];
};
void shm_info(const struct shm *s, struct shm_info *out);
/* Whether the master has committed a newer one. */
bool shm_generation_is_over(const struct shm *s, uint64_t generation);

/* Verifies magic, checksums and invariants (conns == sum of held, cells within
 * bounds). Calls report() for each problem; returns their number. */
int shm_verify(const struct shm *s, void (*report)(void *arg, const char *text),
	       void *arg);

#endif
