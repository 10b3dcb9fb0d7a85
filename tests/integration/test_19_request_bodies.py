# SPDX-License-Identifier: MIT
"""Request bodies that come slowly: waited for before a server is chosen, or carried."""
import os
import time

import pytest

from weirlab import Client, wait_until
from weirlab import origin as do
from weirlab.config import web


def buffering(lab, **kwargs):
    a, sink, port = lab.origin("a").on("/echo", do.echo()), lab.sink(), lab.port()
    weir = lab.start(web(port, [a], log=sink, defaults={"option": ["http_buffer_request"]},
                         **kwargs), nbproc=1)
    return a, port, weir, sink


HEAD = b"%s /echo HTTP/1.1\r\nHost: a\r\n%s\r\n"


@pytest.mark.parametrize("framing,first,rest", [
    (b"Content-Length: 10\r\n", b"12345", b"67890"),
    (b"Content-Length: 10\r\n", b"", b"1234567890"),
    (b"Transfer-Encoding: chunked\r\n", b"5\r\n12345\r\n5\r\n67", b"890\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: chunked\r\n", b"A\r\n1234567890\r\n0\r\nX-T: 1\r", b"\n\r\n"),
])
def test_a_server_is_asked_when_the_whole_body_is_here(lab, framing, first, rest):
    a, port, weir, _ = buffering(lab)
    with Client(port) as c:
        c.send(HEAD % (b"POST", framing) + first)
        wait_until(lambda: weir.stat("fe", "FRONTEND", "req_tot") == 1)
        for byte in rest[:-1]:
            c.send(bytes([byte]))
        assert weir.stat("be", "a", "stot") == 0
        c.send(rest[-1:] + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.response().body == b"1234567890"
        assert c.response().body == b"a"
    assert len(a.seen("/echo")) == 1
    weir.wait_idle()


def test_more_than_a_buffer_holds_is_not_waited_for(lab):
    a, port, weir, _ = buffering(lab)
    body = os.urandom(100_000)
    with Client(port) as c:
        c.send(HEAD % (b"POST", b"Content-Length: 100000\r\n") + body[:10_000])
        wait_until(lambda: weir.stat("fe", "FRONTEND", "req_tot") == 1)
        assert weir.stat("be", "a", "stot") == 0
        c.send(body[10_000:20_000])
        wait_until(lambda: weir.stat("be", "a", "stot") == 1)
        c.send(body[20_000:])
        assert c.response().body == body
    weir.wait_idle()


def test_a_body_that_does_not_come_in_time_is_a_408_that_no_server_sees(lab):
    """The limit is absolute: bytes that trickle do not move it."""
    a, port, weir, sink = buffering(lab, timeout={"http_request": "500ms"})
    with Client(port) as c:
        c.send(HEAD % (b"POST", b"Content-Length: 1000\r\n"))
        began = time.monotonic()
        while not sink.find(r" 408 .* cR-- "):
            assert time.monotonic() - began < 5
            try:
                c.send(b"x")
            except OSError:
                break
            time.sleep(0.05)
        assert c.response().status == 408
    sink.wait(r" fe/<NOSRV> .* 408 .* cR-- ")
    assert not a.seen()
    weir.wait_idle()


def test_who_waits_for_a_word_to_continue_gets_it_once(lab):
    a, port, _, _ = buffering(lab)
    with Client(port) as c:
        c.send(HEAD % (b"POST", b"Content-Length: 5\r\nExpect: 100-continue\r\n"))
        assert c.head().status == 100
        c.send(b"hello")
        r = c.response()
        assert r.status == 200 and r.body == b"hello" and not r.interim
    assert a.seen("/echo")[0].get("Expect") is None


@pytest.mark.parametrize("framing,sent,status,end", [
    (b"Content-Length: 10\r\n", b"123", 400, "CR"),
    (b"Transfer-Encoding: chunked\r\n", b"5\r\n123", 400, "CR"),
    (b"Transfer-Encoding: chunked\r\n", b"5\r\n12345\r\nzz\r\n", 400, "PR"),
])
def test_a_broken_body_is_refused_before_a_server_is_chosen(lab, framing, sent, status, end):
    a, port, weir, sink = buffering(lab)
    with Client(port) as c:
        c.send(HEAD % (b"POST", framing) + sent)
        c.half_close()
        assert c.response().status == status
        c.expect_closed()
    sink.wait(rf" {status} .* {end}-- ")
    assert weir.stat("be", "a", "stot") == 0
    weir.wait_idle()


def test_a_client_that_leaves_while_its_body_is_awaited_costs_no_server(lab):
    _, port, weir, sink = buffering(lab)
    c = Client(port)
    c.send(HEAD % (b"POST", b"Content-Length: 10\r\n") + b"123")
    wait_until(lambda: weir.stat("fe", "FRONTEND", "req_tot") == 1)
    c.reset()
    sink.wait(r" CR-- ")
    assert weir.stat("be", "a", "stot") == 0
    weir.wait_idle()


# --- carried as they come -----------------------------------------------------------
@pytest.mark.parametrize("piece", [b"1;a=b\r\nx\r\n", b"0\r\nX-Long: " + b"y" * 20 + b"\r\n\r\n"])
def test_a_client_whose_chunk_framing_comes_slowly_is_not_late(lab, piece):
    """It sends steadily: timeout client is about inactivity, whatever the bytes are."""
    a, port = lab.origin("a").on("/echo", do.echo()), lab.port()
    lab.start(web(port, [a], timeout={"client": "500ms"}), nbproc=1)
    end = b"" if piece.startswith(b"0") else b"0\r\n\r\n"
    with Client(port) as c:
        c.send(HEAD % (b"POST", b"Transfer-Encoding: chunked\r\n") + b"5\r\nhello\r\n")
        for byte in piece:
            c.send(bytes([byte]))
            time.sleep(0.08)
        c.send(end)
        r = c.response()
        assert r.status == 200 and r.body == (b"hellox" if end else b"hello")


def test_when_no_buffer_is_left_for_a_head_the_client_is_told(lab):
    """68 MB of heads that are never finished; the answer itself needs no buffer."""
    a, sink, port = lab.origin("a"), lab.sink(), lab.port()
    weir = lab.start(web(port, [a], log=sink, top={"maxconn": 1700}, frontend={
                         "limits": {"head": "60k"}},
                         timeout={"http_request": "60s"}), nbproc=1)
    part = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"\r\nX: ".join([b"x" * 15_000] * 3)
    crowd, refused = [], 0
    try:
        while not refused and len(crowd) < 1600:
            crowd += [Client(port).send(part) for _ in range(100)]
            refused = len(sink.find(r" 503 .* RR-- "))
        sink.wait(r" 503 .* RR-- ")
        assert weir.counter("buffers_exhausted") > 0
    finally:
        for c in crowd:
            c.close()
    weir.wait_idle()
    with Client(port) as c:
        assert c.ask("/").text == "a"
