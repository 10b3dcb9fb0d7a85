# SPDX-License-Identifier: MIT
"""Live sessions: what every reader of the region sees of them, and ending one by name."""
import json
import os
import re
import signal
import socket
import time

import pytest

from weirlab import Client, get, wait_until
from weirlab.config import web
from weirlab.gate import Gate
from weirlab.wait import SLOW

NBPROC = pytest.mark.parametrize("nbproc", [1, 2, 8])


def sessions(weir, *words):
    """Quiet about who is missing: JSON, one dict per session."""
    return json.loads(weir.ctl("sessions", "--json", *words).stdout)


def seen_as(weir, state, *clients):
    """The sessions of these clients, in their order, once each is in that state: when a
    server has its request, a worker may still have to write down that it sent it."""
    def them():
        found = {s["client"]: s for s in sessions(weir, "state", state)}
        return all(c.address in found for c in clients) and [found[c.address] for c in clients]
    return wait_until(them, what=f"{len(clients)} clients are seen as {state}")


def ended(client):
    """Who waits for an answer gets one."""
    assert client.response().status == 502
    client.expect_closed()


def asking(port, target="/"):
    c = Client(port)
    c.request(target)
    return c


@NBPROC
def test_a_session_is_seen_with_its_client_its_way_and_its_state(lab, nbproc):
    gate = Gate()
    a = lab.origin("a").on("/wait", gate)
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=nbproc)
    assert sessions(weir) == []
    c = asking(port, "/wait")
    s, = seen_as(weir, "response", c)
    assert [x["id"] for x in sessions(weir)] == [s["id"]]
    assert (s["client"], s["frontend"], s["backend"], s["server"], s["mode"]) == (
        c.address, "fe", "be", "a", "http")
    assert s["bytes_in"] > 30 and s["bytes_out"] == 0 and s["age_ms"] < 5000
    assert s["pid"] in weir.workers()
    gate.serve()
    assert c.response().status == 200
    rest, = seen_as(weir, "idle", c)
    assert rest["id"] == s["id"] and rest["bytes_out"] > 40 and rest["server"] == ""
    row = weir.ctl("sessions").stdout.splitlines()
    assert row[0].split()[:3] == ["ID", "AGE", "CLIENT"] and c.address in row[1]
    c.close()
    wait_until(lambda: sessions(weir) == [])


def test_tunnels_count_their_bytes_while_they_last(lab):
    async def tcp(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
    a = lab.origin("a", tcp=tcp)
    port = lab.port()
    weir = lab.start(web(port, [a], mode="tcp"))
    c = Client(port)
    c.send(b"x" * 10000)
    assert len(c.read_bytes(10000)) == 10000
    s = wait_until(lambda: [s for s in sessions(weir) if s["bytes_out"] == 10000])[0]
    assert s["state"] == "tunnel" and s["bytes_in"] == 10000 and s["server"] == "a"
    c.close()


@NBPROC
def test_sessions_are_filtered_sorted_and_limited(lab, nbproc):
    gate = Gate()
    a, b = lab.origin("a").on("/wait", gate), lab.origin("b").on("/wait", gate)
    port, other = lab.port(), lab.port()
    config = web(port, [a])
    config["frontends"]["fe2"] = {"bind": f"127.0.0.1:{other}", "default_backend": "be2"}
    config["backends"]["be2"] = {"servers": {"b": {"address": b.address}}}
    weir = lab.start(config, nbproc=nbproc)
    first = [asking(port, "/wait") for _ in range(3)]
    second = [asking(other, "/wait") for _ in range(2)]
    idle = asking(port, "/")
    assert idle.response().status == 200
    seen_as(weir, "response", *first, *second)
    seen_as(weir, "idle", idle)
    assert len(sessions(weir)) == 6
    assert len(sessions(weir, "frontend", "fe")) == 4
    assert len(sessions(weir, "backend", "be2")) == 2
    assert len(sessions(weir, "server", "be2/b")) == 2
    assert len(sessions(weir, "server", "be2/b", "state", "idle")) == 0
    assert len(sessions(weir, "client", "127.0.0.1")) == 6
    assert sessions(weir, "client", "127.0.0.2") == []
    assert sessions(weir, "older", "1h") == []
    out = sessions(weir, "sort", "out", "limit", "1")
    assert [s["client"] for s in out] == [idle.address]
    ages = [s["age_ms"] for s in sessions(weir)]
    assert ages == sorted(ages, reverse=True)
    wrong = weir.ctl("sessions", "colour", "red", check=False)
    assert wrong.returncode == 2 and "expected frontend" in wrong.stderr
    gate.serve(5)
    for c in first + second:
        assert c.response().status == 200


@NBPROC
def test_a_killed_session_ends_at_once_is_logged_with_K_and_the_others_go_on(lab, nbproc):
    log, gate = lab.sink(), Gate()
    a = lab.origin("a").on("/wait", gate).on("/stay", gate)
    port = lab.port()
    weir = lab.start(web(port, [a], log=log), nbproc=nbproc)
    victim, other = asking(port, "/wait"), asking(port, "/stay")
    s, _ = seen_as(weir, "response", victim, other)
    weir.ctl("sessions", "kill", s["id"])
    ended(victim)
    line = wait_until(lambda: log.find(r'"GET /wait'))[0]
    assert " be/a " in line and " KH-- " in line
    wait_until(lambda: len(sessions(weir)) == 1)
    gone = weir.ctl("sessions", "kill", s["id"], check=False)
    assert gone.returncode == 1 and "No such session" in gone.stderr
    wait_until(lambda: "/stay" in gate.order)
    gate.open(2)
    assert other.response().status == 200
    other.close()
    weir.wait_idle()


def test_idle_waiting_and_half_sent_sessions_can_be_killed(lab):
    log, gate = lab.sink(), Gate()
    a = lab.origin("a").on("/wait", gate)
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "maxconn": 1}}, log=log), nbproc=2)
    busy = asking(port, "/wait")
    wait_until(lambda: gate.inside == 1)
    queued = asking(port, "/wait?2")
    fresh, half = Client(port), Client(port)
    half.send(b"GET /half HTTP/1.1\r\nHo")
    for state, c in (("idle", fresh), ("request", half), ("queue", queued)):
        one, = seen_as(weir, state, c)
        weir.ctl("sessions", "kill", one["id"])
        c.expect_closed()
    assert " KQ-- " in wait_until(lambda: log.find(r'"GET /wait\?2'))[0]
    assert " KR-- " in wait_until(lambda: log.find("<BADREQ>"))[0]
    gate.open()
    assert busy.response().status == 200
    busy.close()
    weir.wait_idle()
    assert weir.stat("be", "BACKEND", "qcur") == 0


