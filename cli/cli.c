/* SPDX-License-Identifier: MIT
 *
 * weirctl's command line: options, the command, its help. Both tables (options.def,
 * commands.def) make the parser and the texts.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/suggest.h"

#define CLI_SHM_DEFAULT "/run/weir/weir.shm"

enum { CLI_WAIT_MS = 60000, CLI_WATCH_MS = 1000 };

struct command {
	const char *name;
	enum cli_exit (*run)(struct cli *c);
	const char *options, *arguments, *help, *more;
};

#define COMMAND(name, run, options, arguments, help, more) \
	{name, run, options, arguments, help, more},
static const struct command commands[] = {
#include "cli/commands.def"
};
#undef COMMAND

enum { COMMANDS_N = sizeof(commands) / sizeof(commands[0]) };

enum argument { NONE, TEXT, MAYBE };

struct option {
	char letter, shorthand;
	const char *name;
	enum argument argument;
	const char *value, *help;
};

#define OPTION(letter, shorthand, name, argument, value, help) \
	{letter, shorthand, name, argument, value, help},
static const struct option options[] = {
#include "cli/options.def"
};
#undef OPTION

enum { OPTIONS_N = sizeof(options) / sizeof(options[0]) };

void
cli_error(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fputs("weirctl: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
}

void
cli_tell_stopped(struct cli *c)
{
	struct shm_info info;
	shm_info(c->shm, &info);
	if (!info.running && info.orphans_n)
		cli_error("the master is gone, %u of its processes serve on; start weir "
			  "again",
			  info.orphans_n);
	else if (!info.running)
		cli_error("weir is not running; this is how it was when it ended");
}

enum cli_exit
cli_print(struct shm_text *t)
{
	bool is_whole = !t->failed;
	if (t->n && fwrite(t->bytes, 1, t->n, stdout) != t->n)
		is_whole = false;
	if (fflush(stdout) != 0)
		is_whole = false;
	if (t->failed)
		cli_error("out of memory");
	shm_text_clear(t);
	return is_whole ? CLI_OK : CLI_FAILED;
}

enum cli_exit
cli_attach(struct cli *c)
{
	char err[SHM_ERROR_BYTES];
	if (c->shm)
		return CLI_OK;
	switch (shm_attach(c->shm_path, &c->shm, err)) {
	case SHM_ATTACH_OK:
		return CLI_OK;
	case SHM_ATTACH_MISSING:
		cli_error("%s", err);
		return CLI_NO_REGION;
	case SHM_ATTACH_PERMISSION:
		cli_error("%s", err);
		return CLI_PERMISSION;
	case SHM_ATTACH_LAYOUT:
		cli_error("%s", err);
		return CLI_LAYOUT;
	}
	return CLI_FAILED;
}

/* --- help --------------------------------------------------------------- */

static bool
belongs(const struct option *o, const struct command *k)
{
	return o->letter == '+' || strchr(k->options, o->letter);
}

static void
put_option(FILE *f, const struct option *o)
{
	char left[64];
	const char *open = o->argument == MAYBE ? "[" : "";
	const char *close = o->argument == MAYBE ? "]" : "";
	snprintf(left, sizeof(left), "-%c, --%s%s%s%s%s", o->shorthand, o->name,
		 o->argument == NONE ? "" : " ", open, o->value, close);
	fprintf(f, "  %-26s %s\n", left, o->help);
}

static void
put_usage(FILE *f)
{
	fputs("usage: weirctl [OPTIONS] COMMAND [ARGUMENTS]\n"
	      "Looks into weir's shared memory; needs no running daemon to do so.\n\n"
	      "Commands:\n",
	      f);
	for (size_t i = 0; i < COMMANDS_N; i++)
		fprintf(f, "  %-26s %s\n", commands[i].name, commands[i].help);
	fputs("\nOptions:\n", f);
	for (size_t i = 0; i < OPTIONS_N; i++)
		put_option(f, &options[i]);
	fputs("\nExit: 0 ok, 1 refused or failed, 2 usage, 3 no region, 4 permission, "
	      "5 layout.\n",
	      f);
}

