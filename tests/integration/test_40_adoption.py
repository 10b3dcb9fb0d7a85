# SPDX-License-Identifier: MIT
"""The master is killed while its workers serve; they go on, and the next master takes over
what they have without anybody noticing."""
import os
import signal
import socket
import time

import pytest

from weirlab import Client, get, procs, wait_until
from weirlab import origin as do
from weirlab.config import web


def kill_master(weir):
    """The master alone; its children, who live on."""
    kids = weir.kids()
    os.kill(weir.pid, signal.SIGKILL)
    weir.process.wait()
    return kids


def alive(pids):
    return [pid for pid in pids if procs.is_alive(pid)]


def listening_cookies(port):
    """Inodes of the sockets that listen there."""
    out = set()
    with open("/proc/net/tcp") as f:
        for line in list(f)[1:]:
            words = line.split()
            if words[3] == "0A" and int(words[1].split(":")[1], 16) == port:
                out.add(words[9])
    return out


def test_without_their_master_they_serve_check_and_answer(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a, b], every={"check": True, "inter": "50ms", "fall": 2}),
                     nbproc=2)
    kids = kill_master(weir)
    wait_until(lambda: get(port).text == "a")
    b.stop()
    weir.wait_status("be", "b", "DOWN")
    assert "be,a," in weir.api("show stat")
    assert weir.api("set server be/a weight 7").strip() == ""
    assert get(port).text == "a"
    assert alive(kids) == kids
    result = weir.ctl("reload", check=False)
    assert result.returncode == 1
    assert "master" in result.stderr


@pytest.mark.smoke
@pytest.mark.parametrize("nbproc", [1, 2, 8])
def test_a_new_master_takes_over_under_load_without_a_failure(lab, nbproc):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a, b], every={"check": True, "inter": "100ms"}),
                     nbproc=nbproc)
    loads = [lab.load(port, "busy", clients=8), lab.load(port, "think", clients=8),
             lab.load(port, "close", clients=4)]
    for load in loads:
        load.wait_ok(20)
    before = listening_cookies(port)
    for _ in range(2):
        kids = kill_master(weir)
        for load in loads:
            load.wait_ok(20)
        assert alive(kids) == kids
        weir.start()
        for load in loads:
            load.wait_ok(20)
        wait_until(lambda: not alive(kids), 15, "the old processes' end")
        assert len(weir.workers()) == nbproc
    assert listening_cookies(port) == before, "the same sockets"
    results = [load.end() for load in loads]
    assert [r["failures"] for r in results] == [{}, {}, {}], results
    weir.wait_idle()
    assert weir.stat("fe", "FRONTEND", "req_tot") == sum(r["ok"] for r in results)
    assert weir.reload().returncode == 0
    assert get(port).status == 200
    assert weir.stop() == 0


def test_requests_in_flight_end_in_the_old_workers(lab):
    a = lab.origin("a")
    a.on("/hold", do.hang())
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=2)
    with Client(port) as held:
        held.request("/hold")
        wait_until(lambda: a.seen("/hold"))
        old = kill_master(weir)
        weir.start()
        wait_until(lambda: len(alive(old)) == 1, what="one old worker is left")
        row, = [line for line in weir.ctl("procs").stdout.splitlines() if "draining" in line]
        assert str(alive(old)[0]) in row
        assert weir.stat("be", "a", "scur") == 1
        assert get(port).text == "a"
        held.reset()
    wait_until(lambda: not alive(old), what="its end")
    weir.wait_idle()


def test_a_killed_orphan_gives_back_what_it_held(lab):
    a = lab.origin("a")
    a.on("/hold", do.hang())
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    with Client(port) as held:
        held.request("/hold")
        wait_until(lambda: a.seen("/hold"))
        old = kill_master(weir)
        weir.start()
        wait_until(lambda: len(alive(old)) == 1)
        os.kill(alive(old)[0], signal.SIGKILL)
        weir.wait_idle()
        assert get(port).text == "a"


def test_health_and_leases_pass_to_the_successors(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a, b], every={"check": True, "inter": "50ms", "fall": 2,
                                              "rise": 2}), nbproc=2)
    b.stop()
    weir.wait_status("be", "b", "DOWN")
    old = kill_master(weir)
    weir.start()
    assert weir.status("be", "b").startswith("DOWN")
    wait_until(lambda: not alive(old), what="their end")
    a.stop()
    weir.wait_status("be", "a", "DOWN")  # by the new checker
    assert "is not running" not in weir.ctl("info").stderr
    assert weir.api("disable server be/a").strip() == ""
    weir.wait_status("be", "a", "MAINT")


def test_a_failed_start_leaves_the_old_processes_alone(lab):
    a = lab.origin("a")
    port = lab.port()
    good = web(port, [a])
    weir = lab.start(good, nbproc=2)
    kids = kill_master(weir)
    for bad in ("defaults: {mode: htpt}\n", web(1, [a], frontend={"bind": "203.0.113.7:1"})):
        weir.configure(bad)
        assert weir.run().returncode == 1
        assert alive(kids) == kids
        assert get(port).text == "a"
    weir.configure(good)
    weir.start()
    wait_until(lambda: not alive(kids), what="the old processes' end")
    assert get(port).text == "a"


