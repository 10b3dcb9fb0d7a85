# SPDX-License-Identifier: MIT
"""haproxy.cfg as operators write it: HAProxy with the original and weir with what
`weirctl import` made of it do the same for the same traffic."""
import csv
import io
import os
import re
import shutil
import socket
import subprocess

import pytest

from weirlab import Client, wait_until
from weirlab.wait import SLOW

HERE = os.path.join(os.path.dirname(__file__), "haproxy")
COLUMNS = ["stot", "hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other",
           "req_tot", "dreq", "dresp", "ereq", "eresp", "econ", "wretr", "wredis", "status",
           "weight", "act", "bck", "mode", "algo", "type", "lbtot"]
FILES = {"tenants.map": "k-one acme\nk-two globex\n",
         "services.map": "/users users\n/orders orders\n"}


class Side:
    """One of the two, with servers and a log of its own."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.dir = os.path.join(lab.dir, name + "-dir")
        os.mkdir(self.dir)
        for file, text in FILES.items():
            with open(os.path.join(self.dir, file), "w") as f:
                f.write(text)
        self.origins = lab.origins("abc")
        self.sink = lab.sink()
        self.fe, self.fe2 = lab.port(), lab.port()
        self.sock = os.path.join(self.dir, "stats.sock")
        self.env = {"DIR": self.dir, "LOG": self.sink.address, "FE": str(self.fe),
                    "FE2": str(self.fe2)}
        for i, origin in enumerate(self.origins, 1):
            self.env[f"S{i}"] = str(origin.port)

    def ask(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(self.sock)
            s.sendall(line.encode() + b"\n")
            return b"".join(iter(lambda: s.recv(65536), b"")).decode()

    def stats(self):
        rows = csv.DictReader(io.StringIO(self.ask("show stat").lstrip("# ")))
        return {(r["pxname"], r["svname"]): {c: r.get(c) for c in COLUMNS} for r in rows}

    def anonymous(self, text):
        """Without what differs between two runs of one program."""
        for name, value in self.env.items():
            text = text.replace(value, f"<{name}>")
        text = re.sub(r"\b(\d+\.\d+\.\d+\.\d+):\d+", r"\1:<port>", text)
        text = re.sub(r"\[\d\d/\w+/[^]]*\]", "<date>", text)
        text = re.sub(r"^<(\d+)>\w+ +\d+ [\d:]+ ", r"<\1> ", text)
        text = re.sub(r"\[\d+\]:", "[pid]:", text)
        text = re.sub(r" -?\d+(/-?\d+){2,4} ", " <times> ", text)
        return re.sub(r"<times> (\d{3}|) ?\d+ ", r"<times> \1 <bytes> ", text)

    def seen(self):
        """What the servers got, in order of arrival at each."""
        return [[(r.method, r.target, r.version,
                  sorted((k.lower(), self.anonymous(v)) for k, v in r.fields), r.body)
                 for r in o.requests] for o in self.origins]


class Haproxy(Side):
    def __init__(self, lab, path):
        super().__init__(lab, "haproxy")
        program = shutil.which("haproxy") or "/usr/sbin/haproxy"
        if not os.path.exists(program):
            pytest.skip("needs HAProxy")
        self.process = subprocess.Popen([program, "-db", "-f", path], stderr=subprocess.PIPE,
                                        env=dict(os.environ, **self.env), cwd=self.dir)
        lab.things.append(self)
        wait_until(lambda: os.path.exists(self.sock) or self.process.poll() is not None,
                   what="HAProxy answers")
        assert self.process.poll() is None, self.process.stderr.read().decode()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


class Imported(Side):
    def __init__(self, lab, path, nbproc):
        super().__init__(lab, "weir")
        yaml = os.path.join(self.dir, "conf.yaml")
        done = subprocess.run([lab.weirctl, "import", path, "-o", yaml], capture_output=True,
                              text=True, env=dict(os.environ, **self.env))
        assert done.returncode == 0, done.stderr
        with open(yaml) as f:
            weir = lab.prepare(f.read(), env=self.env, own_global=False,
                               args=["-o", f"global.nbproc={nbproc}"])
        weir.args += ["-o", "global.shm=" + weir.shm]
        weir.sock = self.sock
        weir.start()


@pytest.fixture(params=["web_farm", "database_cluster", "api_gateway"])
def sides(lab, request):
    path = os.path.join(HERE, request.param + ".cfg")
    nbproc = 1 if request.param == "web_farm" else 2  # turns are exact with one
    pair = Haproxy(lab, path), Imported(lab, path, nbproc)
    for side in pair:
        wait_until(lambda s=side: all(r["status"] in ("UP", "OPEN", "no check", "")
                                      for r in s.stats().values()), what="all is up")
        for origin in side.origins:
            origin.forget()
    return request.param, pair


FARM = [
    ("/", "GET", []),
    ("/a/b?c=d", "GET", [("User-Agent", "a-very-long-user-agent/1")]),
    ("/static/x.css", "GET", [("X-Internal", "secret")]),
    ("/old/page", "GET", []),
    ("/admin/x", "GET", [("X-Client", "192.0.2.7")]),
    ("/v1/things", "POST", [("Cookie", "a=b")]),
    ("/IMG/x.PNG", "HEAD", []),
    ("/nothing", "DELETE", [("X-Forwarded-For", "1.2.3.4")]),
] + [(f"/{i}", "GET", [("X-Client", "192.0.2.8")]) for i in range(9)]

KEY = [("X-Api-Key", "k-one")]
GATEWAY = [
    ("/users/7", "GET", []),
    ("/users/7?x=1", "GET", KEY + [("X-Request-Id", "r1")]),
    ("/orders/1", "GET", [("X-Api-Key", "k-two"), ("Origin", "HTTPS://Shop.Example")]),
    ("/orders/1", "POST", [("X-Api-Key", "k-two")]),
    ("/else", "GET", KEY),
    ("/users", "PUT", [("X-Api-Key", "wrong")]),
] + [(f"/users/{i}", "GET", KEY) for i in range(8)]


def tell(response, side):
    """What a client sees; the bodies of refusals are each program's own."""
    own = {"date", "connection", "keep-alive", "content-length", "cache-control",
           "content-type", "allow"}
    is_page = response.status in (403, 405, 429)
    fields = sorted((k.lower(), side.anonymous(v)) for k, v in response.fields
                    if k.lower() not in (own if is_page else {"date", "connection"}))
    return response.status, fields, b"" if is_page else response.body


