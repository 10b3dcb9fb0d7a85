/* SPDX-License-Identifier: MIT
 *
 * Maps and ACLs at run time (management.txt 9.3, "show map" ... "commit acl"). What is
 * changed is changed for all workers at once (lib/expr/live.h). Versions that are being
 * prepared are private to this process until they are committed: when it dies, they were
 * never begun.
 */
#include <stdlib.h>
#include <string.h>

#include "control/command.h"
#include "control/self.h"
#include "lib/base/must.h"
#include "lib/expr/live.h"
#include "shm/shared.h"

enum { PATIENCE_MS = 1000, SCRATCH_BYTES = 64 * 1024 };

/* A version that is being prepared. */
struct version {
	struct version *next;
	struct expr_source *source;
	uint32_t number;
	struct arena *arena;
	struct expr_entry *entries;
	size_t n;
};

/* The last number a source has given out. */
struct numbering {
	struct numbering *next;
	const struct expr_source *source;
	uint32_t last;
};

static struct {
	struct version *versions;
	struct numbering *numberings;
} prepared;

/* What "map" and "acl" are called in answers. */
struct kind {
	bool is_map;
	const char *word, *title;
};

static struct kind
kind_of(const struct command_words *w)
{
	bool is_map = strcmp(w->at[1], "map") == 0;
	return (struct kind){is_map, is_map ? "map" : "acl", is_map ? "map" : "ACL"};
}

static struct expr_source *
find_source(struct command_session *s, const struct kind *k, const char *word)
{
	struct expr_source *found = NULL;
	if (word)
		found = expr_source_find(&control.cfg->env, k->is_map, span_str(word));
	if (!found)
		shm_text_fmt(&s->answer,
			     "Unknown %s identifier. Please use #<id> or <file>.\n",
			     k->title);
	return found;
}

/* --- versions -------------------------------------------------------------------------
 */

static struct version *
find_version(const struct expr_source *source, uint32_t number)
{
	for (struct version *v = prepared.versions; v; v = v->next)
		if (v->source == source && v->number == number)
			return v;
	return NULL;
}

static uint32_t
current_version(struct expr_source *source)
{
	struct expr_live_state state;
	expr_live_state(source, &state);
	return state.version;
}

static struct numbering *
find_numbering(const struct expr_source *source)
{
	for (struct numbering *n = prepared.numberings; n; n = n->next)
		if (n->source == source)
			return n;
	return NULL;
}

/* The newest version, prepared or committed. */
static uint32_t
last_version(struct expr_source *source)
{
	const struct numbering *n = find_numbering(source);
	uint32_t current = current_version(source);
	return n && n->last > current ? n->last : current;
}

/* "@12" at w->at[*at], which then moves on. false: there is one, and it is no number. */
static bool
take_version(struct command_session *s, const struct command_words *w, size_t *at,
	     bool *is_given, uint32_t *number)
{
	const char *word = w->at[*at];
	char *end = NULL;
	*is_given = word && word[0] == '@';
	if (!*is_given)
		return true;
	unsigned long v = strtoul(word + 1, &end, 10);
	if (!word[1] || *end || v > UINT32_MAX) {
		shm_text_str(&s->answer, "Version number out of range.\n");
		return false;
	}
	*number = (uint32_t)v;
	++*at;
	return true;
}

/* --- show ------------------------------------------------------------------------------
 */

static size_t
prepared_n(const struct expr_source *source)
{
	size_t n = 0;
	for (const struct version *v = prepared.versions; v; v = v->next)
		if (v->source == source)
			n += v->n;
	return n;
}

static void
put_source(struct command_session *s, const struct kind *k, struct expr_source *source)
{
	struct expr_live_state state;
	expr_live_state(source, &state);
	shm_text_fmt(&s->answer, "%u (%.*s) ", source->id, (int)source->name.n,
		     source->name.n ? source->name.p : "");
	if (source->name.n)
		shm_text_fmt(&s->answer, "pattern loaded from file '%.*s' used by %s",
			     (int)source->name.n, source->name.p, k->word);
	else
		shm_text_fmt(&s->answer, "acl '%.*s'", (int)source->what.n,
			     source->what.p);
	shm_text_fmt(&s->answer, ". curr_ver=%u next_ver=%u entry_cnt=%zu\n",
		     state.version, last_version(source),
		     state.entries_n + prepared_n(source));
}

