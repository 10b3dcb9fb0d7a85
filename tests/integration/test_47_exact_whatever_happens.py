# SPDX-License-Identifier: MIT
"""What is exact stays exact while workers are killed and the daemon is reloaded, whatever
their number."""
import json
import random
import socket
import time

import pytest

from weirlab import Client, wait_until
from weirlab.config import web
from weirlab.gate import Gate

NBPROC = pytest.mark.parametrize("nbproc", [1, 2, 8])
KILLS = pytest.mark.parametrize("kills", [False, True], ids=["reloads", "kills"])


def disturb(weir, rng, turn, kills):
    """Every third time a reload, else a kill; without kills a reload."""
    if kills and turn % 3:
        weir.kill_worker(rng)
    else:
        assert weir.reload().returncode == 0


# --- so many requests -----------------------------------------------------------------

PATHS, CLIENTS, LIMIT, TURNS = ("/a", "/b", "/c", "/d"), 16, 600, 6


def by_token():
    return {"frontend": {"http_request": [
        {"rate_limit": {"key": "path", "rate": f"{LIMIT}/1h", "table": "t"}}]},
        "store": "tokens(1h)"}, f"tokens({3600 * 1000})", 0


def by_rate():
    return {"frontend": {"http_request": [
        {"track_sc0": {"key": "path", "table": "t"}},
        {"sc_inc_gpc0": 0, "unless": f"{{ sc_http_req_rate(0) gt {LIMIT} }}"},
        {"deny": {"status": 429}, "if": f"{{ sc_http_req_rate(0) gt {LIMIT} }}"}]},
        "store": ["http_req_rate(1h)", "gpc0"]}, "gpc0", TURNS  # between two rules


@NBPROC
@KILLS
@pytest.mark.parametrize("how", [by_token, by_rate])
def test_exactly_the_limit_passes(lab, nbproc, kills, how):
    """64 clients at once, four keys. What a killed worker has let through stays counted:
    it may take along what it had in hand, and nobody else gets it."""
    a, port = lab.origin("a"), lab.port()
    parts, passed, lost = how()
    config = web(port, [a], frontend=parts["frontend"])
    config["tables"] = {"t": {"type": "string", "size": 100, "expire": "2h",
                              "store": parts["store"]}}
    weir = lab.start(config, nbproc=nbproc)
    rng = random.Random(5)
    crowd = {path: lab.load(port, "busy", clients=CLIENTS, path=path) for path in PATHS}

    def answers():
        return sum(sum(load.so_far()) for load in crowd.values())

    for turn in range(TURNS):
        goal = answers() + 150
        wait_until(lambda: answers() >= goal)
        disturb(weir, rng, turn, kills)
    for load in crowd.values():
        wait_until(lambda: load.so_far()[1] > (TURNS + 2) * CLIENTS, 30, "many are refused")
    ok = {path: load.end()["ok"] for path, load in crowd.items()}
    entries = {e["key"]: e[passed] for e in json.loads(
        weir.ctl("table", "t", "--json").stdout)["entries"]}
    for path in PATHS:
        assert LIMIT - (lost if kills else 0) <= entries[path] <= LIMIT
        assert ok[path] <= len(a.seen(path)) <= LIMIT
        assert ok[path] >= LIMIT - (TURNS * CLIENTS if kills else 0)
    weir.wait_idle()


# --- so many connections --------------------------------------------------------------

@NBPROC
@pytest.mark.parametrize("kind", ["global", "frontend", "bind"])
def test_no_more_connections_than_the_limit_are_served(lab, nbproc, kind):
    gate = Gate(hold_s=0.002)
    a, port = lab.origin("a").on("/", gate), lab.port()
    weir = lab.start({
        "global": lambda: web(port, [a], top={"maxconn": 3}),
        "frontend": lambda: web(port, [a], frontend={"maxconn": 3}),
        "bind": lambda: web(port, [a], frontend={
            "bind": [{"address": f"127.0.0.1:{port}", "maxconn": 3}]})}[kind](), nbproc=nbproc)
    load = lab.load(port, "close", clients=24)
    rng = random.Random(3)
    for turn in range(8):
        load.wait_ok(30)
        disturb(weir, rng, turn, True)
    load.wait_ok(60)
    load.end()
    assert gate.most <= 3
    weir.wait_idle()
    # and nothing of the limit is lost
    clients = [Client(port) for _ in range(3)]
    for c in clients:
        assert c.ask("/free").status == 200
    for c in clients:
        c.close()
    weir.wait_idle()


@NBPROC
@pytest.mark.parametrize("kind", ["frontend", "maxconnrate", "maxsessrate"])
def test_no_more_connections_per_second_are_accepted(lab, nbproc, kind):
    a, port = lab.origin("a"), lab.port()
    config = (web(port, [a], frontend={"rate_limit": {"sessions": 20}}) if kind == "frontend"
              else web(port, [a], top={kind: 20}))
    weir = lab.start(config, nbproc=nbproc)
    begin = time.monotonic()
    load = lab.load(port, "close", clients=24)
    rng = random.Random(4)
    for turn in range(6):
        load.wait_ok(8)
        disturb(weir, rng, turn, True)
    load.wait_ok(10)
    seen = len(a.seen())
    took = time.monotonic() - begin
    assert seen <= 20 * (1 + took)
    assert took < 30, "and it goes on at that rate"
    load.end()
    weir.wait_idle()


def is_closed(c):
    c.socket.setblocking(False)
    try:
        return c.socket.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    finally:
        c.socket.settimeout(5)


# --- in their order -------------------------------------------------------------------

@NBPROC
@KILLS
def test_who_came_first_is_served_first(lab, nbproc, kills):
    """One line over workers and generations; who is killed leaves it, and no gap."""
    gate, rng = Gate(), random.Random(2)
    a, port = lab.origin("a"), lab.port()
    for i in range(30):
        a.on(f"/{i}", gate)
    weir = lab.start(web(port, {"a": {"address": a, "maxconn": 1}}), nbproc=nbproc)
    clients = []

    def is_in_line():
        """Whoever has a connection still, and nobody else: a killed worker's tickets go."""
        line = gate.inside + weir.stat("be", "BACKEND", "qcur")
        return line == sum(not is_closed(c) for c in clients)

    for i in range(30):
        clients.append(Client(port).request(f"/{i}"))
        wait_until(is_in_line, what=f"{i} is in line")
        if i % 10 == 9:
            disturb(weir, rng, i // 10 + 1, kills)
            wait_until(is_in_line, what="what is left of it")
    served = []

    def over():
        gate.open(1)
        for c in list(clients):
            c.socket.settimeout(0.001)
            try:
                served.append(c.response().status)
            except TimeoutError:
                continue
            except (OSError, EOFError):
                pass
            c.close()
            clients.remove(c)
        return not clients
    wait_until(over, 20, "all are served or gone")
    numbers = [int(target[1:]) for target in gate.order]
    assert numbers == sorted(set(numbers))
    assert kills or numbers == list(range(30)) and served == [200] * 30
    assert gate.most == 1
    weir.wait_idle()
