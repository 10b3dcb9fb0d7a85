/* SPDX-License-Identifier: MIT
 *
 * Asking control for changes. Words come from pages that workers write: only values of
 * the table are believed.
 */
#include "shm/ask.h"

#include "shm/layout.h"

static const struct {
	const char *word;
	enum shm_ask_needs needs;
	const char *command;
} asks[SHM_ASKS_N] = {
#define ASK(word, needs, command) \
	[SHM_ASK_##word] = {#word, SHM_ASK_NEEDS_##needs, command},
#include "shm/ask.def"
#undef ASK
};

enum shm_ask
shm_ask_of(struct span word)
{
	for (int i = SHM_ASK_NOTHING + 1; i < SHM_ASKS_N; i++)
		if (span_eq(word, span_str(asks[i].word)))
			return (enum shm_ask)i;
	return SHM_ASK_NOTHING;
}

enum shm_ask_needs
shm_ask_needs(enum shm_ask a)
{
	return asks[a].needs;
}

const char *
shm_ask_command(enum shm_ask a)
{
	return asks[a].command;
}

void
shm_ask_put(const struct shm_object *server, enum shm_ask a)
{
	atomic_store_explicit(&server->server->asked, a, memory_order_relaxed);
}

uint64_t
shm_ask_send(const struct shm_object *backend)
{
	return atomic_fetch_add_explicit(&backend->backend->asks_made, 1,
					 memory_order_release) +
	       1;
}

bool
shm_ask_is_done(const struct shm_object *backend, uint64_t round)
{
	return atomic_load_explicit(&backend->backend->asks_done, memory_order_acquire) >=
	       round;
}

uint64_t
shm_ask_round(const struct shm_object *backend)
{
	uint64_t made =
		atomic_load_explicit(&backend->backend->asks_made, memory_order_acquire);
	return shm_ask_is_done(backend, made) ? 0 : made;
}

enum shm_ask
shm_ask_take(const struct shm_object *server)
{
	uint64_t a = atomic_exchange_explicit(&server->server->asked, SHM_ASK_NOTHING,
					      memory_order_relaxed);
	return a < SHM_ASKS_N ? (enum shm_ask)a : SHM_ASK_NOTHING;
}

void
shm_ask_done(const struct shm_object *backend, uint64_t round)
{
	atomic_store_explicit(&backend->backend->asks_done, round, memory_order_release);
}
