# SPDX-License-Identifier: MIT
"""The scripted origin of one lane. What arrives is read by the strict reader; a
connection belongs to the case during which it was opened."""
import asyncio
import socket
import struct

from . import strict


PROBES = (b"/probe-", b"/victim-")  # the requests that the suite adds to a case


def set_reset_on_close(writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                               struct.pack("ii", 1, 0))


class Record:
    """What the origin of one case saw."""

    def __init__(self, script):
        self.script = script
        self.messages = []     # in the order of their heads; some are incomplete
        self.violations = []
        self.connections = []
        self.heads = asyncio.Event()
        self.asked = 0         # requests but for the probes

    def steps_for(self, message):
        """The script of a request, by its ordinal; probes have none."""
        if message.target.startswith(PROBES):
            return None
        self.asked += 1
        return self.script.get(self.asked - 1)


class Connection:
    def __init__(self, record, reader, writer):
        self.record, self.reader, self.writer = record, reader, writer
        self.data, self.at = b"", 0
        self.ended = False
        record.connections.append(self)

    async def _more(self):
        got = b"" if self.ended else await self.reader.read(1 << 18)
        if not got:
            self.ended = True
            raise EOFError
        self.data += got

    async def serve(self):
        record = self.record
        if "connect" in record.script and record.connections == [self]:
            await self._run(record.script["connect"], None)
        if "every" in record.script:
            await self._run(record.script["every"], None)
        while True:
            while self.at == len(self.data):
                await self._more()
            message = await self._read(None)
            record.messages.append(message)
            message.connection = self
            steps = record.steps_for(message)
            record.heads.set()
            if not steps or steps[0].__class__ is bytes or steps[0].name != "at_head":
                message = await self._whole(message)
            await self._run(steps, message)
            await self._whole(record.messages[-1] if not message else message)

    async def _read(self, known):
        """A message whose head is there; all of it, if it is known already."""
        while True:
            try:
                message, self.at = strict.read_request(self.data, self.at)
                return message
            except strict.Incomplete as e:
                if e.message and not known:
                    return e.message
                if known and e.message:
                    known.body = e.message.body
            except strict.Violation as e:
                self.record.violations.append(str(e))
                raise EOFError from None
            await self._more()

    async def _whole(self, message):
        if not message.complete:
            whole = await self._read(message)
            whole.connection = self
            message.__dict__.update(whole.__dict__)
        return message

    async def _run(self, steps, message):
        if not steps:
            self._default(message)
        for step in steps or []:
            if isinstance(step, bytes):
                self.writer.write(step)
                await self.writer.drain()
            elif step.name == "drip":
                for i in range(len(step.value)):
                    self.writer.write(step.value[i:i + 1])
                    await asyncio.sleep(0)
            elif step.name == "pause":
                await self.writer.drain()
                await asyncio.sleep(step.value)
            elif step.name == "body":
                await self._whole(message)
            elif step.name == "fin":
                self.writer.write_eof()
            elif step.name == "rst":
                set_reset_on_close(self.writer)
                self.writer.transport.abort()
                raise EOFError
            elif step.name == "hold":
                while True:
                    await self._more()
            elif step.name == "tunnel":
                while True:
                    await self._more()
                    self.writer.write(self.data[self.at:].upper())
                    self.at = len(self.data)

    def _default(self, m):
        body = b"[%s]" % m.target
        self.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
                          + (b"" if m.method == b"HEAD" else body))


class Origin:
    """Listens for one lane."""

    def __init__(self):
        self.record = Record({})
        self.tasks = set()

    async def start(self):
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 20)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _accept(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await Connection(self.record, reader, writer).serve()
        except (OSError, EOFError, RuntimeError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(task)
            writer.close()

    def begin(self, script):
        self.record = Record(script)
        return self.record

    async def hang_up(self):
        """Ends all connections, so that the next case begins with none."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1)

    async def stop(self):
        self.server.close()
        await self.hang_up()
