/* SPDX-License-Identifier: MIT
 *
 * weirctl table: the stick tables, and what is in one. Read from the region, without
 * locks; changes are control's.
 */
#include <string.h>

#include "cli/cli.h"
#include "lib/base/clock.h"
#include "shm/stick/text.h"

/* --- all tables ------------------------------------------------------------------------
 */

static void
put_table_json(struct shm_text *out, const struct shm_facts *f, const struct shm_stick *t)
{
	shm_text_str(out, out->n > 1 ? ",\n{\"table\":" : "{\"table\":");
	shm_text_json(out, f->name);
	shm_text_fmt(out, ",\"type\":\"%s\",\"size\":%llu,\"used\":%llu,\"bytes\":%llu}",
		     stick_key_name(t->spec.key), (unsigned long long)t->spec.size,
		     (unsigned long long)shm_stick_used(t),
		     (unsigned long long)t->spec.bytes);
}

static void
put_table(struct table *table, const struct shm_facts *f, const struct shm_stick *t,
	  bool is_gone)
{
	char text[STICK_TEXT_BYTES] = "";
	(void)stick_spec_write(&t->spec, text);
	const char *store = strstr(text, "store=");
	struct shm_text *name = table_cell(table);
	shm_text_plain(name, f->name);
	shm_text_str(name, is_gone ? " (gone)" : "");
	shm_text_str(table_cell(table), stick_key_name(t->spec.key));
	shm_text_u64(table_cell(table), t->spec.size);
	shm_text_u64(table_cell(table), shm_stick_used(t));
	struct shm_text *expire = table_cell(table);
	if (t->spec.expire_ms)
		shm_text_age(expire, t->spec.expire_ms / 1000);
	else
		shm_text_char(expire, '-');
	shm_text_short(table_cell(table), t->spec.bytes, 1024);
	shm_text_str(table_cell(table), store ? store + strlen("store=") : "-");
}

static enum cli_exit
draw_all(struct cli *c, struct shm_text *out)
{
	static const char *const titles[] = {"<TABLE", "<TYPE", "SIZE",	 "USED",
					     "EXPIRE", "BYTES", "<STORE"};
	struct table table;
	table_init(&table, titles, sizeof(titles) / sizeof(titles[0]));
	shm_text_str(out, c->is_json ? "[" : "");
	for (uint32_t i = 0; i < shm_objects_n(c->shm); i++) {
		struct shm_object o;
		struct shm_facts f;
		struct shm_stick t;
		if (!shm_object_at(c->shm, i, &o) || o.kind != SHM_TABLE ||
		    (!o.is_current && !c->with_gone) || !shm_stick_open(&t, &o))
			continue;
		shm_object_facts(c->shm, &o, &f);
		if (c->is_json)
			put_table_json(out, &f, &t);
		else
			put_table(&table, &f, &t, !o.is_current);
		shm_stick_fini(&t);
	}
	if (c->is_json)
		shm_text_str(out, "]\n");
	else
		table_render(&table, out);
	table_fini(&table);
	return CLI_OK;
}

/* --- one table -------------------------------------------------------------------------
 */

/* What the table stores, as it may be asked for. */
static void
complain_of_type(const struct stick_spec *spec, const char *word)
{
	char text[STICK_TEXT_BYTES] = "";
	(void)stick_spec_write(spec, text);
	const char *store = strstr(text, "store=");
	if (!store)
		cli_error("the table stores nothing but its keys");
	else
		cli_error("the table does not store '%s'; it stores %s", word,
			  store + strlen("store="));
}

static bool
complain_of_filter(const struct stick_spec *spec, enum shm_stick_wrong wrong,
		   const char *word)
{
	switch (wrong) {
	case SHM_STICK_RIGHT:
		return true;
	case SHM_STICK_NO_TYPE:
	case SHM_STICK_NOT_STORED:
		complain_of_type(spec, word);
		break;
	case SHM_STICK_NO_OPERATOR:
		cli_error("expected eq, ne, le, ge, lt or gt behind '%s'", word);
		break;
	case SHM_STICK_NO_NUMBER:
		cli_error("expected a number to compare '%s' with", word);
		break;
	case SHM_STICK_TOO_MANY:
		cli_error("too many filters");
		break;
	case SHM_STICK_WRONGS_N:
		break;
	}
	return false;
}

