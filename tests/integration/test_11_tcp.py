# SPDX-License-Identifier: MIT
"""mode tcp: bytes go through as they are, whole, in both directions, at any speed."""
import asyncio
import hashlib
import os
import socket
import threading

import pytest

from weirlab import Client, wait_until
from weirlab.config import web


async def echo(reader, writer):
    while data := await reader.read(1 << 18):
        writer.write(data)
        await writer.drain()


def tcp(lab, service, nbproc=1, **kwargs):
    origin = lab.origin("t", tcp=service)
    port = lab.port()
    return origin, port, lab.start(web(port, [origin], mode="tcp", **kwargs), nbproc=nbproc)


@pytest.mark.smoke
@pytest.mark.parametrize("nbproc", [1, 2])
def test_bytes_go_through_and_are_counted(lab, nbproc):
    _, port, weir = tcp(lab, echo, nbproc)
    with Client(port) as c:
        for word in (b"hello", b"\0\xff\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
            c.send(word)
            assert c.read_bytes(len(word)) == word
        assert weir.stat("fe", "FRONTEND", "scur") == 1
        assert weir.stat("be", "t", "scur") == 1
    weir.wait_idle()
    n = 5 + 6 + 18
    wait_until(lambda: weir.stat("be", "t", "bout") == n)
    for row in (("fe", "FRONTEND"), ("be", "t"), ("be", "BACKEND")):
        assert (weir.stat(*row, "stot"), weir.stat(*row, "bin"), weir.stat(*row, "bout")) == \
            (1, n, n)


def test_a_half_close_is_passed_on_and_the_other_way_goes_on(lab):
    async def answer_after_eof(reader, writer):
        data = await reader.read(-1)
        writer.write(hashlib.sha256(data).digest())
        await writer.drain()
    _, port, _ = tcp(lab, answer_after_eof)
    body = os.urandom(300_000)
    with Client(port) as c:
        c.send(body)
        c.half_close()
        assert c.read_to_end() == hashlib.sha256(body).digest()


def test_a_server_that_closes_first_still_gets_our_bytes(lab):
    got = []

    async def speak_and_listen(reader, writer):
        writer.write(b"done")
        writer.write_eof()
        got.append(await reader.read(-1))
    _, port, weir = tcp(lab, speak_and_listen)
    with Client(port) as c:
        assert c.read_to_end() == b"done"
        c.send(b"late words")
        c.half_close()
        wait_until(lambda: got == [b"late words"])
    weir.wait_idle()


@pytest.mark.smoke
def test_a_big_transfer_is_whole_both_ways_and_is_spliced(lab):
    size = 64 << 20
    block = os.urandom(1 << 20)
    seen = hashlib.sha256()

    async def both(reader, writer):
        async def receive():
            left = size
            while left:
                data = await reader.read(1 << 18)
                seen.update(data)
                left -= len(data)

        async def send():
            for _ in range(size >> 20):
                writer.write(block)
                await writer.drain()
        await asyncio.gather(receive(), send())
    _, port, weir = tcp(lab, both)
    wanted = hashlib.sha256()
    for _ in range(size >> 20):
        wanted.update(block)
    with Client(port, timeout=30) as c:
        sender = threading.Thread(target=lambda: [c.send(block) for _ in range(size >> 20)])
        sender.start()
        got, left = hashlib.sha256(), size
        while left:
            data = c.socket.recv(1 << 18)
            assert data, f"closed with {left} bytes missing"
            got.update(data)
            left -= len(data)
        sender.join()
    assert got.digest() == wanted.digest()
    wait_until(lambda: seen.digest() == wanted.digest())
    weir.wait_idle()
    assert weir.counter("splice_bytes") > 1 << 20
    wait_until(lambda: weir.stat("be", "t", "bout") == size)
    assert weir.stat("be", "t", "bin") == size


def test_a_reader_that_stops_stops_the_sender(lab):
    sent = {"n": 0}
    block = b"x" * 65536

    async def pour(reader, writer):
        for _ in range(2000):
            writer.write(block)
            await writer.drain()
            sent["n"] += len(block)
    _, port, weir = tcp(lab, pour)
    with Client(port, rcvbuf=8192, timeout=20) as c:
        c.read_bytes(1000)
        last = [-1]

        def settled():
            was, last[0] = last[0], sent["n"]
            return was == sent["n"]
        wait_until(settled, timeout=10, every=0.2, what="back-pressure reaches the server")
        assert sent["n"] < 2000 * 65536
        total = len(c.read_to_end()) + 1000
        assert total == 2000 * 65536
    weir.wait_idle()


def test_a_client_that_resets_ends_the_server_side(lab):
    _, port, weir = tcp(lab, echo)
    c = Client(port)
    c.send(b"hi")
    assert c.read_bytes(2) == b"hi"
    c.reset()
    weir.wait_idle()


def test_a_server_that_resets_ends_the_client_side(lab):
    async def reset(reader, writer):
        await reader.read(1)
        import socket
        import struct
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                   struct.pack("ii", 1, 0))
        writer.transport.abort()
    _, port, weir = tcp(lab, reset)
    with Client(port) as c:
        c.send(b"x")
        c.expect_closed()
    weir.wait_idle()


