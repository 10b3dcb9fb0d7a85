/* SPDX-License-Identifier: MIT
 *
 * What people changed at run time and the configuration does not say.
 */
#include "shm/drift.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/addr.h"
#include "shm/health.h"

struct drifts {
	const struct shm *s;
	const struct shm_object *o;
	const struct shm_facts *f;
	struct shm_drift *out;
	size_t n;
};

/* A listen is a frontend and a backend with one number. */
static bool
is_listen(const struct shm *s, const char *name)
{
	struct shm_object frontend, backend;
	struct shm_facts a, b;
	if (!shm_find(s, SHM_FRONTEND, "", name, "", &frontend) ||
	    !shm_find(s, SHM_BACKEND, "", name, "", &backend) || !frontend.is_current ||
	    !backend.is_current)
		return false;
	shm_object_facts(s, &frontend, &a);
	shm_object_facts(s, &backend, &b);
	return a.id == b.id;
}

static void
put_path(const struct drifts *d, const char *keyword, char path[SHM_DRIFT_PATH_BYTES])
{
	const struct shm_facts *f = d->f;
	if (f->kind == SHM_GLOBAL)
		snprintf(path, SHM_DRIFT_PATH_BYTES, "global.%s", keyword);
	else if (f->kind == SHM_FRONTEND)
		snprintf(path, SHM_DRIFT_PATH_BYTES, "%s.%s.%s",
			 is_listen(d->s, f->name) ? "listens" : "frontends", f->name,
			 keyword);
	else
		snprintf(path, SHM_DRIFT_PATH_BYTES, "%s.%s.servers.%s%s%s",
			 is_listen(d->s, f->parent) ? "listens" : "backends", f->parent,
			 f->name, keyword[0] ? "." : "", keyword);
}

static struct shm_drift *
add(struct drifts *d, enum shm_hand which, const char *field, const char *keyword)
{
	struct shm_drift *to = &d->out[d->n++];
	*to = (struct shm_drift){.field = field,
				 .is_passing = shm_hand_is_passing(d->o, which)};
	put_path(d, keyword, to->path);
	return to;
}

static void
put_words(struct shm_drift *to, const char *configured, const char *running,
	  const char *value)
{
	snprintf(to->configured, sizeof(to->configured), "%s", configured);
	snprintf(to->running, sizeof(to->running), "%s", running);
	snprintf(to->value, sizeof(to->value), "%s", value);
}

/* UINT32_MAX - 1 and INT32_MAX are "no limit". */
static void
put_numbers(struct shm_drift *to, uint32_t configured, uint32_t running)
{
	uint32_t value = running < INT32_MAX ? running : 0;
	snprintf(to->configured, sizeof(to->configured), "%u", configured);
	snprintf(to->running, sizeof(to->running), "%u", value);
	snprintf(to->value, sizeof(to->value), "%u", value);
}

static void
of_number(struct drifts *d, enum shm_hand which, const char *keyword)
{
	uint32_t configured = shm_hand_configured(d->f, which);
	uint32_t running = shm_hand_value(d->o, which, configured);
	if (running != configured)
		put_numbers(add(d, which, keyword, keyword), configured, running);
}

/* --- servers ---------------------------------------------------------------------- */

/* A weight of 0 is what drains in the configuration. */
static void
of_state(struct drifts *d, struct shm_admin_word a)
{
	bool is_off = d->f->is_disabled;
	const char *configured = is_off ? "maint" : "ready";
	if (a.maint && !is_off)
		put_words(add(d, SHM_HAND_STATE, "state", "disabled"), configured,
			  "maint", "true");
	else if (!a.maint && a.drain && (is_off || d->f->weight != 0))
		put_words(add(d, SHM_HAND_STATE, "state", is_off ? "disabled" : "weight"),
			  configured, "drain", is_off ? "false" : "0");
	else if (!a.maint && !a.drain && is_off)
		put_words(add(d, SHM_HAND_STATE, "state", "disabled"), configured,
			  "ready", "false");
}

