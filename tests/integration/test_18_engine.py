# SPDX-License-Identifier: MIT
"""What RFC 9110 and 9112 ask of a gateway beside framing: tunnels, Max-Forwards, Via,
requests that end too early."""
import time
from email.utils import parsedate_to_datetime

import pytest

from weirlab import Client
from weirlab import origin as do
from weirlab.config import web


@pytest.fixture
def one(lab):
    a, port = lab.origin("a"), lab.port()
    return a, port, lab.start(web(port, [a]), nbproc=1)


# --- CONNECT ----------------------------------------------------------------------------
async def tunnel(req, conn):
    conn.write(b"HTTP/1.1 200 Established\r\nContent-Length: 5\r\n\r\nwelcome")
    while data := await conn.reader.read(65536):
        conn.write(data.upper())
        await conn.writer.drain()
    return False


def test_connect_is_refused_with_the_methods_that_are_not(one):
    a, port, _ = one
    with Client(port) as c:
        c.request("a.example:443", method="CONNECT", host="a.example:443")
        r = c.response()
        assert r.status == 405 and "GET" in r.get("Allow")
        c.expect_closed()
    assert not a.seen()


@pytest.fixture
def proxy(lab):
    a, sink, port = lab.origin("a"), lab.sink(), lab.port()
    weir = lab.start(web(port, [a], log=sink, defaults={"option": {"allow_connect": True}}),
                     nbproc=1)
    return a, port, weir, sink


def test_an_allowed_connect_opens_a_tunnel(proxy):
    """Authority-form goes on as it is; Content-Length means nothing in a 2xx to CONNECT
    (RFC 9110 9.3.6); bytes sent ahead of the answer belong to the tunnel."""
    a, port, weir, sink = proxy
    a.on("b.example:443", tunnel)
    with Client(port) as c:
        c.send(b"CONNECT b.example:443 HTTP/1.1\r\nHost: other\r\n\r\nearly")
        r = c.head()
        assert r.status == 200
        assert r.get("Content-Length") is None and r.get("Transfer-Encoding") is None
        assert r.get("Connection") is None
        assert c.read_bytes(12) == b"welcomeEARLY"
        c.send(b"GET / HTTP/1.1\r\n\r\n")
        assert c.read_bytes(18) == b"GET / HTTP/1.1\r\n\r\n"
        c.half_close()
        c.expect_closed()
    req = a.seen("b.example:443")[0]
    assert req.method == "CONNECT" and req.all("Host") == ["b.example:443"]
    sink.wait(r'"CONNECT b.example:443 HTTP/1.1"')
    weir.wait_idle()