static void
show_all(struct command_session *s, const struct kind *k)
{
	shm_text_str(&s->answer, "# id (file) description\n");
	for (struct expr_source *p = control.cfg->env.sources; p; p = p->next)
		if (p->lists && p->is_map == k->is_map)
			put_source(s, k, p);
}

/* The first number is what "#" means in other commands. */
static void
put_entries(struct command_session *s, const struct expr_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct expr_entry *e = &entries[i];
		shm_text_fmt(&s->answer, "0x%x ", e->order + 1);
		shm_text_add(&s->answer, e->text.p, e->text.n);
		if (e->value.n) {
			shm_text_char(&s->answer, ' ');
			shm_text_add(&s->answer, e->value.p, e->value.n);
		}
		shm_text_char(&s->answer, '\n');
	}
}

void
command_show_patterns(struct command_session *s, const struct command_words *w)
{
	const struct kind k = kind_of(w);
	size_t at = 2, n;
	bool is_given;
	uint32_t number = 0;
	if (!w->at[2]) {
		show_all(s, &k);
		return;
	}
	if (!take_version(s, w, &at, &is_given, &number))
		return;
	struct expr_source *source = find_source(s, &k, w->at[at]);
	if (!source)
		return;
	const struct version *v = is_given ? find_version(source, number) : NULL;
	if (v)
		put_entries(s, v->entries, v->n);
	if (is_given && number != current_version(source))
		return;
	struct arena *a = arena_new();
	struct expr_entry *entries = expr_live_entries(source, a, &n);
	if (entries)
		put_entries(s, entries, n);
	else
		shm_text_str(&s->answer, "It is being changed too often, try again.\n");
	arena_free(&a);
}

/* --- get -------------------------------------------------------------------------------
 */

static bool
has_tree(const struct expr_patterns *p)
{
	enum expr_match m = expr_patterns_match(p);
	bool is_text = m == EXPR_MATCH_STR || m == EXPR_MATCH_BEG;
	return m == EXPR_MATCH_IP || (is_text && !expr_patterns_is_caseless(p));
}

static void
get_from(struct command_session *s, const struct kind *k, const struct expr_patterns *p,
	 const struct expr_context *c, const char *key)
{
	struct expr_sample sample = {.next = 0};
	struct expr_found found = {.wants_text = true};
	expr_set_str(&sample, span_str(key));
	enum expr_match m = expr_patterns_match(p);
	bool is_found = expr_cast(c, &sample, expr_match_type(m)) &&
			expr_patterns_find(p, c, &sample, &found);
	shm_text_fmt(&s->answer, "type=%s, case=%s, %s=%s", expr_match_name(m),
		     expr_patterns_is_caseless(p) ? "insensitive" : "sensitive",
		     k->is_map ? "found" : "match", is_found ? "yes" : "no");
	if (is_found) {
		shm_text_fmt(&s->answer, ", idx=%s, %s=\"%.*s\"",
			     has_tree(p) ? "tree" : "list", k->is_map ? "key" : "pattern",
			     (int)found.text.n, found.text.n ? found.text.p : "");
		if (k->is_map)
			shm_text_fmt(
				&s->answer, ", value=\"%.*s\", type=\"%s\"",
				(int)found.value.n, found.value.n ? found.value.p : "",
				expr_patterns_values(p) == EXPR_INT ? "sint" : "str");
	}
	shm_text_char(&s->answer, '\n');
}

void
command_get_patterns(struct command_session *s, const struct command_words *w)
{
	const struct kind k = kind_of(w);
	if (!w->at[2] || !w->at[3]) {
		shm_text_fmt(&s->answer, "Missing %s identifier and/or key.\n", k.title);
		return;
	}
	struct expr_source *source = find_source(s, &k, w->at[2]);
	if (!source)
		return;
	static char bytes[SCRATCH_BYTES];
	struct expr_scratch scratch = {bytes, sizeof(bytes), 0};
	const struct expr_host host = {.complain = NULL};
	const struct expr_context c = {.host = &host, .scratch = &scratch};
	for (const struct expr_patterns *p = source->lists; p; p = expr_patterns_next(p))
		get_from(s, &k, p, &c, w->at[3]);
}

/* --- changes
 * ----------------------------------------------------------------------------
 */

static bool
lock(struct command_session *s)
{
	_Atomic uint32_t *word = expr_live_lock(&control.cfg->env);
	if (word && shm_shared_lock(control.shm, word, PATIENCE_MS))
		return true;
	shm_text_str(&s->answer, word ? "Somebody else is changing it, try again.\n"
				      : "Out of memory.\n");
	return false;
}

