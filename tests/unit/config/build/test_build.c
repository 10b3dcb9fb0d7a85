/* SPDX-License-Identifier: MIT
 *
 * Good configurations and the structs that come out.
 */
#include "../loaded.h"

#include "config/retry.h"

#define BACKEND "backends: {b: {servers: {s: \"1.1.1.1:1\"}}}\n"

static void
built_in_defaults_are_those_of_the_manual(void **state)
{
	(void)state;
	struct cfg *c =
		loaded("frontends: {w: {bind: \":80\", default_backend: b}}\n" BACKEND);
	const struct cfg_proxy *w = frontend(c, "w"), *b = backend(c, "b");
	const struct cfg_timeouts *t = &b->timeout;
	assert_int_equal(t->connect_ms, 5000);
	assert_int_equal(t->client_ms, 50000);
	assert_int_equal(t->server_ms, 50000);
	assert_int_equal(t->http_request_ms, 10000);
	assert_int_equal(t->http_keep_alive_ms, 10000);
	assert_int_equal(t->queue_ms, 5000);
	assert_int_equal(t->check_ms, 5000);
	assert_int_equal(t->tunnel_ms, 3600000);
	assert_int_equal(t->tarpit_ms, 5000);
	assert_int_equal(w->limits.request_line_bytes, 16384);
	assert_int_equal(w->limits.field_bytes, 16384);
	assert_int_equal(w->limits.head_bytes, 32768);
	assert_int_equal(w->limits.fields_n, 128);
	assert_int_equal(w->limits.trailers_bytes, 8192);
	assert_int_equal(b->retries, 3);
	assert_int_equal(b->redispatch_interval, -1);
	assert_int_equal(b->options, CFG_OPT_REDISPATCH | CFG_OPT_VIA);
	assert_int_equal(w->options, CFG_OPT_VIA);
	assert_int_equal(b->balance.algorithm, BALANCE_ROUNDROBIN);
	assert_int_equal(b->mode, CFG_MODE_TCP);
	assert_int_equal(c->global.drain_timeout_ms, 600000);
	assert_int_equal(c->global.close_spread_ms, 5000);
	assert_int_equal(c->global.reload_max_delay_ms, 10000);
	assert_int_equal(c->global.max_generations, 8);
	assert_int_equal(c->global.watchdog_ms, 5000);
	assert_string_equal(c->global.log_tag, "weir");
	assert_string_equal(c->global.shm, "/run/weir/weir.shm");
	assert_null(c->global.cpu_of_worker);
	assert_true(c->global.nbproc >= 1);
	assert_int_equal(w->maxconn, c->global.maxconn);
	assert_true(c->global.fds_needed > 2 * c->global.maxconn);
	assert_int_equal(c->warnings_n, 0);
	cfg_free(&c);
}

static void
words_of_retry_on_add_up_with_either_dash(void **state)
{
	(void)state;
	struct cfg *c = loaded(
		"defaults: {mode: http, retry_on: [conn-failure, empty_response, 503]}\n"
		"frontends: {w: {bind: \":80\", default_backend: b}}\n"
		"backends:\n"
		"  b: {servers: {s: \"1.1.1.1:1\"}}\n"
		"  n: {retry_on: none, servers: {s: \"1.1.1.1:2\"}}\n"
		"  a: {retry_on: all-retryable-errors 404, servers: {s: "
		"\"1.1.1.1:3\"}}\n");
	uint32_t all = RETRY_CONN_FAILURE | RETRY_EMPTY_RESPONSE | RETRY_JUNK_RESPONSE |
		       RETRY_RESPONSE_TIMEOUT;
	assert_int_equal(backend(c, "b")->retry_on, RETRY_CONN_FAILURE |
							    RETRY_EMPTY_RESPONSE |
							    retry_of_status(503));
	assert_int_equal(backend(c, "n")->retry_on, 0);
	assert_int_equal(backend(c, "a")->retry_on,
			 all | retry_of_status(500) | retry_of_status(502) |
				 retry_of_status(503) | retry_of_status(504) |
				 retry_of_status(404));
	cfg_free(&c);
}

