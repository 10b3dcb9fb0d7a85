# SPDX-License-Identifier: MIT
"""Stick tables as files: what a table knew comes back when the region is gone (the machine
was started anew), whatever happened to the file meanwhile."""
import json
import os
import signal
import time

import pytest

from weirlab import get, wait_until
from weirlab.config import web

TRACKED = {"http_request": [{"track_sc0": {"key": "req.hdr(x-key)", "table": "t"}}]}
STORE = ["http_req_cnt", "http_req_rate(1h)", "conn_cur", "gpc0"]


def config(port, a, path=None, top=None, log=None, **spec):
    made = web(port, [a], frontend=TRACKED, top=top, **({"log": log} if log else {}))
    made["tables"] = {"t": {"type": "string", "size": 1000, "expire": "1h", "store": STORE,
                            **({"persist": path, "persist_interval": "1h"} if path else {}),
                            **spec}}
    return made


def ask(port, *keys):
    for key in keys:
        assert get(port, fields=[("X-Key", key)]).status == 200


def table(weir):
    return {e["key"]: e for e in json.loads(weir.ctl("table", "t", "--json").stdout)["entries"]}


def reboot(weir, prepare=lambda: None, stop=signal.SIGTERM):
    """The region is gone, as after a boot."""
    weir.stop(stop)
    os.unlink(weir.shm)
    prepare()
    weir.start()


@pytest.mark.smoke
@pytest.mark.parametrize("nbproc", [1, 2, 8])
def test_a_table_comes_back_after_a_boot(lab, nbproc):
    a, port = lab.origin("a"), lab.port()
    path = os.path.join(lab.dir, "state", "t.snap")  # the directory is made
    weir = lab.start(config(port, a, path), nbproc=nbproc)
    ask(port, "x", "y", "y", "y")
    before = table(weir)
    reboot(weir)
    after = table(weir)
    assert sorted(after) == ["x", "y"]
    assert after["y"]["http_req_cnt"] == 3 and after["x"]["http_req_cnt"] == 1
    assert after["y"]["http_req_rate(3600000)"] == 3
    assert after["y"]["conn_cur"] == 0
    assert after["y"]["exp"] <= before["y"]["exp"]
    ask(port, "y")
    wait_until(lambda: table(weir)["y"]["http_req_cnt"] == 4)
    assert os.listdir(os.path.dirname(path)) == ["t.snap"]


def test_it_is_written_regularly_so_that_a_power_cut_costs_an_interval(lab):
    a, port = lab.origin("a"), lab.port()
    path = os.path.join(lab.dir, "t.snap")
    weir = lab.start(config(port, a, path, persist_interval="100ms"))
    ask(port, "x")
    wait_until(lambda: os.path.exists(path))
    written = os.stat(path).st_ino
    wait_until(lambda: os.stat(path).st_ino != written)
    weir.reload(config(port, a, path, persist_interval="100ms"))
    ask(port, "z")
    for _ in range(2):  # one that began after the key was there
        written = os.stat(path).st_ino
        wait_until(lambda: os.stat(path).st_ino != written)
    for pid in weir.kids() + [weir.pid]:
        os.kill(pid, signal.SIGKILL)
    weir.process.wait()
    os.unlink(weir.shm)
    weir.start()
    assert sorted(table(weir)) == ["x", "z"]


def test_what_expired_while_the_machine_was_off_stays_away(lab):
    a, port = lab.origin("a"), lab.port()
    path = os.path.join(lab.dir, "t.snap")
    weir = lab.start(config(port, a, path, expire="2s"))
    ask(port, "x")
    began = time.monotonic()
    reboot(weir)
    if "x" in table(weir):  # else this machine was busy for two seconds
        wait_until(lambda: "x" not in table(weir))
        assert time.monotonic() - began < 2.5
    ask(port, "y")
    reboot(weir, lambda: wait_until(lambda: time.time() > os.stat(path).st_mtime + 2))
    assert table(weir) == {}


@pytest.mark.parametrize("harm, text", [
    (lambda f: f.truncate(0), "it ends too early"),
    (lambda f: f.truncate(700), "it ends too early"),
    (lambda f: (f.seek(0), f.write(b"#!/bin/sh\nrm -rf something, or the like\n" * 20)),
     "it is not the file of a table"),
    (lambda f: (f.seek(8), f.write(b"\x09")), "it has version 9, this weir reads 1"),
    (lambda f: (f.seek(300), f.write(b"@")), "its head is damaged"),
    (lambda f: (f.seek(-40, 2), f.write(b"@")), "it is damaged at byte"),
])
def test_a_file_that_cannot_be_read_is_a_warning(lab, harm, text):
    a, port = lab.origin("a"), lab.port()
    path = os.path.join(lab.dir, "t.snap")
    weir = lab.start(config(port, a, path))
    ask(port, "x")

    def damage():
        with open(path, "r+b") as f:
            harm(f)

    reboot(weir, damage)
    assert "table t: " + path in weir.stderr and text in weir.stderr
    ask(port, "y")
    assert "y" in table(weir)


