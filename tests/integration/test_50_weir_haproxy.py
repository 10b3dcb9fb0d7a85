# SPDX-License-Identifier: MIT
"""weir-haproxy as a user of HAProxy starts, signals and mistypes it."""
import asyncio
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from weirlab import Client, get, procs, say, wait_until
from weirlab.wait import SLOW

HEAD = """
defaults
 mode http
 timeout client 5s
 timeout server 5s
 timeout connect 5s
"""


class Running:
    """weir-haproxy with a file of ours, up to its end."""

    def __init__(self, lab, text, *args, pass_fds=()):
        self.path = lab.file("haproxy.cfg", HEAD + text)
        self.program = os.path.join(os.path.dirname(lab.weir), "weir-haproxy")
        self.stderr = os.path.join(lab.dir, "stderr.txt")
        with open(self.stderr, "ab") as err:
            self.process = subprocess.Popen(
                [self.program, "-f", self.path, "-p", "weir.pid", *args], stderr=err,
                pass_fds=pass_fds, cwd=lab.dir)
        self.pid = self.process.pid
        lab.things.append(self)
        wait_until(self.is_ready, 10, "its pidfile")

    def is_ready(self):
        with open(os.path.join(os.path.dirname(self.path), "weir.pid")) as f:
            return self.process.poll() is not None or f.read().strip() == str(self.pid)

    def all(self):
        return [self.pid, *procs.children(self.pid)]

    def write(self, text):
        with open(self.path, "w") as f:
            f.write(HEAD + text)

    def send(self, number):
        os.kill(self.pid, number)

    def ended(self, timeout):
        """The status; no process of it is left."""
        pids = self.all()
        status = self.process.wait(timeout * SLOW)
        wait_until(lambda: not [p for p in pids if procs.is_alive(p)], timeout, "all are gone")
        return status

    def close(self):
        pids = self.all()
        self.process.send_signal(signal.SIGINT)  # a kill would leave its region behind
        try:
            self.process.wait(10 * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with open(self.stderr) as f:
            print(f.read())  # of a test that fails
        for pid in pids[1:]:
            if procs.is_alive(pid) and procs.title(pid).startswith("weir"):
                os.kill(pid, signal.SIGKILL)


def web(port, server, more=""):
    return f"listen web\n bind 127.0.0.1:{port}\n {more}\n server s 127.0.0.1:{server.port}\n"


def serves(port, text):
    def ask():
        try:
            return get(port).text == text
        except OSError:
            return False
    wait_until(ask, 10, f"{text} at {port}")


@pytest.fixture
def held(lab):
    """A server that answers /held when it may."""
    may = threading.Event()

    async def answer(req, conn):
        while not may.is_set():
            await asyncio.sleep(0.01)
        conn.answer(200, "late")
    origin = lab.origin("a").on("/held", answer)
    origin.let_go = may.set
    yield origin
    may.set()


@pytest.mark.parametrize("args", [["-db"], ["-db", "-W"]], ids=["alone", "-W"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_int_and_term_end_all_processes_within_a_second(lab, held, args, number):
    port = lab.port()
    weir = Running(lab, web(port, held) + "global\n nbthread 3\n", *args)
    serves(port, "a")
    with Client(port) as c:
        c.request("/held")
        wait_until(lambda: held.seen("/held"), what="the request is at the server")
        assert len(weir.all()) > 3
        begin = time.monotonic()
        weir.send(number)
        status = weir.ended(5)
        assert time.monotonic() - begin <= 1.0 * SLOW
    assert status == (128 + number if "-W" in args else 0)


@pytest.mark.parametrize("args", [["-db"], ["-db", "-W"]], ids=["alone", "-W"])
def test_usr1_ends_after_the_last_request(lab, held, args):
    port = lab.port()
    weir = Running(lab, web(port, held), *args)
    serves(port, "a")
    with Client(port) as c:
        c.request("/held")
        wait_until(lambda: held.seen("/held"), what="the request is at the server")
        weir.send(signal.SIGUSR1)
        wait_until(lambda: not can_connect(port), 10, "nobody listens any more")
        assert weir.process.poll() is None
        held.let_go()
        assert c.response().text == "late"
    assert weir.ended(10) == 0


def can_connect(port):
    try:
        Client(port).close()
        return True
    except OSError:
        return False


@pytest.mark.parametrize("args, number", [
    (["-db"], signal.SIGUSR2), (["-db", "-W"], signal.SIGUSR2), (["-db", "-W"], signal.SIGHUP)])
def test_a_reload_keeps_the_pid_and_every_request(lab, held, args, number):
    b, port, other = lab.origin("b"), lab.port(), lab.port()
    weir = Running(lab, web(port, held), *args)
    serves(port, "a")
    with Client(port) as c:
        c.request("/held")
        wait_until(lambda: held.seen("/held"), what="the request is at the server")
        weir.write(web(port, b, f"bind 127.0.0.1:{other}"))
        weir.send(number)
        serves(other, "b")
        serves(port, "b")
        held.let_go()
        assert c.response().text == "late"
    assert weir.process.poll() is None and procs.is_alive(weir.pid)


def test_a_reload_with_an_error_changes_nothing(lab, held):
    port = lab.port()
    weir = Running(lab, web(port, held), "-db", "-W")
    serves(port, "a")
    weir.write(web(port, held, "optoin httplog"))
    weir.send(signal.SIGUSR2)

    def is_told():
        with open(weir.stderr) as f:
            return "did you mean 'option'" in f.read()
    wait_until(is_told, 10, "the error")
    serves(port, "a")


def test_sockets_are_inherited_and_outlive_reloads(lab, held):
    listening = socket.create_server(("127.0.0.1", 0))
    port, fd = listening.getsockname()[1], listening.fileno()
    text = f"listen web\n bind fd@{fd}\n server s 127.0.0.1:{held.port}\n"
    weir = Running(lab, text, "-db", "-W", pass_fds=[fd])
    listening.close()
    serves(port, "a")
    b = lab.origin("b")
    weir.write(text.replace(str(held.port), str(b.port)))
    weir.send(signal.SIGUSR2)
    serves(port, "b")


def test_a_successor_ends_its_predecessor(lab, held):
    port, b = lab.port(), lab.origin("b")
    sock = os.path.join(lab.dir, "stats.sock")
    stats = f"global\n stats socket {sock} level admin\n"
    old = Running(lab, web(port, held) + stats, "-db")
    serves(port, "a")
    new = Running(lab, web(port, b) + stats, "-db", "-sf", str(old.pid))
    assert old.ended(10) == 0
    serves(port, "b")
    assert new.is_ready(), "the pidfile is its successor's"
    assert f"Pid: {new.pid}\n" in say(sock, "show info")


def test_a_predecessor_that_is_gone_is_no_matter(lab, held):
    port = lab.port()
    gone = subprocess.Popen(["true"])
    gone.wait()
    Running(lab, web(port, held), "-db", "-sf", str(gone.pid))
    serves(port, "a")


# --- mistakes --------------------------------------------------------------------------
FINE = HEAD + "listen a\n bind 127.0.0.1:12999\n server s 127.0.0.1:80\n"


def run(lab, *args, **kwargs):
    program = os.path.join(os.path.dirname(lab.weir), "weir-haproxy")
    return subprocess.run([program, *args], capture_output=True, text=True, timeout=30,
                          cwd=lab.dir, **kwargs)


@pytest.mark.parametrize("args, status, said", [
    ([], 1, "weir-haproxy: no configuration is named; -f FILE; see weir-haproxy --help\n"),
    (["-c", "-f"], 1, "weir-haproxy: -f needs an argument: -f FILE; see weir-haproxy --help\n"),
    (["-c", "-f", "gone.cfg"], 1, "gone.cfg: cannot be opened: No such file or directory\n"),
    (["-Q", "-f", "fine.cfg"], 1,
     "weir-haproxy: unknown switch '-Q'; see weir-haproxy --help\n"),
    (["-c", "-f", "fine.cfg", "-sf", "x"], 1,
     "weir-haproxy: -sf: 'x' is not a PID; see weir-haproxy --help\n"),
    (["-c", "-f", "fine.cfg", "-f", "fine.cfg"], 1,
     "fine.cfg:7:1: listen 'a' is here twice; the first is at fine.cfg:7\n"),
    (["-C", "/gone", "-c", "-f", "fine.cfg"], 1,
     "weir-haproxy: -C /gone: No such file or directory\n"),
    (["-c", "-f", "wrong.cfg"], 1,
     "wrong.cfg:7:2: unknown keyword 'optoin'; did you mean 'option'?\n"
     "wrong.cfg:8:15: unknown keyword 'set-haeder'; did you mean 'set-header'?\n"
     "wrong.cfg:9:2: unknown keyword 'no-such'; expected a word of HAProxy's manual\n"
     "wrong.cfg:10:23: 'ssl' is not implemented: this release has no TLS\n"
     "weir-haproxy: 4 errors in the configuration\n"),
    (["-c", "-f", "empty"], 1,
     "empty: nothing to listen on; expected a frontend or a listen with 'bind'\n"),
])
def test_mistakes_are_told_in_the_words_of_haproxy(lab, args, status, said):
    lab.file("fine.cfg", FINE)
    lab.file("wrong.cfg", HEAD.lstrip() + "listen a\n optoin httplog\n"
             " http-request set-haeder X 1\n no-such word\n bind 127.0.0.1:12999 ssl crt x\n")
    os.mkdir(os.path.join(lab.dir, "empty"))
    done = run(lab, *args)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", said)


def test_a_directory_and_several_files_are_one_configuration(lab):
    os.mkdir(os.path.join(lab.dir, "d"))
    lab.file("d/1.cfg", HEAD)
    lab.file("d/2.cfg", "frontend a\n bind 127.0.0.1:12999\n default_backend b\n")
    lab.file("d/ignored.txt", "no configuration\n")
    lab.file("more.cfg", "backend b\n server s 127.0.0.1:80\n")
    for args in (["-f", "d", "-f", "more.cfg"], ["-C", lab.dir, "-f", "d", "--", "more.cfg"]):
        done = run(lab, "-c", *args)
        assert (done.returncode, done.stdout + done.stderr) == (0, "Configuration file is valid\n")