static void
the_pool_is_unlimited_unless_something_else_is_said(void **state)
{
	(void)state;
	struct cfg *c = loaded(
		"frontends: {w: {bind: \":80\", default_backend: b}}\n"
		"backends:\n"
		"  b:\n"
		"    http_reuse: always\n"
		"    default_server: {pool_max_conn: 7, max_reuse: 0}\n"
		"    servers:\n"
		"      s: {address: \"1.1.1.1:1\", pool_purge_delay: 1s}\n"
		"      t: {address: \"1.1.1.1:2\", pool_max_conn: -1, max_reuse: -1}\n");
	const struct cfg_proxy *b = backend(c, "b");
	const struct cfg_server *s = b->servers[0], *t = b->servers[1];
	assert_int_equal(b->http_reuse, CFG_REUSE_ALWAYS);
	assert_int_equal(b->retry_on, RETRY_CONN_FAILURE);
	assert_int_equal(s->pool_max_conn, 7);
	assert_int_equal(s->max_reuse, 0);
	assert_int_equal(s->pool_purge_delay_ms, 1000);
	assert_int_equal(t->pool_max_conn, -1);
	assert_int_equal(t->max_reuse, -1);
	assert_int_equal(t->pool_purge_delay_ms, 5000);
	cfg_free(&c);
}

static void
the_configuration_of_the_lecture_loads_with_warnings_only(void **state)
{
	(void)state;
	struct cfg *c = loaded(
		"global:\n  log: [127.0.0.1 local0, \": local0\", \":5140\"]\n"
		"  chroot: /var/lib/haproxy\n  uid: 99\n  gid: 99\n"
		"  daemon: true\n  nbproc: 2\n  pidfile: /run/weir.pid\n"
		"defaults:\n  log: global\n  mode: http\n"
		"  option: [httplog, redispatch]\n  retries: 3\n"
		"  stats: {uri: /haproxy-admin}\n  contimeout: 5000\n"
		"  clitimeout: 50000\n  srvtimeout: 50000\n"
		"listens:\n  web: {bind: \":80\", servers: {a: \"1.1.1.1:80\"}}\n");
	assert_int_equal(c->global.uid, 99);
	assert_int_equal(c->global.gid, 99);
	assert_int_equal(c->global.nbproc, 2);
	assert_true(c->global.daemon);
	assert_string_equal(c->global.chroot, "/var/lib/haproxy");
	assert_int_equal(c->log_targets_n, 2); /* without a host it is the same */
	assert_int_equal(addr_port(&c->log_targets[1].addr), 5140);
	assert_int_equal(c->log_targets[0].kind, LOG_TO_UDP);
	assert_int_equal(c->log_targets[0].facility, 16);
	assert_int_equal(c->log_targets[0].level_max, 7);
	assert_int_equal(addr_port(&c->log_targets[0].addr), 514);
	const struct cfg_proxy *web = proxy_named(c, "web", 3);
	assert_int_equal(web->log_mask, 3);
	assert_int_equal(web->timeout.connect_ms, 5000);
	assert_int_equal(web->timeout.client_ms, 50000);
	assert_string_equal(web->stats.uri, "/haproxy-admin");
	assert_ptr_equal(web->default_backend, web);
	assert_int_equal(c->warnings_n, 3);
	assert_string_equal(c->warnings[0],
			    "t:15:15: defaults.contimeout: deprecated; use "
			    "'timeout.connect'");
	cfg_free(&c);
}

