# SPDX-License-Identifier: MIT
"""Which server gets a request, whatever the number of workers; and what happens when
it can't have it."""
import collections
import socket

import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web

NBPROC = pytest.mark.parametrize("nbproc", [1, 2, 8])


def spread(port, n, **kwargs):
    return collections.Counter(get(port, **kwargs).text for _ in range(n))


@NBPROC
def test_weights_are_exact_per_whole_cycle(lab, nbproc):
    a, b, c = lab.origins("abc")
    port = lab.port()
    weights = {"a": {"address": a, "weight": 1}, "b": {"address": b, "weight": 2},
               "c": {"address": c, "weight": 3}}
    weir = lab.start(web(port, weights), nbproc=nbproc)
    order = [get(port).text for _ in range(60)]
    assert collections.Counter(order) == {"a": 10, "b": 20, "c": 30}
    for i in range(0, 60, 6):  # smooth: each cycle of six is a whole one
        assert collections.Counter(order[i:i + 6]) == {"a": 1, "b": 2, "c": 3}
    wait_until(lambda: weir.stat("be", "c", "lbtot") == 30)


@NBPROC
def test_weights_are_exact_under_concurrency(lab, nbproc):
    a, b = lab.origins("ab")
    port = lab.port()
    weights = {"a": {"address": a, "weight": 1}, "b": {"address": b, "weight": 3}}
    weir = lab.start(web(port, weights), nbproc=nbproc)
    load = lab.load(port, "close", clients=20)
    load.wait_ok(500)
    result = load.end()
    assert result["failed"] == 0
    wait_until(lambda: weir.stat("be", "BACKEND", "lbtot") == result["sent"])
    total = result["sent"]
    assert abs(weir.stat("be", "a", "lbtot") - total / 4) <= 1
    assert len(a.seen()) + len(b.seen()) == total


def test_weight_0_gets_nothing(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    lab.start(web(port, {"a": a, "b": {"address": b, "weight": 0}}), nbproc=2)
    assert spread(port, 10) == {"a": 10}


@NBPROC
def test_leastconn_counts_over_all_workers(lab, nbproc):
    a, b = lab.origins("ab")
    for origin in (a, b):
        origin.on("/hold", do.hang())
    port = lab.port()
    weir = lab.start(web(port, [a, b], backend={"balance": "leastconn"}), nbproc=nbproc)
    holding = []
    for n in range(1, 17):
        c = Client(port)
        c.request("/hold")
        holding.append(c)
        wait_until(lambda: len(a.seen()) + len(b.seen()) == n)
    assert len(a.seen()) == len(b.seen()) == 8
    assert weir.stat("be", "a", "scur") == weir.stat("be", "b", "scur") == 8
    for c in holding:
        c.reset()  # an orderly close would still wait for the answer: abortonclose is off
    weir.wait_idle()


@NBPROC
def test_leastconn_prefers_the_idle_server(lab, nbproc):
    a, b = lab.origins("ab")
    a.on("/hold", do.hang())
    b.on("/hold", do.hang())
    port = lab.port()
    weir = lab.start(web(port, [a, b], backend={"balance": "leastconn"}), nbproc=nbproc)
    with Client(port) as c:
        c.request("/hold")
        wait_until(lambda: a.seen() or b.seen())
        idle = "b" if a.seen() else "a"
        for _ in range(12):
            # a request counts until its session is over, a moment after its last byte
            wait_until(lambda: weir.stat("be", idle, "scur") == 0)
            assert spread(port, 1) == {idle: 1}


def test_source_gives_an_address_the_same_server_everywhere(lab):
    origins = lab.origins("abcd")
    addresses = [f"127.0.1.{i}" for i in range(1, 41)]
    maps = []
    for nbproc in (1, 2, 8):
        port = lab.port()
        lab.start(web(port, origins, backend={"balance": "source"}), nbproc=nbproc,
                  name=f"w{nbproc}")
        first = {s: get(port, source=s).text for s in addresses}
        assert first == {s: get(port, source=s).text for s in addresses}
        maps.append(first)
    assert maps[0] == maps[1] == maps[2]
    assert len(set(maps[0].values())) == 4


def test_a_backup_serves_only_when_no_other_can(lab):
    a, b, spare = lab.origin("a"), lab.origin("b"), lab.origin("s")
    port = lab.port()
    weir = lab.start(web(port, {"a": a, "b": b, "s": {"address": spare, "backup": True}}),
                     nbproc=2)
    assert spread(port, 10) == {"a": 5, "b": 5}
    weir.api("disable server be/a")
    wait_until(lambda: spread(port, 4) == {"b": 4})
    weir.api("disable server be/b")
    wait_until(lambda: spread(port, 4) == {"s": 4})
    weir.api("enable server be/a")
    wait_until(lambda: spread(port, 4) == {"a": 4})


def test_only_the_first_backup_serves_unless_allbackups(lab):
    s, t = lab.origins("st")
    port, all_port = lab.port(), lab.port()
    servers = {"a": {"address": "127.0.0.1:1", "disabled": True},
               "s": {"address": s, "backup": True}, "t": {"address": t, "backup": True}}
    lab.start(web(port, servers), nbproc=1)
    assert spread(port, 6) == {"s": 6}
    lab.start(web(all_port, servers, backend={"option": ["allbackups"]}), nbproc=1, name="all")
    assert spread(all_port, 6) == {"s": 3, "t": 3}


def dead_port(lab):
    return f"127.0.0.1:{lab.port()}"


@NBPROC
def test_a_refused_connection_is_retried_elsewhere(lab, nbproc):
    a, sink, port = lab.origin("a"), lab.sink(), lab.port()
    weir = lab.start(web(port, {"dead": dead_port(lab), "a": a}, log=sink,
                         defaults={"retries": 2, "option": ["redispatch"]}), nbproc=nbproc)
    assert spread(port, 10) == {"a": 10}
    # In turn, and the dead one first each time: one worker asks it for every request.
    wait_until(lambda: weir.stat("be", "dead", "wredis") == weir.stat("be", "dead", "lbtot"))
    assert weir.stat("be", "BACKEND", "wredis") == weir.stat("be", "dead", "wredis") >= 5
    assert weir.stat("be", "BACKEND", "econ") == 0, "as HAProxy: only what failed for good"
    # The last field before the queues is retries, '+' says redispatched.
    lines = sink.wait(r" be/a .* \d+/\d+/\d+/\d+/\+[12] ", n=5)
    assert all(" 200 " in line for line in lines)
    weir.wait_idle()


def test_without_redispatch_the_server_is_kept_and_503_follows(lab):
    a, sink, port = lab.origin("a"), lab.sink(), lab.port()
    weir = lab.start(web(port, {"dead": dead_port(lab), "a": a}, log=sink,
                         defaults={"retries": 1, "option": {"redispatch": False}}), nbproc=1)
    answers = collections.Counter(get(port).status for _ in range(4))
    assert answers == {200: 2, 503: 2}
    sink.wait(r" be/dead \d+/\d+/-1/-1/\d+ 503 \d+ - - SC-- \d+/\d+/\d+/\d+/1 ", n=2)
    assert weir.stat("be", "dead", "econ") >= 2


def test_no_server_at_all_is_a_503_at_once(lab):
    sink, port, empty = lab.sink(), lab.port(), lab.port()
    config = web(port, {"a": {"address": dead_port(lab), "disabled": True}}, log=sink)
    config["frontends"]["nowhere"] = {"bind": f"127.0.0.1:{empty}"}
    lab.start(config, nbproc=1)
    assert get(port).status == 503
    sink.wait(r" fe be/<NOSRV> \d+/-1/-1/-1/\d+ 503 \d+ - - SC-- ")
    assert get(empty).status == 503
    sink.wait(r" nowhere nowhere/<NOSRV> -?\d+/-1/-1/-1/\d+ 503 \d+ - - SC-- ")


CASES = {
    "closes without an answer": (do.close(), 502, "SH--"),
    "resets": (do.reset(), 502, "SH--"),
    "answers garbage": (do.raw(b"garbage\r\n\r\n", True), 502, "PH--"),
    "hangs": (do.hang(), 504, "sH--"),
}


@pytest.mark.smoke
@pytest.mark.parametrize("name", CASES)
def test_a_bad_server_has_its_status_and_termination_code(lab, name):
    behaviour, status, code = CASES[name]
    a = lab.origin("a").on("/x", behaviour)
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, [a], log=sink, timeout={"server": "300ms"}), nbproc=1)
    assert get(port, "/x", method="POST", body=b"1").status == status
    sink.wait(rf" be/a \d+/0/\d+/-1/\d+ {status} \d+ - - {code} .* \"POST /x HTTP/1.1\"$")
    assert weir.stat("be", "a", "hrsp_5xx") == 0, "the server has said nothing"
    assert weir.stat("be", "BACKEND", "hrsp_5xx") == 1
    assert weir.stat("be", "BACKEND", "eresp") == 1
    assert get(port).text == "a"
    weir.wait_idle()


