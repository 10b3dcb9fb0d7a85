/* SPDX-License-Identifier: MIT
 *
 * The files: lines in their order, without those that .if leaves out (configuration.txt
 * 2.4), and the comments. Files follow each other as if they were one.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "import/importing.h"

/* One level of .if. */
struct block {
	struct pos at;
	bool is_taken;	/* its lines count */
	bool was_taken; /* one of its branches was */
	bool has_else;
};

struct reader {
	struct importing *im;
	struct block blocks[IMPORT_IF_DEPTH_MAX];
	size_t depth;
	bool leaves_section_out;
};

/* --- comments ------------------------------------------------------------------- */

static void
add_comment(struct importing *im, struct pos at, const char *text)
{
	struct import *r = im->result;
	r->comments =
		arena_grow(im->arena, r->comments, r->comments_n, sizeof(*r->comments));
	r->comments[r->comments_n++] = (struct import_comment){.at = at, .text = text};
}

void
import_leave_comment(struct importing *im, const struct import_line *line,
		     unsigned for_line)
{
	add_comment(im, line->at,
		    arena_printf(im->arena, " NOT TAKEN OVER (%s:%u): %s", line->at.file,
				 line->at.line, line->raw + strspn(line->raw, " \t")));
	im->result->comments[im->result->comments_n - 1].for_line = for_line;
}

/* What was said since the last line belongs to this one. */
static void
tie_comments(struct importing *im, struct pos at)
{
	for (; im->comments_tied_n < im->result->comments_n; im->comments_tied_n++)
		im->result->comments[im->comments_tied_n].for_line = at.line;
}

/* --- conditions ------------------------------------------------------------------ */

static bool
is_live(const struct reader *r)
{
	return r->depth == 0 || r->blocks[r->depth - 1].is_taken;
}

/* The words behind the directive as one text. */
static const char *
text_of(struct importing *im, const struct import_line *line)
{
	const char *text = "";
	for (size_t i = 1; i < line->n; i++)
		text = arena_printf(im->arena, "%s%s%s", text, i > 1 ? " " : "",
				    line->words[i].text);
	return text;
}

static bool
holds(struct reader *r, const struct import_line *line)
{
	const char *err = NULL;
	int result = import_condition(r->im, text_of(r->im, line), &err);
	if (result < 0)
		import_lost(r->im, line->at, "%s: %s", line->words[0].text, err);
	return result == 1;
}

static void
begin_block(struct reader *r, const struct import_line *line)
{
	if (r->depth == IMPORT_IF_DEPTH_MAX) {
		import_lost(r->im, line->at, "nested deeper than %d levels of .if",
			    IMPORT_IF_DEPTH_MAX);
		return;
	}
	bool may = is_live(r), is_taken = may && holds(r, line);
	/* below a block that is left out no branch is looked at */
	r->blocks[r->depth++] = (struct block){
		.at = line->at, .is_taken = is_taken, .was_taken = is_taken || !may};
}

static void
next_branch(struct reader *r, const struct import_line *line, bool is_else)
{
	struct block *b = r->depth ? &r->blocks[r->depth - 1] : NULL;
	if (!b || b->has_else) {
		import_lost(r->im, line->at, "%s without .if before it",
			    line->words[0].text);
		return;
	}
	b->has_else = is_else;
	b->is_taken = !b->was_taken && (is_else || holds(r, line));
	b->was_taken |= b->is_taken;
}

static void
begin_other(struct reader *r, const struct import_line *line)
{
	next_branch(r, line, false);
}

static void
begin_else(struct reader *r, const struct import_line *line)
{
	next_branch(r, line, true);
}

static void
end_block(struct reader *r, const struct import_line *line)
{
	if (r->depth == 0)
		import_lost(r->im, line->at, ".endif without .if before it");
	else
		r->depth--;
}

static void
tell(struct reader *r, const struct import_line *line)
{
	if (is_live(r))
		import_note(r->im, line->at, "%s", text_of(r->im, line));
}

static void
refuse(struct reader *r, const struct import_line *line)
{
	if (is_live(r))
		import_lost(r->im, line->at, "%s", text_of(r->im, line));
}

/* Lines that begin with a dot. */
static const struct {
	const char *word;
	void (*act)(struct reader *r, const struct import_line *line);
} directives[] = {
	{".if", begin_block},  {".elif", begin_other}, {".else", begin_else},
	{".endif", end_block}, {".alert", refuse},     {".warning", tell},
	{".notice", tell},     {".diag", tell},
};

static void
direct(struct reader *r, const struct import_line *line)
{
	for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++)
		if (strcmp(directives[i].word, line->words[0].text) == 0) {
			directives[i].act(r, line);
			return;
		}
	if (is_live(r))
		import_lost(r->im, line->at, "unknown directive '%s'",
			    line->words[0].text);
}

/* --- variables ------------------------------------------------------------------- */

static void
set_variable(struct importing *im, const char *name, const char *value)
{
	im->variables = arena_grow(im->arena, im->variables, im->variables_n,
				   sizeof(*im->variables));
	im->variables[im->variables_n++] = (struct import_variable){name, value};
}

