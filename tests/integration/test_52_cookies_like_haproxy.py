# SPDX-License-Identifier: MIT
"""Persistence cookies beside HAProxy: the same bytes to server and client, the same
letters in the log."""
import re
import string
import time

import pytest

from weirlab import Client
from weirlab.config import TIMEOUTS
from weirlab.haproxy import Haproxy

CASES = {
    "passive": ("cookie SRV", "SRV"),
    "insert": ("cookie SRV insert", {"name": "SRV", "insert": True}),
    "indirect": ("cookie SRV insert indirect", "SRV insert indirect"),
    "nocache": ("cookie SRV insert indirect nocache",
                {"name": "SRV", "insert": True, "indirect": True, "nocache": True}),
    "postonly": ("cookie SRV insert postonly", "SRV insert postonly"),
    "preserve": ("cookie SRV insert preserve indirect",
                 {"name": "SRV", "insert": True, "preserve": True, "indirect": True}),
    "attributes": ("cookie SRV insert httponly secure domain .a.org domain b.org attr "
                   "SameSite=Lax attr Priority=High",
                   {"name": "SRV", "insert": True, "httponly": True, "secure": True,
                    "domain": [".a.org", "b.org"],
                    "attr": ["SameSite=Lax", "Priority=High"]}),
    "idle": ("cookie SRV insert indirect maxidle 30m",
             {"name": "SRV", "insert": True, "indirect": True, "maxidle": "30m"}),
    "life": ("cookie SRV insert maxlife 8h maxidle 30m", "SRV insert maxlife 8h maxidle 1800"),
    "rewrite": ("cookie SRV rewrite", "SRV rewrite"),
    "prefix": ("cookie SRV prefix", {"name": "SRV", "prefix": True}),
    "dynamic": ("cookie SRV insert indirect dynamic\n dynamic-cookie-key secret",
                {"name": "SRV", "insert": True, "indirect": True, "dynamic": True}),
}
DIGITS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"


def date(ago):
    v = int(time.time() - ago) >> 2
    return "".join(DIGITS[v >> (6 * (4 - i)) & 63] for i in range(5))


# (method, Cookie, fields of the answer); CA is the cookie of the server a.
STEPS = [
    ("GET", None, []),
    ("GET", "SRV=CA", []),
    ("GET", "SRV=nobody", []),
    ("GET", "SRV=", []),
    ("GET", "SRV", []),
    ("GET", "other=1", []),
    ("GET", "a=1; SRV=CA; b=2", []),
    ("GET", "SRV=CA; b=2", []),
    ("GET", "a=1;SRV=CA", []),
    ("GET", "a=1 ; SRV = CA ; b = 2", []),
    ("GET", 'q="x;SRV=no"; SRV=CA', []),
    ("GET", "$Version=1; SRV=CA; $Path=/; b=2", []),
    ("GET", "SRV=CA; SRV=nobody", []),
    ("GET", "srv=CA", []),
    ("GET", "SRV=CA~value; x=y", []),
    ("GET", "SRV=no~value", []),
    ("GET", "SRV=CA|" + date(60), []),
    ("GET", "SRV=CA|" + date(4000), []),
    ("GET", "SRV=CA|" + date(60) + "|" + date(3600), []),
    ("GET", "SRV=CA|" + date(60) + "|" + date(40000), []),
    ("GET", "SRV=CA|" + date(-200000), []),
    ("GET", "SRV=CA|???", []),
    ("GET", "SRV=down", []),
    ("GET", "SRV=drained", []),
    ("POST", None, []),
    ("HEAD", None, []),
    ("GET", None, [("Cache-Control", "public, max-age=60"), ("ETag", '"1"')]),
    ("GET", None, [("Cache-Control", "private")]),
    ("GET", None, [("Cache-Control", "no-store")]),
    ("GET", None, [("Pragma", "no-cache")]),
    ("GET", None, [("Set-Cookie", "SRV=own; path=/x; HttpOnly"), ("Set-Cookie", "b=2")]),
    ("GET", "SRV=CA", [("Set-Cookie", "a=1"), ("Set-Cookie", "SRV=own; Max-Age=5")]),
    ("GET", "SRV=CA", [("Set-Cookie", "SRV = own ; path=/")]),
    ("GET", "SRV=CA", [("Set-Cookie", "SRV=; Expires=Thu, 01-Jan-1970 00:00:01 GMT")]),
    ("GET", "skip=1; SRV=CA", [("Set-Cookie", "SRV=own")]),
    ("GET", "use=1; SRV=CA", []),
    ("GET", None, [("Set-Cookie", "SRVX=own"), ("Set-Cookie", "noequal")]),
]


