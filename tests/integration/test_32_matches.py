# SPDX-License-Identifier: MIT
"""ACLs on a real request: weir, and the HAProxy whose language it is, asked for every row of
matches.txt."""
import pathlib
import re
import shutil
import subprocess

import pytest

from weirlab import Client, wait_until

FILES = {
    "nets": "# comment\n\n10.0.0.0/8\n192.168.1.1\n2001:db8::/32\n",
    "words": "abc\n  def  \n# no\nx y\n",
    "words2": "xyz\n",
    "map1": "abc 1\ndef two words\n# c\nghi\n",
}
REQUEST = (b"GET /api/v1/x.php?p=1&q=two HTTP/1.1\r\nHost: www.example.com:8080\r\nX: a, b\r\n"
           b"x: c\r\nEmpty:\r\nQ: \"a, b\", c\r\nN: 3\r\nXff: 10.1.2.3, 1.2.3.4\r\n"
           b"Cookie: c=1; d=b\r\nConnection: close\r\n\r\n")
ROWS = [line.split(" ", 2) for line in
        (pathlib.Path(__file__).with_name("matches.txt")).read_text().splitlines()
        if not line.startswith("#")]
assert len(ROWS) > 400


def acls(lab):
    """The ACLs, with the paths of their files."""
    for name, text in FILES.items():
        lab.file(name, text)
    return [re.sub(r"-f (\w+)", lambda m: f"-f {lab.dir}/{m[1]}", acl) for *_, acl in ROWS]


def page(lab):
    return lab.file("page", "\n".join(f"%[var(txn.r{i},0)]" for i in range(len(ROWS))))


def ask(port):
    with Client(port) as c:
        c.send(REQUEST)
        return c.response().body.decode().split("\n")


def differences(said, column):
    assert len(said) == len(ROWS)
    return [(row[2], value) for row, value in zip(ROWS, said) if value != row[column]]


def test_weir_says_what_the_table_says(lab):
    port = lab.port()
    lab.start({"frontends": {"web": {
        "mode": "http", "bind": f"127.0.0.1:{port}",
        "http_request": [{"set_var": {"name": f"txn.r{i}", "value": "bool(true)"},
                          "if": f"{{ {acl} }}"} for i, acl in enumerate(acls(lab))] +
                        [{"return": {"status": 200, "lf_file": str(page(lab))}}]}}}, nbproc=1)
    assert differences(ask(port), 0) == []


def test_haproxy_says_so_too(lab):
    haproxy = shutil.which("haproxy") or "/usr/sbin/haproxy"
    if not pathlib.Path(haproxy).exists() or b"version 2.6" not in subprocess.run(
            [haproxy, "-v"], capture_output=True).stdout:
        pytest.skip("needs HAProxy 2.6")
    port = lab.port()
    rules = "\n".join(f" http-request set-var(txn.r{i}) bool(true) if {{ {acl} }}"
                      for i, acl in enumerate(acls(lab)))
    config = lab.file("haproxy.cfg", f"""
global
 tune.bufsize 65536
defaults
 mode http
 timeout client 5s
 timeout server 5s
 timeout connect 5s
frontend web
 bind 127.0.0.1:{port}
{rules}
 http-request return status 200 content-type text/plain lf-file {page(lab)}
""")

    def answers():
        try:
            with Client(port):
                return True
        except OSError:
            return False

    p = subprocess.Popen([haproxy, "-db", "-f", str(config)], stderr=subprocess.PIPE)
    try:
        wait_until(lambda: p.poll() is not None or answers(), what="haproxy answers")
        assert p.poll() is None, p.stderr.read()
        assert differences(ask(port), 1) == []
    finally:
        p.kill()
        p.wait()
