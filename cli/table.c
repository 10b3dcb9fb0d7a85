/* SPDX-License-Identifier: MIT
 *
 * Cells in aligned columns, for the terminal.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

void
table_init(struct table *t, const char *const *titles, size_t columns_n)
{
	*t = (struct table){.titles = titles, .columns_n = columns_n};
}

void
table_fini(struct table *t)
{
	for (size_t i = 0; i < t->cells_n; i++)
		shm_text_fini(&t->cells[i]);
	free(t->cells);
	*t = (struct table){0};
}

struct shm_text *
table_cell(struct table *t)
{
	static struct shm_text nowhere; /* when memory ran out */
	if (t->cells_n == t->cells_cap) {
		size_t cap = t->cells_cap ? t->cells_cap * 2 : 256;
		struct shm_text *cells = realloc(t->cells, cap * sizeof(*cells));
		if (!cells) {
			t->failed = true;
			shm_text_clear(&nowhere);
			return &nowhere;
		}
		t->cells = cells;
		t->cells_cap = cap;
	}
	t->cells[t->cells_n] = (struct shm_text){0};
	return &t->cells[t->cells_n++];
}

/* Characters, not bytes: names may be UTF-8. */
static size_t
width_of(const struct shm_text *cell)
{
	size_t n = 0;
	for (size_t i = 0; i < cell->n; i++)
		n += (cell->bytes[i] & 0xc0) != 0x80;
	return n;
}

static void
put(struct shm_text *out, const char *p, size_t n, size_t pad, bool is_left, bool is_last)
{
	if (!is_left)
		shm_text_fmt(out, "%*s", (int)pad, "");
	shm_text_add(out, p, n);
	if (is_left && !is_last)
		shm_text_fmt(out, "%*s", (int)pad, "");
	shm_text_str(out, is_last ? "\n" : "  ");
}

void
table_render(const struct table *t, struct shm_text *out)
{
	size_t widths[TABLE_COLUMNS_MAX];
	size_t n = t->columns_n;
	for (size_t k = 0; k < n; k++) {
		bool is_left = t->titles[k][0] == '<';
		widths[k] = strlen(t->titles[k]) - is_left;
		for (size_t i = k; i < t->cells_n; i += n) {
			size_t w = width_of(&t->cells[i]);
			widths[k] = w > widths[k] ? w : widths[k];
		}
	}
	for (size_t k = 0; k < n; k++) {
		bool is_left = t->titles[k][0] == '<';
		const char *title = t->titles[k] + is_left;
		put(out, title, strlen(title), widths[k] - strlen(title), is_left,
		    k + 1 == n);
	}
	for (size_t i = 0; i < t->cells_n; i++) {
		size_t k = i % n;
		put(out, t->cells[i].bytes, t->cells[i].n,
		    widths[k] - width_of(&t->cells[i]), t->titles[k][0] == '<',
		    k + 1 == n);
	}
	out->failed = out->failed || t->failed;
}
