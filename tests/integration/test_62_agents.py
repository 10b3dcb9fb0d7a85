# SPDX-License-Identifier: MIT
"""Agents of servers: a line of words that changes weight, limit and state."""
import re
import socket
import threading

import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web
from weirlab.haproxy import Haproxy


class Agent:
    """Says `line` to everybody; hears what they say first."""

    def __init__(self, line="up\n"):
        self.line, self.heard, self.answers = line, [], 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                conn, _ = self.socket.accept()
            except OSError:
                return
            with conn:
                conn.settimeout(0.05)
                try:
                    self.heard.append(conn.recv(100))
                except OSError:
                    pass
                try:
                    conn.sendall(self.line.encode())
                except OSError:
                    pass
                self.answers += 1

    def say(self, line):
        self.line = line

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


@pytest.fixture
def agent():
    one = Agent()
    yield one
    one.close()


def asking(agent, **more):
    return {"agent_check": True, "agent_port": agent.port, "agent_addr": "127.0.0.1",
            "agent_inter": "200ms", **more}


def start(lab, agent, port=None, server=None, **kwargs):
    origins = lab.origins("ab")
    a, b = origins
    weir = lab.start(web(port or lab.port(), {
        "a": {"address": a, "weight": 100, "check": True, "inter": "200ms", "rise": 1,
              **asking(agent), **(server or {})},
        "b": {"address": b, "weight": 100}}, **kwargs), nbproc=2)
    wait_until(lambda: weir.stats()["be", "a"]["agent_status"] == "L7OK")
    return weir, a


# what the agent says, one after the other, and what a server is then: status, weight
SAYINGS = [
    ("50%", "UP", 50), ("weight:7", "UP", 7), ("weight:30%", "UP", 30), ("up", "UP", 30),
    ("down", "DOWN (agent)", 30), ("75%", "DOWN (agent)", 75), ("up 100%", "UP", 100),
    ("stopped # for lunch", "DOWN (agent)", 100), ("UP", "UP", 100), ("fail", "DOWN (agent)", 100),
    ("up,drain", "DRAIN", 0), ("ready", "UP", 100), ("maint", "MAINT", 100),
    ("ready\t40%\r\njunk", "UP", 40), ("0%", "DRAIN", 0), ("weight:256", "UP", 256),
]


def test_words_of_agents(lab, agent):
    weir, a = start(lab, agent)
    for line, status, weight in SAYINGS:
        agent.say(line + "\n")
        expected = {"status": status, "weight": str(weight)}
        seen = {}

        def is_there():
            row = weir.stats()["be", "a"]
            seen.update({k: row[k] for k in expected})
            return seen == expected
        wait_until(is_there, what=f"{line}: {expected}")
    row = weir.stats()["be", "a"]
    assert row["agent_status"] == "L7OK" and int(row["agent_duration"]) >= 0


def test_an_agent_is_asked_with_a_text_and_limits_connections(lab, agent):
    agent.say("up maxconn:1\n")
    port = lab.port()
    weir, a = start(lab, agent, port, server={"agent_send": "be/a\n", "maxconn": 10})
    assert agent.heard[0] == b"be/a\n"
    a.on("/hang", do.hang())
    weir.api("set server be/b state maint")
    weir.wait_status("be", "b", "MAINT")
    clients = []
    for _ in range(3):
        clients.append(Client(port))
        clients[-1].send("GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_until(lambda: weir.stat("be", "a", "qcur") + weir.stat("be", "BACKEND", "qcur") == 2)
    agent.say("maxconn:3\n")
    wait_until(lambda: len(a.seen("/hang")) == 3)


def test_servers_are_shown_as_their_agents_say_and_limited_without_a_limit_of_their_own(
        lab, agent):
    agent.say("up 50% maxconn:3 maint\n")
    weir, _ = start(lab, agent, lab.port(), server={"weight": 100})
    weir.wait_status("be", "a", "MAINT")
    assert weir.stat("be", "a", "slim") == 3
    line = next(x for x in weir.api("show servers state").splitlines() if " be 1 a " in x)
    assert line.split()[5:9] == ["0", "1", "50", "100"]


def test_an_agent_that_is_away_changes_nothing(lab, agent):
    agent.say("down\n")
    weir, a, config = start_down(lab, agent)
    agent.close()
    wait_until(lambda: weir.stats()["be", "a"]["agent_status"] == "L4CON")
    assert weir.status("be", "a") == "DOWN (agent)"
    weir.reload()
    assert weir.status("be", "a") == "DOWN (agent)"
    config["backends"]["be"]["servers"]["a"] = {"address": a, "check": True}
    weir.reload(config)
    weir.wait_status("be", "a", "UP")


def start_down(lab, agent):
    origins = lab.origins("ab")
    config = web(lab.port(), {
        "a": {"address": origins[0], "check": True, "inter": "200ms", **asking(agent)},
        "b": origins[1]})
    weir = lab.start(config, nbproc=1)
    weir.wait_status("be", "a", "DOWN (agent)")
    return weir, origins[0].address, config


def test_a_server_without_checks_may_have_an_agent(lab, agent):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, **asking(agent)}, "b": b}), nbproc=1)
    weir.wait_status("be", "a", "no check")
    agent.say("down\n")
    weir.wait_status("be", "a", "DOWN (agent)")
    assert {get(port).text for _ in range(4)} == {"b"}
    agent.say("up\n")
    weir.wait_status("be", "a", "no check")
    assert {get(port).text for _ in range(4)} == {"a", "b"}


