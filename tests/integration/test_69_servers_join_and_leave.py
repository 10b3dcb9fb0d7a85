# SPDX-License-Identifier: MIT
"""Servers that join a backend and leave it at run time (`add server`, `del server`)."""
import collections
import os
import signal

import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web
from weirlab.haproxy import Haproxy

from test_60_runtime_like_haproxy import say
from test_62_agents import Agent
from test_66_drift import drift, lose_master, restart

NBPROC = pytest.mark.parametrize("nbproc", [1, 2, 8])


def spread(port, n=24, path="/"):
    return collections.Counter(get(port, path).text for _ in range(n))


def join(weir, name, origin, words="", enabled=True):
    answer = say(weir.sock, f"add server {name} {origin.address} {words}")
    assert answer == "New server registered.\n\n"
    if enabled:
        say(weir.sock, f"enable server {name}")


def leave(weir, name):
    say(weir.sock, f"disable server {name}")
    wait_until(lambda: say(weir.sock, f"del server {name}") == "Server deleted.\n")


def servers(weir):
    return [row["svname"] for row in weir.stats_rows()
            if row["pxname"] == "be" and row["type"] == "2"]


@NBPROC
def test_all_workers_use_who_joined_and_nobody_uses_who_left(lab, nbproc):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a], backend={"balance": "roundrobin"}), nbproc=nbproc)
    for _ in range(3):
        join(weir, "be/b", b, enabled=False)
        assert spread(port) == {"a": 24}
        say(weir.sock, "enable server be/b")
        assert spread(port) == {"a": 12, "b": 12}
        assert servers(weir) == ["a", "b"]
        leave(weir, "be/b")
        assert spread(port) == {"a": 24}
        assert servers(weir) == ["a"]


@NBPROC
def test_no_request_fails_while_servers_join_and_leave(lab, nbproc):
    a, *others = lab.origins("abcd")
    port = lab.port()
    weir = lab.start(web(port, [a], backend={"balance": "leastconn"}), nbproc=nbproc)
    load = lab.load(port, clients=8)
    load.wait_ok(20)
    for i in range(4):
        for o in others:
            join(weir, f"be/{o.name}{i}", o, "weight 10")
        load.wait_ok(20)
        for o in others:
            leave(weir, f"be/{o.name}{i}")
            o.forget()
        load.wait_ok(20)
        assert sum(len(o.seen()) for o in others) == 0
    assert load.end()["failed"] == 0


SAME = """
add server
add server be
add server be/
add server zz/y 127.0.0.1:1
add server be/y
add server be/a 127.0.0.1:1
add server be/y 127.0.0.1:1 bogus
add server be/y 127.0.0.1:1 weight 5 check inter 1s rise 2 fall 4 maxconn 30 slowstart 2s
add server be/y 127.0.0.1:1
get weight be/y
set weight be/y 7
get weight be/y
del server
del server be
del server zz/y
del server be/zz
enable server be/y
del server be/y
disable server be/y
del server be/y
del server be/y
enable server be/y
enable health be/y
disable server be/a
del server be/a
""".strip().splitlines()


@pytest.fixture
def both(lab):
    a = lab.origin("a")
    port, peer = lab.port(), lab.port()
    sock = f"{lab.shm_dir}/haproxy.sock"
    Haproxy(lab, f"""
global
 stats socket {sock} mode 600 level admin
frontend fe
 bind 127.0.0.1:{peer}
 default_backend be
backend be
 server a 127.0.0.1:{a.port}
""", peer)
    weir = lab.start(web(port, [a]), nbproc=2)
    return lambda line: (say(weir.sock, line), say(sock, line))


def test_answers_are_haproxys_to_the_letter(both):
    for line in SAME:
        ours, theirs = both(line)
        assert ours == theirs, line