static void
put_command_usage(FILE *f, const struct command *k)
{
	fprintf(f, "usage: weirctl [OPTIONS] %s %s\n%s\n", k->name, k->arguments,
		k->help);
	if (*k->more)
		fprintf(f, "\n%s", k->more);
	fputs("\nOptions:\n", f);
	for (size_t i = 0; i < OPTIONS_N; i++) {
		if (belongs(&options[i], k))
			put_option(f, &options[i]);
	}
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS_N; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

enum cli_exit
cli_help(struct cli *c)
{
	const struct command *k = c->words_n ? find_command(c->words[0]) : NULL;
	if (c->words_n && !k) {
		cli_error("there is no command '%s'", c->words[0]);
		return CLI_USAGE;
	}
	if (k)
		put_command_usage(stdout, k);
	else
		put_usage(stdout);
	return CLI_OK;
}

/* --- options ------------------------------------------------------------ */

/* One command line while it is read. */
struct parse {
	struct cli *c;
	const struct command *command;
	uint32_t seen; /* bit: options[i] was given */
	bool wants_help, wants_version;
	int argc, at;
	char **argv;
};

/* Seconds with a fraction, as milliseconds. */
static bool
parse_seconds(const char *text, uint64_t *ms)
{
	char *end;
	errno = 0;
	double s = strtod(text, &end);
	if (end == text || *end || errno || !(s >= 0) || s > 1e9)
		return false;
	*ms = (uint64_t)(s * 1000 + 0.5);
	return true;
}

static bool
set_maybe(struct parse *p, const struct option *o, const char *value)
{
	uint64_t ms = o->letter == 'w' ? CLI_WATCH_MS : CLI_WAIT_MS;
	if (value && !parse_seconds(value, &ms)) {
		cli_error("--%s: '%s' is not a number of seconds", o->name, value);
		return false;
	}
	if (o->letter == 'w' && ms == 0) {
		cli_error("--watch: more than 0 seconds, please");
		return false;
	}
	if (o->letter == 'w')
		p->c->watch_ms = ms < 10 ? 10 : ms;
	else
		p->c->wait_ms = ms;
	return true;
}

static bool
set_count(struct parse *p, const char *value)
{
	char *end;
	p->c->watch_count = strtoull(value, &end, 10);
	if (end == value || *end || *value == '-') {
		cli_error("--count: '%s' is not a number", value);
		return false;
	}
	return true;
}

static bool
set_option(struct parse *p, const struct option *o, const char *value)
{
	struct cli *c = p->c;
	p->seen |= 1U << (o - options);
	switch (o->shorthand) {
	case 's':
		c->shm_path = value;
		return true;
	case 'S':
		c->socket_path = value;
		return true;
	case 'h':
		p->wants_help = true;
		return true;
	case 'V':
		p->wants_version = true;
		return true;
	case 'j':
		c->is_json = true;
		return true;
	case 'c':
		c->is_csv = true;
		return true;
	case 'l':
		c->with_listeners = true;
		return true;
	case 'a':
		c->with_gone = true;
		return true;
	case 'n':
		return set_count(p, value);
	case 'W':
		c->does_wait = true;
		return set_maybe(p, o, value);
	default:
		return set_maybe(p, o, value);
	}
}

/* The value of an option: attached, or the next word. *value stays NULL when a number
 * that may be missing is missing. */
static bool
take_value(struct parse *p, const struct option *o, const char *attached,
	   const char **value)
{
	uint64_t ignored;
	const char *next = p->at < p->argc ? p->argv[p->at] : NULL;
	*value = attached;
	if (o->argument == NONE && attached) {
		cli_error("--%s takes no value", o->name);
		return false;
	}
	if (o->argument == NONE || attached)
		return true;
	if (o->argument == TEXT && !next) {
		cli_error("--%s needs a value: %s", o->name, o->value);
		return false;
	}
	if (o->argument == TEXT || (next && parse_seconds(next, &ignored))) {
		*value = next;
		p->at++;
	}
	return true;
}

static bool
take_long(struct parse *p, const char *word)
{
	size_t n = strcspn(word, "=");
	const char *attached = word[n] ? word + n + 1 : NULL, *value;
	for (size_t i = 0; i < OPTIONS_N; i++) {
		const struct option *o = &options[i];
		if (strlen(o->name) == n && memcmp(o->name, word, n) == 0)
			return take_value(p, o, attached, &value) &&
			       set_option(p, o, value);
	}
	cli_error("unknown option --%.*s; see weirctl --help", (int)n, word);
	return false;
}

/* "-jw1": letters in one word, the last one with its value. */
static bool
take_short(struct parse *p, const char *letters)
{
	for (; *letters; letters++) {
		const struct option *o = NULL;
		const char *attached = NULL, *value;
		for (size_t i = 0; i < OPTIONS_N; i++) {
			if (options[i].shorthand == *letters)
				o = &options[i];
		}
		if (!o) {
			cli_error("unknown option -%c; see weirctl --help", *letters);
			return false;
		}
		if (o->argument != NONE && letters[1])
			attached = letters + 1;
		if (!take_value(p, o, attached, &value) || !set_option(p, o, value))
			return false;
		if (attached)
			break;
	}
	return true;
}

static bool
take_command(struct parse *p, const char *word)
{
	p->command = find_command(word);
	if (p->command)
		return true;
	struct suggest near = suggest_begin(span_str(word));
	for (size_t i = 0; i < COMMANDS_N; i++)
		suggest_offer(&near, commands[i].name);
	if (near.best)
		cli_error("unknown command '%s'; did you mean '%s'?", word, near.best);
	else
		cli_error("unknown command '%s'; see weirctl --help", word);
	return false;
}

static bool
parse(struct parse *p)
{
	struct cli *c = p->c;
	bool has_ended = false;
	c->words = p->argv; /* compacted in place: words never outrun what is read */
	for (p->at = 1; p->at < p->argc;) {
		char *word = p->argv[p->at++];
		bool is_raw = p->command && strchr(p->command->options, '*');
		bool is_option = !has_ended && word[0] == '-' && word[1] &&
				 (!is_raw || strcmp(word, "--help") == 0);
		if (is_option && strcmp(word, "--") == 0)
			has_ended = true;
		else if (is_option && word[1] == '-') {
			if (!take_long(p, word + 2))
				return false;
		} else if (is_option) {
			if (!take_short(p, word + 1))
				return false;
		} else if (!p->command) {
			if (!take_command(p, word))
				return false;
		} else {
			c->words[c->words_n++] = word;
		}
	}
	return true;
}

/* An option that means nothing here is a mistake, not a whim. */
static bool
options_fit(const struct parse *p)
{
	for (size_t i = 0; i < OPTIONS_N; i++) {
		if (p->seen & 1U << i && !belongs(&options[i], p->command)) {
			cli_error("--%s means nothing to '%s'", options[i].name,
				  p->command->name);
			return false;
		}
	}
	if (!*p->command->arguments && p->c->words_n) {
		cli_error("'%s' takes no argument", p->command->name);
		return false;
	}
	bool takes_many = strstr(p->command->arguments, "...");
	if (p->command->arguments[0] == '[' && !takes_many && p->c->words_n > 1) {
		cli_error("'%s' takes one argument at most: %s", p->command->name,
			  p->command->arguments);
		return false;
	}
	if (p->c->is_json && p->c->is_csv) {
		cli_error("--json or --csv, not both");
		return false;
	}
	return true;
}

int
cli_main(int argc, char **argv)
{
	struct cli c = {.shm_path = getenv("WEIR_SHM")};
	struct parse p = {.c = &c, .argc = argc, .argv = argv};
	if (!c.shm_path || !*c.shm_path)
		c.shm_path = CLI_SHM_DEFAULT;
	if (!parse(&p))
		return CLI_USAGE;
	if (p.wants_version) {
		puts("weirctl " WEIR_VERSION);
		return CLI_OK;
	}
	if (!p.command && c.watch_ms)
		p.command = find_command("stats");
	if (p.wants_help && p.command) {
		put_command_usage(stdout, p.command);
		return CLI_OK;
	}
	if (!p.command) {
		put_usage(p.wants_help ? stdout : stderr);
		return p.wants_help ? CLI_OK : CLI_USAGE;
	}
	if (!options_fit(&p))
		return CLI_USAGE;
	/* for the commands that hand their words on */
	c.command = p.command->name;
	enum cli_exit rc = p.command->run(&c);
	shm_close(&c.shm);
	return rc;
}
