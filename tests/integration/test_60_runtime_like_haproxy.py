# SPDX-License-Identifier: MIT
"""The runtime API beside HAProxy's: the same lines said to both, the answers compared."""
import json
import pathlib
import random
import re
import socket

import pytest

from weirlab import Client, get, say, wait_until
from weirlab.config import web
from weirlab.haproxy import Haproxy

HAPROXY = """
global
 stats socket {sock} mode 600 level admin
 maxconn 1000
 nbthread 1
frontend fe
 bind 127.0.0.1:{port}
 maxconn 100
 default_backend be
backend be
 server a 127.0.0.1:{a} weight 10 check inter 60s
 server b 127.0.0.1:{b} maxconn 20
"""

# Said one after the other; each answer is the same to the letter.
SAME = """
show backend
show cli level
show servers state zz
show servers conn zz
show stat domain xx
set server
set server be/a state
set server be/a state nowhere
set server be/a weight
set server be/a weight 300
set server be/a weight 50%
get weight be/a
set server be/a weight 100%
get weight be/zz
get weight zz/a
get weight
set weight be/a 300
set server be/a health
set server be/a health sideways
set server be/a health down
set server be/a health stopping
set server be/a health up
set server be/a agent up
set server be/a agent-send word
set server be/a fqdn x.y
set server be/a
set server be/a agent-addr
set server be/a agent-addr 1.2.3.4
set server be/a agent-port
set server be/a agent-port 1
set server be/a check-addr
set server be/a check-port
set server be/a check-port x
set server be/a check-port 70000
set server be/b check-port 1
set server be/b check-addr 1.2.3.4
enable health be/b
disable health be/b
disable health be/a
enable health be/a
enable agent be/a
disable agent be/a
disable server be/a
enable server be/a
disable frontend fe
disable frontend fe
enable frontend fe
enable frontend fe
enable frontend zz
enable frontend
disable frontend zz
set maxconn frontend fe 10
set maxconn frontend fe
set maxconn frontend zz 1
set maxconn frontend
set maxconn frontend fe -1
set maxconn server be/b 30
set maxconn server be/b
set maxconn server be/zz 1
set maxconn global 500
set maxconn global 100000
set maxconn global
set rate-limit connections global 10
set rate-limit sessions global 10
set rate-limit connections global -1
set rate-limit connections global
set rate-limit connections global 0
set rate-limit sessions global 0
clear counters
clear counters all
set timeout cli 10
set timeout cli
expert-mode
expert-mode on
experimental-mode
expert-mode on; expert-mode
shutdown frontend zz
shutdown frontend
shutdown session 0x1
shutdown session
shutdown sessions server be/a
shutdown sessions server be/zz
show cli level; user; show cli level
operator; set server be/a state maint
show env NO_SUCH_VARIABLE
""".strip().splitlines()

# Answers that differ on purpose; docs/migration.md says why.
DIFFERENT = {
    "set server be/b health up": "Health checks are not enabled on this server.",
    "set server be/a check-addr 1.2.3.4": "the address of checks cannot be changed at run time",
    "set maxconn frontend fe x": "Integer value expected.",
    "set maxconn server be/a 5": "This server has no maxconn in the configuration",
    "set rate-limit ssl-sessions global 1": "'set rate-limit' only supports :",
    "show resolvers": "No resolvers",
}


class Both:
    def __init__(self, lab):
        self.a, self.b = lab.origins("ab")
        self.port, peer = lab.port(), lab.port()
        self.sock = f"{lab.shm_dir}/haproxy.sock"
        Haproxy(lab, HAPROXY.format(sock=self.sock, port=peer, a=self.a.port, b=self.b.port),
                peer)
        self.weir = lab.start(web(self.port, {
            "a": {"address": self.a, "weight": 10, "check": True, "inter": "60s"},
            "b": {"address": self.b, "maxconn": 20}}, top={"maxconn": 1000},
            frontend={"maxconn": 100}), nbproc=2)
        wait_until(lambda: self.weir.status("be", "a").startswith("UP"))

    def ask(self, line):
        return say(self.weir.sock, line), say(self.sock, line)


