# SPDX-License-Identifier: MIT
"""A client that is nothing but a socket: sends the bytes it is told to, and reads
what comes back by the rules of RFC 9112."""
import socket
import struct

from .wait import SLOW


class Response:
    def __init__(self, version, status, reason, fields):
        self.version, self.status, self.reason, self.fields = version, status, reason, fields
        self.body = b""
        self.trailers = []
        self.raw_head = b""

    def get(self, name, default=None):
        """The first field of that name."""
        for key, value in self.fields:
            if key.lower() == name.lower():
                return value
        return default

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def __repr__(self):
        return f"<{self.version} {self.status} {self.fields} {self.body[:60]!r}>"


def parse_head(head):
    lines = head.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    status, _, reason = rest.partition(" ")
    assert version.startswith("HTTP/") and status.isdigit(), f"not a response: {head!r}"
    fields = []
    for line in lines[1:]:
        if line:
            name, _, value = line.partition(":")
            fields.append((name, value.strip()))
    answer = Response(version, int(status), reason, fields)
    answer.raw_head = head
    return answer


def dial(path, timeout=5.0):
    """A UNIX socket, connected. It waits for room in the backlog of who listens: with a
    timeout of Python's, which makes the socket non-blocking, a full one is an error."""
    s = socket.socket(socket.AF_UNIX)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO,
                 struct.pack("ll", int(timeout * SLOW) + 1, 0))
    try:
        s.connect(path)
    except OSError:
        s.close()
        raise
    s.settimeout(timeout * SLOW)
    return s


def say(path, text, timeout=5.0):
    """Lines for a socket of the runtime API, weir's or HAProxy's; the whole answer."""
    with dial(path, timeout) as s:
        s.sendall(text.encode() + b"\n")
        s.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: s.recv(65536), b"")).decode()


class Client:
    def __init__(self, port, host="127.0.0.1", timeout=5.0, source=None, path=None,
                 rcvbuf=None):
        if path:
            self.socket = dial(path, timeout)
        else:
            self.socket = self._connect((host, port), timeout, source, rcvbuf)
        self.rest = b""

    @staticmethod
    def _connect(to, timeout, source, rcvbuf):
        s = socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET)
        s.settimeout(timeout * SLOW)
        if rcvbuf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if source:
            s.bind((source, 0))
        try:
            s.connect(to)
        except OSError:
            s.close()
            raise
        return s

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def address(self):
        return "%s:%d" % self.socket.getsockname()[:2]

    # --- out
    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))
        return self

    def request(self, target="/", method="GET", fields=(), body=None, version="HTTP/1.1",
                host="weir.test"):
        """Sends one request; fields is a list of (name, value)."""
        lines = [f"{method} {target} {version}"]
        if host is not None:
            lines.append(f"Host: {host}")
        lines += [f"{name}: {value}" for name, value in fields]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        return self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b""))

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def reset(self):
        """Leaves with an RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # --- in
    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"connection closed; unread: {self.rest[:200]!r}")
        self.rest += data

    def read_until(self, mark):
        while mark not in self.rest:
            self._more()
        at = self.rest.index(mark) + len(mark)
        out, self.rest = self.rest[:at], self.rest[at:]
        return out

    def read_bytes(self, n):
        while len(self.rest) < n:
            self._more()
        out, self.rest = self.rest[:n], self.rest[n:]
        return out

    def read_to_end(self):
        """Everything until the peer closes; a reset is an error."""
        chunks = [self.rest]
        self.rest = b""
        while True:
            data = self.socket.recv(1 << 20)
            if not data:
                return b"".join(chunks)
            chunks.append(data)

    def expect_closed(self):
        """The peer closes (or resets) and sends nothing more."""
        try:
            data = self.read_to_end()
        except ConnectionResetError:
            data = b""
        assert data == b"", f"unexpected bytes before the close: {data[:200]!r}"

    def head(self):
        return parse_head(self.read_until(b"\r\n\r\n"))

    def response(self, method="GET"):
        """One whole response; interim ones (1xx but 101) are kept in .interim."""
        interim = []
        answer = self.head()
        while 100 <= answer.status < 200 and answer.status != 101:
            interim.append(answer)
            answer = self.head()
        answer.interim = interim
        coding = (answer.get("Transfer-Encoding") or "").lower()
        if method == "HEAD" or answer.status in (101, 204, 304):
            return answer
        if "chunked" in coding:
            while True:
                size = int(self.read_until(b"\r\n").split(b";")[0], 16)
                if size == 0:
                    break
                answer.body += self.read_bytes(size)
                assert self.read_bytes(2) == b"\r\n"
            while True:
                line = self.read_until(b"\r\n")
                if line == b"\r\n":
                    break
                name, _, value = line.decode("latin-1").strip().partition(":")
                answer.trailers.append((name, value.strip()))
        elif answer.get("Content-Length") is not None:
            answer.body = self.read_bytes(int(answer.get("Content-Length")))
        else:
            answer.body = self.read_to_end()
        return answer

    def ask(self, *args, **kwargs):
        """request() and its response()."""
        self.request(*args, **kwargs)
        method = kwargs.get("method") or (args[1] if len(args) > 1 else "GET")
        return self.response(method)


def get(port, target="/", **kwargs):
    """One request on a connection of its own."""
    options = {k: kwargs.pop(k) for k in ("timeout", "source", "path") if k in kwargs}
    connect_to = kwargs.pop("connect_to", "127.0.0.1")
    with Client(port, connect_to, **options) as c:
        return c.ask(target, **kwargs)
