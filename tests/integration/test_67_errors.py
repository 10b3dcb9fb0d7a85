# SPDX-License-Identifier: MIT
"""Messages that break the protocol are kept, with the place where they do."""
import json
import os
import re
import signal
import socket

import pytest

from weirlab import procs, say, wait_until
from weirlab.config import web
from weirlab.haproxy import Haproxy

HAPROXY = """
global
 stats socket {sock} mode 600 level admin
 nbthread 1
frontend fe
 bind 127.0.0.1:{port}
 default_backend be
backend be
 server a 127.0.0.1:{a}
"""

REQUESTS = {
    b"GET /invalid request HTTP/1.1\r\nHost: x\r\n\r\n": 20,  # HAProxy: 13, the first byte that is no version
    b"GET / HTTP/1.1\r\nHost: x\r\nbad name: x\r\n\r\n": 28,
    b"G@T / HTTP/1.1\r\n\r\n": 1,
    b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n": 29,
}


def send(port, data):
    """The first bytes of the answer."""
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.sendall(data)
        return s.recv(12)


def errors(weir, *words):
    return json.loads(weir.ctl("errors", "--json", *words).stdout)


@pytest.mark.parametrize("request_bytes", REQUESTS, ids=["target", "name", "method", "NUL"])
def test_the_position_is_that_of_the_byte_that_is_wrong(lab, request_bytes):
    port = lab.port()
    weir = lab.start(web(port, [lab.origin("a")]), nbproc=1)
    assert errors(weir) == []
    assert b"400" in send(port, request_bytes)
    [row] = errors(weir)
    assert row["kind"] == "request" and row["frontend"] == "fe"
    assert row["position"] == REQUESTS[request_bytes]
    assert row["length"] == len(request_bytes)
    assert row["client"].startswith("127.0.0.1:")


def newest(text):
    """Of the first one what both say: dates, ports, sizes of buffers and inner states are
    their own."""
    text = re.sub(r"\[\d\d/\w+/\d{4}:[\d:.]+\]", "[DATE]", text)
    text = re.sub(r"(src [\d.]+):\d+", r"\1:PORT", text)
    text = re.sub(r"\d+ free,|wraps at \d+|#\d+", "-", text)
    first = text.split("\n \n")[1].rstrip("\n").splitlines()
    return [line for line in first if not line.startswith(("  H1 ", "  reason: "))]


def test_show_errors_reads_as_that_of_haproxy(lab):
    a, port, h_port = lab.origin("a"), lab.port(), lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    sock = os.path.join(lab.dir, "haproxy.sock")
    Haproxy(lab, HAPROXY.format(sock=sock, port=h_port, a=a.port), h_port)
    for data in list(REQUESTS)[1:3]:  # it lets the NUL pass
        send(port, data)
        send(h_port, data)
        ours, theirs = (say(s, "show errors fe request") for s in (weir.sock, sock))
        assert newest(ours) == newest(theirs)
    assert weir.api("show errors zz").strip() == "No such proxy."
    assert "invalid" not in weir.api("show errors fe response")


def test_a_response_is_kept_with_its_server(lab):
    port, listener = lab.port(), socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    weir = lab.start(web(port, {"s": {"address": address}}, defaults={"retries": 0}), nbproc=1)
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        server = listener.accept()[0]
        server.recv(4096)
        server.sendall(b"HTTP/1.1 200 OK\r\nbad/name: x\r\n\r\n")
        assert b"502" in client.recv(12)
        server.close()
    listener.close()
    [row] = errors(weir, "be")
    assert (row["kind"], row["backend"], row["server"]) == ("response", "be", "s")
    assert row["position"] == 20
    assert "): invalid response" in weir.api("show errors be")
    assert "invalid" not in weir.api("show errors be request")


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
# what comes behind the first chunk, and which byte of it is wrong
BODIES = {"size": (b"5\r\nabcde\r\nz\r\n", 10), "end": (b"3\r\nabcde", 6),
          "trailer": (b"0\r\nA: b\r\nbad name: x\r\n\r\n", 9)}


@pytest.mark.parametrize("body", BODIES)
def test_chunks_of_later_reads_are_kept(lab, body):
    bad, position = BODIES[body]
    port, listener = lab.port(), socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    weir = lab.start(web(port, {"s": {"address": address}}, defaults={"retries": 0}), nbproc=1)
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n" + CHUNKED + b"3\r\nabc\r\n")
        server = listener.accept()[0]
        seen = b""
        while not seen.endswith(b"abc\r\n"):
            seen += server.recv(4096)
        client.sendall(bad)
        wait_until(lambda: len(errors(weir)) == 1)
        server.close()
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        server = listener.accept()[0]
        server.recv(4096)
        server.sendall(b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"3\r\nabc\r\n")
        seen = b""
        while not seen.endswith(b"abc\r\n"):
            seen += client.recv(4096)
        server.sendall(bad)
        wait_until(lambda: len(errors(weir)) == 2)
        server.close()
    listener.close()
    rows = {row["kind"]: row for row in errors(weir)}
    for kind in ("request", "response"):
        assert (rows[kind]["position"], rows[kind]["length"]) == (position, len(bad))
    assert rows["response"]["server"] == "s"


def test_a_chunk_that_comes_with_its_head_is_shown_with_it(lab):
    port = lab.port()
    weir = lab.start(web(port, [lab.origin("a")]), nbproc=1)
    head = b"POST / HTTP/1.1\r\nHost: x\r\n" + CHUNKED
    assert b"400" in send(port, head + b"3\r\nabc\r\nz\r\n")
    [row] = errors(weir)
    assert row["position"] == len(head) + 8


def test_four_are_kept_and_long_ones_around_the_place(lab):
    port = lab.port()
    weir = lab.start(web(port, [lab.origin("a")]), nbproc=2)
    for i in range(9):
        send(port, b"GET /%d HTTP/1.1\r\nHost: x\r\nX: %s\r\nbad name: x\r\n\r\n" % (i, b"x" * 9000))
    rows = errors(weir)
    assert [row["event"] for row in rows] == [8, 7, 6, 5]
    for row in rows:
        assert row["position"] == 9000 + len("GET /0 HTTP/1.1\r\nHost: x\r\nX: \r\nbad")
        shown = row["bytes"].replace("\\r", "\r").replace("\\n", "\n")
        assert shown[row["position"] - row["from"] - 3:].startswith("bad name")


def test_they_are_there_whatever_became_of_the_daemon(lab):
    port = lab.port()
    weir = lab.start(web(port, [lab.origin("a")]), nbproc=1)
    send(port, b"G@T / HTTP/1.1\r\n\r\n")
    kids = [weir.pid, *weir.kids()]
    for pid in kids:
        os.kill(pid, signal.SIGSTOP)
    assert [row["position"] for row in errors(weir)] == [1]
    for pid in kids:
        os.kill(pid, signal.SIGCONT)
    weir.reload()
    assert [row["position"] for row in errors(weir)] == [1]
    weir.stop()
    assert [row["position"] for row in errors(weir)] == [1]


def test_killed_workers_leave_nothing_that_is_in_the_way(lab):
    port = lab.port()
    weir = lab.start(web(port, [lab.origin("a")]), nbproc=2)
    for _ in range(5):
        victim = weir.workers()[0]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda v=victim: not procs.is_alive(v) and len(weir.workers()) == 2)
        wait_until(lambda: _try(port))
    assert len(errors(weir)) == 4
    weir.ctl("check")


def _try(port):
    try:
        return b"400" in send(port, b"G@T / HTTP/1.1\r\n\r\n")
    except OSError:
        return False
