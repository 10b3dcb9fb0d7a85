# SPDX-License-Identifier: MIT
"""Listening sockets in the store of the service manager (FileDescriptorStoreMax= of systemd):
who starts next finds them there, whoever died."""
import os
import signal
import socket
import sys

import pytest

from weirlab import Client, get, procs, wait_until
from weirlab.config import web

# Gets descriptors and their names as systemd gives them, and becomes weir.
GIVE = """
import fcntl, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
names, fds, _, _ = socket.recv_fds(s, 65536, 250)
high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 500) for fd in fds]
s.close()
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
    os.close(fd)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)),
                  LISTEN_FDNAMES=names.decode())
os.execvp(sys.argv[2], sys.argv[2:])
"""


class Manager:
    """What systemd does with FDSTORE=1 and FDSTOREREMOVE=1."""

    def __init__(self, lab):
        self.path, self.give_path = (os.path.join(lab.dir, name) for name in ("notify", "give"))
        self.kept = {}
        self.notes = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notes.bind(self.path)
        self.notes.setblocking(False)
        self.giver = socket.socket(socket.AF_UNIX)
        self.giver.bind(self.give_path)
        self.giver.listen(1)
        for path in (lab.dir, self.path):
            os.chmod(path, 0o777)

    def close(self):
        for fd in self.kept.values():
            os.close(fd)
        self.notes.close()
        self.giver.close()

    def look(self):
        while True:
            try:
                text, fds, _, _ = socket.recv_fds(self.notes, 4096, 4)
            except BlockingIOError:
                return self.kept
            said = dict(line.split("=", 1) for line in text.decode().splitlines())
            if "FDSTORE" in said:
                self.kept[said["FDNAME"]], = fds
            if "FDSTOREREMOVE" in said:
                os.close(self.kept.pop(said["FDNAME"]))

    def start(self, weir, *prefix):
        """With what is kept, as after Restart=."""
        weir.prefix = [*prefix, sys.executable, "-c", GIVE, self.give_path]
        weir.spawn()
        peer, _ = self.giver.accept()
        with peer:
            socket.send_fds(peer, [":".join(self.kept).encode()], list(self.kept.values()))
        wait_until(weir._is_ready, 10, "weir ready")


@pytest.fixture
def manager(lab):
    made = Manager(lab)
    yield made
    made.close()


def ports(manager):
    """Of the sockets that are kept, sorted."""
    out = []
    for fd in manager.look().values():
        with socket.socket(fileno=os.dup(fd)) as s:
            if s.family == socket.AF_INET:
                out.append(s.getsockname()[1])
    return sorted(out)


def kill(weir, pids):
    os.kill(weir.pid, signal.SIGKILL)
    weir.process.wait()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not [p for p in pids if procs.is_alive(p)])
    os.unlink(weir.pidfile)


def test_connections_wait_while_nobody_is_alive(lab, manager):
    a, port = lab.origin("a"), lab.port()
    weir = lab.start(web(port, [a]), nbproc=2, env={"NOTIFY_SOCKET": manager.path})
    wait_until(lambda: ports(manager) == [port, port])
    names = set(manager.kept)
    kill(weir, weir.kids())
    with Client(port) as waiting:
        waiting.request("/")
        manager.start(weir)
        assert waiting.response().text == "a"
    assert ports(manager) == [port, port]
    assert set(manager.kept) == names, "the same sockets"
    assert get(port).text == "a"


@pytest.mark.root
def test_without_the_right_to_take_sockets_those_of_the_store_are_used(lab, manager):
    a, port = lab.origin("a"), lab.port()
    weir = lab.start(web(port, [a], top={"user": "nobody"}), nbproc=2,
                     env={"NOTIFY_SOCKET": manager.path})
    wait_until(lambda: ports(manager) == [port, port])
    names, kids = set(manager.kept), weir.kids()
    kill(weir, [])
    manager.start(weir, "capsh", "--drop=cap_sys_ptrace", "--", "-c", 'exec "$0" "$@"')
    wait_until(lambda: not [p for p in kids if procs.is_alive(p)])
    assert "CAP_SYS_PTRACE" not in weir.stderr
    manager.look()
    assert set(manager.kept) == names
    for _ in range(4):
        assert get(port).text == "a"


def test_what_is_not_configured_any_more_is_not_kept(lab, manager):
    a, one, two = lab.origin("a"), lab.port(), lab.port()
    weir = lab.start(web(one, [a]), nbproc=1, env={"NOTIFY_SOCKET": manager.path})
    wait_until(lambda: ports(manager) == [one])
    assert weir.reload(web(two, [a])).returncode == 0
    wait_until(lambda: ports(manager) == [two])
    kill(weir, weir.kids())
    weir.configure(web(one, [a]))
    manager.start(weir)
    wait_until(lambda: ports(manager) == [one])
    assert get(one).text == "a"