static void
every_form_of_bind_is_understood(void **state)
{
	(void)state;
	struct cfg *c = loaded(
		"frontends:\n  w:\n    default_backend: b\n    maxconn: 7\n    bind:\n"
		"      - \"*:80\"\n      - {address: \"[::]:443\", v4v6: true, backlog: "
		"9}\n"
		"      - unix@/run/w.sock\n      - {address: /run/x.sock, mode: "
		"\"0660\"}\n"
		"      - fd@3\n      - {address: \"10.0.0.1:8000-8002\", name: r, "
		"maxconn: 4}\n"
		"      - {address: \"127.0.0.1:81,127.0.0.1:82\", shards: shared, "
		"interface: lo}\n"
		"  one: {bind: \"[::1]:90\", default_backend: b}\n" BACKEND);
	const struct cfg_proxy *w = frontend(c, "w");
	assert_int_equal(w->binds_n, 10);
	assert_int_equal(c->binds_n, 11);
	assert_string_equal(w->binds[0]->name, "*:80");
	assert_int_equal(w->binds[0]->addr.kind, ADDR_INET);
	assert_int_equal(w->binds[0]->mode, (mode_t)-1);
	assert_true(w->binds[1]->v4v6);
	assert_int_equal(w->binds[1]->backlog, 9);
	assert_int_equal(w->binds[1]->addr.kind, ADDR_INET6);
	assert_int_equal(w->binds[2]->addr.kind, ADDR_UNIX);
	assert_int_equal(w->binds[3]->mode, 0660);
	assert_int_equal(w->binds[4]->addr.fd, 3);
	assert_string_equal(w->binds[5]->name, "r:8000");
	assert_string_equal(w->binds[7]->name, "r:8002");
	assert_int_equal(w->binds[7]->maxconn, 4);
	assert_int_equal(addr_port(&w->binds[7]->addr), 8002);
	assert_int_equal(w->binds[9]->shards, CFG_SHARDS_SHARED);
	assert_string_equal(w->binds[9]->interface, "lo");
	assert_string_equal(w->binds[9]->where, "t:12:19");
	for (size_t i = 0; i < c->binds_n; i++)
		assert_int_equal(c->binds[i]->index, i);
	assert_int_equal(w->maxconn, 7);
	cfg_free(&c);
}

static void
servers_take_their_defaults_and_keep_their_order(void **state)
{
	(void)state;
	struct cfg *c = loaded(
		"frontends: {w: {bind: \":80\", default_backend: b}}\n"
		"backends:\n  b:\n    balance: {algorithm: leastconn}\n"
		"    default_server: {check: true, inter: 3s, fall: 5, weight: 10}\n"
		"    servers:\n      z: 10.0.0.1:80\n"
		"      a: {address: 10.0.0.2:80, weight: 0, check: false, backup: true}\n"
		"      m: {address: 10.0.0.3:80, port: 81, addr: 10.0.0.9, fastinter: "
		"1s}\n"
		"      n: {address: 10.0.0.4, check: no}\n"
		"      o: {address: \"10.0.0.5:+1000\", port: 9}\n"
		"      p: {address: \"[::1]:-10\", check: off}\n"
		"      q: unix@/run/app.sock\n"
		"      r: {address: 10.0.0.6:80, check_port: 82, disabled: on}\n");
	const struct cfg_proxy *b = backend(c, "b");
	struct cfg_server **s = b->servers;
	assert_int_equal(b->servers_n, 8);
	assert_int_equal(b->balance.algorithm, BALANCE_LEASTCONN);
	assert_string_equal(s[0]->name, "z");
	assert_true(s[0]->check);
	assert_int_equal(s[0]->inter_ms, 3000);
	assert_int_equal(s[0]->downinter_ms, 3000);
	assert_int_equal(s[0]->rise, 2);
	assert_int_equal(s[0]->fall, 5);
	assert_int_equal(s[0]->weight, 10);
	assert_int_equal(s[0]->id, 1);
	assert_int_equal(s[1]->weight, 0);
	assert_true(s[1]->backup && !s[1]->check);
	char text[ADDR_TEXT_BYTES];
	assert_string_equal(addr_format(&s[2]->check_addr, text), "10.0.0.9:81");
	assert_string_equal(addr_format(&s[2]->addr, text), "10.0.0.3:80");
	assert_int_equal(s[2]->fastinter_ms, 1000);
	assert_true(s[3]->send_to_client_port);
	assert_int_equal(s[3]->port_offset, 0);
	assert_int_equal(s[4]->port_offset, 1000);
	assert_int_equal(addr_port(&s[4]->check_addr), 9);
	assert_int_equal(s[5]->port_offset, -10);
	assert_int_equal(s[5]->addr.kind, ADDR_INET6);
	assert_int_equal(s[6]->addr.kind, ADDR_UNIX);
	assert_int_equal(addr_port(&s[7]->check_addr), 82);
	assert_true(s[7]->disabled);
	assert_string_equal(s[4]->addr_text, "10.0.0.5:+1000");
	cfg_free(&c);
}

