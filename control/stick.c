/* SPDX-License-Identifier: MIT
 *
 * Commands on stick tables (management.txt 9.3: show table, clear table, set table),
 * and `load table`, by which weirctl hands a file on.
 */
#include <stdlib.h>
#include <string.h>

#include "control/command.h"
#include "control/self.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "shm/snapshot.h"
#include "shm/stick/text.h"

/* A table somebody has named, and which of its entries. */
struct named {
	struct shm_stick stick;
	struct shm_stick_query query;
	unsigned char key[STICK_KEY_BYTES_MAX];
};

static void
say(struct command_session *s, const char *text)
{
	shm_text_str(&s->answer, text);
	shm_text_char(&s->answer, '\n');
}

/* What is said when nothing names a table, or something stands where none can. */
struct usage {
	const char *no_table, *no_option;
};

static const char clear_usage[] =
	"Required arguments: <table> \"data.<store_data_type>\" <operator> <value> or "
	"<table> key <key>";
static const char set_usage[] =
	"Required arguments: <table> key <key> [data.<store_data_type> <value>]*";
static const struct usage
	show_words = {"No table was named.",
		      "Optional argument only supports \"data.<store_data_type>\" "
		      "<operator> <value> and key <key>"},
	clear_words = {clear_usage, clear_usage}, set_words = {set_usage, set_usage};

static bool
say_wrong_filter(struct command_session *s, unsigned number, enum shm_stick_wrong wrong)
{
	static const char *const words[SHM_STICK_WRONGS_N] = {
		[SHM_STICK_NO_TYPE] = "Unknown data type",
		[SHM_STICK_NOT_STORED] = "Data type not stored in this table",
		[SHM_STICK_NO_OPERATOR] = "Require and operator among \"eq\", \"ne\", "
					  "\"le\", \"ge\", \"lt\", \"gt\"",
		[SHM_STICK_NO_NUMBER] =
			"Require a valid integer value to compare against",
		[SHM_STICK_TOO_MANY] = "One filter too many",
	};
	shm_text_fmt(&s->answer, "Filter entry #%u: %s\n", number, words[wrong]);
	return false;
}

/* "key K", or filters "data.TYPE OPERATOR N". false: answers itself what is wrong. */
static bool
read_choice(struct command_session *s, const struct command_words *w, struct named *n,
	    const struct usage *usage)
{
	char *const *at = w->at + 3;
	if (*at && strcmp(*at, "key") == 0) {
		n->query.key = n->key;
		if (at[1] && shm_stick_parse_key(&n->stick.spec, at[1], n->key))
			return true; /* of `set table`: the values follow */
		say(s, at[1] ? "Invalid key" : "Key value expected");
		return false;
	}
	for (unsigned i = 1; *at; i++) {
		if (strncmp(*at, "data.", 5) != 0) {
			say(s, usage->no_option);
			return false;
		}
		enum shm_stick_wrong wrong = shm_stick_add_filter(
			&n->query, &n->stick.spec, at[0], at[1], at[1] ? at[2] : NULL);
		if (wrong)
			return say_wrong_filter(s, i, wrong);
		at += 3;
	}
	return true;
}

/* Answers itself what is wrong; else the caller ends with shm_stick_fini(). */
static bool
find_named(struct command_session *s, const struct command_words *w, struct named *n,
	   const struct usage *usage)
{
	struct shm_object o;
	if (!w->at[2]) {
		say(s, usage->no_table);
		return false;
	}
	if (!shm_stick_find(control.shm, w->at[2], &o) ||
	    !shm_stick_open(&n->stick, &o)) {
		say(s, "No such table");
		return false;
	}
	n->query = (struct shm_stick_query){
		.sort = -1, .region = control.shm, .is_haproxys = true};
	if (read_choice(s, w, n, usage))
		return true;
	shm_stick_fini(&n->stick);
	return false;
}

void
command_show_table(struct command_session *s, const struct command_words *w)
{
	struct named n;
	if (w->at[2]) {
		if (!find_named(s, w, &n, &show_words))
			return;
		shm_stick_render(&n.stick, w->at[2], &n.query, clock_mono_ms(),
				 &s->answer);
		shm_stick_fini(&n.stick);
		return;
	}
	for (uint32_t i = 0; i < shm_objects_n(control.shm); i++) {
		struct shm_object o;
		struct shm_facts f;
		if (!shm_object_at(control.shm, i, &o) || o.kind != SHM_TABLE ||
		    !o.is_current || !shm_stick_open(&n.stick, &o))
			continue;
		shm_object_facts(control.shm, &o, &f);
		shm_text_fmt(
			&s->answer, "# table: %s, type: %s, size:%llu, used:%llu\n",
			f.name, stick_key_name(n.stick.spec.key),
			(unsigned long long)n.stick.spec.size,
			(unsigned long long)shm_stick_live(&n.stick, clock_mono_ms()));
		shm_stick_fini(&n.stick);
	}
}

/* --- clear -----------------------------------------------------------------------------
 */

/* What somebody tracks stays: its counts belong to living connections. */
static void
clear_one(struct command_session *s, struct named *n)
{
	struct shm_stick_view v;
	enum shm_stick_result r = shm_stick_read(&n->stick, n->key, clock_mono_ms(), &v);
	if (r == SHM_STICK_OK && v.refs) {
		say(s, "Entry currently in use, cannot remove");
		return;
	}
	r = shm_stick_remove(control.shm, &n->stick, n->key);
	if (r == SHM_STICK_BUSY)
		say(s, "Entry is busy. Please try again.");
}

