/* SPDX-License-Identifier: MIT
 *
 * Where values come from: files and directories, the command line, the environment; and
 * the dump that tells it.
 */
#include "loaded.h"

#include <sys/stat.h>

#define GOOD                                                    \
	"frontends: {w: {bind: \":80\", default_backend: b}}\n" \
	"backends: {b: {option: [tcplog], servers: {s: \"1.1.1.1:1\"}}}\n"

struct place {
	char dir[64];
};

static void
write_file(const struct place *p, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int
make_place(void **state)
{
	static struct place p;
	snprintf(p.dir, sizeof(p.dir), "/tmp/weir-config-XXXXXX");
	assert_non_null(mkdtemp(p.dir));
	*state = &p;
	return 0;
}

static int
remove_place(void **state)
{
	static const char *const names[] = {"a.yaml", "b.yml", "c.txt", ".d.yaml", "lst"};
	const struct place *p = *state;
	char path[128];
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", p->dir, names[i]);
		unlink(path);
	}
	return rmdir(p->dir);
}

/* Errors of the files, a line each, with the directory taken out; "" when good. */
static const char *
errors_of(const struct place *p, const struct cfg_request *r)
{
	static char text[4096];
	struct cfg_errors *errors = NULL;
	struct cfg *c = cfg_load(r, &errors);
	size_t n = 0, dir = strlen(p->dir);
	text[0] = '\0';
	for (size_t i = 0; i < cfg_errors_n(errors); i++) {
		const char *e = cfg_errors_at(errors, i);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", i ? "\n" : "");
		for (; *e && n + 1 < sizeof(text); e++)
			if (strncmp(e, p->dir, dir) == 0 && e[dir] == '/')
				e += dir;
			else
				text[n++] = *e;
		text[n] = '\0';
	}
	cfg_errors_free(&errors);
	cfg_free(&c);
	return text;
}

static void
a_directory_means_its_yaml_files_merged(void **state)
{
	const struct place *p = *state;
	const char *paths[] = {p->dir};
	struct cfg_request r = {.paths = paths, .paths_n = 1};
	write_file(p, "a.yaml",
		   "global: {nbproc: 2}\nfrontends: {w: {bind: \":80\", "
		   "default_backend: b}}\n");
	write_file(p, "b.yml", "global: {log_tag: x, drain: {timeout: 1s}}\n" GOOD);
	write_file(p, "c.txt", "nonsense");
	write_file(p, ".d.yaml", "nonsense");
	assert_string_equal(
		errors_of(p, &r),
		"b.yml:2:13: frontends.w: this section is defined twice; the first "
		"is at a.yaml:2:13");
	write_file(p, "b.yml",
		   "global: {log_tag: x, nbproc: 3}\n"
		   "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n");
	assert_string_equal(
		errors_of(p, &r),
		"b.yml:1:22: global.nbproc: this key is defined twice; the first is "
		"at a.yaml:1:10");
	write_file(p, "b.yml",
		   "global: {log_tag: x}\ndefaults:\n"
		   "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n");
	assert_string_equal(errors_of(p, &r), "");
}

static void
all_errors_of_all_files_come_in_one_run(void **state)
{
	const struct place *p = *state;
	const char *paths[] = {p->dir, "/nonexistent/x.yaml"};
	struct cfg_request r = {.paths = paths, .paths_n = 2};
	write_file(p, "a.yaml", "global: {nbproc: x}\nfrontends: {w: {bind: 1}}\n");
	write_file(p, "b.yml", "global: {log_tga: x}\nbackends: [\n");
	assert_string_equal(
		errors_of(p, &r),
		"/nonexistent/x.yaml: cannot be opened: No such file or directory\n"
		"a.yaml:1:18: global.nbproc: 'x' is not a number; expected auto or a "
		"whole "
		"number from 1 to 256\n"
		"a.yaml:2:23: frontends.w.bind: '1' is not a listening address; expected "
		"ip:port, "
		"[v6]:port, *:port, a range such as *:8000-8010, unix@/path or "
		"fd@number\n"
		"b.yml:3:1: YAML: did not find expected node content while parsing a "
		"flow node");
}