static void
a_name_that_is_unknown_starts_down_with_a_warning(void **state)
{
	(void)state;
	struct cfg *c =
		loaded("frontends: {w: {bind: \":80\", default_backend: b}}\n"
		       "backends:\n  b:\n    servers:\n"
		       "      a: {address: \"weir-test.invalid:80\", check: true}\n"
		       "      b: localhost:81\n");
	const struct cfg_proxy *b = backend(c, "b");
	assert_int_equal(b->servers[0]->addr.kind, ADDR_NONE);
	assert_int_equal(b->servers[0]->check_addr.kind, ADDR_NONE);
	assert_int_equal(addr_port(&b->servers[1]->addr), 81);
	assert_int_not_equal(b->servers[1]->addr.kind, ADDR_NONE);
	assert_int_equal(c->warnings_n, 1);
	assert_non_null(strstr(c->warnings[0],
			       "t:5:20: backends.b.servers.a.address: the name "
			       "'weir-test.invalid' cannot be resolved"));
	assert_non_null(strstr(c->warnings[0], "the server starts DOWN"));
	cfg_free(&c);
}

static void
options_merge_per_key_and_can_be_switched_off(void **state)
{
	(void)state;
	struct cfg *c =
		loaded("defaults: {mode: http, option: [httplog, dontlognull, "
		       "forwardfor], timeout: "
		       "{client: 1s, tunnel: 2s}}\n"
		       "named_defaults: {x: {from: y, mode: http, option: abortonclose}, "
		       "y: {retries: 9}}\n"
		       "frontends:\n  w:\n    bind: \":80\"\n    default_backend: b\n"
		       "    option: {via: false, httplog: no, forwardfor: {header: "
		       "X-Client, if_none: true}}\n"
		       "    timeout: {client: 9s}\n"
		       "backends:\n  b: {option: {redispatch: 2, forwardfor: false}, "
		       "servers: {s: \"1.1.1.1:1\"}}\n"
		       "  v: {from: x, option: {redispatch: false}, servers: {s: "
		       "\"1.1.1.1:1\"}}\n");
	const struct cfg_proxy *w = frontend(c, "w"), *b = backend(c, "b"),
			       *v = backend(c, "v");
	assert_int_equal(w->options, CFG_OPT_DONTLOGNULL);
	assert_true(w->forwardfor.is_on);
	assert_span(w->forwardfor.header, "X-Client");
	assert_true(w->forwardfor.if_none);
	assert_int_equal(w->timeout.client_ms, 9000);
	assert_int_equal(w->timeout.tunnel_ms, 2000);
	assert_int_equal(b->options, CFG_OPT_REDISPATCH | CFG_OPT_VIA);
	assert_int_equal(b->redispatch_interval, 2);
	assert_false(b->forwardfor.is_on);
	assert_int_equal(v->options, CFG_OPT_ABORTONCLOSE | CFG_OPT_VIA);
	assert_int_equal(v->retries, 9);
	assert_int_equal(v->timeout.client_ms, 50000);
	cfg_free(&c);
}

static void
rules_and_choices_are_built_in_order(void **state)
{
	(void)state;
	struct cfg *c = loaded(
		"defaults: {mode: http}\nfrontends:\n  w:\n    bind: \":80\"\n"
		"    acl: {api: path_beg /api, lan: [\"hdr(x) 1\", \"hdr(x) 2\"]}\n"
		"    monitor_uri: /alive\n"
		"    http_request:\n"
		"      - {return: {status: 201, content_type: text/html, string: "
		"\"a\\nb\", headers: "
		"{X-A: b}}, if: api}\n"
		"      - {deny: true, unless: lan}\n      - {deny: {status: 429}, if: "
		"api lan}\n"
		"    use_backend:\n      - {backend: b2, if: api}\n      - b\n"
		"    default_backend: b\n"
		"backends: {b: {servers: {s: \"1.1.1.1:1\"}}, b2: {servers: {s: "
		"\"1.1.1.1:1\"}}}\n");
	const struct cfg_proxy *w = frontend(c, "w");
	assert_int_equal(w->rules[CFG_RULES_REQUEST].n, 3);
	const struct cfg_rule *r = w->rules[CFG_RULES_REQUEST].list;
	assert_int_equal(r[0].action, CFG_ACTION_return);
	assert_int_equal(r[0].reply->status, 201);
	assert_span(r[0].reply->message->content_type, "text/html");
	assert_span(r[0].reply->message->body, "a\nb");
	assert_span(r[0].reply->message->extra, "X-A: b\r\n");
	assert_true(r[0].cond && !r[0].unless);
	assert_int_equal(r[1].action, CFG_ACTION_deny);
	assert_int_equal(r[1].reply->status, 403);
	assert_null(r[1].reply->message);
	assert_true(r[1].unless);
	assert_int_equal(r[2].reply->status, 429);
	assert_int_equal(w->use_backend_n, 2);
	assert_ptr_equal(w->use_backend[0].backend, backend(c, "b2"));
	assert_null(w->use_backend[1].cond);
	assert_span(w->monitor_uri, "/alive");
	cfg_free(&c);
}