@NBPROC
def test_all_sessions_of_a_server_end_and_those_of_others_do_not(lab, nbproc):
    log, gate, stays = lab.sink(), Gate(), Gate()
    a, b = lab.origin("a").on("/", gate), lab.origin("b").on("/", stays)
    port = lab.port()
    config = web(port, [a, b], log=log, frontend={
        "use_backend": [{"backend": "other", "if": "{ path_beg /b }"}]})
    b.on("/b", stays)
    config["backends"]["other"] = {"servers": {"b": b.address}}
    config["backends"]["be"]["servers"].pop("b")
    weir = lab.start(config, nbproc=nbproc)
    victims = [asking(port) for _ in range(12)]
    others = [asking(port, "/b") for _ in range(4)]
    seen_as(weir, "response", *victims, *others)
    assert weir.api("shutdown sessions server be/a").strip() == ""
    for c in victims:
        ended(c)
    wait_until(lambda: len(log.find(" KH-- ")) == 12)
    stays.serve(4)
    for c in others:
        assert c.response().status == 200
    gate.hold_s = 0
    assert get(port).status == 200  # only those that were there
    for c in others:
        c.close()
    weir.wait_idle()


def test_the_runtime_api_answers_in_its_words(lab):
    gate = Gate()
    a = lab.origin("a").on("/wait", gate)
    port = lab.port()
    weir = lab.start(web(port, [a]))
    c = asking(port, "/wait")
    wait_until(lambda: gate.inside == 1 and sessions(weir, "state", "response"))
    line = weir.api("show sess").strip()
    one = sessions(weir)[0]
    assert line.startswith(f"{one['id']}: proto=tcpv4 src={c.address} fe=fe be=be srv=a ")
    long = weir.api(f"show sess {one['id']}").splitlines()
    assert long[0].startswith(f"{one['id']}: ") and all(x.startswith("  ") for x in long[1:] if x)
    assert "state=response" in weir.api("show sess all")
    assert weir.api("show sess older 1h").strip() == ""
    assert weir.api("show sess backend nowhere").strip() == ""
    assert weir.api("show sess help").startswith("usage: show sess")
    for id in ("", "0x0", "0x7fffffff00000000", "nonsense"):
        assert "(use 'show sess')" in weir.api(f"shutdown session {id}")
    assert weir.api("shutdown sessions server be/x").strip() == "No such server."
    assert weir.api("shutdown sessions server x").strip() == "Require 'backend/server'."
    assert weir.api(f"shutdown session {one['id']}").strip() == ""
    ended(c)


