/* SPDX-License-Identifier: MIT
 *
 * A server's state: the health word (writer: checker), the admin word (writer:
 * control), the record of the last check (writer: checker), and the one pure
 * function that makes an effective state of them.
 */
#ifndef WEIR_SHM_HEALTH_H
#define WEIR_SHM_HEALTH_H

#include <stddef.h>

#include "shm/address.h"
#include "shm/object.h"

enum shm_health {
	SHM_HEALTH_UNKNOWN, /* not checked (counts as UP), or not checked yet */
	SHM_HEALTH_DOWN,
	SHM_HEALTH_UP,
	SHM_HEALTH_NOLB, /* up, but asks for no new sessions (disable_on_404) */
};

enum { SHM_WEIGHT_CONFIGURED = 0xffff, SHM_WEIGHT_MAX = 256 };

/* The health word, unpacked. */
struct shm_health_word {
	enum shm_health state;
	uint8_t seq;	  /* +1 per change */
	uint32_t since_s; /* CLOCK_BOOTTIME seconds of the last change of state */
};

/* What people want checks to have said. */
enum shm_wish { SHM_WISH_NONE, SHM_WISH_UP, SHM_WISH_DOWN, SHM_WISH_NOLB };

/* The admin word, unpacked. */
struct shm_admin_word {
	bool maint;		  /* by hand: no traffic, no checks */
	bool drain;		  /* by hand: no new sessions, checks go on */
	bool config_disabled;	  /* what `disabled` said when maint was last decided */
	uint16_t weight;	  /* by hand, 0..256, or SHM_WEIGHT_CONFIGURED */
	uint16_t config_weight;	  /* the configured weight it was based on */
	bool no_check;		  /* by hand: health is not checked, it stays as it is */
	enum shm_wish wish;	  /* by hand: the state until the next check says more */
	uint8_t wish_seq;	  /* +1 per wish */
	bool no_agent;		  /* by hand: its agent is not asked */
	enum shm_wish agent_wish; /* by hand: what its agent is taken to have said */
	uint8_t agent_wish_seq;	  /* +1 per wish */
};

/* The last check: a sequence lock around plain fields. */
struct shm_check {
	_Atomic uint32_t seq; /* odd: being written */
	uint32_t status; /* index in checker's table of results; text in `status_text` */
	uint32_t code;	 /* HTTP status, 0: none */
	uint32_t duration_ms;
	uint32_t counter;     /* consecutive results towards rise or fall */
	uint32_t state;	      /* enum shm_health, behind it */
	uint64_t at_boot_ms;  /* when it ended, 0: never */
	char status_text[16]; /* "L4OK", "L7STS" ... (management.txt 9.1 check_status) */
	char desc[96];	      /* "Layer4 connection problem: Connection refused" */
};

/* Behind its sequence number. */
enum { SHM_CHECK_SEQ_BYTES = offsetof(struct shm_check, status) };
_Static_assert((sizeof(struct shm_check) - SHM_CHECK_SEQ_BYTES) % 4 == 0,
	       "copied by words");

/* What an agent last said of a server; what it does not mention stays. */
enum shm_agent_state {
	SHM_AGENT_SILENT, /* nothing of its state */
	SHM_AGENT_UP,
	SHM_AGENT_DOWN,
	SHM_AGENT_STOPPED,
	SHM_AGENT_FAILED,
};

struct shm_agent_word {
	enum shm_agent_state state;
	bool maint, drain;
	uint16_t weight;  /* 0..256, or SHM_WEIGHT_CONFIGURED: not said */
	uint32_t maxconn; /* 0: not said */
};

/* What traffic with a server has shown (`observe`). */
enum shm_observed {
	SHM_OBSERVED_CONNECTED,
	SHM_OBSERVED_NO_CONNECTION,
	SHM_OBSERVED_ANSWER,
	SHM_OBSERVED_BAD_STATUS,
	SHM_OBSERVED_BAD_ANSWER,
	SHM_OBSERVED_TIMEOUT,
	SHM_OBSERVED_CLOSED,
	SHM_OBSERVED_RESET,
};

/* One of the last checks. */
struct shm_check_past {
	uint64_t at_boot_ms; /* when it ended */
	uint32_t duration_ms;
	uint16_t code;
	uint8_t status; /* as of shm_check */
	uint8_t state;	/* enum shm_health, behind it */
};

enum { SHM_CHECKS_KEPT = 16, SHM_CHECK_FIRST = 2 /* result of a check */ };

struct shm_server {
	_Atomic uint64_t health;
	_Atomic uint64_t admin;
	struct shm_check check;
	struct shm_slots_of slots;
	_Atomic uint64_t shut; /* connections given until then end (sessions.h) */
	/* An average of lib/balance: workers write it without a lock; of two at once one
	 * is lost. */
	_Atomic uint64_t latency;
	/* CLOCK_BOOTTIME when it last began to serve after it was down or in maintenance;
	 * 0: it has served all the time. Whoever ends that state writes it. */
	_Atomic uint64_t up_at_ms;
	_Atomic uint64_t agent; /* what its agent says; writer: checker */
	_Atomic uint64_t
		agent_seen; /* its last check: boot seconds:32 | ms:24 | status:8 */
	_Atomic uint32_t admin_since_s;	 /* CLOCK_BOOTTIME, maint or drain changed */
	_Atomic uint32_t errors;	 /* of traffic, in a row, over all workers */
	_Atomic uint32_t errors_reached; /* how often they came to error_limit */
	_Atomic uint32_t errors_last;	 /* enum shm_observed, the last of them */
	_Atomic uint32_t errors_seen;	 /* how many of these the checker has acted on */
	_Atomic uint32_t past_n;	 /* checks ever; with the sequence of `check` */
	struct shm_check_past past[SHM_CHECKS_KEPT]; /* by number modulo their room */
	_Atomic uint64_t
		asked; /* enum shm_ask (ask.h); writers: workers; taken by control */
	_Atomic uint32_t obeyed, agent_obeyed; /* shm_wish_obeyed(); writer: checker */
	struct shm_address address;
};

