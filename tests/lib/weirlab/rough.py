# SPDX-License-Identifier: MIT
"""Peers that compare every byte and break off in the middle: what one of them does must
never show in what another one gets."""
import asyncio
import hashlib
import random

from .wait import SLOW


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


class Rough:
    """Clients that ask one after the other, on connections they keep; if it `leaves`, each
    now and then breaks off in the middle. `wrong` must stay empty."""

    def __init__(self, port, seed, clients, asks, leaves):
        self.port, self.seed, self.leaves = port, seed, leaves
        self.clients, self.asks = clients, asks
        self.stop = False
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
        for i in range(self.asks):
            if self.stop:
                break
            try:
                if not writer:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                asking = self.ask(rng, f"{number}-{i}", reader, writer)
                if not await asyncio.wait_for(asking, 20 * SLOW):
                    writer.close()
                    writer = None
            except asyncio.TimeoutError:
                self.wrong.append((f"{number}-{i}", "stalled"))
                break
            except (EOFError, ConnectionError):
                self.broken += 1
                if writer:
                    writer.close()
                writer = None
        if writer:
            writer.close()

    def run(self):
        async def everybody():
            await asyncio.gather(*(self.client(i) for i in range(self.clients)))
        asyncio.run(everybody())
        return self