@pytest.mark.parametrize("what", ["directory", "fifo", "symbolic link"])
def test_a_path_that_is_no_file_is_a_warning(lab, what):
    a, port = lab.origin("a"), lab.port()
    path = os.path.join(lab.dir, "t.snap")
    {"directory": os.mkdir, "fifo": os.mkfifo,
     "symbolic link": lambda p: os.symlink("/nonexistent", p)}[what](path)
    weir = lab.start(config(port, a, path))
    ask(port, "y")
    assert "y" in table(weir)
    assert path in weir.stderr


def test_keys_move_to_another_shape_over_a_boot(lab):
    a, port = lab.origin("a"), lab.port()
    path = os.path.join(lab.dir, "t.snap")
    weir = lab.start(config(port, a, path))
    ask(port, "x", "x")
    other = config(port, a, path, size=50, store=["gpc1", "http_req_cnt"])
    reboot(weir, lambda: weir.configure(other))
    assert table(weir)["x"]["http_req_cnt"] == 2 and table(weir)["x"]["gpc1"] == 0
    assert "its shape has no room for http_req_rate" in weir.stderr
    keys = config(port, a, path, type="ip", store=["http_req_cnt"])
    reboot(weir, lambda: weir.configure(keys))
    assert "its keys are of another type" in weir.stderr


def test_a_directory_that_cannot_be_written_is_told_at_once(lab):
    if os.geteuid() != 0:
        pytest.skip("needs root to have another user")
    a, port = lab.origin("a"), lab.port()
    closed, own = os.path.join(lab.dir, "closed"), os.path.join(lab.dir, "own")
    os.mkdir(closed, 0o700)
    os.chmod(lab.dir, 0o755)
    user = {"uid": 65534, "gid": 65534, "chroot": "/var/empty" if os.path.isdir("/var/empty")
            else "/usr/share"}
    weir = lab.prepare(config(port, a, os.path.join(closed, "t.snap"), top=user))
    r = weir.run()
    assert r.returncode == 1 and "table t: persist: " + closed in r.stderr
    assert "Permission denied" in r.stderr
    weir = lab.start(config(port, a, os.path.join(own, "t.snap"), top=user), name="second")
    ask(port, "x")
    reboot(weir)
    assert sorted(table(weir)) == ["x"]
    assert os.stat(os.path.join(own, "t.snap")).st_uid == 65534


def test_a_file_that_cannot_be_written_is_logged_and_written_later(lab):
    a, port, log = lab.origin("a"), lab.port(), lab.sink()
    own = os.path.join(lab.dir, "own")
    path = os.path.join(own, "t.snap")
    weir = lab.start(config(port, a, path, persist_interval="100ms", log=log))
    wait_until(lambda: os.path.exists(path))
    os.unlink(path)
    os.mkdir(path)  # its name is taken
    wait_until(lambda: log.find(f"table t: {path} was not written"))
    ask(port, "x")
    os.rmdir(path)
    wait_until(lambda: log.find(f"table t: {path} is written again"))
    reboot(weir)
    assert sorted(table(weir)) == ["x"]


def test_weirctl_saves_and_loads(lab):
    a, port = lab.origin("a"), lab.port()
    path = os.path.join(lab.dir, "mine")
    weir = lab.start(config(port, a), nbproc=2)
    ask(port, "x", "y", "y")
    assert weir.ctl("table", "save", "t", path).stdout == "2 keys saved\n"
    weir.ctl("table", "t", "clear", "key", "x")
    ask(port, "y")
    assert weir.ctl("table", "load", "t", path).stdout == "1 keys loaded, 0 had expired\n"
    assert table(weir)["x"]["http_req_cnt"] == 1
    assert table(weir)["y"]["http_req_cnt"] == 3  # what was counted meanwhile stands
    r = weir.ctl("table", "load", "nothing", path, check=False)
    assert r.returncode == 1 and "No such table" in r.stderr
    r = weir.ctl("table", "load", "t", "/nonexistent/file", check=False)
    assert r.returncode == 1 and "/nonexistent/file" in r.stderr
    r = weir.ctl("table", "load", "t", "/dev/null", check=False)
    assert r.returncode == 1 and "it is not a regular file" in r.stderr
    r = weir.ctl("table", "save", "t", "/nonexistent/file", check=False)
    assert r.returncode == 1 and "/nonexistent/file" in r.stderr
    with open(path, "r+b") as f:
        f.seek(-60, 2)
        f.write(b"?")
    r = weir.ctl("table", "load", "t", path, check=False)
    assert r.returncode == 1 and "it is damaged at byte" in r.stderr
    assert "Required arguments" in weir.api("load table t")
    assert "Require a file" in weir.api("load table t 0")
    weir.stop()
    assert weir.ctl("table", "save", "t", path).stdout == "2 keys saved\n"  # no daemon needed


def test_two_tables_cannot_have_one_file(lab):
    a, port = lab.origin("a"), lab.port()
    made = config(port, a, "same.snap")
    made["tables"]["u"] = dict(made["tables"]["t"])
    assert "is the file of the table 't' already" in lab.prepare(made).run().stderr