static void
patterns_and_bodies_are_read_from_files(void **state)
{
	const struct place *p = *state;
	char yaml[1024];
	write_file(p, "lst", "# comment\n\n  /a\n/b\r\n");
	snprintf(yaml, sizeof(yaml),
		 "defaults: {mode: http}\nfrontends: {w: {bind: \":80\", http_request: "
		 "[{return: "
		 "{file: %s/lst}, if: \"{ path -f %s/lst }\"}]}}\n",
		 p->dir, p->dir);
	struct cfg *c = loaded(yaml);
	assert_span(
		frontend(c, "w")->rules[CFG_RULES_REQUEST].list[0].reply->message->body,
		"# comment\n\n  /a\n/b\r\n");
	assert_span(frontend(c, "w")
			    ->rules[CFG_RULES_REQUEST]
			    .list[0]
			    .reply->message->content_type,
		    "text/plain");
	cfg_free(&c);
}

/* The dump of GOOD with overrides. */
static char *
dump_of(const char **overrides, size_t n)
{
	struct cfg_request r = {.overrides = overrides, .overrides_n = n};
	struct cfg_errors *errors = NULL;
	char path[] = "/tmp/weir-dump-XXXXXX", *text = NULL;
	size_t bytes = 0;
	int fd = mkstemp(path);
	assert_int_equal(write(fd, GOOD, strlen(GOOD)), strlen(GOOD));
	close(fd);
	const char *paths[] = {path};
	r.paths = paths;
	r.paths_n = 1;
	FILE *f = open_memstream(&text, &bytes);
	assert_int_equal(cfg_dump(&r, f, &errors), 0);
	fclose(f);
	unlink(path);
	cfg_errors_free(&errors);
	return text;
}

static void
the_dump_names_the_origin_of_every_value(void **state)
{
	(void)state;
	const char *overrides[] = {"global.nbproc=4", "backends.b.timeout.client=7s"};
	char *text = dump_of(overrides, 2);
	assert_non_null(strstr(text, "\n  nbproc: 4  # command line -o\n"));
	assert_non_null(strstr(text, "\n      client: 7s  # command line -o\n"));
	assert_non_null(strstr(text, "\n      queue: 5s  # built-in, as connect\n"));
	assert_non_null(strstr(text, "address: \":80\"  # /tmp/weir-dump-"));
	assert_non_null(strstr(text, "\n  maxconn: "));
	assert_non_null(strstr(text, "# from the limit on open files\n"));
	free(text);
}

static void
a_dump_loads_again_as_the_same_configuration(void **state)
{
	(void)state;
	char *text = dump_of(NULL, 0);
	struct cfg *a = loaded(GOOD);
	char option[64];
	snprintf(option, sizeof(option), "global.maxconn=%u", a->global.maxconn);
	const char *overrides[] = {option};
	struct cfg_request r = {.overrides = overrides, .overrides_n = 1};
	struct cfg *b = loaded_with(&r, GOOD), *again = loaded(text);
	assert_int_equal(b->hash, again->hash);
	assert_int_not_equal(a->hash, b->hash);
	cfg_free(&a);
	cfg_free(&b);
	cfg_free(&again);
	free(text);
}

struct override_case {
	const char *override, *error; /* NULL: good */
};

