/* SPDX-License-Identifier: MIT
 *
 * Sections: where each goes in the tree, and which defaults hold for a proxy.
 */
#include <string.h>

#include "import/words.h"

/* What the schema has for the lines of a section. */
static const struct section_row {
	const char *word, *path; /* path: the map of such sections in the root */
	enum schema_section in;
	unsigned where;
} sections[] = {
	{"global", "global", SECTION_global, WHERE_ANY},
	{"defaults", "defaults", SECTION_proxy, WHERE_DEFAULTS},
	{"frontend", "frontends", SECTION_proxy, WHERE_FRONTEND},
	{"backend", "backends", SECTION_proxy, WHERE_BACKEND},
	{"listen", "listens", SECTION_proxy, WHERE_LISTEN},
	{"userlist", "userlists", SECTION_userlist, WHERE_ANY},
	{"http-errors", "http_errors", SECTION_error_files, WHERE_ANY},
	{"peers", "peers", SECTION_none, WHERE_ANY},
	{"resolvers", "resolvers", SECTION_none, WHERE_ANY},
	{"mailers", "mailers", SECTION_none, WHERE_ANY},
	{"cache", "caches", SECTION_none, WHERE_ANY},
	{"ring", "rings", SECTION_none, WHERE_ANY},
	{"program", "programs", SECTION_none, WHERE_ANY},
	{"fcgi-app", "fcgi_apps", SECTION_none, WHERE_ANY},
	{"log-forward", "log_forwards", SECTION_none, WHERE_ANY},
	{"log-profile", "log_profiles", SECTION_none, WHERE_ANY},
	{"crt-store", "crt_stores", SECTION_none, WHERE_ANY},
	{"traces", "traces", SECTION_none, WHERE_ANY},
	{"healthcheck", "healthchecks", SECTION_none, WHERE_ANY},
	{"acme", "acmes", SECTION_none, WHERE_ANY},
	{"dynamic-update", "dynamic_updates", SECTION_none, WHERE_ANY},
};

static const struct section_row *
find_section(const char *word)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (strcmp(sections[i].word, word) == 0)
			return &sections[i];
	return NULL;
}

bool
import_is_section(const char *word)
{
	return find_section(word) != NULL;
}

/* The map of all sections of a kind. */
static struct node *
all_of(struct importing *im, const char *path, struct pos at)
{
	struct node *map = node_get(im->result->root, path);
	if (!map) {
		map = node_new(im->arena, NODE_MAP, at);
		node_put(im->arena, im->result->root, path, map);
	}
	return map;
}

/* --- defaults and who starts from them
 * -------------------------------------------------- */

static struct import_base *
find_base(struct importing *im, const char *name)
{
	for (size_t i = im->bases_n; i-- > 0;)
		if (im->bases[i].name && strcmp(im->bases[i].name, name) == 0)
			return &im->bases[i];
	return NULL;
}

/* The word behind "from", or NULL. */
static const char *
named_base(const struct import_line *l)
{
	for (size_t i = 1; i + 1 < l->n; i++)
		if (strcmp(l->words[i].text, "from") == 0)
			return l->words[i + 1].text;
	return NULL;
}

static void
begin_defaults(struct importing *im, const struct import_line *l)
{
	bool has_name = l->n > 1 && strcmp(l->words[1].text, "from") != 0;
	const char *from = named_base(l);
	struct node *map = node_new(im->arena, NODE_MAP, l->at);
	im->bases = arena_grow(im->arena, im->bases, im->bases_n, sizeof(*im->bases));
	im->bases[im->bases_n++] = (struct import_base){
		.name = has_name ? l->words[1].text : NULL, .map = map, .at = l->at};
	if (from && !find_base(im, from))
		import_lost(im, l->at, "there are no defaults '%s' above", from);
	else if (from)
		node_put(im->arena, map, "from", import_scalar(im, l, l->n - 1, from));
	im->section = map;
	im->base = map;
}

