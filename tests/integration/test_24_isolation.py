# SPDX-License-Identifier: MIT
"""Connections do not touch each other: an answer meets its own question whoever breaks
off, bodies arrive as they were sent, and slow or messy clients cost what they may."""
import asyncio
import hashlib
import os
import random
import subprocess
import time

import pytest

from weirlab import Client, wait_until
from weirlab.config import web
from weirlab.weir import ROOT

CONNECTIONS, ASKS = 200, 15


def digest(data):
    return hashlib.sha1(data).hexdigest()


def chunks(rng, data):
    """The same body, chunked at random."""
    out = b""
    while data:
        n = min(len(data), rng.choice([1, 7, 300, 5000, 70_000]))
        out += b"%x\r\n%s\r\n" % (n, data[:n])
        data = data[n:]
    return out + b"0\r\n\r\n"


def body(rng):
    return rng.randbytes(rng.choice([0, 1, 100, 1460, 16_384, 40_000, 150_000]))


async def send(rng, writer, data):
    """In segments of random size."""
    while data:
        n = rng.choice([1, 50, 1000, 20_000, 1 << 20])
        writer.write(data[:n])
        await writer.drain()
        if n < 1000:
            await asyncio.sleep(0)
        data = data[n:]


def answering(rng, misbehaves):
    """Tells what it got, and sends a body of its own, framed one way or another; now and
    then it breaks off."""
    async def act(req, conn):
        name, mine = req.get("X-Id"), body(rng)
        fate = rng.random() if misbehaves else 1
        if fate < 0.03:
            conn.reset()
            return False
        framing = rng.choice(["length", "chunked", "close"])
        coded = chunks(rng, mine) if framing == "chunked" else mine
        fields = {"length": b"Content-Length: %d\r\n" % len(mine),
                  "chunked": b"Transfer-Encoding: chunked\r\n",
                  "close": b"Connection: close\r\n"}[framing]
        head = (f"HTTP/1.1 200 OK\r\nX-Id: {name}\r\nX-Got: {digest(req.body)}\r\n"
                f"X-Sum: {digest(mine)}\r\n").encode() + fields + b"\r\n"
        if fate < 0.06 and framing != "close":
            coded = coded[:len(coded) // 2]
            fate = 0
        await send(rng, conn.writer, head + coded)
        if fate == 0:
            if rng.random() < 0.5:
                conn.reset()
            return False
        return framing != "close"
    return act


class Crowd:
    """Clients that ask one after the other, and now and then leave in the middle."""

    def __init__(self, port, seed, leaves):
        self.port, self.seed, self.leaves = port, seed, leaves
        self.right = self.broken = self.left = 0
        self.wrong = []

    async def read(self, reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        if "chunked" in fields.get("transfer-encoding", ""):
            got = b""
            while n := int(await reader.readuntil(b"\r\n"), 16):
                got += (await reader.readexactly(n + 2))[:-2]
            await reader.readuntil(b"\r\n")
        else:
            got = await reader.readexactly(int(fields["content-length"]))
        return int(head[0].split()[1]), fields, got

    async def ask(self, rng, name, reader, writer):
        """False: this connection is over."""
        sent = body(rng) if rng.random() < 0.7 else None
        lines = [f"{'GET' if sent is None else 'POST'} / HTTP/1.1", "Host: x", f"X-Id: {name}"]
        coded = sent or b""
        if sent is not None and rng.random() < 0.5:
            lines.append("Transfer-Encoding: chunked")
            coded = chunks(rng, sent)
        elif sent is not None:
            lines.append(f"Content-Length: {len(sent)}")
        data = ("\r\n".join(lines) + "\r\n\r\n").encode() + coded
        fate = rng.random() if self.leaves else 1
        if fate < 0.05:
            await send(rng, writer, data[:rng.randrange(len(data))])
        else:
            await send(rng, writer, data)
        if fate < 0.1:
            self.left += 1
            if fate > 0.07:
                await reader.read(rng.choice([1, 50, 5000]))
            writer.transport.abort()
            return False
        status, fields, got = await self.read(reader)
        if status != 200:
            self.broken += 1
            if status != 502:
                self.wrong.append((name, status))
            return fields.get("connection") != "close"
        if (fields["x-id"], fields["x-sum"], fields["x-got"]) != (
                name, digest(got), digest(sent or b"")):
            self.wrong.append((name, fields))
        self.right += 1
        return fields.get("connection") != "close"

    async def client(self, number):
        rng = random.Random(self.seed * 1000 + number)
        writer = None
        for i in range(ASKS):
            try:
                if not writer:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                if not await self.ask(rng, f"{number}-{i}", reader, writer):
                    writer.close()
                    writer = None
            except (EOFError, ConnectionError):
                self.broken += 1
                writer.close()
                writer = None
        if writer:
            writer.close()

    def run(self):
        async def everybody():
            await asyncio.wait_for(
                asyncio.gather(*(self.client(i) for i in range(CONNECTIONS))), 120)
        asyncio.run(everybody())
        return self


@pytest.mark.parametrize("nbproc", [1, 2])
@pytest.mark.parametrize("messy", [False, True], ids=["clean", "messy"])
def test_every_answer_meets_its_question_with_every_byte(lab, nbproc, messy):
    rng, port = random.Random(nbproc), lab.port()
    origins = lab.origins("ab")
    for o in origins:
        o.default = answering(rng, messy)
    weir = lab.start(web(port, origins, defaults={"http_reuse": "always"}), nbproc=nbproc)
    crowd = Crowd(port, nbproc, messy).run()
    assert crowd.wrong == []
    if messy:
        assert crowd.right > CONNECTIONS * ASKS / 2
        assert crowd.left > 50 and crowd.broken > 50
    else:
        assert (crowd.right, crowd.broken) == (CONNECTIONS * ASKS, 0)
    weir.wait_idle()


# --- memory and descriptors ----------------------------------------------------------
def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="measures memory")
def test_many_slow_readers_of_a_large_body_cost_a_buffer_each(lab):
    """100 MB to each of 100 clients that read a little: the size of the body is nowhere
    in the worker's memory."""
    clients_n, size = 100, 100_000_000
    piece = b"x" * 65536

    async def large(req, conn):
        conn.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        while True:
            conn.write(piece)
            await conn.writer.drain()
    a, port = lab.origin("a").on("/large", large), lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    pid, = weir.workers()
    clients = [Client(port, rcvbuf=8192) for _ in range(clients_n)]
    try:
        for c in clients:
            assert c.ask("/").status == 200
        before = pss(pid)
        for c in clients:
            c.request("/large")
        most = 0
        for _ in range(20):
            for c in clients:
                c.read_bytes(20_000)
            most = max(most, pss(pid) - before)
        each = most / clients_n
        print(f"{each:.0f} bytes for each slow reader")
        assert each < 64 * 1024
        assert weir.stat("fe", "FRONTEND", "scur") == clients_n
    finally:
        for c in clients:
            c.reset()
    weir.wait_idle()
    wait_until(lambda: not a.open, what="the servers' connections closed")


def mess(lab):
    """tests/bench/mess.c, compiled."""
    program = os.path.join(lab.dir, "mess")
    subprocess.run(["cc", "-O2", "-o", program, f"{ROOT}/tests/bench/mess.c"], check=True)
    return program


@pytest.mark.parametrize("nbproc", [1, 2])
def test_a_great_many_messy_connections_leave_nothing_behind(lab, nbproc):
    """Half heads, half bodies, garbage, pipelines nobody reads, resets everywhere. More of
    them: WEIRLAB_MESS=1000000."""
    wanted = int(os.environ.get("WEIRLAB_MESS", "20000"))
    a, port = lab.origin("a"), lab.port()
    weir = lab.start(web(port, [a], timeout={"http_request": "2s", "client": "2s"},
                         every={"pool_purge_delay": "200ms"}), nbproc=nbproc)
    program = mess(lab)
    workers = weir.workers()

    def make(n):
        start = time.monotonic()
        out = subprocess.run([program, str(port), str(n)], capture_output=True, text=True)
        took = time.monotonic() - start
        assert out.returncode == 0, out.stderr
        weir.wait_idle(10)
        wait_until(lambda: not a.open, 10, "no connection to the server left")
        return took
    make(2000)  # slabs, pipes and the like are made
    before = [(pss(pid), descriptors(pid)) for pid in workers]
    took = make(wanted)
    after = [(pss(pid), descriptors(pid)) for pid in workers]
    print(f"{wanted} in {took:.1f} s; Pss and descriptors {before} -> {after}")
    assert weir.workers() == workers
    assert [fds for _, fds in after] == [fds for _, fds in before]
    if "ASAN_OPTIONS" not in os.environ:
        for (was, _), (now, _) in zip(before, after):
            assert now - was < 2 << 20
    assert weir.stat("fe", "FRONTEND", "conn_tot") >= wanted