def test_what_cannot_be_is_said_and_changes_nothing(lab):
    a, b = lab.origins("ab")
    weir = lab.start(web(lab.port(), [a], backend={"balance": "static-rr"}))
    wrong = {"be/x 127.0.0.1:1": "backend 'be' uses a non dynamic load balancing method."}
    for line, begin in wrong.items():
        assert say(weir.sock, f"add server {line}").startswith(begin)
    weir.configure(web(lab.port(), [a]))
    weir.reload()
    wrong = {
        "be/x localhost:80": "backends.be.servers.x.address: 'localhost' is a name",
        "be/x 127.0.0.1:1 weight": "'weight' expects an argument.",
        "be/x 127.0.0.1:1 weight 999": "backends.be.servers.x.weight: '999' is",
        "be/x 127.0.0.1:1 observe layer9": "backends.be.servers.x.observe: ",
        "be/x 127.0.0.1 check": "backends.be.servers.x.address: a check needs a port",
        "be/x 127.0.0.1:1 id 1": "'id' : custom id 1 is that of another server already",
        "be/x 127.0.0.1:1 track be/a": "unknown keyword 'track'.",
        "be/" + 80 * "x" + " 127.0.0.1:1": "The name is longer than 63 characters.",
        "be/x 127.0.0.1:1 cookie " + 5000 * "c": "The line is too long.",
    }
    for line, begin in wrong.items():
        assert say(weir.sock, f"add server {line}").startswith(begin), line
    assert servers(weir) == ["a"]


def test_quotes_dollars_and_hyphens_mean_themselves(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a], backend={
        "cookie": {"name": "S", "insert": True}, "balance": "roundrobin"}))
    join(weir, "be/b-1", b, "cookie $HOME${USER}'-x on-marked-down shutdown-sessions")
    seen = {get(port, "/").get("set-cookie") for _ in range(8)}
    assert any(value and value.startswith("S=$HOME${USER}'-x;") for value in seen)


@pytest.mark.parametrize("how", [lambda weir: weir.reload(), restart, lose_master],
                         ids=["reload", "restart", "master killed"])
def test_who_joined_stays(lab, how):
    a, b, c = lab.origins("abc")
    port = lab.port()
    weir = lab.start(web(port, [a], backend={"balance": "roundrobin"}), nbproc=3)
    join(weir, "be/b", b, "weight 2")
    join(weir, "be/c", c, enabled=False)
    assert spread(port) == {"a": 8, "b": 16}
    how(weir)
    assert spread(port) == {"a": 8, "b": 16}
    assert weir.status("be", "c") == "MAINT"
    assert weir.stat("be", "b", "stot") >= 32
    leave(weir, "be/b")
    assert spread(port) == {"a": 24}


@pytest.mark.parametrize("role", ["worker", "checker", "control"])
def test_who_joined_is_known_to_successors_of_killed_processes(lab, role):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a], backend={"balance": "roundrobin"}), nbproc=2)
    join(weir, "be/b", b, "check inter 200ms")
    say(weir.sock, "enable health be/b")
    wait_until(lambda: weir.status("be", "b").startswith("UP"))
    for pid in weir.workers() if role == "worker" else weir.of_role(role):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in weir.kids())
    wait_until(lambda: len(weir.of_role(role)) == (2 if role == "worker" else 1))
    wait_until(lambda: spread(port) == {"a": 12, "b": 12})
    b.stop()
    wait_until(lambda: weir.status("be", "b") == "DOWN")
    leave(weir, "be/b")


def test_files_that_name_a_server_win_over_one_that_joined(lab):
    a, b, c = lab.origins("abc")
    port = lab.port()
    weir = lab.start(web(port, [a], backend={"balance": "roundrobin"}), nbproc=2)
    join(weir, "be/x", b)
    weir.reload(web(port, {"a": a, "x": c}, backend={"balance": "roundrobin"}))
    assert spread(port) == {"a": 12, "c": 12}
    assert servers(weir) == ["a", "x"]


def test_a_server_of_the_files_that_left_is_back_with_the_next_reload(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a, b], backend={"balance": "roundrobin"}), nbproc=2)
    leave(weir, "be/b")
    assert spread(port) == {"a": 24}
    assert drift(weir) == {("be/b", "server"): (b.address, "-")}
    os.kill(weir.workers()[0], signal.SIGKILL)
    wait_until(lambda: len(weir.workers()) == 2)
    assert spread(port) == {"a": 24}
    weir.reload()
    assert spread(port) == {"a": 12, "b": 12}


def test_what_others_name_cannot_leave(lab):
    a, b, c, d = lab.origins("abcd")
    weir = lab.start(web(lab.port(), {
        "a": {"address": a, "check": True}, "b": {"address": b, "track": "a"}, "c": c, "d": d},
        frontend={"http_request": [{"deny": {}, "if": "{ srv_is_up(be/c) } { path /no }"}]},
        backend={"use_server": [{"server": "d", "if": "{ path /d }"}]}))
    for name in "acd":
        say(weir.sock, f"disable server be/{name}")
        assert say(weir.sock, f"del server be/{name}").startswith(
            "This server cannot be removed at runtime")
    leave(weir, "be/b")