static void
log_targets_are_shared_and_told_apart(void **state)
{
	(void)state;
	struct cfg *c = loaded("global: {log: [{address: \"127.0.0.1:515\", facility: "
			       "daemon, level: warning}, "
			       "stdout]}\n"
			       "defaults: {log: global}\n"
			       "frontends:\n  w: {bind: \":80\", default_backend: b, "
			       "log: [global, stderr, "
			       "file@/tmp/w.log]}\n"
			       "  v: {bind: \":81\", default_backend: b, log: [stdout, "
			       "unix@/run/l, /dev/log, "
			       "{address: /var/log/w, format: rfc3164}]}\n"
			       "  u: {bind: \":82\", default_backend: b, log: none}\n"
			       "  t: {bind: \":83\", default_backend: b, log: \"[::1]:9 "
			       "local7\"}\n" BACKEND);
	assert_int_equal(c->global_log_mask, 3);
	assert_int_equal(backend(c, "b")->log_mask, 3);
	assert_int_equal(frontend(c, "w")->log_mask, 15);
	assert_int_equal(frontend(c, "v")->log_mask, 2 | 16 | 32 | 64);
	assert_int_equal(frontend(c, "u")->log_mask, 0);
	const struct log_target *t = c->log_targets;
	assert_int_equal(t[0].facility, 3);
	assert_int_equal(t[0].level_max, 4);
	assert_int_equal(t[0].format, LOG_FORMAT_LOCAL);
	assert_int_equal(t[1].kind, LOG_TO_STDOUT);
	assert_int_equal(t[1].format, LOG_FORMAT_RAW);
	assert_int_equal(t[3].kind, LOG_TO_FILE);
	assert_string_equal(t[3].path, "/tmp/w.log");
	assert_int_equal(t[4].kind, LOG_TO_UNIX);
	assert_int_equal(t[5].kind, LOG_TO_UNIX);
	assert_int_equal(t[6].kind, LOG_TO_FILE);
	assert_int_equal(t[6].format, LOG_FORMAT_RFC3164);
	assert_int_equal(t[7].addr.kind, ADDR_INET6);
	cfg_free(&c);
}

static void
a_log_line_of_haproxy_is_understood(void **state)
{
	(void)state;
	struct cfg *c =
		loaded("global: {log: [\"127.0.0.1 len 2000 format rfc5424 "
		       "sample 1-2,5:10 local3 info notice\", "
		       "{address: stdout, format: iso, len: 100}]}\n"
		       "frontends: {w: {bind: \":80\", default_backend: b}}\n" BACKEND);
	const struct log_target *t = c->log_targets;
	assert_int_equal(c->log_targets_n, 2);
	assert_int_equal(t[0].format, LOG_FORMAT_RFC5424);
	assert_int_equal(t[0].bytes_max, 2000);
	assert_int_equal(t[0].facility, 19);
	assert_int_equal(t[0].level_max, 6);
	assert_int_equal(t[0].level_min, 5);
	assert_int_equal(t[0].sample_n, 10);
	assert_int_equal(t[0].sample_mask, 1 | 2 | 16);
	assert_int_equal(t[1].format, LOG_FORMAT_ISO);
	assert_int_equal(t[1].bytes_max, 100);
	assert_int_equal(t[1].sample_n, 0);
	cfg_free(&c);
}

