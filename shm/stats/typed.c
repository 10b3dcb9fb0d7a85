/* SPDX-License-Identifier: MIT
 *
 * A snapshot in HAProxy's typed form (management.txt 9.2) and in the JSON of the same
 * content: every field with its origin, its nature and its type.
 */
#include <string.h>

#include "shm/stats/render.h"

/* --- tags ------------------------------------------------------------------------ */

struct tag {
	char letter;
	const char *name;
};

static const struct tag origins[] = {{'M', "Metric"},
				     {'S', "Status"},
				     {'K', "Key"},
				     {'C', "Config"},
				     {'P', "Product"}};
static const struct tag natures[] = {{'A', "Age"},	{'a', "Avg"},	{'C', "Counter"},
				     {'D', "Duration"}, {'G', "Gauge"}, {'L', "Limit"},
				     {'M', "Max"},	{'m', "Min"},	{'N', "Name"},
				     {'O', "Output"},	{'R', "Rate"},	{'T', "Time"}};
static const struct tag scopes[] = {
	{'C', "Cluster"}, {'P', "Process"}, {'S', "Service"}, {'s', "System"}};

#define NAME_OF(table, letter) name_of(table, sizeof(table) / sizeof((table)[0]), letter)

static const char *
name_of(const struct tag *table, size_t n, char letter)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].letter == letter)
			return table[i].name;
	return "Other";
}

void
shm_render_tags(struct shm_text *out, const char *tags)
{
	shm_text_fmt(out,
		     "\"tags\":{\"origin\":\"%s\",\"nature\":\"%s\",\"scope\":\"%s\"}",
		     NAME_OF(origins, tags[0]), NAME_OF(natures, tags[1]),
		     NAME_OF(scopes, tags[2]));
}

/* --- fields ---------------------------------------------------------------------- */

static const char *
field_name(int f)
{
	return f == SHM_STAT_separator ? "-" : shm_stat_fields[f].name;
}

static bool
is_told(const struct shm_stat_row *r, int f)
{
	return r->v[f].is_set && f != SHM_STAT_separator;
}

static void
put_typed(const struct shm_stat_row *r, int f, bool has_help, struct shm_text *out)
{
	static const char letters[] = "FBSL"; /* by enum shm_stat_type */
	const struct shm_stat_desc *d = &shm_stat_fields[f];
	shm_text_fmt(out, "%c.%llu.%llu.%d.%s.1:%s:%s:", letters[r->type],
		     (unsigned long long)shm_stat_n(r, SHM_STAT_iid),
		     (unsigned long long)shm_stat_n(r, SHM_STAT_sid), f, field_name(f),
		     d->tags, d->type);
	if (d->is_text)
		shm_text_plain(out, r->v[f].u.text);
	else
		shm_text_u64(out, r->v[f].u.n);
	if (has_help)
		shm_text_fmt(out, ":\"%s\"", d->help);
	shm_text_char(out, '\n');
}

void
shm_render_typed(const struct shm *s, const struct shm_stat_opts *opts, bool has_help,
		 struct shm_text *out)
{
	struct shm_stat st;
	if (shm_stat_take(s, opts, &st) != 0) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < st.rows_n; i++)
		for (int f = 0; f < SHM_STAT_FIELDS_N; f++)
			if (is_told(st.rows[i], f))
				put_typed(st.rows[i], f, has_help, out);
	shm_stat_fini(&st);
}

static void
put_json(const struct shm_stat_row *r, int f, struct shm_text *out)
{
	static const char *const types[] = {"Frontend", "Backend", "Server", "Listener"};
	const struct shm_stat_desc *d = &shm_stat_fields[f];
	shm_text_fmt(out,
		     "{\"objType\":\"%s\",\"proxyId\":%llu,\"id\":%llu,\"field\":"
		     "{\"pos\":%d,\"name\":\"%s\"},\"processNum\":1,",
		     types[r->type], (unsigned long long)shm_stat_n(r, SHM_STAT_iid),
		     (unsigned long long)shm_stat_n(r, SHM_STAT_sid), f, field_name(f));
	shm_render_tags(out, d->tags);
	shm_text_fmt(out, ",\"value\":{\"type\":\"%s\",\"value\":", d->type);
	if (d->is_text)
		shm_text_json(out, r->v[f].u.text);
	else
		shm_text_u64(out, r->v[f].u.n);
	shm_text_str(out, "}}");
}

void
shm_render_typed_json(const struct shm *s, const struct shm_stat_opts *opts,
		      struct shm_text *out)
{
	struct shm_stat st;
	if (shm_stat_take(s, opts, &st) != 0) {
		out->failed = true;
		return;
	}
	shm_text_char(out, '[');
	for (size_t i = 0; i < st.rows_n; i++) {
		bool is_first = true;
		shm_text_str(out, i ? ",[" : "[");
		for (int f = 0; f < SHM_STAT_FIELDS_N; f++) {
			if (!is_told(st.rows[i], f))
				continue;
			shm_text_str(out, is_first ? "" : ",");
			is_first = false;
			put_json(st.rows[i], f, out);
		}
		shm_text_char(out, ']');
	}
	shm_text_str(out, "]\n");
	shm_stat_fini(&st);
}

void
shm_render_stat_help(struct shm_text *out)
{
	for (int f = 0; f < SHM_STAT_FIELDS_N; f++)
		shm_text_fmt(out, "%d.%s:\"%s\"\n", f, field_name(f),
			     shm_stat_fields[f].help);
}
