/* SPDX-License-Identifier: MIT
 *
 * The difference. Objects are met as a reload would meet them: by kind, parent and name,
 * a server also by its address and a table by its shape; so a server whose address
 * changed is told as one that begins anew. Of what the region does not keep (timeouts,
 * rules) it is only known whether something differs. weir --diff.
 */
#include "master/diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"
#include "shm/health.h"
#include "shm/object.h"

struct diff {
	const struct shm *shm;
	struct shm_text *out;
	bool is_json;
	size_t n;
	size_t values_n;	/* of the object that is being told */
	struct shm_facts *gone; /* in the region, not in the configuration */
	size_t gone_n;
};

static const char *
kind_name(enum shm_kind kind)
{
	static const char *const names[SHM_KINDS_N] = {
		[SHM_GLOBAL] = "global", [SHM_FRONTEND] = "frontend",
		[SHM_LISTENER] = "bind", [SHM_BACKEND] = "backend",
		[SHM_SERVER] = "server", [SHM_TABLE] = "table",
	};
	return names[kind];
}

/* --- one object
 * -------------------------------------------------------------------------- */

static void
put_name(struct diff *d, const char *change, char mark, const struct shm_facts *f)
{
	d->values_n = 0;
	if (!d->is_json) {
		shm_text_fmt(d->out, "%c %s ", mark, kind_name(f->kind));
		if (f->parent[0])
			shm_text_fmt(d->out, "%s/", f->parent);
		shm_text_str(d->out, f->name);
		return;
	}
	shm_text_fmt(d->out, "%s\n {\"change\":\"%s\",\"kind\":\"%s\",\"parent\":",
		     d->n ? "," : "", change, kind_name(f->kind));
	shm_text_json(d->out, f->parent);
	shm_text_str(d->out, ",\"name\":");
	shm_text_json(d->out, f->name);
}

static void
end(struct diff *d)
{
	shm_text_str(d->out, d->is_json ? "}" : "\n");
	d->n++;
}

static void
put_value(struct diff *d, const char *what, const char *was, const char *is)
{
	if (d->is_json) {
		shm_text_fmt(d->out, ",\"%s\":[", what);
		shm_text_json(d->out, was);
		shm_text_char(d->out, ',');
		shm_text_json(d->out, is);
		shm_text_char(d->out, ']');
	} else {
		shm_text_fmt(d->out, "%s %s %s -> %s", d->values_n ? "," : ":", what,
			     was[0] ? was : "-", is[0] ? is : "-");
	}
	d->values_n++;
}

static void
put_note(struct diff *d, const char *note)
{
	if (d->is_json) {
		shm_text_str(d->out, ",\"note\":");
		shm_text_json(d->out, note);
	} else {
		shm_text_fmt(d->out, "; %s", note);
	}
}

static void
put_whole(struct diff *d, const char *change, char mark, const struct shm_facts *f)
{
	put_name(d, change, mark, f);
	if (f->addr[0] && d->is_json) {
		shm_text_str(d->out, ",\"address\":");
		shm_text_json(d->out, f->addr);
	} else if (f->addr[0]) {
		shm_text_fmt(d->out, " %s", f->addr);
	}
	end(d);
}

/* --- values of an object that stays
 * ----------------------------------------------------- */

enum field_kind { FIELD_NUMBER, FIELD_BOOL, FIELD_TEXT };

static const struct field {
	const char *name;
	enum field_kind kind;
	size_t at;
} fields[] = {
	{"address", FIELD_TEXT, offsetof(struct shm_facts, addr)},
	{"mode", FIELD_TEXT, offsetof(struct shm_facts, mode)},
	{"balance", FIELD_TEXT, offsetof(struct shm_facts, algo)},
	{"maxconn", FIELD_NUMBER, offsetof(struct shm_facts, maxconn)},
	{"weight", FIELD_NUMBER, offsetof(struct shm_facts, weight)},
	{"rise", FIELD_NUMBER, offsetof(struct shm_facts, rise)},
	{"fall", FIELD_NUMBER, offsetof(struct shm_facts, fall)},
	{"check", FIELD_BOOL, offsetof(struct shm_facts, is_checked)},
	{"backup", FIELD_BOOL, offsetof(struct shm_facts, is_backup)},
	{"disabled", FIELD_BOOL, offsetof(struct shm_facts, is_disabled)},
};

static void
field_text(const struct field *field, const struct shm_facts *f, char to[SHM_ADDR_BYTES])
{
	const void *at = (const char *)f + field->at;
	switch (field->kind) {
	case FIELD_NUMBER:
		snprintf(to, SHM_ADDR_BYTES, "%u", *(const uint32_t *)at);
		break;
	case FIELD_BOOL:
		snprintf(to, SHM_ADDR_BYTES, "%s", *(const bool *)at ? "true" : "false");
		break;
	case FIELD_TEXT:
		snprintf(to, SHM_ADDR_BYTES, "%s", (const char *)at);
		break;
	}
}

