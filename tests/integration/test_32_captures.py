# SPDX-License-Identifier: MIT
"""What is kept of requests and responses: captures in log lines and fetches, unique ids."""
import re

from weirlab import Client, get
from weirlab import origin as do
from weirlab.config import web


def start(lab, a, **frontend):
    sink, port = lab.sink(), lab.port()
    backend = frontend.pop("backend", {})
    lab.start(web(port, {"a": a}, log=sink, frontend=frontend, backend=backend))
    return sink, port


def test_captured_fields_are_logged_between_braces(lab):
    a = lab.origin("a")
    a.on("/", do.answer(200, "x", [("Server", "origin/1.0"), ("X-Late", "1")]))
    sink, port = start(lab, a, capture={
        "request": {"header": [{"name": "User-Agent", "len": 8}, {"name": "X-Twice", "len": 20}]},
        "response": {"header": {"name": "server", "len": 6}}})
    get(port, fields=[("X-Twice", "one"), ("x-twice", "two"), ("User-Agent", "browser/12")])
    assert " {browser/|two} {origin} " in sink.wait("GET / HTTP")[0]
    get(port, "/none")
    assert " {|} {} " in sink.wait("GET /none HTTP")[0]


def test_captured_fields_are_logged_as_a_list_that_may_be_quoted(lab):
    a = lab.origin("a")
    a.on("/", do.answer(200, "x", [("Server", "origin/1.0")]))
    sink, port = start(lab, a, log_format="<%{+Q}hrl> <%{+Q}hsl> <%hrl> <%hsl>", capture={
        "request": {"header": [{"name": "User-Agent", "len": 20}, {"name": "X-Not", "len": 20}]},
        "response": {"header": {"name": "server", "len": 6}}})
    get(port, fields=[("User-Agent", 'my "browser"')])
    assert ('<"my #22browser#22" ""> <"origin"> <my #22browser#22 -> <origin>'
            in sink.wait("browser")[0])


def test_cookies_are_captured_by_the_beginning_of_their_name(lab):
    a = lab.origin("a")
    a.on("/", do.answer(200, "x", [("Set-Cookie", "other=1; SESS=no"),
                                   ("Set-Cookie", "SESSION=new; path=/")]))
    sink, port = start(lab, a, capture={"cookie": {"name": "SESS", "len": 12}})
    get(port, fields=[("Cookie", "a=1; SESSIONID=abcdef; b=2")])
    assert " SESSIONID=ab SESSION=new " in sink.wait("GET / HTTP")[0]


def test_rules_fill_slots_and_fetches_read_them(lab):
    a = lab.origin("a")
    sink, port = start(
        lab, a, declare_capture=[{"request": 10}, {"response": {"len": 4}}],
        http_request=[{"capture": {"sample": "path", "len": 5}},
                      {"capture": {"sample": "method", "id": 0}}],
        backend={"http_response": [
            {"capture": {"sample": "capture.req.hdr(1)", "id": 0}},
            {"set_header": {"name": "X-Kept", "value": "%[capture.req.hdr(0)]-%[capture.res.hdr(0)]"}}]})
    assert get(port, "/path/long").get("X-Kept") == "GET-/pat"
    assert " {GET|/path} {/pat} " in sink.wait("GET /path/long HTTP")[0]


def test_converters_capture_a_value_on_its_way(lab):
    a = lab.origin("a")
    sink, port = start(
        lab, a, declare_capture=[{"request": 4}, {"response": 10}],
        http_request=[{"set_header": {"name": "X-Path", "value": "%[path,capture-req(0),upper]"}},
                      {"set_var": {"name": "txn.a", "value": "str(no),capture-req(7)"}}],
        http_response=[{"set_header": {
            "name": "X-Code", "value": "%[status,capture-res(0)]-%[var(txn.a)]"}}])
    assert get(port, "/path").get("X-Code") == "200-no"
    assert a.requests[-1].get("X-Path") == "/PATH"
    assert " {/pat} {200} " in sink.wait("GET /path HTTP")[0]


def test_each_request_has_an_id_of_its_own(lab):
    a = lab.origin("a")
    sink, port = start(lab, a, unique_id_format="%[uuid]", unique_id_header="X-Unique-ID",
                       log_format="%ID %ST",
                       http_response=[{"set_header": {"name": "X-Id", "value": "%[unique-id]"}}])
    ids = []
    with Client(port) as c:
        for _ in range(3):
            answer = c.ask()
            ids.append(answer.get("X-Id"))
            assert a.requests[-1].all("X-Unique-ID") == [ids[-1]]
    assert len(set(ids)) == 3 and all(re.match(r"[0-9a-f-]{36}$", i) for i in ids)
    for i in ids:
        sink.wait(f"{i} 200")
