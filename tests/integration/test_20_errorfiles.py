# SPDX-License-Identifier: MIT
"""What weir says in its own name: error files, redirections and answers of the
configuration, from each kind of section, and weir's own pages where it says nothing."""
import json
import os
import re
import subprocess
import time
from email.utils import parsedate_to_datetime

import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web
from weirlab.weir import ROOT

SORRY = "HTTP/1.0 503 Sorry\nContent-Type: text/plain\nX-File: {0}\n\n{0}"


@pytest.fixture
def files(lab):
    """Error files a, b, c; each says its name."""
    return {name: lab.file(name + ".http", SORRY.format(name)) for name in "abc"}


def no_server(port, **sections):
    """Every request meets 503."""
    return web(port, {}, **sections)


# --- sources ------------------------------------------------------------------------
@pytest.mark.parametrize("section", ["defaults", "frontend", "backend"])
def test_an_error_file_is_sent_from_each_kind_of_section(lab, files, section):
    port = lab.port()
    lab.start(no_server(port, **{section: {"errorfile": {503: files["a"]}}}))
    answer = get(port)
    assert (answer.status, answer.reason, answer.text) == (503, "Sorry", "a")
    assert answer.version == "HTTP/1.1" and answer.get("X-File") == "a"
    assert answer.all("Content-Length") == ["1"]


@pytest.mark.parametrize("section", ["defaults", "frontend", "backend"])
def test_a_made_answer_may_say_what_was_asked(lab, section):
    port, text = lab.port(), lab.file("text", "no %[path] for %[src]")
    made = [{"status": 503, "lf_string": "no server for %[path]",
             "headers": {"X-Path": "<%[path]>", "X-None": "%[req.hdr(none)]"}},
            {"status": 403, "lf_file": text}]
    lab.start(no_server(port, **{section: {"http_error": made}}, **(
        {} if section == "frontend" else
        {"frontend": {"http_request": [{"deny": {"status": 403}, "if": "{ path /no }"}]}})))
    answer = get(port, "/a?b")
    assert (answer.status, answer.text) == (503, "no server for /a")
    assert answer.get("X-Path") == "</a>" and answer.get("X-None") is None
    if section == "defaults":
        assert get(port, "/no").text == "no /no for 127.0.0.1"


def test_a_made_answer_is_without_a_request_that_is_sent(lab):
    a, port = lab.origin("a").on("/", do.close()), lab.port()
    lab.start(web(port, [a], backend={"http_error": {
        "status": 502, "lf_string": "[%[path]] %[src]"}}))
    answer = get(port, "/")
    assert (answer.status, answer.text) == (502, "[] 127.0.0.1")

def test_an_error_file_is_sent_by_a_listen(lab, files):
    port = lab.port()
    lab.start({"listens": {"l": {"mode": "http", "bind": f"127.0.0.1:{port}",
                                 "errorfile": {503: files["a"]}}}})
    assert get(port).text == "a"


def test_groups_locations_and_made_answers_are_sent(lab, files):
    port = lab.port()
    config = no_server(port, frontend={
        "errorfiles": ["site", {"name": "other", "codes": [429]}],
        "errorloc": {500: "/sorry"}, "errorloc303": {502: "http://x/y"},
        "http_error": [{"status": 504, "string": "late", "content_type": "text/x",
                        "headers": {"X-A": ["1", "2"]}}],
        "http_request": [{"deny": {"status": s}, "if": f"{{ path /{s} }}"}
                         for s in (403, 429, 500, 502, 504, 410)]})
    config["http_errors"] = {"site": {403: files["a"], 429: files["a"]},
                             "other": {403: files["b"], 429: files["b"]}}
    lab.start(config)
    assert get(port, "/403").text == "a"
    assert get(port, "/429").text == "b"
    found, other, late = get(port, "/500"), get(port, "/502"), get(port, "/504")
    assert (found.status, found.get("Location"), found.body) == (302, "/sorry", b"")
    assert found.get("Cache-Control") == "no-cache"
    assert (other.status, other.get("Location")) == (303, "http://x/y")
    assert (late.status, late.text, late.get("Content-Type")) == (504, "late", "text/x")
    assert late.all("X-A") == ["1", "2"]
    own = get(port, "/410")
    assert own.status == 410 and "<h1>410 Gone</h1>" in own.text


def test_rules_answer_with_files_and_groups(lab, files):
    port = lab.port()
    rules = [{"return": {"errorfile": files["a"]}, "if": "{ path /file }"},
             {"return": {"status": 404, "errorfiles": "site"}, "if": "{ path /group }"},
             {"deny": {"status": 404, "default_errorfiles": True}, "if": "{ path /own }"},
             {"deny": True, "if": "{ path /deny }"},
             {"return": True}]
    config = no_server(port, frontend={"http_request": rules,
                                       "errorfile": {404: files["c"], 403: files["c"]}})
    config["http_errors"] = {"site": {404: files["b"]}}
    lab.start(config)
    assert [get(port, p).text for p in ("/file", "/group", "/own", "/deny")] == list("abcc")
    last = get(port)
    assert (last.status, last.body, last.get("Content-Length")) == (200, b"", "0")


