/* SPDX-License-Identifier: MIT
 *
 * Who is connected now, as any reader of the region sees it: views of the summaries that
 * workers publish, asked for in words, filtered and sorted. weirctl and control.
 */
#ifndef WEIR_SHM_SESSION_LIST_H
#define WEIR_SHM_SESSION_LIST_H

#include "shm/sessions.h"
#include "shm/stats/text.h"

/* One connection. The names are the list's; "" where there is none. */
struct shm_session_view {
	uint64_t id;
	uint64_t age_us, state_us; /* since it was accepted, since its state began */
	uint64_t bytes_in, bytes_out;
	uint64_t addr[2];
	struct shm_session_where where;
	uint32_t slot; /* of its worker */
	uint16_t port;
	uint8_t family; /* 4, 6; 0: a UNIX socket */
	const char *frontend, *mode, *bind, *backend, *server;
};

enum shm_session_sort {
	SHM_SESSIONS_BY_AGE, /* the oldest first; the others the largest first */
	SHM_SESSIONS_BY_STATE_AGE,
	SHM_SESSIONS_BY_IN,
	SHM_SESSIONS_BY_OUT,
	SHM_SESSIONS_BY_BYTES,
};

/* Which ones; all zeros: all of them. */
struct shm_session_query {
	const char *frontend, *backend, *server, *client; /* server: backend/server */
	uint64_t id, older_us;
	int64_t slot_plus_1; /* of one worker; 0: any */
	int state_plus_1;    /* enum shm_session_state; 0: any */
	enum shm_session_sort sort;
	size_t limit; /* 0: none */
};

struct shm_session_list {
	struct shm_session_view *at;
	size_t n;
	size_t found_n;		 /* before the limit */
	struct shm_facts *names; /* of every object */
	bool failed;		 /* out of memory: something is missing */
};

/* "frontend web older 10s sort out limit 5": takes the words in turn; what is wrong,
 * NULL: nothing. The query borrows the words. */
const char *shm_session_query_read(struct shm_session_query *q, char *const *words,
				   size_t n);
/* An identification as shown ("0x2a00000007"); 0: it is none. */
uint64_t shm_session_id_read(const char *text);
/* At now_us (CLOCK_MONOTONIC). */
void shm_session_list_make(const struct shm *s, const struct shm_session_query *q,
			   uint64_t now_us, struct shm_session_list *out);
void shm_session_list_fini(struct shm_session_list *l);

const char *shm_session_state_name(enum shm_session_state state);
/* "127.0.0.1:52104", "[::1]:52104", "unix:1". */
void shm_session_put_client(struct shm_text *out, const struct shm_session_view *v);

#endif
