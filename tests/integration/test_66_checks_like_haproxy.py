# SPDX-License-Identifier: MIT
"""Checks beside HAProxy's: the same servers are checked by both; rows and log lines are the
same to the letter, but for what is listed here."""
import csv
import io
import re

import pytest

from test_28_check_scripts import OK_PACKET, PING, Peer, mysql
from weirlab import say, wait_until
from weirlab import origin as do
from weirlab.config import LONG
from weirlab.haproxy import Haproxy

# The first result is what is compared, so none may be a timeout: connecting has `inter`, too.
EVERY = {"check": True, "inter": "3s", "fall": 1, "rise": 1}
HTTP = b"HTTP/1.0 %s\r\nContent-Length: 2\r\n\r\nok"
FIELDS = ("status", "check_status", "check_code", "last_chk", "check_desc", "check_health",
          "check_rise", "check_fall")

# HAProxy's lines, ours, what the server does
CHECKS = {
    "tcp": ("", {}, [9]),
    "redis": ("option redis-check", {"option": "redis_check"}, [len(PING), b"+PONG\r\n"]),
    "mysql denies": ("option mysql-check user x", {"option": {"mysql_check": {"user": "x"}}},
                     [mysql(b"\xff\x15\x04Host is blocked")]),
    "mysql": ("option mysql-check user x", {"option": {"mysql_check": {"user": "x"}}},
              [43, mysql(b"\x0a10.11.6\0" + bytes(20)), OK_PACKET]),
    "pgsql": ("option pgsql-check user x", {"option": {"pgsql_check": "x"}},
              [16, b"R\0\0\0\x08\0\0\0\x03"]),
    "pgsql that fails": ("option pgsql-check user x", {"option": {"pgsql_check": "x"}},
                         [16, b"E\0\0\0\x0fSFATAL\0Mno\0\0"]),
    "ldap": ("option ldap-check", {"option": "ldap_check"},
             [14, bytes.fromhex("308400000010020101618400000007" "0a010004000400")]),
    "smtp": ("option smtpchk EHLO x", {"option": {"smtpchk": {"hello": "EHLO", "domain": "x"}}},
             [b"220 a\r\n", 8, b"250-b\r\n250 SIZE\r\n", 6, b"221 bye\r\n"]),
    "tls": ("option ssl-hello-chk", {"option": "ssl_hello_chk"}, [5, b"\x16\x03\x03\0\x04abcd"]),
    "no tls": ("option ssl-hello-chk", {"option": "ssl_hello_chk"}, [5, b"HTTP/1.0 400\r\n"]),
    "script": ("option tcp-check\n tcp-check expect string OK",
               {"option": "tcp_check", "tcp_check": [{"expect": {"string": "OK"}}]}, [b"OK\n"]),
    "script that only sends": ("option tcp-check\n tcp-check connect\n tcp-check send a",
                               {"option": "tcp_check", "tcp_check": [{"connect": True},
                                                                     {"send": "a"}]}, [9]),
    "script that only connects": ("option tcp-check\n tcp-check connect",
                                  {"option": "tcp_check", "tcp_check": [{"connect": True}]}, [9]),
    "http": ("mode http\n option httpchk", {"mode": "http", "option": "httpchk"},
             [5, HTTP % b"200 OK"]),
    "http 404": ("mode http\n option httpchk", {"mode": "http", "option": "httpchk"},
                 [5, HTTP % b"404 No way"]),
    "junk": ("mode http\n option httpchk", {"mode": "http", "option": "httpchk"},
             [5, b"junk\r\n\r\n"]),
    "status": ("mode http\n option httpchk\n http-check expect status 201",
               {"mode": "http", "option": "httpchk", "http_check": {"expect": {"status": "201"}}},
               [5, HTTP % b"200 OK"]),
    "rstatus": ("mode http\n option httpchk\n http-check expect rstatus ^3",
                {"mode": "http", "option": "httpchk", "http_check": {"expect": {"rstatus": "^3"}}},
                [5, HTTP % b"200 OK"]),
    "string": ("mode http\n option httpchk\n http-check expect string ok",
               {"mode": "http", "option": "httpchk", "http_check": {"expect": {"string": "ok"}}},
               [5, HTTP % b"200 OK"]),
    "no string": ("mode http\n option httpchk\n http-check expect string xx",
                  {"mode": "http", "option": "httpchk", "http_check": {"expect": {"string": "xx"}}},
                  [5, HTTP % b"200 OK"]),
    "no string, as a status": (
        "mode http\n option httpchk\n http-check expect string xx error-status L7STS",
        {"mode": "http", "option": "httpchk",
         "http_check": {"expect": {"string": "xx", "error_status": "L7STS"}}},
        [5, HTTP % b"200 OK"]),
    "what is said on errors": (
        "mode http\n option httpchk\n http-check expect rstring xx error-status L7STS "
        "on-error \"said %[res.hdr(content-length)]\"",
        {"mode": "http", "option": "httpchk",
         "http_check": {"expect": {"rstring": "xx", "error_status": "L7STS",
                                   "on_error": "said %[res.hdr(content-length)]"}}},
        [5, HTTP % b"200 OK"]),
}
# weir says the version and "Success", as later HAProxy does in its log.
SAYS_MORE = {("mysql", "last_chk"), ("ldap", "last_chk")}


