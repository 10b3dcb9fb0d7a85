# SPDX-License-Identifier: MIT
"""Rules and options with a few words each: ports of clients, trackers of high numbers, retries
that are switched off, which lines are written."""
import re

import pytest

from weirlab import Client, get
from weirlab.config import web
from weirlab.origin import answer, close


def shown(**expressions):
    return [{"set_header": {"name": f"X-{name}", "value": f"%[{text}]"}}
            for name, text in expressions.items()]


def test_the_port_of_a_client_is_set_for_a_request_or_its_connection(lab):
    a, port, sink = lab.origin("a"), lab.port(), lab.sink()
    lab.start(web(port, [a], log=sink, frontend={
        "tcp_request": {"connection": [{"set_src_port": "int(1000)"}]},
        "http_request": [{"set_src_port": "req.hdr(x-port)", "if": "{ req.hdr(x-port) -m found }"},
                         *shown(Src="src_port", Fc="fc_src_port")],
        "log_format": "port %cp"}), nbproc=1)
    with Client(port) as c:
        c.ask("/", fields=[("X-Port", "2000")])
        c.ask("/")
    assert [(r.get("X-Src"), r.get("X-Fc")) for r in a.requests] == [("2000", "1000"),
                                                                     ("1000", "1000")]
    assert [re.search(r"port (\d+)", line)[1] for line in sink.wait("port", 2)] == ["2000", "1000"]


def test_trackers_go_up_to_sc11(lab):
    a, port = lab.origin("a"), lab.port()
    config = web(port, [a], frontend={
        "http_request": [{f"track_sc{i}": {"key": f"str(key{i})", "table": "t"}}
                         for i in range(3, 12)] +
                        [{"track_sc11": {"key": "str(late)", "table": "t"}}] +
                        shown(**{str(i): f"sc_key({i})" for i in range(3, 12)}) +
                        shown(Count="sc_http_req_cnt(11)")})
    config["tables"] = {"t": {"type": "string", "size": 100, "store": "http_req_cnt"}}
    lab.start(config)
    for n in "12":
        get(port)
        seen = a.requests[-1]
        assert [seen.get(f"X-{i}") for i in range(3, 12)] == [f"key{i}" for i in range(3, 12)]
        assert seen.get("X-Count") == n


@pytest.mark.parametrize("path,times", [("/again", 3), ("/once", 1)])
def test_a_rule_switches_retries_off(lab, path, times):
    a, port = lab.origin("a").on(path, close()), lab.port()
    lab.start(web(port, [a], frontend={
        "http_request": [{"disable_l7_retry": True, "if": "{ path /once }"}]},
        backend={"retries": 2, "retry_on": "empty-response"}), nbproc=1)
    assert get(port, path).status == 502
    assert len(a.seen(path)) == times


@pytest.mark.parametrize("option,levels", [
    ([], {"/good": 134, "/bad": 134}), (["dontlog_normal"], {"/bad": 134}),
    (["log_separate_errors"], {"/good": 134, "/bad": 131}),
    (["dontlog_normal", "log_separate_errors"], {"/bad": 131})])
def test_which_lines_are_written_and_with_which_level(lab, option, levels):
    a, sink, port = lab.origin("a").on("/bad", close()), lab.sink(), lab.port()
    lab.start(web(port, [a], log=sink, frontend={"option": ["httplog", *option]}), nbproc=1)
    for path in ("/good", "/bad", "/bad"):  # the last line comes behind all others
        get(port, path)
    sink.wait("/bad", 2)
    assert {path: int(re.match(r"<(\d+)>", line)[1]) for line in sink.lines
            for path in re.findall(r"GET (\S+) ", line)} == levels


def test_a_level_of_its_own_or_none(lab):
    a, sink, port = lab.origin("a").on("/404", answer(404)), lab.sink(), lab.port()
    lab.start(web(port, [a], log=sink, frontend={
        "http_request": [{"set_log_level": "silent", "if": "{ path /silent }"}],
        "http_response": [{"set_log_level": "alert", "if": "{ status 404 }"}]}), nbproc=1)
    for path in ("/silent", "/404", "/"):
        get(port, path)
    sink.wait(r"GET / ")
    assert [line[:5] for line in sink.lines if "GET" in line] == ["<129>", "<134>"]