def talk(side, requests):
    answers = []
    for target, method, fields in requests:
        with Client(side.fe) as c:
            body = b"x=1" if method in ("POST", "PUT") else None
            answers.append(tell(c.ask(target, method, fields=fields, body=body), side))
    return answers


def talk_tcp(side):
    answers = []
    for port in (side.fe, side.fe, side.fe2, side.fe2):
        with Client(port) as c:
            r = c.ask("/raw", fields=[("Connection", "close")])
            answers.append((r.status, r.body))
    return answers


def logs(side, n):
    wait_until(lambda: len([x for x in side.sink.lines if is_access(x)]) >= n,
               what=f"{n} log lines")
    return sorted(side.anonymous(line) for line in side.sink.lines if is_access(line))


def is_access(line):
    return re.search(r"[\d.]+:\d+ \[", line) or '"method"' in line


def test_both_do_the_same(sides):
    name, pair = sides
    requests = {"web_farm": FARM, "api_gateway": GATEWAY}.get(name)
    heard = [talk(s, requests) if requests else talk_tcp(s) for s in pair]
    for theirs, ours in zip(*heard):
        assert theirs == ours
    for theirs, ours in zip(*[s.seen() for s in pair]):
        assert theirs == ours
    n = len(requests) if requests else 4
    for theirs, ours in zip(*[logs(s, n) for s in pair]):
        assert theirs == ours
    theirs, ours = [s.stats() for s in pair]
    assert theirs.keys() == ours.keys()
    for key in theirs:
        assert (key, theirs[key]) == (key, ours[key])


def test_ten_thousand_lines_are_imported_within_a_second(lab):
    lines = ["defaults", " mode http", " timeout client 1s", " timeout server 1s",
             " timeout connect 1s", "frontend f", " bind 127.0.0.1:80"]
    lines += [f" acl a{i} path_beg /{i}/ # what is for b{i}\n use_backend b{i} if a{i}"
              for i in range(1500)]
    for i in range(1500):
        lines += [f"backend b{i}", " balance leastconn", f" http-request set-header X-B b{i}",
                  f" server s1 10.0.{i // 250}.1:80 check", f" server s2 10.0.{i // 250}.2:80"]
    path = lab.file("long.cfg", "\n".join(lines) + "\n")
    best = 60
    for _ in range(3):
        start = os.times()
        done = subprocess.run([lab.weirctl, "import", path], capture_output=True, text=True)
        end = os.times()
        assert done.returncode == 0, done.stderr
        best = min(best, end.children_user + end.children_system -
                   start.children_user - start.children_system)
    assert best <= 1.0 * SLOW


def test_a_file_that_is_missing_is_one_plain_error(lab):
    done = subprocess.run([lab.weirctl, "import", "/no/such.cfg"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "import: /no/such.cfg: No such file or directory\n"