def test_a_word_that_is_none_is_told(lab, agent):
    weir, a = start(lab, agent)
    agent.say("fine\n")
    wait_until(lambda: weir.stats()["be", "a"]["agent_status"] == "L7RSP")
    assert weir.status("be", "a") == "UP"


HAPROXY = """
global
 log {log} local0
defaults
 log global
frontend fe
 bind 127.0.0.1:{port}
 default_backend be
backend be
 server a {a} weight 100 check inter 200 rise 1 fall 1 agent-check agent-port {agent} agent-inter 200
 server b {b} weight 100
"""


def test_agents_are_logged_like_haproxys(lab, agent):
    ours, theirs, port = lab.sink(), lab.sink(), lab.port()
    a, b = lab.origins("ab")
    Haproxy(lab, HAPROXY.format(log=theirs.address, port=port, a=a.address, b=b.address,
                                agent=agent.port), port)
    weir = lab.start(web(lab.port(), {
        "a": {"address": a, "weight": 100, "check": True, "inter": "200ms", "rise": 1, "fall": 1,
              **asking(agent)}, "b": b}, log=ours), nbproc=1)
    weir.wait_status("be", "a", "UP")
    for line in ("down", "ready up", "stopped # tea", "up,100%", "drain", "ready", "maint", "ready",
                 "fail", "up"):
        agent.say(line + "\n")
        n = agent.answers
        wait_until(lambda: agent.answers >= n + 6)
    told = [[re.sub(r"duration: \d+ms", "duration: N", line.split("]: ", 1)[1])
             for line in sink.wait("Server be/a ", n=10)] for sink in (theirs, ours)]
    assert told[0] == told[1]
    row = weir.stats()["be", "a"]
    assert {k: row["agent_" + k] for k in ("status", "code", "desc", "rise", "fall", "health")} == {
        "status": "L7OK", "code": "0", "desc": "Layer7 check passed", "rise": "1", "fall": "1",
        "health": "1"}


# --- what people say about them ----------------------------------------------------------

def test_an_agent_that_is_disabled_is_not_asked_and_leaves_the_weight_to_people(lab, agent):
    agent.say("up 50%\n")
    weir, _ = start(lab, agent)
    wait_until(lambda: weir.stat("be", "a", "weight") == 50)
    weir.api("set server be/a weight 70")
    assert weir.stat("be", "a", "weight") == 50
    assert weir.api("disable agent be/a").strip() == ""
    assert weir.stat("be", "a", "weight") == 70
    agent.say("up 10%\n")
    seen = []

    def is_still():
        seen.append(agent.answers)
        weir.api("wait 500ms; show version")
        return seen[-2:] == [agent.answers] * 2
    wait_until(is_still, what="nobody asks")
    weir.reload()
    assert weir.stat("be", "a", "weight") == 70
    assert "false" in weir.ctl("drift").stdout
    weir.api("enable agent be/a")
    wait_until(lambda: weir.stat("be", "a", "weight") == 10)


def test_people_may_speak_for_an_agent_until_it_speaks(lab, agent):
    agent.say("ready\n")
    weir, _ = start(lab, agent)
    assert weir.api("set server be/a agent").startswith(
        "'set server <srv> agent' expects 'up' or 'down'.")
    assert weir.api("set server be/b agent down").startswith(
        "agent checks are not enabled on this server.")
    assert weir.api("set server be/a agent down").strip() == ""
    weir.wait_status("be", "a", "DOWN (agent)")
    weir.reload()
    assert weir.status("be", "a") == "DOWN (agent)"
    weir.api("set server be/a agent up")
    weir.wait_status("be", "a", "UP")
    weir.api("set server be/a agent down")
    weir.wait_status("be", "a", "DOWN (agent)")
    agent.say("up\n")
    weir.wait_status("be", "a", "UP")


def test_the_port_of_an_agent_is_changed(lab, agent):
    other = Agent("down\n")
    try:
        weir, _ = start(lab, agent)
        weir.api(f"set server be/a agent-port {other.port}")
        weir.wait_status("be", "a", "DOWN (agent)")
        weir.reload()
        other.say("up\n")
        weir.wait_status("be", "a", "UP")
        assert f"agent_port {agent.port} {other.port}" in " ".join(
            weir.ctl("drift").stdout.split())
    finally:
        other.close()
