# SPDX-License-Identifier: MIT
"""Rules of connections and of the first bytes of TCP sessions."""
import socket
import threading
import time

import pytest

from weirlab import Client, get


class Echo:
    """A server that answers each piece with its name and the piece; `greets`: first."""

    def __init__(self, name, greets=b""):
        self.name, self.greets, self.seen = name, greets, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                conn, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        with conn:
            conn.sendall(self.greets)
            while data := conn.recv(65536):
                self.seen.append(data)
                conn.sendall(self.name + b":" + data)

    def close(self):
        self.socket.close()


@pytest.fixture
def echoes():
    servers = {name: Echo(name.encode()) for name in "ab"}
    servers["greeter"] = Echo(b"g", b"hello ")
    yield servers
    for server in servers.values():
        server.close()


def start(lab, echoes, frontend=None, backend=None, to="a"):
    port = lab.port()
    weir = lab.start({
        "defaults": {"mode": "tcp", "timeout": {"connect": "2s", "client": "5s", "server": "5s"}},
        "frontends": {"fe": {"bind": f"127.0.0.1:{port}", "default_backend": to, **(frontend or {})}},
        "backends": {name: {"servers": {"s": f"127.0.0.1:{server.port}"},
                            **(backend or {} if name == to else {})}
                     for name, server in echoes.items()}})
    return weir, port


def said(port, data):
    with Client(port) as c:
        c.send(data)
        c.half_close()
        return c.read_to_end()


def test_connections_are_rejected_before_anything_is_read(lab, echoes):
    weir, port = start(lab, echoes, {"tcp_request": {
        "connection": [{"reject": True, "if": "{ src,concat() 127.0.0.2 }"}, {"accept": True},
                       {"silent_drop": True}],
        "session": [{"reject": True, "if": "{ src,concat() 127.0.0.3 }"}]}})
    assert said(port, b"x") == b"a:x"
    with pytest.raises(ConnectionResetError), Client(port, source="127.0.0.2") as c:
        c.read_to_end()
    with Client(port, source="127.0.0.3") as c:
        c.expect_closed()
    assert weir.stat("fe", "FRONTEND", "dcon") == 1
    assert weir.stat("fe", "FRONTEND", "dses") == 1


def test_content_rules_wait_for_bytes_and_pass_them_on(lab, echoes):
    weir, port = start(lab, echoes, {"tcp_request": {
        "inspect_delay": "3s",
        "content": [{"reject": True, "if": "{ req.payload(0,4),hex 42414421 }"},
                    {"accept": True, "if": "{ req.payload(0,4),hex -m found }"}]}})
    with Client(port) as c:
        c.send(b"GO")
        time.sleep(0.05)
        c.send(b"OD and more")
        assert c.read_bytes(15) == b"a:GOOD and more"
    with Client(port) as c:
        c.send(b"BA")
        time.sleep(0.05)
        c.send(b"D!")
        c.expect_closed()
    assert echoes["a"].seen == [b"GOOD and more"]


def test_the_time_to_inspect_ends(lab, echoes):
    _, port = start(lab, echoes, {"tcp_request": {
        "inspect_delay": "300ms",
        "content": [{"reject": True, "if": "{ req.payload(0,4),hex 42414421 }"}]}})
    with Client(port) as c:
        begin = time.monotonic()
        c.send(b"hi")
        assert c.read_bytes(4) == b"a:hi"
        assert time.monotonic() - begin >= 0.29


def test_an_end_of_the_clients_bytes_ends_the_inspection(lab, echoes):
    _, port = start(lab, echoes, {"tcp_request": {
        "inspect_delay": "5s", "content": [{"accept": True, "if": "{ req.payload(0,100),hex -m found }"}]}})
    begin = time.monotonic()
    assert said(port, b"short") == b"a:short"
    assert time.monotonic() - begin < 3


def test_backends_are_chosen_by_the_first_bytes(lab, echoes):
    _, port = start(lab, echoes, {
        "tcp_request": {"inspect_delay": "3s",
                        "content": [{"accept": True, "if": "{ req.payload(0,1),hex -m found }"}]},
        "use_backend": [{"backend": "b", "if": "{ req.payload(0,1),hex 42 }"}]})
    assert said(port, b"B1") == b"b:B1"
    assert said(port, b"A1") == b"a:A1"


def test_responses_are_inspected(lab, echoes):
    weir, port = start(lab, echoes, to="greeter", backend={"tcp_response": {
        "inspect_delay": "2s",
        "content": [{"reject": True, "if": "{ res.payload(0,1),hex 48 }"},
                    {"accept": True, "if": "{ res.payload(0,1),hex -m found }"}]}})
    with Client(port) as c:
        c.send(b"x")
        c.half_close()
        assert c.read_to_end() == b"hello g:x"


def test_content_rules_of_an_http_frontend_see_the_request(lab):
    a, port = lab.origin("a"), lab.port()
    lab.start({"listens": {"l": {
        "mode": "http", "bind": f"127.0.0.1:{port}", "servers": {"a": f"127.0.0.1:{a.port}"},
        "tcp_request": {"inspect_delay": "1s",
                        "content": [{"reject": True, "if": "{ path /bad }"}]}}}})
    assert get(port, "/good").status == 200
    with Client(port) as c:
        c.request("/bad").expect_closed()


def test_rules_wait_for_what_decides_them_and_no_longer(lab, echoes):
    _, port = start(lab, echoes, {"tcp_request": {
        "inspect_delay": "5s",
        "content": [{"reject": True, "if": "{ req.payload(0,1),hex 58 } or { req.len gt 100 }"},
                    {"accept": True, "unless": "{ req.len lt 4 }"}]}})
    with Client(port) as c:
        begin = time.monotonic()
        c.send(b"X")
        c.expect_closed()
        assert time.monotonic() - begin < 3
    with Client(port) as c:
        c.send(b"abc")
        time.sleep(0.05)
        c.send(b"d")
        assert c.read_bytes(6) == b"a:abcd"


def test_wait_end_is_true_when_the_time_to_inspect_is_over(lab, echoes):
    _, port = start(lab, echoes, {"tcp_request": {
        "inspect_delay": "300ms",
        "content": [{"reject": True, "if": "WAIT_END !REQ_CONTENT"},
                    {"accept": True, "if": "WAIT_END"}, {"reject": True}]}})
    begin = time.monotonic()
    with Client(port) as c:
        c.send(b"hi")
        assert c.read_bytes(4) == b"a:hi"
        assert time.monotonic() - begin >= 0.29
    with Client(port) as c:
        c.expect_closed()


def test_an_rdp_cookie_is_awaited_where_one_may_come(lab, echoes):
    _, port = start(lab, echoes, {"tcp_request": {
        "inspect_delay": "5s",
        "content": [{"reject": True, "unless": "RDP_COOKIE"}]}})
    head = bytes([3, 0, 0, 40, 35, 0xe0, 0, 0, 0, 0, 0])
    with Client(port) as c:
        c.send(head)
        time.sleep(0.05)
        c.send(b"Cookie: mstshash=me\r\n")
        assert c.read_bytes(2 + len(head)) == b"a:" + head
    begin = time.monotonic()
    with Client(port) as c:
        c.send(b"GET / HTTP/1.0\r\n\r\n")
        c.expect_closed()
    assert time.monotonic() - begin < 3