/* "data.gpc0 gt 5", "key 10.0.0.1", "sort gpc0". false: told what is wrong. */
static bool
read_query(struct cli *c, const struct stick_spec *spec, struct shm_stick_query *q,
	   unsigned char key[STICK_KEY_BYTES_MAX])
{
	for (size_t i = 1; i < c->words_n; i++) {
		const char *word = c->words[i];
		const char *next = i + 1 < c->words_n ? c->words[i + 1] : NULL;
		const char *last = i + 2 < c->words_n ? c->words[i + 2] : NULL;
		uint16_t value;
		if (strcmp(word, "key") == 0) {
			if (!next || !shm_stick_parse_key(spec, next, key)) {
				cli_error("expected a key of type %s behind 'key'",
					  stick_key_name(spec->key));
				return false;
			}
			q->key = key;
			i++;
		} else if (strcmp(word, "sort") == 0) {
			if (!next || shm_stick_parse_value(spec, next, &value)) {
				complain_of_type(spec, next ? next : "sort");
				return false;
			}
			q->sort = value;
			i++;
		} else if (strncmp(word, "data.", 5) == 0) {
			enum shm_stick_wrong wrong =
				shm_stick_add_filter(q, spec, word, next, last);
			if (!complain_of_filter(spec, wrong, word))
				return false;
			i += 2;
		} else {
			cli_error(
				"unknown word '%s'; expected key KEY, data.TYPE OPERATOR "
				"NUMBER, sort TYPE, set or clear",
				word);
			return false;
		}
	}
	return true;
}

static void
complain_of_name(const struct cli *c, const char *name)
{
	struct shm_text names = {0};
	for (uint32_t i = 0; i < shm_objects_n(c->shm); i++) {
		struct shm_object o;
		struct shm_facts f;
		if (!shm_object_at(c->shm, i, &o) || o.kind != SHM_TABLE || !o.is_current)
			continue;
		shm_object_facts(c->shm, &o, &f);
		shm_text_str(&names, names.n ? ", " : "; there are: ");
		shm_text_plain(&names, f.name);
	}
	cli_error("there is no table '%s'%s", name,
		  names.n ? names.bytes : ", and none at all");
	shm_text_fini(&names);
}

static enum cli_exit
draw_one(struct cli *c, struct shm_text *out)
{
	unsigned char key[STICK_KEY_BYTES_MAX];
	struct shm_stick_query q = {.sort = -1, .region = c->shm, .is_json = c->is_json};
	struct shm_object o;
	struct shm_stick t;
	if (!shm_stick_find(c->shm, c->words[0], &o)) {
		complain_of_name(c, c->words[0]);
		return CLI_FAILED;
	}
	if (!shm_stick_open(&t, &o)) {
		cli_error("table '%s' is damaged", c->words[0]);
		return CLI_FAILED;
	}
	bool ok = read_query(c, &t.spec, &q, key);
	if (ok)
		shm_stick_render(&t, c->words[0], &q, clock_mono_ms(), out);
	shm_stick_fini(&t);
	return ok ? CLI_OK : CLI_USAGE;
}

static enum cli_exit
draw(struct cli *c, struct shm_text *out)
{
	return c->words_n ? draw_one(c, out) : draw_all(c, out);
}

/* "table NAME clear key X" is "clear table NAME key X" to the daemon. */
static enum cli_exit
change(struct cli *c)
{
	char *name = c->words[0], *verb = c->words[1];
	c->command = verb;
	c->words[0] = (char[]){"table"};
	c->words[1] = name;
	return cli_forward(c);
}

/* "table save NAME FILE" */
static bool
is_with_file(const struct cli *c, const char *verb)
{
	return c->words_n == 3 && strcmp(c->words[0], verb) == 0;
}

enum cli_exit
cli_table(struct cli *c)
{
	if (is_with_file(c, "save"))
		return cli_table_save(c, c->words[1], c->words[2]);
	if (is_with_file(c, "load"))
		return cli_table_load(c, c->words[1], c->words[2]);
	if (c->words_n > 1 &&
	    (strcmp(c->words[1], "clear") == 0 || strcmp(c->words[1], "set") == 0))
		return change(c);
	enum cli_exit rc = cli_attach(c);
	return rc == CLI_OK ? cli_watch(c, draw) : rc;
}
