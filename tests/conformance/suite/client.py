# SPDX-License-Identifier: MIT
"""The client of one case: runs its script, reads everything, asks again."""
import asyncio
import socket

from . import strict
from .origin import set_reset_on_close
from .proxies import SLOW

PATIENCE = 5.0 * SLOW  # with one step
DEADLINE = 10.0 * SLOW  # with a case


class Connection:
    def __init__(self, methods):
        self.methods = list(methods)
        self.data = b""
        self.closed = None         # "fin" or "rst"
        self.changed = asyncio.Event()
        self.finished = self.gone = False
        self.whole, self.at = [], 0  # responses that are complete, and where they end

    async def open(self, port):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port,
                                                                 limit=1 << 20)
        self.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP,
                                                        socket.TCP_NODELAY, 1)
        self.task = asyncio.create_task(self._pump())
        return self

    async def _pump(self):
        try:
            while got := await self.reader.read(1 << 18):
                self.data += got
                self.changed.set()
            self.closed = "fin"
        except OSError:
            self.closed = "rst"
        self.changed.set()

    def responses(self):
        """What has come so far: ([Message], complaint or None). The last may be
        incomplete."""
        while self.at < len(self.data):
            n = len(self.whole)
            method = self.methods[n] if n < len(self.methods) else b"GET"
            try:
                m, at = strict.read_response(self.data, self.at, method, self.closed == "fin")
            except strict.Incomplete as e:
                return self.whole + [e.message or strict.Message()], None
            except strict.Violation as e:
                return list(self.whole), str(e)
            if m.framing == "tunnel":
                return self.whole + [m], None
            self.whole.append(m)
            self.at = at
        return list(self.whole), None

    def finals(self):
        got, complaint = self.responses()
        return 10 ** 6 if complaint else sum(m.complete for m in got)

    def interims(self):
        got, _ = self.responses()
        if got and not got[-1].complete and not got[-1].status:
            return self.data.count(b"HTTP/1.1 1")  # its final response has yet to begin
        return sum(len(m.interim) for m in got)

    async def wait(self, condition, seconds=DEADLINE):
        """Until the condition holds or the connection has ended; False: too late."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not condition() and not self.closed:
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), end - loop.time())
            except asyncio.TimeoutError:
                return condition()
        return True

    async def run(self, steps, record):
        for step in steps:
            try:
                await self._step(step, record)
            except OSError:
                return  # the peer has gone; what it said is being read

    async def _step(self, step, record):
        if isinstance(step, bytes):
            self.writer.write(step)
            await self.writer.drain()
        elif step.name == "drip":
            for i in range(len(step.value)):
                self.writer.write(step.value[i:i + 1])
                await asyncio.sleep(0)
        elif step.name == "pause":
            await asyncio.sleep(step.value)
        elif step.name == "fin":
            self.finished = True
            self.writer.write_eof()
        elif step.name == "rst":
            self.gone = True
            set_reset_on_close(self.writer)
            self.writer.transport.abort()
        elif step.name == "seen":
            try:
                await asyncio.wait_for(record.heads.wait(), PATIENCE)
            except asyncio.TimeoutError:
                pass  # refused before: what the case wants tells whether it may
        elif step.name == "answered":
            await self.wait(lambda: self.finals() >= step.value, PATIENCE)
        elif step.name == "saw":
            await self.wait(lambda: step.value in self.data, PATIENCE)
        elif step.name == "interim":
            await self.wait(lambda: self.interims() >= step.value or self.finals(), PATIENCE)

    async def close(self):
        self.writer.close()
        self.task.cancel()
        try:
            await self.task
        except asyncio.CancelledError:
            pass


class Observation:
    """What happened in one case."""

    def __init__(self):
        self.responses, self.complaint = [], None
        self.closed = None
        self.hangs = False
        self.probe = None          # "kept", "closed", "wrong"
        self.victim = None         # "own", "none", "wrong"
        self.messages, self.violations, self.partial = [], [], []
        self.reused = None
        self.sent = b""


def _marker(case_id, what):
    return b"/%s-%s" % (what, case_id.encode().replace(b"/", b"-"))


async def _probe(connection, case, target):
    """Asks again on the case's connection: is it still a connection of ours?"""
    before = len(connection.responses()[0])
    try:
        connection.writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: probe.test\r\n\r\n")
        await connection.writer.drain()
    except OSError:
        return "closed"
    await connection.wait(lambda: connection.finals() > before, PATIENCE)
    got, complaint = connection.responses()
    if complaint or len(got) > before + 1:
        return "wrong"
    if len(got) == before or not got[-1].complete:
        return "closed" if connection.closed else "wrong"
    if got[-1].status != 200:
        return "closed"  # refused: the bytes before it were not a message's end
    return "kept" if got[-1].body == b"[%s]" % target else "wrong"


async def _victim(port, target):
    """Another client asks; it must get its own answer."""
    other = await Connection([b"GET"]).open(port)
    try:
        other.writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: victim.test\r\n\r\n")
        await other.wait(lambda: other.finals() > 0, PATIENCE)
        got, complaint = other.responses()
        if complaint or len(got) > 1:
            return "wrong"
        if not got or got[0].status != 200:
            return "none"
        return "own" if got[0].body == b"[%s]" % target else "wrong"
    except OSError:
        return "none"
    finally:
        await other.close()


async def perform(case, port, origin):
    """One case against the proxy that listens on port."""
    record = origin.begin(case.origin)
    seen = Observation()
    first = next((s if isinstance(s, bytes) else s.value for s in case.client
                  if isinstance(s, bytes) or s.name == "drip"), b"")
    methods = case.methods or [first.lstrip(b"\r\n").partition(b" ")[0]]
    c = await Connection(methods).open(port)
    try:
        await c.run(case.client, record)
        if not c.gone:
            done = (lambda: False) if case.ends else (lambda: c.finals() >= case.answers)
            seen.hangs = not await c.wait(done) and not c.closed
        seen.responses, seen.complaint = c.responses()
        seen.closed = c.closed
        probe, victim = _marker(case.id, b"probe"), _marker(case.id, b"victim")
        if case.probe and not (c.closed or c.finished or c.gone or seen.hangs):
            seen.probe = await _probe(c, case, probe)
            seen.closed = c.closed
        elif c.closed:
            seen.probe = "closed"
        seen.victim = await _victim(port, victim) if case.victim else "own"
    finally:
        await c.close()
        await origin.hang_up()
    ours = (probe, victim)
    extra = [m for m in record.messages if m.target in ours]
    seen.messages = [m for m in record.messages if m.complete and m.target not in ours]
    seen.partial = [m for m in record.messages if not m.complete]
    seen.violations = record.violations
    used = [m.connection for m in record.messages if m.target not in ours]
    if used and extra:
        seen.reused = any(m.connection is used[-1] for m in extra)
    return seen