/* A value with colons and brackets is a text of YAML in quotes. */
static void
of_address(struct drifts *d)
{
	struct addr now;
	char text[ADDR_TEXT_BYTES], quoted[ADDR_TEXT_BYTES + 2];
	if (!shm_address_read(d->o, &now))
		return;
	snprintf(quoted, sizeof(quoted), "\"%s\"", addr_format(&now, text));
	if (strcmp(d->f->addr, text) != 0)
		put_words(add(d, SHM_HAND_ADDRESS, "address", "address"), d->f->addr,
			  text, quoted);
}

/* Who joined is a map of the configuration language; who left is in the way of nothing
 * that an overlay could say. */
static void
of_membership(struct drifts *d)
{
	const struct shm_facts *f = d->f;
	bool is_passing = f->membership == SHM_MEMBER_PASSING;
	char text[SHM_MEMBER_TEXT_BYTES];
	if (f->membership == SHM_MEMBER_LEFT && !f->text_hash)
		put_words(add(d, SHM_HAND_STATE, "server", ""), f->addr, "-", "");
	if (f->membership != SHM_MEMBER_JOINED && !is_passing)
		return;
	if (!shm_member_text(d->o, f, text))
		return;
	struct shm_drift *to = add(d, SHM_HAND_STATE, "server", "");
	put_words(to, "-", f->addr, text);
	to->is_passing = is_passing;
}

static void
of_server(struct drifts *d)
{
	of_membership(d);
	if (!d->o->is_current)
		return;
	struct shm_admin_word a = shm_admin_unpack(
		atomic_load_explicit(&d->o->server->admin, memory_order_acquire));
	of_state(d, a);
	if (a.weight != SHM_WEIGHT_CONFIGURED && a.config_weight == d->f->weight &&
	    a.weight != d->f->weight)
		put_numbers(add(d, SHM_HAND_WEIGHT, "weight", "weight"), d->f->weight,
			    a.weight);
	if (a.no_check && d->f->is_checked)
		put_words(add(d, SHM_HAND_CHECK, "check", "check"), "true", "false",
			  "false");
	if (a.no_agent && d->f->has_agent)
		put_words(add(d, SHM_HAND_AGENT, "agent", "agent_check"), "true", "false",
			  "false");
	of_number(d, SHM_HAND_CHECK_PORT, "port");
	if (d->f->has_agent)
		of_number(d, SHM_HAND_AGENT_PORT, "agent_port");
	of_address(d);
}

/* --- all kinds ------------------------------------------------------------------------
 */

static void
of_closed(struct drifts *d)
{
	uint32_t configured = shm_hand_configured(d->f, SHM_HAND_CLOSED);
	uint32_t running = shm_hand_value(d->o, SHM_HAND_CLOSED, configured);
	if (running != configured)
		put_words(add(d, SHM_HAND_CLOSED, "state", "disabled"), "open",
			  running == SHM_IS_SHUT ? "shut" : "disabled", "true");
}

size_t
shm_drift_of(const struct shm *s, const struct shm_object *o, const struct shm_facts *f,
	     struct shm_drift out[SHM_DRIFTS_MAX])
{
	struct drifts d = {.s = s, .o = o, .f = f, .out = out};
	switch (o->kind) {
	case SHM_SERVER:
		of_server(&d);
		of_number(&d, SHM_HAND_MAXCONN, "maxconn");
		break;
	case SHM_FRONTEND:
		of_number(&d, SHM_HAND_MAXCONN, "maxconn");
		of_closed(&d);
		break;
	case SHM_GLOBAL:
		of_number(&d, SHM_HAND_MAXCONN, "maxconn");
		of_number(&d, SHM_HAND_RATE_LIMIT, "maxconnrate");
		of_number(&d, SHM_HAND_SESS_RATE_LIMIT, "maxsessrate");
		break;
	default:
		break;
	}
	return d.n;
}
