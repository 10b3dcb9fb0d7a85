# SPDX-License-Identifier: MIT
"""Who is bound to a server, when that is drained, full, down or a backup; whatever the
number of workers."""
import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web

NBPROC = pytest.mark.parametrize("nbproc", [1, 2, 8])
INSERT = {"name": "SRV", "insert": True, "indirect": True}


def sticky(origins, **every):
    return {o.name: {"address": o, "cookie": o.name, **every} for o in origins}


def bound(port, to, **kwargs):
    return get(port, fields=[("Cookie", f"SRV={to}")], **kwargs)


@NBPROC
def test_a_cookie_binds_over_all_workers_and_reloads(lab, nbproc):
    origins = lab.origins("abc")
    port = lab.port()
    config = web(port, sticky(origins), backend={"cookie": INSERT})
    weir = lab.start(config, nbproc=nbproc)
    first = get(port)
    assert first.get("Set-Cookie") == f"SRV={first.text}; path=/"
    for _ in range(2):
        for name in "abc":
            answers = [bound(port, name) for _ in range(4)]
            assert {r.text for r in answers} == {name}
            assert {r.get("Set-Cookie") for r in answers} == {None}
        assert weir.reload(config).returncode == 0


@NBPROC
def test_a_drained_server_keeps_those_who_are_bound_to_it(lab, nbproc):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, sticky([a, b], maxconn=2), backend={"cookie": INSERT}),
                     nbproc=nbproc)
    weir.api("set server be/a state drain")
    wait_until(lambda: {get(port).text for _ in range(4)} == {"b"})
    assert bound(port, "a").text == "a"
    weir.api("set server be/a state ready")
    weir.api("set weight be/a 0")
    wait_until(lambda: {get(port).text for _ in range(4)} == {"b"})
    assert bound(port, "a").text == "a"
    assert weir.status("be", "a") == "DRAIN"
    weir.api("set server be/a state maint")
    wait_until(lambda: bound(port, "a").text == "b")
    assert bound(port, "a").get("Set-Cookie") == "SRV=b; path=/"


def test_who_is_bound_waits_at_a_drained_server_that_is_full(lab):
    a, b = lab.origins("ab")
    a.on("/hold", do.hang())
    port = lab.port()
    weir = lab.start(web(port, sticky([a, b], maxconn=1), backend={"cookie": INSERT},
                         timeout={"queue": "10s"}), nbproc=2)
    weir.api("set server be/a state drain")
    wait_until(lambda: {get(port).text for _ in range(4)} == {"b"})
    with Client(port) as one, Client(port) as two:
        one.request("/hold", fields=[("Cookie", "SRV=a")])
        wait_until(lambda: a.seen("/hold"))
        two.request("/", fields=[("Cookie", "SRV=a")])
        wait_until(lambda: weir.stat("be", "a", "qcur") == 1)
        one.reset()
        assert two.response().text == "a"


@NBPROC
def test_a_backup_serves_those_who_are_bound_to_it(lab, nbproc):
    a, s = lab.origins("as")
    port = lab.port()
    servers = sticky([a, s])
    servers["s"]["backup"] = True
    lab.start(web(port, servers, backend={"cookie": INSERT}), nbproc=nbproc)
    assert {get(port).text for _ in range(4)} == {"a"}
    assert bound(port, "s").text == "s"


def test_a_full_server_gives_up_who_is_bound_with_redispatch(lab):
    a, b = lab.origins("ab")
    a.on("/hold", do.hang())
    port, strict, sink = lab.port(), lab.port(), lab.sink()
    servers = sticky([a, b], maxconn=1, maxqueue=1)
    for at, option in ((port, ["redispatch"]), (strict, {"redispatch": False})):
        weir = lab.start(web(at, servers, backend={"cookie": INSERT, "option": option},
                             log=sink, frontend={"log_format": "%ST %s %tsc %rc"},
                             timeout={"queue": "10s"}), nbproc=1, name=f"p{at}")
        held = []
        for path in ("/hold", "/waits"):
            c = Client(at)
            c.request(path, fields=[("Cookie", "SRV=a")])
            held.append(c)
            if path == "/hold":
                wait_until(lambda: a.seen("/hold"))
        expected = (200, "b") if at == port else (503, None)
        wait_until(lambda p=at, e=expected: bound(p, "a").status == e[0])
        if expected[1]:
            answer = bound(at, "a")
            assert (answer.text, answer.get("Set-Cookie")) == ("b", "SRV=b; path=/")
            sink.wait(r"200 b --DI \+0")
            assert weir.stat("be", "a", "wredis") >= 1
        else:
            sink.wait("503 a SQVN 0")
            assert weir.stat("be", "a", "wredis") == 0
        for c in held:
            c.reset()
        a.forget()


