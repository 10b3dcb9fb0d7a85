# SPDX-License-Identifier: MIT
"""Checks as scripts: what is said on the wire, what is expected, what is reported."""
import os
import re
import signal
import socket
import threading

import pytest

from weirlab import get, wait_until
from weirlab import origin as do
from weirlab.config import web
from weirlab.wait import SLOW

EVERY = {"check": True, "inter": "100ms", "fall": 1, "rise": 1}


class Peer:
    """A server that plays a dialogue: bytes to send, or a number of bytes to read first;
    what it has read is kept for each connection."""

    def __init__(self, *lines, kind=socket.SOCK_STREAM):
        self.lines, self.kind, self.heard = lines, kind, []
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        if kind == socket.SOCK_STREAM:
            self.socket.listen(16)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                if self.kind == socket.SOCK_DGRAM:
                    data, who = self.socket.recvfrom(2000)
                    if who is None:  # closed meanwhile, which reads as nothing from nobody
                        return
                    self.heard.append(data)
                    for line in self.lines:
                        self.socket.sendto(line(data) if callable(line) else line, who)
                else:
                    self.talk(self.socket.accept()[0])
            except OSError:
                if self.socket.fileno() < 0:
                    return

    def talk(self, conn):
        said = b""
        with conn:
            conn.settimeout(10 * SLOW)
            for line in self.lines:
                if isinstance(line, int):
                    while line > 0:
                        data = conn.recv(line)
                        if not data:
                            return
                        said += data
                        line -= len(data)
                else:
                    conn.sendall(line)
            self.heard.append(said)
            while conn.recv(100):
                pass

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


@pytest.fixture
def peer():
    made = []

    def make(*lines, **kwargs):
        made.append(Peer(*lines, **kwargs))
        return made[-1]
    yield make
    for one in made:
        one.close()


def start(lab, servers, backend, every=None, **kwargs):
    weir = lab.start(web(lab.port(), servers, every=every or EVERY, backend=backend,
                         timeout={"check": "500ms"}, **kwargs), nbproc=1)
    return weir


def wait_result(weir, word, name="s", backend="be", **fields):
    """The row of a server once its check has this result. Fields that have to be there at
    the same time are waited for: on a busy machine a check in between may time out."""
    expected, row = {"check_status": word, **fields}, {}

    def is_there():
        row.update(weir.stats()[backend, name])
        return all(row[k] == v for k, v in expected.items())
    try:
        wait_until(is_there)
    except AssertionError:
        raise AssertionError((expected, row)) from None
    return row


PING = b"*1\r\n$4\r\nPING\r\n"
BIND = bytes.fromhex("300c020101600702010304008000")
GREETING = b"\x0a10.11.6\0" + bytes(20)
OK_PACKET = b"\x07\0\0\x02\0\0\0\x02\0\0\0"
DENIED = b"\xff\x15\x04#28000Access denied"


def mysql(payload, number=0):
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


