# SPDX-License-Identifier: MIT
"""Server connections: whose requests may share one, how long idle ones stay, when they go."""
import contextlib
import os
import resource
import threading

import pytest

from weirlab import Client, get, wait_until
from weirlab.config import web
from weirlab.origin import answer


@contextlib.contextmanager
def clients(port, n):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Client(port)) for _ in range(n)]


def started(lab, origins, nbproc=1, **backend):
    """Weir with these keys in its backend; its port."""
    port = lab.port()
    every = backend.pop("every", None)
    lab.weir_started = lab.start(web(port, origins, every=every, backend=backend), nbproc=nbproc)
    return port


def post(client, target="/"):
    r = client.request(target, "POST", body=b"x").response()
    assert r.status == 200, r
    return r


def crowd(lab, port, n):
    """n requests that are with the origin at the same time, over n client connections that
    stay open: n server connections."""
    origin = lab.things[0]
    gate, arrived = threading.Event(), []

    async def wait(req, conn):
        import asyncio
        arrived.append(req)
        while not gate.is_set():
            await asyncio.sleep(0.005)
        conn.answer(200, "crowd")
    origin.on("/crowd", wait)
    with clients(port, n) as all_:
        for c in all_:
            c.request("/crowd")
        wait_until(lambda: len(arrived) == n, what="all requests at the origin")
        gate.set()
        for c in all_:
            assert c.response().text == "crowd"


# --- http_reuse -------------------------------------------------------------------------
def test_never_keeps_a_server_connection_for_its_own_client(lab):
    a = lab.origin("a")
    port = started(lab, [a], http_reuse="never")
    with clients(port, 2) as (one, two):
        for _ in range(3):
            assert one.ask("/one").text == "a"
            assert two.ask("/two").text == "a"
    assert a.connections == 2
    assert len({r.connection for r in a.seen("/one")}) == 1
    assert not {r.connection for r in a.seen("/one")} & {r.connection for r in a.seen("/two")}
    wait_until(lambda: not a.open, what="the server connections end with their clients")
    assert get(port, "/three").text == "a"
    assert a.connections == 3


def test_never_keeps_one_per_server_and_client(lab):
    origins = lab.origins(["a", "b", "c"])
    port = started(lab, origins, http_reuse="never")
    with Client(port) as c:
        for _ in range(9):
            assert c.ask("/").status == 200
    assert [o.connections for o in origins] == [1, 1, 1]


def test_safe_sends_the_first_request_of_a_client_over_its_own_unless_it_can_be_repeated(lab):
    a = lab.origin("a")
    port = started(lab, [a], http_reuse="safe")
    get(port)
    get(port)
    assert a.connections == 1
    with Client(port) as c:
        post(c)
        assert a.connections == 2
        post(c)
        post(c)
    assert a.connections == 2


@pytest.mark.parametrize("mode, connections", [("never", [2, 1]), ("always", [1, 1])])
def test_connections_to_where_clients_want_to_go_are_for_those_who_want_the_same(
        lab, mode, connections):
    a, b, port = lab.origin("a"), lab.origin("b"), lab.port()
    lab.start(web(port, {"any": "0.0.0.0"}, defaults={"http_reuse": mode}, frontend={
        "http_request": [{"set_dst": "req.hdr(x-dst)"}, {"set_dst_port": "req.hdr(x-port)"}]}),
        nbproc=1)
    for wanted in ([a, b, a, b], [a, a]):
        with Client(port) as c:
            for origin in wanted:
                host, to = origin.address.split(":")
                c.request("/", fields=[("x-dst", host), ("x-port", to)])
                assert c.response().text == origin.name
    assert [a.connections, b.connections] == connections


@pytest.mark.parametrize("mode, connections", [("safe", 2), ("aggressive", 2), ("always", 1)])
def test_what_can_be_repeated_is_no_exception_if_that_is_not_wished(lab, mode, connections):
    a = lab.origin("a")
    port = started(lab, [a], http_reuse=mode, reuse_repeatable=False)
    get(port)
    with Client(port) as c:
        c.ask("/")
        c.ask("/")
    assert a.connections == connections


def test_aggressive_sends_first_requests_over_proven_connections(lab):
    a = lab.origin("a")
    port = started(lab, [a], http_reuse="aggressive")
    get(port)
    with Client(port) as c:
        post(c)
    assert a.connections == 2  # that one had carried one request only
    get(port)                  # now the freshest has carried two
    with Client(port) as c:
        post(c)
    assert a.connections == 2


