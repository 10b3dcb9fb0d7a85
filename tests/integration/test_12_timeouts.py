# SPDX-License-Identifier: MIT
"""Every time limit ends what it should, when it should, and says so."""
import asyncio
import socket
import time

import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web

pytestmark = pytest.mark.alone


class Stopwatch:
    def __enter__(self):
        self.start = time.monotonic()
        return self

    def __exit__(self, *_):
        self.took = self.lasts()

    def lasts(self):
        return time.monotonic() - self.start


def about(seconds, took):
    assert seconds * 0.9 - 0.01 <= took < seconds + 1.5, (seconds, took)


def test_a_slow_request_head_is_a_408(lab):
    port = lab.port()
    weir = lab.start(web(port, lab.origins("a"), timeout={"http_request": "400ms"}), nbproc=1)
    with Client(port) as c, Stopwatch() as w:
        c.send("GET / HTTP/1.1\r\nHost: x\r\n")
        assert c.response().status == 408
        c.expect_closed()
    about(0.4, w.took)
    wait_until(lambda: weir.stat("fe", "FRONTEND", "ereq") == 1)
    weir.wait_idle()


def test_the_request_deadline_is_absolute(lab):
    """A byte now and then does not extend it (slowloris)."""
    port = lab.port()
    lab.start(web(port, lab.origins("a"), timeout={"http_request": "600ms"}), nbproc=1)
    with Client(port) as c, Stopwatch() as w:
        c.send("GET / HTTP/1.1\r\nHost: x\r\nX: ")
        c.socket.settimeout(0.1)
        data = b""
        for _ in range(60):
            try:
                c.send("y")
                data += c.socket.recv(4096)
                break
            except (socket.timeout, BrokenPipeError, ConnectionResetError):
                continue
        assert b" 408 " in data
    about(0.6, w.took)


def test_a_silent_new_connection_is_closed(lab):
    port = lab.port()
    weir = lab.start(web(port, lab.origins("a"), timeout={"http_request": "400ms"}), nbproc=1)
    with Client(port) as c, Stopwatch() as w:
        data = c.read_to_end()
        assert data == b"" or b" 408 " in data
    about(0.4, w.took)
    weir.wait_idle()


def test_an_idle_kept_connection_is_closed_without_a_word(lab):
    port = lab.port()
    weir = lab.start(web(port, lab.origins("a"), timeout={"http_keep_alive": "400ms"}), nbproc=1)
    with Client(port) as c:
        assert c.ask("/").status == 200
        with Stopwatch() as w:
            c.expect_closed()
    about(0.4, w.took)
    weir.wait_idle()


def test_a_silent_server_is_a_504(lab):
    a = lab.origin("a").on("/hang", do.hang())
    port = lab.port()
    weir = lab.start(web(port, [a], timeout={"server": "400ms"}), nbproc=1)
    with Client(port) as c, Stopwatch() as w:
        assert c.ask("/hang").status == 504
    about(0.4, w.took)
    assert get(port).status == 200
    weir.wait_idle()


def test_a_server_that_stalls_inside_its_body_is_cut(lab):
    a = lab.origin("a")

    async def stall(req, conn):
        conn.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        await conn.reader.read(1)
        return False
    a.on("/stall", stall)
    sink, port = lab.sink(), lab.port()
    lab.start(web(port, [a], timeout={"server": "400ms"}, log=sink), nbproc=1)
    with Client(port) as c, Stopwatch() as w:
        c.request("/stall")
        with pytest.raises((EOFError, ConnectionResetError)):
            c.response()
    about(0.4, w.took)
    sink.wait(r" sD-- ")


def test_a_client_that_stops_reading_is_cut(lab):
    a = lab.origin("a").on("/big", do.answer(200, b"x" * 30_000_000))
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, [a], timeout={"client": "500ms"}, log=sink), nbproc=1)
    with Client(port, rcvbuf=4096) as c:
        c.request("/big")
        c.head()
        sink.wait(r" cD-- ")
    weir.wait_idle()


def test_a_client_that_stops_sending_is_cut(lab):
    a = lab.origin("a")
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, [a], timeout={"client": "400ms"}, log=sink), nbproc=1)
    with Client(port) as c, Stopwatch() as w:
        c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        try:
            assert c.response().status == 408
        except (EOFError, ConnectionResetError):
            pass
        c.socket.close()
    about(0.4, w.took)
    sink.wait(r" c[DH]-- ")
    weir.wait_idle()


def test_activity_extends_the_inactivity_limits(lab):
    a = lab.origin("a")

    async def drip(req, conn):
        conn.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        for _ in range(10):
            conn.write(b"x")
            await conn.writer.drain()
            await asyncio.sleep(0.15)
    a.on("/drip", drip)
    port = lab.port()
    lab.start(web(port, [a], timeout={"server": "500ms", "client": "500ms"}), nbproc=1)
    assert get(port, "/drip").text == "x" * 10


HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"


def test_interim_answers_extend_them_as_well(lab):
    a = lab.origin("a")

    async def hints(req, conn):
        for _ in range(10):
            conn.write(HINT)
            await conn.writer.drain()
            await asyncio.sleep(0.15)
        conn.answer(200, b"done")
    a.on("/hints", hints)
    port = lab.port()
    lab.start(web(port, [a], timeout={"server": "500ms"}), nbproc=1)
    answer = get(port, "/hints")
    assert (answer.status, len(answer.interim)) == (200, 10)


def test_a_client_slow_to_take_interim_answers_does_not_make_the_server_late(lab):
    many = 200_000
    a, port = lab.origin("a"), lab.port()
    a.on("/hints", do.raw(HINT * many + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    lab.start(web(port, [a], timeout={"server": "400ms"}), nbproc=1)
    with Client(port, rcvbuf=4096) as c:
        c.request("/hints")
        assert c.read_bytes(len(HINT)) == HINT
        with Stopwatch() as w:
            wait_until(lambda: w.lasts() > 1, what="more than the server has")
        for _ in range(1, many):
            assert c.read_until(b"\r\n\r\n") == HINT
        assert c.response().status == 200


def test_idle_tcp_sessions_end_by_client_or_server_timeout(lab):
    async def echo(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
    t = lab.origin("t", tcp=echo)
    for client, server in (("400ms", "10s"), ("10s", "400ms")):
        port = lab.port()
        sink = lab.sink()
        weir = lab.start(web(port, [t], mode="tcp", log=sink,
                             timeout={"client": client, "server": server}), nbproc=1,
                         name="c" + client)
        with Client(port) as c, Stopwatch() as w:
            c.send("x")
            assert c.read_bytes(1) == b"x"
            c.expect_closed()
        about(0.4, w.took)
        sink.wait(r" cD " if client == "400ms" else r" sD ")
        weir.wait_idle()


def test_tunnels_have_a_limit_of_their_own(lab):
    a = lab.origin("a")

    async def tunnel(req, conn):
        conn.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
        while data := await conn.reader.read(65536):
            conn.write(data)
            await conn.writer.drain()
        return False
    a.on("/ws", tunnel)
    port = lab.port()
    lab.start(web(port, [a], timeout={"client": "300ms", "server": "300ms", "tunnel": "900ms"}),
              nbproc=1)
    with Client(port) as c:
        c.request("/ws", fields=[("Upgrade", "x"), ("Connection", "Upgrade")])
        assert c.head().status == 101
        with Stopwatch() as w:
            c.expect_closed()
    about(0.9, w.took)