# option, what the peer does, check_status, code, last_chk
PRESETS = {
    "redis": ("redis_check", [len(PING), b"+PONG\r\n"], "L7OK", "0", "Redis server is ok"),
    "redis that loads": ("redis_check", [len(PING), b"-LOADING wait\r\n"], "L7STS", "0",
                         "-LOADING wait"),
    "mysql": ("mysql_check", [mysql(GREETING)], "L7OK", "0", "10.11.6"),
    "mysql with a user": ({"mysql_check": {"user": "weir"}},
                          [46, mysql(GREETING), OK_PACKET], "L7OK", "0", "10.11.6"),
    "mysql that denies": ({"mysql_check": {"user": "weir"}},
                          [46, mysql(GREETING), mysql(DENIED, 2)], "L7STS", "1045",
                          "Access denied"),
    "pgsql": ({"pgsql_check": "weir"}, [19, b"R\0\0\0\x08\0\0\0\x03"], "L7OK", "0",
              "PostgreSQL server is ok"),
    "pgsql that fails": ({"pgsql_check": "weir"}, [19, b"E\0\0\0\x0fSFATAL\0Mno\0\0"],
                         "L7RSP", "", "FATAL"),
    "smtp": ("smtpchk", [b"220 a ESMTP\r\n", 16, b"250 hello\r\n", 6, b"221 bye\r\n"],
             "L7OK", "221", "bye"),
    "smtp with many lines": ({"smtpchk": {"hello": "EHLO", "domain": "x"}},
                             [b"220-a\r\n", b"220 b\r\n", 8, b"250-hello\r\n", b"250 SIZE", b"\r\n",
                              6, b"221-so\r\n", b"221 bye\r\n"], "L7OK", "221", "bye"),
    "smtp that is busy": ("smtpchk", [b"421 too many\r\n"], "L7STS", "421", "too many"),
    "ldap": ("ldap_check", [len(BIND), bytes.fromhex("300c02010161070a010004000400")],
             "L7OK", "0", "Success"),
    "tls": ("ssl_hello_chk", [5, b"\x16\x03\x03\0\x04abcd"], "L6OK", "", ""),
    "tls that alerts": ("ssl_hello_chk", [5, b"\x15\x03\x01\0\x02\x02\x28"], "L6OK", "", ""),
    "no tls": ("ssl_hello_chk", [5, b"HTTP/1.0 400 Bad\r\n"], "L6RSP", "", ""),
}


def test_presets_say_and_expect_what_their_protocols_do(lab, peer):
    config = {"defaults": {"mode": "tcp", "timeout": {"check": "1s", "connect": "1s"}},
              "frontends": {"fe": {"bind": f"127.0.0.1:{lab.port()}"}}, "backends": {}}
    for i, (option, lines, *_) in enumerate(PRESETS.values()):
        config["backends"][f"b{i}"] = {
            "option": option,
            "servers": {"s": {"address": peer(*lines).address, **EVERY, "inter": "300ms"}}}
    weir = lab.start(config, nbproc=1)
    for i, (_, _, word, code, text) in enumerate(PRESETS.values()):
        wait_result(weir, word, backend=f"b{i}", check_code=code, last_chk=text,
                    status="UP" if word.endswith("OK") else "DOWN")


def test_a_script_goes_through_its_steps(lab, peer):
    redis = peer(6, b"+PO", b"NG\r\n", 6, b"role:", b"master\r\n")
    weir = start(lab, {"s": redis.address}, {
        "option": "tcp_check",
        "tcp_check": [{"connect": True}, {"send": "PING\r\n"}, {"expect": {"string": "+PONG"}},
                      {"comment": "who is it"}, {"send_binary": "494e464f0d0a"},
                      {"expect": {"rstring": "role:(master|slave)", "on_success":
                                  "%[res.payload(5,6)] of %[srv_name]"}}]})
    row = wait_result(weir, "L7OK")
    assert row["last_chk"] == "master of s"
    assert redis.heard[0] == b"PING\r\nINFO\r\n"


def test_a_failing_step_is_named_in_the_log(lab, peer):
    sink = lab.sink()
    redis = peer(6, b"+PONG\r\n", 6, b"role:slave\r\n")
    silent = peer(6)
    start(lab, {"s": redis.address, "t": silent.address}, {
        "option": "tcp_check",
        "tcp_check": [{"connect": True}, {"send": "PING\r\n"}, {"expect": {"string": "+PONG"}},
                      {"send": "INFO\r\n"},
                      {"expect": {"string": "role:master", "min_recv": 5}, "comment": "the role"}]}, log=sink)
    sink.wait(r'Server be/s is DOWN, reason: Layer7 invalid response, info: "TCPCHK did not match '
              r"content 'role:master' at step 5 comment: the role\", check duration: ")
    sink.wait(r'Server be/t is DOWN, reason: Layer7 timeout, info: "at step 3 of tcp-check '
              r"\(expect string '\+PONG'\)\", check duration: ")


