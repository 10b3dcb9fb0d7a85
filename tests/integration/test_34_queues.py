# SPDX-License-Identifier: MIT
"""Server maxconn and queues: exact over all workers, first come, first served."""
import contextlib
import os
import random
import select
import signal
import time

import pytest

from weirlab import Client, get, wait_until
from weirlab.config import web
from weirlab.gate import Gate, is_gone
from weirlab.wait import SLOW
from weirlab.weir import binary

NBPROC = pytest.mark.parametrize("nbproc", [1, 2, 8])


def asking(port, target="/"):
    c = Client(port)
    c.request(target)
    return c


def queued(weir, sv="BACKEND"):
    return weir.stat("be", sv, "qcur")


def let_through(gate, n):
    """Answers everything until n requests have come and gone."""
    def done():
        gate.open(n)
        return len(gate.order) == n and gate.inside == 0
    wait_until(done, what=f"{n} requests served")


def slots(weir, *names):
    """Nothing is held, nobody waits, and the region adds up."""
    wait_until(lambda: all(weir.stat("be", sv, "scur") == 0 for sv in names), what="idle")
    for sv in (*names, "BACKEND"):
        assert queued(weir, sv) == 0


@NBPROC
def test_a_server_never_has_more_requests_than_its_maxconn(lab, nbproc):
    gate = Gate()
    a = lab.origin("a").on("/", gate)
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "maxconn": 10}}), nbproc=nbproc)
    clients = [asking(port) for _ in range(40)]
    wait_until(lambda: gate.inside == 10 and queued(weir) == 30, what="ten in, thirty wait")
    assert weir.stat("be", "a", "slim") == 10
    for answered in range(1, 41):
        gate.open(1)
        wait_until(lambda: len(gate.order) == min(40, 10 + answered), what="hand-over")
    for c in clients:
        assert c.response().status == 200
        c.close()
    assert gate.most == 10
    assert weir.stat("be", "BACKEND", "qmax") == 30
    slots(weir, "a")


@NBPROC
def test_requests_are_served_in_the_order_they_came_whoever_took_them(lab, nbproc):
    gate = Gate()
    a = lab.origin("a")
    for i in range(24):
        a.on(f"/{i}", gate)
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "maxconn": 1}}), nbproc=nbproc)
    clients = []
    for i in range(24):
        clients.append(asking(port, f"/{i}"))
        wait_until(lambda: gate.inside + queued(weir) == i + 1, what=f"{i} is in line")
    for i in range(24):
        wait_until(lambda: len(gate.order) == i + 1)
        gate.open(1)
    for c in clients:
        assert c.response().status == 200
    assert gate.order == [f"/{i}" for i in range(24)]


def test_a_full_server_is_passed_over_for_another(lab):
    gate = Gate()
    a, b = lab.origin("a").on("/", gate), lab.origin("b").on("/", gate)
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "maxconn": 1},
                                "b": {"address": b, "maxconn": 3}}), nbproc=2)
    clients = [asking(port) for _ in range(6)]
    wait_until(lambda: gate.inside == 4 and queued(weir) == 2)
    assert [weir.stat("be", sv, "scur") for sv in "ab"] == [1, 3]
    let_through(gate, 6)
    for c in clients:
        assert c.response().status == 200
    assert gate.most == 4


def test_who_waits_too_long_gets_503_and_sQ(lab):
    log, gate = lab.sink(), Gate()
    a = lab.origin("a").on("/in", gate)
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "maxconn": 1}}, log=log,
                         timeout={"queue": "200ms"}), nbproc=2)
    first = asking(port, "/in")
    wait_until(lambda: gate.inside == 1)
    assert get(port, "/late").status == 503
    line = wait_until(lambda: log.find(r'"GET /late'), what="its line")[0]
    assert " sQ-- " in line and "be/<NOSRV> " in line
    times = line.split("be/<NOSRV> ")[1].split(" ")[0].split("/")
    assert 190 <= int(times[1]) < 1500 * SLOW
    gate.open(1)
    assert first.response().status == 200
    assert a.seen("/late") == []
    slots(weir, "a")


def test_a_client_that_leaves_the_queue_leaves_no_gap(lab):
    log, gate = lab.sink(), Gate()
    a = lab.origin("a").on("/1", gate).on("/2", gate).on("/3", gate)
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "maxconn": 1}}, log=log), nbproc=2)
    clients = []
    for i in (1, 2, 3):
        clients.append(asking(port, f"/{i}"))
        wait_until(lambda: gate.inside + queued(weir) == i)
    clients[1].reset()
    wait_until(lambda: queued(weir) == 1)
    line = wait_until(lambda: log.find(r'"GET /2'))[0]
    assert " CQ-- " in line
    gate.open(1)
    wait_until(lambda: gate.order == ["/1", "/3"])
    gate.open(1)
    assert clients[2].response().status == 200
    line = wait_until(lambda: log.find(r'"GET /3'))[0]
    assert " 0/1 " in line  # %sq/%bq: one was before it in the backend's line
    slots(weir, "a")