struct shm_health_word shm_health_unpack(uint64_t word);
uint64_t shm_health_pack(struct shm_health_word w);
struct shm_admin_word shm_admin_unpack(uint64_t word);
uint64_t shm_admin_pack(struct shm_admin_word w);

/* Checker only. Publishes a new state: compare-and-swap, since = now, backend's
 * version +1. false when this process no longer holds the lease of its role. */
bool shm_health_publish(struct shm *s, const struct shm_object *server,
			const struct shm_object *backend, enum shm_health state);
/* The wish_seq of the last wish that was obeyed, whichever checker did it; of a region
 * that does not tell, that of the admin word. */
uint8_t shm_wish_obeyed(const struct shm_object *server);
/* The same of wishes about its agent. */
uint8_t shm_agent_wish_obeyed(const struct shm_object *server);
void shm_agent_wish_obey(const struct shm_object *server, uint8_t seq);
/* Checker only. */
void shm_wish_obey(const struct shm_object *server, uint8_t seq);
/* Checker only. Copies `c` (its seq is ignored) into the record. */
bool shm_check_publish(struct shm *s, const struct shm_object *server,
		       const struct shm_check *c);
/* Its last checks, the newest first; how many. */
uint32_t shm_check_history(const struct shm_object *server,
			   struct shm_check_past out[SHM_CHECKS_KEPT]);
/* "L4OK": a status of shm/check_result.def, "UNK" for others. */
const char *shm_check_word(uint32_t status);
/* "Layer4 check passed" */
const char *shm_check_description(uint32_t status);
bool shm_check_passed(uint32_t status);
/* Whether its code says something, also 0. */
bool shm_check_has_code(uint32_t status);
/* A consistent copy, false when the writer kept it busy. */
bool shm_check_read(const struct shm_object *server, struct shm_check *out);
struct shm_agent_word shm_agent_unpack(uint64_t word);
bool shm_agent_is_down(struct shm_agent_word w);
/* Checker only. What the agent says from now on, and its check: a status of
 * shm/check_result.def, the milliseconds it took. */
bool shm_agent_publish(struct shm *s, const struct shm_object *server,
		       const struct shm_object *backend, struct shm_agent_word w,
		       uint32_t status, uint32_t duration_ms);
/* Checker only. It has none any more. */
bool shm_agent_forget(struct shm *s, const struct shm_object *server,
		      const struct shm_object *backend);
/* Checker only. Whether the active servers of a backend are enough. */
bool shm_quorum_publish(struct shm *s, const struct shm_object *backend, bool is_met);
/* Anybody. */
bool shm_backend_lacks_quorum(const struct shm_object *backend);
/* Workers: an error, or (CONNECTED, ANSWER) the end of a row of errors. true: the row has
 * come to `limit`; it begins anew, and the checker is to be told. */
bool shm_observe(const struct shm_object *server, const struct shm_object *backend,
		 enum shm_observed what, uint32_t limit);
/* Control only. Same with the admin word. */
bool shm_admin_publish(struct shm *s, const struct shm_object *server,
		       const struct shm_object *backend, struct shm_admin_word w);

/* The effective state: what balancing and every display use. */
struct shm_effective {
	bool is_usable;	 /* may get new sessions */
	bool is_up;	 /* answers as far as we know (drain counts, maint does not) */
	uint32_t weight; /* effective, 0..256; 0 also means "no new sessions" */
	uint32_t full_weight; /* the same when its slow start is over */
	uint32_t ramp;	      /* percent of full_weight; 100: no slow start goes on */
	/* "UP", "DOWN", "MAINT", "DRAIN", "NOLB", "no check" (management.txt 9.1 status)
	 */
	const char *text;
};
struct shm_effective shm_effective(struct shm_admin_word a, struct shm_health_word h,
				   uint32_t config_weight, bool is_checked);
/* What people and the agent say together. */
struct shm_admin_word shm_admin_with(struct shm_admin_word a, struct shm_agent_word g);
/* The same read from an object. */
struct shm_admin_word shm_server_admin(const struct shm_object *server);
/* All that is said of a server together: people, checks, its agent. */
struct shm_effective shm_effective_of(struct shm_admin_word a, struct shm_health_word h,
				      struct shm_agent_word g, uint32_t config_weight,
				      bool is_checked);
/* The same read from an object. `f` from shm_object_facts(). */
struct shm_effective shm_server_effective(const struct shm_object *server,
					  const struct shm_facts *f);

enum { SHM_RAMP_STEPS = 20 };
/* How far the slow start of a server is: 5..100 percent, in steps that all processes take
 * at the same time. */
uint32_t shm_ramp(const struct shm_object *server, uint32_t slowstart_ms);

#endif
