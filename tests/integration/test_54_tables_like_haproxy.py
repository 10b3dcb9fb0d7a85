# SPDX-License-Identifier: MIT
"""Stick tables beside HAProxy's: the same connections and requests to both; what fetches
and converters say of them, how rates rise and fall, what is answered about tables."""
import re
import time

import pytest

from weirlab import Client, say, wait_until
from weirlab import origin as do
from weirlab.config import web
from weirlab.haproxy import Haproxy

PLAIN = ["conn_cnt", "conn_cur", "conn_rate(1h)", "sess_cnt", "sess_rate(1h)", "http_req_cnt",
         "http_req_rate(1h)", "http_err_cnt", "http_err_rate(1h)", "http_fail_cnt",
         "http_fail_rate(1h)", "bytes_in_cnt", "bytes_in_rate(1h)", "bytes_out_cnt",
         "bytes_out_rate(1h)", "gpc0", "gpc0_rate(1h)", "gpc1", "gpc1_rate(1h)", "gpt0"]
ARRAYS = ["gpc(3)", "gpc_rate(3,1h)", "gpt(2)"]
# name: type, length, what is stored
TABLES = {"conns": ("ip", None, PLAIN), "paths": ("string", 20, PLAIN),
          "users": ("string", 20, ARRAYS), "numbers": ("integer", None, ["gpc0", "gpc1"])}

WORDS = ["conn_cnt", "conn_cur", "conn_rate", "sess_cnt", "sess_rate", "http_req_cnt",
         "http_req_rate", "http_err_cnt", "http_err_rate", "http_fail_cnt", "http_fail_rate",
         "get_gpc0", "get_gpc1", "get_gpt0", "gpc0_rate", "gpc1_rate"]
BYTES = ["kbytes_in", "kbytes_out", "bytes_in_rate", "bytes_out_rate"]


def of_table(word):
    return word.removeprefix("get_")


# the path and the user, which a response does not have
PATH, USER, NEVER = "var(txn.path)", "var(txn.user)", "str(/never)"
READ = (
    [f"sc_{w}(0)" for w in WORDS] + [f"sc0_{w}" for w in WORDS] +
    [f"sc1_{w}" for w in WORDS] + [f"sc_{w}(1,paths)" for w in WORDS] +
    [f"src_{w}(conns)" for w in WORDS] +
    [f"{PATH},table_{of_table(w)}(paths)" for w in WORDS] +
    [f"sc_{w}({i},2)" for w in ("get_gpc", "gpc_rate", "get_gpt") for i in range(2)] +
    [f"{USER},table_{w}({i},users)" for w in ("gpc", "gpc_rate", "gpt") for i in range(2)] +
    ["sc_tracked(0)", "sc0_tracked", "sc1_tracked(paths)", "sc2_tracked", "sc_tracked(2)",
     "sc_trackers(0)", "sc1_trackers", "sc2_trackers(users)", f"{PATH},in_table(paths)",
     f"{NEVER},in_table(paths)", f"{NEVER},table_conn_cnt(paths)",
     f"{NEVER},table_trackers(paths)",
     "table_cnt(paths)", "table_avl(paths)", "table_cnt(users)", "src,in_table(conns)",
     "sc_get_gpc0(5)", "sc_get_gpc0(0,numbers)", "int(7),table_gpc0(numbers)"])
# (table_trackers of a key that is there counts HAProxy's own look as well)
# what changes the table, once in each response
CHANGE = ["sc_inc_gpc0(0)", "sc1_inc_gpc1", "sc_inc_gpc(1,2)", "sc1_clr_gpc1",
          "src_inc_gpc0(conns)", "src_clr_gpc1(conns)", "sc_clr_gpc(1,2)",
          "src_updt_conn_cnt(conns)", "sc_inc_gpc(0,2)"]


def lines(indent, items):
    return "\n".join(f" {indent} {item}" for item in items)


def haproxy_tables():
    return "\n".join(f"backend {name}\n stick-table type {kind}{f' len {size}' if size else ''} "
                     f"size 100 expire 1h store {','.join(store)}"
                     for name, (kind, size, store) in TABLES.items())


def weir_tables():
    return {name: {"type": kind, "size": 100, "expire": "1h", "store": store,
                   **({"len": size} if size else {})}
            for name, (kind, size, store) in TABLES.items()}


