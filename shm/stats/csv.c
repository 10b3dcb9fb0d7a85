/* SPDX-License-Identifier: MIT
 *
 * HAProxy's CSV of a snapshot, for programs: the columns are the table of fields.
 */
#include "shm/stats/render.h"

static const char *
column(int f)
{
	return f == SHM_STAT_separator ? "-" : shm_stat_fields[f].name;
}

void
shm_render_csv(const struct shm *s, const struct shm_stat_opts *opts,
	       struct shm_text *out)
{
	struct shm_stat st;
	if (shm_stat_take(s, opts, &st) != 0) {
		out->failed = true;
		return;
	}
	/* as HAProxy writes it: every field ends with a comma, the last one too */
	shm_text_str(out, "# ");
	for (int f = 0; f < SHM_STAT_FIELDS_N; f++) {
		shm_text_str(out, column(f));
		shm_text_char(out, ',');
	}
	shm_text_char(out, '\n');
	for (size_t i = 0; i < st.rows_n; i++) {
		const struct shm_stat_value *v = st.rows[i]->v;
		for (int f = 0; f < SHM_STAT_FIELDS_N; f++) {
			if (v[f].is_set && shm_stat_fields[f].is_text)
				shm_text_csv(out, v[f].u.text);
			else if (v[f].is_set)
				shm_text_u64(out, v[f].u.n);
			shm_text_char(out, ',');
		}
		shm_text_char(out, '\n');
	}
	shm_stat_fini(&st);
}
