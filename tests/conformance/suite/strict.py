# SPDX-License-Identifier: MIT
"""An independent, strict reader of HTTP/1 messages, the suite's oracle. What has two
readings, or none, is a Violation; nothing is repaired or guessed here."""
import re

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
REQUEST_LINE = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e\x80-\xff]+) HTTP/1\.([01])\Z")
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])( [\t\x20-\x7e\x80-\xff]*)?\Z")
CHUNK_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,15})((?:[ \t]*;[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+"
    rb"(?:[ \t]*=[ \t]*(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|\"(?:[^\"\\\x00-\x1f]|\\.)*\"))?)*)\Z")
NUMBER = re.compile(rb"[0-9]{1,19}\Z")
HOST = re.compile(rb"(?:\[[0-9A-Fa-fvV:.]+\]|[!$&'()*+,;=%._~0-9A-Za-z-]*)(?::[0-9]*)?\Z")
NOT_IN_TRAILERS = {b"host", b"content-length", b"transfer-encoding", b"connection"}


class Violation(Exception):
    """The bytes have no single reading."""


class Incomplete(Exception):
    """More bytes are needed; `.message` holds what was read so far."""

    def __init__(self, message=None):
        super().__init__("incomplete")
        self.message = message


class Message:
    def __init__(self):
        self.line = b""
        self.method = self.target = b""
        self.minor, self.status = 1, 0
        self.fields = []     # (name, value)
        self.trailers = []
        self.body = b""
        self.framing = None  # "none", "length", "chunked", "close", "tunnel"
        self.extensions = False
        self.complete = False
        self.interim = []    # of a response
        self.connection = None  # of the origin, that brought it

    def all(self, name):
        name = name.lower().encode() if isinstance(name, str) else name.lower()
        return [v for n, v in self.fields if n.lower() == name]

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None

    def options(self):
        """The options of Connection, in lower case."""
        return [o.strip().lower() for v in self.all("connection") for o in v.split(b",")]

    def __repr__(self):
        start = b"%d" % self.status if self.status else self.method + b" " + self.target
        fields = b", ".join(b"%s: %s" % f for f in self.fields)
        return (f"<{start.decode('latin-1')[:80]} [{fields.decode('latin-1')[:300]}] "
                f"{self.framing} {len(self.body)} bytes {self.body[:60]!r}"
                f"{'' if self.complete else ' INCOMPLETE'}>")


def _line(data, at, what, limit=200_000):
    end = data.find(b"\n", at)
    if end < 0:
        if len(data) - at > limit:
            raise Violation(f"{what} without an end")
        raise Incomplete
    line = data[at:end]
    if not line.endswith(b"\r"):
        raise Violation(f"bare LF in {what}: {line[-60:]!r}")
    line = line[:-1]
    if b"\r" in line:
        raise Violation(f"bare CR in {what}: {line[:80]!r}")
    return line, end + 1


def _fields(data, at, what):
    fields = []
    while True:
        line, at = _line(data, at, what)
        if not line:
            return fields, at
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.match(name):
            raise Violation(f"field name in {what}: {line[:80]!r}")
        if not VALUE.match(value):
            raise Violation(f"field value in {what}: {line[:80]!r}")
        fields.append((name, value.strip(b" \t")))


def _framing(m):
    """(kind, length) that the head announces; a message may announce one."""
    lengths, codings = m.all("content-length"), m.all("transfer-encoding")
    if lengths and codings:
        raise Violation("Content-Length and Transfer-Encoding")
    if len(lengths) > 1 or (lengths and not NUMBER.match(lengths[0])):
        raise Violation(f"Content-Length {lengths}")
    if codings and (m.minor == 0 or [c.lower() for c in codings] != [b"chunked"]):
        raise Violation(f"Transfer-Encoding {codings} in 1.{m.minor}")
    if codings:
        return "chunked", 0
    return ("length", int(lengths[0])) if lengths else (None, 0)


def _chunks(data, at, m):
    body = []
    while True:
        try:
            line, at = _line(data, at, "chunk line")
            match = CHUNK_LINE.match(line)
            if not match:
                raise Violation(f"chunk line {line[:80]!r}")
            m.extensions |= bool(match[2])
            size = int(match[1], 16)
            if size == 0:
                break
            body.append(data[at:at + size])
            if len(data) < at + size + 2:
                raise Incomplete
            if data[at + size:at + size + 2] != b"\r\n":
                raise Violation(f"chunk ends with {data[at + size:at + size + 2]!r}")
            at += size + 2
        finally:
            m.body = b"".join(body)
    m.trailers, at = _fields(data, at, "trailers")
    for name, _ in m.trailers:
        if name.lower() in NOT_IN_TRAILERS:
            raise Violation(f"{name!r} in trailers")
    return at


def _body(data, at, m, kind, length):
    try:
        if kind == "chunked":
            at = _chunks(data, at, m)
        elif kind == "length":
            m.body = data[at:at + length]
            at += length
            if len(data) < at:
                raise Incomplete
    except Incomplete:
        raise Incomplete(m) from None
    m.complete = True
    return at


def read_request(data, at=0):
    """(Message, offset behind it). Incomplete.message is set once the head is whole."""
    m = Message()
    m.line, at = _line(data, at, "request line")
    match = REQUEST_LINE.match(m.line)
    if not match:
        raise Violation(f"request line {m.line[:100]!r}")
    m.method, m.target, m.minor = match[1], match[2], int(match[3])
    m.fields, at = _fields(data, at, "request head")
    hosts = m.all("host")
    if len(hosts) > 1 or (m.minor and not hosts):
        raise Violation(f"Host {hosts}")
    if hosts and not HOST.match(hosts[0]):
        raise Violation(f"Host {hosts}")
    kind, length = _framing(m)
    m.framing = kind or "none"
    at = _body(data, at, m, kind, length)
    return m, at


def read_response(data, at, method, ended):
    """(Message, offset behind it) of the next final response with its interim ones;
    `ended`: no more bytes will come."""
    interim = []
    while True:
        m = Message()
        m.line, at = _line(data, at, "status line")
        match = STATUS_LINE.match(m.line)
        if not match:
            raise Violation(f"status line {m.line[:100]!r}")
        m.minor, m.status = int(match[1]), int(match[2])
        m.fields, at = _fields(data, at, "response head")
        m.interim = interim
        if m.status >= 200:
            break
        if m.all("content-length") or m.all("transfer-encoding"):
            raise Violation(f"framing fields in a {m.status}")
        if m.status == 101:
            break
        interim.append(m)
    kind, length = _framing(m)
    if m.status == 101 or (method == b"CONNECT" and m.status < 300):
        m.framing = "tunnel"
        m.body, m.complete = data[at:], True
        return m, len(data)
    if m.status == 204 and kind:
        raise Violation(f"framing fields in a 204: {m}")
    if method == b"HEAD" or m.status in (204, 304):
        m.framing, m.complete = "none", True
        return m, at
    if kind is None:
        m.framing, m.body = "close", data[at:]
        if not ended:
            raise Incomplete(m)
        m.complete = True
        return m, len(data)
    m.framing = kind
    return m, _body(data, at, m, kind, length)