static void
sockets_cpus_and_statistics_are_built(void **state)
{
	(void)state;
	struct cfg *c = loaded("global:\n  nbproc: 3\n  cpu_map: auto\n"
			       "  stats: {socket: [{path: /run/a, mode: \"0600\", level: "
			       "admin, user: root}, "
			       "/run/b]}\n"
			       "defaults: {mode: http}\n"
			       "listens: {s: {bind: \":80\", stats: {uri: /, refresh: "
			       "5s, realm: x, auth: "
			       "[\"a:b\", \"c:d:e\"], hide_version: true}}, t: {bind: "
			       "\":81\", stats: {enable: "
			       "true}}}\n");
	assert_int_equal(c->global.sockets_n, 2);
	assert_int_equal(c->global.sockets[0].mode, 0600);
	assert_int_equal(c->global.sockets[0].level, CFG_LEVEL_ADMIN);
	assert_int_equal(c->global.sockets[0].uid, 0);
	assert_int_equal(c->global.sockets[0].gid, (gid_t)-1);
	assert_int_equal(c->global.sockets[1].level, CFG_LEVEL_OPERATOR);
	assert_non_null(c->global.cpu_of_worker);
	const struct cfg_stats *s = &proxy_named(c, "s", 3)->stats;
	assert_string_equal(s->uri, "/");
	assert_int_equal(s->refresh_ms, 5000);
	assert_int_equal(s->auths_n, 2);
	assert_string_equal(s->auths[1], "c:d:e");
	assert_true(s->hide_version);
	assert_string_equal(proxy_named(c, "t", 3)->stats.uri, "/haproxy?stats");
	cfg_free(&c);
}

static void
the_schema_decides_the_type_of_plain_text(void **state)
{
	(void)state;
	struct cfg *c =
		loaded("frontends: {no: {bind: \":80\", default_backend: 1e3}}\n"
		       "backends: {1e3: {retries: 010, servers: {yes: \"1.1.1.1:1\", "
		       "\"1:30\": \"1.1.1.1:2\", null: \"1.1.1.1:3\"}}}\n"
		       "global: {log_tag: 0x10}\n");
	const struct cfg_proxy *b = backend(c, "1e3");
	assert_int_equal(b->retries, 10);
	assert_string_equal(b->servers[0]->name, "yes");
	assert_string_equal(b->servers[1]->name, "1:30");
	assert_string_equal(b->servers[2]->name, "null");
	assert_string_equal(c->global.log_tag, "0x10");
	assert_ptr_equal(frontend(c, "no")->default_backend, b);
	cfg_free(&c);
}

static void
what_is_probably_wrong_is_warned_about(void **state)
{
	(void)state;
	struct cfg *c = loaded("defaults: {mode: http, option: httplog}\n"
			       "frontends:\n  w: {bind: \":80\", timeout: {client: 0}, "
			       "http_request: [{deny: true}, "
			       "{return: {}}], use_backend: [b, b]}\n"
			       "  v: {bind: \":81\"}\n"
			       "  h: {bind: \":83\", mode: health}\n"
			       "  u: {default_backend: b}\n"
			       "listens: {t: {mode: tcp, bind: \":82\"}}\n"
			       "backends: {b: {servers: {s: \"1.1.1.1:1\"}, http_check: "
			       "{expect: {status: 200}}}}\n");
	static const char *const expected[] = {
		"t:1:32: defaults.option.httplog: 't' does not have mode http; it logs "
		"as "
		"with 'tcplog'",
		"t:3:38: frontends.w.timeout.client: 0 means no timeout: connections may "
		"stay "
		"forever; expected a duration such as 30s",
		"t:3:71: frontends.w.http_request.1: never reached: the rule at t:3:57 "
		"has no "
		"condition",
		"t:3:103: frontends.w.use_backend.1: never reached: the use_backend at "
		"t:3:100 has "
		"no condition",
		"t:4:6: frontends.v: has no 'default_backend': every request is refused",
		"t:5:26: frontends.h.mode: deprecated; expected 'mode: http' with "
		"'monitor_uri'",
		"t:6:6: frontends.u: has no 'bind': nobody can connect; expected one, or "
		"the "
		"section in backends",
		"t:7:14: listens.t: has no servers",
		"t:8:55: backends.b.http_check: has no effect without 'option: httpchk'; "
		"servers "
		"are checked by connecting",
	};
	assert_int_equal(c->warnings_n, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < c->warnings_n; i++)
		assert_string_equal(c->warnings[i], expected[i]);
	cfg_free(&c);
}

