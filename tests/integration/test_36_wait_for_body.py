# SPDX-License-Identifier: MIT
"""Rules that wait for bodies: wait_for_body, and option http_buffer_request before the rules."""
import asyncio
import threading

import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web

CHUNKED = b"Transfer-Encoding: chunked\r\n"


def shown(name, expression):
    return {"set_header": {"name": name, "value": f"%[{expression}]"}}


BODY = [shown("X-Body", "req.body"), shown("X-Len", "req.body_len"),
        shown("X-Size", "req.body_size"), shown("X-Param", "req.body_param(b)")]


def start(lab, rules, section="frontend", **more):
    a, port = lab.origin("a").on("/echo", do.echo()), lab.port()
    sections = {section: {"http_request": rules}}
    for name, keys in more.items():
        sections.setdefault(name, {}).update(keys)
    sink = lab.sink()
    return a, port, lab.start(web(port, [a], log=sink, **sections), nbproc=1), sink


def head(framing, fields=b""):
    return b"POST /echo HTTP/1.1\r\nHost: a\r\n" + framing + fields + b"\r\n"


@pytest.mark.parametrize("framing,parts", [
    (b"Content-Length: 7\r\n", [b"a=1&", b"b=2"]),
    (CHUNKED, [b"4\r\na=1&\r\n", b"3\r\nb=2\r\n", b"0\r\n\r\n"]),
    (CHUNKED, [b"4\r\na=1&\r\n3\r\nb", b"=2\r\n0\r\nX: t\r\n", b"\r\n"]),
])
@pytest.mark.parametrize("section", ["frontend", "backend"])
@pytest.mark.parametrize("how", ["option", "action"])
def test_rules_see_the_whole_body_without_its_framing(lab, how, section, framing, parts):
    rules = BODY if how == "option" else [{"wait_for_body": {"time": "5s"}}, *BODY]
    more = {section: {"option": ["http_buffer_request"]}} if how == "option" else {}
    a, port, weir, _ = start(lab, rules, section, **more)
    with Client(port) as c:
        c.send(head(framing))
        for part in parts:
            c.send(part)
        assert c.response("POST").body == b"a=1&b=2"
    seen = a.requests[-1]
    assert [seen.get(n) for n in ("X-Body", "X-Len", "X-Size", "X-Param")] == \
        ["a=1&b=2", "7", "7", "2"]
    assert a.requests[-1].body == b"a=1&b=2"
    weir.wait_idle()


def test_edits_and_variables_of_rules_before_the_wait_stay(lab):
    rules = [{"set_header": {"name": "X-Before", "value": "%[path]-%[req.hdr(x-a)]"}},
             {"set_path": "/echo"}, {"set_header": {"name": "Host", "value": "other"}},
             {"set_var": {"name": "txn.v", "value": "str(kept)"}}, {"del_header": "X-A"},
             {"wait_for_body": {"time": "5s"}},
             {"set_header": {"name": "X-After", "value": "%[req.hdr(x-before)]/%[var(txn.v)]/%[path]"}},
             {"set_query": "q=%[req.body]"}]
    a, port, weir, _ = start(lab, rules)
    with Client(port) as c:
        c.send(b"POST /old HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nContent-Length: 3\r\n\r\n")
        wait_until(lambda: weir.stat("fe", "FRONTEND", "req_tot") == 1)
        assert a.requests == []
        c.send(b"xyzGET /next HTTP/1.1\r\nHost: a\r\n\r\n")  # and a second request behind it
        assert c.response("POST").body == b"xyz"
        assert c.response().status == 200
    r = a.requests[0]
    assert r.target == "/echo?q=xyz"
    assert (r.get("Host"), r.get("X-Before"), r.get("X-After"), r.get("X-A")) == \
        ("other", "/old-1", "/old-1/kept//echo", None)
    weir.wait_idle()


def test_a_condition_counts_when_its_rule_is_reached_and_not_again(lab):
    rules = [{"set_header": {"name": "X-N", "value": "1"}},
             {"wait_for_body": {"time": "5s"}, "if": "{ req.body_len lt 4 }"},
             {"deny": True, "if": "{ req.body -m str evil }"}]
    a, port, weir, _ = start(lab, rules)
    with Client(port) as c:
        c.send(head(b"Content-Length: 4\r\n") + b"ev")
        wait_until(lambda: weir.stat("fe", "FRONTEND", "req_tot") == 1)
        c.send(b"il")
        assert c.response("POST").status == 403
    assert a.requests == []


