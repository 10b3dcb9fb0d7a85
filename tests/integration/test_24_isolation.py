# SPDX-License-Identifier: MIT
"""Connections do not touch each other: an answer meets its own question whoever breaks
off, bodies arrive as they were sent, and slow or messy clients cost what they may."""
import os
import random
import subprocess
import time

import pytest

from weirlab import Client, wait_until
from weirlab.config import web
from weirlab.rough import Rough, answering
from weirlab.weir import ROOT

CONNECTIONS, ASKS = 200, 15


@pytest.mark.parametrize("nbproc", [1, 2])
@pytest.mark.parametrize("messy", [False, True], ids=["clean", "messy"])
def test_every_answer_meets_its_question_with_every_byte(lab, nbproc, messy):
    rng, port = random.Random(nbproc), lab.port()
    origins = lab.origins("ab")
    for o in origins:
        o.default = answering(rng, messy)
    weir = lab.start(web(port, origins, defaults={"http_reuse": "always"}), nbproc=nbproc)
    crowd = Rough(port, nbproc, CONNECTIONS, ASKS, messy).run()
    assert crowd.wrong == []
    if messy:
        assert crowd.right > CONNECTIONS * ASKS / 2
        assert crowd.left > 50 and crowd.broken > 50
    else:
        assert (crowd.right, crowd.broken) == (CONNECTIONS * ASKS, 0)
    weir.wait_idle()


# --- memory and descriptors ----------------------------------------------------------
def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.release
def test_many_slow_readers_of_a_large_body_cost_a_buffer_each(lab):
    """100 MB to each of 100 clients that read a little: the size of the body is nowhere
    in the worker's memory."""
    clients_n, size = 100, 100_000_000
    piece = b"x" * 65536

    async def large(req, conn):
        conn.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        while True:
            conn.write(piece)
            await conn.writer.drain()
    a, port = lab.origin("a").on("/large", large), lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    pid, = weir.workers()
    clients = [Client(port, rcvbuf=8192) for _ in range(clients_n)]
    try:
        for c in clients:
            assert c.ask("/").status == 200
        before = pss(pid)
        for c in clients:
            c.request("/large")
        most = 0
        for _ in range(20):
            for c in clients:
                c.read_bytes(20_000)
            most = max(most, pss(pid) - before)
        each = most / clients_n
        print(f"{each:.0f} bytes for each slow reader")
        assert each < 64 * 1024
        assert weir.stat("fe", "FRONTEND", "scur") == clients_n
    finally:
        for c in clients:
            c.reset()
    weir.wait_idle()
    wait_until(lambda: not a.open, what="the servers' connections closed")


def mess(lab):
    """tests/bench/mess.c, compiled."""
    program = os.path.join(lab.dir, "mess")
    subprocess.run(["cc", "-O2", "-o", program, f"{ROOT}/tests/bench/mess.c"], check=True)
    return program


@pytest.mark.parametrize("nbproc", [1, 2])
def test_a_great_many_messy_connections_leave_nothing_behind(lab, nbproc):
    """Half heads, half bodies, garbage, pipelines nobody reads, resets everywhere. More of
    them: WEIRLAB_MESS=1000000."""
    wanted = int(os.environ.get("WEIRLAB_MESS", "6000"))
    a, port = lab.origin("a"), lab.port()
    weir = lab.start(web(port, [a], timeout={"http_request": "2s", "client": "2s"},
                         every={"pool_purge_delay": "200ms"}), nbproc=nbproc)
    program = mess(lab)
    workers = weir.workers()

    def make(n):
        start = time.monotonic()
        out = subprocess.run([program, str(port), str(n)], capture_output=True, text=True)
        took = time.monotonic() - start
        assert out.returncode == 0, out.stderr
        weir.wait_idle(10)
        wait_until(lambda: not a.open, 10, "no connection to the server left")
        return took
    make(2000)  # slabs, pipes and the like are made
    before = [(pss(pid), descriptors(pid)) for pid in workers]
    took = make(wanted)
    after = [(pss(pid), descriptors(pid)) for pid in workers]
    print(f"{wanted} in {took:.1f} s; Pss and descriptors {before} -> {after}")
    assert weir.workers() == workers
    assert [fds for _, fds in after] == [fds for _, fds in before]
    if not lab.sanitized:
        for (was, _), (now, _) in zip(before, after):
            assert now - was < 2 << 20
    assert weir.stat("fe", "FRONTEND", "conn_tot") >= wanted