@pytest.fixture
def both(lab):
    return Both(lab)


def test_answers_are_haproxys_to_the_letter(both):
    wrong = {}
    for line in SAME:
        ours, theirs = both.ask(line)
        if ours != theirs:
            wrong[line] = (ours, theirs)
    assert not wrong, "\n".join(f"{k}\n  weir:    {a!r}\n  haproxy: {b!r}"
                                for k, (a, b) in wrong.items())


def verbs_of_help(text):
    for line in text.splitlines()[1:]:
        words = line.split(" : ")[0].split(": ")[0].split()
        end = next((i for i, word in enumerate(words) if word[0] in "[<({*@|"), len(words))
        if words:
            yield " ".join(words[:end])


def verbs_of_manual():
    """{verb: "same", "differs" or "none"}"""
    manual = pathlib.Path(__file__).parents[2] / "docs/migration.md"
    section = manual.read_text().split("## Runtime API")[1].split("Words of later versions")[0]
    rows = [row.split("|")[1:3] for row in section.splitlines() if row.startswith("| `")]
    pairs = [(verb, here.split()[0].strip(":;"))
             for verbs, here in rows for verb in re.findall("`([^`]*)`", verbs)]
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


def test_each_verb_of_haproxy_is_in_the_manual_and_does_what_that_says(both):
    manual = verbs_of_manual()
    assert sorted(manual) == sorted(verbs_of_help(say(both.sock, "help")))
    joining = pathlib.Path(__file__).parent / "test_69_servers_join_and_leave.py"
    compared = [part.strip() for line in SAME + joining.read_text().splitlines()
                for part in line.split(";")]
    own = list(verbs_of_help(say(both.weir.sock, "help")))
    for verb, here in manual.items():
        is_there = any(word.startswith(verb) for word in own)
        assert is_there == (here in ("same", "differs")), verb
        if here == "none":
            assert say(both.weir.sock, verb).startswith("Unknown command"), verb
        if here == "same":
            assert any(line.startswith(verb) for line in compared), verb


def test_answers_that_differ_are_those_we_know(both):
    for line, begin in DIFFERENT.items():
        ours, theirs = both.ask(line)
        assert ours.startswith(begin), (line, ours)
        assert ours != theirs, line


def fields_of(text):
    return {m[1]: m[2] for m in re.finditer(r"^\w\.\d+\.\d+\.\d+\.([\w-]+)\.1:(\w{3}:\w+):",
                                            text, re.M)}


def test_typed_fields_have_haproxys_places_and_tags(both):
    ours, theirs = both.ask("show stat typed")
    places = [dict(re.findall(r"^\w\.\d+\.\d+\.(\d+)\.([\w]+)\.1:", t, re.M))
              for t in (ours, theirs)]
    for place, name in places[0].items():
        assert int(place) > 102 or places[1].get(place, name) == name
    ours, theirs = (fields_of(t) for t in (ours, theirs))
    sums = {"act", "bck", "rate", "rate_max"}  # whose tags depend on the row in HAProxy
    assert {k: v for k, v in ours.items() if k in theirs and k not in sums} == \
        {k: v for k, v in theirs.items() if k in ours and k not in sums}
    assert len(set(ours) & set(theirs)) > 60


def test_typed_info_has_haproxys_names_and_tags(both):
    ours, theirs = both.ask("show info typed")
    pattern = re.compile(r"^\d+\.([^.]+)\.1:(\w{3}):\w+:(.*)$", re.M)
    ours, theirs = ({m[1]: m[2] for m in pattern.finditer(t)} for t in (ours, theirs))
    known = set(ours) & set(theirs)
    assert known >= {"Name", "Version", "Pid", "Uptime_sec", "Maxconn", "CurrConns", "Tasks",
                     "ConnRate", "node"}
    totals = {"TotalBytesOut", "DroppedLogs", "MaxSessRate"}  # HAProxy calls these gauges
    assert {k: ours[k] for k in known - totals} == {k: theirs[k] for k in known - totals}