def test_at_least_is_enough_and_the_rest_is_carried(lab):
    a, port, weir, _ = start(lab, [{"wait_for_body": {"time": "5s", "at_least": 4}},
                                   shown("X-Len", "req.body_len")])
    body = b"0123456789" * 5000
    with Client(port) as c:
        c.send(head(b"Content-Length: 50000\r\n") + body[:2])
        wait_until(lambda: weir.stat("fe", "FRONTEND", "req_tot") == 1)
        assert weir.stat("be", "BACKEND", "stot") == 0
        c.send(body[2:5])
        wait_until(lambda: weir.stat("be", "a", "stot") == 1)
        c.send(body[5:])
        assert c.response("POST").body == body
    assert a.requests[0].get("X-Len") == "5"
    weir.wait_idle()


def test_two_waits_in_a_row_wait_for_more(lab):
    a, port, weir, _ = start(lab, [{"wait_for_body": {"time": "5s", "at_least": 2}},
                                   shown("X-First", "req.body"),
                                   {"wait_for_body": {"time": "5s"}},
                                   shown("X-Second", "req.body")])
    with Client(port) as c:
        c.send(head(CHUNKED) + b"2\r\nab\r\n")
        wait_until(lambda: weir.stat("fe", "FRONTEND", "req_tot") == 1)
        c.send(b"2\r\ncd\r\n0\r\nX-T: 1\r\n\r\n")
        assert c.response("POST").body == b"abcd"
    assert (a.requests[0].get("X-First"), a.requests[0].get("X-Second")) == ("ab", "abcd")


def test_a_full_buffer_is_enough(lab):
    a, port, weir, _ = start(lab, [{"wait_for_body": {"time": "5s", "at_least": "1m"}},
                                   shown("X-Len", "req.body_len")])
    body = b"x" * 100_000
    assert get(port, "/echo", method="POST", body=body).body == body
    assert int(a.requests[0].get("X-Len")) >= 15_000
    weir.wait_idle()


def test_a_body_that_does_not_come_is_a_408_that_no_server_sees(lab):
    a, port, weir, sink = start(lab, [{"wait_for_body": {"time": "200ms"}}])
    with Client(port) as c:
        c.send(head(b"Content-Length: 4\r\n") + b"ab")
        assert c.response("POST").status == 408
    assert a.requests == []
    assert sink.wait(r" 408 .* cR-- ")
    weir.wait_idle()


def test_who_goes_away_before_its_body_is_here_leaves_nothing(lab):
    a, port, weir, sink = start(lab, [{"wait_for_body": {"time": "5s"}}])
    with Client(port) as c:
        c.send(head(b"Content-Length: 4\r\n") + b"ab")
        wait_until(lambda: weir.stat("fe", "FRONTEND", "req_tot") == 1)
        c.reset()
    sink.wait(" CR")
    assert a.requests == []
    weir.wait_idle()


def test_a_body_of_bad_chunks_is_refused_while_it_is_waited_for(lab):
    a, port, weir, _ = start(lab, [{"wait_for_body": {"time": "5s"}}])
    with Client(port) as c:
        c.send(head(CHUNKED) + b"2\r\nab\r\n")
        wait_until(lambda: weir.stat("fe", "FRONTEND", "req_tot") == 1)
        c.send(b"nonsense\r\n")
        assert c.response("POST").status == 400
    assert a.requests == []


def test_who_expects_to_continue_is_told_so_once_and_the_server_does_not_say_it(lab):
    a, port, weir, _ = start(lab, [{"wait_for_body": {"time": "5s"}}])
    with Client(port) as c:
        c.send(head(b"Content-Length: 2\r\n", b"Expect: 100-continue\r\n"))
        assert c.head().status == 100
        c.send(b"ok")
        answer = c.response("POST")
        assert answer.body == b"ok" and not answer.interim
    assert a.requests[0].get("Expect") is None


def test_a_request_without_a_body_waits_for_nothing(lab):
    a, port, weir, _ = start(lab, [{"wait_for_body": {"time": "5s"}}, *BODY])
    assert get(port, "/").status == 200
    assert a.requests[0].get("X-Len") == "0"


# --- responses --------------------------------------------------------------------------

RES = [shown("X-Body", "res.body"), shown("X-Len", "res.body_len"), shown("X-Size", "res.body_size")]