def test_who_waits_too_long_at_a_server_is_logged_with_its_name(lab):
    a, b = lab.origins("ab")
    a.on("/hold", do.hang())
    port, sink = lab.port(), lab.sink()
    lab.start(web(port, sticky([a, b], maxconn=1), log=sink, timeout={"queue": "200ms"},
                  frontend={"log_format": "%ST %s %tsc"}, backend={"cookie": INSERT}), nbproc=2)
    with Client(port) as one:
        one.request("/hold", fields=[("Cookie", "SRV=a")])
        wait_until(lambda: a.seen("/hold"))
        assert bound(port, "a").status == 503
        sink.wait("503 a sQVN")


# --- servers that are down -------------------------------------------------------------

def failing_check(origin):
    origin.on("/health", do.answer(500))
    return origin


CHECK = {"option": {"httpchk": {"uri": "/health", "method": "GET"}}}


def test_option_persist_sends_them_to_a_server_that_is_down(lab):
    a, b = failing_check(lab.origin("a")), lab.origin("b")
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, sticky([a, b], check=True, inter="100ms", fall=1), log=sink,
                         frontend={"log_format": "tsc=%tsc %s"},
                         backend={"cookie": INSERT, "option": {
                             **CHECK["option"], "persist": True, "redispatch": True}}), nbproc=2)
    weir.wait_status("be", "a", "DOWN")
    wait_until(lambda: {get(port).text for _ in range(4)} == {"b"})
    assert bound(port, "a").text == "a"
    sink.wait("tsc=--DN a")
    a.stop()  # now really: the last retry goes elsewhere
    answer = bound(port, "a", timeout=15)
    assert (answer.text, answer.get("Set-Cookie")) == ("b", "SRV=b; path=/")
    sink.wait("tsc=--DI b")


def test_force_persist_reaches_a_server_in_maintenance_and_no_other(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, sticky([a, b]), defaults={"retries": 1, "option": ["redispatch"]},
                         backend={"cookie": INSERT,
                                  "force_persist": {"if": "{ req.hdr(x-test) -m found }"}}),
                     nbproc=2)
    weir.api("disable server be/a")
    wait_until(lambda: bound(port, "a").text == "b")
    test = [("Cookie", "SRV=a"), ("X-Test", "1")]
    assert get(port, fields=test).text == "a"
    a.stop()
    assert get(port, fields=test).status == 503, "it is redispatched nowhere"


def test_ignore_persist_takes_turns_and_sets_nothing(lab):
    port = lab.port()
    lab.start(web(port, sticky(lab.origins("ab")), backend={
        "cookie": INSERT, "ignore_persist": [{"if": "{ path_beg /static }"}]}), nbproc=1)
    seen = [get(port, "/static/x", fields=[("Cookie", "SRV=a")]) for _ in range(4)]
    assert sorted(r.text for r in seen) == ["a", "a", "b", "b"]
    assert {r.get("Set-Cookie") for r in seen} == {None}
    assert get(port).get("Set-Cookie")


@NBPROC
def test_a_server_that_refuses_gives_its_clients_away_at_the_last_retry(lab, nbproc):
    a, b = lab.origins("ab")
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, sticky([a, b]), log=sink, timeout={"connect": "50ms"},
                         defaults={"retries": 2, "option": ["redispatch"]},
                         frontend={"log_format": "tsc=%tsc %s %rc"},
                         backend={"cookie": INSERT}), nbproc=nbproc)
    a.stop()
    answer = bound(port, "a")
    assert (answer.text, answer.get("Set-Cookie")) == ("b", "SRV=b; path=/")
    sink.wait(r"tsc=--DI b \+2")
    assert weir.stat("be", "a", "wretr") == 1, "one more try there, then elsewhere"
    assert weir.stat("be", "a", "wredis") == 1
