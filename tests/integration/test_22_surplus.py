# SPDX-License-Identifier: MIT
"""An answer goes to the request that caused it, or nowhere: servers that send more than
they were asked for, at once and at random times."""
import asyncio
import fcntl
import random
import select
import threading

import pytest

from weirlab import Client, get, wait_until
from weirlab.config import web

SIOCOUTQ = 0x5411
OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"


def response(body):
    return OK % (len(body), body)


def surplus_of(weir):
    return weir.stat("be", "a", "surplus") if "surplus" in weir.stats()["be", "a"] else \
        sum(v for k, v in weir.counters("*surplus*").items() if "server" in k)


def test_bytes_on_an_idle_connection_close_it_and_are_counted(lab):
    a = lab.origin("a")
    port, sink = lab.port(), lab.sink()

    async def later(req, conn):
        conn.answer(200, "first")
        await conn.writer.drain()
        await asyncio.sleep(0.05)
        conn.write(response(b"nobody asked"))
    a.on("/later", later)
    weir = lab.start(web(port, [a], log=sink), nbproc=1)
    assert get(port, "/later").text == "first"
    wait_until(lambda: not a.open, what="the connection closed")
    assert get(port, "/").text == "a"
    assert surplus_of(weir) == 1
    wait_until(lambda: any("be/a" in line and "no client gets" in line for line in sink.lines),
               what="the log names the server")


def test_a_server_that_has_sent_surplus_is_not_trusted_for_a_while(lab):
    a = lab.origin("a")
    port = lab.port()

    async def twice(req, conn):
        conn.write(response(b"mine") + response(b"whose?"))
    a.on("/twice", twice)
    lab.start(web(port, [a]), nbproc=1)
    with Client(port) as c:
        assert c.ask("/twice").text == "mine"
        for _ in range(5):
            assert c.ask("/").text == "a"
    assert a.connections == 2  # the client's own is
    for _ in range(4):
        assert get(port, "/").text == "a"
    assert a.connections == 6  # that of another is not


@pytest.mark.parametrize("method,expected", [("GET", (200, "right")), ("POST", (502, None))])
def test_of_two_answers_on_a_reused_connection_none_is_forwarded(lab, method, expected):
    a = lab.origin("a")
    port = lab.port()
    seen = []

    async def two_on_a_reused_one(req, conn):
        seen.append(req.connection)
        if len(set(seen)) == 1 and len(a.requests) > 1:
            conn.write(response(b"wrong") + response(b"late"))
        else:
            conn.write(response(b"right"))
    a.on("/x", two_on_a_reused_one)
    lab.start(web(port, [a]), nbproc=1)
    with Client(port) as c:
        assert c.ask("/").text == "a"
        c.request("/x", method, body=b"x" if method == "POST" else None)
        r = c.response()
        assert r.status == expected[0]
        assert expected[1] is None or r.text == expected[1]


class Rogue:
    """Answers with the id it was asked for, then often sends an answer that nobody asked
    for. `known`: those that weir's kernel had acknowledged well before the next request
    came. The others may have been on their way when that was written: nobody can know
    those."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.known, self.racing = set(), set()

    async def __call__(self, reader, writer):
        sock = writer.get_extra_info("socket")

        def is_asked():
            return bool(reader._buffer or select.select([sock], [], [], 0)[0])

        def is_acknowledged():
            return fcntl.ioctl(sock, SIOCOUTQ, b"\0\0\0\0") == b"\0\0\0\0"
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(response(head.split(b" ")[1]))
            await asyncio.sleep(self.random.random() * 0.004)
            if self.random.random() > 0.1 or is_asked():
                continue
            name = f"/surplus-{len(self.known) + len(self.racing)}"
            writer.write(response(name.encode()))
            while not is_acknowledged() and not is_asked():
                await asyncio.sleep(0)
            await asyncio.sleep(0.01)  # what overtook what on its way shows up
            (self.racing if is_asked() else self.known).add(name)


@pytest.mark.parametrize("nbproc", [1, 2])
def test_surplus_that_can_be_known_never_answers_a_request(lab, nbproc):
    rogue = Rogue(nbproc)
    a = lab.origin("a", tcp=rogue)
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=nbproc)
    answers = []

    def client(number):
        with Client(port) as c:
            for i in range(200):
                r = c.request(f"/{number}-{i}").response()
                answers.append((f"/{number}-{i}", r.status, r.text))
    threads = [threading.Thread(target=client, args=(n,)) for n in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(answers) == 12 * 200
    wrong = {text for path, status, text in answers if status == 200 and text != path}
    assert not wrong & rogue.known
    assert not wrong or wrong & rogue.racing  # each confusion begins with one of these
    assert surplus_of(weir)