/* What people set at run time and the file would overrule. */
static void
put_lost(struct diff *d, const struct shm_object *o, const struct shm_facts *is)
{
	if (o->kind != SHM_SERVER)
		return;
	struct shm_admin_word a = shm_admin_unpack(atomic_load(&o->server->admin));
	if (a.config_weight != is->weight && a.weight != SHM_WEIGHT_CONFIGURED)
		put_note(d, "the weight set by hand is forgotten");
	if (a.config_disabled != is->is_disabled &&
	    (a.maint != a.config_disabled || a.drain))
		put_note(d, "the state set by hand is forgotten");
}

static void
compare(struct diff *d, const struct shm_object *o, const struct shm_facts *is)
{
	struct shm_facts was;
	char a[SHM_ADDR_BYTES], b[SHM_ADDR_BYTES];
	bool differs = false;
	shm_object_facts(d->shm, o, &was);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		field_text(&fields[i], &was, a);
		field_text(&fields[i], is, b);
		if (strcmp(a, b) == 0)
			continue;
		if (!differs)
			put_name(d, "changed", '~', is);
		differs = true;
		put_value(d, fields[i].name, a, b);
	}
	if (!differs)
		return;
	put_lost(d, o, is);
	end(d);
}

/* --- all of them
 * --------------------------------------------------------------------------
 */

/* Everything current that the configuration does not have. */
static void
collect_gone(struct diff *d, const bool *is_seen)
{
	uint32_t n = shm_objects_n(d->shm);
	d->gone = must_calloc(n + 1, sizeof(*d->gone));
	for (uint32_t i = 0; i < n; i++) {
		struct shm_object o;
		if (!is_seen[i] && shm_object_at(d->shm, i, &o) && o.is_current)
			shm_object_facts(d->shm, &o, &d->gone[d->gone_n++]);
	}
}

/* One that goes under the same name: what comes takes its place. */
static struct shm_facts *
predecessor(struct diff *d, const struct shm_facts *f)
{
	for (size_t i = 0; i < d->gone_n; i++)
		if (d->gone[i].name[0] && d->gone[i].kind == f->kind &&
		    strcmp(d->gone[i].name, f->name) == 0 &&
		    strcmp(d->gone[i].parent, f->parent) == 0)
			return &d->gone[i];
	return NULL;
}

static void
put_new(struct diff *d, const struct shm_facts *f)
{
	struct shm_facts *was = predecessor(d, f);
	if (!was) {
		put_whole(d, "added", '+', f);
		return;
	}
	if (f->kind == SHM_TABLE) {
		put_name(d, "changed", '~', f);
		put_value(d, "shape", was->addr, f->addr);
		put_note(d, "its keys move over as far as the new shape has room");
	} else {
		put_name(d, "reset", '!', f);
		put_value(d, "address", was->addr, f->addr);
		put_note(d, "its counters and health begin anew");
	}
	end(d);
	was->name[0] = '\0';
}

/* Something the region does not keep; it knows that much by a hash. */
static bool
differs_elsewhere(const struct shm *s, const struct shm_geometry *g)
{
	struct shm_info *info = must_alloc(sizeof(*info));
	shm_info(s, info);
	bool differs = info->config_hash && info->config_hash != g->config_hash;
	free(info);
	return differs;
}

static void
put_elsewhere(struct diff *d)
{
	static const char note[] = "timeouts, rules, logs or other settings";
	shm_text_str(d->out, d->is_json ? "\n {\"change\":\"changed\",\"kind\":"
					  "\"configuration\""
					: "~ configuration");
	put_note(d, note);
	end(d);
}

size_t
diff_text(const struct shm *s, const struct shm_geometry *g, bool is_json,
	  struct shm_text *out)
{
	struct diff d = {.shm = s, .out = out, .is_json = is_json};
	bool *is_seen = must_calloc(shm_objects_n(s) + 1, sizeof(*is_seen));
	bool *is_new = must_calloc(g->objects_n + 1, sizeof(*is_new));
	shm_text_str(out, is_json ? "[" : "");
	for (size_t i = 0; i < g->objects_n; i++) {
		const struct shm_facts *f = &g->objects[i];
		struct shm_object o;
		is_new[i] = !shm_find(s, f->kind, f->parent, f->name, f->addr, &o) ||
			    !o.is_current;
		if (is_new[i])
			continue;
		is_seen[o.index] = true;
		compare(&d, &o, f);
	}
	collect_gone(&d, is_seen);
	for (size_t i = 0; i < g->objects_n; i++)
		if (is_new[i])
			put_new(&d, &g->objects[i]);
	for (size_t i = 0; i < d.gone_n; i++)
		if (d.gone[i].name[0])
			put_whole(&d, "removed", '-', &d.gone[i]);
	if (d.n == 0 && differs_elsewhere(s, g))
		put_elsewhere(&d);
	shm_text_str(out, is_json ? "\n]\n" : "");
	free(d.gone);
	free(is_new);
	free(is_seen);
	return d.n;
}
