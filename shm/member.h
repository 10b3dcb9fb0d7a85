/* SPDX-License-Identifier: MIT
 *
 * Servers that join a backend and leave it at run time ("add server", "del server"). The
 * master notes them in the directory, like those of the files; the other processes look
 * through it when the backend's number of changes is another one. How a server that
 * joined is configured is a text in its area, which children could write: it counts when
 * its hash is the one among the facts.
 */
#ifndef WEIR_SHM_MEMBER_H
#define WEIR_SHM_MEMBER_H

#include "shm/object.h"

enum shm_membership {
	SHM_MEMBER_CONFIGURED, /* the files have it */
	SHM_MEMBER_JOINED,     /* it stays over reloads and restarts */
	SHM_MEMBER_PASSING,    /* until the next of them */
	SHM_MEMBER_LEFT,       /* until files that have it are read again */
};

enum { SHM_MEMBER_TEXT_BYTES = 4096 };

/* --- master --- */

/* `backend` as it is from now on: it may need memory for queues. `text` is shorter than
 * SHM_MEMBER_TEXT_BYTES. is_enabled: it is not in maintenance at first; its checks and
 * its agent begin when they are enabled. false with err. */
bool shm_member_join(struct shm *s, const struct shm_facts *backend,
		     const struct shm_facts *server, const char *text, bool is_enabled,
		     char err[SHM_ERROR_BYTES]);
/* Its numbers stay as long as somebody uses them. */
void shm_member_leave(struct shm *s, const struct shm_object *backend,
		      const struct shm_object *server);

/* --- everybody --- */

/* Another number whenever a server joined or left. */
uint64_t shm_members_version(const struct shm_object *backend);
/* Before its generation is committed a process anticipates what will be: its files win
 * over who joined, and who was passing is gone. */
bool shm_members_are_anticipated(const struct shm *s);
/* Whether a server that this process knows has left, or is not what it knows any more.
 * text_hash: of the text it was read from; 0: of the files. What a newer configuration
 * does without stays for those who run on an older one. */
bool shm_member_is_out(const struct shm *s, const struct shm_object *server,
		       uint64_t text_hash);
/* The next server that joined that backend, from the i-th object on; false: no more. */
bool shm_member_next(const struct shm *s, const char *backend, uint32_t *i,
		     struct shm_object *out, struct shm_facts *facts);
/* A copy of its text; false: it is not what the master wrote. */
bool shm_member_text(const struct shm_object *server, const struct shm_facts *facts,
		     char text[SHM_MEMBER_TEXT_BYTES]);
#endif