def test_json_has_haproxys_shape(both):
    def shape(value):
        if isinstance(value, dict):
            return {k: shape(v) for k, v in value.items() if k != "value"}
        return None
    for line in ("show info json", "show stat json"):
        ours, theirs = (json.loads(t) for t in both.ask(line))
        first = (lambda v: v[0][0] if isinstance(v[0], list) else v[0])
        assert shape(first(ours)) == shape(first(theirs)), line
    json.loads(both.ask("show schema json")[0])


def test_headers_of_tables_are_haproxys(both):
    for line in ("show servers conn", "show servers state", "show cli sockets"):
        ours, theirs = (t.splitlines() for t in both.ask(line))
        heads = [[x for x in t if x.startswith("# ")] for t in (ours, theirs)]
        assert heads[0] == heads[1], line
    for line in ("show servers conn", "show servers state"):
        ours, theirs = ([len(x.split()) for x in t.splitlines() if " be" in x or "be/" in x]
                        for t in both.ask(line))
        assert ours == theirs, line


# --- what the words do -------------------------------------------------------------------

def test_a_disabled_frontend_lets_nobody_in_until_it_is_enabled(both):
    say(both.weir.sock, "disable frontend fe")
    assert both.weir.status("fe", "FRONTEND") == "PAUSED"
    with Client(both.port) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert both.weir.stat("fe", "FRONTEND", "scur") == 0
        say(both.weir.sock, "enable frontend fe")
        assert c.response().status == 200
    assert both.weir.status("fe", "FRONTEND") == "OPEN"


def test_maxconn_by_hand_holds_for_all_workers_and_over_a_reload(both):
    weir = both.weir
    say(weir.sock, "set maxconn frontend fe 2")
    assert weir.stat("fe", "FRONTEND", "slim") == 2
    weir.reload()
    assert weir.stat("fe", "FRONTEND", "slim") == 2
    clients = [Client(both.port) for _ in range(4)]
    for c in clients:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_until(lambda: weir.stat("fe", "FRONTEND", "scur") == 2)
    for c in clients:
        c.close()
    weir.wait_idle()
    assert weir.stat("fe", "FRONTEND", "smax") == 2
    say(weir.sock, "set maxconn server be/b 7")
    assert weir.stat("be", "b", "slim") == 7


def test_counters_are_cleared_for_all_workers(both):
    for _ in range(10):
        get(both.port)
    both.weir.wait_idle()
    wait_until(lambda: both.weir.stat("fe", "FRONTEND", "req_tot") == 10)
    say(both.weir.sock, "clear counters")
    assert both.weir.stat("fe", "FRONTEND", "req_tot") == 10
    assert both.weir.stat("fe", "FRONTEND", "smax") == 0
    say(both.weir.sock, "clear counters all")
    assert both.weir.stat("fe", "FRONTEND", "req_tot") == 0
    get(both.port)
    wait_until(lambda: both.weir.stat("fe", "FRONTEND", "req_tot") == 1)


def test_how_long_the_last_session_is_ago_is_told(both):
    def ago(name):
        return both.weir.stats()["be", name]["lastsess"]

    assert ago("BACKEND") == ago("a") == ""
    get(both.port)
    wait_until(lambda: ago("BACKEND") != "" and int(ago("BACKEND")) < 60)


def test_a_line_waits_between_two_commands(both):
    answer = say(both.weir.sock, "show cli level; wait 50ms; show version")
    assert answer.startswith("admin\n\n\n") and len(answer.splitlines()) == 5


def test_prompt_modes(both):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(both.weir.sock)
        s.sendall(b"prompt i\nshow cli level\nset timeout cli 1h\nquit\n")
        assert b"".join(iter(lambda: s.recv(4096), b"")) == b"\nadmin\n\n\n"


def test_health_set_by_hand_lasts_until_checks_say_otherwise(both):
    say(both.weir.sock, "set server be/a health down")
    both.weir.wait_status("be", "a", "DOWN")
    say(both.weir.sock, "set server be/a health stopping")
    both.weir.wait_status("be", "a", "NOLB")
    say(both.weir.sock, "set server be/a health up")
    both.weir.wait_status("be", "a", "UP")


