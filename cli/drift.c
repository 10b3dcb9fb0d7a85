/* SPDX-License-Identifier: MIT
 *
 * weirctl drift: what people changed at run time and the files do not say. weirctl save:
 * the same as a file that says it.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "shm/drift.h"

typedef void (*drift_fn)(void *arg, const struct shm_facts *f, struct shm_hand_by by,
			 const struct shm_drift *d);

static void
each(const struct shm *s, drift_fn fn, void *arg)
{
	for (uint32_t i = 0; i < shm_objects_n(s); i++) {
		struct shm_drift found[SHM_DRIFTS_MAX];
		struct shm_object o;
		struct shm_facts f;
		if (!shm_object_at(s, i, &o))
			continue;
		shm_object_facts(s, &o, &f);
		if (!o.is_current && f.membership != SHM_MEMBER_LEFT)
			continue;
		size_t n = shm_drift_of(s, &o, &f, found);
		for (size_t k = 0; k < n; k++)
			fn(arg, &f, shm_hand_by(&o), &found[k]);
	}
}

/* "app/a", "web", "global" */
static void
put_name(struct shm_text *t, const struct shm_facts *f)
{
	if (f->parent[0]) {
		shm_text_plain(t, f->parent);
		shm_text_char(t, '/');
	}
	shm_text_plain(t, f->name);
}

/* --- drift ----------------------------------------------------------------------------
 */

static void
put_when(struct shm_text *t, struct shm_hand_by by)
{
	char text[32] = "-";
	time_t at = (time_t)by.wall_s;
	struct tm tm;
	if (by.wall_s && localtime_r(&at, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	shm_text_str(t, text);
}

static void
put_who(struct shm_text *t, struct shm_hand_by by)
{
	const struct passwd *user = by.wall_s ? getpwuid((uid_t)by.uid) : NULL;
	if (!by.wall_s)
		shm_text_char(t, '-');
	else if (user)
		shm_text_plain(t, user->pw_name);
	else
		shm_text_fmt(t, "uid %u", by.uid);
}

static void
put_row(void *arg, const struct shm_facts *f, struct shm_hand_by by,
	const struct shm_drift *d)
{
	struct table *t = arg;
	put_name(table_cell(t), f);
	shm_text_fmt(table_cell(t), "%s%s", d->field, d->is_passing ? " *" : "");
	shm_text_str(table_cell(t), d->configured);
	shm_text_str(table_cell(t), d->running);
	put_when(table_cell(t), by);
	put_who(table_cell(t), by);
}

static void
put_json(void *arg, const struct shm_facts *f, struct shm_hand_by by,
	 const struct shm_drift *d)
{
	static const char *const kinds[] = {[SHM_GLOBAL] = "global",
					    [SHM_FRONTEND] = "frontend",
					    [SHM_SERVER] = "server"};
	struct shm_text *out = arg, name = {0};
	put_name(&name, f);
	shm_text_str(out, out->n > 1 ? ",\n " : "\n ");
	shm_text_fmt(out, "{\"kind\":\"%s\",\"name\":", kinds[f->kind]);
	shm_text_json(out, name.n ? name.bytes : "");
	shm_text_fmt(out,
		     ",\"field\":\"%s\",\"configured\":\"%s\",\"running\":\"%s\","
		     "\"changed_at\":%u,\"uid\":%u,\"runtime_only\":%s,\"path\":",
		     d->field, d->configured, d->running, by.wall_s, by.uid,
		     d->is_passing ? "true" : "false");
	shm_text_json(out, d->path);
	shm_text_char(out, '}');
	shm_text_fini(&name);
}

static enum cli_exit
draw(struct cli *c, struct shm_text *out)
{
	static const char *const titles[] = {"<OBJECT", "<FIELD",   "<FILES",
					     "<NOW",	"<CHANGED", "<BY"};
	struct table t;
	if (c->is_json) {
		shm_text_char(out, '[');
		each(c->shm, put_json, out);
		shm_text_str(out, "\n]\n");
		return CLI_OK;
	}
	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]));
	each(c->shm, put_row, &t);
	if (t.cells_n)
		table_render(&t, out);
	enum cli_exit rc = t.failed ? CLI_FAILED : CLI_OK;
	table_fini(&t);
	return rc;
}

