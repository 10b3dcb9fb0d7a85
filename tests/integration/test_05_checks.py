# SPDX-License-Identifier: MIT
"""Dead servers leave, live ones come back, and nothing forgets which is which."""
import json
import re
import time

import pytest

from weirlab import get, wait_until
from weirlab import origin as do
from weirlab.config import web

# Plain TCP checks hold the handshake's ACK back: no accept() ever sees them.
SEEN = {"option": {"httpchk": {"method": "GET", "uri": "/"}}}
QUICK = {"check": True, "inter": "200ms", "fall": 2, "rise": 2}
TIMEOUT = {"check": "300ms"}


def wait_checked(weir, names=("a", "b"), backend="be"):
    """Every server has been checked at least once."""
    wait_until(lambda: all(weir.stats()[backend, name]["check_status"].startswith("L")
                           for name in names), what="first checks")


@pytest.mark.smoke
@pytest.mark.parametrize("nbproc", [1, 2])
def test_a_dead_server_leaves_in_time_and_comes_back(lab, nbproc):
    a, b = lab.origins("ab")
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, [a, b], every=QUICK, timeout=TIMEOUT, log=sink), nbproc=nbproc)
    wait_checked(weir)
    assert weir.status("be", "a") == "UP"
    assert weir.stats()["be", "a"]["check_status"] == "L4OK"
    b.stop()
    gone = time.monotonic()
    weir.wait_status("be", "b", "DOWN")
    # fall x inter + timeout, and what jitter and a busy machine add
    assert time.monotonic() - gone < 2 * 0.2 * 1.1 + 0.3 + 0.5
    line, = sink.wait(r"Server be/b is DOWN")
    assert re.search(r'Server be/b is DOWN, reason: Layer4 connection problem, info: '
                     r'"ECONNREFUSED returned by OS \(Connection refused\)", check duration: \d+ms\. 1 active and 0 backup '
                     r'servers left\. 0 sessions active, 0 requeued, 0 remaining in queue\.', line)
    assert re.match(r"<12[89]>", line), "local0.alert"
    assert all(get(port).text == "a" for _ in range(6))
    row = weir.stats()["be", "b"]
    assert row["check_status"] == "L4CON" and row["chkdown"] == "1" and int(row["chkfail"]) >= 1
    assert weir.stats()["be", "BACKEND"]["act"] == "1"
    b.start()
    weir.wait_status("be", "b", "UP")
    sink.wait(r"Server be/b is UP, reason: Layer4 check passed, check duration: \d+ms\. "
              r"2 active and 0 backup servers online\. 0 sessions requeued, 0 total in queue\.")
    assert {get(port).text for _ in range(4)} == {"a", "b"}


def test_a_server_that_hangs_is_down_by_timeout(lab):
    a = lab.origin("a").on("/check", do.hang())
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, [a], every=QUICK, timeout=TIMEOUT, log=sink,
                         backend={"option": {"httpchk": {"method": "GET", "uri": "/check"}}}),
                     nbproc=1)
    weir.wait_status("be", "a", "DOWN")
    assert weir.stats()["be", "a"]["check_status"] == "L7TOUT"
    sink.wait(r"Server be/a is DOWN, reason: Layer7 timeout, ")
    sink.wait(r"backend be has no server available!|proxy be has no server available!")
    assert get(port).status == 503


EXPECTS = {
    "default 200": ({}, do.answer(200), True),
    "default 302": ({}, do.answer(302), True),
    "default 404": ({}, do.answer(404), False),
    "status 200-399": ({"status": "200-399"}, do.answer(301), True),
    "status list": ({"status": "200,404"}, do.answer(404), True),
    "status not in the list": ({"status": "200,404"}, do.answer(403), False),
    "rstatus": ({"rstatus": "^4"}, do.answer(404), True),
    "string": ({"string": "all well"}, do.answer(200, b"so, all well."), True),
    "string missing": ({"string": "all well"}, do.answer(200, b"so so"), False),
    "rstring": ({"rstring": "load=[0-3]\\."}, do.answer(200, b"load=2.7"), True),
    "rstring chunked": ({"rstring": "load=[0-3]\\."}, do.chunked([b"loa", b"d=2", b".7"]), True),
    "rstring fails": ({"rstring": "load=[0-3]\\."}, do.answer(200, b"load=9.9"), False),
    "not string": ({"string": "maintenance", "negate": True}, do.answer(200, b"maintenance"), False),
    "garbage": ({}, do.raw(b"hello\r\n\r\n", True), False),
}


def test_http_checks_expect_what_they_are_told(lab):
    """All kinds at once: one backend for each."""
    config = {"defaults": {"mode": "http", "timeout": {"check": "500ms"}},
              "frontends": {"fe": {"bind": f"127.0.0.1:{lab.port()}"}}, "backends": {}}
    wanted = {}
    for i, (name, (expect, behaviour, good)) in enumerate(EXPECTS.items()):
        origin = lab.origin(f"o{i}").on("/h", behaviour)
        backend = {"option": {"httpchk": {"method": "GET", "uri": "/h"}},
                   "servers": {"s": {"address": origin.address, "check": True, "inter": "150ms",
                                     "fall": 1, "rise": 1}}}
        if expect:
            backend["http_check"] = [{"expect": expect}]
        config["backends"][f"b{i}"] = backend
        wanted[f"b{i}", "s"] = (name, good)
    weir = lab.start(config, nbproc=1)

    def settled():
        rows = weir.stats()
        return all(rows[key]["check_status"].startswith("L7") and
                   rows[key]["status"].startswith("UP" if good else "DOWN")
                   for key, (_, good) in wanted.items())
    try:
        wait_until(settled)
    except AssertionError:
        rows = weir.stats()
        raise AssertionError([(wanted[k][0], rows[k]["status"], rows[k]["check_status"])
                              for k in wanted]) from None


