/* SPDX-License-Identifier: MIT
 *
 * haproxy.cfg to the tree.
 */
#include "tests/unit/import/imported.h"

struct row {
	const char *line, *path, *value;
};

/* Each line in a listen section of its own. */
static const struct row proxy_rows[] = {
	{"bind *:80", "bind.0", "*:80"},
	{"bind *:80 name a maxconn 10", "bind.0.name", "a"},
	{"bind [::]:80 v4v6", "bind.0.v4v6", "true"},
	{"server s 10.0.0.1:80", "servers.s", "10.0.0.1:80"},
	{"server s 10.0.0.1:80 weight 3 backup", "servers.s.backup", "true"},
	{"bind *:80 accept-proxy", "bind.0.accept_proxy", "true"},
	{"server s 10.0.0.1:80 send-proxy", "servers.s.send_proxy", "true"},
	{"server s 10.0.0.1:80 send-proxy-v2 check-send-proxy",
	 "servers.s.check_send_proxy", "true"},
	{"server s 10.0.0.1:80 send-proxy-v2 proxy-v2-options unique-id,crc32c",
	 "servers.s.proxy_v2_options.1", "crc32c"},
	{"server s 10.0.0.1:80 send-proxy-v2 proxy-v2-options unique-id,crc32c",
	 "servers.s.proxy_v2_options.0", "unique_id"},
	{"server s 10.0.0.1:80 send-proxy-v2 set-proxy-v2-tlv-fmt(0x20) %[src] check",
	 "servers.s.set_proxy_v2_tlv_fmt.0x20", "%[src]"},
	{"server s 10.0.0.1:80 send-proxy-v2 set-proxy-v2-tlv-fmt(0xE2)",
	 "servers.s.set_proxy_v2_tlv_fmt.0xE2", ""},
	{"default-server no-send-proxy", "default_server.send_proxy", "false"},
	{"tcp-request connection expect-proxy layer4 if { src 10.0.0.1 }",
	 "tcp_request.connection.0.expect_proxy", "layer4"},
	{"timeout client-hs 3s", "timeout.client_hs", "3s"},
	{"default-server inter 2s check", "default_server.inter", "2s"},
	{"option httplog", "option.httplog", "true"},
	{"option httplog clf", "option.httplog", "clf"},
	{"no option dontlognull", "option.dontlognull", "false"},
	{"option redispatch 2", "option.redispatch", "2"},
	{"option forwardfor except 10.0.0.0/8 header X-F", "option.forwardfor.header",
	 "X-F"},
	{"option httpchk GET /x", "option.httpchk", "GET /x"},
	{"option httpchk GET / HTTP/1.1\\r\\nHost:\\ a", "option.httpchk.headers.Host",
	 "a"},
	{"option forceclose", "option.httpclose", "true"},
	{"http-request wait-for-body time 1s at-least 5",
	 "http_request.0.wait_for_body.at_least", "5"},
	{"tcp-check send PING\\r\\n comment ping", "tcp_check.0.comment", "ping"},
	{"contimeout 5000", "timeout.connect", "5000"},
	{"timeout http-request 5s", "timeout.http_request", "5s"},
	{"timeout clitimeout 5s", "timeout.client", "5s"},
	{"http-reuse safe", "http_reuse", "safe"},
	{"http-reuse aggressive", "reuse_repeatable", "false"},
	{"retry-on conn-failure 503", "retry_on", "conn_failure 503"},
	{"balance uri whole", "balance", "uri whole"},
	{"stats refresh 10", "stats.refresh", "10s"},
	{"stats uri /x", "stats.uri", "/x"},
	{"stats auth a:b", "stats.auth.0", "a:b"},
	{"stats scope .", "stats.scope.0", "."},
	{"stats admin if TRUE", "stats.admin.0.if", "TRUE"},
	{"acl a path_beg /x 'a b' \\\\d", "acl.a", "path_beg /x 'a b' '\\d'"},
	{"acl a path \"it's\"", "acl.a", "path \"it's\""},
	{"capture request header Host len 10", "capture.request.header.0.len", "10"},
	{"declare capture request len 8", "declare_capture.0.request", "8"},
	{"rate-limit sessions 5", "rate_limit.sessions", "5"},
	{"stick-table type ip size 1k store gpc0", "stick_table.size", "1k"},
	{"http-check expect ! status 404", "http_check.0.expect.negate", "true"},
	{"http-check expect !rstring ^5", "http_check.0.expect.rstring", "^5"},
	{"http-check expect hdr name -m beg X- value b",
	 "http_check.0.expect.hdr.name_match", "beg"},
	{"http-check expect hdr name A value-lf -m reg b",
	 "http_check.0.expect.hdr.value_lf", "b"},
	{"option mysql-check user u pre-41", "option.mysql_check.version", "pre-41"},
	{"external-check command /bin/x", "external_check.command", "/bin/x"},
	{"server s 10.0.0.1:80 enabled id 7", "servers.s.disabled", "false"},
	{"server s 10.0.0.1:80 enabled id 7", "servers.s.id", "7"},
	{"option pgsql-check user u", "option.pgsql_check", "u"},
	{"option smtpchk EHLO a.b", "option.smtpchk.domain", "a.b"},
	{"option httpchk GET / HTTP/1.1 a.b", "option.httpchk.host", "a.b"},
	{"id 7", "id", "7"},
	{"http-check send meth GET uri / hdr A b", "http_check.0.send.headers.A", "b"},
	{"http-request deny", "http_request.0.deny", "true"},
	{"http-request deny deny_status 429 if TRUE", "http_request.0.deny.status",
	 "429"},
	{"http-request set-header A b unless FALSE", "http_request.0.unless", "FALSE"},
	{"http-request set-header A %[src]", "http_request.0.set_header.value", "%[src]"},
	{"http-request set-var(txn.a,ifexists) src", "http_request.0.set_var.name",
	 "txn.a,ifexists"},
	{"http-request sc-set-gpt0(1) 7", "http_request.0.sc_set_gpt0.sc", "1"},
	{"http-request set-path /a%[path]", "http_request.0.set_path", "/a%[path]"},
	{"http-request return status 200 content-type a/b string x",
	 "http_request.0.return.content_type", "a/b"},
	{"http-response del-header A -m beg", "http_response.0.del_header.match", "beg"},
	{"tcp-request inspect-delay 5s", "tcp_request.inspect_delay", "5s"},
	{"tcp-request connection reject if { src 10.0.0.1 }",
	 "tcp_request.connection.0.if", "{ src 10.0.0.1 }"},
	{"redirect prefix / code 301 if TRUE", "redirect.0.code", "301"},
	{"block if FALSE", "block.0.if", "FALSE"},
	{"monitor-net 10.0.0.0/8", "http_request.1.return", "true"},
	{"dispatch 10.0.0.1:80", "servers.dispatch", "10.0.0.1:80"},
	{"reqadd A:\\ b%", "http_request.0.add_header.value", "b%%"},
	{"reqidel ^X-A:", "http_request.0.del_header", "X-A"},
	{"reqrep ^([^\\ :]*)\\ /a/(.*) \\1\\ /b/\\2", "http_request.0.replace_uri.value",
	 "/b/\\1"},
	{"reqirep ^Host:\\ a(.*) Host:\\ b\\1", "http_request.0.replace_header.match",
	 "(?i)^a(.*)"},
	{"rspdel ^Server:.*", "http_response.0.del_header", "Server"},
	{"reqideny ^User-Agent:.*bot", "http_request.0.if",
	 "{ req.fhdr(User-Agent) -m reg (?i)bot }"},
};

