/* SPDX-License-Identifier: MIT
 *
 * What people ask for on the statistics page: a worker has no right to change a server's
 * state, so it leaves a word in the server's record, the last of them counts, and the
 * control process does what it says. Each round of asking has a number per backend; it is
 * over when control has been through the backend's servers.
 */
#ifndef WEIR_SHM_ASK_H
#define WEIR_SHM_ASK_H

#include "lib/base/span.h"
#include "shm/object.h"

enum shm_ask {
	SHM_ASK_NOTHING,
#define ASK(word, needs, command) SHM_ASK_##word,
#include "shm/ask.def"
#undef ASK
	SHM_ASKS_N
};

enum shm_ask_needs { SHM_ASK_NEEDS_NOTHING, SHM_ASK_NEEDS_CHECK, SHM_ASK_NEEDS_AGENT };

/* "drain"; SHM_ASK_NOTHING: no such word. */
enum shm_ask shm_ask_of(struct span word);
enum shm_ask_needs shm_ask_needs(enum shm_ask a);
/* The command, a format with one %s. */
const char *shm_ask_command(enum shm_ask a);

/* Worker. */
void shm_ask_put(const struct shm_object *server, enum shm_ask a);
/* After the last one; the number of the round. */
uint64_t shm_ask_send(const struct shm_object *backend);
bool shm_ask_is_done(const struct shm_object *backend, uint64_t round);

/* Control: the round that is not done, 0: none. */
uint64_t shm_ask_round(const struct shm_object *backend);
/* Takes the word of a server away. */
enum shm_ask shm_ask_take(const struct shm_object *server);
void shm_ask_done(const struct shm_object *backend, uint64_t round);

#endif