def test_a_server_whose_checks_are_disabled_keeps_its_state(lab):
    a = lab.origin("a")
    weir = lab.start(web(lab.port(), {"a": {"address": a, "check": True, "inter": "50ms",
                                            "rise": 1, "fall": 1}}), nbproc=1)
    wait_until(lambda: weir.status("be", "a") == "UP" and weir.counter("global.checks_run") > 1)
    say(weir.sock, "disable health be/a")
    seen = []

    def is_still():
        say(weir.sock, "wait 200ms")
        seen.append(weir.counter("global.checks_run"))
        return seen[-1:] * 2 == seen[-2:]
    wait_until(is_still, what="no more checks")
    a.stop()
    assert weir.status("be", "a") == "UP"
    say(weir.sock, "enable health be/a")
    weir.wait_status("be", "a", "DOWN")


def test_variables_of_all_workers_are_told_and_set(lab):
    port = lab.port()
    weir = lab.start(web(port, frontend={"http_request": [
        {"return": {"status": 200, "headers": {"X": "%[var(proc.first)]%[var(proc.x)]"}}}]}), nbproc=2)

    def tell(line):
        return say(weir.sock, line)

    assert tell("get var proc.x") == "Variable not found.\n\n"
    for line, shown, value in [
            ("set var proc.x int(3)", "type=sint value=<3>", "3"),
            ("set var proc.x fmt a%[int(3)]b", "type=str value=<a3b>", "a3b"),
            ("set var proc.x expr str(x),upper", "type=str value=<X>", "X"),
            ("set var proc.x fmt %[var(proc.first)]-%[var(proc.x)]", "type=str value=<-X>", "-X"),
            ("set var proc.x bool(true)", "type=bool value=<1>", "1")]:
        assert tell(line) == "\n"
        assert tell("get var proc.x") == f"proc.x: {shown}\n\n"
        assert get(port).get("x") == value
    assert tell("set var proc.x fmt %ci").startswith("'%ci' is of connections")
    assert tell("set var proc.x") == "Missing either 'expr', 'fmt' or expression.\n\n"
    assert tell("set var") == tell("get var") == "Missing process-wide variable identifier.\n\n"
    assert tell("set var txn.x int(3)").startswith("'set var': cannot set variable 'txn.x', only")
    assert tell("set var proc.x str(x) if").startswith("'set var': arg type must be either")
    assert tell("set var proc.nobody int(1)").startswith("Nothing in the configuration uses")
    assert "foo" in tell("set var proc.x foo")
    assert "uses the variable 'proc.none'" in tell("set var proc.x var(proc.none)")
    assert tell("get var txn.x") == "Variable not found.\n\n"


# --- hostile words -----------------------------------------------------------------------

HOSTILE = ["be/a", "be/", "/", "fe", "global", "#0", "@1", "key", "data.gpc0", "port", "x", "-1",
           "+1", "0", "65536", "9" * 30, "::", "::1%lo", "127.0.0.1", "1.2.3.4.5", "%s%n", "\\",
           "a" * 5000, "é", "--runtime-only", "up", "\x01", "50%", "'", '"', "state", "addr",
           "agent", "check-port", "weight", "health", "sessions", "connections"]


def test_no_words_behind_any_command_stop_control(both):
    weir = both.weir
    heads = [re.split(r" *[<\[{:]", line.strip())[0]
             for line in weir.api("help").splitlines() if ":" in line]
    waits = ("wait", "reload", "prompt", "The")
    heads = [h for h in heads if h and h.split()[0] not in waits]
    assert len(heads) > 60 and "set server" in heads
    control, rng = weir.of_role("control"), random.Random(60)
    for _ in range(20):
        for head in heads:
            say(weir.sock, " ".join([head] + rng.choices(HOSTILE, k=rng.randrange(6))))
    assert weir.of_role("control") == control
    assert weir.ctl("check").returncode == 0
