# SPDX-License-Identifier: MIT
"""A new configuration takes over, or does not; nobody in front of weir notices."""
import os
import signal
import socket
import time

import pytest

from weirlab import Client, get, procs, wait_until
from weirlab import origin as do
from weirlab.config import web


@pytest.mark.smoke
def test_a_reload_takes_the_new_configuration(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=2)
    old = weir.workers()
    assert get(port).text == "a"
    result = weir.reload(web(port, [b]))
    assert result.returncode == 0, result.stderr
    assert get(port).text == "b"
    wait_until(lambda: not set(old) & set(weir.kids()), what="the old generation's end")
    assert len(weir.workers()) == 2
    assert weir.counter("reload_ok") == 1
    weir.configure(web(port, [a]))
    weir.send_signal(signal.SIGHUP)
    wait_until(lambda: get(port).text == "a")


def test_numbers_and_stable_objects_survive_a_reload(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a, b]), nbproc=2)
    for _ in range(10):
        get(port)
    wait_until(lambda: weir.stat("be", "BACKEND", "stot") == 10)
    assert weir.reload(web(port, {"b": b, "c": a})).returncode == 0
    for _ in range(10):
        get(port)
    wait_until(lambda: weir.stat("be", "BACKEND", "stot") == 20)
    assert weir.stat("be", "b", "stot") == 10  # went on
    assert weir.stat("be", "c", "stot") == 5   # is new
    assert weir.stat("fe", "FRONTEND", "req_tot") == 20


@pytest.mark.parametrize("how", ["syntax", "unknown backend", "missing file"])
def test_a_broken_configuration_changes_nothing(lab, how):
    a = lab.origin("a")
    port = lab.port()
    good = web(port, [a])
    weir = lab.start(good, nbproc=2)
    before = weir.kids()
    with Client(port) as kept:
        assert kept.ask("/").text == "a"
        if how == "syntax":
            weir.configure("defaults: {mode: http, retires: 3}\n")
        elif how == "unknown backend":
            bad = web(port, [a])
            bad["frontends"]["fe"]["default_backend"] = "nope"
            weir.configure(bad)
        else:
            os.rename(weir.conf_dir, weir.conf_dir + ".away")
        result = weir.ctl("reload", "--wait", "10", check=False)
        assert result.returncode == 1
        said = {"syntax": ["10-test.yaml:1:", "retires", "retries"],
                "unknown backend": ["10-test.yaml:", "nope"],
                "missing file": [weir.conf_dir]}[how]
        for word in said:
            assert word in result.stderr
        assert weir.kids() == before
        assert kept.ask("/").text == "a"
    assert get(port).text == "a"
    assert weir.counter("reload_failed") == 1
    assert "FAIL" in weir.ctl("info").stdout.upper() or "refused" in weir.ctl("info").stdout
    if how == "missing file":
        os.rename(weir.conf_dir + ".away", weir.conf_dir)
    assert weir.reload(good).returncode == 0


def test_a_taken_port_rolls_the_reload_back(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=2)
    before = weir.kids()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        taken = other.getsockname()[1]
        config = web(port, [a], frontend={"bind": [f"127.0.0.1:{port}", f"127.0.0.1:{taken}"]})
        result = weir.reload(config)
        assert result.returncode == 1 and f"127.0.0.1:{taken}" in result.stderr
        assert weir.kids() == before
        assert get(port).text == "a"
    result = weir.reload()
    assert result.returncode == 0, result.stderr
    assert get(taken).text == "a"


def test_addresses_come_and_go(lab):
    a = lab.origin("a")
    one, two = lab.port(), lab.port()
    weir = lab.start(web(one, [a]), nbproc=2)
    assert weir.reload(web(two, [a])).returncode == 0
    assert get(two).text == "a"

    def closed():
        try:
            Client(one).close()
        except ConnectionRefusedError:
            return True
    wait_until(closed, what="the old address closed")


@pytest.mark.parametrize("steps", [(1, 4, 2, 1, 3)])
def test_the_number_of_workers_may_change(lab, steps):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a], top={"nbproc": steps[0]}))
    load = lab.load(port, "close", clients=8)
    for n in steps[1:]:
        load.wait_ok(50)
        assert weir.reload(web(port, [a], top={"nbproc": n})).returncode == 0
        wait_until(lambda: len(weir.workers()) == n, what=f"{n} workers")
    load.wait_ok(50)
    result = load.end()
    assert result["failed"] == 0, result
    wait_until(lambda: weir.stat("fe", "FRONTEND", "req_tot") == result["sent"])


def test_a_request_in_flight_is_finished_by_the_old_worker(lab):
    a = lab.origin("a").on("/slow", do.delay(1.0))
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    old, = weir.workers()
    with Client(port) as c:
        c.request("/slow")
        wait_until(lambda: a.seen("/slow"))
        assert weir.reload().returncode == 0
        r = c.response()
        assert r.text == "a" and r.get("Connection") == "close"
        c.expect_closed()
    wait_until(lambda: not procs.is_alive(old))