def _accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return False
    return True


def test_the_new_master_may_have_another_configuration(lab):
    a, b = lab.origins("ab")
    port, other = lab.port(), lab.port()
    weir = lab.start(web(port, [a]), nbproc=2)
    kids = kill_master(weir)
    weir.configure(web(other, [b]))
    weir.start()
    assert get(other).text == "b"
    wait_until(lambda: not alive(kids), what="the old processes' end")
    # the master's own copy goes when nobody accepts from it any more
    wait_until(lambda: not _accepts(port))


def test_the_number_of_workers_may_change(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a], top={"nbproc": 2}))
    load = lab.load(port, "busy", clients=8)
    for nbproc in (4, 1):
        load.wait_ok(20)
        kids = kill_master(weir)
        weir.configure(web(port, [a], top={"nbproc": nbproc}))
        weir.start()
        wait_until(lambda: not alive(kids), what="the old processes' end")
        assert len(weir.workers()) == nbproc
    load.wait_ok(20)
    assert load.end()["failures"] == {}


@pytest.mark.root
def test_without_the_right_to_take_sockets_it_binds_beside(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a], top={"user": "nobody"}), nbproc=2)
    kids = kill_master(weir)
    weir.prefix = ["capsh", "--drop=cap_sys_ptrace", "--", "-c", 'exec "$0" "$@"']
    weir.start()
    assert "CAP_SYS_PTRACE" in weir.stderr
    wait_until(lambda: not alive(kids), what="the old processes' end")
    for _ in range(4):
        assert get(port).text == "a"
    assert weir.api("show info").startswith("Name: weir")


def test_unix_sockets_and_log_lines_go_on(lab):
    a = lab.origin("a")
    port = lab.port()
    path = os.path.join(lab.dir, "front.sock")
    log = os.path.join(lab.dir, "log.txt")
    weir = lab.start(web(port, [a], frontend={"bind": [f"127.0.0.1:{port}", f"unix@{path}"]},
                         log=f"file@{log}"), nbproc=2)
    get(port)
    inode = os.stat(path).st_ino
    with Client(port) as kept:
        assert kept.ask("/one").text == "a"
        kids = kill_master(weir)
        weir.start()
        assert os.stat(path).st_ino == inode
        assert kept.ask("/two").text == "a"
    wait_until(lambda: not alive(kids), what="the old processes' end")
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(b"GET /three HTTP/1.0\r\n\r\n")
        assert s.recv(9) == b"HTTP/1.1 "

    def lines():
        with open(log) as f:
            return f.read()

    wait_until(lambda: "/two" in lines() and "/three" in lines(), what="both lines")


def test_fresh_shm_ends_whoever_served(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=2)
    kids = kill_master(weir)
    weir.args = ["--fresh-shm"]
    weir.start()
    assert not alive(kids)
    assert get(port).text == "a"


def test_a_master_killed_during_a_reload_leaves_nothing_behind(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=2)
    load = lab.load(port, "busy", clients=8)
    for delay_ms in (0, 5, 10, 20, 30, 60):
        load.wait_ok(20)
        weir.send_signal(signal.SIGHUP)
        until = time.monotonic() + delay_ms / 1000
        wait_until(lambda: time.monotonic() >= until, every=0.001)
        kids = kill_master(weir)
        weir.known.update(kids)
        weir.start()
        wait_until(lambda: not alive(kids), what="the old processes' end")
        assert len(weir.workers()) == 2
        assert len(weir.of_role("checker")) == len(weir.of_role("control")) == 1
    load.wait_ok(20)
    assert load.end()["failures"] == {}


def test_stick_tables_and_limits_go_on_exactly(lab):
    """One limit over the workers of two masters, asked all the while."""
    a, port = lab.origin("a"), lab.port()
    config = web(port, [a], frontend={"http_request": [
        {"track_sc0": {"key": "req.hdr(x-user)", "table": "users"}},
        {"deny": {"status": 429}, "if": "{ sc_http_req_cnt(0) gt 30 }"}]})
    config["tables"] = {"users": {"type": "string", "size": 100, "expire": "10m",
                                  "store": ["http_req_cnt", "conn_cur"]}}
    weir = lab.start(config, nbproc=2)
    statuses = []
    with Client(port) as kept:
        for _ in range(3):
            for _ in range(8):
                statuses.append(kept.ask(fields=[("X-User", "ann")]).status)
            kids = kill_master(weir)
            statuses.append(get(port, fields=[("X-User", "ann")]).status)
            weir.start()
            statuses.append(get(port, fields=[("X-User", "ann")]).status)
            statuses.append(kept.ask(fields=[("X-User", "ann")]).status)  # announces the end
            kept.close()
            wait_until(lambda: not alive(kids), what="the old processes' end")
            kept.__init__(port)
        statuses.append(kept.ask(fields=[("X-User", "ann")]).status)
    assert statuses == [200] * 30 + [429] * 4
    wait_until(lambda: "conn_cur=0" in weir.ctl("show", "table", "users").stdout)