def test_a_cut_response_body_is_noticed_by_client_and_log(lab):
    a = lab.origin("a").on("/cut", do.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", True))
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, [a], log=sink), nbproc=1)
    with Client(port) as c:
        c.request("/cut")
        with pytest.raises((EOFError, ConnectionResetError)):
            c.response()
    sink.wait(r" 200 \d+ - - SD-- ")
    wait_until(lambda: weir.stat("be", "a", "srv_abrt") == 1)
    weir.wait_idle()


def test_a_server_that_does_not_accept_is_a_503_after_timeout_connect(lab):
    sink, port = lab.sink(), lab.port()
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fill = [socket.socket() for _ in range(4)]
        for s in fill:
            s.setblocking(False)
            s.connect_ex(full.getsockname())
        lab.start(web(port, {"a": "127.0.0.1:%d" % full.getsockname()[1]}, log=sink,
                      timeout={"connect": "200ms"}, defaults={"retries": 0}), nbproc=1)
        assert get(port).status == 503
        sink.wait(r" be/a \d+/0/-1/-1/\d+ 503 \d+ - - sC-- ")
        for s in fill:
            s.close()


def test_an_idempotent_request_survives_a_kept_connection_that_dies(lab):
    """The server closes a connection just when a request is sent on it."""
    a = lab.origin("a")
    seen = []

    async def close_on_second(req, conn):
        seen.append(conn.number)
        if seen.count(conn.number) > 1:
            return False
        conn.answer(200, b"fresh")
    a.on("/", close_on_second)
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    with Client(port) as c:
        for _ in range(6):
            r = c.ask("/")
            assert r.status == 200 and r.text == "fresh"


def test_a_post_is_never_sent_twice(lab):
    a = lab.origin("a")
    a.on("/post", do.close())
    port = lab.port()
    lab.start(web(port, [a], defaults={"retries": 3}), nbproc=1)
    with Client(port) as c:
        assert c.ask("/").text == "a"
        assert c.ask("/post", "POST", body=b"1").status == 502
    assert len(a.seen("/post")) == 1
