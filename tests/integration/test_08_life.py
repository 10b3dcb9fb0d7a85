# SPDX-License-Identifier: MIT
"""Start, stop, start again: what is kept, what is left, who may run."""
import os
import re
import signal
import subprocess
import time

import pytest

from weirlab import Client, get, procs, wait_until
from weirlab import origin as do
from weirlab.config import web


@pytest.mark.smoke
@pytest.mark.parametrize("nbproc", [1, 2, 8])
def test_a_restart_keeps_every_count(lab, nbproc):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a, b]), nbproc=nbproc)
    for _ in range(10):
        get(port)
    wait_until(lambda: weir.stat("be", "BACKEND", "stot") == 10)
    rows = weir.stats()
    kept = {key: {f: row[f] for f in ("stot", "bin", "bout", "hrsp_2xx", "req_tot", "lbtot")}
            for key, row in rows.items()}
    assert weir.stop() == 0
    stopped = weir.stats()  # no daemon is needed to look
    for key, row in kept.items():
        assert {f: stopped[key][f] for f in row} == row
    assert "stop" in weir.ctl("info").stdout.lower()
    weir.start()
    for key, row in kept.items():
        assert {f: weir.stats()[key][f] for f in row} == row
    for _ in range(10):
        get(port)
    wait_until(lambda: weir.stat("be", "BACKEND", "stot") == 20)
    assert weir.stat("be", "a", "stot") == 10
    weir.stop()
    weir.args.append("--fresh-shm")
    weir.start()
    assert weir.stat("fe", "FRONTEND", "req_tot") == 0


def test_sigterm_finishes_what_is_in_flight(lab):
    a = lab.origin("a").on("/slow", do.delay(0.5))
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=2)
    with Client(port) as c:
        c.request("/slow")
        wait_until(lambda: a.seen("/slow"))
        weir.send_signal(signal.SIGTERM)
        r = c.response()
        assert r.text == "a" and r.get("Connection") == "close"
    wait_until(lambda: weir.process.poll() is not None)
    assert weir.process.returncode == 0
    with pytest.raises(ConnectionRefusedError):
        Client(port)
    assert not os.path.exists(weir.pidfile)


def test_sigterm_gives_up_at_the_drain_limit(lab):
    a = lab.origin("a").on("/hold", do.hang())
    port = lab.port()
    weir = lab.start(web(port, [a], top={"drain": {"timeout": "500ms", "close_spread": "100ms"}}),
                     nbproc=1)
    with Client(port) as c:
        c.request("/hold")
        wait_until(lambda: a.seen("/hold"))
        start = time.monotonic()
        weir.stop(signal.SIGTERM)
        assert 0.3 < time.monotonic() - start < 5


def test_sigint_ends_everything_within_a_second(lab):
    a = lab.origin("a").on("/hold", do.hang())
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=4)
    with Client(port) as c:
        c.request("/hold")
        wait_until(lambda: a.seen("/hold"))
        kids = weir.kids()
        start = time.monotonic()
        weir.send_signal(signal.SIGINT)
        wait_until(lambda: weir.process.poll() is not None, timeout=3)
        wait_until(lambda: not [k for k in kids if procs.is_alive(k)], timeout=3)
        assert time.monotonic() - start < 1.0
        c.expect_closed()


def test_sigint_also_ends_stopped_workers(lab):
    weir = lab.start(web(lab.port(), lab.origins("a"), top={"watchdog": "60s"}), nbproc=2)
    os.kill(weir.workers()[0], signal.SIGSTOP)
    weir.stop(signal.SIGINT, timeout=3)


def test_only_one_daemon_runs_on_a_region(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    weir.pidfile, kept = os.path.join(weir.dir, "other.pid"), weir.pidfile
    result = weir.run()
    weir.pidfile = kept
    assert result.returncode == 1
    assert "already running" in result.stderr and str(weir.pid) in result.stderr
    assert get(port).text == "a"
    assert weir.process.poll() is None


def test_daemon_mode_detaches_and_writes_its_pid(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.prepare(web(port, [a]), nbproc=2, args=["-D"])
    result = weir.run()
    assert result.returncode == 0, result.stderr
    with open(weir.pidfile) as f:
        pid = int(f.read())
    try:
        assert get(port).text == "a"  # it was ready when the starter returned
        assert procs.is_alive(pid)
        assert os.getsid(pid) != os.getsid(0)
        assert len(procs.children(pid)) == 4
        assert procs.status(pid)["PPid"] != str(os.getpid())
        kids = procs.children(pid)
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not procs.is_alive(pid) and not any(map(procs.is_alive, kids)),
               timeout=10, what="the daemon's end")
    assert not os.path.exists(weir.pidfile)


def test_daemon_mode_reports_a_failed_start(lab):
    weir = lab.prepare(web(lab.port(), lab.origins("a"), top={"daemon": True,
                                                              "user": "no-such-user-weirlab"}))
    result = weir.run()
    assert result.returncode == 1 and "no-such-user-weirlab" in result.stderr


def test_db_stays_in_the_foreground_with_all_processes(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a], top={"daemon": True}), nbproc=2, args=["-db"])
    assert weir.process.poll() is None and len(weir.kids()) == 4
    assert weir.reload().returncode == 0
    assert get(port).text == "a"