def scripted(origin, step):
    async def act(req, conn):
        conn.answer(200, "" if req.method == "HEAD" else "x",
                    [("X-Origin", origin.name), *step[0]])
    origin.default = act


def run(port, steps, origins, step, sink):
    """What server and client saw of each step, without what may differ: which server it
    was, where nothing binds, and dates."""
    out = []
    with Client(port) as c:
        for i, (method, cookie, fields) in enumerate(steps):
            step[0] = fields
            for o in origins:
                o.forget()
            answer = c.ask("/", method=method, body=b"" if method == "POST" else None,
                           fields=[("Cookie", cookie)] if cookie is not None else [])
            name = answer.get("X-Origin")
            seen = next(r for o in origins for r in o.seen())
            line = sink.wait("tsc=", i + 1)[i]
            state = line.split("tsc=")[1].split()[0]
            out.append((method, cookie, fields, {
                "server": "a" if name == "a" else "d" if name == "d" else "other",
                "cookie": seen.all("Cookie"),
                "set": [plain(v, name) for v in answer.all("Set-Cookie")],
                "cache": answer.all("Cache-Control"), "state": state}))
    return out


def plain(value, name):
    value = re.sub(r"\|[A-Za-z0-9+/]{5}", lambda m: "|" + age(m[0][1:]), value)
    return re.sub(rf"=(c{name}\b|[0-9a-f]{{16}}\b)", "=SELF", value)


def age(text):
    """In minutes, so that two runs agree."""
    v = 0
    for c in text:
        v = v << 6 | DIGITS.index(c)
    return str(round((time.time() - (v << 2)) / 60))


def learned(port, sink):
    """The cookie of the server a, which is the first one asked."""
    with Client(port) as c:
        answer = c.ask("/")
        assert answer.get("X-Origin") == "a"
    sink.wait("tsc=")
    sink.lines.clear()
    return re.search("SRV=([0-9a-f]{16})", answer.get("Set-Cookie"))[1]


@pytest.mark.parametrize("case", CASES)
def test_the_same_bytes_and_letters(lab, case):
    line, cookie = CASES[case]
    origins = lab.origins("abd")
    step = [[]]
    for o in origins:
        scripted(o, step)
    a, b, d = (o.address for o in origins)
    theirs, ours, sink, our_sink = lab.port(), lab.port(), lab.sink(), lab.sink()
    is_dynamic = case == "dynamic"
    own = {n: "" if is_dynamic else f" cookie {n}" for n in ("ca", "cb")}
    Haproxy(lab, f"""
listen l
 bind 127.0.0.1:{theirs}
 log {sink.address} local0
 log-format tsc=%tsc
 option dontlognull
 acl skip req.cook(skip) -m found
 ignore-persist if skip
 use-server a if {{ req.cook(use) -m found }}
 {line}
 server a {a}{own["ca"]}
 server b {b}{own["cb"]}
 server c 127.0.0.1:1 cookie down disabled
 server d {d} weight 0 cookie drained
""", theirs)
    mine = {} if is_dynamic else {"cookie": "ca"}, {} if is_dynamic else {"cookie": "cb"}
    lab.start({
        "global": {"log": [{"address": our_sink.address, "facility": "local0"}]},
        "defaults": {"mode": "http", "timeout": TIMEOUTS, "log": "global"},
        "listens": {"l": {
            "bind": f"127.0.0.1:{ours}", "log_format": "tsc=%tsc",
            "acl": {"skip": "req.cook(skip) -m found"},
            "ignore_persist": {"if": "skip"},
            "use_server": {"server": "a", "if": "{ req.cook(use) -m found }"},
            "cookie": cookie, **({"dynamic_cookie_key": "secret"} if is_dynamic else {}),
            "servers": {"a": {"address": a, **mine[0]}, "b": {"address": b, **mine[1]},
                        "c": {"address": "127.0.0.1:1", "cookie": "down", "disabled": True},
                        "d": {"address": d, "weight": 0, "cookie": "drained"}}}}}, nbproc=2)
    ca = "ca"
    if is_dynamic:
        ca = learned(theirs, sink)
        assert learned(ours, our_sink) == ca
    steps = [(m, k and k.replace("CA", ca), f) for m, k, f in STEPS]
    expected = run(theirs, steps, origins, step, sink)
    seen = run(ours, steps, origins, step, our_sink)
    differ = [(e[:3], e[3], s[3]) for e, s in zip(expected, seen) if e[3] != s[3]]
    assert not differ, "\n".join(f"{what}\n  haproxy {e}\n  weir    {s}" for what, e, s in differ)
