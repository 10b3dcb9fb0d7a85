/* SPDX-License-Identifier: MIT
 *
 * The last messages that broke the protocol, for people: HAProxy's "show errors"
 * (management.txt 9.3), and JSON.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shm/offence.h"

enum { LINE_BYTES = 70 };

/* One offence and where it was found. */
struct found {
	struct shm_offence o;
	enum shm_offender who;
	char fe[SHM_NAME_BYTES];
	uint32_t fe_id;
};

struct list_of {
	struct found *at;
	size_t n, cap;
	bool failed;
};

static bool
is_wanted(const struct shm_offence_query *q, const struct found *f)
{
	bool in_fe = !q->proxy || strcmp(q->proxy, f->fe) == 0;
	bool in_be = q->proxy && f->o.be[0] && strcmp(q->proxy, f->o.be) == 0;
	bool has_id = !q->iid || q->iid == f->fe_id || q->iid == f->o.be_id;
	return !q->without[f->who] && (in_fe || in_be) && has_id;
}

static struct found *
more(struct list_of *l)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		struct found *at = realloc(l->at, cap * sizeof(*at));
		if (!at) {
			l->failed = true;
			return NULL;
		}
		l->at = at;
		l->cap = cap;
	}
	return &l->at[l->n];
}

static void
collect(const struct shm *s, const struct shm_offence_query *q, struct list_of *l)
{
	for (uint32_t i = 0; i < shm_objects_n(s); i++) {
		struct shm_object o;
		struct shm_facts facts;
		if (!shm_object_at(s, i, &o) || o.kind != SHM_FRONTEND)
			continue;
		shm_object_facts(s, &o, &facts);
		for (uint32_t k = 0; k < SHM_OFFENDERS_N * SHM_OFFENCES_KEPT; k++) {
			struct found *f = more(l);
			if (!f)
				return;
			f->who = (enum shm_offender)(k % SHM_OFFENDERS_N);
			f->fe_id = facts.id;
			memcpy(f->fe, facts.name, sizeof(f->fe));
			if (shm_offence_read(&o, f->who, k / SHM_OFFENDERS_N, &f->o) &&
			    is_wanted(q, f))
				l->n++;
		}
	}
}

static int
newest_first(const void *a, const void *b)
{
	uint64_t x = ((const struct found *)a)->o.wall_us;
	uint64_t y = ((const struct found *)b)->o.wall_us;
	return x < y ? 1 : x > y ? -1 : 0;
}

static void
find_all(const struct shm *s, const struct shm_offence_query *q, struct list_of *l,
	 struct shm_text *out)
{
	*l = (struct list_of){0};
	collect(s, q, l);
	out->failed |= l->failed;
	if (l->n)
		qsort(l->at, l->n, sizeof(*l->at), newest_first);
}

/* --- HAProxy's form --------------------------------------------------------------------
 */

static void
put_date(struct shm_text *out, uint64_t wall_us)
{
	char text[32] = "";
	time_t at = (time_t)(wall_us / 1000000);
	struct tm tm;
	if (localtime_r(&at, &tm))
		strftime(text, sizeof(text), "%d/%b/%Y:%H:%M:%S", &tm);
	shm_text_fmt(out, "[%s.%03u]", text, (unsigned)(wall_us / 1000 % 1000));
}

static void
put_byte(struct shm_text *out, unsigned char c)
{
	static const char named[] = {
		['\t'] = 't', ['\n'] = 'n', ['\r'] = 'r', ['\033'] = 'e'};
	if (c < sizeof(named) && named[c])
		shm_text_fmt(out, "\\%c", named[c]);
	else if (c == '\\')
		shm_text_str(out, "\\\\");
	else if (c < 0x20 || c > 0x7e)
		shm_text_fmt(out, "\\x%02X", c);
	else
		shm_text_char(out, (char)c);
}

/* One line of the message per line; a '+' behind the offset of a continued one. */
static void
put_bytes(struct shm_text *out, const struct shm_offence *o)
{
	bool continues = o->from > 0;
	for (uint32_t at = 0; at < o->kept_n;) {
		size_t before = out->n;
		unsigned char c = 0;
		shm_text_fmt(out, "  %05u%s ", o->from + at, continues ? "+" : " ");
		while (at < o->kept_n && c != '\n' && out->n - before < 9 + LINE_BYTES &&
		       !out->failed)
			put_byte(out, c = (unsigned char)o->bytes[at++]);
		shm_text_char(out, '\n');
		continues = c != '\n';
		if (out->failed)
			return;
	}
}