static void
overrides_reach_every_scalar_and_tell_what_is_wrong(void **state)
{
	(void)state;
	static const struct override_case cases[] = {
		{"frontends.w.bind=:81", NULL},
		{"frontends.w.bind.0=:81", NULL},
		{"frontends.w.bind.backlog=5", NULL},
		{"backends.b.servers.s=2.2.2.2:2", NULL},
		{"backends.b.servers.s.weight=2", NULL},
		{"backends.b.option.redispatch=false", NULL},
		{"backends.b.option.0=tcpka", NULL},
		{"defaults.maxconn=5", NULL},
		{"nbproc", "command line -o: 'nbproc' is not an override; expected "
			   "path.to.key=value"},
		{"global.nbrpoc=1", "command line -o: global.nbrpoc: unknown keyword; "
				    "did you mean 'nbproc'?"},
		{"global.nbproc=0",
		 "command line -o: global.nbproc: '0' is out of range; expected "
		 "auto or a whole number from 1 to 256"},
		{"backends.bb.retries=1",
		 "command line -o: backends.bb.retries: there is no 'bb' in backends"},
		{"backends.b.option.1=tcpka",
		 "command line -o: backends.b.option.1: "
		 "'backends.b.option' is a list of 1; expected a "
		 "position from 0"},
		{"frontends.w.default_backend.x=b",
		 "command line -o: frontends.w.default_backend.x: "
		 "'frontends.w.default_backend' is "
		 "a plain value; expected a path that ends there"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *overrides[] = {cases[i].override};
		struct cfg_request r = {.overrides = overrides, .overrides_n = 1};
		struct cfg_errors *errors = NULL;
		struct cfg *c = cfg_load_text(&r, "t", GOOD, strlen(GOOD), &errors);
		assert_int_equal(cfg_errors_n(errors), cases[i].error != NULL);
		if (cases[i].error)
			assert_string_equal(cfg_errors_at(errors, 0), cases[i].error);
		cfg_errors_free(&errors);
		cfg_free(&c);
	}
}

static void
the_switches_of_the_command_line_win_over_files(void **state)
{
	(void)state;
	struct cfg_request r = {
		.daemon = true, .pidfile = "/run/p", .maxconn = 42, .quiet = true};
	struct cfg *c = loaded_with(
		&r, "global: {daemon: false, pidfile: /x, maxconn: 7}\n" GOOD);
	assert_true(c->global.daemon && c->global.quiet && !c->global.foreground);
	assert_string_equal(c->global.pidfile, "/run/p");
	assert_int_equal(c->global.maxconn, 42);
	cfg_free(&c);
}

static void
variables_expand_in_values_and_keys(void **state)
{
	(void)state;
	setenv("WEIR_T_ADDR", "1.2.3.4", 1);
	setenv("WEIR_T_EMPTY", "", 1);
	unsetenv("WEIR_T_NONE");
	struct cfg *c =
		loaded("frontends: {w: {bind: \"${WEIR_T_ADDR}:${WEIR_T_NONE-81}\", "
		       "default_backend: b}}\n"
		       "backends: {b: {servers: {\"s${WEIR_T_ADDR+x}${WEIR_T_NONE+y}\": "
		       "\"1.1.1.1:1\"}}}\n"
		       "global: {log_tag: 'a$$b${WEIR_T_EMPTY-c}$d $${x}'}\n");
	char text[ADDR_TEXT_BYTES];
	assert_string_equal(addr_format(&c->binds[0]->addr, text), "1.2.3.4:81");
	assert_string_equal(backend(c, "b")->servers[0]->name, "sx");
	assert_string_equal(c->global.log_tag, "a$b$d ${x}");
	cfg_free(&c);
}

static void
the_hash_follows_the_meaning_not_the_layout(void **state)
{
	(void)state;
	struct cfg *a = loaded(GOOD), *b = loaded("# a comment\n\n" GOOD);
	struct cfg *c = loaded("defaults: {retries: 3, timeout: {connect: 5s}}\n" GOOD);
	struct cfg *d = loaded("defaults: {retries: 4}\n" GOOD);
	assert_int_equal(a->hash, b->hash);
	assert_int_equal(a->hash, c->hash);
	assert_int_not_equal(a->hash, d->hash);
	cfg_free(&a);
	cfg_free(&b);
	cfg_free(&c);
	cfg_free(&d);
}

static void
the_schema_is_printed_for_people_and_for_editors(void **state)
{
	(void)state;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	cfg_schema_markdown(f);
	fflush(f);
	assert_non_null(strstr(text, "| `nbproc` |"));
	assert_non_null(strstr(text, "| `contimeout` | `timeout.connect` |"));
	cfg_schema_json(f);
	fclose(f);
	assert_non_null(strstr(text, "\"$ref\": \"#/$defs/root\""));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_directory_means_its_yaml_files_merged,
						make_place, remove_place),
		cmocka_unit_test_setup_teardown(all_errors_of_all_files_come_in_one_run,
						make_place, remove_place),
		cmocka_unit_test_setup_teardown(patterns_and_bodies_are_read_from_files,
						make_place, remove_place),
		cmocka_unit_test(the_dump_names_the_origin_of_every_value),
		cmocka_unit_test(a_dump_loads_again_as_the_same_configuration),
		cmocka_unit_test(overrides_reach_every_scalar_and_tell_what_is_wrong),
		cmocka_unit_test(the_switches_of_the_command_line_win_over_files),
		cmocka_unit_test(variables_expand_in_values_and_keys),
		cmocka_unit_test(the_hash_follows_the_meaning_not_the_layout),
		cmocka_unit_test(the_schema_is_printed_for_people_and_for_editors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
