# SPDX-License-Identifier: MIT
"""Tools that were made for HAProxy, as they come from the distribution, against weir."""
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import termios
import urllib.request

import pytest

from weirlab import get, wait_until
from weirlab.config import web


def program(name):
    path = shutil.which(name)
    if not path:
        pytest.skip(f"needs {name}")
    return path


def start(lab, listens=None):
    port = lab.port()
    config = web(port, {"a": lab.origin("a"), "b": lab.origin("b")})
    weir = lab.start({**config, "listens": listens or {}}, nbproc=2)
    for _ in range(6):
        assert get(port).status == 200
    wait_until(lambda: weir.stat("fe", "FRONTEND", "req_tot") == 6)
    return weir


def test_socat_says_lines_to_the_socket(lab):
    socat, weir = program("socat"), start(lab)

    def say(text):
        return subprocess.run([socat, "-t5", "stdio", f"unix-connect:{weir.sock}"],
                              input=text, capture_output=True, text=True, timeout=20).stdout

    assert say("show stat\n").startswith("# pxname,svname,qcur,")
    assert "Uptime_sec: " in say("show info\n")
    assert say("disable server be/a; get weight be/a\n") == "\n1 (initial 1)\n\n"
    assert weir.status("be", "a") == "MAINT"
    assert say("enable server be/a\n") == "\n"
    assert say("prompt\nshow cli level\nquit\n").count("> ") == 2


def scrape(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as r:
            return r.read().decode()
    except OSError:
        return ""


@pytest.mark.parametrize("by", ["socket", "http"])
def test_the_prometheus_exporter_reads_statistics(lab, by):
    exporter = program("prometheus-haproxy-exporter")
    stats_port, port = lab.port(), lab.port()
    weir = start(lab, {"stats": {"bind": f"127.0.0.1:{stats_port}", "stats": {"uri": "/stats"}}})
    uri = f"http://127.0.0.1:{stats_port}/stats;csv" if by == "http" else f"unix:{weir.sock}"
    p = subprocess.Popen([exporter, f"--haproxy.scrape-uri={uri}",
                          f"--web.listen-address=127.0.0.1:{port}"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: "haproxy_up 1" in scrape(port), timeout=20, what="the exporter reads")
        text = scrape(port)
    finally:
        p.kill()
        p.wait()
    assert re.search(r'haproxy_frontend_http_requests_total\{frontend="fe"\} 6\b', text)
    assert re.search(r'haproxy_server_up\{backend="be",server="a"\} 1\b', text)
    assert 'haproxy_exporter_csv_parse_failures_total 0' in text


class Terminal:
    """A program on a terminal of 120 columns and 40 lines."""

    def __init__(self, *command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.environ["LINES"], os.environ["COLUMNS"] = "40", "120"
            os.execv(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.seen = b""

    def shows(self, *words):
        while select.select([self.fd], [], [], 0)[0]:
            try:
                piece = os.read(self.fd, 65536)
            except OSError:
                break
            if not piece:
                break
            self.seen += piece
        text = re.sub(rb"\x1b[\[(][0-9;?]*[A-Za-z]", b" ", self.seen)
        return all(word.encode() in text for word in words)

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def test_hatop_shows_proxies_and_servers(lab):
    hatop, weir = program("hatop"), start(lab)
    t = Terminal(hatop, "-s", weir.sock, "-i", "1")
    try:
        wait_until(lambda: t.shows("HATop", "FRONTEND", "BACKEND", "OPEN"), timeout=20,
                   what="hatop shows statistics")
        os.write(t.fd, b"q")
    finally:
        t.close()
    assert weir.api("show cli level").strip() == "admin"


# --- those who mean no good -------------------------------------------------------------------

def hostile_lines():
    yield b"\0" * 5000 + b"\n"
    yield b"show stat " * 5000 + b"\n"
    yield b"x" * 100000
    yield bytes(range(256)) * 60 + b"\n"
    yield b"set server " + b"be/a " * 200 + b"\n"
    yield b";" * 16000 + b"\n"
    yield b"add map #0 <<\n" + b"k v\n" * 6000
    yield b"\\" * 16383 + b"\n"
    yield b"show map @99999999999999999999 #99999999999999999999999\n"
    yield b"prompt\n" + b"help\n" * 2000
    yield b"show table x data." + b"y" * 8000 + b"\n"
    yield b"get map " + b"%s%n" * 1000 + b"\n"


def test_whatever_comes_control_answers_the_next(lab):
    weir = start(lab)
    before = weir.of_role("control")
    for bytes_ in hostile_lines():
        for how in ("half", "reset", "both"):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(20)
                s.connect(weir.sock)
                try:
                    s.sendall(bytes_)
                    if how == "half":
                        s.shutdown(socket.SHUT_WR)
                    while how != "reset" and s.recv(65536):
                        if how == "both":
                            break
                except OSError:
                    pass  # it may be left at any time
        assert weir.api("show cli level").strip() == "admin"
    assert weir.of_role("control") == before


def test_who_says_nothing_keeps_nobody_waiting_for_ever(lab):
    weir = start(lab)
    silent = []
    for _ in range(31):
        s = socket.socket(socket.AF_UNIX)
        s.connect(weir.sock)
        s.sendall(b"show inf")
        silent.append(s)
    assert weir.api("show cli level", timeout=30).strip() == "admin"
    for s in silent:
        s.close()
    for _ in range(2000):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(weir.sock)
    assert weir.api("show cli level", timeout=30).strip() == "admin"
    assert len(weir.of_role("control")) == 1
