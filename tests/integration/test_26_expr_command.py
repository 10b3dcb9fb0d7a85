# SPDX-License-Identifier: MIT
"""weir expr: the expression language without a daemon."""
import subprocess

import pytest

REQUEST = "GET /a/b?x=1&y=2 HTTP/1.1\nHost: www.Example.com\nCookie: a=1; b=2\nX-L: one, two\n"


def expr(lab, text, request=REQUEST):
    path = lab.file("request.txt", request)
    return subprocess.run([lab.weir, "expr", text, "--request", path], capture_output=True,
                          text=True, timeout=20)


@pytest.mark.parametrize("text, says, status", [
    ("req.hdr(host),lower", "str    www.example.com\n", 0),
    ("req.hdr(x-l)", "str    one\nstr    two\n", 0),
    ("path,length", "int    4\n", 0),
    ("src", "ipv4   127.0.0.1\n", 0),
    ("always_true", "bool   true\n", 0),
    ("str(hi),bytes(0,1)", "bin    68\n", 0),
    ("req.hdr(none)", "no value\n", 1),
    ("fe_conn", "int    0\n", 0),
    ("{ path_beg /a } { src 127.0.0.0/8 }", "true\n", 0),
    ("! { path_reg ^/a }", "false\n", 1),
    ("%HM %HU %[req.cook(b)]", "GET /a/b?x=1&y=2 2\n", 0),
])
def test_values_are_printed_with_their_type(lab, text, says, status):
    r = expr(lab, text)
    assert (r.stdout, r.returncode, r.stderr) == (says, status, "")


def test_mistakes_are_shown_where_they_are(lab):
    r = expr(lab, "path,lwer")
    assert r.returncode == 2
    assert r.stderr == ("weir: column 6: unknown converter 'lwer'; did you mean 'lower'?\n"
                        "  path,lwer\n       ^\n")


def test_a_request_that_is_none_says_why(lab):
    assert "not a request: " in expr(lab, "path", "GET / HTTP/1.1\nBad Name: x\n").stderr
    r = subprocess.run([lab.weir, "expr", "path", "--request", "/nonexistent"],
                       capture_output=True, text=True, timeout=20)
    assert r.returncode == 1 and "/nonexistent: No such file" in r.stderr


def test_without_a_request_there_is_a_plain_one(lab):
    r = subprocess.run([lab.weir, "expr", "%HM %HU %[req.hdr(host)]"], capture_output=True,
                       text=True, timeout=20)
    assert r.stdout == "GET / localhost\n"