static void
clear_all(struct named *n)
{
	struct shm_stick_view *v = &(struct shm_stick_view){.refs = 0};
	enum shm_stick_result r;
	uint64_t at = 0, now_ms = clock_mono_ms();
	while ((r = shm_stick_each(&n->stick, &at, now_ms, v)) != SHM_STICK_NONE)
		if (r == SHM_STICK_OK && !v->refs && shm_stick_matches(&n->query, v))
			(void)shm_stick_remove(control.shm, &n->stick, v->key);
}

void
command_clear_table(struct command_session *s, const struct command_words *w)
{
	struct named n;
	if (!find_named(s, w, &n, &clear_words))
		return;
	if (n.query.key)
		clear_one(s, &n);
	else
		clear_all(&n);
	shm_stick_fini(&n.stick);
}

/* --- set -------------------------------------------------------------------------------
 */

enum { SETS_MAX = 32 };

/* Another place set by hand: the server is no longer the one that was stored. */
static int
forgets_key(const struct stick_spec *spec, uint16_t value, struct shm_stick_op *op,
	    bool has_room)
{
	const struct stick_column *id = stick_spec_find(spec, STICK_server_id),
				  *key = stick_spec_find(spec, STICK_server_key);
	if (!id || !key || id->value != value || !has_room)
		return 0;
	*op = (struct shm_stick_op){key->value, SHM_STICK_SET, 0};
	return 1;
}

/* "data.gpc0 5 data.gpt0 7". The number of changes, -1: wrong (answered). */
static int
read_sets(struct command_session *s, const struct command_words *w, size_t from,
	  const struct stick_spec *spec, struct shm_stick_op ops[SETS_MAX])
{
	int n = 0;
	for (size_t i = from; w->at[i]; i += 2) {
		uint16_t value;
		uint64_t v;
		if (strncmp(w->at[i], "data.", 5) != 0) {
			say(s, "\"data.<type>\" followed by a value expected");
			return -1;
		}
		enum shm_stick_wrong wrong =
			shm_stick_parse_value(spec, w->at[i], &value);
		if (wrong) {
			say(s, wrong == SHM_STICK_NO_TYPE
				       ? "Unknown data type"
				       : "Data type not stored in this table");
			return -1;
		}
		if (n == SETS_MAX || !w->at[i + 1] ||
		    num_u64(span_str(w->at[i + 1]), &v) != NUM_OK) {
			say(s, "Require a valid integer value to store");
			return -1;
		}
		ops[n++] = (struct shm_stick_op){value, SHM_STICK_SET, v};
		n += forgets_key(spec, value, &ops[n], n < SETS_MAX);
	}
	return n;
}

void
command_set_table(struct command_session *s, const struct command_words *w)
{
	struct shm_stick_op ops[SETS_MAX];
	struct named n;
	if (w->at[2] && (!w->at[3] || strcmp(w->at[3], "key") != 0)) {
		say(s, set_usage);
		return;
	}
	if (!find_named(s, w, &n, &set_words))
		return;
	int ops_n = read_sets(s, w, 5, &n.stick.spec, ops);
	if (ops_n >= 0) {
		enum shm_stick_result r = shm_stick_update(
			control.shm, &n.stick, n.key, clock_mono_ms(), ops,
			(unsigned)ops_n, SHM_STICK_CREATE, NULL, NULL);
		if (r == SHM_STICK_FULL)
			say(s, "Unable to allocate a new entry");
		else if (r == SHM_STICK_BUSY)
			say(s, "Entry is busy. Please try again.");
	}
	shm_stick_fini(&n.stick);
}

/* --- load ------------------------------------------------------------------------------
 */

enum { LOAD_BLOCKS = 32 }; /* of 64 KB, in one go: some milliseconds */

/* Answers "next OFFSET", "end", or what is wrong; then what became of the keys. */
static void
load_some(struct command_session *s, struct shm_stick *t, uint64_t offset)
{
	struct shm_snapshot_load r;
	enum shm_snapshot_result got = SHM_SNAPSHOT_MORE;
	char err[SHM_ERROR_BYTES];
	if (!shm_snapshot_load_begin(&r, s->fd, t, offset, err)) {
		say(s, err);
		return;
	}
	for (int i = 0; i < LOAD_BLOCKS && got == SHM_SNAPSHOT_MORE; i++)
		got = shm_snapshot_load_some(&r, control.shm, err);
	if (got == SHM_SNAPSHOT_MORE)
		shm_text_fmt(&s->answer, "next %llu", (unsigned long long)r.at);
	else
		shm_text_str(&s->answer, got == SHM_SNAPSHOT_END ? "end" : err);
	shm_text_fmt(&s->answer, "\nloaded %llu expired %llu left_out %llu\n",
		     (unsigned long long)r.loaded_n, (unsigned long long)r.expired_n,
		     (unsigned long long)r.left_out_n);
	shm_snapshot_load_end(&r);
}

void
command_load_table(struct command_session *s, const struct command_words *w)
{
	struct shm_object o;
	struct shm_stick t;
	uint64_t offset;
	if (!w->at[2] || !w->at[3] || num_u64(span_str(w->at[3]), &offset) != NUM_OK ||
	    offset > INT64_MAX) {
		say(s, "Required arguments: <table> <offset>");
	} else if (s->fd < 0) {
		say(s, "Require a file that comes with the command (weirctl table load)");
	} else if (!shm_stick_find(control.shm, w->at[2], &o) ||
		   !shm_stick_open(&t, &o)) {
		say(s, "No such table");
	} else {
		load_some(s, &t, offset);
		shm_stick_fini(&t);
	}
}
