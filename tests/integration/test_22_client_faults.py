# SPDX-License-Identifier: MIT
"""What a client does wrong, at every point of a request: what it sees, what the server
sees, what the log and the counters say."""
import socket

import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web

SHORT = {"client": "400ms", "http_request": "400ms", "server": "5s"}
HEAD = "POST /up HTTP/1.1\r\nHost: x\r\n"
POINTS = {  # how far the client comes
    "before": "",
    "in_line": "POST /u",
    "in_head": HEAD + "Content-Le",
    "after_head": HEAD + "Content-Length: 10\r\n\r\n",
    "in_body": HEAD + "Content-Length: 10\r\n\r\nabc",
    "after_chunked_head": HEAD + "Transfer-Encoding: chunked\r\n\r\n",
    "in_size": HEAD + "Transfer-Encoding: chunked\r\n\r\nf",
    "in_chunk": HEAD + "Transfer-Encoding: chunked\r\n\r\n10\r\nabc",
    "in_trailers": HEAD + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y",
}
# point, fault, the statuses the client may see (0: none, the connection just ends),
# termination state
CELLS = [
    ("before", "fin", {0}, "CR"), ("before", "reset", {0}, "CR"),
    ("before", "silence", {408}, "cR"), ("before", "garbage", {400}, "PR"),
    ("in_line", "fin", {400}, "CR"), ("in_line", "reset", {0}, "CR"),
    ("in_line", "silence", {408}, "cR"), ("in_line", "garbage", {400}, "PR"),
    ("in_head", "fin", {400}, "CR"), ("in_head", "reset", {0}, "CR"),
    ("in_head", "silence", {408}, "cR"), ("in_head", "garbage", {400}, "PR"),
    ("after_head", "fin", {0, 400}, "C[DH]"), ("after_head", "reset", {0}, "C[DH]"),
    ("after_head", "silence", {408}, "c[DH]"),
    ("in_body", "fin", {0, 400}, "C[DH]"), ("in_body", "reset", {0}, "C[DH]"),
    ("in_body", "silence", {408}, "c[DH]"),
    ("after_chunked_head", "fin", {0, 400}, "C[DH]"),
    ("after_chunked_head", "reset", {0}, "C[DH]"),
    ("after_chunked_head", "silence", {408}, "c[DH]"),
    ("after_chunked_head", "garbage", {400}, "P[RDH]"),
    ("in_size", "fin", {0, 400}, "C[DH]"), ("in_size", "reset", {0}, "C[DH]"),
    ("in_size", "silence", {408}, "c[DH]"), ("in_size", "garbage", {400}, "P[RDH]"),
    ("in_chunk", "fin", {0, 400}, "C[DH]"), ("in_chunk", "reset", {0}, "C[DH]"),
    ("in_chunk", "silence", {408}, "c[DH]"),
    ("in_trailers", "fin", {0, 400}, "C[DH]"), ("in_trailers", "reset", {0}, "C[DH]"),
    ("in_trailers", "silence", {408}, "c[DH]"), ("in_trailers", "garbage", {400}, "P[RDH]"),
]


def commit(client, fault):
    """Does it, and returns the status of what comes back, 0 for none."""
    if fault == "reset":
        client.reset()
        return 0
    if fault == "fin":
        client.half_close()
    elif fault == "garbage":
        client.send(b"\x00\x01\xff {\r\n\r\n")
    try:
        status = client.response().status
        client.expect_closed()
        return status
    except (EOFError, ConnectionResetError):
        assert client.rest == b""
        return 0


@pytest.mark.parametrize("point,fault,statuses,state", CELLS, ids=lambda v: v if
                         isinstance(v, str) else None)
def test_a_client_that_breaks_off(lab, point, fault, statuses, state):
    a, sink, port = lab.origin("a"), lab.sink(), lab.port()
    weir = lab.start(web(port, [a], timeout=SHORT, log=sink), nbproc=1)
    with Client(port) as c:
        c.send(POINTS[point])
        if "body" in point or "chunk" in point:
            wait_until(lambda: a.connections == 1, what="the upload under way")
        assert commit(c, fault) in statuses
    sink.wait(rf" {state}-- ")
    assert a.seen() == [], "the server took half a request for a whole one"
    wait_until(lambda: not a.open, what="the server's connection closed")
    weir.wait_idle()
    assert get(port).status == 200
    wait_until(lambda: weir.stat("fe", "FRONTEND", "ereq") ==
               (state[0] == "P" or state.endswith("R")), what="bad requests counted")
    if state[0] in "Cc" and not state.endswith("R"):
        assert weir.stat("be", "BACKEND", "cli_abrt") == 1
        assert weir.stat("be", "a", "cli_abrt") == 1
    assert weir.stat("be", "BACKEND", "srv_abrt") == 0
    assert weir.stat("be", "BACKEND", "eresp") == 0


def test_a_client_that_leaves_while_it_waits_for_its_answer(lab):
    a = lab.origin("a").on("/hang", do.hang())
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, [a], log=sink), nbproc=1)
    with Client(port) as c:
        c.request("/hang")
        wait_until(lambda: a.seen("/hang"))
        c.reset()
    sink.wait(r" CH-- ")
    wait_until(lambda: not a.open, what="the server's connection closed")
    weir.wait_idle()
    assert weir.stat("be", "a", "cli_abrt") == 1


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_client_that_leaves_within_the_answer(lab, how):
    a = lab.origin("a").on("/big", do.answer(200, b"x" * 20_000_000))
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, [a], log=sink), nbproc=1)
    with Client(port, rcvbuf=4096) as c:
        c.request("/big")
        c.head()
        getattr(c, how)()
    sink.wait(r" CD-- ")
    wait_until(lambda: not a.open, what="the server's connection closed, not pooled")
    weir.wait_idle()
    assert weir.stat("be", "a", "cli_abrt") == 1
    assert get(port).text == "a"


def test_a_body_that_drips_is_not_late_but_a_head_that_drips_is(lab):
    """The deadline of a head is absolute, that of a body an inactivity limit."""
    a, port = lab.origin("a"), lab.port()
    a.on("/up", do.echo())
    lab.start(web(port, [a], timeout={"client": "600ms", "http_request": "600ms"}), nbproc=1)
    with Client(port) as c:
        c.send(HEAD + "Content-Length: 10\r\n\r\n")
        c.socket.settimeout(0.15)  # the drip: it is what is tested
        for byte in b"0123456789":
            with pytest.raises(socket.timeout):
                c.socket.recv(1)
            c.send(bytes([byte]))
        c.socket.settimeout(5)
        assert c.response().body == b"0123456789"