def test_who_has_connections_cannot_leave(lab):
    a, b = lab.origins("ab")
    b.on("/hold", do.hang())
    port = lab.port()
    weir = lab.start(web(port, [a], backend={
        "balance": "first", "option": ["abortonclose"]}), nbproc=2)
    join(weir, "be/b", b)
    say(weir.sock, "disable server be/a")
    with Client(port) as c:
        c.request("/hold")
        wait_until(lambda: b.seen("/hold"))
        say(weir.sock, "disable server be/b")
        assert say(weir.sock, "del server be/b").startswith("Server still has connections")
    leave(weir, "be/b")


def test_who_joined_is_checked_when_checks_are_enabled(lab):
    a, b = lab.origins("ab")
    b.on("/health", do.answer(status=500))
    weir = lab.start(web(lab.port(), [a], backend={"option": {"httpchk": "GET /health"}}))
    join(weir, "be/b", b, "check inter 200ms fall 1 rise 1")
    assert not b.seen("/health")
    say(weir.sock, "enable health be/b")
    wait_until(lambda: weir.status("be", "b") == "DOWN")
    b.on("/health", do.answer())
    wait_until(lambda: weir.status("be", "b") == "UP")
    leave(weir, "be/b")
    b.forget()
    join(weir, "be/b", b)
    assert weir.status("be", "b") == "no check"
    assert not b.seen("/health")


def test_who_joined_has_an_agent_when_that_is_enabled(lab):
    agent = Agent("50%\n")
    a, b = lab.origins("ab")
    weir = lab.start(web(lab.port(), [a]))
    join(weir, "be/b", b, f"weight 100 agent-check agent-port {agent.port} agent-inter 200ms "
         "agent-addr 127.0.0.1 agent-send hello")
    assert agent.answers == 0
    say(weir.sock, "enable agent be/b")
    wait_until(lambda: weir.stat("be", "b", "weight") == 50)
    assert agent.heard[0] == b"hello"
    agent.close()


@NBPROC
def test_a_limit_of_who_joined_is_exact_in_a_backend_that_had_none(lab, nbproc):
    a, b = lab.origins("ab")
    b.on("/hold", do.hang())
    port = lab.port()
    weir = lab.start(web(port, [a], backend={
        "balance": "first", "option": ["abortonclose"]}), nbproc=nbproc)
    say(weir.sock, "disable server be/a")
    join(weir, "be/b", b, "maxconn 3")
    clients = [Client(port) for _ in range(8)]
    for c in clients:
        c.request("/hold")
    wait_until(lambda: weir.stat("be", "BACKEND", "qcur") == 5)
    wait_until(lambda: len(b.seen("/hold")) == 3)
    assert weir.stat("be", "b", "scur") == 3
    for c in clients:
        c.close()
    weir.wait_idle()


@pytest.mark.parametrize("kind", ["consistent", "maglev"])
def test_a_hash_is_the_same_as_if_who_joined_had_been_there_from_the_start(lab, kind):
    origins = lab.origins("abc")
    balance = {"balance": {"algorithm": "uri"}, "hash_type": kind}
    ports = lab.port(), lab.port()
    joined = lab.start(web(ports[0], origins[:2], backend=balance), nbproc=3)
    lab.start(web(ports[1], origins, backend=balance), nbproc=3, name="other")
    join(joined, "be/c", origins[2])
    for i in range(60):
        assert get(ports[0], f"/{i}").text == get(ports[1], f"/{i}").text


def test_save_writes_who_joined_and_a_reload_takes_it_over(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a], backend={"balance": "roundrobin"}), nbproc=2)
    join(weir, "be/b", b, "weight 3 on-marked-down shutdown-sessions cookie $x max-reuse 7")
    assert drift(weir) == {("be/b", "server"): ("-", b.address)}
    weir.ctl("save", os.path.join(os.path.dirname(weir.config_path), "90-saved.yaml"))
    weir.reload()
    assert drift(weir) == {}
    assert spread(port) == {"a": 6, "b": 18}


def test_a_passing_server_is_gone_with_the_next_reload(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a], backend={"balance": "roundrobin"}), nbproc=2)
    assert "registered" in say(weir.sock, f"add server be/b {b.address} enabled --runtime-only")
    assert spread(port) == {"a": 12, "b": 12}
    weir.reload()
    assert spread(port) == {"a": 24}
    assert servers(weir) == ["a"]
