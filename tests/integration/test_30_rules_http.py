# SPDX-License-Identifier: MIT
"""Rules of requests and responses: what the server and the client see of each action."""
import base64
import crypt
import re

import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web


def start(lab, rules, section="frontend", key="http_request", **more):
    """An origin behind rules; returns it and the port."""
    a, port = lab.origin("a"), lab.port()
    sections = {section: {key: rules}}
    for name, keys in more.items():
        sections.setdefault(name, {}).update(keys)
    lab.start(web(port, {"a": a}, **sections))
    return a, port


# rules, request fields, what the server sees of these names
REQUEST_FIELDS = [
    ("add_header", [{"add_header": {"name": "X", "value": "2"}}], [("X", "1")], {"X": ["1", "2"]}),
    ("set_header", [{"set_header": {"name": "x", "value": "3"}}], [("X", "1"), ("X", "2")],
     {"X": ["3"]}),
    ("set_header of an expression", [{"set_header": {"name": "X", "value": "%[req.hdr(Y)]-%[path]"}}],
     [("Y", "y")], {"X": ["y-/p"]}),
    ("the second sees the first", [{"set_header": {"name": "X", "value": "a"}},
                                   {"set_header": {"name": "Y", "value": "%[req.hdr(X)]b"}}],
     [], {"X": ["a"], "Y": ["ab"]}),
    ("a condition sees edits", [{"set_header": {"name": "X", "value": "a"}},
                                {"set_header": {"name": "Y", "value": "b"}, "if": "{ req.hdr(X) a }"},
                                {"set_header": {"name": "Z", "value": "c"},
                                 "unless": "{ req.hdr(X) a }"}],
     [], {"Y": ["b"], "Z": []}),
    ("del_header", [{"del_header": "X"}], [("X", "1"), ("x", "2"), ("Y", "3")],
     {"X": [], "Y": ["3"]}),
    ("del_header beg", [{"del_header": {"name": "X-", "match": "beg"}}],
     [("X-A", "1"), ("x-b", "2"), ("AX-", "3")], {"X-A": [], "X-B": [], "AX-": ["3"]}),
    ("del_header end", [{"del_header": {"name": "-b", "match": "end"}}],
     [("X-A", "1"), ("x-B", "2")], {"X-A": ["1"], "X-B": []}),
    ("del_header sub", [{"del_header": {"name": "oo", "match": "sub"}}],
     [("Foo", "1"), ("Bar", "2")], {"Foo": [], "Bar": ["2"]}),
    ("del_header reg", [{"del_header": {"name": "^x-[0-9]+$", "match": "reg"}}],
     [("X-12", "1"), ("X-a", "2")], {"X-12": [], "X-a": ["2"]}),
    ("replace_header", [{"replace_header": {"name": "X", "match": "foo=([^;]*);(.*)",
                                            "value": r"foo=\1;ip=1;\2"}}],
     [("X", "foo=bar; e"), ("X", "other")], {"X": ["foo=bar;ip=1; e", "other"]}),
    ("replace_value", [{"replace_value": {"name": "X", "match": r"^192\.168\.(.*)$",
                                          "value": r"172.16.\1"}}],
     [("X", "192.168.10.1, 192.168.13.24, 10.0.0.37")],
     {"X": ["172.16.10.1, 172.16.13.24, 10.0.0.37"]}),
    ("Host", [{"set_header": {"name": "Host", "value": "other:8"}}], [], {"Host": ["other:8"]}),
    ("no line breaks", [{"set_header": {"name": "X", "value": "%[req.hdr(Y),url_dec]"}}],
     [("Y", "a%0d%0aEvil:1")], {"X": ["a%0D%0AEvil:1"], "Evil": []}),
]


@pytest.mark.parametrize("rules,fields,seen", [r[1:] for r in REQUEST_FIELDS],
                         ids=[r[0] for r in REQUEST_FIELDS])
