# SPDX-License-Identifier: MIT
"""Why a request failed: one word in the log, one counter for each, and the status that the
configuration wants."""
import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web
from weirlab.gate import Gate


def half_a_request(port):
    with Client(port) as c:
        return c.send("GET / HTTP/1.1\r\nHost: x\r\n").response().status


def behind_one(port, gate):
    """Asks while the one place of the server is taken."""
    with Client(port) as first:
        first.request("/")
        wait_until(lambda: gate.inside == 1)
        return get(port, "/next").status


SHORT = "150ms"
# reason: status, what is configured besides, what the server does
REASONS = {
    "client_timeout": (408, {"timeout": {"http_request": SHORT}}, None),
    "connect_failed": (503, {"defaults": {"retries": 0}}, "stopped"),
    "no_server": (503, {"every": {"disabled": True}}, None),
    "queue_timeout": (503, {"every": {"maxconn": 1}, "timeout": {"queue": SHORT}}, "held"),
    "server_abort": (502, {"defaults": {"retries": 0}}, do.close()),
    "server_timeout": (504, {"timeout": {"server": SHORT}}, do.hang()),
    "bad_response": (502, {}, do.raw(b"nonsense\r\n\r\n", then_close=True)),
    # their statuses have other keywords
    "denied": (403, {"frontend": {"http_request": [{"deny": {}}]}}, None),
    "rate_limited": (429, {"frontend": {"http_request": [
        {"rate_limit": {"key": "src", "rate": "1/1h"}}]}}, "twice"),
    "rewrite_failed": (500, {"frontend": {"http_request": [{"set_path": "nothing"}]}}, None),
    "bad_request": (400, {}, "bad"),
}
OTHER = [r for r in REASONS if r not in ("denied", "rate_limited", "rewrite_failed", "bad_request")]


def fail(reason, port, a, does):
    """The status of a request that fails for that reason."""
    if reason == "client_timeout":
        return half_a_request(port)
    if does == "stopped":
        a.stop()
    elif does == "held":
        gate = Gate()
        a.on("/", gate)
        return behind_one(port, gate)
    elif does == "twice":
        assert get(port).status == 200
    elif does == "bad":
        with Client(port) as c:
            return c.send(b"GET / HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n").response().status
    elif does:
        a.default = does
    return get(port).status


def start(lab, reason, **more):
    _, besides, does = REASONS[reason]
    a, port, log = lab.origin("a"), lab.port(), lab.sink()
    besides = {**besides, "defaults": {**besides.get("defaults", {}), **more,
                                       "log_format": "%reason %ST",
                                       "error_log_format": "%reason %ST"}}
    config = web(port, [a], log=log, **besides)
    return lab.start(config, nbproc=2), a, port, log, does


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_has_its_word_its_counter_and_its_status(lab, reason):
    weir, a, port, log, does = start(lab, reason)
    status = REASONS[reason][0]
    assert fail(reason, port, a, does) == status
    wait_until(lambda: log.find(f"{reason} {status}"))
    counters = weir.counters("frontend.fe.stop_*")
    failed = {name.rsplit("stop_", 1)[1]: n for name, n in counters.items() if n}
    failed.pop("client_abort", None)  # the one that held the place
    assert failed == {reason: 1}


@pytest.mark.parametrize("reason", OTHER)
def test_the_status_can_be_another_one(lab, reason):
    weir, a, port, log, does = start(lab, reason, error_status={reason: 429},
                                     http_error={"status": 429, "string": "later"})
    assert fail(reason, port, a, does) == 429
    wait_until(lambda: log.find(f"{reason} 429"))
    assert weir.stat("fe", "FRONTEND", "hrsp_4xx") == 1


def test_a_full_queue_has_one_as_well_and_the_backend_decides(lab):
    gate = Gate()
    a, port, log = lab.origin("a").on("/", gate), lab.port(), lab.sink()
    config = web(port, {"a": {"address": a, "maxconn": 1, "maxqueue": 1}}, log=log,
                 defaults={"log_format": "%reason %ST", "error_status": {"queue_full": 502}},
                 backend={"balance": "source", "error_status": {"queue_full": 529}})
    weir = lab.start(config, nbproc=2)
    first = Client(port).request("/")
    wait_until(lambda: gate.inside == 1)
    second = Client(port).request("/")
    wait_until(lambda: weir.stat("be", "a", "qcur") == 1)
    refused = get(port, "/more")
    assert (refused.status, refused.text) == (529, "")
    wait_until(lambda: log.find("queue_full 529"))
    assert weir.counters("*.fe.stop_queue_full") == {"frontend.fe.stop_queue_full": 1}
    gate.open(1)
    wait_until(lambda: len(gate.order) == 2)
    gate.open(1)
    for c in (first, second):
        assert c.response().status == 200
        c.close()


def test_a_client_that_leaves_is_no_failure_of_anybody_else(lab):
    gate = Gate()
    a, port = lab.origin("a").on("/", gate), lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    c = Client(port).request("/")
    wait_until(lambda: gate.inside == 1)
    c.reset()
    wait_until(lambda: weir.counters("*stop_client_abort")["frontend.fe.stop_client_abort"] == 1)


def test_a_status_that_is_none_is_told(lab):
    config = web(lab.port(), {"a": "127.0.0.1:1"}, defaults={"error_status": {"queue_timeout": 200}})
    done = lab.prepare(config, args=["-c"]).run()
    assert done.returncode == 1 and "400" in done.stderr and "599" in done.stderr
    config = web(lab.port(), {"a": "127.0.0.1:1"}, defaults={"error_status": {"queue_timout": 429}})
    done = lab.prepare(config, args=["-c"]).run()
    assert done.returncode == 1 and "did you mean 'queue_timeout'" in done.stderr