class Slow:
    """Sends parts, each when it is told to."""
    def __init__(self, parts):
        self.parts, self.steps = parts, threading.Semaphore(0)

    async def __call__(self, request, conn):
        for i, part in enumerate(self.parts):
            while i and not self.steps.acquire(blocking=False):
                await asyncio.sleep(0.005)
            conn.write(part)


def answering(lab, parts, rules, section="backend", key="http_response", **kwargs):
    slow = Slow(parts)
    a, port, sink = lab.origin("a").on("/", slow), lab.port(), lab.sink()
    sections = {section: {key: rules}}
    for name, keys in kwargs.items():
        sections.setdefault(name, {}).update(keys)
    weir = lab.start(web(port, [a], log=sink, **sections), nbproc=1)
    return slow, port, weir, sink


@pytest.mark.parametrize("section", ["frontend", "backend"])
@pytest.mark.parametrize("parts", [
    [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab", b"cd"],
    [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", b"3\r\nbcd\r\n0\r\n", b"\r\n"],
], ids=["length", "chunked"])
def test_rules_of_responses_see_the_whole_body(lab, parts, section):
    slow, port, weir, _ = answering(lab, parts, [
        {"set_header": {"name": "X-Before", "value": "%[res.body_len]"}},
        {"wait_for_body": {"time": "5s"}}, *RES], section)
    with Client(port) as c:
        for _ in range(2):
            c.request("/")
            for _ in parts[1:]:
                slow.steps.release()
            r = c.response()
            assert (r.status, r.body) == (200, b"abcd")
            assert [r.get(n) for n in ("X-Body", "X-Len", "X-Size")] == ["abcd", "4", "4"]
            assert int(r.get("X-Before")) <= 4
    weir.wait_idle()


def test_a_response_whose_end_is_its_close_is_waited_for(lab):
    a, port = lab.origin("a").on("/", do.until_close(b"abcd")), lab.port()
    lab.start(web(port, [a], backend={"http_response": [{"wait_for_body": {"time": "5s"}}, *RES]}))
    for version in ("HTTP/1.1", "HTTP/1.0"):
        r = get(port, "/", version=version)
        assert (r.body, r.get("X-Body")) == (b"abcd", "abcd")


def test_a_response_can_be_refused_for_what_its_body_says(lab):
    a, port = lab.origin("a").on("/", do.answer(body=b"secret")), lab.port()
    weir = lab.start(web(port, [a], backend={"http_response": [
        {"wait_for_body": {"time": "5s"}}, {"deny": True, "if": "{ res.body -m sub secret }"}]}))
    assert get(port, "/").status == 502
    weir.wait_idle()


def test_large_responses_go_on_when_a_buffer_is_full(lab):
    body = bytes(range(256)) * 1000
    a, port = lab.origin("a").on("/", do.answer(body=body)), lab.port()
    a.on("/chunked", do.chunked([body[:1000], body[1000:]]))
    weir = lab.start(web(port, [a], backend={"http_response": [
        {"wait_for_body": {"time": "5s"}}, shown("X-Len", "res.body_len")]}))
    for target in ("/", "/chunked"):
        r = get(port, target)
        assert r.body == body and 15_000 < int(r.get("X-Len")) < len(body)
    weir.wait_idle()


def test_a_response_body_that_does_not_come_in_time_is_a_504(lab):
    slow, port, weir, sink = answering(
        lab, [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab", b"cd"],
        [{"wait_for_body": {"time": "200ms"}}])
    r = get(port, "/")
    assert r.status == 504
    sink.wait(" 504 ")
    slow.steps.release()
    weir.wait_idle()


def test_a_server_that_breaks_off_while_its_body_is_waited_for_is_a_502(lab):
    a, port = lab.origin("a"), lab.port()
    a.on("/", do.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab", then_close=True))
    weir = lab.start(web(port, [a], backend={"retry_on": ["all-retryable-errors"], "http_response": [
        {"wait_for_body": {"time": "5s"}}]}))
    assert get(port, "/").status == 502
    assert len(a.requests) == 1
    weir.wait_idle()


@pytest.mark.parametrize("method,status", [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_responses_without_a_body_wait_for_nothing(lab, method, status):
    a, port = lab.origin("a").on("/", do.answer(status=status)), lab.port()
    lab.start(web(port, [a], backend={"http_response": [{"wait_for_body": {"time": "5s"}}]}))
    assert get(port, "/", method=method).status == status