def test_fields_of_a_request_are_edited(lab, rules, fields, seen):
    a, port = start(lab, rules)
    assert get(port, "/p", fields=fields).status == 200
    request = a.requests[-1]
    assert {name: request.all(name) for name in seen} == seen


TARGETS = [
    ({"set_path": "/new%[path]"}, "/p?q=1", "GET /new/p?q=1"),
    ({"set_path": "/a b?c"}, "/p", "GET /a%20b%3Fc"),
    ({"set_query": "%[query]&x=1"}, "/p?q=1", "GET /p?q=1&x=1"),
    ({"set_query": "x"}, "/p", "GET /p?x"),
    ({"set_pathq": "/new"}, "/p?q=1", "GET /new"),
    ({"set_uri": "/u?v"}, "/p?q=1", "GET /u?v"),
    ({"replace_path": {"match": "/foo/(.*)", "value": r"/\1"}}, "/foo/bar?q", "GET /bar?q"),
    ({"replace_path": {"match": "/foo/(.*)", "value": r"/\1"}}, "/other?q", "GET /other?q"),
    ({"replace_path": {"match": "(.*)", "value": r"/foo\1"}}, "/bar?q=1", "GET /foo/bar?q=1"),
    ({"replace_pathq": {"match": r"([^?]*)(\?(.*))?", "value": r"\1/foo\2"}}, "/bar?q=1",
     "GET /bar/foo?q=1"),
    ({"replace_uri": {"match": "([^/:]*://[^/]*)?(.*)", "value": r"\1/foo\2"}}, "/bar?q=1",
     "GET /foo/bar?q=1"),
    ({"set_method": "PUT"}, "/p", "PUT /p"),
]


@pytest.mark.parametrize("rule,target,line", TARGETS, ids=[f"{list(t[0])[0]} {t[2]}" for t in TARGETS])
def test_the_request_line_is_edited(lab, rule, target, line):
    a, port = start(lab, [rule])
    assert get(port, target).status == 200
    assert f"{a.requests[-1].method} {a.requests[-1].target}" == line


@pytest.mark.parametrize("body", [
    do.answer(200, b"x" * 300_000), do.chunked([b"x" * 9, b"y" * 70_000]),
    do.until_close(b"z" * 50_000), do.answer(204), do.answer(200, b"")],
    ids=["length", "chunked", "close", "none", "empty"])
