# SPDX-License-Identifier: MIT
"""Servers that are given another address at run time (`set server addr`)."""
import os
import signal

import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web
from weirlab.haproxy import Haproxy

from test_60_runtime_like_haproxy import say
from test_66_drift import drift, lose_master, restart


def named(name, **kwargs):
    return do.answer(fields=[("X-Origin", name)], **kwargs)


@pytest.fixture
def two(lab):
    was, now = lab.origins(["was", "now"])
    was.on("/", named("was"))
    now.on("/", named("now"))
    return was, now


def start(lab, was, listen, nbproc=3, **server):
    return lab.start(web(listen, {"a": {"address": was, **server}}), nbproc=nbproc)


def move(weir, to, old):
    answer = say(weir.sock, f"set server be/a addr 127.0.0.1 port {to.port}")
    assert answer == ("no need to change the addr, port changed from "
                      f"'{old.port}' to '{to.port}' by 'stats socket command'\n\n")


def origin_of(port):
    return get(port).get("x-origin")


def test_nobody_connects_to_the_old_address_after_the_reply(lab, two):
    was, now = two
    port = lab.port()
    weir = start(lab, was, port)
    for at, other in [(now, was), (was, now)] * 5:
        for _ in range(6):
            assert origin_of(port) in ("was", "now")
        move(weir, at, other)
        other.forget()
        assert {origin_of(port) for _ in range(20)} == {at is now and "now" or "was"}
        assert len(other.seen("/")) == 0


def test_no_request_fails_while_a_server_moves(lab, two):
    was, now = two
    port = lab.port()
    weir = start(lab, was, port)
    load = lab.load(port, clients=8)
    load.wait_ok(50)
    for at, other in [(now, was), (was, now)] * 5:
        move(weir, at, other)
        load.wait_ok(20)
    assert load.end()["failed"] == 0


def test_idle_connections_to_the_old_address_are_closed(lab, two):
    was, now = two
    port = lab.port()
    weir = start(lab, was, port, nbproc=2)
    for _ in range(8):
        get(port)
    ends = []

    async def hold(req, conn):
        conn.answer(fields=[("X-Origin", "was")])
        await conn.writer.drain()
        ends.append(await conn.reader.read(1))
        return False
    was.on("/", hold)
    assert origin_of(port) == "was"
    move(weir, now, was)
    wait_until(lambda: b"" in ends)


def test_running_requests_go_on(lab, two):
    was, now = two
    port = lab.port()
    was.on("/slow", do.delay(0.5, named("was")))
    weir = start(lab, was, port)
    with Client(port) as c:
        c.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: was.seen("/slow"))
        move(weir, now, was)
        assert c.response().get("x-origin") == "was"


def test_checks_go_to_the_new_address(lab, two):
    was, now = two
    port = lab.port()
    weir = start(lab, was, port, check=True, inter="100ms", rise=1, fall=1)
    wait_until(lambda: weir.status("be", "a") == "UP")
    was.stop()
    weir.wait_status("be", "a", "DOWN")
    move(weir, now, was)
    weir.wait_status("be", "a", "UP")
    assert origin_of(port) == "now"
    weir.reload()
    assert weir.status("be", "a") == "UP"
    now.stop()
    weir.wait_status("be", "a", "DOWN")


def test_a_server_that_moves_leaves_the_check_it_shares(lab, two):
    was, now = two
    weir = lab.start(web(lab.port(), {
        name: {"address": was, "check": True, "inter": "100ms", "rise": 1, "fall": 1}
        for name in "ab"}), nbproc=1)
    for name in "ab":
        wait_until(lambda name=name: weir.status("be", name) == "UP")
    was.stop()
    for name in "ab":
        weir.wait_status("be", name, "DOWN")
    move(weir, now, was)
    weir.wait_status("be", "a", "UP")
    assert weir.status("be", "b") == "DOWN"


def test_a_check_with_a_port_of_its_own_keeps_it(lab, two):
    was, now = two
    checked = lab.origin("checked")
    weir = start(lab, was, lab.port(), check=True, inter="100ms", rise=1, fall=1,
                 port=checked.port)
    wait_until(lambda: weir.status("be", "a") == "UP")
    move(weir, now, was)
    was.stop()
    now.stop()
    run = weir.counter("global.checks_run")
    wait_until(lambda: weir.counter("global.checks_run") > run + 3)
    assert weir.status("be", "a") == "UP"
    checked.stop()
    weir.wait_status("be", "a", "DOWN")


@pytest.mark.parametrize("how", [lambda weir: weir.reload(), restart, lose_master],
                         ids=["reload", "restart", "master killed"])
def test_it_stays_there(lab, two, how):
    was, now = two
    port = lab.port()
    weir = start(lab, was, port)
    move(weir, now, was)
    how(weir)
    assert origin_of(port) == "now"
    assert drift(weir) == {("be/a", "address"): (was.address, now.address)}


