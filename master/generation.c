/* SPDX-License-Identifier: MIT
 *
 * One configuration with what its processes inherit. The master keeps the current one, to
 * replace children that die, and during a reload the next one.
 */
#include "master/generation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "lib/expr/live.h"
#include "lib/expr/vars.h"
#include "lib/net/log_target.h"
#include "master/report.h"
#include "master/sockets.h"
#include "shm/shared.h"

/* Room for lines while control is busy or being replaced. */
enum {
	RELAY_BYTES = 4 * 1024 * 1024,
	LOG_SAMPLES_BYTES = LOG_TARGETS_MAX * sizeof(uint64_t)
};

static uint32_t
cells_of(const struct cfg *c)
{
	return expr_names_n(c->env.vars, EXPR_SCOPE_PROC);
}

/* What global.set_var says, in the form of worker/fetch/vars.c. */
static void
set_vars(struct shm_cell *cells, const struct cfg_global *g)
{
	for (size_t i = 0; i < g->set_vars_n; i++) {
		const struct cfg_set_var *set = &g->set_vars[i];
		struct shm_cell_value v = {.tag = set->type + 1,
					   .n = (uint32_t)set->bytes.n};
		if (v.n)
			memcpy(v.bytes, set->bytes.p, v.n);
		shm_cell_begin(cells, set->var->place, &v);
	}
}

struct generation *
generation_new(uint64_t number, struct cfg *cfg)
{
	struct generation *g = must_calloc(1, sizeof(*g));
	g->number = number;
	g->cfg = cfg;
	g->cells = shm_cells_new(cells_of(cfg));
	set_vars(g->cells, &cfg->global);
	g->patterns_bytes = expr_live_bytes(&cfg->env);
	g->patterns = shm_shared_new(g->patterns_bytes);
	if (g->patterns)
		expr_live_begin(&cfg->env, g->patterns, g->patterns_bytes);
	g->log_samples = shm_shared_new(LOG_SAMPLES_BYTES);
	must(g->log_samples);
	g->relay_read_fd = g->relay_write_fd = -1;
	return g;
}

static bool
target_eq(const struct log_target *a, const struct log_target *b)
{
	if (a->kind != b->kind || a->format != b->format)
		return false;
	switch (a->kind) {
	case LOG_TO_UDP:
	case LOG_TO_UNIX:
		return addr_eq(&a->addr, &b->addr);
	case LOG_TO_FILE:
		return strcmp(a->path, b->path) == 0;
	case LOG_TO_STDOUT:
	case LOG_TO_STDERR:
		return true;
	}
	return false;
}

/* A line on the relay names its target by number. Old workers go on using the relay while
 * their numbers mean the same to the new control process: the list only grew. Else each
 * has its own relay, and lines of old workers for control's targets are dropped and
 * counted. */
static bool
relay_is_shared(const struct cfg *old, const struct cfg *next)
{
	if (old->log_targets_n > next->log_targets_n)
		return false;
	for (size_t i = 0; i < old->log_targets_n; i++)
		if (!target_eq(&old->log_targets[i], &next->log_targets[i]))
			return false;
	return true;
}

static int
relay_open(struct generation *g, char err[SHM_ERROR_BYTES])
{
	int fds[2], bytes = RELAY_BYTES;
	const struct generation *old = master.current;
	if (g->relay_read_fd >= 0) /* adopted */
		return 0;
	if (old && old != g && relay_is_shared(old->cfg, g->cfg)) {
		g->relay_read_fd = old->relay_read_fd;
		g->relay_write_fd = old->relay_write_fd;
		return 0;
	}
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds))
		return report_into(err, "socketpair: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
			(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &bytes,
					 sizeof(bytes));
	}
	g->relay_read_fd = fds[0];
	g->relay_write_fd = fds[1];
	return 0;
}

int
generation_open(struct generation *g, char err[SHM_ERROR_BYTES])
{
	return relay_open(g, err) || sockets_open(master.sockets, g, err) ? -1 : 0;
}

/* Whether another generation the master keeps uses the same relay. */
static bool
relay_is_used(const struct generation *g)
{
	const struct generation *others[] = {master.current, master.reload.next};
	for (size_t i = 0; i < 2; i++)
		if (others[i] && others[i] != g &&
		    others[i]->relay_read_fd == g->relay_read_fd)
			return true;
	return false;
}

void
generation_abandon(struct generation **g)
{
	sockets_rollback(master.sockets);
	generation_free(g);
}

void
generation_free(struct generation **g)
{
	struct generation *old = *g;
	*g = NULL;
	if (!old)
		return;
	if (old->relay_read_fd >= 0 && !relay_is_used(old)) {
		close(old->relay_read_fd);
		close(old->relay_write_fd);
	}
	free(old->listeners.fd);
	free(old->control_fds);
	shm_cells_free(&old->cells, cells_of(old->cfg));
	shm_shared_free(&old->patterns, old->patterns_bytes);
	void *samples = old->log_samples;
	shm_shared_free(&samples, LOG_SAMPLES_BYTES);
	cfg_free(&old->cfg);
	free(old);
}
