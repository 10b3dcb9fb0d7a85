# SPDX-License-Identifier: MIT
"""Expressions on a real request: weir, and the HAProxy whose language it is, asked for every
row of the two tables of the unit tests (values.def, fetches.def)."""
import pathlib
import re
import shutil
import subprocess

import pytest

from weirlab import Client, get, wait_until
from weirlab.config import web

UNIT = pathlib.Path(__file__).resolve().parents[1] / "unit"
STRING = r'"(?:[^"\\]|\\.)*"'
TEXT = rf"{STRING}(?:\s*{STRING})*"
ROW = re.compile(rf"^(SAME|LATER|OTHER)\(\s*({TEXT})\s*,\s*(NULL|{TEXT})(?:\s*,\s*(NULL|{TEXT}))?",
                 re.M)
MARK = b"\n=====\n"


def c_string(text):
    if text == "NULL":
        return b""
    parts = (s[1:-1].encode().decode("unicode_escape") for s in re.findall(STRING, text))
    return "".join(parts).encode("latin1")


def table(path):
    """[(kind, expression, value, HAProxy's value)]"""
    rows = []
    for kind, text, value, other in ROW.findall((UNIT / path).read_text()):
        value = c_string(value)
        rows.append((kind, c_string(text), value, c_string(other) if kind == "OTHER" else value))
    return rows


VALUES, FETCHES = table("lib/expr/values.def"), table("worker/fetch/fetches.def")
assert len(VALUES) > 150 and len(FETCHES) > 60
REQUEST = c_string(re.search(rf"^REQUEST\(({TEXT})\)", (UNIT / "worker/fetch/fetches.def").read_text(),
                             re.M).group(1))


def page(rows):
    return MARK.join(b"%[" + text + b"]" for _, text, *_ in rows)


def ask(port, rows):
    """{expression: value}"""
    with Client(port) as c:
        c.send(REQUEST)
        answer = c.response()
        assert answer.status == 200
        values = answer.body.split(MARK)
    assert len(values) == len(rows)
    return {text: value for (_, text, *_), value in zip(rows, values)}


def start_weir(lab, rows):
    port = lab.port()
    lab.start({"frontends": {"web": {
        "mode": "http", "bind": {"address": f"127.0.0.1:{port}", "name": "here"},
        "http_request": [
            {"set_var": {"name": "txn.text", "value": "str(hello)"}},
            {"set_var": {"name": "txn.key", "value": "str(a2V5)"}},
            {"set_var": {"name": "txn.seven", "value": "int(7)"}},
            {"return": {"status": 200, "lf_file": str(lab.file("page", page(rows).decode()))}},
        ]}}}, nbproc=1)
    return port


def start_haproxy(lab, rows):
    port = lab.port()
    config = lab.file("haproxy.cfg", f"""
defaults
 mode http
 timeout client 5s
 timeout server 5s
 timeout connect 5s
frontend web
 bind 127.0.0.1:{port} name here
 http-request set-var(txn.text) str(hello)
 http-request set-var(txn.key) str(a2V5)
 http-request set-var(txn.seven) int(7)
 http-request return status 200 content-type text/plain lf-file {lab.file("page", page(rows).decode())}
""")
    p = subprocess.Popen(["haproxy", "-db", "-f", str(config)], stderr=subprocess.PIPE)
    return p, port


def answers(port):
    try:
        with Client(port):
            return True
    except OSError:
        return False


def differences(rows, seen, column):
    return [(text, seen[text], row[column]) for row in rows
            for text in [row[1]] if seen[text] != row[column]]


@pytest.mark.parametrize("rows", [VALUES, FETCHES], ids=["values", "fetches"])
def test_weir_gives_the_values_of_the_tables(lab, rows):
    port = start_weir(lab, rows)
    assert differences(rows, ask(port, rows), 2) == []


@pytest.mark.parametrize("rows", [VALUES, FETCHES], ids=["values", "fetches"])
def test_haproxy_gives_the_same_but_where_the_tables_say_why(lab, rows):
    haproxy = shutil.which("haproxy") or "/usr/sbin/haproxy"
    if not pathlib.Path(haproxy).exists() or b"version 2.6" not in subprocess.run(
            [haproxy, "-v"], capture_output=True).stdout:
        pytest.skip("needs HAProxy 2.6")
    rows = [row for row in rows if row[0] != "LATER"]
    p, port = start_haproxy(lab, rows)
    try:
        wait_until(lambda: p.poll() is not None or answers(port), what="haproxy answers")
        assert p.poll() is None, p.stderr.read()
        assert differences(rows, ask(port, rows), 3) == []
    finally:
        p.kill()
        p.wait()


def test_a_regex_that_explodes_costs_little_and_is_told(lab):
    a, sink, port = lab.origin("a"), lab.sink(), lab.port()
    weir = lab.start(web(port, [a], log=sink, frontend={"http_request": [
        {"set_header": {"name": "X-Out", "value": "<%[req.hdr(X-In),regsub('^(a+)+$','b')]>"}}]}),
        nbproc=1)
    assert get(port, "/", fields=[("X-In", "aaa")]).status == 200
    assert get(port, "/", fields=[("X-In", "a" * 5000 + "!")]).status == 200
    assert [r.get("X-Out") for r in a.requests] == ["<b>", "<>"]
    sink.wait(r"fe: a regular expression gave up: \^\(a\+\)\+\$")
    assert weir.counter("regex_limit") == 1


def test_debug_writes_values_to_the_log(lab):
    a, sink, port = lab.origin("a"), lab.sink(), lab.port()
    lab.start(web(port, [a], log=sink, frontend={"http_request": [
        {"set_header": {"name": "X-Out", "value": "%[path,debug(seen),upper]"}}]}), nbproc=1)
    assert get(port, "/some/path").status == 200
    sink.wait("fe: seen: /some/path")


def test_when_lets_values_pass_by_how_the_exchange_went(lab):
    a, sink, port = lab.origin("a"), lab.sink(), lab.port()
    lab.start(web(port, [a], log=sink, frontend={
        "http_request": [{"return": {"status": 503}, "if": "{ path /here }"}],
        "log_format": "%HU error=%[str(y),when(error)] normal=%[str(y),when(!error)] "
                      "to=%[str(y),when(forwarded)] stop=%[str(y),when(stopping)]"}), nbproc=1)
    assert get(port, "/there").status == 200
    sink.wait("/there error=- normal=y to=y stop=-")
    assert get(port, "/here").status == 503
    sink.wait("/here error=y normal=- to=- stop=-")