static void
each_word_has_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(proxy_rows) / sizeof(proxy_rows[0]); i++) {
		const struct row *r = &proxy_rows[i];
		struct arena *a = arena_new();
		const char *text =
			arena_printf(a, "listen p\n mode http\n bind :1\n %s\n", r->line);
		if (strncmp(r->line, "bind", 4) == 0)
			text = arena_printf(a, "listen p\n mode http\n %s\n", r->line);
		struct import *im = imported_with(a, text, false);
		const char *path = arena_printf(a, "listens.p.%s", r->path);
		const char *value = text_at(im, path);
		if (!value || strcmp(value, r->value) != 0 || im->lost_n)
			print_error("%s: %s is %s\n%s", r->line, path, value, lost(im));
		assert_int_equal(im->lost_n, 0);
		assert_non_null(value);
		assert_string_equal(value, r->value);
		arena_free(&a);
	}
}

static void
one_defaults_stays_one_and_several_get_names(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct import *im = imported_with(
		a, "defaults\n mode http\nlisten a\n bind :1\nlisten b\n bind :2\n",
		false);
	assert_string_equal(text_at(im, "defaults.mode"), "http");
	assert_null(at(im, "named_defaults"));
	im = imported_with(a,
			   "defaults\n mode http\nlisten a\n bind :1\n"
			   "defaults x\n mode tcp\nlisten b\n bind :2\n"
			   "listen c from x\n bind :3\n",
			   false);
	assert_int_equal(im->lost_n, 0);
	assert_string_equal(text_at(im, "listens.a.from"), "defaults_1");
	assert_string_equal(text_at(im, "listens.b.from"), "x");
	assert_string_equal(text_at(im, "listens.c.from"), "x");
	assert_string_equal(text_at(im, "named_defaults.x.mode"), "tcp");
	arena_free(&a);
}

