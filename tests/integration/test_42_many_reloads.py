# SPDX-License-Identifier: MIT
"""Reloads without end, and of a large configuration. WEIR_RELOADS sets how many."""
import os
import signal
import time

from weirlab import Client, get, procs, wait_until
from weirlab import origin as do
from weirlab.config import web
from weirlab.wait import SLOW

RELOADS = int(os.environ.get("WEIR_RELOADS", "60"))
WARM_UP = 20


def memory_kb(pid):
    """Private memory of a process; the region is none of it."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        fields = dict(line.split(":", 1) for line in f if ":" in line and "-" not in line)
    return sum(int(fields[name].split()[0]) for name in ("Private_Dirty", "Private_Clean"))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def region_bytes(weir):
    return os.stat(weir.shm).st_blocks * 512


def test_memory_and_descriptors_stay_flat(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    configs = [web(port, [a, b], every={"check": True}), web(port, [b, a])]
    weir = lab.start(configs[0], nbproc=2)
    load = lab.load(port, "think", clients=4, think_ms=50)
    before = None
    for n in range(RELOADS):
        if n == WARM_UP:
            before = procs.fds(weir.pid), memory_kb(weir.pid), region_bytes(weir)
        result = weir.reload(configs[n % 2])
        assert result.returncode == 0, result.stderr
    wait_until(lambda: len(weir.kids()) == 4, 30, "old generations' end")
    after = procs.fds(weir.pid), memory_kb(weir.pid), region_bytes(weir)
    print(f"descriptors, KB, bytes of the region: {before} -> {after}")
    assert load.end()["failures"] == {}
    assert after[0] <= before[0] + 2
    assert after[1] <= before[1] * 1.1 + 200
    assert after[2] <= before[2] * 1.02
    assert get(port).status == 200


def test_a_large_configuration_is_reloaded_without_a_failure(lab):
    a = lab.origin("a")
    port = lab.port()
    config = web(port, [a])
    for i in range(1000):
        config["backends"][f"b{i}"] = {
            "servers": {f"s{k}": f"127.0.0.{k + 1}:{9000 + k}" for k in range(10)}}
    weir = lab.start(config, nbproc=2)
    load = lab.load(port, "busy", clients=8)
    load.wait_ok(20)
    took, worked = [], []
    for _ in range(2):
        start, cpu = time.monotonic(), cpu_seconds(weir.pid)
        result = weir.reload(timeout=30)
        took.append(time.monotonic() - start)
        worked.append(cpu_seconds(weir.pid) - cpu)
        assert result.returncode == 0, result.stderr
        load.wait_ok(20)
    print(f"seconds: {took}, of the master's own work: {worked}")
    assert load.end()["failures"] == {}
    assert min(worked) < 1 * SLOW  # its share of a busy machine is not ours to choose


def test_reloads_wait_for_old_generations_and_are_one(lab):
    """drain.max_generations: while too many live, every wish is one reload later; after
    reload_max_delay the oldest must go."""
    a = lab.origin("a")
    a.on("/hold", do.hang())
    port = lab.port()
    drain = {"max_generations": 2, "reload_max_delay": "600ms"}
    weir = lab.start(web(port, [a], top={"drain": drain}), nbproc=1)
    with Client(port) as held:
        held.request("/hold")
        wait_until(lambda: a.seen("/hold"))
        old, = weir.workers()
        assert weir.reload().returncode == 0
        start, done = time.monotonic(), weir.counter("reload_ok")
        for n in range(5):
            weir.configure(web(port, [a], top={"drain": drain, "maxconn": 500 + n}))
            weir.send_signal(signal.SIGHUP)
        wait_until(lambda: weir.counter("reload_ok") == done + 1)
        assert time.monotonic() - start >= 0.5
        assert not procs.is_alive(old)
        assert "Maxconn: 504" in weir.ctl("info").stdout, "the newest files"
        assert f"pid {old}" in weir.stderr
        assert weir.stderr.count("a reload waits: 2 generations serve") == 1
    wait_until(lambda: len(weir.kids()) == 3)
    assert weir.counter("reload_ok") == done + 1