class Runtime:
    def __init__(self, lab):
        self.path = lab.file("haproxy.sock", "") + ".s"

    def stats(self):
        rows = csv.DictReader(io.StringIO(say(self.path, "show stat").removeprefix("# ")))
        return {(r["pxname"], r["svname"]): r for r in rows}


def lines(sink):
    """What both say of servers, without times; weir's own lines aside."""
    told = [line.split("]: ", 1)[1] for line in list(sink.lines) if "]: " in line]
    return [re.sub(r"duration: \d+ms", "duration: N", line).rstrip() for line in told
            if re.match(r"Server |backend ", line)]


def test_results_are_told_like_haproxys(lab):
    theirs, ours, runtime, port = lab.sink(), lab.sink(), Runtime(lab), lab.port()
    text = (f"global\n stats socket {runtime.path} level admin\n log {theirs.address} local0\n"
            f"defaults\n log global\n mode tcp\n timeout check {LONG}\n timeout connect {LONG}\n"
            f"frontend fe\n bind 127.0.0.1:{port}\n default_backend b0\n")
    config = {"global": {"log": [{"address": ours.address, "facility": "local0"}]},
              "defaults": {"mode": "tcp", "log": "global",
                           "timeout": {"check": LONG, "connect": LONG}},
              "frontends": {"fe": {"bind": f"127.0.0.1:{lab.port()}"}}, "backends": {}}
    peers = []
    for i, (their, our, dialogue) in enumerate(CHECKS.values()):
        one, two = Peer(*dialogue), Peer(*dialogue)
        peers += [one, two]
        text += (f"backend b{i}\n {their}\n"
                 f" server s {one.address} check inter 3s fall 1 rise 1\n")
        config["backends"][f"b{i}"] = {**our, "servers": {"s": {"address": two.address, **EVERY}}}
    try:
        Haproxy(lab, text, port)
        weir = lab.start(config, nbproc=1)
        for i, name in enumerate(CHECKS):
            differ = {}

            def are_same():
                a, b = runtime.stats()[f"b{i}", "s"], weir.stats()[f"b{i}", "s"]
                differ.clear()
                differ.update({f: (a[f], b[f]) for f in FIELDS
                               if a[f] != b[f] and (name, f) not in SAYS_MORE})
                return not differ and b["check_status"] not in ("INI", "")
            try:
                wait_until(are_same)
            except AssertionError:
                raise AssertionError(name, differ) from None

            def told(sink):
                return [line for line in lines(sink) if line.startswith(f"Server b{i}/s ")][:1]
            wait_until(lambda: told(theirs) == told(ours), what=f"{told(theirs)} {told(ours)}")
    finally:
        for one in peers:
            one.close()


# Said to both, one after the other, or a status the server has from then on.
EVENTS = ["set server be/a state maint", "set server be/a state ready",
          "set server be/a state drain", "set server be/a state ready",
          "set server be/b state maint", "set server be/b state ready",
          "set server be/b state drain", "set server be/b state maint",
          "set server be/b state ready", "set server be/a health down",
          404, 200, 500, 404, 200]


@pytest.mark.alone
def test_what_people_and_checks_change_is_told_like_haproxys(lab):
    theirs, ours, runtime, port = lab.sink(), lab.sink(), Runtime(lab), lab.port()
    a, b = lab.origins("ab")
    a.on("/c", do.answer(200))
    Haproxy(lab, f"""global
 stats socket {runtime.path} level admin
 log {theirs.address} local0
defaults
 log global
 mode http
 timeout connect 5s
 timeout client 5s
 timeout server 5s
 timeout check 5s
 option httpchk GET /c
 http-check disable-on-404
frontend fe
 bind 127.0.0.1:{port}
 default_backend be
backend be
 server a {a.address} check inter 200 fall 1 rise 1
 server b {b.address}
backend tr
 server t {a.address} track be/a
""", port)
    check = {"option": {"httpchk": "GET /c"}, "http_check": {"disable_on_404": True}}
    weir = lab.start({
        "global": {"log": [{"address": ours.address, "facility": "local0"}]},
        "defaults": {"mode": "http", "log": "global", "timeout": {"check": "5s", "connect": "5s"}},
        "frontends": {"fe": {"bind": f"127.0.0.1:{lab.port()}", "default_backend": "be"}},
        "backends": {"be": {**check, "servers": {
            "a": {"address": a.address, **EVERY, "inter": "200ms"}, "b": b.address}},
            "tr": {"servers": {"t": {"address": a.address, "track": "be/a"}}}}}, nbproc=1)
    wait_until(lambda: all(s["be", "a"]["check_status"] == "L7OK"
                           for s in (weir.stats(), runtime.stats())))

    def settle(n):
        """Both have made two more checks, and have said the same."""
        seen = len(a.seen("/c"))
        wait_until(lambda: len(a.seen("/c")) >= seen + 6 or
                   any(s["be", "a"]["status"] == "MAINT" for s in (weir.stats(),)))
        wait_until(lambda: lines(theirs)[n:] == lines(ours)[n:] or None,
                   what=f"{lines(theirs)[n:]} {lines(ours)[n:]}")
    for event in EVENTS:
        n = len(lines(theirs))
        if isinstance(event, int):
            a.on("/c", do.answer(event))
        else:
            say(runtime.path, event)
            weir.api(event)
        settle(n)
    assert len(lines(theirs)) > 20