def test_a_check_request_carries_what_is_configured(lab):
    a = lab.origin("a")
    weir = lab.start(web(lab.port(), [a], every=QUICK, backend={
        "option": {"httpchk": {"method": "HEAD", "uri": "/health?x", "version": "HTTP/1.1",
                               "host": "check.test"}}}), nbproc=1)
    wait_until(lambda: a.seen("/health"))
    req = a.seen("/health")[0]
    assert (req.method, req.target, req.version) == ("HEAD", "/health?x", "HTTP/1.1")
    assert req.get("Host") == "check.test"
    wait_until(lambda: weir.stats()["be", "a"]["check_status"] == "L7OK")
    assert weir.stats()["be", "a"]["check_code"] == "200"


def test_checks_may_go_to_another_port_or_address(lab):
    a, health = lab.origin("a"), lab.origin("h")
    weir = lab.start(web(lab.port(), {"a": {"address": a, "port": health.port, **QUICK}},
                         timeout=TIMEOUT, backend=SEEN), nbproc=1)
    wait_checked(weir, "a")
    wait_until(lambda: health.connections > 1)
    assert a.connections == 0
    health.stop()
    weir.wait_status("be", "a", "DOWN")


def test_one_checker_checks_for_all_workers(lab):
    a = lab.origin("a")
    weir = lab.start(web(lab.port(), [a], every={"check": True, "inter": "100ms"},
                         backend=SEEN), nbproc=8)
    before = a.connections
    start = time.monotonic()
    wait_until(lambda: a.connections >= before + 10)
    assert time.monotonic() - start > 0.6, "more than one process checks"
    assert weir.counter("checks_run") >= 10


def test_one_failure_of_three_does_not_take_a_server_out(lab):
    a = lab.origin("a")
    n = {"n": 0}

    async def now_and_then(req, conn):
        n["n"] += 1
        conn.answer(500 if n["n"] % 3 == 0 else 200)
    a.on("/h", now_and_then)
    weir = lab.start(web(lab.port(), [a], every={"check": True, "inter": "50ms", "fall": 2, "rise": 2},
                         backend={"option": {"httpchk": {"method": "GET", "uri": "/h"}}}), nbproc=1)
    wait_until(lambda: n["n"] > 15)
    row = weir.stats()["be", "a"]
    assert row["status"].startswith("UP") and row["chkdown"] == "0" and int(row["chkfail"]) >= 3


def test_health_is_carried_over_reload_and_restart(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    config = web(port, [a, b], every=QUICK, timeout=TIMEOUT)
    weir = lab.start(config, nbproc=2)
    b.stop()
    weir.wait_status("be", "b", "DOWN")
    slow = web(port, [a, b], every={**QUICK, "inter": "60s"}, timeout=TIMEOUT)
    assert weir.reload(slow).returncode == 0
    assert weir.status("be", "b").startswith("DOWN")
    assert all(get(port).text == "a" for _ in range(6))
    weir.stop()
    weir.start()
    assert weir.status("be", "b").startswith("DOWN")
    assert all(get(port).text == "a" for _ in range(6))
    assert weir.stat("be", "b", "chkdown") == 1
    b.start()
    weir.reload(config)
    weir.wait_status("be", "b", "UP")


def test_a_name_that_does_not_resolve_starts_down_and_does_not_stop_the_start(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, {"a": a, "x": {"address": "no-such-host.invalid:80", "check": True}}),
                     nbproc=1)
    weir.wait_status("be", "x", "DOWN")
    assert "no-such-host.invalid" in weir.stderr
    assert all(get(port).text == "a" for _ in range(4))


def test_the_last_sixteen_checks_are_remembered(lab):
    a = lab.origin("a").on("/", do.answer(200))
    weir = lab.start(web(lab.port(), [a], every={"check": True, "inter": "60ms", "fall": 2,
                                                 "rise": 1}, backend=SEEN), nbproc=1)

    def checks():
        row, = json.loads(weir.ctl("-j", "health", "be/a").stdout)
        return row["checks"]
    wait_until(lambda: len(checks()) == 16)
    assert all((c["result"], c["code"], c["passed"], c["state"]) == ("L7OK", 200, True, "UP")
               for c in checks())
    ages = [c["age_ms"] for c in checks()]
    assert ages == sorted(ages) and all(c["duration_ms"] < 60000 for c in checks())
    a.on("/", do.answer(500))
    weir.wait_status("be", "a", "DOWN")
    states = [(c["result"], c["state"]) for c in reversed(checks())]
    first = states.index(("L7STS", "UP"))
    assert states[first + 1] == ("L7STS", "DOWN")
    weir.reload()
    assert len(checks()) == 16
    text = weir.ctl("health").stdout
    assert re.search(r"be/a +DOWN +[.x]{16} ", text), text
    assert "L7STS/500" in weir.ctl("health", "be/a").stdout
    assert "no checked server 'be/x'" in weir.ctl("health", "be/x", check=False).stderr
