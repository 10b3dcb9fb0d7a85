# SPDX-License-Identifier: MIT
"""SIGUSR2: another binary takes the place of the running one, in the same process."""
import os
import shutil
import signal

import pytest

from weirlab import Client, get, procs, wait_until
from weirlab.config import web


@pytest.fixture
def program(lab):
    """A binary of our own that can be replaced: program(text) writes a script there,
    program() the real thing."""
    real, path = lab.weir, os.path.join(lab.dir, "weir-to-replace")

    def write(script=None):
        if script:
            with open(path + ".new", "w") as f:
                f.write("#!/bin/bash\n" + script.replace("WEIR", real))
            os.chmod(path + ".new", 0o755)
        else:
            shutil.copy(real, path + ".new")
        os.rename(path + ".new", path)

    write()
    lab.weir = path
    return write


def alive(pids):
    return [pid for pid in pids if procs.is_alive(pid)]


def inode(pid):
    return os.stat(f"/proc/{pid}/exe").st_ino


def all_run_the_same(weir):
    try:
        return all(inode(pid) == inode(weir.pid) for pid in weir.kids())
    except FileNotFoundError:  # one of them has just ended
        return False


@pytest.mark.parametrize("nbproc", [1, 2, 8])
def test_a_new_binary_takes_over_under_load_without_a_failure(lab, program, nbproc):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a, b], every={"check": True, "inter": "100ms"}),
                     nbproc=nbproc)
    loads = [lab.load(port, "busy", clients=8), lab.load(port, "think", clients=8),
             lab.load(port, "close", clients=4)]
    for _ in range(2):
        for load in loads:
            load.wait_ok(20)
        old, was = weir.kids(), inode(weir.pid)
        program()
        weir.send_signal(signal.SIGUSR2)
        wait_until(lambda: not alive(old), 15, "the old processes' end")
        wait_until(lambda: len(weir.workers()) == nbproc)
        assert inode(weir.pid) != was
        assert procs.is_alive(weir.pid)
        wait_until(lambda: all_run_the_same(weir), what="every process is the new program")
    for load in loads:
        load.wait_ok(20)
    results = [load.end() for load in loads]
    assert [r["failures"] for r in results] == [{}, {}, {}], results
    weir.wait_idle()
    assert weir.stat("fe", "FRONTEND", "req_tot") == sum(r["ok"] for r in results)
    assert weir.reload().returncode == 0
    with open(weir.pidfile) as f:
        assert int(f.read()) == weir.pid
    assert weir.stop() == 0
    assert not os.path.exists(weir.pidfile)


def test_it_takes_the_configuration_as_it_is_now(lab, program):
    a, b = lab.origins("ab")
    port, other = lab.port(), lab.port()
    weir = lab.start(web(port, [a]), nbproc=2)
    old = weir.kids()
    weir.configure(web(other, [b]))
    weir.send_signal(signal.SIGUSR2)
    wait_until(lambda: not alive(old), what="the old processes' end")
    assert get(other).text == "b"
    with pytest.raises(ConnectionRefusedError):
        get(port)


@pytest.mark.parametrize("script", ["echo broken; exit 3\n", "kill -SEGV $$\n"])
def test_a_binary_that_does_not_like_what_it_finds_changes_nothing(lab, program, script):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=2)
    kids = weir.kids()
    program(script)
    weir.send_signal(signal.SIGUSR2)
    wait_until(lambda: "SIGUSR2 refused, nothing changed" in weir.stderr)
    wait_until(lambda: "broken" in weir.stderr or "signal 11" in weir.stderr)
    assert weir.kids() == kids
    assert get(port).text == "a"
    program()
    weir.send_signal(signal.SIGUSR2)
    wait_until(lambda: not alive(kids), what="the old processes' end")
    assert get(port).text == "a"


def test_a_configuration_with_a_mistake_is_noticed_before(lab, program):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=2)
    kids = weir.kids()
    weir.configure("defaults: {mode: htpt}\n")
    weir.send_signal(signal.SIGUSR2)
    wait_until(lambda: "SIGUSR2 refused" in weir.stderr and "10-test.yaml:1:" in weir.stderr)
    assert weir.kids() == kids
    assert get(port).text == "a"


@pytest.mark.parametrize("how", ["cannot read", "cannot start"])
def test_a_binary_that_fails_afterwards_supervises_the_old_workers(lab, program, how):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=2)
    kids = weir.kids()
    # its trial is blind to what is wrong with the configuration
    program('case " $* " in *" -c "*) exit 0;; esac\nexec -a "$0" WEIR "$@"\n')
    weir.configure("defaults: {mode: htpt}\n" if how == "cannot read"
                   else web(port, [a], top={"chroot": "/nonexistent"}))
    for _ in range(2):
        n = weir.stderr.count("SIGUSR2 tries again")
        weir.send_signal(signal.SIGUSR2)
        wait_until(lambda: weir.stderr.count("SIGUSR2 tries again") == n + 1)
        assert weir.kids() == kids
        assert get(port).text == "a"
    program()
    weir.configure(web(port, [a]))
    weir.send_signal(signal.SIGUSR2)
    wait_until(lambda: not alive(kids), what="the old processes' end")
    assert get(port).text == "a"
    assert weir.reload().returncode == 0
    assert weir.stop() == 0


def test_the_bare_supervisor_ends_what_it_supervises(lab, program):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=2)
    program('case " $* " in *" -c "*) exit 0;; esac\nexec WEIR "$@" -f /nonexistent\n')
    weir.send_signal(signal.SIGUSR2)
    wait_until(lambda: "SIGUSR2 tries again" in weir.stderr)
    assert weir.stop() == 1


def test_kept_connections_go_on(lab, program):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=2)
    old = weir.kids()
    with Client(port) as kept:
        assert kept.ask("/").text == "a"
        weir.send_signal(signal.SIGUSR2)
        wait_until(lambda: len(alive(old)) == 1, what="one old worker is left")
        assert kept.ask("/").text == "a"
    wait_until(lambda: not alive(old), what="its end")
