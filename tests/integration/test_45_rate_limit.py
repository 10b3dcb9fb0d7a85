# SPDX-License-Identifier: MIT
"""rate_limit: so many per period and key, exactly, over all workers."""
import concurrent.futures
import os
import signal
import socket
import threading

import pytest

from weirlab import Client, get, wait_until
from weirlab.config import web

NBPROC = pytest.mark.parametrize("nbproc", [1, 2, 8])


def limited(port, origins, limit, **kwargs):
    return web(port, origins, frontend={"http_request": [{"rate_limit": limit}]}, **kwargs)


def flood(port, clients=64, each=4, source="127.0.0.1"):
    """Statuses of as many requests as there are, all at the same time."""
    gate = threading.Barrier(clients)

    def some(_):
        with Client(port, source=source, timeout=20) as c:
            gate.wait()
            return [c.ask().status for _ in range(each)]
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(some, range(clients)), [])


@NBPROC
def test_exactly_the_limit_passes_under_concurrency_again_and_again(lab, nbproc):
    a, port = lab.origin("a"), lab.port()
    weir = lab.start(limited(port, [a], {"key": "src", "rate": "100/10s"}), nbproc=nbproc)
    for i in range(4):
        statuses = flood(port, source=f"127.0.0.{i + 1}")
        assert (statuses.count(200), statuses.count(429)) == (100, 156)
    assert weir.counters("table.fe.rate_limit.*")["table.fe.rate_limit.tokens"] == 400
    assert weir.counters("*tokens_refused")["table.fe.rate_limit.tokens_refused"] == 624
    assert weir.stat("fe", "FRONTEND", "dreq") == 624
    lines = weir.ctl("table", "fe.rate_limit", "sort", "refused_cnt").stdout.splitlines()
    assert len([x for x in lines if "tokens(10000)=100" in x and "refused_cnt=156" in x]) == 4
    assert "::ffff:127.0.0.3" in "".join(lines)


@pytest.mark.parametrize("nbproc", [2, 8])
def test_the_limit_is_exact_while_workers_are_killed(lab, nbproc):
    """What a killed worker had let through stays counted: none passes too many."""
    a, port = lab.origin("a"), lab.port()
    weir = lab.start(limited(port, [a], {"key": "src", "rate": "200/1h"}), nbproc=nbproc)
    passed = 0
    for turn in range(6):
        for _ in range(40):
            try:
                passed += get(port).status == 200
            except (OSError, ValueError, AssertionError):
                pass
        os.kill(weir.workers()[turn % nbproc], signal.SIGKILL)
        wait_until(lambda: len(weir.workers()) == nbproc)
    assert passed <= 200
    taken = weir.counters("*tokens")["table.fe.rate_limit.tokens"]
    assert 200 - passed <= 6 and taken == 200
    assert weir.ctl("check").returncode == 0


def test_a_burst_passes_besides(lab):
    a, port = lab.origin("a"), lab.port()
    lab.start(limited(port, [a], {"key": "src", "rate": "100/10s", "burst": 20}), nbproc=8)
    assert flood(port).count(200) == 120


def test_the_refusal_has_its_status_and_says_when_to_come_again(lab):
    log, a, port = lab.sink(), lab.origin("a"), lab.port()
    lab.start(limited(port, [a], {"key": "src", "rate": "2/30s", "retry_after": True,
                                  "status": 503}, log=log))
    assert [get(port).status for _ in range(2)] == [200, 200]
    refused = get(port, "/third")
    assert refused.status == 503 and refused.reason == "Service Unavailable"
    # the first of the two comes back when half of the next period is over
    assert 30 <= int(refused.get("retry-after")) <= 46
    assert " PR-- " in wait_until(lambda: log.find("/third"))[0]
    assert len(a.seen()) == 2


def test_without_retry_after_the_answer_is_the_usual_page(lab):
    a, port = lab.origin("a"), lab.port()
    lab.start(limited(port, [a], {"key": "src", "rate": "1/1h"}))
    assert get(port).status == 200
    with Client(port) as c:
        refused = c.ask()
        assert refused.status == 429 and refused.get("retry-after") is None
        assert "too many requests" in refused.text
        assert c.ask().status == 429  # the connection persists


@NBPROC
def test_observing_counts_and_lets_pass(lab, nbproc):
    a, port = lab.origin("a"), lab.port()
    weir = lab.start(limited(port, [a], {"key": "src", "rate": "10/1h", "mode": "observe"}),
                     nbproc=nbproc)
    assert flood(port, clients=16, each=2).count(200) == 32
    c = weir.counters("table.fe.rate_limit.*")
    assert c["table.fe.rate_limit.tokens"] == 10
    assert c["table.fe.rate_limit.tokens_refused"] == 22
    assert weir.stat("fe", "FRONTEND", "dreq") == 0