def test_always_sends_first_requests_over_any(lab):
    a = lab.origin("a")
    port = started(lab, [a], http_reuse="always")
    for _ in range(4):
        with Client(port) as c:
            post(c)
    assert a.connections == 1
    assert lab.weir_started.stat("be", "a", "reuse") == 3


@pytest.mark.parametrize("scheme", ["NTLM", "negotiate"])
def test_a_connection_that_has_authenticated_its_client_is_for_nobody_else(lab, scheme):
    origins = lab.origins(["a", "b"])
    for o in origins:
        o.on("/login", answer(401, fields=[("WWW-Authenticate", scheme)]))
    port = started(lab, origins, http_reuse="always")
    with clients(port, 2) as (one, two):
        assert one.ask("/login").status == 401
        first = [o for o in origins if o.connections]
        assert one.ask("/mine").text == first[0].name  # the same server, too
        for _ in range(4):
            two.ask("/other")
        one.ask("/mine")
        two.ask("/other")
    private = {(o.name, r.connection) for o in origins for r in o.seen("/login")}
    assert private & {(o.name, r.connection) for o in origins for r in o.seen("/mine")}
    assert not private & {(o.name, r.connection) for o in origins for r in o.seen("/other")}


def test_credentials_that_bind_the_connection_make_it_private_at_once(lab):
    a = lab.origin("a")
    port = started(lab, [a], http_reuse="always")
    with Client(port) as c:
        c.ask("/mine", fields=[("Authorization", "NTLM TlRMTVNTUAAB")])
        get(port, "/other")
    assert a.connections == 2


def test_prefer_last_server_stays_where_a_connection_is(lab):
    origins = lab.origins(["a", "b", "c"])
    port = started(lab, origins, option=["prefer_last_server"])
    with Client(port) as c:
        assert len({c.ask("/").text for _ in range(6)}) == 1
    with Client(port) as c:
        c.ask("/")
    assert sum(len(o.seen()) for o in origins) == 7
    assert len([o for o in origins if o.seen()]) == 2


# --- how many, how long ---------------------------------------------------------------------
@pytest.mark.parametrize("nbproc", [1, 2])
@pytest.mark.parametrize("most", [0, 1, 3])
def test_pool_max_conn_bounds_the_idle_connections_of_all_workers(lab, most, nbproc):
    a = lab.origin("a")
    port = started(lab, [a], nbproc=nbproc, every={"pool_max_conn": most,
                                                   "pool_purge_delay": "1h"})
    crowd(lab, port, 16)
    assert a.connections == 16
    wait_until(lambda: len(a.open) <= most, what=f"at most {most} idle connections")
    if nbproc == 1:
        assert len(a.open) == most


def test_pool_purge_delay_halves_what_is_not_needed(lab):
    a = lab.origin("a")
    port = started(lab, [a], every={"pool_purge_delay": "300ms"})
    seen = set()
    crowd(lab, port, 16)

    def is_empty():
        seen.add(len(a.open))
        return not a.open
    wait_until(is_empty, 10, "every idle connection purged")
    assert 16 in seen and any(0 < n < 16 for n in seen), seen


def test_no_purge_delay_keeps_no_connection(lab):
    a = lab.origin("a")
    port = started(lab, [a], every={"pool_purge_delay": 0})
    with Client(port) as c:
        c.ask("/")
        c.ask("/")
    assert a.connections == 2


@pytest.mark.parametrize("most,connections", [(-1, 1), (0, 6), (1, 3), (2, 2)])
def test_max_reuse_bounds_the_requests_of_a_connection(lab, most, connections):
    a = lab.origin("a")
    port = started(lab, [a], default_server={"max_reuse": most})
    with Client(port) as c:
        for _ in range(6):
            assert c.ask("/").text == "a"
    assert a.connections == connections


def test_a_server_in_maintenance_loses_its_idle_connections(lab):
    origins = lab.origins(["a", "b"])
    port = started(lab, origins, every={"pool_purge_delay": "1h"})
    with Client(port) as c:
        for _ in range(4):
            c.ask("/")
    assert [len(o.open) for o in origins] == [1, 1]
    lab.weir_started.api("set server be/a state maint")
    wait_until(lambda: not origins[0].open, what="a's idle connection closed")
    assert len(origins[1].open) == 1