static void
unlock(void)
{
	shm_shared_unlock(control.shm, expr_live_lock(&control.cfg->env));
}

static void
answer(struct command_session *s, enum expr_live rc, const struct expr_error *err,
       const char *not_found)
{
	if (rc == EXPR_LIVE_NOT_FOUND)
		shm_text_str(&s->answer, not_found);
	else if (rc == EXPR_LIVE_WRONG)
		shm_text_fmt(&s->answer, "%s.\n", err->text);
	else if (rc == EXPR_LIVE_FULL)
		shm_text_str(&s->answer, "Out of memory.\n");
}

static enum expr_live
add_to_version(struct version *v, struct span text, struct span value,
	       struct expr_error *err)
{
	if (expr_live_check(v->source, text, value, err) < 0)
		return EXPR_LIVE_WRONG;
	v->entries = arena_grow(v->arena, v->entries, v->n, sizeof(*v->entries));
	v->entries[v->n] = (struct expr_entry){
		span_of(arena_span(v->arena, text), text.n),
		span_of(arena_span(v->arena, value), value.n), (uint32_t)v->n};
	v->n++;
	return EXPR_LIVE_DONE;
}

/* Where commands that add something add it. */
struct target {
	struct expr_source *source;
	struct version *version; /* NULL: what counts */
};

static bool
add_entry(struct command_session *s, const struct target *to, struct span text,
	  struct span value)
{
	struct expr_error err;
	enum expr_live rc = to->version ? add_to_version(to->version, text, value, &err)
					: expr_live_add(to->source, text, value, &err);
	answer(s, rc, &err, "");
	return rc == EXPR_LIVE_DONE;
}

/* "key value", a line each. */
static void
add_payload(struct command_session *s, const struct kind *k, const struct target *to)
{
	struct span rest = span_str(s->payload);
	while (rest.n) {
		struct span line = span_cut(&rest, '\n');
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		line = span_trim(line);
		struct span value = line;
		struct span key = span_cut(&value, ' ');
		value = span_trim(value);
		if (!line.n)
			continue;
		if (k->is_map && !value.n) {
			shm_text_fmt(&s->answer, "Missing value for key '%.*s'.\n",
				     (int)key.n, key.p);
			return;
		}
		if (!add_entry(s, to, k->is_map ? key : line,
			       k->is_map ? value : span_of(NULL, 0)))
			return;
	}
}

/* The version an addition goes to; false: it is answered. */
static bool
find_target(struct command_session *s, struct expr_source *source, bool is_given,
	    uint32_t number, struct target *out)
{
	*out = (struct target){.source = source};
	if (!is_given || number == current_version(source))
		return true;
	out->version = find_version(source, number);
	if (!out->version)
		shm_text_str(
			&s->answer,
			number > last_version(source)
				? "Version number in the future, please use 'prepare "
				  "map' before.\n"
				: "Version number out of range.\n");
	return out->version != NULL;
}

void
command_add_patterns(struct command_session *s, const struct command_words *w)
{
	const struct kind k = kind_of(w);
	size_t at = 2;
	bool is_given;
	uint32_t number = 0;
	if (!take_version(s, w, &at, &is_given, &number))
		return;
	const char *id = w->at[at], *key = id ? w->at[at + 1] : NULL;
	const char *value = key && k.is_map ? w->at[at + 2] : NULL;
	bool is_complete = id && (s->payload || (key && (value || !k.is_map)));
	if (!is_complete) {
		shm_text_str(&s->answer,
			     k.is_map ? "'add map' expects three parameters (map "
					"identifier, key and value) or one parameter "
					"(map identifier) and a payload\n"
				      : "'add acl' expects two parameters: ACL "
					"identifier and pattern.\n");
		return;
	}
	struct expr_source *source = find_source(s, &k, id);
	struct target to;
	if (!source || !find_target(s, source, is_given, number, &to) || !lock(s))
		return;
	if (s->payload)
		add_payload(s, &k, &to);
	else
		(void)add_entry(s, &to, span_str(key), span_str(value));
	unlock();
}

/* "#0x12": the number "show" tells. false: a key. */
static bool
is_reference(const char *word, struct expr_which *out)
{
	char *end = NULL;
	unsigned long order = word[0] == '#' ? strtoul(word + 1, &end, 16) : 0;
	*out = (struct expr_which){.text = span_str(word)};
	if (word[0] != '#' || !word[1] || *end || order == 0 || order > UINT32_MAX)
		return false;
	*out = (struct expr_which){.order = (uint32_t)order - 1};
	return true;
}