static void
proxies_are_numbered_in_the_order_of_the_file(void **state)
{
	(void)state;
	struct cfg *c = loaded(
		BACKEND "listens: {l: {bind: \":81\", servers: {s: \"1.1.1.1:1\"}}}\n"
			"frontends: {b: {bind: \":80\", default_backend: b}}\n");
	assert_int_equal(c->proxies_n, 3);
	assert_string_equal(c->proxies[0]->where, "t:1:12");
	assert_string_equal(c->proxies[1]->name, "l");
	assert_int_equal(c->proxies[2]->caps, CFG_CAP_FRONTEND);
	assert_int_equal(c->proxies[2]->id, 4); /* 1 is HAProxy's own */
	assert_ptr_equal(c->proxies[2]->default_backend, c->proxies[0]);
	cfg_free(&c);
}

static void
anchors_and_merge_keys_work(void **state)
{
	(void)state;
	struct cfg *c = loaded(
		"defaults: {mode: http}\nfrontends:\n"
		"  a: &base {bind: \":80\", default_backend: b, maxconn: 5, timeout: "
		"&t {client: 1s}}\n"
		"  c: {<<: *base, bind: \":81\"}\n"
		"  d: {<<: [{maxconn: 6}, *base], bind: \":82\", timeout: *t}\n" BACKEND);
	assert_int_equal(frontend(c, "c")->maxconn, 5);
	assert_int_equal(frontend(c, "c")->binds_n, 1);
	assert_int_equal(addr_port(&frontend(c, "c")->binds[0]->addr), 81);
	assert_int_equal(frontend(c, "d")->maxconn, 6);
	assert_int_equal(frontend(c, "d")->timeout.client_ms, 1000);
	assert_ptr_equal(frontend(c, "d")->default_backend, backend(c, "b"));
	cfg_free(&c);
}

static void
a_mode_of_http_takes_back_that_of_its_defaults(void **state)
{
	(void)state;
	struct cfg *c = loaded(
		"defaults: {mode: http, option: [http_server_close, "
		"http_ignore_probes]}\n"
		"frontends:\n"
		"  w: {bind: \":80\", default_backend: b, option: http_keep_alive}\n"
		"  v: {bind: \":81\", default_backend: b, option: httpclose}\n"
		"  u: {bind: \":82\", default_backend: b}\n" BACKEND);
	const uint32_t modes =
		CFG_OPT_HTTP_KEEP_ALIVE | CFG_OPT_HTTP_SERVER_CLOSE | CFG_OPT_HTTPCLOSE;
	assert_int_equal(frontend(c, "w")->options & modes, CFG_OPT_HTTP_KEEP_ALIVE);
	assert_int_equal(frontend(c, "v")->options & modes, CFG_OPT_HTTPCLOSE);
	assert_int_equal(frontend(c, "u")->options & modes, CFG_OPT_HTTP_SERVER_CLOSE);
	assert_true(frontend(c, "w")->options & CFG_OPT_HTTP_IGNORE_PROBES);
	cfg_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(built_in_defaults_are_those_of_the_manual),
		cmocka_unit_test(
			the_configuration_of_the_lecture_loads_with_warnings_only),
		cmocka_unit_test(words_of_retry_on_add_up_with_either_dash),
		cmocka_unit_test(the_pool_is_unlimited_unless_something_else_is_said),
		cmocka_unit_test(every_form_of_bind_is_understood),
		cmocka_unit_test(servers_take_their_defaults_and_keep_their_order),
		cmocka_unit_test(a_name_that_is_unknown_starts_down_with_a_warning),
		cmocka_unit_test(options_merge_per_key_and_can_be_switched_off),
		cmocka_unit_test(rules_and_choices_are_built_in_order),
		cmocka_unit_test(log_targets_are_shared_and_told_apart),
		cmocka_unit_test(a_log_line_of_haproxy_is_understood),
		cmocka_unit_test(sockets_cpus_and_statistics_are_built),
		cmocka_unit_test(the_schema_decides_the_type_of_plain_text),
		cmocka_unit_test(what_is_probably_wrong_is_warned_about),
		cmocka_unit_test(proxies_are_numbered_in_the_order_of_the_file),
		cmocka_unit_test(anchors_and_merge_keys_work),
		cmocka_unit_test(a_mode_of_http_takes_back_that_of_its_defaults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