def test_the_configuration_wins_when_it_changes_the_address(lab, two):
    was, now = two
    third = lab.origin("third")
    third.on("/", named("third"))
    port = lab.port()
    weir = start(lab, was, port)
    move(weir, now, was)
    weir.reload(web(port, {"a": {"address": third}}))
    assert origin_of(port) == "third"
    assert drift(weir) == {}


def test_it_is_saved(lab, two):
    was, now = two
    port = lab.port()
    weir = start(lab, was, port)
    move(weir, now, was)
    weir.ctl("save", os.path.join(weir.conf_dir, "90-runtime.yaml"))
    assert weir.reload().returncode == 0
    assert origin_of(port) == "now"
    assert drift(weir) == {}


def test_for_now_lasts_until_the_next_reload(lab, two):
    was, now = two
    port = lab.port()
    weir = start(lab, was, port)
    say(weir.sock, f"set server be/a addr 127.0.0.1 port {now.port} --runtime-only")
    assert origin_of(port) == "now"
    weir.reload()
    assert origin_of(port) == "was"
    assert drift(weir) == {}


def test_it_is_shown_where_it_is(lab, two):
    was, now = two
    weir = start(lab, was, lab.port())
    move(weir, now, was)
    assert weir.stats()["be", "a"]["addr"] == now.address
    assert f" 127.0.0.1 {now.port} " in say(weir.sock, "show servers conn be")
    assert f" - {now.port} - " in say(weir.sock, "show servers state be")
    assert now.address in weir.ctl("servers").stdout


def test_a_kill_of_control_changes_nothing(lab, two):
    was, now = two
    port = lab.port()
    weir = start(lab, was, port)
    move(weir, now, was)
    old = weir.of_role("control")
    os.kill(old[0], signal.SIGKILL)
    wait_until(lambda: weir.of_role("control") and weir.of_role("control") != old)
    assert origin_of(port) == "now"
    wait_until(lambda: drift(weir) == {("be/a", "address"): (was.address, now.address)})


# Said one after the other; each answer is HAProxy's to the letter.
SAME = """
set server be/a addr
set server be/a addr x
set server be/a addr localhost
set server be/a addr 127.0.0.3:80
set server be/a addr /tmp/x
set server be/a addr 127.0.0.1
set server be/a addr 127.0.0.2
set server be/a addr 127.0.0.2 port 5
set server be/a addr 127.0.0.2 port 5
set server be/a addr 127.0.0.3 port 6
set server be/a addr ::1
set server be/a addr ::1 port 7
set server be/u addr 127.0.0.1
set server be/a ssl on
set server be/a ssl
set server be/zz addr 127.0.0.1
""".strip().splitlines()

HAPROXY = """
global
 stats socket {sock} mode 600 level admin
defaults
 mode http
 timeout connect 1s
 timeout client 1s
 timeout server 1s
frontend fe
 bind 127.0.0.1:{port}
 default_backend be
backend be
 server a 127.0.0.1:{a}
 server u unix@/no/such/socket
"""


def test_answers_are_haproxys(lab, two):
    was, _ = two
    peer = lab.port()
    sock = f"{lab.shm_dir}/haproxy.sock"
    Haproxy(lab, HAPROXY.format(sock=sock, port=peer, a=was.port), peer)
    weir = lab.start(web(lab.port(), {"a": {"address": was},
                                      "u": {"address": "unix@/no/such/socket"}}), nbproc=1)
    assert {line: say(weir.sock, line) for line in SAME} == \
        {line: say(sock, line) for line in SAME}
    for line, begin in [("127.0.0.1 port x", "problem converting port 'x' to an int by "),
                        ("127.0.0.1 port", "problem converting port '' to an int by "),
                        ("127.0.0.1 port 70000", "provided port is invalid by "),
                        ("127.0.0.1 port 0", "provided port is invalid by "),
                        ("127.0.0.1 port +1", "provided port is invalid by ")]:
        assert say(weir.sock, f"set server be/a addr {line}").startswith(begin)


def test_the_port_of_checks_is_changed(lab, two):
    was, now = two
    weir = start(lab, was, lab.port(), check=True, inter="100ms", rise=1, fall=1)
    wait_until(lambda: weir.status("be", "a") == "UP")
    assert say(weir.sock, f"set server be/a check-port {now.port}") == "\n"
    was.stop()
    run = weir.counter("global.checks_run")
    wait_until(lambda: weir.counter("global.checks_run") > run + 3)
    weir.wait_status("be", "a", "UP")
    assert drift(weir) == {("be/a", "port"): ("0", str(now.port))}
    weir.reload()
    now.stop()
    weir.wait_status("be", "a", "DOWN")