def test_a_client_is_worth_more_than_an_idle_server_connection(lab):
    a = lab.origin("a")
    port = started(lab, [a], http_reuse="never", every={"pool_purge_delay": "1h"})
    worker, = lab.weir_started.workers()
    with clients(port, 4) as all_:
        for c in all_:
            c.ask("/")
        taken = {int(fd) for fd in os.listdir(f"/proc/{worker}/fd")}
        first_free = next(fd for fd in range(1024) if fd not in taken)
        hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (first_free, hard))
        with clients(port, 2) as more:
            for c in more:
                assert c.ask("/").text == "a"
    assert lab.weir_started.counter("accept_failed") == 0


def test_a_draining_worker_closes_its_idle_connections(lab):
    a = lab.origin("a")
    port = started(lab, [a], http_reuse="never")
    with Client(port) as c:
        assert c.ask("/").text == "a"
        assert lab.weir_started.reload().returncode == 0
        wait_until(lambda: not a.open, what="the idle connection of the old worker closed")
        assert c.ask("/").get("Connection") == "close"


# --- closing on purpose ---------------------------------------------------------------------
@pytest.mark.parametrize("front,back,client_closes,server_closes", [
    ([], [], False, False),
    (["http_server_close"], [], False, True),
    ([], ["http_server_close"], False, True),
    (["httpclose"], [], True, False),
    ([], ["httpclose"], False, True),
    (["httpclose"], ["httpclose"], True, True),
    (["httpclose"], ["http_server_close"], True, True),
    (["http_server_close"], ["httpclose"], False, True),
    (["httpclose", "http_server_close"], [], True, True),
])
def test_who_closes_what(lab, front, back, client_closes, server_closes):
    a = lab.origin("a")
    port = lab.port()
    lab.start(web(port, [a], frontend={"option": front}, backend={"option": back}), nbproc=1)
    with Client(port) as c:
        assert (c.ask("/").get("Connection") == "close") == client_closes
        if client_closes:
            c.expect_closed()
        else:
            c.ask("/")
    get(port)
    asked = a.seen()
    assert all((r.get("Connection") == "close") == server_closes for r in asked)
    assert a.connections == (len(asked) if server_closes else 1)


# --- the server closes at the very moment ------------------------------------------------
class AtReuse:
    """Answers the first request of a connection; at the second one it closes or resets."""

    def __init__(self, lab, with_reset):
        self.bodies = []

        async def second_ends_it(req, conn):
            self.bodies.append(req.target)
            if len([r for r in a.requests if r.connection == req.connection]) == 1:
                conn.answer(200, "first")
                return True
            if with_reset:
                conn.reset()
            return False
        a = self.origin = lab.origin("a")
        a.default = second_ends_it


@pytest.mark.parametrize("nbproc", [1, 2])
@pytest.mark.parametrize("with_reset", [False, True])
def test_what_can_be_repeated_is_when_the_connection_ends_at_its_reuse(lab, with_reset, nbproc):
    a = AtReuse(lab, with_reset).origin
    port = started(lab, [a], nbproc=nbproc)
    with Client(port) as c:
        for i in range(20):
            r = c.ask(f"/{i}")
            assert (r.status, r.text) == (200, "first")
    weir = lab.weir_started
    races = weir.counters("server.be/a.reuse_race")["server.be/a.reuse_race"]
    assert races == weir.stat("be", "a", "reuse") == len(a.requests) - 20 == 19
    assert weir.stat("be", "a", "wretr") == 0 and weir.stat("be", "a", "eresp") == 0


@pytest.mark.parametrize("with_reset", [False, True])
def test_what_cannot_be_repeated_is_a_502_then(lab, with_reset):
    a = AtReuse(lab, with_reset).origin
    port, sink = lab.port(), lab.sink()
    weir = lab.start(web(port, [a], log=sink), nbproc=1)
    with Client(port) as c:
        assert c.request("/1", "POST", body=b"x").response().status == 200
        assert c.request("/2", "POST", body=b"x").response().status == 502
        assert c.request("/3", "POST", body=b"x").response().status == 200
    assert [r.target for r in a.requests] == ["/1", "/2", "/3"]
    assert weir.stat("be", "a", "eresp") == 1