def test_steps_may_connect_elsewhere_and_keep_variables(lab, peer):
    first, second = peer(b"port 1\r\n"), peer()
    own = second.address.split(":")[1]
    second.lines = (len(f"PROXY TCP4 127.0.0.1 127.0.0.1 12345 {own}\r\nport s\n"), b"fine\r\n")
    weir = start(lab, {"s": first.address}, {
        "option": "tcp_check",
        "tcp_check": [
            {"set_var": {"name": "check.port", "value": f"int({second.address.split(':')[1]})"}},
            {"connect": True},
            {"expect": {"string": "port"}},
            {"set_var_fmt": {"name": "check.word", "value": "%[res.payload(0,4)] %s"}},
            {"connect": {"port": "var(check.port)", "send_proxy": True, "linger": True}},
            {"send_lf": "%[var(check.word)]\n"},
            {"expect": {"string": "fine"}}]})
    wait_result(weir, "L7OK")
    here, port = second.address.split(":")
    assert re.fullmatch(rb"PROXY TCP4 127\.0\.0\.1 %s \d{5} %s\r\nport s\n"
                        % (here.encode(), port.encode()), second.heard[-1])


def test_http_steps_look_at_fields_and_connect_again(lab):
    a = lab.origin("a")
    a.on("/one", do.answer(200, b"x", fields=[("Set-Cookie", "b=2, id=7")]))
    a.on("/two", do.answer(204))
    weir = start(lab, [a], {
        "option": {"httpchk": {"method": "GET", "uri": "/one"}},
        "http_check": [
            {"connect": True},
            {"expect": {"hdr": {"name": "set-cookie", "value": "id=", "value_match": "beg"}}},
            {"set_var": {"name": "check.id", "value": "res.hdr(set-cookie,2)"}},
            {"connect": True},
            {"send": {"method": "POST", "uri_lf": "/two?%[var(check.id)]", "version": "HTTP/1.1",
                      "host": "t.test", "headers": {"X-Server": "%b/%s"}, "body": "hello"}},
            {"expect": {"status": 204}}]})
    wait_result(weir, "L7OK", "a")
    req = a.seen("/two")[0]
    assert (req.method, req.target, req.get("X-Server")) == ("POST", "/two?id=7", "be/a")
    assert (req.get("Host"), req.get("Content-Length"), req.body) == ("t.test", "5", b"hello")


def test_404_takes_a_server_out_of_the_rotation_but_not_down(lab):
    a, sink = lab.origin("a").on("/h", do.answer(200)), lab.sink()
    weir = start(lab, [a], {"option": {"httpchk": {"method": "GET", "uri": "/h"}},
                            "http_check": {"disable_on_404": True}}, log=sink)
    weir.wait_status("be", "a", "UP")
    a.on("/h", do.answer(404))
    weir.wait_status("be", "a", "NOLB")
    assert weir.stat("be", "a", "check_code") == 404 and weir.stat("be", "a", "chkdown") == 0
    sink.wait(r"Server be/a is stopping, reason: Layer7 check conditionally passed, code: 404, ")
    a.on("/h", do.answer(500))
    weir.wait_status("be", "a", "DOWN")
    a.on("/h", do.answer(404))  # of a server that is down it is a failure
    wait_until(lambda: weir.stat("be", "a", "check_code") == 404)
    assert weir.status("be", "a") == "DOWN"
    a.on("/h", do.answer(200))
    weir.wait_status("be", "a", "UP")


def test_servers_are_told_how_they_are_seen(lab):
    a, b = lab.origins("ab")
    weir = start(lab, [a, b], {"option": {"httpchk": {"method": "GET", "uri": "/"}},
                               "http_check": [{"send_state": True}]})
    weir.wait_status("be", "b", "UP")
    wait_until(lambda: a.seen("/") and b.seen("/"))
    state = a.seen("/")[-1].get("X-Haproxy-Server-State")
    host, port = a.address.split(":")
    assert state.startswith("UP") and f"address={host}; port={port}; name=be/a; node=" in state
    assert "weight=1/2; scur=0/0; qcur=0" in state


def test_what_the_kernel_refuses_at_once_is_told_apart_from_a_refusal_by_the_peer(lab):
    weir = start(lab, {"a": "255.255.255.255:1", "b": f"127.0.0.1:{lab.port()}"}, {})
    row = wait_result(weir, "L4CON", "a")
    assert row["last_chk"] == "General socket error (Network is unreachable)"
    row = wait_result(weir, "L4CON", "b")
    assert row["last_chk"] == "ECONNREFUSED returned by OS (Connection refused)"