def test_every_answer_of_weir_is_dated(lab, files):
    port = lab.port()
    lab.start(no_server(port, frontend={
        "monitor_uri": "/alive", "stats": {"uri": "/stats"}, "errorfile": {404: files["a"]},
        "errorloc": {500: "/x"}, "http_request": [
            {"return": True, "if": "{ path /rule }"},
            {"deny": {"status": 404}, "if": "{ path /file }"},
            {"deny": {"status": 500}, "if": "{ path /loc }"}]}))
    for path in ("/", "/alive", "/stats", "/rule", "/file", "/loc"):
        date, = get(port, path).all("Date")
        assert abs(parsedate_to_datetime(date).timestamp() - time.time()) < 5, path


# --- precedence ---------------------------------------------------------------------
def test_the_backend_wins_once_it_is_chosen(lab, files):
    port = lab.port()
    lab.start(no_server(port, defaults={"errorfile": {503: files["a"], 403: files["a"]}},
                        frontend={"errorfile": {503: files["b"]},
                                  "http_request": [{"deny": True, "if": "{ path /no }"}]},
                        backend={"errorfile": {503: files["c"], 403: files["c"]}}))
    assert get(port).text == "c"
    assert get(port, "/no").text == "a"


def test_a_backend_without_an_answer_leaves_it_to_the_frontend(lab, files):
    port = lab.port()
    lab.start(no_server(port, frontend={"errorfile": {503: files["b"]}},
                        backend={"errorfile": {502: files["c"]}}))
    assert get(port).text == "b"


def test_errors_of_the_server_side_take_the_files(lab, files):
    a = lab.origin("a")
    a.on("/bad", do.raw(b"HTTP/1.1 200\x00 OK\r\n\r\n"))
    a.on("/gone", do.close())
    a.on("/late", do.hang())
    a.on("/own", do.answer(503, b"the server's own"))
    port = lab.port()
    lab.start(web(port, [a], timeout={"server": "300ms"},
                  backend={"errorfile": {502: files["b"], 504: files["c"], 503: files["a"]}}))
    assert [get(port, p).text for p in ("/bad", "/gone", "/late")] == list("bbc")
    assert get(port, "/own").text == "the server's own"


def test_refused_and_late_requests_take_the_frontends_files(lab, files):
    port = lab.port()
    lab.start(no_server(port, frontend={"errorfile": {400: files["a"], 408: files["b"]}},
                        timeout={"http_request": "300ms"}))
    with Client(port) as c:
        c.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        answer = c.response()
        assert answer.text == "a" and answer.get("Connection") == "close"
        c.expect_closed()
    with Client(port) as c:
        c.send("GET / HTTP/1.1\r\n")
        answer = c.response()
        assert answer.text == "b" and answer.get("Connection") == "close"
        c.expect_closed()


def test_monitor_uri_takes_the_file_for_200(lab):
    port, ready = lab.port(), lab.file("200.http", "HTTP/1.1 200 OK\n\nready")
    lab.start(no_server(port, frontend={"monitor_uri": "/alive", "errorfile": {200: ready}}))
    assert get(port, "/alive").text == "ready"


def test_the_dump_says_each_error_once_by_the_word_that_won(lab, files):
    config = no_server(lab.port(), defaults={"errorfile": {503: "/dev/null", 502: files["b"]},
                                             "errorloc": {500: "/x"}},
                       backend={"errorfiles": "site", "errorloc303": {500: "/y"}})
    config["http_errors"] = {"site": {503: files["a"]}}
    path = lab.file("whole.yaml", json.dumps(config))
    command = [lab.weir, "--dump-config", "-f", path]
    dump = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout
    be = re.search(r"^backends:\n(.*?)(?=^\S|\Z)", dump, re.M | re.S)[1]
    assert sorted(re.findall(r"^ {6}(\d+): (\S+)", be, re.M)) == [
        ("500", "/y"), ("502", files["b"]), ("503", files["a"])]
    command[-1] = lab.file("dump.yaml", dump)
    again = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout

    def sections(text):
        lines = [line.split("#")[0] for line in text.splitlines()]
        return lines[lines.index("http_errors:"):]
    assert sections(again) == sections(dump)


# --- the connection -----------------------------------------------------------------
def test_the_connection_persists_behind_an_error_file(lab, files):
    port = lab.port()
    lab.start(no_server(port, frontend={"errorfile": {503: files["a"]}}), nbproc=1)
    with Client(port) as c:
        for version in ("HTTP/1.1", "HTTP/1.1", "HTTP/1.0"):
            keep = [("Connection", "keep-alive")] if version == "HTTP/1.0" else []
            answer = c.ask(version=version, fields=keep)
            assert answer.text == "a"
            assert answer.get("Connection") == ("keep-alive" if keep else None)
        answer = c.ask(fields=[("Connection", "close")])
        assert answer.text == "a" and answer.get("Connection") == "close"
        c.expect_closed()


