/* SPDX-License-Identifier: MIT
 *
 * Mistakes of meaning: what does not go together, names of nothing, values out of place.
 */
#include "bad.h"

static const struct bad bads[] = {
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
	{"a value of PROXY headers without a type",
	 "frontends: {w: {bind: \":80\", default_backend: b}}\n"
	 "backends:\n"
	 "  b:\n"
	 "    servers:\n"
	 "      s: {address: \"1.1.1.1:1\", send_proxy_v2: true,\n"
	 "          set_proxy_v2_tlv_fmt: {0x1ff: x}}\n",
	 "t:6:41: backends.b.servers.s.set_proxy_v2_tlv_fmt.0x1ff: '0x1ff' is not a "
	 "type; "
	 "expected 0 to 255, or 0x00 to 0xff"},
	{"an option of PROXY headers that there is not",
	 "frontends: {w: {bind: \":80\", default_backend: b}}\n"
	 "backends:\n"
	 "  b:\n"
	 "    servers:\n"
	 "      s: {address: \"1.1.1.1:1\", send_proxy_v2: true,\n"
	 "          proxy_v2_options: [crc32]}\n",
	 "t:6:30: backends.b.servers.s.proxy_v2_options.0: 'crc32' is not possible here; "
	 "expected authority, crc32c or unique_id; did you mean 'crc32c'?"},
	{"a layer of PROXY headers that there is not",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    tcp_request: {connection: [{expect_proxy: layer7}]}\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:47: frontends.w.tcp_request.connection.0.expect_proxy: 'layer7' is not "
	 "possible "
	 "here; expected layer4; did you mean 'layer4'?"},
	{"a TLV that has no such type",
	 "frontends:\n"
	 "  w:\n"
	 "    bind: \":80\"\n"
	 "    default_backend: b\n"
	 "    acl: {a: \"fc_pp_tlv(SNI) x\"}\n"
	 "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n",
	 "t:5:25: frontends.w.acl.a: 'SNI' is not a TLV type; expected 0 to 255, 0x00 to "
	 "0xff, "
	 "ALPN, AUTHORITY, CRC32, NOOP, UNIQUE_ID, SSL, SSL_VERSION, SSL_CN, SSL_CIPHER, "
	 "SSL_SIG_ALG, SSL_KEY_ALG or NETNS"},
	{"two servers of one id",
	 "frontends: {w: {bind: \":80\", default_backend: b}}\n"
	 "backends:\n"
	 "  b:\n"
	 "    servers:\n"
	 "      s: {address: \"1.1.1.1:1\", id: 7}\n"
	 "      t: {address: \"1.1.1.1:2\", id: 7}\n",
	 "t:6:37: backends.b.servers.t.id: 7 is the id of another server of the backend "
	 "already"},
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
};

static void
each_mistake_is_told_with_its_place_and_what_was_expected(void **state)
{
	(void)state;
	assert_told(bads, sizeof(bads) / sizeof(bads[0]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_mistake_is_told_with_its_place_and_what_was_expected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