enum cli_exit
cli_drift(struct cli *c)
{
	enum cli_exit rc = cli_attach(c);
	return rc == CLI_OK ? cli_watch(c, draw) : rc;
}

/* --- save ------------------------------------------------------------------------------
 */

/* The first line, by which such a file is known again. */
#define HEAD "# Written by weirctl save; it may be written anew.\n"
#define MAP  "overlay:\n"

/* "  \"path\": value", one line each; those of new ones first. */
struct saved {
	struct shm_text lines, notes;
	size_t n;
};

static void
put_key(struct shm_text *t, const char *path)
{
	shm_text_str(t, "  ");
	shm_text_json(t, path);
	shm_text_char(t, ':');
}

static bool
has_key(const struct saved *s, const char *key)
{
	return s->lines.n && strstr(s->lines.bytes, key);
}

static void
put_saved(void *arg, const struct shm_facts *f, struct shm_hand_by by,
	  const struct shm_drift *d)
{
	struct saved *s = arg;
	struct shm_text key = {0};
	(void)f;
	(void)by;
	put_key(&key, d->path);
	if (!d->is_passing && !d->value[0]) {
		shm_text_fmt(&s->notes, "# %s has left: take it out of the files.\n",
			     d->path);
	} else if (!d->is_passing && !key.failed && !has_key(s, key.bytes)) {
		shm_text_fmt(&s->lines, "%s %s\n", key.bytes, d->value);
		s->n++;
	}
	s->lines.failed |= key.failed;
	shm_text_fini(&key);
}

/* What an earlier run wrote, and nothing says otherwise since. false: it is no such
 * file. */
static bool
keep_earlier(struct saved *s, const char *file)
{
	char line[4 * SHM_DRIFT_PATH_BYTES + SHM_MEMBER_TEXT_BYTES], key[sizeof(line)];
	FILE *f = fopen(file, "re");
	if (!f)
		return true;
	bool is_ours = fgets(line, sizeof(line), f) && strcmp(line, HEAD) == 0;
	while (is_ours && fgets(line, sizeof(line), f)) {
		const char *end =
			strncmp(line, "  \"", 3) == 0 ? strstr(line, "\":") : NULL;
		if (!end)
			continue;
		snprintf(key, sizeof(key), "%.*s", (int)(end - line) + 2, line);
		if (!has_key(s, key)) {
			shm_text_str(&s->lines, line);
			s->n++;
		}
	}
	fclose(f);
	if (!is_ours)
		cli_error("%s was not written by weirctl save and stays as it is", file);
	return is_ours;
}

/* Complete under another name before it takes the place of the former one. */
static bool
write_file(const char *file, const struct shm_text *text)
{
	char name[4096];
	int n = snprintf(name, sizeof(name), "%s.new", file);
	FILE *f = n > 0 && (size_t)n < sizeof(name) ? fopen(name, "we") : NULL;
	bool is_done = f && fwrite(text->bytes, 1, text->n, f) == text->n;
	if (f)
		is_done = fflush(f) == 0 && fdatasync(fileno(f)) == 0 && is_done;
	if (f && fclose(f) != 0)
		is_done = false;
	is_done = is_done && rename(name, file) == 0;
	if (!is_done)
		cli_error("%s was not written: %s", file, strerror(errno));
	if (f && !is_done)
		(void)remove(name);
	return is_done;
}

enum cli_exit
cli_save(struct cli *c)
{
	const char *file = c->words_n ? c->words[0] : NULL;
	struct saved s = {0};
	struct shm_text out = {0};
	enum cli_exit rc = cli_attach(c);
	if (rc != CLI_OK)
		return rc;
	each(c->shm, put_saved, &s);
	rc = CLI_FAILED;
	if (file && !keep_earlier(&s, file))
		goto end;
	shm_text_str(&out, HEAD);
	shm_text_add(&out, s.notes.bytes, s.notes.n);
	if (s.n) {
		shm_text_str(&out, MAP);
		shm_text_add(&out, s.lines.bytes, s.lines.n);
	}
	if (s.lines.failed || s.notes.failed || out.failed)
		cli_error("out of memory");
	else if (!file)
		rc = cli_print(&out);
	else
		rc = write_file(file, &out) ? CLI_OK : CLI_FAILED;
end:
	shm_text_fini(&s.lines);
	shm_text_fini(&s.notes);
	shm_text_fini(&out);
	return rc;
}