def test_maxqueue_refuses_what_would_wait_for_one_server(lab):
    log, gate = lab.sink(), Gate()
    a = lab.origin("a").on("/", gate)
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "maxconn": 1, "maxqueue": 2}}, log=log,
                         backend={"balance": "source"}), nbproc=2)
    clients = [asking(port)]
    wait_until(lambda: gate.inside == 1)
    for waiting in (1, 2):
        clients.append(asking(port))
        wait_until(lambda: queued(weir, "a") == waiting)
    assert get(port, "/more").status == 503
    assert " SQ-- " in wait_until(lambda: log.find(r'"GET /more'))[0]
    assert weir.stat("be", "a", "qlimit") == 2
    for _ in range(3):
        wait_until(lambda: gate.inside == 1)
        gate.open(1)
        wait_until(lambda: gate.inside + queued(weir, "a") < len(clients))
        assert clients.pop(0).response().status == 200


def test_a_reload_with_another_maxconn_is_obeyed_by_those_who_wait(lab):
    gate = Gate()
    a = lab.origin("a").on("/", gate)
    port = lab.port()

    def config(n):
        return web(port, {"a": {"address": a, "maxconn": n}})
    weir = lab.start(config(1), nbproc=2)
    clients = [asking(port) for _ in range(6)]
    wait_until(lambda: gate.inside == 1 and queued(weir) == 5)
    weir.reload(config(3))
    wait_until(lambda: gate.inside == 3, what="old workers obey the new limit")
    let_through(gate, 6)
    for c in clients:
        assert c.response().status == 200
    assert gate.most == 3


def test_those_who_wait_for_a_server_in_maintenance_go_to_another(lab):
    gate = Gate()
    a, b = lab.origin("a").on("/", gate), lab.origin("b").on("/", gate)
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "maxconn": 1},
                                "b": {"address": b, "maxconn": 8, "disabled": True}},
                         backend={"balance": "source"}), nbproc=2)
    clients = [asking(port) for _ in range(4)]
    wait_until(lambda: gate.inside == 1 and queued(weir, "a") == 3)
    weir.api("enable server be/b")
    weir.api("disable server be/a")
    wait_until(lambda: gate.inside == 4, what="the line moves")
    gate.open(4)
    for c in clients:
        assert c.response().status == 200
    slots(weir, "a", "b")


def test_when_the_last_server_leaves_nobody_waits_for_it(lab):
    gate = Gate()
    a = lab.origin("a").on("/", gate)
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "maxconn": 1}}), nbproc=2)
    first, second = asking(port), asking(port)
    wait_until(lambda: gate.inside == 1 and queued(weir) == 1)
    weir.api("disable server be/a")
    wait_until(lambda: queued(weir) == 0)
    gate.open(1)
    assert sorted(c.response().status for c in (first, second)) == [200, 503]


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_a_killed_workers_slots_go_to_those_who_wait(lab, mode):
    gate = Gate(keeps=mode == "http")
    a = lab.origin("a").on("/", gate)
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "maxconn": 4}}, mode=mode,
                         timeout={"queue": "8s"}), nbproc=8)
    clients = [asking(port) for _ in range(24)]
    wait_until(lambda: gate.inside == 4 and queued(weir) == 20)
    for pid in weir.workers()[:4]:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(weir.workers()) == 8)
    served = []

    def over():
        gate.open(4)
        for c in select.select([c.socket for c in clients], [], [], 0)[0]:
            with contextlib.suppress(OSError):
                served.append(b" 200 OK" in c.recv(65536))
            c.close()
        clients[:] = [c for c in clients if c.socket.fileno() >= 0]
        return not clients
    wait_until(over, 20, "all are served or gone")
    assert served.count(True) >= 4 and gate.most <= 4
    slots(weir, "a")


@NBPROC
def test_kills_and_reloads_never_let_an_eleventh_request_through(lab, nbproc):
    gate = Gate(hold_s=0.003)
    a = lab.origin("a").on("/", gate)
    port = lab.port()
    config = web(port, {"a": {"address": a, "maxconn": 10}}, timeout={"queue": "8s"})
    weir = lab.start(config, nbproc=nbproc)
    load = lab.load(port, mode="busy", clients=40)
    rng = random.Random(7)
    for turn in range(8):
        load.wait_ok(60)
        if turn % 4 == 3:
            weir.reload()
        else:
            weir.kill_worker(rng)
    load.wait_ok(200)
    load.end()
    assert gate.most <= 10
    slots(weir, "a")


@NBPROC
def test_idle_connections_are_kept_up_to_pool_max_conn_over_all_workers(lab, nbproc):
    gate = Gate()
    a = lab.origin("a").on("/", gate)
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "pool_max_conn": 3}},
                         backend={"http_reuse": "always"}), nbproc=nbproc)
    for _ in range(2):
        clients = [asking(port) for _ in range(16)]
        let_through(gate, 16)
        gate.order.clear()
        for c in clients:
            assert c.response().status == 200
            c.close()
        wait_until(lambda: len(a.open) <= 3, what="the others are closed")
        assert len(a.open) >= 1
    weir.wait_idle()