def test_each_key_has_tokens_of_its_own_and_what_has_none_is_not_limited(lab):
    a, port = lab.origin("a"), lab.port()
    lab.start(limited(port, [a], {"key": "req.hdr(x-user)", "rate": "1/1h"}))

    def ask(*fields):
        return get(port, fields=fields).status
    assert [ask(("X-User", "ann")) for _ in range(2)] == [200, 429]
    assert [ask(("X-User", "bob")) for _ in range(2)] == [200, 429]
    assert [ask() for _ in range(3)] == [200, 200, 200]


def test_rules_share_the_tokens_of_a_table_they_name(lab):
    a, port, other = lab.origin("a"), lab.port(), lab.port()
    limit = {"rate_limit": {"key": "src", "rate": "3/1h", "table": "per_ip"}}
    config = web(port, [a], frontend={"http_request": [limit]})
    config["frontends"]["fe2"] = {"bind": f"127.0.0.1:{other}", "default_backend": "be",
                                  "http_request": [{**limit, "if": "{ path / }"}]}
    config["tables"] = {"per_ip": {"type": "ip", "size": "1k", "expire": "2h",
                                   "store": ["tokens(1h)", "gpc0"]}}
    weir = lab.start(config, nbproc=2)
    assert [get(port).status, get(other).status, get(port).status] == [200, 200, 200]
    assert [get(other).status, get(port).status, get(other, "/free").status] == [429, 429, 200]
    assert weir.ctl("table", "per_ip", "data.tokens", "ge", "3").stdout.count("key=") == 1
    weir.ctl("table", "per_ip", "clear")
    assert get(port).status == 200


def test_tokens_survive_a_reload_that_changes_the_limit(lab):
    a, port = lab.origin("a"), lab.port()
    weir = lab.start(limited(port, [a], {"key": "src", "rate": "3/1h"}), nbproc=2)
    assert [get(port).status for _ in range(4)] == [200, 200, 200, 429]
    assert weir.reload(limited(port, [a], {"key": "src", "rate": "5/1h"})).returncode == 0
    assert [get(port).status for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("where", ["connection", "session", "content"])
def test_connections_beyond_the_rate_are_closed(lab, where):
    log = lab.sink()

    async def tcp(reader, writer):
        while data := await reader.read(100):
            writer.write(data)
    a, port = lab.origin("a", tcp=tcp), lab.port()
    weir = lab.start(web(port, [a], mode="tcp", log=log, frontend={
        "tcp_request": {where: [{"rate_limit": {"key": "src", "rate": "3/1h"}}]}}), nbproc=8)
    for i in range(6):
        try:  # a reset may come before connect() has said that it went well
            with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
                s.sendall(b"x")
                got = s.recv(1)
        except ConnectionError:
            got = b""
        assert got == (b"x" if i < 3 else b"")
    column = {"connection": "dcon", "session": "dses", "content": "dreq"}[where]
    assert weir.stat("fe", "FRONTEND", column) == 3


WRONG = [
    ({"key": "src", "rate": "100"}, "'100' is not a rate; expected N/PERIOD like 100/10s"),
    ({"key": "src", "rate": "0/1s"}, "is not a rate"),
    ({"key": "src", "rate": "5/0"}, "is not a rate"),
    ({"key": "src", "rate": "5/century"}, "is not a rate"),
    ({"rate": "5/s"}, "'key' is missing"),
    ({"key": "src"}, "'rate' is missing"),
    ({"key": "src", "rate": "5/s", "table": "t"}, "'t' does not store tokens(s)"),
    ({"key": "src", "rate": "5/s", "table": "no"}, "unknown table 'no'"),
    ({"key": "src", "rate": "5/s", "status": 200}, "400"),
    ({"key": "src", "rate": "5/s", "mode": "look"}, "enforce or observe"),
]


@pytest.mark.parametrize("limit, message", WRONG)
def test_what_is_wrong_is_said_at_its_place(lab, limit, message):
    config = limited(lab.port(), {"a": "127.0.0.1:1"}, limit)
    config["tables"] = {"t": {"type": "ip", "size": 10, "store": "gpc0"}}
    done = lab.prepare(config, args=["-c"]).run()
    assert done.returncode == 1 and message in done.stderr, done.stderr


def test_a_rule_that_closes_takes_no_answer(lab):
    config = web(lab.port(), {"a": "127.0.0.1:1"}, frontend={"tcp_request": {"connection": [
        {"rate_limit": {"key": "src", "rate": "5/m", "retry_after": True}}]}})
    done = lab.prepare(config, args=["-c"]).run()
    assert done.returncode == 1 and "close without an answer" in done.stderr
