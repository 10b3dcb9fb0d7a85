# SPDX-License-Identifier: MIT
"""A server that does what a test wants: one thread with an asyncio loop. It answers
200 with its own name unless a path has been given another behaviour:

    a = lab.origin("a")
    a.on("/slow", delay(0.3))
    a.on("/bad", raw(b"garbage\\r\\n\\r\\n"))

A behaviour is `async def act(req, conn)`; it returns False to close afterwards.
"""
import asyncio
import socket
import struct
import threading

from .wait import wait_until


class Request:
    def __init__(self, method, target, version, fields, raw):
        self.method, self.target, self.version = method, target, version
        self.fields, self.raw = fields, raw
        self.body = b""
        self.trailers = b""
        self.connection = 0  # number of the connection it came over
        self.peer = None

    @property
    def path(self):
        return self.target.split("?", 1)[0]

    def get(self, name, default=None):
        for key, value in self.fields:
            if key.lower() == name.lower():
                return value
        return default

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def __repr__(self):
        return f"<{self.method} {self.target} {self.fields}>"


class Conn:
    def __init__(self, reader, writer, number, origin):
        self.reader, self.writer, self.number, self.origin = reader, writer, number, origin

    def write(self, data):
        self.writer.write(data)

    def answer(self, status=200, body=b"", fields=(), reason="OK"):
        if isinstance(body, str):
            body = body.encode()
        head = f"HTTP/1.1 {status} {reason}\r\n"
        names = {name.lower() for name, _ in fields}
        if not names & {"content-length", "transfer-encoding"} and status not in (204, 304):
            head += f"Content-Length: {len(body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in fields)
        self.write(head.encode("latin-1") + b"\r\n" + body)

    def reset(self):
        if self.writer.transport.is_closing():
            return  # the peer was first; only the behaviour still runs
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def read_request(self):
        """None at a clean end."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            try:
                head += await self.reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return None
            head = head.lstrip(b"\r\n") if head.strip() == b"" else head
        lines = head.decode("latin-1").split("\r\n")
        method, target, version = lines[0].split(" ")
        fields = []
        for line in lines[1:]:
            if line:
                name, _, value = line.partition(":")
                fields.append((name, value.strip()))
        req = Request(method, target, version, fields, head)
        req.connection = self.number
        req.peer = self.writer.get_extra_info("peername")
        return req

    async def read_body(self, req):
        if "chunked" in (req.get("Transfer-Encoding") or "").lower():
            while True:
                size = int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16)
                if size == 0:
                    break
                req.body += await self.reader.readexactly(size)
                assert await self.reader.readexactly(2) == b"\r\n"
            while True:
                line = await self.reader.readuntil(b"\r\n")
                if line == b"\r\n":
                    break
                req.trailers += line
        elif req.get("Content-Length"):
            req.body = await self.reader.readexactly(int(req.get("Content-Length")))


# --- behaviours ------------------------------------------------------------------
def answer(status=200, body=b"", fields=(), reason="OK"):
    async def act(req, conn):
        conn.answer(status, b"" if req.method == "HEAD" else body, fields, reason)
    return act


def raw(data, then_close=False):
    async def act(req, conn):
        conn.write(data)
        return not then_close
    return act


def chunked(parts, trailers=()):
    async def act(req, conn):
        conn.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in parts:
            conn.write(b"%x\r\n%s\r\n" % (len(part), part))
            await conn.writer.drain()
        conn.write(b"0\r\n" + b"".join(b"%s: %s\r\n" % t for t in trailers) + b"\r\n")
    return act


def until_close(body):
    async def act(req, conn):
        conn.write(b"HTTP/1.1 200 OK\r\n\r\n" + body)
        return False
    return act


def delay(seconds, then=None):
    """Slow by nature: the delay is what is tested, not a synchronisation."""
    async def act(req, conn):
        await asyncio.sleep(seconds)
        return await (then or conn.origin.default)(req, conn)
    return act


def hang():
    async def act(req, conn):
        await conn.reader.read(1)  # until the peer gives up
        return False
    return act


def close():
    async def act(req, conn):
        return False
    return act


def reset():
    async def act(req, conn):
        conn.reset()
        return False
    return act


def echo():
    async def act(req, conn):
        conn.answer(200, req.body, [("Content-Type", "application/octet-stream")])
    return act


class Origin:
    """`tcp`: async def tcp(reader, writer) replaces HTTP altogether. What does not
    `remember` counts requests and does not keep them: for a very long test."""

    def __init__(self, name="a", port=0, host="127.0.0.1", tcp=None, on_head=None,
                 remembers=True):
        self.name, self.host, self.port, self.tcp = name, host, port, tcp
        self.on_head = on_head  # async (req, conn): before the body is read
        self.paths = {}
        self.requests, self.remembers = [], remembers
        self.served = self.connections = 0
        self.open = set()
        self.default = self._default
        self.loop = asyncio.new_event_loop()
        self.server = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self.start()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def _default(self, req, conn):
        conn.answer(200, b"" if req.method == "HEAD" else self.name,
                    [("X-Origin", self.name)] +
                    ([("Content-Length", str(len(self.name)))] if req.method == "HEAD" else []))

    # --- life
    def start(self):
        """Listens (again, on the same port, after stop())."""
        async def listen():
            sock = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((self.host, self.port))
            self.port = sock.getsockname()[1]
            self.server = await asyncio.start_server(self._serve, sock=sock, backlog=1024,
                                                     limit=1 << 20)
        self._call(listen())

    def stop(self):
        """Refuses new connections and resets the open ones."""
        async def end():
            if self.server:
                self.server.close()
                self.server = None
            for conn in list(self.open):
                conn.reset()
                conn.task.cancel()  # also one that is asleep
        self._call(end())
        wait_until(lambda: not self.open, what=f"connections of origin {self.name} gone")

    def close(self):
        try:
            self.stop()
        finally:
            async def cancel():
                tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            self._call(cancel())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(2)

    @property
    def address(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def on(self, path, behaviour):
        self.paths[path] = behaviour
        return self

    def seen(self, path=None):
        return [r for r in list(self.requests) if path is None or r.path == path]

    def forget(self):
        self.requests.clear()

    # --- service
    async def _serve(self, reader, writer):
        self.connections += 1
        conn = Conn(reader, writer, self.connections, self)
        conn.task = asyncio.current_task()
        self.open.add(conn)
        try:
            if self.tcp:
                await self.tcp(reader, writer)
            else:
                await self._http(conn)
        except (OSError, EOFError, ValueError, AssertionError, asyncio.CancelledError):
            pass
        finally:
            self.open.discard(conn)
            try:
                writer.close()
            except (OSError, RuntimeError):
                pass

    async def _http(self, conn):
        while True:
            req = await conn.read_request()
            if req is None:
                return
            if self.on_head:
                await self.on_head(req, conn)
            await conn.read_body(req)
            self.served += 1
            if self.remembers:
                self.requests.append(req)
            act = self.paths.get(req.path, self.default)
            keep = await act(req, conn)
            await conn.writer.drain()
            if keep is False or (req.get("Connection") or "").lower() == "close":
                return