/* setenv and its kin, which hold from the next line on. */
static void
note_variables(struct importing *im, const struct import_line *l)
{
	const char *word = l->words[0].text;
	bool is_own;
	if (strcmp(word, "setenv") == 0 && l->n > 2)
		set_variable(im, l->words[1].text, l->words[2].text);
	else if (strcmp(word, "presetenv") == 0 && l->n > 2 &&
		 !import_variable(im, l->words[1].text, &is_own))
		set_variable(im, l->words[1].text, l->words[2].text);
	else if (strcmp(word, "unsetenv") == 0)
		for (size_t i = 1; i < l->n; i++)
			set_variable(im, l->words[i].text, NULL);
}

/* --- files ------------------------------------------------------------------------- */

static bool
is_refused(const struct importing *im, struct pos at)
{
	for (size_t i = 0; i < im->refusals_n; i++)
		if (im->refusals[i].line == at.line &&
		    strcmp(im->refusals[i].file, at.file) == 0)
			return true;
	return false;
}

/* Whether the loader refused the line, or the head of its section. */
static bool
is_left_out(struct reader *r, const struct import_line *line)
{
	struct importing *im = r->im;
	const char *word = line->words[0].text;
	bool is_head = import_is_section(word), is_out = is_refused(im, line->at);
	if (is_head) {
		im->section_name = line->n > 1 ? line->words[1].text : word;
		r->leaves_section_out = is_out;
	}
	if (!is_out && !r->leaves_section_out)
		return false;
	import_leave_comment(im, line, 0);
	return true;
}

static void
take_line(struct reader *r, struct import_line *line)
{
	struct importing *im = r->im;
	const char *comment, *begin = line->raw + strspn(line->raw, " \t");
	if (begin[0] != '.' && begin[0] != '#' && !is_live(r))
		return;
	bool is_good = import_line_cut(im, line, &comment);
	if (comment && is_live(r))
		add_comment(im, line->at, comment);
	if (!is_good || line->n == 0)
		return;
	if (begin[0] == '.') {
		direct(r, line);
		return;
	}
	if (is_left_out(r, line))
		return;
	tie_comments(im, line->at);
	note_variables(im, line);
	im->lines = arena_grow(im->arena, im->lines, im->lines_n, sizeof(*im->lines));
	im->lines[im->lines_n++] = *line;
}

static void
take_text(struct reader *r, const char *path, char *text)
{
	unsigned number = 0;
	for (char *next = text; next && *next;) {
		struct import_line line = {.at = {path, ++number, 1}, .raw = next};
		char *end = strchr(next, '\n');
		next = end ? end + 1 : NULL;
		if (end && end > line.raw && end[-1] == '\r')
			end[-1] = '\0';
		if (end)
			*end = '\0';
		take_line(r, &line);
	}
}

static char *
slurp(struct importing *im, const char *path, FILE *f)
{
	size_t cap = 1 << 16, n = 0;
	char *bytes = arena_alloc(im->arena, cap);
	struct pos at = {path, 0, 0};
	for (;;) {
		n += fread(bytes + n, 1, cap - n - 1, f);
		if (ferror(f)) {
			import_lost(im, at, "cannot be read: %s", strerror(errno));
			return NULL;
		}
		if (n < cap - 1)
			break;
		if (cap > IMPORT_FILE_BYTES_MAX) {
			import_lost(im, at,
				    "is larger than 64 MB; expected a configuration");
			return NULL;
		}
		char *bigger = arena_alloc(im->arena, 2 * cap);
		memcpy(bigger, bytes, n);
		bytes = bigger;
		cap *= 2;
	}
	bytes[n] = '\0';
	if (memchr(bytes, '\0', n)) {
		import_lost(im, at, "holds a NUL byte; expected text");
		return NULL;
	}
	return bytes;
}

static bool
read_file(struct reader *r, const char *path)
{
	struct importing *im = r->im;
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!f) {
		import_lost(im, (struct pos){path, 0, 0}, "cannot be opened: %s",
			    strerror(errno));
		return false;
	}
	char *text = slurp(im, path, f);
	if (f != stdin)
		fclose(f);
	if (!text)
		return false;
	take_text(r, path, text);
	for (; r->depth > 0; r->depth--)
		import_lost(im, r->blocks[r->depth - 1].at, ".if without .endif");
	return true;
}

static int
is_cfg(const struct dirent *d)
{
	struct span name = span_str(d->d_name);
	return name.p[0] != '.' && span_ends(name, SPAN(".cfg"));
}

static int
lexical(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool
read_directory(struct reader *r, const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_cfg, lexical);
	bool is_good = n >= 0;
	if (n < 0)
		import_lost(r->im, (struct pos){path, 0, 0}, "cannot be read: %s",
			    strerror(errno));
	for (int i = 0; i < n; i++) {
		is_good &= read_file(
			r, arena_printf(r->im->arena, "%s/%s", path, entries[i]->d_name));
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return is_good;
}

bool
import_source(struct importing *im, const char *const *paths, size_t n)
{
	struct reader r = {.im = im};
	struct stat st;
	bool is_good = true;
	for (size_t i = 0; i < n; i++) {
		const char *path = arena_strdup(im->arena, paths[i]);
		bool is_directory = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
		is_good &= is_directory ? read_directory(&r, path) : read_file(&r, path);
	}
	return is_good;
}