class Both:
    """weir and HAProxy with the same tables, rules and server."""

    def __init__(self, lab, read=(), nbproc=1):
        self.origin = lab.origin("a").on("/404", do.answer(404)).on("/500", do.answer(500))
        self.origin.on("/501", do.answer(501)).on("/big", do.answer(200, b"x" * 300_000))
        self.port, self.peer = lab.port(), lab.port()
        self.sock = f"{lab.shm_dir}/haproxy.sock"
        shown = [f"http-response set-header x-{i} \"%[{word}]\"" for i, word in enumerate(read)]
        Haproxy(lab, f"""
global
 stats socket {self.sock} mode 600 level admin
 nbthread 1
{haproxy_tables()}
frontend fe
 bind 127.0.0.1:{self.peer}
 tcp-request connection track-sc0 src table conns
 http-request track-sc1 path table paths
 http-request track-sc2 hdr(x-user) table users
 http-request sc-inc-gpc0(1)
 http-request sc-inc-gpc1(1)
 http-request sc-inc-gpc(1,2)
 http-request sc-set-gpt0(1) int(7)
 http-request sc-set-gpt(0,2) path,length
 http-request set-var(txn.path) path
 http-request set-var(txn.user) req.hdr(x-user)
{lines("", shown)}
 default_backend be
backend be
 server a 127.0.0.1:{self.origin.port}
""", self.peer)
        config = web(self.port, [self.origin], frontend={
            "tcp_request": {"connection": [{"track_sc0": {"key": "src", "table": "conns"}}]},
            "http_request": [
                {"track_sc1": {"key": "path", "table": "paths"}},
                {"track_sc2": {"key": "req.hdr(x-user)", "table": "users"}},
                {"sc_inc_gpc0": 1}, {"sc_inc_gpc1": 1}, {"sc_inc_gpc": {"idx": 1, "sc": 2}},
                {"sc_set_gpt0": {"sc": 1, "value": 7}},
                {"sc_set_gpt": {"idx": 0, "sc": 2, "value": "path,length"}},
                {"set_var": {"name": "txn.path", "value": "path"}},
                {"set_var": {"name": "txn.user", "value": "req.hdr(x-user)"}}],
            "http_response": [{"set_header": {"name": f"x-{i}", "value": f"%[{word}]"}}
                              for i, word in enumerate(read)]})
        config["tables"] = weir_tables()
        self.weir = lab.start(config, nbproc=nbproc)
        # the connections that asked whether they are there
        for line in ("clear table conns", "clear table paths"):
            wait_until(lambda: "used:0" in (self.say(line), self.say("show " + line[6:]))[1][0])

    def say(self, line):
        """What (HAProxy, weir) answer."""
        return say(self.sock, line), say(self.weir.sock, line)

    def clients(self, **kwargs):
        return Client(self.peer, **kwargs), Client(self.port, **kwargs)


@pytest.mark.parametrize("words", [READ, CHANGE], ids=["read", "change"])
def test_fetches_and_converters_say_the_same(lab, words):
    """The client's own connection and the path are tracked by the one and by the other."""
    both = Both(lab, words)

    def values(answer):
        return {word: answer.get(f"x-{i}") for i, word in enumerate(words)}

    conns = [both.clients(), both.clients()]
    for n, target in enumerate(["/", "/", "/404", "/501", "/500", "/x", "/"]):
        pair = conns[n % 2]
        fields = [("X-User", "ann" if n % 3 else "bob")] if n != 5 else []
        theirs, ours = (values(c.ask(target, fields=fields)) for c in pair)
        assert ours == theirs, {w: (ours[w], theirs[w]) for w in words if ours[w] != theirs[w]}
    for pair in conns:
        for c in pair:
            c.close()


def test_bytes_are_counted_alike(lab):
    """But for the heads, which are not the same."""
    words = [f"sc_{w}(0)" for w in BYTES] + [f"src_{w}(conns)" for w in BYTES] + [
        f"{PATH},table_{w}(paths)" for w in BYTES]
    both, counted = Both(lab, words), []
    for c in both.clients():
        for _ in range(3):
            c.ask("/big")
            c.ask("/", method="POST", body=b"y" * 200_000)
        answer = c.ask("/big")
        counted.append([int(answer.get(f"x-{i}")) for i in range(len(words))])
        c.close()
    for word, theirs, ours in zip(words, *counted):
        heads = 3 if "kbytes" in word else 7 * 400
        assert abs(ours - theirs) <= theirs * 0.02 + heads, (word, theirs, ours)


RATES = ["conn_rate", "http_req_rate", "bytes_out_rate", "gpc0_rate"]


class Rates:
    """How `show table` of both shows a key's rates as time passes. The same is asked of
    both at the same time, but for a while that is measured."""

    def __init__(self, both, period_s):
        self.both, self.period_s, self.skew_s = both, period_s, 0.0
        self.events, self.last = dict.fromkeys(RATES, 0), dict.fromkeys(RATES, 1)

    def ask(self, target, size):
        begin = time.monotonic()
        for port in (self.both.peer, self.both.port):
            with Client(port) as c:
                assert c.ask(target).status == 200
        self.skew_s = max(self.skew_s, time.monotonic() - begin)
        for word, n in (("conn_rate", 1), ("http_req_rate", 1), ("gpc0_rate", 1),
                        ("bytes_out_rate", size + 300)):
            self.events[word] += n
            self.last[word] = n

    def read(self, path):
        found = re.search(r"key=127\.0\.0\.1 .*", say(path, "show table t"))
        return {w: int(re.search(rf" {w}\(\d+\)=(\d+)", found[0])[1]) for w in RATES}

    def compare(self):
        """Theirs before, ours, theirs after: ours is between those, but for the last event
        (an answer may be read before its end is counted), and for what the skew of the events
        and heads of another length can change."""
        before, ours, after = self.read(self.both.sock), self.read(self.both.weir.sock), \
            self.read(self.both.sock)
        for w in RATES:
            slack = self.last[w] + self.events[w] * (0.02 + 2 * self.skew_s / self.period_s)
            low, high = min(before[w], after[w]), max(before[w], after[w])
            assert low - slack <= ours[w] <= high + slack, (w, before, ours, after, slack)
        return ours