@pytest.mark.parametrize("minor", [0, 1])
def test_who_asked_with_head_gets_no_body_when_the_server_is_asked_with_get(lab, body, minor):
    a, port = start(lab, [{"set_method": "GET", "if": "{ path /asked }"}])
    a.on("/asked", body)
    with Client(port) as c:
        for _ in range(2):
            keep = [("Connection", "keep-alive")]
            c.request("/asked", method="HEAD", fields=keep, version=f"HTTP/1.{minor}")
            answer = c.response(method="HEAD")
            assert (answer.status // 100, answer.body) == (2, b"")
            assert answer.all("Transfer-Encoding") == []
        c.request("/last")
        assert c.response().status == 200
    assert [r.method for r in a.requests] == ["GET"] * 3


def test_an_answer_of_weir_to_head_has_no_body_whatever_the_server_would_be_asked(lab):
    a, port = start(lab, [{"set_method": "GET"}, {"return": {"string": "body"}}])
    with Client(port) as c:
        for _ in range(2):
            c.request("/", method="HEAD")
            answer = c.response(method="HEAD")
            assert (answer.status, answer.body) == (200, b"")
            assert answer.get("Content-Length") == "4"


def test_a_rewrite_that_fails_is_an_error_unless_it_may_fail(lab):
    a, port = start(lab, [{"set_path": "nothing", "if": "{ path /strict }"},
                          {"strict_mode": False},
                          {"set_path": "nothing"}])
    assert get(port, "/strict").status == 500
    assert get(port, "/lenient").status == 200
    assert [r.target for r in a.requests] == ["/lenient"]


def test_rewrites_that_failed_are_counted_where_they_happened(lab):
    a, port = lab.origin("a"), lab.port()
    weir = lab.start(web(port, {"a": a},
                         frontend={"http_request": [{"strict_mode": False},
                                                    {"set_path": "nothing", "if": "{ path /fe }"}]},
                         backend={"http_request": [{"set_path": "nothing"}]}))
    assert [get(port, path).status for path in ("/fe", "/be")] == [500, 500]
    rows = [("fe", "FRONTEND"), ("be", "BACKEND"), ("be", "a")]  # no server was chosen
    assert [weir.stat(*row, "wrew") for row in rows] == [3, 2, 0]


def test_rules_of_the_frontend_come_before_those_of_the_backend(lab):
    a, port = start(lab, [{"set_header": {"name": "X", "value": "fe"}}, {"allow": True},
                          {"deny": True}],
                    backend={"http_request": [
                        {"set_header": {"name": "X", "value": "%[req.hdr(X)]-be"}}]})
    assert get(port).status == 200
    assert a.requests[-1].get("X") == "fe-be"


# --- responses ------------------------------------------------------------------------
def test_fields_and_status_of_a_response_are_edited(lab):
    a, port = start(lab, [{"del_header": "Server"},
                          {"set_header": {"name": "X-Frame-Options", "value": "DENY"}},
                          {"replace_value": {"name": "Cache-Control", "match": "^public$",
                                             "value": "private"}},
                          {"set_status": {"status": 503, "reason": "Slow Down"}}],
                    key="http_response")
    a.on("/", do.answer(200, "hello", [("Server", "x"), ("Cache-Control", "max-age=1, public")]))
    answer = get(port)
    assert (answer.status, answer.reason, answer.text) == (503, "Slow Down", "hello")
    assert answer.all("Server") == [] and answer.all("X-Frame-Options") == ["DENY"]
    assert answer.get("Cache-Control") == "max-age=1, private"


def test_responses_are_refused_and_answered(lab):
    a, port = start(lab, [{"deny": True, "if": "{ var(txn.path),lower /a }"},
                          {"return": {"status": 201, "string": "instead"},
                           "if": "{ var(txn.path),lower /b }"},
                          {"redirect": {"location": "/elsewhere"}, "if": "{ var(txn.path),lower /c }"}],
                    section="backend", key="http_response",
                    frontend={"http_request": [{"set_var": {"name": "txn.path", "value": "path"}}]})
    with Client(port) as c:
        assert c.ask("/a").status == 502
        assert c.ask("/b").text == "instead"
        answer = c.ask("/c")
        assert (answer.status, answer.get("Location")) == (302, "/elsewhere")
    assert lab.started[0].stat("be", "BACKEND", "dresp") == 1


def test_after_response_rules_see_every_answer(lab):
    rules = [{"set_header": {"name": "X-After", "value": "yes"}},
             {"set_status": 299, "if": "{ var(txn.path),lower /denied }"}]
    a, port = start(lab, rules, key="http_after_response",
                    backend={"http_request": [{"set_var": {"name": "txn.path", "value": "path"}},
                                              {"deny": True, "if": "{ path /denied }"}]})
    with Client(port) as c:
        assert c.ask("/").get("X-After") == "yes"
        answer = c.ask("/denied")
        assert (answer.status, answer.get("X-After")) == (299, "yes")
        assert c.ask("/").status == 200  # the body of the page ended where it should
    assert get(port, "/", method="BAD METHOD").get("X-After") is None, "it was no request"


# --- answers --------------------------------------------------------------------------
REDIRECTS = [
    ({"location": "http://x%[path]"}, "/p?q", "http://x/p", 302),
    ({"location": "/x", "code": 301}, "/p?q", "/x", 301),
    ({"location": "/x", "keep_query": True}, "/p?q=1", "/x?q=1", 302),
    ({"location": "/x?y", "keep_query": True}, "/p?q=1", "/x?y&q=1", 302),
    ({"prefix": "https://other", "code": 307}, "/p?q=1", "https://other/p?q=1", 307),
    ({"prefix": "/"}, "/p?q=1", "/p?q=1", 302),
    ({"prefix": "https://other", "drop_query": True}, "/p?q=1", "https://other/p", 302),
    ({"prefix": "/", "drop_query": True, "append_slash": True}, "/p?q=1", "/p/", 302),
    ({"prefix": "/", "drop_query": True, "append_slash": True}, "/p/?q=1", "/p/", 302),
    ({"scheme": "https", "code": 308}, "/p?q=1", "https://weir.test/p?q=1", 308),
]


@pytest.mark.parametrize("redirect,target,location,code", REDIRECTS,
                         ids=[f"{r[0]}" for r in REDIRECTS])
def test_clients_are_redirected(lab, redirect, target, location, code):
    a, port = start(lab, [{"redirect": redirect}])
    answer = get(port, target)
    assert (answer.status, answer.get("Location")) == (code, location)
    assert answer.get("Content-Length") == "0" and a.requests == []


def test_redirections_set_cookies_and_may_be_left_out(lab):
    a, port = start(lab, [
        {"redirect": {"location": "%[req.hdr(To)]", "ignore_empty": True, "set_cookie": "A=1",
                      "clear_cookie": "B="}}])
    assert get(port).status == 200
    answer = get(port, fields=[("To", "/x")])
    assert answer.all("Set-Cookie") == ["A=1; path=/;", "B=; path=/; Max-Age=0;"]


def test_answers_hold_what_the_request_says(lab):
    a, port = start(lab, [
        {"return": {"status": 418, "lf_string": "You asked for %[path] as %[req.hdr(Y)]\n",
                    "content_type": "text/x", "headers": {"X-Path": "%[path]", "X-Fixed": "100%%"}}}])
    answer = get(port, "/tea", fields=[("Y", "z")])
    assert (answer.status, answer.text) == (418, "You asked for /tea as z\n")
    assert answer.get("X-Path") == "/tea" and answer.get("X-Fixed") == "100%"
    assert answer.get("Content-Type") == "text/x"


def test_a_file_may_hold_expressions(lab):
    path = lab.file("page", "<%[path]>")
    a, port = start(lab, [{"deny": {"lf_file": path}, "if": "{ path /lf }"},
                          {"deny": {"file": path}}])
    assert get(port, "/lf").text == "</lf>"
    assert get(port, "/raw").text == "<%[path]>"


def test_a_tarpitted_client_waits(lab):
    sink = lab.sink()
    a, port = start(lab, [{"tarpit": True, "if": "{ path /slow }"},
                          {"tarpit": {"status": 429, "string": "no"}}],
                    frontend={"timeout": {"tarpit": "300ms"}, "log": f"{sink.address} local0",
                              "option": ["httplog"]})
    import time
    begin = time.monotonic()
    assert get(port, "/slow").status == 500
    assert time.monotonic() - begin >= 0.3
    assert get(port, "/other").text == "no"
    wait_until(lambda: any(" 500 " in line and " PT-- " in line for line in sink.lines), 5,
               "the line of the tarpit")


def test_connections_are_rejected_and_dropped(lab):
    a, port = start(lab, [{"reject": True, "if": "{ path /reject }"},
                          {"silent_drop": True, "if": "{ path /drop }"}])
    for path in ("/reject", "/drop"):
        with Client(port, timeout=0.5) as c:
            c.request(path)
            try:
                assert c.socket.recv(1) == b""
            except (TimeoutError, ConnectionResetError):
                assert path == "/drop"
    assert get(port, "/").status == 200
    assert lab.started[0].stat("fe", "FRONTEND", "dreq") == 2


def test_a_password_is_asked_for(lab):
    a, port = start(lab, [{"auth": {"realm": "Tea room"}, "unless": "{ req.hdr(X) ok }"}])
    answer = get(port)
    assert (answer.status, answer.get("WWW-Authenticate")) == (401, 'Basic realm="Tea room"')
    assert get(port, fields=[("X", "ok")]).status == 200


# --- variables, routing, timeouts -----------------------------------------------------
def test_variables_live_as_long_as_their_scope(lab):
    a, port = start(lab, [
        {"set_header": {"name": "X-Before", "value": "%[var(req.path)]<%[var(txn.path)]>"}},
        {"set_var": {"name": "sess.first,ifnotexists", "value": "path"}},
        {"set_var": {"name": "txn.path", "value": "path"}},
        {"set_var": {"name": "req.path", "value": "path"}},
        {"set_var_fmt": {"name": "req.both", "value": "%[var(sess.first)]%[var(txn.path)]"}},
        {"unset_var": "txn.path", "if": "{ path /forget }"},
        {"set_header": {"name": "X-Both", "value": "%[var(req.both)]"}}],
        frontend={"http_response": [
            {"set_header": {"name": "X-Txn", "value": "%[var(sess.first)]%[var(txn.path)]"}}]})
    with Client(port) as c:
        for target in ("/one", "/two"):
            assert c.ask(target).get("X-Txn") == "/one" + target
            assert a.requests[-1].get("X-Both") == "/one" + target
            assert a.requests[-1].get("X-Before") == "<>"
        assert c.ask("/forget").get("X-Txn") == "/one"
    assert get(port, "/new").get("X-Txn") == "/new/new"


def test_a_backend_is_chosen_by_the_name_an_expression_makes(lab):
    x, y, z = lab.origins("xyz")
    port = lab.port()
    lab.start({
        "defaults": {"mode": "http"},
        "frontends": {"fe": {"bind": f"127.0.0.1:{port}", "default_backend": "be_z",
                             "use_backend": ["be_%[req.hdr(to)]"]}},
        "backends": {f"be_{n}": {"servers": {"s": f"127.0.0.1:{o.port}"}}
                     for n, o in (("x", x), ("y", y), ("z", z))}})
    assert get(port, fields=[("To", "x")]).text == "x"
    assert get(port, fields=[("To", "y")]).text == "y"
    assert get(port, fields=[("To", "nobody")]).text == "z"
    assert get(port).text == "z"


def test_the_clients_address_is_replaced_for_one_request(lab):
    a, port = start(lab, [{"set_src": "req.hdr(X-Real)"}],
                    frontend={"option": {"forwardfor": True}})
    with Client(port) as c:
        c.ask(fields=[("X-Real", "192.0.2.7")])
        assert a.requests[-1].get("X-Forwarded-For") == "192.0.2.7"
        c.ask()
        assert a.requests[-1].get("X-Forwarded-For") == "127.0.0.1"


def test_timeouts_and_log_levels_are_set_for_one_request(lab):
    sink = lab.sink()
    a, port = start(lab, [{"set_timeout": {"server": "200ms"}, "if": "{ path /slow }"},
                          {"set_log_level": "silent", "if": "{ path /silent }"},
                          {"set_log_level": "alert", "if": "{ path /loud }"}],
                    frontend={"log": f"{sink.address} local0", "option": ["httplog"]})
    a.on("/slow", do.delay(3))
    assert get(port, "/slow").status == 504
    get(port, "/silent")
    get(port, "/loud")
    wait_until(lambda: any("/loud" in line for line in sink.lines), 5, "the loud line")
    loud = [line for line in sink.lines if "/loud" in line][0]
    assert re.match(rf"<{16 * 8 + 1}>", loud)
    assert not any("/silent" in line for line in sink.lines)


# --- words of old, servers by name ----------------------------------------------------
def test_block_and_redirect_stand_around_the_rules(lab):
    a, port = start(lab, [{"set_header": {"name": "X", "value": "1"}}, {"allow": True}],
                    frontend={"block": {"if": "{ path /blocked }"},
                              "redirect": [{"prefix": "https://other", "code": 301,
                                            "if": "{ path /old }"},
                                           {"location": "/100%", "if": "{ path /raw }"}]})
    assert get(port, "/blocked").status == 403
    answer = get(port, "/old?q")
    assert (answer.status, answer.get("Location")) == (301, "https://other/old?q")
    assert get(port, "/raw").get("Location") == "/100%"
    assert get(port).status == 200 and a.requests[-1].get("X") == "1"


def test_the_monitor_can_fail(lab):
    a, port = start(lab, [], frontend={"monitor_uri": "/alive",
                                       "monitor": {"fail": {"if": "{ req.hdr(X) down }"}}})
    assert get(port, "/alive").status == 200
    assert get(port, "/alive", fields=[("X", "down")]).status == 503
    assert a.requests == []


def test_a_server_is_chosen_by_name_while_it_is_usable(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a, b], backend={
        "use_server": [{"server": "b", "if": "{ path /b }"}, {"server": "%[req.hdr(To)]"}]}))
    for _ in range(3):
        assert get(port, "/b").text == "b"
        assert get(port, "/", fields=[("To", "a")]).text == "a"
    assert {get(port, "/", fields=[("To", "nobody")]).text for _ in range(4)} == {"a", "b"}
    weir.api("set server be/b state maint")
    weir.wait_status("be", "b", "MAINT")
    assert get(port, "/b").text == "a"