def test_an_idle_client_connection_is_told_before_it_is_closed(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    with Client(port) as c:
        assert c.ask("/").text == "a"
        assert weir.reload().returncode == 0
        r = c.ask("/")
        assert r.text == "a" and r.get("Connection") == "close"
        c.expect_closed()


def test_a_tunnel_lives_until_the_drain_limit(lab):
    async def echo(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
    t = lab.origin("t", tcp=echo)
    port = lab.port()
    weir = lab.start(web(port, [t], mode="tcp",
                         top={"drain": {"timeout": "1500ms", "close_spread": "100ms"}}), nbproc=1)
    old, = weir.workers()
    with Client(port) as c:
        c.send("one")
        assert c.read_bytes(3) == b"one"
        assert weir.reload().returncode == 0
        c.send("two")
        assert c.read_bytes(3) == b"two"
        assert procs.is_alive(old)
        assert str(old) in weir.ctl("procs").stdout
        c.expect_closed()
    wait_until(lambda: not procs.is_alive(old))


@pytest.mark.smoke
def test_reloads_under_load_lose_no_request(lab):
    """Busy, thinking and closing clients; a reload every 500 ms for 10 s."""
    a, b = lab.origins("ab")
    port = lab.port()
    config = web(port, [a, b], defaults={"timeout": {"connect": "5s", "client": "20s",
                                                     "server": "20s", "http_keep_alive": "20s"}})
    weir = lab.start(config, nbproc=2)
    crowd = [lab.load(port, "busy", clients=8), lab.load(port, "think", clients=16, think_ms=20),
             lab.load(port, "close", clients=4)]
    for load in crowd:
        load.wait_ok(20)
    seconds = float(os.environ.get("WEIRLAB_RELOAD_SECONDS", "10"))
    end = time.monotonic() + seconds
    reloads = 0
    while time.monotonic() < end:
        next_at = time.monotonic() + 0.5
        weir.send_signal(signal.SIGHUP)
        reloads += 1
        wait_until(lambda: time.monotonic() >= next_at)  # the interval is what is tested
        weir.kids()
    wait_until(lambda: weir.counter("reload_ok") >= reloads * 0.6, what="most reloads done")
    for load in crowd:
        load.wait_ok(20)
    results = [load.end() for load in crowd]
    assert [r["failures"] for r in results] == [{}, {}, {}], results
    sent = sum(r["sent"] for r in results)
    assert sum(r["ok"] for r in results) == sent
    wait_until(lambda: weir.stat("fe", "FRONTEND", "req_tot") == sent,
               what=f"req_tot {weir.stat('fe', 'FRONTEND', 'req_tot')} == {sent}")
    assert len(a.seen()) + len(b.seen()) == sent
    wait_until(lambda: len(weir.workers()) == 2, timeout=15, what="old generations gone")
    weir.wait_idle()


def test_reloads_asked_for_during_a_reload_become_one(lab):
    weir = lab.start(web(lab.port(), lab.origins("a")), nbproc=2)
    for _ in range(30):
        weir.send_signal(signal.SIGHUP)
    wait_until(lambda: weir.counter("reload_ok") >= 1)
    assert weir.reload().returncode == 0
    assert weir.counter("reload_ok") < 20
    assert len(weir.kids()) < 20


def test_many_reloads_leak_no_descriptor_and_no_memory(lab):
    weir = lab.start(web(lab.port(), lab.origins("a")), nbproc=1)

    def memory_kb():
        with open(f"/proc/{weir.pid}/smaps_rollup") as f:
            return int(next(line for line in f if line.startswith("Private_Dirty")).split()[1])

    def settle():
        wait_until(lambda: len(weir.kids()) == 3, timeout=10, what="one generation")
    for _ in range(3):
        assert weir.reload().returncode == 0
    settle()
    before, fds = memory_kb(), procs.fds(weir.pid)
    for _ in range(30):
        assert weir.reload().returncode == 0
    settle()
    assert procs.fds(weir.pid) == fds
    assert memory_kb() < before + 400, (before, memory_kb())


def test_runtime_changes_survive_a_reload_unless_the_file_changed_them(lab):
    a, b = lab.origins("ab")
    port = lab.port()

    def config(weight):
        return web(port, {"a": {"address": a, "weight": weight}, "b": b})
    weir = lab.start(config(1), nbproc=2)
    weir.api("set server be/a weight 3")
    weir.api("disable server be/b")
    wait_until(lambda: weir.stat("be", "a", "weight") == 3)
    assert weir.reload().returncode == 0
    assert weir.stat("be", "a", "weight") == 3
    assert weir.status("be", "b").startswith("MAINT")
    assert weir.reload(config(2)).returncode == 0
    assert weir.stat("be", "a", "weight") == 2
    assert weir.status("be", "b").startswith("MAINT")