static void
a_check_of_a_proxy_replaces_all_of_its_defaults_check(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct import *im = imported_with(
		a,
		"defaults\n mode http\n option httpchk GET /up\n http-check send hdr A "
		"1\n"
		" timeout client 1s\n timeout server 1s\n timeout connect 1s\n"
		"listen l\n bind :1\n server s 1.1.1.1:1\n"
		"backend same\n"
		"backend rules\n http-check send hdr B 1\n"
		"backend option\n option httpchk\n"
		"backend both\n option httpchk GET /own\n http-check send hdr B 1\n",
		false);
	assert_int_equal(im->lost_n, 0);
	assert_null(at(im, "backends.same.option"));
	assert_null(at(im, "backends.same.http_check"));
	assert_string_equal(text_at(im, "backends.rules.option.httpchk"), "true");
	assert_int_equal(at(im, "backends.rules.http_check")->n, 1);
	assert_int_equal(at(im, "backends.option.http_check")->n, 0);
	assert_string_equal(text_at(im, "backends.both.option.httpchk"), "GET /own");
	arena_free(&a);
}

static void
slots_of_captures_are_numbered_line_by_line(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct import *im = imported_with(a,
					  "defaults d\n mode http\n"
					  " http-request capture path len 1\n"
					  "frontend f from d\n bind :1\n"
					  " declare capture response len 9\n"
					  " http-request capture method len 2\n"
					  " declare capture request len 3\n"
					  " http-request capture src id 2\n"
					  " http-request capture dst len 4\n"
					  "frontend g from d\n bind :2\n"
					  " http-request capture src len 5\n",
					  false);
	assert_int_equal(im->lost_n, 0);
	assert_string_equal(text_at(im, "frontends.f.declare_capture.0.request"), "1");
	assert_string_equal(text_at(im, "frontends.f.declare_capture.1.request"), "2");
	assert_string_equal(text_at(im, "frontends.f.declare_capture.2.request"), "3");
	assert_string_equal(text_at(im, "frontends.f.declare_capture.3.response"), "9");
	assert_string_equal(text_at(im, "frontends.f.http_request.0.capture.id"), "0");
	assert_null(at(im, "frontends.f.http_request.0.capture.len"));
	assert_string_equal(text_at(im, "frontends.f.http_request.1.capture.id"), "1");
	assert_string_equal(text_at(im, "frontends.f.http_request.3.capture.len"), "4");
	assert_string_equal(text_at(im, "frontends.g.http_request.0.capture.len"), "1");
	assert_null(at(im, "frontends.g.declare_capture"));
	arena_free(&a);
}

static void
rules_of_named_defaults_stand_before_those_of_the_proxy(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct import *im = imported_with(a,
					  "defaults d\n mode http\n acl x path /\n"
					  " http-request deny if x\n"
					  " tcp-request inspect-delay 5s\n"
					  " tcp-request content accept\n"
					  "frontend f from d\n bind :1\n"
					  " http-request set-path /a\n",
					  false);
	assert_int_equal(im->lost_n, 0);
	assert_string_equal(text_at(im, "frontends.f.http_request.0.if"), "x");
	assert_string_equal(text_at(im, "frontends.f.http_request.1.set_path"), "/a");
	assert_string_equal(text_at(im, "frontends.f.tcp_request.inspect_delay"), "5s");
	assert_string_equal(text_at(im, "frontends.f.acl.x"), "path /");
	assert_null(at(im, "named_defaults.d.http_request"));
	im = imported_with(a, "defaults\n http-request deny\n", false);
	assert_non_null(strstr(lost(im), "rules need defaults with a name"));
	im = imported_with(a,
			   "defaults d\n tcp-request connection accept\n"
			   "backend b from d\n",
			   false);
	assert_non_null(strstr(lost(im), "'tcp-request connection'"));
	im = imported_with(a,
			   "defaults d\n http-request deny if { srv_conn(s) gt 9 }\n"
			   "backend b from d\n server s 1.1.1.1:1\n",
			   false);
	assert_non_null(strstr(lost(im), "defaults have no server 's'"));
	im = imported_with(a,
			   "defaults d\n http-request track-sc0 src\n"
			   "backend b from d\n stick-table type ip size 1k\n",
			   false);
	assert_non_null(strstr(lost(im), "defaults have no stick-table"));
	im = imported_with(a,
			   "defaults d\n http-request track-sc0 src table t\n"
			   " http-request set-header A %[srv_conn(b/s)]%[src]\n"
			   "backend b from d\n server s 1.1.1.1:1\n",
			   false);
	assert_null(strstr(lost(im), "defaults have"));
	arena_free(&a);
}