def test_a_backend_names_its_checks(lab):
    a, b = lab.origins("ab")
    weir = start(lab, [a, b], {
        "unique_id_format": "%[be_name]/%[srv_name]-%[srv_is_up(be/a),iif(up,down)]",
        "option": "httpchk",
        "http_check": [{"send": {"uri": "/id", "headers": {"X-Id": "%[unique-id]"}}}]})
    weir.wait_status("be", "b", "UP")
    wait_until(lambda: a.seen("/id") and b.seen("/id"))
    assert a.seen("/id")[-1].get("X-Id") == "be/a-up"
    assert b.seen("/id")[-1].get("X-Id") == "be/b-up"


def test_alike_servers_share_a_probe_and_each_has_its_verdict(lab):
    a = lab.origin("a")
    slow = {"fall": 5, "rise": 1}
    config = web(lab.port(), {"s": a, "t": {"address": a, **slow}},
                 every={"check": True, "inter": "100ms", "fall": 1},
                 backend={"option": {"httpchk": {"method": "GET", "uri": "/"}}})
    config["backends"]["other"] = config["backends"]["be"]
    weir = lab.start(config, nbproc=1)
    for backend in ("be", "other"):
        for name in ("s", "t"):
            wait_result(weir, "L7OK", name, backend)
    before, runs = a.connections, weir.counter("checks_run")
    wait_until(lambda: a.connections >= before + 5)
    assert weir.counter("checks_run") - runs < 12, "four servers, one probe"
    a.stop()
    weir.wait_status("be", "s", "DOWN")
    weir.wait_status("other", "t", "DOWN")
    assert weir.stat("be", "s", "chkfail") == 1 and weir.stat("be", "t", "chkfail") == 5


def chkdown(weir, server):
    return weir.counters(f"server.{server}.chkdown")[f"server.{server}.chkdown"]


def test_a_server_that_tracks_another_has_its_health(lab):
    a, sink = lab.origin("a"), lab.sink()
    config = web(lab.port(), [a], every=EVERY, log=sink)
    config["backends"].update({  # the end of the chain comes first
        "another": {"servers": {"u": {"address": a.address, "track": "other/t"}}},
        "other": {"servers": {"t": {"address": a.address, "track": "be/a"}}}})
    weir = lab.start(config, nbproc=1)
    weir.wait_status("another", "u", "UP")
    a.stop()
    weir.wait_status("another", "u", "DOWN")
    sink.wait(r"Server other/t is DOWN via be/a\. 0 active and 0 backup servers left\.")
    sink.wait(r"Server another/u is DOWN via other/t\. 0 active and 0 backup servers left\.")
    a.start()
    weir.wait_status("another", "u", "UP")
    assert chkdown(weir, "other/t") == chkdown(weir, "another/u") == 1
    weir.api("set server be/a state maint")
    weir.wait_status("another", "u", "MAINT")
    weir.reload()
    assert weir.status("another", "u").startswith("MAINT")
    weir.api("set server be/a state ready")
    weir.wait_status("another", "u", "UP")


@pytest.mark.parametrize("state, first, later", [
    ("down", "DOWN", "UP"), ("fully-down", "DOWN", "DOWN 1/3"), ("up", "UP", "UP"),
    ("fully-up", "UP", "UP")])
def test_init_state_says_what_a_server_is_before_its_first_check(lab, state, first, later):
    a = lab.origin("a")
    every = {"check": True, "inter": "700ms", "rise": 3, "fall": 2, "init_state": state}
    weir = lab.start(web(lab.port(), [a], every=every), nbproc=1)
    row = {}

    def is_in(check_status, *statuses):
        row.update(weir.stats()["be", "a"])
        return row["check_status"] == check_status and row["status"].startswith(statuses)
    # from the first moment on, perhaps until a check that is due
    wait_until(lambda: is_in("INI", first) or row["check_status"] == "L4OK", what=str(row))
    wait_until(lambda: is_in("L4OK", later, "DOWN 2/3" if state == "fully-down" else later),
               what=str(row))