def test_rates_rise_and_fall_alike(lab):
    period_s, store = 2, "conn_rate(2s),http_req_rate(2s),bytes_out_rate(2s),gpc0_rate(2s)"
    a = lab.origin("a").on("/k", do.answer(200, b"x" * 20_000))
    port, peer = lab.port(), lab.port()
    sock = f"{lab.shm_dir}/haproxy.sock"
    Haproxy(lab, f"""
global
 stats socket {sock} mode 600 level admin
 nbthread 1
backend t
 stick-table type ip size 100 expire 1h store {store}
frontend fe
 bind 127.0.0.1:{peer}
 http-request track-sc0 src table t
 http-request sc-inc-gpc0(0)
 default_backend be
backend be
 server a 127.0.0.1:{a.port}
""", peer)
    config = web(port, [a], frontend={"http_request": [
        {"track_sc0": {"key": "src", "table": "t"}}, {"sc_inc_gpc0": 0}]})
    config["tables"] = {"t": {"type": "ip", "size": 100, "expire": "1h",
                              "store": store.split(",")}}

    class Pair:
        weir = lab.start(config, nbproc=2)
    Pair.sock, Pair.port, Pair.peer = sock, port, peer
    rates = Rates(Pair, period_s)
    seen = []
    # two bursts in the first and second period, then nothing until all is forgotten
    for burst in (30, 10):
        for _ in range(burst):
            rates.ask("/k", 20_000)
        end = time.monotonic() + 0.7 * period_s
        while time.monotonic() < end:
            seen.append(rates.compare())
    wait_until(lambda: not any(rates.compare().values()), 4 * period_s, "all is forgotten")
    assert max(s["conn_rate"] for s in seen) >= 30
    assert max(s["bytes_out_rate"] for s in seen) >= 600_000


# --- commands -------------------------------------------------------------------------

# Said one after the other; each answer is the same but for pointers and milliseconds.
SAME = """
show table zz
show table conns key
show table conns key 1.2.3.4
show table numbers key zz
show table numbers key -1
show table conns data.conn_cnt
show table conns data.conn_cnt xx 1
show table conns data.conn_cnt gt
show table conns data.conn_cnt gt x
show table conns data.conn_cnt gt 1 data.zz gt 1
show table conns data.zz gt 1
show table conns data.server_id gt 1
show table conns nonsense
set table
set table zz key 1
set table conns key
set table conns key 1.2.3.4
show table conns
set table conns key 1.2.3.4 data.gpc0 7 data.gpt0 8 data.conn_rate 9
show table conns
show table conns data.gpc0 gt 7
show table conns data.gpc0 ge 7 data.gpt0 lt 9
show table conns data.gpc0 ne 7
set table conns key 1.2.3.4 data.gpc0
set table conns key 1.2.3.4 data.gpc0 x
set table conns key 1.2.3.4 data.zz 1
set table conns key 1.2.3.4 data.server_id 1
set table conns key 1.2.3.4 nonsense 1
set table numbers key 5 data.gpc1 1
show table numbers
show table numbers key 5
set table users key ann data.gpc 3
set table users key abcdefghijklmnopqrstuvwxyz
show table users
clear table
clear table zz
clear table conns key
clear table conns key 9.9.9.9
clear table conns key 1.2.3.4
show table conns
clear table conns data.zz gt 5
clear table conns data.gpc0 gt
clear table conns nonsense
clear table numbers data.gpc1 gt 1
show table numbers
clear table numbers data.gpc1 eq 1
show table numbers
clear table users
show table users
""".strip().splitlines()


def plain(answer):
    answer = answer.replace(" shard=0", "")  # since HAProxy 2.7
    return re.sub(r"exp=\d+", "exp=N", re.sub(r"0x[0-9a-f]+: ", "", answer))


def test_commands_are_answered_alike(lab):
    both = Both(lab, nbproc=2)
    for line in SAME:
        theirs, ours = both.say(line)
        assert (line, plain(ours)) == (line, plain(theirs))
    theirs, ours = both.say("show table")
    assert sorted(ours.splitlines()) == sorted(theirs.splitlines())


def test_what_haproxy_does_not_understand_is_told(lab):
    """It takes a word that is no address for 0.0.0.0, and can't name an element."""
    both = Both(lab, nbproc=2)
    ours = both.weir
    assert ours.api("show table conns key here").startswith("Invalid key\n")
    assert ours.api("set table conns key here data.gpc0 1").startswith("Invalid key\n")
    assert ours.api("set table users key ann data.gpc[2] 4 data.gpt[1] 5").strip() == ""
    line = ours.api("show table users data.gpc[2] eq 4")
    assert " gpt0=0 gpt1=5 gpc0=0 gpc1=0 gpc2=4 gpc0_rate(3600000)=0 " in line
    assert "not stored" in ours.api("set table users key ann data.gpc[3] 4")