def test_who_gets_no_server_is_told_by_a_fin(lab):
    """Nothing was cut, so nothing needs a reset, whether or not it had begun to speak."""
    port, sink = lab.port(2), lab.sink()
    weir = lab.start(web(port, {"s": f"127.0.0.1:{port + 1}"}, mode="tcp", log=sink,
                         defaults={"retries": 0}), nbproc=1)
    for said in (b"", b"hello" * 1000):
        with Client(port) as c:
            c.send(said)
            assert c.read_to_end() == b""
    sink.wait(r" SC ", n=2)
    weir.wait_idle()


@pytest.mark.parametrize("option,end", [([], "SC"), (["abortonclose"], "CC")])
def test_abortonclose_leaves_a_connect_whose_client_has_finished(lab, option, end):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        there = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for s in waiting:
            s.setblocking(False)
            s.connect_ex(there)  # the queue is full now: the next SYN goes unanswered
        port, sink = lab.port(), lab.sink()
        weir = lab.start(web(port, {"s": "%s:%d" % there}, mode="tcp", log=sink,
                             defaults={"retries": 0, "option": option},
                             timeout={"connect": "700ms" if not option else "60s"}), nbproc=1)
        with Client(port) as c:
            c.half_close()
            sink.wait(rf" {end} | {end.replace('S', 's')} ")
        weir.wait_idle()
        for s in waiting:
            s.close()


def test_a_server_that_speaks_first_is_heard(lab):
    async def banner(reader, writer):
        writer.write(b"220 hello\r\n")
        await reader.read(1)
    _, port, _ = tcp(lab, banner)
    with Client(port) as c:
        assert c.read_bytes(11) == b"220 hello\r\n"


def test_retries_go_to_another_server(lab):
    t = lab.origin("t", tcp=echo)
    port = lab.port()
    weir = lab.start(web(port, {"dead": f"127.0.0.1:{lab.port()}", "t": t}, mode="tcp",
                         defaults={"retries": 2, "option": ["redispatch"]}), nbproc=1)
    for _ in range(4):
        with Client(port) as c:
            c.send(b"x")
            assert c.read_bytes(1) == b"x"
    assert weir.stat("be", "dead", "wredis") == weir.stat("be", "dead", "lbtot") >= 2


def test_many_sessions_at_once(lab):
    _, port, weir = tcp(lab, echo, nbproc=2)
    held = [Client(port) for _ in range(200)]
    for i, c in enumerate(held):
        c.send(b"%04d" % i)
    for i, c in enumerate(held):
        assert c.read_bytes(4) == b"%04d" % i
    assert weir.stat("fe", "FRONTEND", "scur") == 200
    for c in held:
        c.close()
    weir.wait_idle()
    assert weir.stat("fe", "FRONTEND", "stot") == 200


def test_mode_health_says_ok(lab):
    one, two = lab.port(), lab.port()
    weir = lab.start({"defaults": {"mode": "http"}, "listens": {
        "plain": {"bind": f"127.0.0.1:{one}", "mode": "health"},
        "http": {"bind": f"127.0.0.1:{two}", "mode": "health", "option": ["httpchk"]}}}, nbproc=1)
    with Client(one) as c:
        assert c.read_to_end() == b"OK"
    with Client(two) as c:
        assert c.read_to_end().startswith(b"HTTP/1.0 200 OK\r\n")
    assert "listens.plain.mode: deprecated" in weir.stderr


def test_the_client_s_port_may_be_the_server_s(lab):
    """A server address without a port, or with an offset, follows the client's choice."""
    a = lab.origin("a", host="127.0.0.2", port=0)
    port = a.port
    config = web(port, {"a": "127.0.0.2"})
    config["frontends"]["fe"]["bind"] = f"127.0.0.1:{port}"
    from weirlab import get
    lab.start(config, nbproc=1)
    assert get(port).text == "a"
