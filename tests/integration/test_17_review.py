# SPDX-License-Identifier: MIT
"""Who is late, who has left, and whose bytes are whose: cases where the obvious way of
carrying a message goes wrong."""
import asyncio
import os
import socket
import threading
import time

import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web
from weirlab.wait import SLOW


# --- time limits -------------------------------------------------------------------
def test_the_servers_time_limit_begins_again_with_its_head(lab):
    """600 ms between any two of its bytes, though the whole takes longer."""
    a = lab.origin("a")

    async def head_then_body(req, conn):
        await asyncio.sleep(0.4)
        conn.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        await conn.writer.drain()
        await asyncio.sleep(0.4)
        conn.write(b"body")
    a.on("/two", head_then_body)
    port = lab.port()
    lab.start(web(port, [a], timeout={"server": "600ms"}), nbproc=1)
    assert get(port, "/two").body == b"body"


def read_slowly(sock, seconds, step=65536):
    """Reads a little every 50 ms, as a thin line does."""
    n, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        data = sock.recv(step)
        if not data:
            break
        n += len(data)
        time.sleep(0.05)
    return n


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_a_client_that_reads_slowly_but_steadily_is_not_cut(lab, mode):
    """What it takes counts, not only what the server adds. (A UNIX socket: its kernel
    buffer is small, so that nearly everything waits inside the worker.)"""
    body = os.urandom(1 << 20) * 8

    async def pour(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        await reader.read(1)
    a = lab.origin("a", tcp=pour)
    path = os.path.join(lab.dir, "in.sock")
    lab.start(web(0, [a], mode=mode, frontend={"bind": f"unix@{path}"},
                  timeout={"client": "600ms", "server": "600ms"}), nbproc=1)
    with Client(0, path=path) as c:
        c.request("/")
        c.head()
        seen = len(c.rest) + read_slowly(c.socket, 3)
        while seen < len(body):
            data = c.socket.recv(1 << 20)
            assert data, f"cut after {seen} of {len(body)} bytes"
            seen += len(data)


def test_a_server_that_stops_reading_an_upload_is_late_itself(lab):
    async def deaf(req, conn):
        conn.writer.transport.pause_reading()
        await conn.writer.wait_closed()
    a = lab.origin("a", on_head=deaf)
    sink, port = lab.sink(), lab.port()
    lab.start(web(port, [a], timeout={"client": "400ms", "server": "800ms"}, log=sink), nbproc=1)
    with Client(port) as c:
        c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
        threading.Thread(target=push, args=(c.socket,), daemon=True).start()
        assert c.response().status == 504
    sink.wait(r" 504 .* sH-- ")


def push(sock, data=b"x" * 1_000_000):
    try:
        for _ in range(100):
            sock.sendall(data)
    except OSError:
        pass


def test_a_client_that_uploads_is_not_late_while_the_server_is_being_connected(lab):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        there = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for s in waiting:
            s.setblocking(False)
            s.connect_ex(there)  # the queue is full now: the next SYN goes unanswered
        sink, port = lab.sink(), lab.port()
        lab.start(web(port, {"s": "%s:%d" % there}, log=sink, defaults={"retries": 0},
                      timeout={"client": "300ms", "connect": "700ms"}), nbproc=1)
        with Client(port) as c:
            c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + "x" * 200_000)
            assert c.response().status == 503
        sink.wait(r" 503 .* sC-- ")
        for s in waiting:
            s.close()


def test_half_closed_connections_have_limits_of_their_own(lab):
    """Each begins with the half-close, not with the next byte that moves."""
    left = [threading.Event(), threading.Event()]

    async def half_close(reader, writer):
        if await reader.read(1) == b"f":
            writer.write_eof()
            await reader.read()
            left[0].set()
        else:
            await reader.read()
            await writer.wait_closed()
    a = lab.origin("a", tcp=half_close)
    port = lab.port()
    weir = lab.start(web(port, [a], mode="tcp",
                         timeout={"client_fin": "300ms", "server_fin": "300ms"}), nbproc=1)
    with Client(port) as c:
        c.send("f")
        assert c.socket.recv(1) == b""
        assert left[0].wait(5)
    with Client(port) as c:
        c.send("x")
        c.half_close()
        weir.wait_idle()


# --- interim answers ---------------------------------------------------------------
def test_interim_answers_reach_a_slow_client_before_the_final_one(lab):
    many = 200_000
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    a, go = lab.origin("a"), threading.Event()

    async def hints(req, conn):
        for _ in range(many // 1000):
            conn.write(early * 1000)
            await conn.writer.drain()
        await asyncio.get_running_loop().run_in_executor(None, go.wait, 30 * SLOW)
        conn.answer(200, b"done")
    a.on("/hints", hints)
    port = lab.port()
    lab.start(web(port, [a], timeout={"server": "5m"}), nbproc=1)
    with Client(port, rcvbuf=65536) as c:
        c.request("/hints")
        wait_until(lambda: a.seen("/hints"))
        for _ in range(many // 1000):
            assert c.read_bytes(len(early) * 1000) == early * 1000
        go.set()
        assert c.response().body == b"done"


# --- leaving -----------------------------------------------------------------------
def test_abortonclose_gives_up_the_request_of_a_client_that_half_closes(lab):
    a, gone = lab.origin("a"), threading.Event()

    async def slow(req, conn):
        await conn.reader.read(1)
        gone.set()
        return False
    a.on("/slow", slow)
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, [a], log=sink, defaults={"option": ["abortonclose"]}), nbproc=1)
    with Client(port) as c:
        c.request("/slow")
        wait_until(lambda: a.seen("/slow"))
        c.half_close()
        assert c.response().status == 400
        assert gone.wait(5)
    sink.wait(r"/-1/\d+ 400 \d+ - - CH-- ")
    weir.wait_idle()