void
command_set_map(struct command_session *s, const struct command_words *w)
{
	const struct kind k = kind_of(w);
	struct expr_which which;
	struct expr_error err;
	if (!w->at[2] || !w->at[3] || !w->at[4]) {
		shm_text_str(&s->answer, "'set map' expects three parameters: map "
					 "identifier, key and value.\n");
		return;
	}
	struct expr_source *source = find_source(s, &k, w->at[2]);
	if (!source || !lock(s))
		return;
	bool is_ref = is_reference(w->at[3], &which);
	enum expr_live rc = expr_live_set(source, which, span_str(w->at[4]), &err);
	unlock();
	answer(s, rc, &err,
	       is_ref ? "key or pattern not found.\n" : "entry not found.\n");
}

void
command_del_patterns(struct command_session *s, const struct command_words *w)
{
	const struct kind k = kind_of(w);
	struct expr_which which;
	if (!w->at[2] || !w->at[3]) {
		shm_text_fmt(&s->answer,
			     "This command expects two parameters: %s identifier and "
			     "key.\n",
			     k.title);
		return;
	}
	struct expr_source *source = find_source(s, &k, w->at[2]);
	if (!source || !lock(s))
		return;
	(void)is_reference(w->at[3], &which);
	enum expr_live rc = expr_live_delete(source, which);
	unlock();
	answer(s, rc, NULL, "Key not found.\n");
}

void
command_clear_patterns(struct command_session *s, const struct command_words *w)
{
	const struct kind k = kind_of(w);
	size_t at = 2;
	bool is_given;
	uint32_t number = 0;
	struct expr_error err;
	if (!take_version(s, w, &at, &is_given, &number))
		return;
	if (!w->at[at]) {
		shm_text_fmt(&s->answer, "Missing %s identifier.\n", k.title);
		return;
	}
	struct expr_source *source = find_source(s, &k, w->at[at]);
	if (!source)
		return;
	struct version *v = is_given ? find_version(source, number) : NULL;
	uint32_t current = current_version(source);
	if (v)
		v->n = 0;
	if ((is_given && number != current) || !lock(s))
		return;
	enum expr_live rc = expr_live_replace(source, NULL, 0, current, &err);
	unlock();
	answer(s, rc, &err, "");
}

/* --- transactions --------------------------------------------------------------------
 */

void
command_prepare_patterns(struct command_session *s, const struct command_words *w)
{
	const struct kind k = kind_of(w);
	struct expr_source *source = find_source(s, &k, w->at[2]);
	if (!source)
		return;
	uint32_t last = last_version(source);
	struct numbering *n = find_numbering(source);
	if (!n) {
		n = must_calloc(1, sizeof(*n));
		n->source = source;
		n->next = prepared.numberings;
		prepared.numberings = n;
	}
	struct version *v = must_calloc(1, sizeof(*v));
	v->source = source;
	v->number = n->last = last + 1;
	v->arena = arena_new();
	v->next = prepared.versions;
	prepared.versions = v;
	shm_text_fmt(&s->answer, "New version created: %u\n", v->number);
}

/* Older ones can't be committed any more. */
static void
forget_up_to(const struct expr_source *source, uint32_t number)
{
	for (struct version **at = &prepared.versions; *at;) {
		struct version *v = *at;
		if (v->source != source || v->number > number) {
			at = &v->next;
			continue;
		}
		*at = v->next;
		arena_free(&v->arena);
		free(v);
	}
}

void
command_commit_patterns(struct command_session *s, const struct command_words *w)
{
	const struct kind k = kind_of(w);
	size_t at = 2;
	bool is_given;
	uint32_t number = 0;
	struct expr_error err;
	if (!take_version(s, w, &at, &is_given, &number))
		return;
	if (!is_given) {
		shm_text_str(&s->answer, "Missing version number.\n");
		return;
	}
	struct expr_source *source = find_source(s, &k, w->at[at]);
	if (!source)
		return;
	struct version *v = find_version(source, number);
	if (!v) {
		shm_text_str(&s->answer, "Version number out of range.\n");
		return;
	}
	if (!lock(s))
		return;
	enum expr_live rc = expr_live_replace(source, v->entries, v->n, number, &err);
	unlock();
	answer(s, rc, &err, "");
	if (rc == EXPR_LIVE_DONE)
		forget_up_to(source, number);
}
