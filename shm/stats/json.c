/* SPDX-License-Identifier: MIT
 *
 * JSON of a snapshot: one object per row, the names of HAProxy's CSV, numbers as
 * numbers, only fields that are filled.
 */
#include "shm/stats/render.h"

static void
put_row(const struct shm_stat_row *r, struct shm_text *out)
{
	bool is_first = true;
	shm_text_char(out, '{');
	for (int f = 0; f < SHM_STAT_FIELDS_N; f++) {
		const struct shm_stat_value *v = &r->v[f];
		if (!v->is_set || f == SHM_STAT_separator)
			continue;
		shm_text_str(out, is_first ? "" : ",");
		is_first = false;
		shm_text_json(out, shm_stat_fields[f].name);
		shm_text_char(out, ':');
		if (shm_stat_fields[f].is_text)
			shm_text_json(out, v->u.text);
		else
			shm_text_u64(out, v->u.n);
	}
	shm_text_char(out, '}');
}

void
shm_render_json(const struct shm *s, const struct shm_stat_opts *opts,
		struct shm_text *out)
{
	struct shm_stat st;
	if (shm_stat_take(s, opts, &st) != 0) {
		out->failed = true;
		return;
	}
	shm_text_str(out, "[");
	for (size_t i = 0; i < st.rows_n; i++) {
		shm_text_str(out, i ? ",\n " : "\n ");
		put_row(st.rows[i], out);
	}
	shm_text_str(out, "\n]\n");
	shm_stat_fini(&st);
}
