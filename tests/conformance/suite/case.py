# SPDX-License-Identifier: MIT
"""The vocabulary of the tables: what the client and the origin do, and what is right.

A client's script is a list of bytes and steps; an origin's script says what happens
to its requests, by ordinal; who is not named there gets a 200 that names its target.
"""
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    name: str
    value: object = None


PAUSE = Step("pause", 0.03)       # the bytes before it are a segment of their own
FIN = Step("fin")                 # the sender is done
RST = Step("rst")                 # leaves with a reset
HOLD = Step("hold")               # says nothing more
AT_HEAD = Step("at_head")         # origin: begins before the body is there
BODY = Step("body")               # origin: waits for the whole request
SEEN = Step("seen")               # client: waits until the origin has a head
TUNNEL = Step("tunnel")           # origin: from now on echoes what comes, in upper case


def drip(data):
    """One segment per byte."""
    return Step("drip", data)


def answered(n=1):
    """Client: waits until n final responses are there."""
    return Step("answered", n)


def interim(n=1):
    """Client: waits until n interim responses are there."""
    return Step("interim", n)


def saw(data):
    """Client: waits until these bytes have come."""
    return Step("saw", data)


def pause(seconds):
    return Step("pause", seconds)


@dataclass
class Msg:
    """What a request must look like at the origin (or a response at the client)."""
    method: bytes = None
    target: bytes = None
    body: bytes = None
    framing: str = None
    minor: int = None
    has: dict = field(default_factory=dict)  # name: value, or None for any
    lacks: tuple = ()
    trailers: list = None
    check: object = None                     # Message -> complaint or None

    def complaint(self, m):
        for name in ("method", "target", "body", "framing", "minor"):
            wanted = getattr(self, name)
            if wanted is not None and getattr(m, name) != wanted:
                return f"{name} is {repr(getattr(m, name))[:100]}"
        for name, value in self.has.items():
            if not m.all(name) or (value is not None and m.all(name) != [value]):
                return f"{name} is {m.all(name)}"
        for name in self.lacks:
            if m.all(name):
                return f"{name} is there: {m.all(name)}"
        if self.trailers is not None and m.trailers != self.trailers:
            return f"trailers are {m.trailers}"
        return self.check(m) if self.check else None


@dataclass
class Want:
    """One acceptable outcome. None: does not matter here."""
    status: object = None        # of the (last) final response: a set; 0 = closed without one
    statuses: list = None        # of all
    origin: list = None          # Msg per request that arrived there, probes aside
    kept: bool = None            # the client's connection serves another request
    reused: bool = None          # the origin's connection serves another request
    complete: bool = None        # the (last) response is whole
    response: Msg = None         # how the first response looks
    interim: list = None         # statuses before the first response
    closed: str = None           # "fin" or "rst"
    check: object = None         # Observation -> complaint or None


@dataclass
class Case:
    id: str
    group: str
    ref: str
    client: list
    want: list
    origin: dict = field(default_factory=dict)
    answers: int = 1             # final responses to wait for
    methods: list = None         # of the requests, for reading responses
    security: bool = False
    probe: bool = True           # ask again on the same connection
    victim: bool = True          # another client asks afterwards
    ends: bool = False           # wait for the connection's end
    compared: bool = True        # with HAProxy and nginx


def seq(x):
    return x if isinstance(x, list) else [x]


class Table:
    """Collects the rows of one group."""

    def __init__(self, group, security=False, compared=True):
        self.group, self.security, self.compared, self.cases = group, security, compared, []

    def __call__(self, id, ref, client, *want, **kwargs):
        origin = kwargs.pop("origin", {})
        if isinstance(origin, (list, bytes)):
            origin = {0: seq(origin)}
        kwargs.setdefault("security", self.security)
        kwargs.setdefault("compared", self.compared)
        case = Case(f"{self.group}/{id}", self.group, ref, seq(client), list(want),
                    origin=origin, **kwargs)
        self.cases.append(case)
        return case


# --- requests
def get(target=b"/", *lines, host=b"weir.test", version=b"HTTP/1.1", method=b"GET"):
    head = [b"%s %s %s" % (method, target, version)]
    if host is not None:
        head.append(b"Host: " + host)
    return b"\r\n".join(head + list(lines)) + b"\r\n\r\n"


def post(body, *lines, target=b"/", version=b"HTTP/1.1", method=b"POST"):
    """A request with these framing lines, and these bytes behind the head."""
    return get(target, *lines, version=version, method=method) + body


def length(body, *lines, target=b"/", method=b"POST"):
    return post(body, b"Content-Length: %d" % len(body), *lines, target=target, method=method)


def chunks(*parts, trailers=b"", last=b"0"):
    return b"".join(b"%x\r\n%s\r\n" % (len(p),
                                       p) for p in parts) + last + b"\r\n" + trailers + b"\r\n"


def chunked(*parts, lines=(), target=b"/", trailers=b""):
    return post(chunks(*parts, trailers=trailers), b"Transfer-Encoding: chunked", *lines,
                target=target)


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: evil.test\r\n\r\n"


# --- responses
def ok(body=b"ok", *lines, status=b"200 OK"):
    return (b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\n" % len(body)
            + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body)


def res(*lines, body=b"", status=b"200 OK", version=b"HTTP/1.1"):
    return (version + b" " + status + b"\r\n"
            + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body)


# --- outcomes
def refused(*statuses, **kwargs):
    """Answered with one of these and closed; the origin got nothing whole."""
    kwargs.setdefault("origin", [])
    kwargs.setdefault("kept", False)
    return Want(status=set(statuses or (400,)), **kwargs)


def passed(*messages, **kwargs):
    """Answered 200; the origin got these."""
    kwargs.setdefault("status", {200})
    return Want(origin=list(messages) or [Msg()], **kwargs)


def bad_gateway(*statuses, **kwargs):
    kwargs.setdefault("reused", False)
    return Want(status=set(statuses or (502,)), complete=True, **kwargs)


# Cut off: the client can tell that the response is not whole.
BROKEN = Want(complete=False, kept=False)