def test_named_checks_are_chosen_by_servers(lab, peer):
    a = lab.origin("a").on("/alive", do.answer(204))
    redis = peer(len(PING), b"+PONG\r\n")
    config = web(lab.port(), {"a": {"address": a, "healthcheck": "alive"},
                              "r": {"address": redis.address, "healthcheck": "redis"}}, every=EVERY)
    config["checks"] = {"alive": {"type": {"httpchk": "GET /alive"},
                                  "http_check": {"expect": {"status": 204}}},
                        "redis": {"type": "redis_check"}}
    weir = lab.start(config, nbproc=1)
    assert wait_result(weir, "L7OK", "a")["check_code"] == "204"
    assert wait_result(weir, "L7OK", "r")["last_chk"] == "Redis server is ok"


def dns(query, rcode=0, answers=1):
    return query[:2] + bytes([0x81, 0x80 | rcode]) + query[4:6] + bytes([0, answers]) + query[8:]


def test_udp_and_dns_servers_are_checked_by_datagrams(lab, peer):
    echo = peer(b"pong", kind=socket.SOCK_DGRAM)
    quiet = peer(kind=socket.SOCK_DGRAM)
    name = peer(lambda q: dns(q), kind=socket.SOCK_DGRAM)
    lost = peer(lambda q: dns(q, 3, 0), kind=socket.SOCK_DGRAM)
    gone = lab.port()
    config = web(lab.port(), {
        "echo": {"address": echo.address, "healthcheck": "echo"},
        "quiet": {"address": quiet.address, "healthcheck": "quiet"},
        "gone": {"address": f"127.0.0.1:{gone}", "healthcheck": "quiet"},
        "name": {"address": name.address, "healthcheck": "dns"},
        "lost": {"address": lost.address, "healthcheck": "dns"}},
        every=EVERY, timeout={"check": "150ms"}, mode="tcp")
    config["checks"] = {
        "echo": {"type": {"udp_check": {"send": "ping", "expect": {"string": "pong"}}}},
        "quiet": {"type": {"udp_check": {"send_binary": "00ff"}}},
        "dns": {"type": {"dns_check": {"name": "www.example.com", "type": "AAAA"}}}}
    weir = lab.start(config, nbproc=1)
    wait_result(weir, "L7OK", "echo")
    wait_result(weir, "L4OK", "quiet")
    assert wait_result(weir, "L4CON", "gone")["last_chk"].startswith("ECONNREFUSED returned by OS")
    assert wait_result(weir, "L7OK", "name")["last_chk"] == "NOERROR"
    assert wait_result(weir, "L7STS", "lost")["last_chk"] == "NXDOMAIN"
    assert echo.heard[0] == b"ping" and quiet.heard[0] == b"\0\xff"
    assert name.heard[0][12:] == b"\3www\7example\3com\0\0\x1c\0\1"


@pytest.mark.parametrize("nbproc", [1, 8])
def test_a_server_that_starts_down_gets_nothing_before_its_first_check(lab, nbproc):
    a, b, tracker = lab.origins("abc")
    port = lab.port()
    servers = {"a": {"address": a, "check": True, "inter": "24h", "init_state": "down"}}
    config = web(port, servers)
    config["frontends"]["fe"]["use_backend"] = [{"backend": "other", "if": "{ path /tracks }"}]
    config["backends"]["other"] = {"servers": {"t": {"address": tracker.address, "track": "be/a"}}}
    weir = lab.start(config, nbproc=nbproc)
    assert {get(port).status for _ in range(10)} == {503}
    assert get(port, "/tracks").status == 503
    assert weir.stats()["be", "a"]["status"].startswith("DOWN")
    # what is known stays, what is new starts down
    weir.api("set server be/a health up")
    weir.wait_status("be", "a", "UP")
    servers = config["backends"]["be"]["servers"]
    servers["b"] = {**servers["a"], "address": b.address}
    weir.reload(config)
    assert {get(port).text for _ in range(10)} == {"a"}
    weir.stop()
    weir.start()
    assert {get(port).text for _ in range(10)} == {"a"}
    assert weir.stats()["be", "b"]["status"].startswith("DOWN")
    # one that leaves and returns is new
    known = servers.pop("a")
    del config["backends"]["other"]["servers"]["t"]["track"]
    weir.reload(config)
    servers["a"] = known
    weir.reload(config)
    assert {get(port).status for _ in range(10)} == {503}
    assert not a.seen("/tracks") and not b.seen()


