# SPDX-License-Identifier: MIT
"""Limits of servers over generations: old workers obey what a reload has changed, and
nothing that is killed meanwhile takes a slot along."""
import os
import random
import signal

import pytest

from weirlab import Client, wait_until
from weirlab.config import web
from weirlab.gate import Gate, is_gone

EVERYWHERE = [pytest.mark.parametrize("nbproc", [1, 2, 8]),
              pytest.mark.parametrize("strict", [False, True])]


def everywhere(test):
    for mark in EVERYWHERE:
        test = mark(test)
    return test


def config(port, a, maxconn, strict, **kwargs):
    return web(port, {"a": {"address": a, "maxconn": maxconn, "strict_maxconn": strict}},
               timeout={"queue": "8s"}, **kwargs)


def asking(port, target="/"):
    c = Client(port)
    c.request(target)
    return c


def queued(weir):
    return weir.stat("be", "BACKEND", "qcur")


class Connections:
    """Most connections a server had open at once, closed ones not counted."""

    def __init__(self, origin):
        self.origin, self.most = origin, 0
        origin.on_head = self

    def now(self):
        return sum(not is_gone(c) for c in list(self.origin.open))

    async def __call__(self, req, conn):
        now = self.now()
        if now > self.most:  # max() would write back what the test has just set to 0
            self.most = now


def nothing_is_left(weir):
    wait_until(lambda: weir.stat("be", "a", "scur") == 0 and queued(weir) == 0, what="idle")
    assert weir.ctl("check").returncode == 0
    weir.wait_idle()


@everywhere
def test_draining_workers_obey_a_lower_maxconn(lab, nbproc, strict):
    gate = Gate()
    a, port = lab.origin("a").on("/", gate).on("/new", gate), lab.port()
    weir = lab.start(config(port, a, 6, strict), nbproc=nbproc)
    old = [asking(port) for _ in range(20)]
    wait_until(lambda: gate.inside == 6 and queued(weir) == 14)
    assert weir.reload(config(port, a, 2, strict)).returncode == 0
    new = [asking(port, "/new") for _ in range(4)]
    wait_until(lambda: queued(weir) == 18)
    gate.open(4)
    wait_until(lambda: gate.inside == 2, what="four have left, nobody came")
    assert len(gate.order) == 6
    gate.most = 0

    def over():
        gate.open(2)
        return len(gate.order) == 24 and gate.inside == 0
    wait_until(over, what="all are served")
    assert gate.most <= 2
    # one line over both generations: those who came first are served first
    # (the two that are let in at once may overtake each other on their way)
    assert gate.order.count("/new") == 4
    assert gate.order[gate.order.index("/new"):].count("/") <= 1
    for c in old + new:
        assert c.response().status == 200
        c.close()
    nothing_is_left(weir)


@everywhere
def test_draining_workers_use_a_higher_maxconn(lab, nbproc, strict):
    gate = Gate()
    a, port = lab.origin("a").on("/", gate), lab.port()
    weir = lab.start(config(port, a, 2, strict), nbproc=nbproc)
    old = [asking(port) for _ in range(12)]
    wait_until(lambda: gate.inside == 2 and queued(weir) == 10)
    assert weir.reload(config(port, a, 7, strict)).returncode == 0
    wait_until(lambda: gate.inside == 7 and queued(weir) == 5)
    # no limit at all: those who wait go on, too
    assert weir.reload(web(port, [a])).returncode == 0
    wait_until(lambda: gate.inside == 12)
    gate.open(12)
    for c in old:
        assert c.response().status == 200
        c.close()
    nothing_is_left(weir)


@everywhere
def test_limits_hold_while_old_and_new_workers_are_killed(lab, nbproc, strict):
    gate = Gate(hold_s=0.003)
    a, port = lab.origin("a").on("/", gate), lab.port()
    connections = Connections(a)
    weir = lab.start(config(port, a, 8, strict), nbproc=nbproc)
    load = lab.load(port, mode="busy", clients=30)
    rng = random.Random(13)
    for limit in (5, 8, 3, 8, 2):
        load.wait_ok(40)
        assert weir.reload(config(port, a, limit, strict)).returncode == 0
        weir.kill_worker(rng)  # of either generation
    load.wait_ok(40)
    assert gate.most <= 8 and (connections.most <= 8 or not strict)
    wait_until(lambda: len(weir.workers()) == nbproc, what="the old ones are gone")
    wait_until(lambda: gate.inside <= 2 and (not strict or connections.now() <= 2))
    gate.most = connections.most = 0
    load.wait_ok(100)
    weir.kill_worker(rng)
    load.wait_ok(60)
    load.end()
    assert 0 < gate.most <= 2 and (connections.most <= 2 or not strict)
    nothing_is_left(weir)


@pytest.mark.parametrize("nbproc", [1, 8])
@pytest.mark.parametrize("strict", [False, True])
def test_a_stopped_worker_keeps_its_slots_and_delays_nobody_else(lab, nbproc, strict):
    """It may run again, so what it holds is in use at the server."""
    gate = Gate()
    a, port = lab.origin("a").on("/", gate), lab.port()
    weir = lab.start(config(port, a, 4, strict, top={"watchdog": "10m"}), nbproc=nbproc)
    held = [asking(port) for _ in range(3)]
    wait_until(lambda: gate.inside == 3)
    victims = weir.workers()
    for pid in victims:
        os.kill(pid, signal.SIGSTOP)
    try:
        result = weir.reload(config(port, a, 4, strict))
        assert result.returncode == 0, result.stderr
        more = [asking(port) for _ in range(6)]
        wait_until(lambda: gate.inside == 4, what="the one free slot is used")
        wait_until(lambda: queued(weir) == 5)
        gate.open(4)
        for n in range(5, 10):  # the three that are answered still count
            wait_until(lambda: len(gate.order) == n and gate.inside == 1)
            gate.open(1)
        assert gate.most == 4
        for c in more:
            assert c.response().status == 200
    finally:
        for pid in victims:
            os.kill(pid, signal.SIGCONT)
    for c in held:
        assert c.response().status == 200
    for c in held + more:
        c.close()
    nothing_is_left(weir)
