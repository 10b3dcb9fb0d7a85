# SPDX-License-Identifier: MIT
"""HTTP/1 on both sides: kept connections, bodies, interim answers, tunnels, refusals."""
import hashlib
import os

import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web


@pytest.fixture
def one(lab):
    """One origin behind one worker: (origin, port, weir)."""
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    return a, port, weir


@pytest.mark.smoke
def test_connections_are_kept_on_both_sides(one):
    a, port, weir = one
    with Client(port) as c:
        for i in range(10):
            r = c.ask(f"/{i}")
            assert r.status == 200 and "close" not in (r.get("Connection") or "")
    assert a.connections == 1
    assert weir.stat("be", "a", "connect") == 1
    assert weir.stat("be", "a", "reuse") == 9


@pytest.mark.smoke
def test_pipelined_requests_are_answered_in_order(one):
    a, port, _ = one
    for i in range(8):
        a.on(f"/{i}", do.answer(200, b"%d" % i * (i + 1)))
    with Client(port) as c:
        c.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % i for i in range(8)))
        assert [c.response().text for _ in range(8)] == [str(i) * (i + 1) for i in range(8)]
    assert [r.target for r in a.seen()] == [f"/{i}" for i in range(8)]


def test_pipelined_requests_with_bodies_stay_apart(one):
    a, port, _ = one
    a.on("/e", do.echo())
    with Client(port) as c:
        c.send(b"POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
               b"POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [c.response().text for _ in range(3)] == ["hello", "abcde", "a"]


def test_a_head_that_comes_byte_by_byte_is_understood(one):
    a, port, _ = one
    with Client(port) as c:
        c.socket.setsockopt(6, 1, 1)
        for byte in b"GET /slow HTTP/1.1\r\nHost: x\r\nX-Y: z\r\n\r\n":
            c.send(bytes([byte]))
        assert c.response().status == 200
    assert a.seen()[0].get("X-Y") == "z"


@pytest.mark.parametrize("size", [0, 1, 1000, 16384, 70_000, 5_000_000])
def test_bodies_of_every_size_arrive_whole_both_ways(lab, size):
    a = lab.origin("a").on("/e", do.echo())
    port = lab.port()
    lab.start(web(port, [a]), nbproc=1)
    body = os.urandom(size)
    with Client(port) as c:
        for _ in range(2):
            r = c.ask("/e", "POST", body=body)
            assert hashlib.sha256(r.body).digest() == hashlib.sha256(body).digest()
        assert c.ask("/").text == "a"


def test_chunked_bodies_pass_in_both_directions(one):
    a, port, _ = one
    parts = [os.urandom(n) for n in (1, 10, 5000, 100_000, 3)]
    a.on("/c", do.chunked(parts, [(b"X-Sum", b"17")])).on("/e", do.echo())
    with Client(port) as c:
        r = c.ask("/c")
        assert r.body == b"".join(parts)
        assert r.get("Content-Length") is None
        c.send("POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in parts:
            c.send(b"%x;ext=1\r\n%s\r\n" % (len(part), part))
        c.send(b"0\r\n\r\n")
        assert c.response().body == b"".join(parts)
        assert c.ask("/").text == "a"
    assert a.seen("/e")[0].get("Content-Length") is None


def test_head_204_and_304_have_no_body(one):
    a, port, _ = one
    a.on("/204", do.raw(b"HTTP/1.1 204 No Content\r\n\r\n"))
    a.on("/304", do.raw(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: x\r\n\r\n"))
    a.on("/big", do.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 123456\r\n\r\n"))
    with Client(port) as c:
        assert c.ask("/204").status == 204
        r = c.ask("/304")
        assert r.status == 304 and r.get("ETag") == "x"
        r = c.ask("/big", "HEAD")
        assert r.status == 200 and r.get("Content-Length") == "123456"
        assert c.ask("/").text == "a"
    assert a.connections == 1


def test_expect_100_continue_goes_end_to_end(one):
    a, port, _ = one

    async def on_head(req, conn):
        if (req.get("Expect") or "").lower() == "100-continue":
            if req.path == "/no":
                conn.answer(417, b"no", [("Connection", "close")])
                raise EOFError
            conn.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    a.on_head = on_head
    a.on("/e", do.echo())
    expect = [("Expect", "100-continue"), ("Content-Length", "4")]
    with Client(port) as c:
        c.request("/e", "POST", fields=expect)
        assert c.head().status == 100
        c.send(b"body")
        assert c.response().text == "body"
    with Client(port) as c:
        c.request("/no", "POST", fields=expect)
        assert c.response().status == 417


def test_interim_answers_reach_http_1_1_clients_only(one):
    a, port, _ = one
    a.on("/hints", do.raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
                          b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
    with Client(port) as c:
        r = c.ask("/hints")
        assert r.text == "ok" and [i.status for i in r.interim] == [103]
        assert r.interim[0].get("Link") == "</a.css>"
    r = get(port, "/hints", version="HTTP/1.0")
    assert r.text == "ok" and r.interim == []


def test_101_makes_a_tunnel_if_it_was_asked_for(one):
    a, port, weir = one

    async def tunnel(req, conn):
        conn.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n"
                   b"Connection: Upgrade\r\n\r\nwelcome")
        while data := await conn.reader.read(65536):
            conn.write(data.upper())
            await conn.writer.drain()
        return False
    a.on("/ws", tunnel)
    with Client(port) as c:
        c.request("/ws", fields=[("Upgrade", "echo"), ("Connection", "Upgrade")])
        r = c.head()
        assert r.status == 101 and r.get("Upgrade") == "echo"
        assert c.read_bytes(7) == b"welcome"
        for word in (b"GET / HTTP/1.1\r\n\r\n", b"any bytes \0\xff"):
            c.send(word)
            assert c.read_bytes(len(word)) == word.upper()
        c.half_close()
        c.expect_closed()
    weir.wait_idle()
    r = get(port, "/ws")
    assert r.status == 502


@pytest.mark.smoke
def test_http_1_0_clients_get_what_they_understand(one):
    a, port, _ = one
    a.on("/c", do.chunked([b"abc", b"def"]))
    with Client(port) as c:
        c.request("/", version="HTTP/1.0")
        r = c.response()
        assert r.text == "a"
        c.expect_closed()
    with Client(port) as c:
        c.request("/c", version="HTTP/1.0", host=None)
        r = c.response()
        assert r.text == "abcdef" and r.get("Transfer-Encoding") is None
        c.expect_closed()
    with Client(port) as c:
        for _ in range(2):
            r = c.ask("/", version="HTTP/1.0", fields=[("Connection", "keep-alive")])
            assert r.text == "a" and (r.get("Connection") or "").lower() == "keep-alive"


def test_connection_close_is_honoured_on_both_sides(one):
    a, port, _ = one
    with Client(port) as c:
        r = c.ask("/", fields=[("Connection", "close")])
        assert r.text == "a" and r.get("Connection") == "close"
        c.expect_closed()
    a.on("/bye", do.raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbye",
                        then_close=True))
    with Client(port) as c:
        assert c.ask("/bye").text == "bye"
        assert c.ask("/").text == "a"  # the client's own connection goes on


def test_a_body_delimited_by_close_is_chunked_for_1_1(one):
    a, port, _ = one
    body = os.urandom(200_000)
    a.on("/old", do.until_close(body))
    with Client(port) as c:
        r = c.ask("/old")
        assert r.body == body and r.get("Transfer-Encoding") == "chunked"
        assert c.ask("/").text == "a"
    assert get(port, "/old", version="HTTP/1.0").body == body


def test_hop_by_hop_fields_stay_at_the_hop(one):
    a, port, _ = one
    a.on("/h", do.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: X-Mine, keep-alive\r\n"
                      b"X-Mine: 1\r\nKeep-Alive: timeout=5\r\nX-Stay: 1\r\n\r\n"))
    r = get(port, "/h", fields=[("Connection", "keep-alive, X-Hop"), ("X-Hop", "1"),
                                ("Keep-Alive", "300"), ("TE", "trailers"), ("X-Stay", "1"),
                                ("Proxy-Connection", "keep-alive")])
    req, = a.seen()
    for name in ("X-Hop", "Keep-Alive", "Proxy-Connection"):
        assert req.get(name) is None, name
    assert req.get("X-Stay") == "1"
    assert r.get("X-Mine") is None and r.get("Keep-Alive") is None and r.get("X-Stay") == "1"


def test_forwardfor_and_via_are_added(lab):
    a = lab.origin("a")
    port = lab.port()
    lab.start(web(port, [a], backend={"option": ["forwardfor"]}), nbproc=1)
    r = get(port, "/", fields=[("X-Forwarded-For", "10.9.8.7")], source="127.0.0.9")
    req, = a.seen()
    assert req.all("X-Forwarded-For")[-1].split(",")[-1].strip() == "127.0.0.9"
    assert "10.9.8.7" in ",".join(req.all("X-Forwarded-For"))
    assert req.get("Via") and req.get("Via").startswith("1.1 ")
    assert r.get("Via")
    off = lab.port()
    lab.start(web(off, [a], backend={"option": {"via": False}},
                  frontend={"option": {"via": False}}), nbproc=1, name="novia")
    a.forget()
    assert get(off).get("Via") is None
    assert a.seen()[0].get("Via") is None


def test_http_server_close_closes_the_server_side_only(lab):
    a = lab.origin("a")
    port = lab.port()
    lab.start(web(port, [a], defaults={"option": ["http_server_close"]}), nbproc=1)
    with Client(port) as c:
        for _ in range(3):
            r = c.ask("/")
            assert r.text == "a" and r.get("Connection") != "close"
    assert a.connections == 3


def test_httpclose_closes_both_sides(lab):
    a = lab.origin("a")
    port = lab.port()
    lab.start(web(port, [a], defaults={"option": ["httpclose"]}), nbproc=1)
    with Client(port) as c:
        assert c.ask("/").get("Connection") == "close"
        c.expect_closed()
    assert a.seen()[0].get("Connection") == "close"


REFUSED = {
    "garbage": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    "no version": (b"GET /\r\nHost: x\r\n\r\n", 400),
    "bad method": (b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "version 2.0": (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    "http2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    "host with a space": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    "length and coding": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                          b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "lengths differ": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                       b"Content-Length: 4\r\n\r\nabc", 400),
    "length +3": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", 400),
    "length huge": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                    400),
    "coding gzip": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    "coding not final": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n"
                         b"\r\n0\r\n\r\n", 400),
    "coding in 1.0": (b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                      400),
    "space before colon": (b"GET / HTTP/1.1\r\nHost: x\r\nX-A : 1\r\n\r\n", 400),
    "folded": (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n  2\r\n\r\n", 400),
    "no colon": (b"GET / HTTP/1.1\r\nHost: x\r\nX-A\r\n\r\n", 400),
    "control character": (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n", 400),
    "bare LF": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "bare CR": (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: a\rb\r\n\r\n", 400),
    "CONNECT": (b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", 405),
    "line too long": (b"GET /" + b"a" * 17000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "field too long": (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 17000 + b"\r\n\r\n", 431),
    "too many fields": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: 1\r\n" * 200 + b"\r\n", 431),
    "head too long": (b"GET / HTTP/1.1\r\nHost: x\r\n" + (b"X-A: " + b"a" * 9000 + b"\r\n") * 5
                      + b"\r\n", 431),
}


def test_ambiguous_and_malformed_requests_are_refused(one):
    a, port, weir = one
    wrong = []
    for name, (data, status) in REFUSED.items():
        with Client(port) as c:
            c.send(data)
            try:
                r = c.response()
                if r.status != status or r.get("Connection") != "close":
                    wrong.append((name, r))
                c.expect_closed()
            except (EOFError, OSError, AssertionError) as error:
                wrong.append((name, repr(error)))
    assert not wrong
    assert a.seen() == []
    wait_until(lambda: weir.stat("fe", "FRONTEND", "ereq") == len(REFUSED), what="ereq")
    weir.wait_idle()


BAD_CHUNKS = [b"g\r\nabc\r\n0\r\n\r\n", b"3\r\nabcX\r\n0\r\n\r\n", b"-1\r\n\r\n",
              b"ffffffffffffffffff\r\nabc", b"0x3\r\nabc\r\n0\r\n\r\n", b"3 \nabc\r\n0\r\n\r\n"]


def test_bad_chunks_end_the_exchange(one):
    a, port, weir = one
    a.on("/e", do.echo())
    for bad in BAD_CHUNKS:
        with Client(port) as c:
            c.send(b"POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + bad)
            c.send(b"")
            try:
                r = c.response()
            except (EOFError, ConnectionResetError):
                continue
            assert r.status == 400, (bad, r)
            c.expect_closed()
    assert a.seen() == []
    weir.wait_idle()


BAD_ANSWERS = {
    "garbage": b"what?\r\n\r\n",
    "status 99": b"HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n",
    "status word": b"HTTP/1.1 OK\r\n\r\n",
    "lengths differ": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "space before colon": b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nab",
    "coding unknown": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: zip\r\n\r\nab",
    "control": b"HTTP/1.1 200 OK\r\nX: \x01\r\nContent-Length: 0\r\n\r\n",
    "no head": b"HTTP/1.1 200 OK\r\nX: ",
    "too long": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 40_000 + b"\r\n\r\n",
}


def test_bad_answers_become_502_and_their_connection_is_not_reused(one):
    a, port, weir = one
    wrong = []
    for name, data in BAD_ANSWERS.items():
        a.on("/bad", do.raw(data, then_close=True))
        r = get(port, "/bad")
        if r.status != 502:
            wrong.append((name, r))
        if get(port).text != "a":
            wrong.append((name, "next request"))
    assert not wrong
    weir.wait_idle()


def test_more_bytes_than_announced_never_reach_another_client(one):
    a, port, _ = one
    a.on("/more", do.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                         b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"))
    for _ in range(5):
        with Client(port) as c:
            assert c.ask("/more").text == "ok"
        assert get(port).text == "a"


def test_rules_routing_and_monitor_uri(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    config = web(port, [a], frontend={
        "monitor_uri": "/healthz",
        "acl": {"is_b": ["path_beg /b/", "hdr(host) b.test"]},
        "http_request": [
            {"return": {"status": 200, "content_type": "text/plain", "string": "hello",
                        "headers": {"X-By": "weir"}}, "if": "{ path /hello }"},
            {"deny": {"status": 429}, "if": "{ path_beg /deny }"},
            {"deny": True, "if": "{ path /forbidden }"}],
        "use_backend": [{"backend": "other", "if": "is_b"}]})
    config["backends"]["other"] = {"servers": {"b": b.address}}
    weir = lab.start(config, nbproc=1)
    assert get(port, "/").text == "a"
    assert get(port, "/b/x").text == "b"
    assert get(port, "/", host="b.test").text == "b"
    r = get(port, "/hello?x")
    assert (r.status, r.text, r.get("Content-Type"), r.get("X-By")) == \
        (200, "hello", "text/plain", "weir")
    assert get(port, "/deny/1").status == 429
    assert get(port, "/forbidden").status == 403
    assert get(port, "/healthz").status == 200
    assert len(a.seen()) == 1 and len(b.seen()) == 2
    wait_until(lambda: weir.stat("fe", "FRONTEND", "dreq") == 2)


def test_absolute_form_names_the_host(one):
    a, port, _ = one
    with Client(port) as c:
        c.send(b"GET http://other.test/p?q HTTP/1.1\r\nHost: weir.test\r\n\r\n")
        assert c.response().status in (200, 400)
    for req in a.seen():
        assert req.all("Host") == ["other.test"]


def test_an_early_answer_reaches_a_client_that_is_still_sending(one):
    a, port, weir = one

    async def on_head(req, conn):
        if req.path == "/early":
            conn.answer(413, b"enough", [("Connection", "close")])
            await conn.writer.drain()
            raise EOFError
    a.on_head = on_head
    with Client(port) as c:
        c.request("/early", "POST", fields=[("Content-Length", "100000000")])
        try:
            for _ in range(200):
                c.send(b"x" * 10_000)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            assert c.response().status == 413
        except ConnectionResetError:
            pass  # its bytes crossed the close
    weir.wait_idle()


def test_a_slow_reader_costs_a_buffer_and_not_the_body(one):
    a, port, weir = one
    body = os.urandom(8_000_000)
    a.on("/big", do.answer(200, body))
    worker, = weir.workers()

    def memory_kb():
        with open(f"/proc/{worker}/statm") as f:
            return int(f.read().split()[1]) * 4
    before = memory_kb()
    with Client(port, rcvbuf=4096, timeout=20) as c:
        c.request("/big")
        head = c.head()
        assert head.status == 200
        assert memory_kb() - before < 4_000
        rest = c.read_bytes(len(body))
    assert hashlib.sha256(rest).digest() == hashlib.sha256(body).digest()


def test_clients_that_leave_at_any_byte_leave_nothing_behind(one):
    a, port, weir = one
    a.on("/e", do.echo())
    message = b"POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789"
    for n in range(len(message) + 1):
        c = Client(port)
        c.send(message[:n])
        if n % 2:
            c.reset()
        else:
            c.close()
    assert get(port).text == "a"
    weir.wait_idle()


def test_a_server_is_told_of_the_close_unless_keepalive_is_pretended(lab):
    a = lab.origin("a")
    for options, said in ((["http_server_close"], "close"),
                          (["http_server_close", "http_pretend_keepalive"], None)):
        port = lab.port()
        weir = lab.start(web(port, [a], backend={"option": options}), name=str(port))
        get(port, f"/{port}")
        get(port, f"/{port}")
        assert [r.get("Connection") for r in a.seen(f"/{port}")] == [said] * 2
        assert weir.stat("be", "a", "connect") == 2