def test_head_gets_the_head_of_an_error_file_alone(lab, files):
    port = lab.port()
    lab.start(no_server(port, frontend={"errorfile": {503: files["a"]}}))
    with Client(port) as c:
        answer = c.ask(method="HEAD")
        assert (answer.status, answer.get("Content-Length")) == (503, "1")
        assert c.ask().text == "a", "and no body came before this answer"


def test_an_empty_file_closes_without_a_word(lab):
    sink, port = lab.sink(), lab.port()
    weir = lab.start(no_server(port, log=sink, frontend={
        "errorfile": {408: "/dev/null", 403: lab.file("empty.http", "")},
        "http_request": [{"deny": True, "if": "{ path /no }"}]},
        timeout={"http_request": "300ms"}))
    with Client(port) as c:
        c.send("GET / HTTP/1.1\r\n")
        c.expect_closed()
    with Client(port) as c:
        c.request("/no")
        c.expect_closed()
    sink.wait(r" 408 0 - - cR-- ")
    sink.wait(r" 403 0 - - PR-- ")
    wait_until(lambda: weir.stat("fe", "FRONTEND", "hrsp_4xx") == 2)


@pytest.mark.parametrize("options,says,logs", [
    ([], True, True), (["dontlognull"], True, False), (["http_ignore_probes"], False, False)])
def test_a_connection_without_a_byte_gets_408_unless_probes_are_ignored(lab, options, says,
                                                                       logs):
    sink, port = lab.sink(), lab.port()
    weir = lab.start(no_server(port, log=sink, frontend={"option": ["httplog", *options]},
                               timeout={"http_request": "200ms"}), nbproc=1)
    with Client(port) as c:
        if says:
            assert c.response().status == 408
        c.expect_closed()
    Client(port).close()
    get(port, "/last")
    sink.wait(r"/last")
    weir.wait_idle()
    assert len(sink.find(r"<BADREQ>")) == (2 if logs else 0)
    assert weir.stat("fe", "FRONTEND", "ereq") == (2 if says else 0)


def test_the_log_keeps_the_status_of_the_error(lab, files):
    sink, port = lab.sink(), lab.port()
    ok = lab.file("ok.http", "HTTP/1.1 200 OK\n\nfine")
    weir = lab.start(no_server(port, log=sink, frontend={"errorfile": {503: ok}}))
    assert get(port).status == 200
    sink.wait(r" be/<NOSRV> \S+ 503 \d+ - - SC")
    wait_until(lambda: weir.stat("fe", "FRONTEND", "hrsp_5xx") == 1)


# --- files and processes ------------------------------------------------------------
@pytest.mark.parametrize("nbproc", [1, 2])
def test_a_reload_reads_the_files_again(lab, files, nbproc):
    port = lab.port()
    weir = lab.start(no_server(port, frontend={"errorfile": {503: files["a"]}}), nbproc=nbproc)
    lab.file("a.http", SORRY.format("changed"))
    assert {get(port).text for _ in range(8)} == {"a"}, "kept in memory"
    assert weir.reload().returncode == 0
    assert {get(port).text for _ in range(8)} == {"changed"}
    lab.file("a.http", "<html>no response</html>")
    refused = weir.reload()
    assert refused.returncode == 1
    assert "frontends.fe.errorfile.503" in refused.stderr and "a.http" in refused.stderr
    assert {get(port).text for _ in range(8)} == {"changed"}


def test_a_large_error_file_arrives_whole(lab):
    body = "0123456789abcdef" * 20000
    port = lab.port()
    file = lab.file("large.http", f"HTTP/1.1 503 x\n\n{body}")
    lab.start(no_server(port, frontend={"errorfile": {503: file}}))
    assert get(port).text == body


# --- the manual ---------------------------------------------------------------------
def manual(language):
    with open(os.path.join(ROOT, "docs", "error-pages.md")) as f:
        return re.findall(rf"^```{language}\n(.*?)^```", f.read(), re.M | re.S)


def test_the_manuals_example_answers_as_it_says(lab):
    port = lab.port()
    whole, groups = manual("yaml")
    file, = manual("http")
    path = lab.file("manual.http", file)
    text = whole.replace("*:8080", f"127.0.0.1:{port}")
    text = text.replace("servers: { one: 10.0.0.1:8000 }", "servers: {}\n    errorfiles: site")
    text += re.sub(r"errors/\w+\.http", path, groups)
    text = text.replace("    bind:", "    timeout: { http_request: 300ms }\n    bind:")
    lab.start(text)
    busy, down = get(port, "/busy"), get(port)
    assert (busy.status, busy.text, busy.get("Retry-After")) == (429, "slow down\n", "5")
    assert (down.status, down.text) == (503, '{"up": false}')
    assert down.get("Content-Type") == "application/json"
    with Client(port) as c:
        c.expect_closed()


def test_the_manuals_error_file_is_sent(lab):
    port = lab.port()
    file, = manual("http")
    lab.start(no_server(port, backend={"errorfile": {503: lab.file("manual.http", file)}}))
    answer = get(port)
    assert answer.status == 503 and "Back in a minute" in answer.text
    assert answer.get("Content-Type") == "text/html"
