/* SPDX-License-Identifier: MIT
 *
 * Bad configurations and what the loader says about them, to the letter: the place, the
 * path, what is wrong, what was expected.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/loading.h"

struct bad {
	const char *what, *yaml, *errors;
};

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
	 "t:1:41: frontends.w.bind.tls: 'tls' is not implemented in this release"},
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
	{"no listener", "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "configuration: nothing to listen on; expected a frontend or a listen with "
	 "'bind'"},
	{"an unknown backend",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: bb\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:4:22: frontends.w.default_backend: unknown backend 'bb'; expected the name "
	 "of a section in backends or listens"},
	{"a tcp frontend and an http backend",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {mode: http, servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:4:22: frontends.w.default_backend: 'b' has mode http and this frontend has "
	 "mode tcp; expected the same mode"},
	{"two proxies on one address",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "  v: {bind: \"*:80\", default_backend: b}\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:13: frontends.v.bind: 0.0.0.0:80 is the address of 'w' already, at t:3:11"},
	{"two backends of one name",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n"
	 "listens: {b: {bind: \":81\", servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:14: listens.b: 'b' is the name of a proxy already; the other is at t:5:12"},
	{"a name that is too long",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n"
	 "listens: {xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: "
	 "{}}\n",
	 "t:6:11: listens: the name "
	 "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' has 64 "
	 "bytes; expected at most 63"},
	{"a name with a blank",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {\"a b\": \"1.1.1.1:1\"}}}\n",
	 "t:5:26: backends.b.servers: 'a b' is not a name; expected letters, digits, "
	 "'-', '_', '.' and ':'"},
	{"a server without an address",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: {weight: 2}}}}\n",
	 "t:5:29: backends.b.servers.s: 'address' is missing; expected host:port, "
	 "[v6]:port or unix@path; without a port the client's destination port is used, "
	 "+n and -n shift it"},
	{"an address that is none",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:x\"}}}\n",
	 "t:5:29: backends.b.servers.s: '1.1.1.1:x' is not the address of a server; "
	 "expected host:port, [v6]:port, host (the client's port), host:+n, "
	 "0.0.0.0 (where the client wanted to go) or unix@/path"},
	{"a check of wherever the client wants to go",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: {address: 0.0.0.0, check: true}}}}\n",
	 "t:5:39: backends.b.servers.s.address: a check cannot go to '0.0.0.0'; expected "
	 "'addr: host' for the check"},
	{"a name of a server where a length stands",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {http_send_name_header: Content-Length, servers: {s: "
	 "\"1.1.1.1:1\"}}}\n",
	 "t:5:39: backends.b.http_send_name_header: 'Content-Length' decides how a "
	 "message "
	 "is read; expected another field"},
	{"a check without a port",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: {address: 1.1.1.1, check: true}}}}\n",
	 "t:5:39: backends.b.servers.s.address: a check needs a port and '1.1.1.1' has "
	 "none; expected host:port, or 'port: n' for the check"},
	{"an address in default_server",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {default_server: {address: x}, servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:33: backends.b.default_server.address: 'address' is not possible in "
	 "default_server; it belongs in servers"},
	{"a port range backwards",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":90-80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:3:11: frontends.w.bind: ':90-80' is not a listening address; expected "
	 "ip:port, [v6]:port, *:port, a range such as *:8000-8010, unix@/path or "
	 "fd@number"},
	{"a misspelt algorithm",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {balance: roundrobn, servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:25: backends.b.balance: 'roundrobn' is not an algorithm; expected "
	 "roundrobin, static-rr, leastconn, first, random, peak-ewma, source, uri, "
	 "url_param, hdr, hash or rdp-cookie; did you mean 'roundrobin'?"},
	{"a hash type for an algorithm",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {balance: maglev, servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:25: backends.b.balance: 'maglev' is a hash_type; expected an algorithm "
	 "that hashes, such as 'balance: uri', beside it"},
	{"an argument of another algorithm",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {balance: uri deep 3, servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:25: backends.b.balance: 'deep' is not an argument of 'uri'; expected len "
	 "N, depth N, whole or path-only"},
	{"a field without parentheses",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {balance: hdr host, servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:25: backends.b.balance: 'host' is not an argument of 'hdr'; expected the "
	 "name in parentheses: 'hdr(host)'"},
	{"arguments within an algorithm",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {balance: {algorithm: hdr(host)}, servers: {s: "
	 "\"1.1.1.1:1\"}}}\n",
	 "t:6:37: backends.b.balance.algorithm: 'hdr(host)' is more than an algorithm; "
	 "expected 'hdr' with its arguments as keys beside it"},
	{"an algorithm without its argument",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {balance: url_param, servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:25: backends.b.balance: 'url_param' needs the name of a parameter: "
	 "'url_param id' or {algorithm: url_param, name: id}"},
	{"a hash type without a method",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {balance: uri, hash_type: sdbm, servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:41: backends.b.hash_type: 'sdbm' is not possible here; expected a method "
	 "first: map_based, consistent or maglev"},
	{"a bound below the average",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {balance: uri, hash_type: consistent, hash_balance_factor: 50, "
	 "servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:74: backends.b.hash_balance_factor: 50 is not possible; expected more than "
	 "100 (percent of the average), such as 150, or 0: no limit"},
	{"two modes of a cookie",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {cookie: {name: S, insert: true, prefix: true}, servers: {s: "
	 "{address: \"1.1.1.1:1\", cookie: s}}}}\n",
	 "t:6:56: backends.b.cookie.prefix: another mode is given too; expected one of "
	 "rewrite, insert and prefix"},
	{"a cookie that is hidden and the server's",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {cookie: S rewrite indirect, servers: {s: {address: "
	 "\"1.1.1.1:1\", cookie: s}}}}\n",
	 "t:6:24: backends.b.cookie.indirect: is not possible with 'rewrite': the cookie "
	 "is the server's; expected one of them"},
	{"an unknown word of a cookie",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {cookie: S insert nocash, servers: {s: {address: \"1.1.1.1:1\", "
	 "cookie: s}}}}\n",
	 "t:6:24: backends.b.cookie: 'nocash' is not a word of cookie; expected rewrite, "
	 "insert, prefix, indirect, nocache, postonly, preserve, httponly, secure, "
	 "domain D, maxidle T, maxlife T, dynamic or attr A"},
	{"a dynamic cookie without a secret",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {cookie: S insert dynamic, servers: {s: {address: \"1.1.1.1:1\", "
	 "cookie: s}}}}\n",
	 "t:6:24: backends.b.cookie: 'dynamic' needs 'dynamic_cookie_key'"},
	{"a cookie of two words",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {cookie: {name: my cookie}, servers: {s: {address: "
	 "\"1.1.1.1:1\", cookie: s}}}}\n",
	 "t:6:31: backends.b.cookie.name: 'my cookie' cannot be part of a cookie; "
	 "expected no blanks, quotes, commas, semicolons and backslashes"},
	{"a condition that is missing",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {force_persist: {}, servers: {s: {address: \"1.1.1.1:1\", "
	 "cookie: s}}}}\n",
	 "t:6:31: backends.b.force_persist: expected 'if' or 'unless'"},
	{"more than all servers",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {panic_threshold: 150%, servers: {s: {address: \"1.1.1.1:1\", "
	 "cookie: s}}}}\n",
	 "t:6:33: backends.b.panic_threshold: '150%' is out of range; expected a number "
	 "with % from 0 to 100"},
	{"a regular expression",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {option: httpchk, http_check: {expect: {rstring: \"a(\"}}, "
	 "servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:64: backends.b.http_check.expect.rstring: 'a(' is not a regular "
	 "expression: missing closing parenthesis, at character 3"},
	{"a list of status codes",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {option: httpchk, http_check: {expect: {status: 20-40}}, "
	 "servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:63: backends.b.http_check.expect.status: '20-40' is not a list of status "
	 "codes; expected codes and ranges such as 200-399,404"},
	{"two expectations",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {option: httpchk, http_check: {expect: {status: 200, string: "
	 "x}}, servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:54: backends.b.http_check.expect: two expectations in one step; expected "
	 "one of status, rstatus, hdr, fhdr, string, string_lf, rstring"},
	{"an unknown user",
	 "global: {user: weir-no-such-user}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:1:16: global.user: unknown user 'weir-no-such-user'; expected a user of this "
	 "system"},
	{"a user twice",
	 "global: {user: root, uid: 0}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:1:27: global.uid: 'user' is given too, at t:1:16; expected one of them"},
	{"a log target",
	 "global: {log: [global, 127.0.0.1 local9, {facility: local0}]}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:1:16: global.log.0: 'global' is possible in proxies only; expected a log "
	 "target here\n"
	 "t:1:24: global.log.1: 'local9' is not possible here; expected kern, user, "
	 "mail, daemon, auth, syslog, lpr, news, uucp, cron, auth2, ftp, ntp, audit, "
	 "alert, cron2, local0, local1, local2, local3, local4, local5, local6 or "
	 "local7; did you mean 'local0'?\n"
	 "t:1:42: global.log.2: 'address' is missing; expected udp host[:port], "
	 "unix@path or a socket's path, stdout, stderr, file@path or a file's path"},
	{"a relative path",
	 "global: {shm: weir.shm, stats: {socket: weir.sock}}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:1:15: global.shm: 'weir.shm' is not an absolute path; expected one such as "
	 "/run/weir/weir.shm\n"
	 "t:1:41: global.stats.socket: 'weir.sock' is not an absolute path; expected one "
	 "such as /run/weir/weir.sock, or ip:port or fd@number"},
	{"named defaults that are not there",
	 "frontends:\n"
	 "  w:\n"
	 "    from: x\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "named_defaults: {y: {}}\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:3:11: frontends.w.from: there are no named_defaults 'x'"},
	{"named defaults in a circle",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "named_defaults: {x: {from: y}, y: {from: x}}\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:28: named_defaults.x.from: 'from' leads back to itself\n"
	 "t:5:42: named_defaults.y.from: 'from' leads back to itself"},
	{"an unknown fetch, at its place",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    acl: {x: pth_beg /}\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:14: frontends.w.acl.x: unknown fetch 'pth_beg'; did you mean 'path_beg'?"},
	{"a fetch for later, at its place",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    use_backend: [{backend: b, if: \"!TRUE or { ssl_fc_sni gt 5 }\"}]\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:48: frontends.w.use_backend.0.if: fetch 'ssl_fc_sni' is not implemented "
	 "in this "
	 "release"},
	{"a backend in an expression, misspelt",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: pool\n"
	 "    use_backend: [{backend: pool, if: \"{ nbsrv(pol) gt 0 }\"}]\n"
	 "backends: {pool: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:48: frontends.w.use_backend.0.if: unknown backend 'pol'; did you mean "
	 "'pool'?"},
	{"a server in an expression, misspelt",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    use_backend: [{backend: b, if: \"{ srv_is_up(b/one) }\"}]\n"
	 "backends: {b: {servers: {two: \"1.1.1.1:1\", once: \"1.1.1.1:2\"}}}\n",
	 "t:6:49: frontends.w.use_backend.0.if: unknown server 'one' in 'b'; did you "
	 "mean "
	 "'once'?"},
	{"a response's fetch where there is none",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    use_backend: [{backend: b, if: \"{ res.hdr(a) b }\"}]\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:39: frontends.w.use_backend.0.if: 'res.hdr' has no value in an "
	 "http_request rule"},
	{"an unknown ACL, at its place",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    acl: {is_api: path_beg /api}\n"
	 "    use_backend: [{backend: b, if: is_ap}]\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:7:36: frontends.w.use_backend.0.if: unknown ACL 'is_ap'; did you mean "
	 "'is_api'?"},
	{"an action that is unknown",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    http_request: [{dney: true}]\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:21: frontends.w.http_request.0.dney: unknown keyword; did you mean "
	 "'deny'?"},
	{"an action for later",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    http_request: [{cache_use: {name: a}}]\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:21: frontends.w.http_request.0.cache_use: 'cache_use' is not implemented "
	 "in this release"},
	{"no action",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    http_request: [{if: TRUE}]\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:20: frontends.w.http_request.0: no action; expected one, such as "
	 "set_header, in a rule"},
	{"if and unless",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    http_request: [{deny: true, if: TRUE, unless: TRUE}]\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:51: frontends.w.http_request.0.unless: 'if' is given too; expected one of "
	 "them"},
	{"a field that weir sets",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    http_request: [{return: {headers: {Connection: close}}}]\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:52: frontends.w.http_request.0.return.headers.Connection: 'Connection' is "
	 "set by weir itself; expected another field"},
	{"a body where none may be",
	 "defaults: {mode: http}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    http_request: [{return: {status: 204, string: x}}]\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:6:51: frontends.w.http_request.0.return.string: a response 204 has no body; "
	 "expected another status, or no body"},
	{"an option that is unknown",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    option: [httplg]\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:14: frontends.w.option.httplg: unknown keyword; did you mean 'httplog'?"},
	{"an option for later",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    option: {http_no_delay: true}\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:14: frontends.w.option.http_no_delay: 'http_no_delay' is not "
	 "implemented in this release"},
	{"an option twice",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    option: [tcplog, tcplog]\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:22: frontends.w.option: 'tcplog' is here twice; the first is at t:5:14"},
	{"old and new name of a timeout",
	 "defaults: {contimeout: 1s, timeout: {connect: 2s}}\n"
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:1:12: defaults: 'contimeout' and 'timeout.connect' are the same; the other "
	 "is at t:1:47"},
	{"a mode for a port",
	 "frontends: {w: {bind: {address: \":80\", mode: \"0600\"}, default_backend: "
	 "b}}\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:1:46: frontends.w.bind.mode: is for UNIX sockets; expected an address "
	 "unix@/path"},
	{"text that is no configuration", "hello\n",
	 "t:1:1: not a configuration; expected sections such as 'frontends:'"},
};

/* All errors, a line each. */
static char *
errors_of(const char *yaml)
{
	struct cfg_request r = {0};
	struct cfg_errors *errors = NULL;
	struct cfg *c = cfg_load_text(&r, "t", yaml, strlen(yaml), &errors);
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	for (size_t i = 0; i < cfg_errors_n(errors); i++)
		fprintf(f, "%s%s", i ? "\n" : "", cfg_errors_at(errors, i));
	fclose(f);
	assert_true((c == NULL) == (cfg_errors_n(errors) > 0));
	cfg_errors_free(&errors);
	cfg_free(&c);
	return text;
}

static void
each_mistake_is_told_with_its_place_and_what_was_expected(void **state)
{
	(void)state;
	int wrong = 0;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		char *text = errors_of(bads[i].yaml);
		if (strcmp(text, bads[i].errors) != 0) {
			print_error("%s:\n%s\ngives\n%s\nnot\n%s\n\n", bads[i].what,
				    bads[i].yaml, text, bads[i].errors);
			wrong++;
		}
		free(text);
	}
	assert_int_equal(wrong, 0);
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