def test_sessions_of_a_hung_or_killed_worker_are_readable_until_it_is_replaced(lab):
    gate = Gate()
    a = lab.origin("a").on("/wait", gate)
    port = lab.port()
    config = web(port, [a])
    config["global"] = {"watchdog": "10m"}
    weir = lab.start(config, nbproc=1)
    clients = [asking(port, "/wait") for _ in range(5)]
    seen_as(weir, "response", *clients)
    worker = weir.workers()[0]
    os.kill(worker, signal.SIGSTOP)
    assert len(sessions(weir, "state", "response")) == 5
    os.kill(weir.pid, signal.SIGSTOP)
    try:
        os.kill(worker, signal.SIGKILL)
        assert len(sessions(weir, "state", "response")) == 5
    finally:
        os.kill(weir.pid, signal.SIGCONT)
    wait_until(lambda: sessions(weir) == [])
    for c in clients:
        c.expect_closed()
    assert weir.ctl("check").returncode == 0


@NBPROC
def test_a_draining_worker_shows_its_sessions_and_ends_those_that_are_killed(lab, nbproc):
    log, gate = lab.sink(), Gate()
    a = lab.origin("a").on("/wait", gate)
    port = lab.port()
    weir = lab.start(web(port, [a], log=log), nbproc=nbproc)
    clients = [asking(port, "/wait") for _ in range(6)]
    seen_as(weir, "response", *clients)
    assert weir.reload().returncode == 0
    seen = sessions(weir)
    assert len(seen) == 6 and len({s["generation"] for s in seen}) == 1
    weir.ctl("sessions", "kill", seen[0]["id"])
    wait_until(lambda: len(sessions(weir)) == 5)
    weir.ctl("sessions", "kill", "server", "be/a")
    for c in clients:
        ended(c)
    assert len(wait_until(lambda: len(log.find(" KH-- ")) == 6 and log.find(" KH-- "))) == 6
    wait_until(lambda: len(weir.workers()) == nbproc, what="nobody drains any more")


def test_a_lost_wake_up_delays_a_kill_by_a_second_at_most(lab):
    """The mailbox is state: the owner looks into it by himself."""
    gate = Gate()
    a = lab.origin("a").on("/wait", gate)
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=2, env={"WEIR_MUTE": "1"})
    c = asking(port, "/wait")
    one, = seen_as(weir, "response", c)
    start = time.monotonic()
    weir.ctl("sessions", "kill", one["id"])
    ended(c)
    assert time.monotonic() - start < 2.5 * SLOW


def test_clients_of_unix_sockets_and_ipv6_are_told_apart(lab):
    gate = Gate()
    a = lab.origin("a").on("/wait", gate)
    port, path = lab.port(), os.path.join(lab.dir, "in.sock")
    weir = lab.start(web(port, [a], frontend={
        "bind": [f"[::1]:{port}", f"unix@{path}"]}), nbproc=2)
    six, local = Client(port, host="::1"), socket.socket(socket.AF_UNIX)
    six.request("/wait")
    local.connect(path)
    local.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_until(lambda: len(sessions(weir, "state", "response")) == 2)
    assert [s["client"] for s in sessions(weir, "client", "unix")] == ["unix:1"]
    assert sessions(weir, "client", "::1")[0]["client"].startswith("[::1]:")
    gate.serve(2)
    local.close()


@NBPROC
def test_procs_says_whom_a_draining_worker_waits_for(lab, nbproc):
    gate = Gate()
    a = lab.origin("a").on("/wait", gate)
    port = lab.port()
    weir = lab.start(web(port, [a], top={"drain": {"timeout": "5m"}}), nbproc=nbproc)
    first = asking(port, "/wait")
    seen_as(weir, "response", first)
    idle = [asking(port) for _ in range(8)]
    for c in idle:
        assert c.response().status == 200
    seen_as(weir, "idle", *idle)
    assert "oldest" not in weir.ctl("procs").stdout
    assert weir.reload().returncode == 0

    def draining():
        """Those who have taken note of it, once they have, and counted their connections."""
        old = [p for p in json.loads(weir.ctl("procs", "--json").stdout) if "oldest" in p]
        return sum(p["active"] for p in old) == 1 and sum(p["idle"] for p in old) == 8 and old
    old = wait_until(draining)
    one = [p for p in old if p["oldest"]["client"] == first.address]
    assert len(one) == 1 and one[0]["state"] == "draining" and one[0]["active"] == 1
    assert one[0]["oldest"]["server"] == "a" and one[0]["oldest"]["state"] == "response"
    assert 280 <= one[0]["leaves_in_s"] <= 300
    line = [x for x in weir.ctl("procs").stdout.splitlines() if first.address in x][0]
    assert re.search(r" oldest \d+s \S+ fe be/a response; leaves in 4m\d+s at the latest$", line)
    weir.ctl("sessions", "kill", one[0]["oldest"]["id"])
    for c in idle:
        c.close()
    wait_until(lambda: "draining" not in weir.ctl("procs").stdout)