def test_users_authenticate_by_password_and_group(lab):
    users = {"list": {"groups": {"tea": ["ann", "bob"]},
                      "users": {"ann": {"insecure_password": "a b"},
                                "bob": {"password": crypt.crypt("secret", "$5$rounds=1000$salt$")},
                                "eve": {"insecure_password": "e", "groups": ["cake", "pie"]}}}}
    a, port = lab.origin("a"), lab.port()
    config = web(port, {"a": a}, frontend={"http_request": [
        {"auth": {"realm": "r"}, "unless": "{ http_auth(list) }"},
        {"deny": True, "if": "{ path /tea } !{ http_auth_group(list) tea }"},
        {"deny": True, "if": "{ path /pie } !{ http_auth_group(list) pie }"}]})
    config["userlists"] = users
    lab.start(config)

    def status(path, word=None):
        fields = [("Authorization", "Basic " + base64.b64encode(word.encode()).decode())] if word else []
        return get(port, path, fields=fields).status
    assert [status("/"), status("/", "ann:x"), status("/", "zoe:a b")] == [401, 401, 401]
    assert [status("/tea", "ann:a b"), status("/tea", "bob:secret"), status("/tea", "eve:e")] == \
        [200, 200, 403]
    assert [status("/pie", "eve:e"), status("/pie", "bob:secret")] == [200, 403]


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_rules_see_the_body_that_came_with_the_head(lab, framing):
    a, port = start(lab, [
        {"set_header": {"name": "X-Body", "value": "%[req.body_param(b)]/%[req.body_len]"}},
        {"deny": {"status": 429}, "if": "{ req.body -m sub evil }"}])
    head = "POST / HTTP/1.1\r\nHost: x\r\n"
    with Client(port) as c:
        for body, status in (("a=1&b=two", 200), ("a=evil", 429)):
            if framing == "length":
                c.send(f"{head}Content-Length: {len(body)}\r\n\r\n{body}")
            else:
                c.send(f"{head}Transfer-Encoding: chunked\r\n\r\n3\r\n{body[:3]}\r\n"
                       f"{len(body) - 3:x}\r\n{body[3:]}\r\n0\r\n\r\n")
            assert c.response().status == status
    assert a.seen("/")[0].get("X-Body") == "two/9"


def test_a_silent_drop_sends_no_fin(lab):
    """Without the right to repair mode it is a reset, which the first router drops."""
    _, port = start(lab, [{"silent_drop": {"rst_ttl": 1}}])
    with Client(port) as c:
        c.request("/")
        with pytest.raises(ConnectionResetError):
            c.socket.recv(1)