static void
put_named(struct shm_text *out, const char *kind, const char *name, uint32_t id)
{
	shm_text_fmt(out, "%s ", kind);
	shm_text_plain(out, name[0] ? name : "<NONE>");
	shm_text_fmt(out, " (#%d)", name[0] ? (int)id : -1);
}

static void
put_found(struct shm_text *out, const struct found *f)
{
	const struct shm_offence *o = &f->o;
	bool is_request = f->who == SHM_BAD_REQUEST;
	shm_text_str(out, " \n");
	put_date(out, o->wall_us);
	shm_text_char(out, ' ');
	if (is_request)
		put_named(out, "frontend", f->fe, f->fe_id);
	else
		put_named(out, "backend", o->be, o->be_id);
	shm_text_fmt(out, ": invalid %s\n  ", is_request ? "request" : "response");
	if (is_request)
		put_named(out, "backend", o->be, o->be_id);
	else
		put_named(out, "frontend", f->fe, f->fe_id);
	shm_text_str(out, ", ");
	put_named(out, "server", o->srv, o->srv_id);
	shm_text_fmt(out, ", event #%llu, src ", (unsigned long long)o->event);
	shm_text_plain(out, o->client);
	shm_text_fmt(out, "\n  buffer starts at %u (including 0 out), 0 free,\n",
		     o->from);
	shm_text_fmt(out, "  len %u, wraps at %u, error at position %u\n  reason: ", o->n,
		     o->n, o->position);
	shm_text_plain(out, o->why);
	shm_text_str(out, "\n  \n");
	put_bytes(out, o);
}

void
shm_offences_text(const struct shm *s, const struct shm_offence_query *q,
		  struct shm_text *out)
{
	struct list_of l;
	struct timespec now;
	find_all(s, q, &l, out);
	clock_gettime(CLOCK_REALTIME, &now);
	shm_text_str(out, "Total events captured on ");
	put_date(out, (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
	shm_text_fmt(out, " : %zu\n", l.n);
	for (size_t i = 0; i < l.n; i++)
		put_found(out, &l.at[i]);
	free(l.at);
}

/* --- JSON --------------------------------------------------------------------------- */

static void
put_member(struct shm_text *out, const char *name, const char *value)
{
	shm_text_fmt(out, "\"%s\":", name);
	shm_text_json(out, value);
	shm_text_char(out, ',');
}

static void
put_object(struct shm_text *out, const struct found *f)
{
	const struct shm_offence *o = &f->o;
	struct shm_text bytes = {0};
	for (uint32_t i = 0; i < o->kept_n; i++)
		put_byte(&bytes, (unsigned char)o->bytes[i]);
	shm_text_char(out, '{');
	put_member(out, "kind", f->who == SHM_BAD_REQUEST ? "request" : "response");
	put_member(out, "frontend", f->fe);
	put_member(out, "backend", o->be);
	put_member(out, "server", o->srv);
	put_member(out, "client", o->client);
	put_member(out, "reason", o->why);
	shm_text_fmt(out,
		     "\"event\":%llu,\"at_us\":%llu,\"length\":%u,\"position\":%u,"
		     "\"from\":%u,\"bytes\":",
		     (unsigned long long)o->event, (unsigned long long)o->wall_us, o->n,
		     o->position, o->from);
	shm_text_json(out, bytes.n ? bytes.bytes : "");
	shm_text_char(out, '}');
	out->failed |= bytes.failed;
	shm_text_fini(&bytes);
}

void
shm_offences_json(const struct shm *s, const struct shm_offence_query *q,
		  struct shm_text *out)
{
	struct list_of l;
	find_all(s, q, &l, out);
	shm_text_char(out, '[');
	for (size_t i = 0; i < l.n; i++) {
		shm_text_str(out, i ? ",\n " : "\n ");
		put_object(out, &l.at[i]);
	}
	shm_text_str(out, "\n]\n");
	free(l.at);
}
