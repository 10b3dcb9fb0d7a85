# SPDX-License-Identifier: MIT
"""Every word of words.txt at the place where it has its value: weir, and the HAProxy whose
language it is, asked for the same exchange."""
import pathlib
import re

import pytest

from weirlab import Client
from weirlab import origin as do
from weirlab.config import TIMEOUTS
from weirlab.haproxy import Haproxy

FIELDS = [("Content-Type", "text/plain"), ("X-List", "one"), ("x-list", "two, three"),
          ("Set-Cookie", "sid=abc; path=/; HttpOnly"), ("Set-Cookie", "lang=de"),
          ("X-Ip", "192.0.2.1, 2001:db8::1"), ("X-Number", "12, 34"), ("X-Empty", "")]
TARGET = "/dir/page?a=1&b=two"
PLACES = {  # key of weir, line of HAProxy, scope of variables
    "C": (("tcp_request", "connection"), "tcp-request connection", "sess"),
    "S": (("tcp_request", "session"), "tcp-request session", "sess"),
    "T": (("tcp_request", "content"), "tcp-request content", "txn"),
    "Q": (("http_request",), "http-request", "txn"),
    "t": (("tcp_response", "content"), "tcp-response content", "txn"),
    "R": (("http_response",), "http-response", "txn"),
}
TABLE = [re.split(r"\s{2,}", line) for line in
         pathlib.Path(__file__).with_name("words.txt").read_text().splitlines()
         if line and not line.startswith("#")]
ROWS = [(i, place, kind, text, values) for i, (places, kind, text, *values) in enumerate(TABLE)
        for place in places]


class Exchange:
    """What one proxy says of one request: {(row, place): value}."""

    def __init__(self, lab):
        self.lab, self.port, self.sink = lab, lab.port(), lab.sink()
        self.origin = lab.origin("a").on("/dir/page", do.answer(202, "hello", fields=FIELDS))

    def rows(self, places, kinds):
        return [(i, p, text) for i, p, kind, text, _ in ROWS if p in places and kind in kinds]

    def variable(self, i, place):
        return f"{PLACES[place][2]}.{place.lower() * 2 if place.islower() else place}{i}"

    def said(self, kinds):
        with Client(self.port) as c:
            port = c.address.rsplit(":", 1)[1]
            answer = c.ask(TARGET, fields=[("X-Who", "me"), ("Cookie", "sid=abc; n=42")])
        assert (answer.status, answer.text) == (202, "hello")
        log, = self.sink.wait("==begin==")
        shown = {"CSTQtR": answer.get("X-All").split("=="), "L": log.split("==begin==")[1].split("=="),
                 "A": [answer.get(f"X-A{i}") for i, _, _ in self.rows("A", kinds)]}
        out = {}
        for places, values in shown.items():
            rows = self.rows(places, kinds)
            assert len(values) == len(rows), values
            out |= {(i, p): value for (i, p, _), value in zip(rows, values)}
        return out, {"port": self.port, "client_port": port, "origin_port": self.origin.port}

    def all_variables(self, kinds):
        return "==".join(f"%[var({self.variable(i, p)})]"
                         for i, p, _ in self.rows("CSTQtR", kinds))

    def log_format(self, kinds):
        return "==begin==" + "==".join(text if text.startswith("%") else f"%[{text}]"
                                       for _, _, text in self.rows("L", kinds))

    def weir(self, kinds):
        fe = {"mode": "http", "bind": {"address": f"127.0.0.1:{self.port}", "name": "here"},
              "log": [{"address": self.sink.address, "facility": "local0"}],
              "log_format": self.log_format(kinds), "default_backend": "be",
              "timeout": {"client": "9s", "tarpit": "7s"}, "unique_id_format": "id-%cp",
              "option": ["dontlognull"],
              "capture": {"request": {"header": {"name": "X-Who", "len": 20}},
                          "response": {"header": {"name": "X-Number", "len": 20}}},
              "http_after_response": [
                  {"set_header": {"name": f"X-A{i}", "value": f"%[{text}]"}}
                  for i, _, text in self.rows("A", kinds)]}
        be = {"mode": "http", "retries": 2,
              "timeout": {"connect": "3s", "server": "8s", "queue": "6s", "tarpit": "7s",
                          "tunnel": "11s"},
              "servers": {"a": {"address": self.origin.address, "weight": 42,
                                "maxconn": 100}}}
        for i, place, text in self.rows("CSTQtR", kinds):
            *keys, last = PLACES[place][0]
            rules = be if place == "t" else fe
            for key in keys:
                rules = rules.setdefault(key, {})
            rules.setdefault(last, []).append(
                {"set_var": {"name": self.variable(i, place), "value": text}})
        fe.setdefault("http_request", []).append({"allow": True})
        fe.setdefault("http_response", []).append(
            {"set_header": {"name": "X-All", "value": self.all_variables(kinds)}})
        self.lab.start({"defaults": {"timeout": TIMEOUTS}, "frontends": {"fe": fe},
                        "backends": {"be": be}}, nbproc=1)
        return self.said(kinds)

    def haproxy(self, kinds):
        log_format = self.log_format(kinds).replace('"', '\\"')
        front, back = ("\n".join(
            f" {PLACES[p][1]} set-var({self.variable(i, p)}) {text}"
            for i, p, text in self.rows(places, kinds)) for places in ("CSTQR", "t"))
        after = "\n".join(f" http-after-response set-header X-A{i} %[{text}]"
                          for i, _, text in self.rows("A", kinds))
        Haproxy(self.lab, f"""
frontend fe
 bind 127.0.0.1:{self.port} name here
 timeout client 9s
 timeout tarpit 7s
 log {self.sink.address} len 65535 local0
 log-format "{log_format}"
 unique-id-format id-%cp
 option dontlognull
 capture request header X-Who len 20
 capture response header X-Number len 20
{front}
 http-request allow
 http-response set-header X-All "{self.all_variables(kinds)}"
{after}
 default_backend be
backend be
 retries 2
 timeout connect 3s
 timeout server 8s
 timeout queue 6s
 timeout tarpit 7s
 timeout tunnel 11s
{back}
 server a {self.origin.address} weight 42 maxconn 100
""", self.port)
        return self.said(kinds)


def is_as(value, wanted, known):
    """~ is nothing, {int} a number, {port} a known one, /.../ a regular expression."""
    if wanted == "~":
        return value in ("", None, "-")
    if wanted.startswith("/") and wanted.endswith("/"):
        return bool(re.fullmatch(wanted[1:-1], value or ""))
    pattern = re.escape(wanted).replace(r"\{int\}", r"-?\d+")
    for name, x in known.items():
        pattern = pattern.replace(rf"\{{{name}\}}", re.escape(str(x)))
    return bool(re.fullmatch(pattern, value or ""))


def differences(said, known, column):
    """A line for each row that is not as its column says."""
    rows = [(TABLE[i][2], place, (TABLE[i][3:] * 2)[column], value)
            for (i, place), value in said.items()]
    return "\n".join(f"{text} at {place}: expected {wanted}, got {value}"
                     for text, place, wanted, value in rows if not is_as(value, wanted, known))


def test_weir_says_what_the_table_says(lab):
    said, known = Exchange(lab).weir(("same", "later", "other"))
    assert differences(said, known, 0) == ""


def test_haproxy_says_so_too_but_where_the_table_says_why(lab):
    said, known = Exchange(lab).haproxy(("same", "other"))
    assert differences(said, known, 1) == ""