def test_bytes_behind_a_connect_that_fails_are_not_a_request(proxy):
    a, port, weir, _ = proxy
    a.on("b.example:443", do.answer(403, b"no", reason="Forbidden"))
    with Client(port) as c:
        c.send(b"CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n"
               b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        r = c.response()
        assert r.status == 403 and r.body == b"no" and r.get("Connection") == "close"
        c.expect_closed()
    assert not a.seen("/smuggled")
    weir.wait_idle()


# --- 101 --------------------------------------------------------------------------------
@pytest.mark.parametrize("said", [b"", b"Upgrade: other\r\n", b"Upgrade: echo, other\r\n"])
def test_a_101_to_something_else_than_was_asked_for_is_a_502(one, said):
    a, port, weir = one
    a.on("/ws", do.raw(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n" + said +
                       b"\r\nsecret", then_close=True))
    with Client(port) as c:
        c.request("/ws", fields=[("Upgrade", "echo"), ("Connection", "Upgrade")])
        r = c.response()
        assert r.status == 502 and b"secret" not in r.body
    weir.wait_idle()


# --- Max-Forwards, Via ------------------------------------------------------------------
@pytest.mark.parametrize("method,value,status,passed", [
    ("OPTIONS", "0", 200, None), ("TRACE", "0", 405, None), ("TRACE", "00", 405, None),
    ("OPTIONS", "1", 200, "0"), ("TRACE", "10", 200, "9"),
    ("OPTIONS", "99999999999999999999999", 200, "18446744073709551614"),
    ("OPTIONS", "-1", 400, None), ("TRACE", "x", 400, None), ("OPTIONS", "", 400, None),
    ("OPTIONS", "1, 1", 400, None),
    ("GET", "0", 200, "0"), ("GET", "x", 200, "x"),
])
def test_max_forwards(one, method, value, status, passed):
    """RFC 9110 7.6.2: counted for OPTIONS and TRACE, of no meaning elsewhere."""
    a, port, _ = one
    with Client(port) as c:
        r = c.ask("/", method=method, fields=[("Max-Forwards", value)])
    assert r.status == status
    assert [q.get("Max-Forwards") for q in a.seen()] == ([passed] if passed else [])


def test_via_names_the_version_that_was_received(one):
    """RFC 9110 7.6.3, behind what others have said before us."""
    a, port, _ = one
    a.on("/old", do.raw(b"HTTP/1.0 200 OK\r\nVia: 1.1 x\r\nContent-Length: 0\r\n\r\n"))
    with Client(port) as c:
        r = c.ask("/old", version="HTTP/1.0", fields=[("Via", "1.0 y")])
    assert r.all("Via") == ["1.1 x", "1.0 weir"]
    assert a.seen("/old")[0].all("Via") == ["1.0 y", "1.0 weir"]


def test_a_response_has_one_date(one):
    """RFC 9110 6.6.1: the server's, else the time it was received."""
    a, port, _ = one
    theirs = "Sun, 06 Nov 1994 08:49:37 GMT"
    a.on("/dated", do.answer(200, b"x", fields=[("date", theirs)]))
    a.on("/undated", do.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    with Client(port) as c:
        assert c.ask("/dated").all("Date") == [theirs]
        ours = c.ask("/undated").all("Date")
        refused = c.ask("/", host=None).all("Date")
    for dates in (ours, refused):
        assert len(dates) == 1
        assert abs(parsedate_to_datetime(dates[0]).timestamp() - time.time()) < 10


# --- which site is meant ----------------------------------------------------------------
@pytest.mark.parametrize("request_line,host", [
    ("GET http://admin.example/x HTTP/1.1", "open.example"),
    ("GET http://admin.example HTTP/1.1", "open.example"),
    ("GET http://admin.example/x HTTP/1.0", None),
    ("GET /x HTTP/1.1", "admin.example"),
])
def test_rules_see_the_site_that_the_server_will_see(lab, request_line, host):
    """An absolute target wins over Host (RFC 9112 3.2.2), for rules as for the server."""
    a, port = lab.origin("a"), lab.port()
    lab.start(web(port, [a], frontend={"http_request": [
        {"deny": True, "if": "{ hdr(host) -i admin.example }"}]}), nbproc=1)
    with Client(port) as c:
        c.send(request_line + "\r\n" + (f"Host: {host}\r\n" if host else "") + "\r\n")
        assert c.response().status == 403
    assert not a.seen()


# --- requests that end too early --------------------------------------------------------
@pytest.mark.parametrize("begun", [
    b"G", b"GET / HTTP/1.1\r\nHost: a\r\n",
    b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345",
    b"POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
    b"POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n",
])
def test_a_request_that_is_never_finished_is_a_400(lab, begun):
    a, sink, port = lab.origin("a"), lab.sink(), lab.port()
    weir = lab.start(web(port, [a], log=sink), nbproc=1)
    with Client(port) as c:
        c.send(begun)
        c.half_close()
        r = c.response()
        assert r.status == 400 and r.get("Connection") == "close"
        c.expect_closed()
    sink.wait(r" 400 .* C[RH]-- ")
    assert not a.seen("/up")  # never a whole request
    weir.wait_idle()
