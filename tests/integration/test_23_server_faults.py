# SPDX-License-Identifier: MIT
"""What a server does wrong, at every point of an answer: what the client sees, what the
log and the counters say. A broken answer never looks whole."""
import socket

import pytest

from weirlab import Client, wait_until
from weirlab import origin as do
from weirlab.config import web

SHORT = {"server": "400ms"}
OK = b"HTTP/1.1 200 OK\r\n"
POINTS = {  # how far the server comes
    "before": b"",
    "in_line": b"HTTP/1.1 2",
    "in_head": OK + b"Content-Le",
    "after_interim": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    "after_head": OK + b"Content-Length: 10\r\n\r\n",
    "in_body": OK + b"Content-Length: 10\r\n\r\nabc",
    "after_chunked_head": OK + b"Transfer-Encoding: chunked\r\n\r\n",
    "in_size": OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nf",
    "in_chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n10\r\nabc",
    "between_chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "in_trailers": OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y",
    "before_close": OK + b"\r\nabc",
}
HEADS = ("before", "in_line", "in_head", "after_interim")
BODIES = ("after_head", "in_body", "after_chunked_head", "in_size", "in_chunk",
          "between_chunks", "in_trailers", "before_close")
# point, fault, what the client sees ("broken": its connection ends within the answer, or a
# status), termination state
CELLS = [(p, fault, seen, state) for p in HEADS for fault, seen, state in (
    ("fin", 502, "SH"), ("reset", 502, "SH"), ("silence", 504, "sH"), ("garbage", 502, "PH"))]
CELLS += [(p, fault, "broken", state) for p in BODIES for fault, state in (
    ("fin", "SD"), ("reset", "SD"), ("silence", "sD")) if (p, fault) != ("before_close", "fin")]
# 502 when it came together with the head, before a byte was passed on
CELLS += [(p, "garbage", "broken or 502", "P[DH]")
          for p in ("after_chunked_head", "in_size", "between_chunks", "in_trailers")]


def faulty(point, fault):
    async def act(req, conn):
        conn.write(POINTS[point])
        await conn.writer.drain()
        if fault == "garbage":
            conn.write(b"\x00\x01\xff {\r\n\r\n")
        elif fault == "reset":
            conn.reset()
            return False
        if fault != "fin":
            await conn.reader.read(1)  # until weir gives up
        return False
    return act


def what_comes(client):
    try:
        return client.response().status
    except (EOFError, ConnectionResetError):
        return "broken"


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
@pytest.mark.parametrize("point,fault,seen,state", CELLS, ids=lambda v: str(v))
def test_a_server_that_breaks_off(lab, point, fault, seen, state, version):
    a = lab.origin("a").on("/bad", faulty(point, fault))
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, [a], timeout=SHORT, log=sink), nbproc=1)
    with Client(port) as c:
        c.request("/bad", version=version)
        came = what_comes(c)
        assert str(came) in str(seen)
        if came == "broken":
            c.close()
        elif version == "HTTP/1.1":
            assert c.ask("/").text == "a", "the client's connection goes on"
    sink.wait(rf" {state}-- ")
    weir.wait_idle()
    wait_until(lambda: weir.stat("be", "a", "eresp") == (state != "SD" and state != "sD"),
               what="bad answers counted")
    assert weir.stat("be", "a", "srv_abrt") == (state in ("SD", "sD"))
    assert weir.stat("be", "BACKEND", "cli_abrt") == 0
    assert len(a.seen("/bad")) == 1, "a request the server has seen is not repeated"


def test_only_the_close_delimits_a_body_without_framing(lab):
    a = lab.origin("a").on("/bad", faulty("before_close", "fin"))
    port = lab.port()
    lab.start(web(port, [a]), nbproc=1)
    for version in ("HTTP/1.1", "HTTP/1.0"):
        with Client(port) as c:
            answer = c.ask("/bad", version=version)
            assert (answer.status, answer.body) == (200, b"abc")


@pytest.mark.parametrize("how", ["fin", "reset"])
@pytest.mark.parametrize("method,status", [("GET", 200), ("POST", 502)])
def test_a_server_that_closes_exactly_at_reuse(lab, method, status, how):
    """It reads the second request of its connection and leaves without a word: who may be
    asked again gets an answer, for the others it may have been done already."""
    a = lab.origin("a")

    async def leave_if_second(req, conn):
        if conn.served == 0:
            conn.served = 1
            return await a._default(req, conn)
        if how == "reset":
            conn.reset()
        return False
    a.default = leave_if_second
    sink, port = lab.sink(), lab.port()

    async def count(req, conn):
        conn.served = getattr(conn, "served", 0)
    a.on_head = count
    weir = lab.start(web(port, [a], log=sink, defaults={"http_reuse": "always"}), nbproc=1)
    with Client(port) as c:
        assert c.ask("/").status == 200
        body = b"x" if method == "POST" else None
        answer = c.ask("/", method, body=body)
        assert answer.status == status
        assert status != 200 or answer.text == "a"
    seen = len(a.seen())
    assert seen == (3 if status == 200 else 2)
    weir.wait_idle()


