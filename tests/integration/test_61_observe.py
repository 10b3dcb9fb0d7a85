# SPDX-License-Identifier: MIT
"""Traffic tells of the health of servers, and their state ends sessions."""
import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web

# Checks hardly come by themselves: what happens, traffic has done. They pass.
SELDOM = {"check": True, "inter": "60s", "fastinter": "100ms", "rise": 1, "init_state": "up"}


def observing(lab, origin, observe, on_error, limit=3, fall=2, nbproc=2, **kwargs):
    every = {**SELDOM, "fall": fall, "observe": observe, "on_error": on_error,
             "error_limit": limit}
    port = lab.port()
    sink = lab.sink()
    weir = lab.start(web(port, [origin], every={**every, **kwargs.pop("server", {})}, log=sink,
                         defaults={"retries": 0}, **kwargs), nbproc=nbproc)
    wait_until(lambda: weir.stat("be", origin.name, "weight") == 1)
    return weir, port, sink


def fail(port, n, path="/bad"):
    for _ in range(n):
        get(port, path)


def test_errors_of_all_workers_together_make_one_decision(lab):
    a = lab.origin("a").on("/bad", do.answer(500))
    weir, port, sink = observing(lab, a, "layer7", "mark_down", limit=6, nbproc=3)
    fail(port, 5)
    assert weir.stat("be", "a", "hanafail") == 0 and weir.status("be", "a") == "UP"
    fail(port, 1)
    sink.wait(r'Server be/a is DOWN, reason: Health analyze, info: "Detected 6 consecutive '
              r'errors, last one was: Wrong http response"\. 0 active and 0 backup servers left')
    weir.wait_status("be", "a", "UP")  # a check after fastinter finds it well
    assert weir.stat("be", "a", "hanafail") == 1 and weir.stat("be", "a", "chkdown") == 1
    assert weir.stat("be", "a", "chkfail") == 1


def test_a_good_answer_ends_the_row(lab):
    a = lab.origin("a").on("/bad", do.answer(500)).on("/odd", do.answer(501))
    weir, port, _ = observing(lab, a, "layer7", "mark_down", nbproc=1)
    for _ in range(3):
        fail(port, 2)
        get(port, "/")
        fail(port, 2)
        get(port, "/odd")  # of a good server, too
    assert weir.stat("be", "a", "hanafail") == 0


ERRORS = {"wrong status": (do.answer(503), "Wrong http response"),
          "no answer": (do.close(), "Close from server (http)"),
          "reset": (do.reset(), "Read error (http)"),
          "junk": (do.raw(b"junk\r\n\r\n", then_close=True), "Invalid http response (headers)"),
          "silence": (do.hang(), "Read timeout (http)")}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_of_layer_7(lab, name):
    behaviour, words = ERRORS[name]
    a = lab.origin("a").on("/bad", behaviour)
    weir, port, sink = observing(lab, a, "layer7", "fail_check", limit=2, fall=1, nbproc=1,
                                 timeout={"server": "200ms"})
    fail(port, 2)
    line, = sink.wait(r"Server be/a is DOWN, reason: Health analyze")
    assert f'"Detected 2 consecutive errors, last one was: {words}"' in line


def test_what_rules_make_of_an_answer_does_not_hide_it(lab):
    a = lab.origin("a").on("/bad", do.answer(500)).on("/denied", do.answer(503))
    weir, port, sink = observing(lab, a, "layer7", "mark_down", nbproc=1, backend={
        "http_response": [{"deny": {"status": 404}, "if": "{ status 503 }"},
                          {"set_status": 200}]})
    assert get(port, "/denied").status == 404
    assert get(port, "/bad").status == 200
    assert get(port, "/denied").status == 404
    sink.wait("Detected 3 consecutive errors, last one was: Wrong http response")


def test_layer_4_sees_connections_alone(lab):
    a = lab.origin("a").on("/bad", do.answer(500))
    weir, port, sink = observing(lab, a, "layer4", "mark_down", nbproc=1)
    fail(port, 8)
    assert weir.stat("be", "a", "hanafail") == 0
    a.stop()
    fail(port, 3)
    sink.wait(r'is DOWN, reason: Health analyze, info: "Detected 3 consecutive errors, '
              r'last one was: L4 unsuccessful connection"')