@NBPROC
def test_a_frontend_accepts_so_many_sessions_per_second(lab, nbproc):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a], frontend={"rate_limit": {"sessions": 20}}),
                     nbproc=nbproc)
    start = time.monotonic()
    clients = [asking(port) for _ in range(60)]
    wait_until(lambda: weir.stat("fe", "FRONTEND", "conn_tot") >= 20)
    seen = weir.stat("fe", "FRONTEND", "conn_tot")
    assert seen <= 20 * (1 + time.monotonic() - start)
    for c in clients:
        assert c.response().status == 200
    # two seconds at least for the forty that had to wait
    assert 1.9 <= time.monotonic() - start <= 6
    assert weir.stat("fe", "FRONTEND", "rate_lim") == 20


@NBPROC
def test_the_connections_of_killed_workers_do_not_count_as_idle(lab, nbproc):
    gate = Gate()
    a, port = lab.origin("a").on("/", gate), lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "pool_max_conn": 3}},
                         backend={"http_reuse": "always"}), nbproc=nbproc)
    for _ in range(3):
        clients = [asking(port) for _ in range(12)]
        let_through(gate, 12)
        gate.order.clear()
        for c in clients:
            assert c.response().status == 200
            c.close()
        wait_until(lambda: 1 <= len(a.open) <= 3, what="some are kept")
        old = weir.workers()
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not a.open and not set(old) & set(weir.workers()))
        wait_until(lambda: len(weir.workers()) == nbproc)


@NBPROC
def test_minconn_grows_with_the_load_up_to_maxconn(lab, nbproc):
    """maxconn * load / fullconn, at least minconn, over all workers."""
    gate = Gate()
    a, port = lab.origin("a").on("/", gate), lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "minconn": 2, "maxconn": 10}},
                         backend={"fullconn": 20}), nbproc=nbproc)
    clients = []
    for load, inside in ((3, 2), (8, 4), (16, 8), (20, 10), (30, 10)):
        while len(clients) < load:
            before = len(clients)
            clients.append(asking(port))
            wait_until(lambda: gate.inside + queued(weir) == before + 1)
        wait_until(lambda: gate.inside == inside, what=f"{inside} of {load}")
    let_through(gate, 30)
    for c in clients:
        assert c.response().status == 200
        c.close()
    assert gate.most == 10
    slots(weir, "a")


class Connections:
    """Most connections a server had open at once, closed ones not counted."""

    def __init__(self, origin):
        self.origin, self.most = origin, 0
        origin.on_head = self

    async def __call__(self, req, conn):
        here = list(self.origin.open)
        self.most = max(self.most, sum(not is_gone(c) for c in here))


@NBPROC
def test_strict_maxconn_counts_idle_connections_as_well(lab, nbproc):
    a = lab.origin("a")
    seen = Connections(a)
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "maxconn": 4, "strict_maxconn": True}},
                         backend={"http_reuse": "always"}), nbproc=nbproc)
    for _ in range(6):
        clients = [asking(port) for _ in range(24)]
        for c in clients:
            assert c.response().status == 200
            c.close()
    assert seen.most <= 4
    slots(weir, "a")
    assert len(a.open) <= 4


@NBPROC
def test_strict_maxconn_holds_through_kills_and_reloads(lab, nbproc):
    a = lab.origin("a")
    seen = Connections(a)
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "maxconn": 10, "strict_maxconn": True}},
                         timeout={"queue": "8s"}), nbproc=nbproc)
    load = lab.load(port, mode="busy", clients=40)
    rng = random.Random(11)
    for turn in range(8):
        load.wait_ok(60)
        if turn % 4 == 3:
            weir.reload()
        else:
            weir.kill_worker(rng)
    load.wait_ok(200)
    load.end()
    assert seen.most <= 10
    slots(weir, "a")


def is_muteable():
    with open(binary("WEIR", "weir"), "rb") as f:
        return b"WEIR_MUTE" in f.read()


@pytest.mark.skipif(not is_muteable(), reason="wake-ups are lost in builds with faults only")
@NBPROC
@pytest.mark.parametrize("strict", [False, True])
def test_lost_wake_ups_cost_milliseconds(lab, nbproc, strict):
    gate = Gate()
    a = lab.origin("a").on("/", gate)
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "maxconn": 1, "strict_maxconn": strict}}),
                     nbproc=nbproc, env={"WEIR_MUTE": "1"})
    clients = [asking(port) for _ in range(20)]
    wait_until(lambda: gate.inside == 1 and queued(weir) == 19)
    start = time.monotonic()
    let_through(gate, 20)
    assert time.monotonic() - start < 20 * 0.1 * SLOW
    for c in clients:
        assert c.response().status == 200
    assert gate.most == 1
    slots(weir, "a")
