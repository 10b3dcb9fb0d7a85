/* SPDX-License-Identifier: MIT
 *
 * The list of a backend's servers, followed.
 */
#include "roster/roster.h"

#include <stdlib.h>
#include <string.h>

#include "config/join.h"
#include "lib/base/must.h"
#include "shm/member.h"

static bool
is_out(const struct shm *shm, const struct cfg_server *s)
{
	struct shm_object o;
	return !shm_find(shm, SHM_SERVER, s->backend->name, s->name, s->addr_text, &o) ||
	       shm_member_is_out(shm, &o, s->joined_hash);
}

static struct cfg_server *
find(const struct cfg_proxy *p, const char *name)
{
	for (size_t i = 0; i < p->servers_n; i++)
		if (strcmp(p->servers[i]->name, name) == 0)
			return p->servers[i];
	return NULL;
}

static int
by_id(const void *pa, const void *pb)
{
	const struct cfg_server *const *a = pa, *const *b = pb;
	bool joined_a = (*a)->joined_hash, joined_b = (*b)->joined_hash;
	if (joined_a != joined_b)
		return joined_a ? 1 : -1;
	if (!joined_a)
		return (*a)->index < (*b)->index ? -1 : 1;
	return (*a)->id < (*b)->id ? -1 : 1;
}

/* NULL: its text is not what the master wrote. */
static struct cfg_server *
read_member(const struct cfg_proxy *p, const struct shm_object *o,
	    const struct shm_facts *f)
{
	char text[SHM_MEMBER_TEXT_BYTES];
	struct cfg_errors *errors = NULL;
	if (!shm_member_text(o, f, text))
		return NULL;
	struct cfg_server *s = cfg_server_join(p, f->name, text, &errors);
	cfg_errors_free(&errors);
	if (!s)
		return NULL;
	s->id = f->id;
	s->joined_hash = f->text_hash;
	return s;
}

bool
roster_follow(const struct shm *shm, struct cfg_proxy *p,
	      const struct shm_object *backend, uint64_t *seen)
{
	uint64_t version = shm_members_version(backend);
	size_t n = 0, were_n = p->servers_n;
	struct shm_object o;
	struct shm_facts f;
	if (version == *seen)
		return false;
	struct cfg_server **now = must_calloc(were_n + 1, sizeof(struct cfg_server *));
	for (size_t i = 0; i < were_n; i++)
		if (!is_out(shm, p->servers[i]))
			now[n++] = p->servers[i];
	if (*seen) /* else it is the arena's */
		free(p->servers);
	*seen = version;
	p->servers = now;
	bool is_changed = n != were_n;
	p->servers_n = n;
	bool is_early = shm_members_are_anticipated(shm);
	for (uint32_t i = 0; shm_member_next(shm, p->name, &i, &o, &f);) {
		struct cfg_server *s = find(p, f.name);
		if (s && s->joined_hash == f.text_hash && s->id != f.id) {
			s->id = f.id; /* a file has taken its own */
			is_changed = true;
		}
		if (s || (is_early && f.membership == SHM_MEMBER_PASSING))
			continue;
		s = read_member(p, &o, &f);
		if (!s)
			continue;
		now = must_realloc(now, (n + 1) * sizeof(struct cfg_server *));
		now[n++] = s;
		p->servers = now;
		p->servers_n = n;
		is_changed = true;
	}
	qsort(now, n, sizeof(struct cfg_server *), by_id);
	for (size_t i = 0; i < n; i++)
		now[i]->index = (uint32_t)i;
	return is_changed;
}
