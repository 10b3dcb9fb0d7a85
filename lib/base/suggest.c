/* SPDX-License-Identifier: MIT
 *
 * Edit distance (optimal string alignment) over short names. Any process.
 */
#include "lib/base/suggest.h"

static unsigned char
fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		c = (char)(c - 'A' + 'a');
	return (unsigned char)(c == '-' ? '_' : c);
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

size_t
suggest_distance(struct span a, struct span b, size_t limit)
{
	size_t gap = a.n > b.n ? a.n - b.n : b.n - a.n;
	if (a.n > SUGGEST_BYTES || b.n > SUGGEST_BYTES || gap > limit)
		return limit + 1;
	/* three rows of the table: two back (for swaps), one back, this one */
	size_t rows[3][SUGGEST_BYTES + 1];
	size_t *back2 = rows[0], *back = rows[1], *row = rows[2];
	for (size_t j = 0; j <= b.n; j++)
		back[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t differs = fold(a.p[i - 1]) != fold(b.p[j - 1]);
			row[j] = min3(back[j] + 1, row[j - 1] + 1, back[j - 1] + differs);
			if (i > 1 && j > 1 && fold(a.p[i - 1]) == fold(b.p[j - 2]) &&
			    fold(a.p[i - 2]) == fold(b.p[j - 1]) &&
			    back2[j - 2] + 1 < row[j])
				row[j] = back2[j - 2] + 1;
		}
		size_t *free_row = back2;
		back2 = back;
		back = row;
		row = free_row;
	}
	return back[b.n] > limit ? limit + 1 : back[b.n];
}

struct suggest
suggest_begin(struct span wrong)
{
	/* a third of the name may be wrong, but at least one letter */
	size_t allowed = wrong.n < 3 ? 1 : (wrong.n + 2) / 3;
	return (struct suggest){.wrong = wrong, .distance = allowed + 1};
}

void
suggest_offer(struct suggest *s, const char *candidate)
{
	struct span c = span_str(candidate);
	size_t d = suggest_distance(s->wrong, c, s->distance);
	/* a name that shares no letter with what was written is no help */
	if (d < s->distance && d < c.n && d < s->wrong.n) {
		s->distance = d;
		s->best = candidate;
	}
}