def test_a_server_that_stops_reading_an_upload_is_late(lab):
    a = lab.origin("a")

    async def deaf(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()
        import asyncio
        await asyncio.sleep(60)
    t = lab.origin("t", tcp=deaf)
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, [t], timeout=SHORT, log=sink), nbproc=1)
    with Client(port) as c:
        c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n")
        c.socket.settimeout(10)
        try:
            c.send(b"x" * 50_000_000)
        except (ConnectionResetError, BrokenPipeError):
            pass
    sink.wait(r" s[HD]-- ")
    weir.wait_idle()
    assert a.seen() == []


def test_a_server_that_refuses_is_a_503(lab):
    sink, port, nobody = lab.sink(), lab.port(), lab.port()
    weir = lab.start(web(port, {"a": f"127.0.0.1:{nobody}"}, log=sink,
                         defaults={"retries": 0}), nbproc=1)
    with Client(port) as c:
        assert c.ask("/").status == 503
    sink.wait(r" SC-- ")
    weir.wait_idle()
    assert weir.stat("be", "a", "econ") == 1


@pytest.fixture
def full_server():
    """The address of a listener whose backlog is full: the kernel answers nobody."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(0)
        waiting = []
        for _ in range(4):
            c = socket.socket()
            c.setblocking(False)
            c.connect_ex(s.getsockname())
            waiting.append(c)
        yield "%s:%d" % s.getsockname()
        for c in waiting:
            c.close()


@pytest.mark.parametrize("retries", [0, 2])
def test_a_server_that_does_not_answer_a_connect_is_a_503(lab, full_server, retries):
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, {"a": full_server}, log=sink, timeout={"connect": "200ms"},
                         defaults={"retries": retries}), nbproc=1)
    with Client(port) as c:
        assert c.ask("/").status == 503
    sink.wait(r" sC-- ")
    weir.wait_idle()
    assert weir.stat("be", "a", "econ") == 1
    assert weir.stat("be", "a", "wretr") == retries


@pytest.mark.parametrize("leaver,how,state", [
    ("server", "fin", "--"), ("server", "reset", "SD"), ("server", "silence", "[cs]D"),
    ("client", "fin", "--"), ("client", "reset", "CD")])
def test_sessions_of_mode_tcp_end_as_their_peers_do(lab, leaver, how, state):
    async def serve(reader, writer):
        writer.write(b"hello")
        if leaver == "client":
            await reader.read()  # to the end, then ours
        elif how == "reset":
            await reader.readexactly(2)
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, do.struct.pack("ii", 1, 0))
            writer.transport.abort()
        elif how == "silence":
            await reader.read()
        else:
            await reader.readexactly(2)
    t, sink, port = lab.origin("t", tcp=serve), lab.sink(), lab.port()
    weir = lab.start(web(port, [t], mode="tcp", log=sink, timeout={
        "client": "500ms", "server": "500ms"} if how == "silence" else None), nbproc=1)
    with Client(port) as c:
        c.send("hi")
        assert c.read_bytes(5) == b"hello"
        if leaver == "client" and how == "reset":
            c.reset()
        elif leaver == "server" and how == "reset":
            with pytest.raises(ConnectionResetError):
                c.read_to_end()
        else:
            if leaver == "client":
                c.half_close()
            c.expect_closed()
    sink.wait(rf" {state} ")
    wait_until(lambda: not t.open, what="the server's connection closed")
    weir.wait_idle()


def test_surplus_behind_an_answer_is_nobodys(lab):
    """A second answer that nobody asked for, in one segment, or later on the idle
    connection."""
    surplus = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    a = lab.origin("a").on("/twice", do.raw(ok + surplus))
    port = lab.port()
    weir = lab.start(web(port, [a], defaults={"http_reuse": "always"}), nbproc=1)
    with Client(port) as c, Client(port) as other:
        for _ in range(20):
            assert c.ask("/twice").text == "ok"
            assert other.ask("/").text == "a"
    weir.wait_idle()