def test_debug_says_more_on_stderr(lab):
    a = lab.origin("a")
    port = lab.port()
    quiet = lab.start(web(lab.port(), [a]), nbproc=1, args=["-db"], name="quiet")
    debug = lab.start(web(port, [a]), nbproc=1, args=["-d"], name="debug")
    get(port)
    wait_until(lambda: len(debug.stderr) > len(quiet.stderr), what="debug lines")


def test_readiness_is_told_to_systemd(lab):
    import socket
    path = os.path.join(lab.dir, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(5)
        weir = lab.start(web(lab.port(), lab.origins("a")), nbproc=1,
                         env={"NOTIFY_SOCKET": path})
        assert "READY=1" in s.recv(4096).decode()  # before sockets for its store
        weir.send_signal(signal.SIGTERM)
        wait_until(lambda: weir.process.poll() is not None)
        rest = ""
        s.setblocking(False)
        try:
            while True:
                rest += s.recv(4096).decode() + "\n"
        except BlockingIOError:
            pass
        assert "STOPPING=1" in rest


@pytest.mark.root
def test_children_have_no_privileges(lab):
    a = lab.origin("a")
    port = lab.port()
    os.makedirs(os.path.join(lab.dir, "jail"))
    weir = lab.start(web(port, [a], top={"uid": 65534, "gid": 65534,
                                         "chroot": os.path.join(lab.dir, "jail")}), nbproc=2)
    assert get(port).text == "a"
    for pid in weir.kids():
        status = procs.status(pid)
        assert status["Uid"].split() == ["65534"] * 4, procs.title(pid)
        assert status["Gid"].split() == ["65534"] * 4
        assert status["Groups"].split() in ([], ["65534"])
        assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0
        assert status["NoNewPrivs"] == "1"
        assert os.readlink(f"/proc/{pid}/root") == os.path.join(lab.dir, "jail")
    assert procs.status(weir.pid)["Uid"].split()[0] == "0"
    assert weir.reload().returncode == 0
    assert get(port).text == "a"
    victim = weir.workers()[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in weir.workers() and len(weir.workers()) == 2)
    assert get(port).text == "a"


@pytest.mark.root
def test_user_and_group_by_name(lab):
    weir = lab.start(web(lab.port(), lab.origins("a"), top={"user": "nobody", "group": "nogroup"}),
                     nbproc=1)
    worker, = weir.workers()
    assert procs.status(worker)["Uid"].split()[0] == "65534"


@pytest.mark.root
def test_runs_without_root_too(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.prepare(web(port, [a]), nbproc=2,
                       prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    os.chmod(lab.shm_dir, 0o777)
    for path in (weir.dir, weir.conf_dir):
        os.chmod(path, 0o777)
    weir.start()
    assert get(port).text == "a"
    assert weir.reload().returncode == 0
    assert get(port).text == "a"


def test_children_are_pinned_as_cpu_map_says(lab):
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("one CPU")
    weir = lab.start(web(lab.port(), lab.origins("a"), top={"cpu_map": "auto"}), nbproc=2)
    pinned = [os.sched_getaffinity(pid) for pid in weir.workers()]
    assert all(len(p) == 1 for p in pinned) and pinned[0] != pinned[1]


def test_weirctl_watches(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    watch = subprocess.Popen([lab.weirctl, "-s", weir.shm, "-w", "1", "stats"], text=True,
                             stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        load = lab.load(port, "busy", clients=4)
        out = ""
        os.set_blocking(watch.stdout.fileno(), False)

        def thrice():
            nonlocal out
            out += os.read(watch.stdout.fileno(), 65536).decode()
            return len(re.findall(r"frontend", out)) >= 3
        wait_until(thrice, timeout=8, what="three rounds of weirctl -w 1")
        assert load.end()["failed"] == 0
    finally:
        watch.kill()
        watch.wait()
        watch.stdout.close()
