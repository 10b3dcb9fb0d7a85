/* SPDX-License-Identifier: MIT
 *
 * Mistakes of form: YAML, keywords and where they belong, kinds of values.
 */
#include "bad.h"

static const struct bad bads[] = {
	{"a misspelt key",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    timeout: {clinet: 5s}\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:15: frontends.w.timeout.clinet: unknown keyword; did you mean 'client'?"},
	{"a key in the wrong kind of section",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    servers: {a: 1.1.1.1}\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:5: frontends.w.servers: 'servers' is not possible here; it belongs in "
	 "backends, listens"},
	{"a misspelt section",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n"
	 "fronteds: {}\n",
	 "t:6:1: fronteds: unknown keyword; did you mean 'frontends'?"},
	{"the misspellings of old lecture notes",
	 "defaults:\n"
	 "  centimeout: 5000\n"
	 "  srvtiimeout: 50000\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:2:3: defaults.centimeout: unknown keyword; did you mean 'contimeout'?\n"
	 "t:3:3: defaults.srvtiimeout: unknown keyword; did you mean 'srvtimeout'?"},
	{"a keyword for later",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    filter: x\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:5: frontends.w.filter: 'filter' is not implemented in this release"},
	{"a condition within its action",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    http_request: [{deny: {if: METH_GET}}]\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:4:28: frontends.w.http_request.0.deny.if: 'if' stands beside 'deny', not in "
	 "it"},
	{"a section for later",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n"
	 "caches: {c: {}}\n"
	 "resolvers: {}\n",
	 "t:6:1: caches: 'caches' is known but not implemented yet; expected it to be "
	 "empty: {}"},
	{"tls on a bind",
	 "frontends: {w: {bind: {address: \":443\", tls: {crt: x}}, default_backend: "
	 "b}}\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:1:41: frontends.w.bind.tls: 'tls' is not implemented: this release has no "
	 "TLS"},
	{"several mistakes, sorted by place",
	 "global:\n"
	 "  nbproc: four\n"
	 "  watchdog: 5x\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":x\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:2:11: global.nbproc: 'four' is not a number; expected auto or a whole number "
	 "from 1 to 256\n"
	 "t:3:13: global.watchdog: '5x' is not a duration; expected a number with us, "
	 "ms, s, m, h or d (without: ms) from 0 to 1d\n"
	 "t:6:11: frontends.w.bind: ':x' is not a listening address; expected ip:port, "
	 "[v6]:port, *:port, a range such as *:8000-8010, unix@/path or fd@number"},
	{"a number out of range",
	 "global: {nbproc: 0}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:1:18: global.nbproc: '0' is out of range; expected auto or a whole number "
	 "from 1 to 256"},
	{"an exponent is no number",
	 "defaults: {timeout: {connect: 1e3}}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:1:31: defaults.timeout.connect: '1e3' is not a duration; expected a number "
	 "with us, ms, s, m, h or d (without: ms) from 0 to 24d"},
	{"sixty based numbers are none",
	 "defaults: {retries: 1:30}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:1:21: defaults.retries: '1:30' is not a number; expected a whole number from "
	 "0 to 100"},
	{"a wrong word",
	 "defaults: {mode: htp}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:1:18: defaults.mode: 'htp' is not possible here; expected tcp, http or "
	 "health; did you mean 'http'?"},
	{"a wrong switch",
	 "global: {daemon: maybe}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:1:18: global.daemon: 'maybe' is not a switch; expected true or false"},
	{"a map where text belongs",
	 "global: {nbproc: {a: b}}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:1:18: global.nbproc: a map is not possible here; expected a plain value"},
	{"text where a map belongs",
	 "defaults: {timeout: 5s}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:1:21: defaults.timeout: a plain value is not possible here; expected a map "
	 "such as { connect: ... }"},
	{"nothing behind the colon",
	 "global: {pidfile: }\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:1:19: global.pidfile: no value behind the colon; expected a plain value"},
	{"a key twice",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    default_backend: c\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:5: frontends.w.default_backend: this key is here twice; the first is at "
	 "t:4:5"},
	{"a section twice",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "  w: {}\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:3: frontends.w: this key is here twice; the first is at t:2:3"},
	{"a tab",
	 "frontends:\n"
	 "  w:\t{}\n",
	 "t:2:5: a tab; expected blanks, YAML does not indent with tabs"},
	{"a tab as indentation",
	 "frontends:\n"
	 "\tw: {}\n",
	 "t:2:1: a tab; expected blanks, YAML does not indent with tabs"},
	{"a tag",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: !!str b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:4:22: frontends.w.default_backend: the tag 'tag:yaml.org,2002:str' is not "
	 "accepted; the keyword decides the type, expected the value alone"},
	{"a condition without quotes",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    use_backend: [{backend: b, if: !x}]\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:38: YAML: did not find expected whitespace or line break while scanning a "
	 "tag; a text that begins with '!' must be quoted"},
	{"a negated brace without quotes",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    use_backend:\n"
	 "      - backend: b\n"
	 "        if: !{ path / }\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:7:14: YAML: did not find expected whitespace or line break while scanning a "
	 "tag; a text that begins with '!' must be quoted"},
	{"a condition in braces without quotes",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    use_backend:\n"
	 "      - backend: b\n"
	 "        if: { path / }\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:7:13: frontends.w.use_backend.0.if: a map where a condition belongs; "
	 "expected text: a condition that begins with '{' must be quoted"},
	{"a second document",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n"
	 "---\n"
	 "a: b\n",
	 "t:6:1: a second document; expected one per file, without '---' in between"},
	{"a list that does not end", "frontends: [1\n",
	 "t:2:1: YAML: did not find expected ',' or ']' while parsing a flow sequence"},
	{"a misspelled keyword of another kind of section",
	 "frontends: {w: {bind: \":80\", retires: 3}}\n",
	 "t:1:30: frontends.w.retires: unknown keyword; did you mean 'retries'?"},
	{"a keyword of an inner map", "defaults: {via: false}\nmode: http\n",
	 "t:1:12: defaults.via: unknown keyword; 'via' stands in 'option': { via: ... }\n"
	 "t:2:1: mode: unknown keyword; 'mode' stands in 'defaults': { mode: ... }"},
	{"an address with a star that is not quoted",
	 "listens:\n"
	 "  w: { bind: *:80 }\n",
	 "t:2:15: YAML: did not find expected alphabetic or numeric character while "
	 "scanning an alias; a text that begins with '*' must be quoted: \"*:80\""},
	{"an unknown alias",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: *b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:4:22: frontends.w.default_backend: unknown alias '*b'; expected an anchor "
	 "'&b' before it, in the same file"},
	{"a merge key without a map",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    <<: x\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:9: frontends.w: '<<' needs a map, or a list of maps, such as *anchor"},
	{"a variable that is not set",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \"fd@${WEIR_TEST_UNSET}\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:3:11: frontends.w.bind: the environment variable 'WEIR_TEST_UNSET' is not "
	 "set; expected it in the environment, or a default: ${WEIR_TEST_UNSET-default}"},
	{"a variable without an end",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \"fd@${WEIR\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:3:11: frontends.w.bind: wrong variable; expected ${NAME}, ${NAME-default} or "
	 "${NAME+text}, or $$ for a dollar"},
	{"a character that is not UTF-8", "a: \xff\n",
	 "t:1:4: invalid leading UTF-8 octet; expected text in UTF-8"},
	{"text that is no configuration", "hello\n",
	 "t:1:1: not a configuration; expected sections such as 'frontends:'"},
};

static void
each_mistake_is_told_with_its_place_and_what_was_expected(void **state)
{
	(void)state;
	assert_told(bads, sizeof(bads) / sizeof(bads[0]));
}

/* Nine lists of nine aliases each, nine deep, are 387 million values. */
static void
aliases_of_aliases_are_bounded(void **state)
{
	(void)state;
	char yaml[2048];
	int n = snprintf(yaml, sizeof(yaml), "l0: &l0 [x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 9; i++) {
		n += snprintf(yaml + n, sizeof(yaml) - (size_t)n, "l%d: &l%d [", i, i);
		for (int j = 0; j < 9; j++)
			n += snprintf(yaml + n, sizeof(yaml) - (size_t)n, "%s*l%d",
				      j ? ", " : "", i - 1);
		n += snprintf(yaml + n, sizeof(yaml) - (size_t)n, "]\n");
	}
	char *text = errors_of(yaml);
	assert_non_null(strstr(text, "aliases expand to more than 200000 values"));
	free(text);
}

static void
a_key_twice_is_found_in_large_maps_too(void **state)
{
	(void)state;
	char yaml[8192];
	int n = snprintf(yaml, sizeof(yaml), "backends:\n  b:\n    servers:\n");
	for (int i = 0; i < 200; i++)
		n += snprintf(yaml + n, sizeof(yaml) - (size_t)n,
			      "      s%d: 1.1.1.1:1\n", i);
	snprintf(yaml + n, sizeof(yaml) - (size_t)n, "      s77: 1.1.1.1:1\n");
	char *text = errors_of(yaml);
	assert_string_equal(
		text, "t:204:7: backends.b.servers.s77: this key is here twice; the "
		      "first is at t:81:7");
	free(text);
}

static void
depth_is_bounded(void **state)
{
	(void)state;
	char yaml[20000];
	memset(yaml, '[', sizeof(yaml) - 1);
	yaml[sizeof(yaml) - 1] = '\0';
	char *text = errors_of(yaml);
	assert_string_equal(text, "t:1:65: nested deeper than 64 levels");
	free(text);
}

static void
every_truncation_of_a_configuration_ends_in_errors_or_a_configuration(void **state)
{
	(void)state;
	static const char yaml[] =
		"global: {nbproc: 2, log: [127.0.0.1 local0]}\n"
		"defaults: &d {mode: http, timeout: {connect: 1s}, option: [httplog]}\n"
		"frontends:\n  w:\n    <<: *d\n    bind: [\":80\", {address: \":81\"}]\n"
		"    acl: {a: [path /, 'hdr(host) -i \"x y\"']}\n"
		"    use_backend: [{backend: b, if: \"a !{ path_end .php } or TRUE\"}]\n"
		"    default_backend: b\n"
		"backends: {b: {servers: {s: \"1.1.1.1:${X-1}\"}}}\n";
	for (size_t n = 0; n < sizeof(yaml); n++) {
		struct cfg_request r = {0};
		struct cfg_errors *errors = NULL;
		struct cfg *c = cfg_load_text(&r, "t", yaml, n, &errors);
		assert_true((c == NULL) == (cfg_errors_n(errors) > 0));
		cfg_errors_free(&errors);
		cfg_free(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_mistake_is_told_with_its_place_and_what_was_expected),
		cmocka_unit_test(aliases_of_aliases_are_bounded),
		cmocka_unit_test(a_key_twice_is_found_in_large_maps_too),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(
			every_truncation_of_a_configuration_ends_in_errors_or_a_configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