@pytest.mark.parametrize("nbproc", [1, 8])
def test_a_server_that_starts_down_gets_nothing_right_after_maintenance(lab, nbproc):
    a, port = lab.origin("a"), lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "check": True, "port": lab.port(),  # fails
                                      "inter": "24h", "init_state": "down"}}), nbproc=nbproc)
    for n in range(1, 6):
        weir.api("set server be/a health up")
        wait_until(lambda: get(port).status == 200)
        weir.api("set server be/a state maint")
        wait_until(lambda k=n: chkdown(weir, "be/a") == k)
        a.forget()
        weir.api("set server be/a state ready")
        assert {get(port).status for _ in range(nbproc + 2)} == {503} and not a.seen()
        weir.wait_status("be", "a", "DOWN")


def test_what_is_wished_for_while_nobody_checks_is_done_by_the_next_checker(lab):
    a, port = lab.origin("a"), lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "check": True, "inter": "24h"}}), nbproc=1)
    for wish in ("down", "up"):
        checker, = weir.of_role("checker")
        os.kill(checker, signal.SIGSTOP)
        weir.api(f"set server be/a health {wish}")
        os.kill(checker, signal.SIGKILL)
        weir.wait_status("be", "a", wish.upper())
    weir.api("set server be/a health down")
    weir.wait_status("be", "a", "DOWN")
    assert weir.reload().returncode == 0
    assert weir.status("be", "a").startswith("DOWN")


# --- one connection for many checks ------------------------------------------------------

def reusing(lab, origin, uri="/health"):
    return web(lab.port(), [origin],
               backend={"option": {"httpchk": {"method": "GET", "uri": uri, "version": "HTTP/1.1"}}},
               every={**EVERY, "check_reuse_pool": True})


def checks_of(origin, n, path="/health"):
    """The connections that the first n checks came over, by number."""
    wait_until(lambda: len(origin.seen(path)) >= n)
    return [r.connection for r in origin.seen(path)][:n]


def test_checks_go_on_over_the_connection_of_the_last_one(lab):
    a = lab.origin("a")
    weir = lab.start(reusing(lab, a), nbproc=1)
    assert len(set(checks_of(a, 8))) == 1
    assert weir.stats()["be", "a"]["check_status"] == "L7OK"
    a.stop()
    weir.wait_status("be", "a", "DOWN")
    a.start()
    weir.wait_status("be", "a", "UP")


@pytest.mark.parametrize("answers", [True, False], ids=["rested", "asked"])
def test_a_server_may_end_the_connection_of_checks_whenever_it_likes(lab, answers):
    served = {}

    async def act(req, conn):
        n = served[conn.number] = served.get(conn.number, 0) + 1
        if n == 3 and not answers:
            return False
        conn.answer(200, b"x")
        return n < 3
    a = lab.origin("a").on("/health", act)
    weir = lab.start(reusing(lab, a), nbproc=1)
    seen = checks_of(a, 12)
    assert [seen.count(c) for c in dict.fromkeys(seen)][:3] == [3, 3, 3]
    assert weir.stat("be", "a", "chkfail") == 0
    assert weir.stats()["be", "a"]["check_status"] == "L7OK"


@pytest.mark.parametrize("behaviour", [
    do.answer(200, fields=[("Connection", "close")]), do.until_close(b"x"),
    do.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxSURPLUS"), do.close()],
    ids=["close", "until_close", "surplus", "silent"])
def test_a_connection_that_cannot_go_on_is_not_kept(lab, behaviour):
    a = lab.origin("a").on("/health", behaviour)
    lab.start(reusing(lab, a), nbproc=1)
    seen = checks_of(a, 6)
    assert len(set(seen)) == len(seen)