/* The map of a proxy; what it starts from is noted, and gets a name when all is read. */
static void
begin_proxy(struct importing *im, const struct import_line *l,
	    const struct section_row *s)
{
	struct arena *a = im->arena;
	const char *from = named_base(l), *name = l->n > 1 ? l->words[1].text : NULL;
	if (!name) {
		import_lost(im, l->at, "'%s' needs a name", s->word);
		return;
	}
	struct node *all = all_of(im, s->path, l->at),
		    *map = node_new(a, NODE_MAP, l->at);
	size_t there = node_find(all, name);
	if (there < all->n) {
		import_lost(im, l->at, "%s '%s' is here twice; the first is at %s:%u",
			    s->word, name, all->items[there]->pos.file,
			    all->items[there]->pos.line);
		return;
	}
	struct import_base *named = from ? find_base(im, from) : NULL;
	if (from && !named)
		import_lost(im, l->at, "there are no defaults '%s' above", from);
	im->uses = arena_grow(a, im->uses, im->uses_n, sizeof(*im->uses));
	im->uses[im->uses_n++] = (struct import_use){
		.map = map, .base = named ? named->map : im->base, .where = s->where};
	struct node *key = node_scalar(a, name, l->at);
	key->serial = (unsigned)im->uses_n;
	node_add(a, all, key, map);
	im->section = map;
	/* listen NAME ADDRESS:PORT, of old */
	if (l->n > 2 && strcmp(l->words[2].text, "from") != 0)
		node_put(a, map, "bind", import_scalar(im, l, 2, l->words[2].text));
}

static void
begin_other(struct importing *im, const struct import_line *l,
	    const struct section_row *s)
{
	const struct schema_key *k = schema_find(SECTION_root, s->path);
	if (s->in == SECTION_global) {
		im->section = all_of(im, s->path, l->at);
		return;
	}
	if (!k || l->n < 2) {
		import_lost(im, l->at,
			    k ? "'%s' needs a name"
			      : "sections '%s' are not implemented in this release",
			    s->word);
		return;
	}
	im->in = k->sub;
	im->section = node_new(im->arena, NODE_MAP, l->at);
	node_put(im->arena, all_of(im, s->path, l->at), l->words[1].text, im->section);
}

static void
begin(struct importing *im, const struct import_line *l, const struct section_row *s)
{
	im->head = l;
	im->in = s->in;
	im->where = s->where;
	im->section = NULL;
	if (s->where == WHERE_DEFAULTS)
		begin_defaults(im, l);
	else if (s->in == SECTION_proxy)
		begin_proxy(im, l, s);
	else
		begin_other(im, l, s);
}

/* "no option httplog", "no log" */
static void
take_back(struct importing *im, const struct import_line *l)
{
	struct arena *a = im->arena;
	struct cursor c = {.im = im, .line = l};
	const char *word = l->n > 1 ? l->words[1].text : "", *key;
	if (strcmp(word, "option") == 0 && l->n > 2) {
		const char *path =
			arena_printf(a, "option.%s", import_snake(a, l->words[2].text));
		struct node *map = import_reach(&c, im->section, path, &key);
		if (map)
			import_put(&c, map, key, import_scalar(im, l, 2, "false"));
	} else if (strcmp(word, "log") == 0) {
		import_put(&c, im->section, "log", import_scalar(im, l, 1, "none"));
	} else if (strcmp(word, "disabled") == 0 || strcmp(word, "enabled") == 0) {
		import_put(&c, im->section, "disabled",
			   import_scalar(im, l, 1, word[0] == 'e' ? "true" : "false"));
	} else {
		import_lost(im, l->at, "'no %s' is not known; write what is wanted",
			    word);
	}
}

static void
translate_line(struct importing *im, const struct import_line *l)
{
	const struct section_row *s = find_section(l->words[0].text);
	if (s)
		begin(im, l, s);
	else if (!im->head)
		import_lost(im, l->at,
			    "'%s' stands before all sections; expected one such "
			    "as 'global'",
			    l->words[0].text);
	else if (!im->section)
		return; /* told at its head */
	else if (strcmp(l->words[0].text, "no") == 0)
		take_back(im, l);
	else
		import_line(im, im->in, l);
}

void
import_translate(struct importing *im)
{
	for (size_t i = 0; i < im->lines_n; i++) {
		const struct import_line *l = &im->lines[i];
		size_t lost_n = im->result->lost_n;
		translate_line(im, l);
		if (im->result->lost_n > lost_n || (im->head && !im->section))
			import_leave_comment(im, l, l->at.line);
	}
}
