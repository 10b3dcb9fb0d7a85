# SPDX-License-Identifier: MIT
"""A worker that was taken over (tests/bench/hostile.c): it tries what leads out of its
process, and scribbles over all it may write. Nobody acts for it, master, checker and
control live on, and what it left is mended before its successor serves."""
import json
import os
import signal
import struct
import subprocess

import pytest

from weirlab import get, procs, wait_until
from weirlab.config import web
from weirlab.weir import ROOT

BOARD = {"wanted": 0, "kind": 1, "is_done": 2}
KINDS = {"random": 0, "ones": 1, "zeros": 2, "small": 3}
ACCUSES = 4


class Board:
    """The page the hostile worker shares with the test."""

    def __init__(self, lab):
        self.path = os.path.join(lab.dir, "board")
        self.library = os.path.join(lab.dir, "hostile.so")
        with open(self.path, "wb") as f:
            f.write(bytes(4096))
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", f"-I{ROOT}", "-o",
                        self.library, f"{ROOT}/tests/bench/hostile.c"], check=True)
        self.env = {"LD_PRELOAD": self.library, "WEIRLAB_HOSTILE": self.path}

    def set(self, name, value):
        with open(self.path, "r+b") as f:
            f.seek(BOARD[name])
            f.write(bytes([value]))

    def name_siblings(self, pids):
        with open(self.path, "r+b") as f:
            f.seek(8)
            f.write(struct.pack("8I", *pids, *[0] * (8 - len(pids))))

    def read(self):
        with open(self.path, "rb") as f:
            page = f.read()
        return page[BOARD["is_done"]], page[40:552].split(b"\0")[0].decode()

    def clear(self):
        with open(self.path, "r+b") as f:
            f.write(bytes(4096))


def config(port, origins, top):
    made = web(port, origins, top=top, every={"check": True, "inter": "200ms", "maxconn": 2},
               frontend={"http_request": [{"track_sc0": {"key": "path", "table": "t"}}]})
    made["tables"] = {"t": {"type": "string", "size": 100, "store": ["http_req_cnt",
                                                                     "conn_cur"]}}
    return made


def look(weir):
    """Whoever looks gets an answer, of whatever worth, and never a crash."""
    for command in (["check"], ["stats"], ["stats", "--json"], ["procs"], ["info"],
                    ["counters"], ["table"], ["table", "t"], ["sessions"], ["servers"]):
        r = weir.ctl(*command, check=False)
        assert 0 <= r.returncode <= 5, (command, r)


def is_well(weir, port):
    return weir.ctl("check", check=False).returncode == 0 and all(
        get(port, timeout=5).status == 200 for _ in range(5))


@pytest.mark.root
@pytest.mark.release
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_worker_that_was_taken_over_makes_nobody_act(lab, kind):
    if os.geteuid() != 0:
        pytest.skip("needs root to have another user")
    if lab.sanitized:
        pytest.skip("the sanitizer must be loaded first")
    board, port = Board(lab), lab.port()
    origins = lab.origins("ab")
    user = {"uid": 65534, "gid": 65534}
    for path in (lab.dir, lab.shm_dir):
        os.chmod(path, 0o755)
    weir = lab.start(config(port, origins, user), nbproc=2, env=board.env)
    trusted = [weir.pid] + weir.of_role("checker") + weir.of_role("control")
    hostile, sibling = weir.workers()
    board.name_siblings([sibling, *trusted[1:]])
    for _ in range(10):
        assert get(port).status == 200

    board.set("kind", KINDS[kind])
    board.set("wanted", 1)
    wait_until(lambda: board.read()[0], 20, "the attack")
    look(weir)
    wait_until(lambda: not procs.is_alive(hostile), 20, "its end")
    assert board.read()[1] == "", "what it was able to do"
    board.clear()
    wait_until(lambda: is_well(weir, port), 20, "what it left is mended")
    look(weir)
    assert [pid for pid in [*trusted, sibling] if not procs.is_alive(pid)] == []
    assert "Reloads: 0" in weir.ctl("info").stdout
    assert "begins anew" in weir.stderr

    assert weir.reload().returncode == 0
    wait_until(lambda: is_well(weir, port), 20)
    assert json.loads(weir.ctl("table", "t", "--json").stdout)["entries"]
    weir.stop(signal.SIGTERM)
    weir.start()
    wait_until(lambda: is_well(weir, port), 20)


@pytest.mark.release
def test_a_table_that_kills_who_changes_it_begins_anew(lab):
    if lab.sanitized:
        pytest.skip("the sanitizer must be loaded first")
    board, port = Board(lab), lab.port()
    weir = lab.start(config(port, lab.origins("a"), {}), nbproc=1, env=board.env)

    def entries():
        return json.loads(weir.ctl("table", "t", "--json").stdout)["entries"]

    get(port, "/kept")
    for deaths in (1, 2, 3):
        assert len(entries()) == 1, f"{deaths - 1} deaths are nothing"
        victim, = weir.workers()
        board.set("kind", ACCUSES)
        board.set("wanted", 1)
        wait_until(lambda: not procs.is_alive(victim), 20, "its death")
        board.clear()
        wait_until(lambda: get(port, "/kept").status == 200, 20, "its successor")
    assert weir.counter("global.objects_renewed") == 1
    assert "table t begins anew, empty: processes that change it crash" in weir.stderr
    assert [e["http_req_cnt"] for e in entries()] == [1], "a new entry"
