/* SPDX-License-Identifier: MIT
 *
 * Servers that join and leave.
 */
#include "shm/member.h"

#include <string.h>

#include "lib/base/hash.h"
#include "shm/layout.h"

static uint64_t
hash_of(const char *text)
{
	uint64_t h = hash_bytes(text, strlen(text), SHM_MEMBER_JOINED);
	return h ? h : 1; /* 0: there is none */
}

/* --- master ------------------------------------------------------------------------ */

/* Who sees the new version of the backend sees the new number of its members. */
static void
note_change(const struct shm_object *backend)
{
	atomic_fetch_add(&backend->backend->members_version, 1);
	atomic_fetch_add(&backend->backend->version, 1);
}

void
shm_members_changed(struct shm *s, const char *backend)
{
	struct shm_object o;
	if (shm_find(s, SHM_BACKEND, "", backend, NULL, &o))
		note_change(&o);
}

static void
begin(const struct shm_object *o, const struct shm_facts *f, bool is_enabled)
{
	struct shm_admin_word a = shm_admin_unpack(atomic_load(&o->server->admin));
	a.maint = !is_enabled;
	a.no_check = f->is_checked;
	a.no_agent = f->has_agent;
	atomic_store(&o->server->admin, shm_admin_pack(a));
}

bool
shm_member_join(struct shm *s, const struct shm_facts *backend,
		const struct shm_facts *server, const char *text, bool is_enabled,
		char err[SHM_ERROR_BYTES])
{
	struct shm_facts facts[3];
	struct shm_object o, be;
	must(strlen(text) < SHM_MEMBER_TEXT_BYTES);
	must(shm_object_at(s, 0, &o) && o.kind == SHM_GLOBAL);
	shm_object_facts(s, &o, &facts[0]);
	facts[1] = *backend;
	facts[2] = *server;
	facts[2].area_bytes = SHM_MEMBER_TEXT_BYTES;
	facts[2].text_hash = hash_of(text);
	struct shm_geometry g = {.objects = facts, .objects_n = 3};
	if (shm_grow(s, &g, err) != 0)
		return false;
	must(shm_find(s, SHM_BACKEND, "", backend->name, NULL, &be));
	must(shm_find(s, SHM_SERVER, server->parent, server->name, server->addr, &o) &&
	     o.area);
	begin(&o, server, is_enabled);
	memcpy(o.area, text, strlen(text) + 1);
	SHM_FAULT(member_text);
	shm_entry_commit(s, &facts[2]);
	SHM_FAULT(member_entry);
	shm_entry_commit(s, &facts[1]);
	note_change(&be);
	return true;
}

void
shm_member_leave(struct shm *s, const struct shm_object *backend,
		 const struct shm_object *server)
{
	struct shm_entry_data d;
	must(shm_entry_read(s, server->index, &d));
	d.state = SHM_ENTRY_GONE;
	d.gone_generation = s->live.generation + 1;
	d.facts.membership = SHM_MEMBER_LEFT;
	shm_entry_write(s, server->index, &d);
	SHM_FAULT(member_entry);
	note_change(backend);
}

/* --- everybody --------------------------------------------------------------------- */

uint64_t
shm_members_version(const struct shm_object *backend)
{
	return atomic_load_explicit(&backend->backend->members_version,
				    memory_order_acquire);
}

static bool
has_joined(const struct shm_facts *f)
{
	return f->kind == SHM_SERVER && (f->membership == SHM_MEMBER_JOINED ||
					 f->membership == SHM_MEMBER_PASSING);
}

bool
shm_member_next(const struct shm *s, const char *backend, uint32_t *i,
		struct shm_object *out, struct shm_facts *facts)
{
	struct shm_entry_data d;
	for (uint32_t n = shm_objects_n(s); *i < n;) {
		uint32_t at = (*i)++;
		if (!shm_entry_read(s, at, &d) || d.state != SHM_ENTRY_CURRENT ||
		    !has_joined(&d.facts) || strcmp(d.facts.parent, backend) != 0)
			continue;
		shm_object_fill(s, at, &d, out);
		*facts = d.facts;
		return true;
	}
	return false;
}

bool
shm_member_text(const struct shm_object *server, const struct shm_facts *facts,
		char text[SHM_MEMBER_TEXT_BYTES])
{
	if (!server->area || server->area_bytes < SHM_MEMBER_TEXT_BYTES)
		return false;
	memcpy(text, server->area, SHM_MEMBER_TEXT_BYTES);
	text[SHM_MEMBER_TEXT_BYTES - 1] = '\0';
	return hash_of(text) == facts->text_hash;
}

static uint64_t
own_generation(const struct shm *s)
{
	struct shm_identity_data me;
	shm_identity_read(s, s->slot, &me);
	return me.generation;
}

bool
shm_members_are_anticipated(const struct shm *s)
{
	uint64_t own = own_generation(s);
	return own && !shm_generation_is_over(s, own - 1);
}

bool
shm_member_is_out(const struct shm *s, const struct shm_object *server,
		  uint64_t text_hash)
{
	struct shm_entry_data d;
	if (!shm_entry_read(s, server->index, &d))
		return true;
	bool is_of_files = text_hash == 0, is_early = shm_members_are_anticipated(s);
	switch (d.state) {
	case SHM_ENTRY_GONE:
		return !(is_of_files && is_early) &&
		       (d.facts.membership == SHM_MEMBER_LEFT ||
			d.gone_generation <= own_generation(s));
	case SHM_ENTRY_PENDING: /* it left; a reload of others brings it back */
		return !is_early;
	default:
		return !(is_of_files && is_early) && has_joined(&d.facts) &&
		       d.facts.text_hash != text_hash;
	}
}