@pytest.mark.parametrize("action, before, after", [
    ("fail_check", "UP", "UP 4/5"), ("sudden_death", "UP", "UP 1/5"), ("mark_down", "UP", "DOWN"),
    ("fastinter", "UP", "UP")])
def test_what_happens_on_errors(lab, action, before, after):
    """By counting it is `after`; with fastinter the next check follows at once."""
    a = lab.origin("a").on("/bad", do.answer(500))
    weir, port, _ = observing(lab, a, "layer7", action, fall=5, nbproc=1,
                              server={"fastinter": "60s", "init_state": "fully-up"})
    assert weir.status("be", "a") == before
    fail(port, 3)
    wait_until(lambda: weir.stat("be", "a", "hanafail") == 1)
    wait_until(lambda: weir.status("be", "a") == after, what=weir.status("be", "a"))


def test_fastinter_brings_the_next_check_forward(lab):
    a = lab.origin("a").on("/bad", do.answer(500))
    weir, port, _ = observing(lab, a, "layer7", "fastinter", nbproc=1)
    before = weir.counter("checks_run")
    fail(port, 3)
    wait_until(lambda: weir.counter("checks_run") > before)
    assert weir.stat("be", "a", "chkfail") == 0


def held(port):
    client = Client(port)
    client.send("GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
    return client


def test_sessions_of_a_server_that_goes_down_end_in_old_workers_too(lab):
    a = lab.origin("a").on("/hang", do.hang())
    port, sink = lab.port(), lab.sink()
    config = web(port, [a], log=sink, every={
        "check": True, "inter": "200ms", "fall": 1, "rise": 1,
        "on_marked_down": "shutdown_sessions"},
        backend={"option": {"httpchk": {"uri": "/check"}}})
    a.on("/check", do.answer(200))
    weir = lab.start(config, nbproc=2)
    weir.wait_status("be", "a", "UP")
    old = [held(port) for _ in range(4)]
    wait_until(lambda: len(a.seen("/hang")) == 4)
    weir.reload()
    new = [held(port) for _ in range(4)]
    wait_until(lambda: len(a.seen("/hang")) == 8)
    a.on("/check", do.answer(500))
    for client in old + new:
        assert client.response().status == 502
        client.expect_closed()
    assert all(" 502 " in line and " DH-- " in line
               for line in sink.wait(r'"GET /hang HTTP/1\.1"', n=8))


def test_who_has_not_asked_all_or_has_a_part_of_the_answer_is_told_nothing(lab):
    a = lab.origin("a").on("/hang", do.hang())
    a.on("/part", do.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart"))
    port, sink = lab.port(), lab.sink()
    weir = lab.start(web(port, [a], log=sink), nbproc=1)
    with Client(port) as half, Client(port) as part:
        half.send("POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
        part.request("/part")
        assert part.read_until(b"part")
        wait_until(lambda: weir.stat("be", "a", "scur") == 2)
        weir.api("shutdown sessions server be/a")
        half.expect_closed()
        part.expect_closed()
    sink.wait(r' -1 .* KH-- .*"POST /half')
    sink.wait(r' 200 .* KD-- .*"GET /part')


def test_sessions_of_backups_end_when_a_better_server_is_up_in_old_workers_too(lab):
    a, b = lab.origins("ab")
    a.on("/check", do.answer(500))
    b.on("/hang", do.hang()).on("/check", do.answer(200))
    port, sink = lab.port(), lab.sink()
    every = {"check": True, "inter": "200ms", "fall": 1, "rise": 1}
    weir = lab.start(web(port, {
        "a": {"address": a, "on_marked_up": "shutdown_backup_sessions"},
        "b": {"address": b, "backup": True}}, log=sink, every=every,
        backend={"option": {"httpchk": {"uri": "/check"}}}), nbproc=2)
    weir.wait_status("be", "a", "DOWN")
    clients = [held(port) for _ in range(3)]
    wait_until(lambda: len(b.seen("/hang")) == 3)
    weir.reload()
    clients += [held(port) for _ in range(3)]
    wait_until(lambda: len(b.seen("/hang")) == 6)
    a.on("/check", do.answer(200))
    for client in clients:
        assert client.response().status == 502
        client.expect_closed()
    assert all(" 502 " in line and " UH-- " in line
               for line in sink.wait(r'"GET /hang HTTP/1\.1"', n=6))
    assert get(port).text == "a"