def test_without_abortonclose_a_half_closed_client_gets_its_answer(lab):
    a = lab.origin("a").on("/slow", do.delay(0.3))
    port = lab.port()
    lab.start(web(port, [a]), nbproc=1)
    with Client(port) as c:
        c.request("/slow")
        c.half_close()
        assert c.response().text == "a"


def test_a_unix_client_that_sends_and_leaves_is_heard_to_the_end(lab):
    got, go = [], threading.Event()

    async def listen(reader, writer):
        first = await reader.readexactly(1)
        writer.transport.pause_reading()
        await asyncio.get_running_loop().run_in_executor(None, go.wait, 10)
        writer.transport.resume_reading()
        got.append(first + await reader.read(-1))
    a = lab.origin("a", tcp=listen)
    path = os.path.join(lab.dir, "in.sock")
    lab.start(web(0, [a], mode="tcp", frontend={"bind": f"unix@{path}"}), nbproc=1)
    sent = 0
    with Client(0, path=path) as c:
        c.socket.settimeout(0.5)
        try:
            while True:  # until everything on the way is full
                sent += c.socket.send(os.urandom(1 << 16))
        except socket.timeout:
            pass
    go.set()
    wait_until(lambda: got)
    assert len(got[0]) == sent


def test_an_answer_survives_the_request_that_was_pipelined_behind_it(lab):
    """httpclose: the second request is never read, and must not reset the first answer."""
    body = os.urandom(100_000)
    a = lab.origin("a")
    asked, go = threading.Event(), threading.Event()

    async def wait(req, conn):
        asked.set()
        await asyncio.get_running_loop().run_in_executor(None, go.wait, 10)
        conn.answer(200, body)
    a.on("/first", wait)
    port = lab.port()
    weir = lab.start(web(port, [a], defaults={"option": ["httpclose"]}), nbproc=1)
    with Client(port, rcvbuf=4096) as c:
        c.request("/first")
        assert asked.wait(5)
        c.request("/second")
        go.set()
        wait_until(lambda: weir.stat("be", "a", "hrsp_2xx") == 1)
        answer = c.response()
        assert answer.get("Connection") == "close" and answer.body == body


# --- whose bytes -------------------------------------------------------------------
def test_a_server_connection_rests_until_epoll_has_been_asked_about_it(lab):
    """Surplus or a FIN may be right behind an answer: the next request of a pipeline,
    which is at hand in the same moment, takes another connection."""
    a, port = lab.origin("a"), lab.port()
    lab.start(web(port, [a]), nbproc=1)
    with Client(port) as c:
        for _ in range(5):
            c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
            assert (c.response().text, c.response().text) == ("a", "a")
    numbers = [r.connection for r in a.seen("/")]
    assert all(one != two for one, two in zip(numbers[0::2], numbers[1::2])), numbers
    assert a.connections == 2


def test_a_restarted_server_is_trusted_with_idle_connections_again(lab):
    """Its restart closed connections that had been idle for a moment only. That is no
    sign of a short idle limit, as those that come later and live longer show."""
    a, port = lab.origin("a"), lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    with Client(port) as c:
        c.ask("/")
        time.sleep(0.15)
        a.stop()
        a.start()

        def is_reused():
            before = weir.stat("be", "a", "reuse")
            time.sleep(0.2)  # idle for longer than half of what the first one lived
            assert c.ask("/").status == 200
            return weir.stat("be", "a", "reuse") > before
        wait_until(is_reused, 8)


def test_a_long_field_name_is_refused_where_it_is_configured(lab):
    config = web(lab.port(), lab.origins("a"),
                 defaults={"option": {"forwardfor": {"header": "X" * 600}}})
    result = lab.prepare(config, nbproc=1).run()
    assert result.returncode == 1 and "at most 128 bytes" in result.stderr, result.stderr


# --- fields ------------------------------------------------------------------------
@pytest.mark.parametrize("name", [None, "a\r\nX: 1"])
def test_a_unix_client_has_no_address_to_forward(lab, name):
    a = lab.origin("a")
    path = os.path.join(lab.dir, "in.sock")
    lab.start(web(0, [a], frontend={"bind": f"unix@{path}"},
                  defaults={"option": ["forwardfor"]}), nbproc=1)
    with socket.socket(socket.AF_UNIX) as s:
        if name:
            cwd = os.open(".", os.O_RDONLY)
            os.chdir(lab.dir)
            try:
                s.bind(name)
            finally:
                os.fchdir(cwd)
                os.close(cwd)
        s.connect(path)
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in s.recv(4096)
    assert a.seen("/")[0].get("X-Forwarded-For") is None
    assert a.seen("/")[0].get("X") is None


def test_an_ipv6_client_is_forwarded_without_brackets(lab):
    a, port = lab.origin("a"), lab.port()
    lab.start(web(port, [a], frontend={"bind": f"[::1]:{port}"},
                  defaults={"option": ["forwardfor"]}), nbproc=1)
    assert get(port, connect_to="::1").status == 200
    assert a.seen("/")[0].get("X-Forwarded-For") == "::1"