static void
a_default_server_is_of_the_servers_below_it(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct import *im = imported_with(a,
					  "frontend f\n bind :1\n default_backend b\n"
					  "backend b\n default-server weight 3 inter 3s\n"
					  " server a 1.1.1.1:1\n"
					  " default-server weight 7\n"
					  " server b 1.1.1.1:2\n"
					  " server c 1.1.1.1:3 weight 9\n"
					  "backend other\n server d 1.1.1.1:4\n",
					  false);
	assert_int_equal(im->lost_n, 0);
	assert_string_equal(text_at(im, "backends.b.default_server.weight"), "3");
	assert_string_equal(text_at(im, "backends.b.default_server.inter"), "3s");
	assert_string_equal(text_at(im, "backends.b.servers.a"), "1.1.1.1:1");
	assert_string_equal(text_at(im, "backends.b.servers.b.weight"), "7");
	assert_string_equal(text_at(im, "backends.b.servers.c.weight"), "9");
	assert_string_equal(text_at(im, "backends.other.servers.d"), "1.1.1.1:4");
	arena_free(&a);
}

static void
what_haproxy_presumes_is_written(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct import *im = imported_with(a, "listen a\n bind :1\n", false);
	assert_string_equal(text_at(im, "defaults.option.via"), "false");
	assert_string_equal(text_at(im, "defaults.timeout.tunnel"), "0");
	assert_string_equal(text_at(im, "global.log_tag"), "haproxy");
	arena_free(&a);
}

static void
what_is_refused_is_told_with_its_line_and_left_out(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct import *im = imported_with(a,
					  "listen a\n bind :1\n mode http\n"
					  " option no-such-thing\n"
					  " http-request no-such-action\n"
					  " appsession JSESSIONID len 52\n"
					  " maxconn many\n"
					  "wonderful section\n with lines\n",
					  false);
	const char *text = lost(im);
	assert_non_null(strstr(text, "4: "));
	assert_non_null(strstr(text, "5: "));
	assert_non_null(strstr(text, "6: 'appsession' is not for weir"));
	assert_non_null(strstr(text, "7: 'many'"));
	assert_string_equal(text_at(im, "listens.a.mode"), "http");
	assert_null(at(im, "listens.a.maxconn"));
	arena_free(&a);
}

static void
a_refused_section_goes_as_a_whole(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct import *im = imported_with(
		a, "listen a\n bind :1\nlisten a\n bind :2\nlisten b\n bind :3\n", false);
	assert_int_equal(im->lost_n, 1);
	assert_string_equal(text_at(im, "listens.a.bind.0"), ":1");
	assert_null(at(im, "listens.a.bind.1"));
	assert_string_equal(text_at(im, "listens.b.bind.0"), ":3");
	arena_free(&a);
}

static void
of_error_files_the_later_line_wins(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct import *im = imported_with(a,
					  "http-errors g\n errorfile 403 /dev/null\n"
					  "listen a\n bind :1\n mode http\n"
					  " errorfile 403 /dev/null\n"
					  " errorfile 500 /dev/null\n"
					  " errorfiles g\n"
					  "listen b\n bind :2\n mode http\n"
					  " errorfile 403 /dev/null\n"
					  " errorfiles g 400\n"
					  " errorfile 400 /dev/null\n",
					  false);
	assert_null(at(im, "listens.a.errorfile.403"));
	assert_string_equal(text_at(im, "listens.a.errorfile.500"), "/dev/null");
	assert_string_equal(text_at(im, "listens.b.errorfile.403"), "/dev/null");
	assert_string_equal(text_at(im, "listens.b.errorfile.400"), "/dev/null");
	assert_int_equal(im->lost_n, 0);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_has_its_place),
		cmocka_unit_test(one_defaults_stays_one_and_several_get_names),
		cmocka_unit_test(a_check_of_a_proxy_replaces_all_of_its_defaults_check),
		cmocka_unit_test(slots_of_captures_are_numbered_line_by_line),
		cmocka_unit_test(rules_of_named_defaults_stand_before_those_of_the_proxy),
		cmocka_unit_test(a_default_server_is_of_the_servers_below_it),
		cmocka_unit_test(what_haproxy_presumes_is_written),
		cmocka_unit_test(what_is_refused_is_told_with_its_line_and_left_out),
		cmocka_unit_test(a_refused_section_goes_as_a_whole),
		cmocka_unit_test(of_error_files_the_later_line_wins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
