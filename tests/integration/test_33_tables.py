# SPDX-License-Identifier: MIT
"""Stick tables: what is tracked and counted, over all workers."""
import concurrent.futures
import json
import os
import signal

import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web

STORE = ["conn_cnt", "conn_cur", "conn_rate(10s)", "sess_cnt", "http_req_cnt",
         "http_req_rate(10s)", "http_err_cnt", "http_fail_cnt", "bytes_in_cnt",
         "bytes_out_cnt", "gpc0", "gpc(2)", "gpt(2)"]
PER_IP = {"type": "ip", "size": "1k", "expire": "1m", "store": STORE}


def shown(*names):
    """Rules of a response that show values, one field each."""
    return [{"set_header": {"name": f"X-{i}", "value": f"%[{n}]"}} for i, n in enumerate(names)]


def values(response):
    """What shown() shows, numbers as such."""
    got = [response.get(f"x-{i}") for i in range(20)]
    return [int(v) if v.lstrip("-").isdigit() else v for v in got if v is not None]


def config(port, origins, frontend, tables=None, **kwargs):
    made = web(port, origins, frontend=frontend, **kwargs)
    made["tables"] = tables or {"per_ip": PER_IP}
    return made


@pytest.mark.parametrize("nbproc", [1, 2, 8])
def test_exactly_the_limit_passes_under_concurrency(lab, nbproc):
    a, port = lab.origin("a"), lab.port()
    lab.start(config(port, [a], {"http_request": [
        {"track_sc0": {"key": "req.hdr(x-user)", "table": "users"}},
        {"deny": {"status": 429}, "if": "{ sc_http_req_rate(0) gt 100 }"}]},
        {"users": {"type": "string", "size": 1000, "expire": "1m",
                   "store": "http_req_rate(10m)"}}), nbproc=nbproc)

    def some(user):
        with Client(port, timeout=20) as c:
            return [c.ask(fields=[("X-User", user)]).status for _ in range(4)]

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        for user in ("ann", "bob", "cleo"):
            statuses = sum(pool.map(some, [user] * 64), [])
            assert statuses.count(200) == 100
            assert statuses.count(429) == 156


def test_each_event_is_counted_where_haproxy_counts_it(lab):
    a, port = lab.origin("a"), lab.port()
    a.on("/404", do.answer(404))
    a.on("/503", do.answer(503))
    a.on("/501", do.answer(501))
    lab.start(config(port, [a], {
        "tcp_request": {"connection": [{"track_sc0": {"key": "src", "table": "per_ip"}}]},
        "http_response": shown("sc_conn_cnt(0)", "sc0_conn_cur", "sc_sess_cnt(0)",
                               "sc_conn_rate(0)", "sc_trackers(0)", "sc_http_req_cnt(0)",
                               "sc0_http_err_cnt", "sc_http_fail_cnt(0)",
                               "src_http_req_cnt(per_ip)", "sc_tracked(0)", "sc_tracked(1)")}),
        nbproc=1)
    with Client(port) as c, Client(port) as other:
        assert other.ask("/").status == 200
        assert values(c.ask("/")) == [2, 2, 2, 2, 2, 2, 0, 0, 2, 1, 0]
        assert values(c.ask("/404"))[5:8] == [3, 1, 0]
        assert values(c.ask("/501"))[5:8] == [4, 1, 0]
        assert values(c.ask("/503"))[5:9] == [5, 1, 1, 5]
        assert values(other.ask("/"))[5:8] == [6, 1, 1]
    with Client(port) as c:
        wait_until(lambda: values(c.ask("/"))[4] == 1)
    with Client(port) as c:
        c.send(b"NO\x00SENSE / HTTP/1.1\r\n\r\n")
        c.read_to_end()
    assert values(get(port))[6] == 2


def test_general_purpose_counters_and_tags(lab):
    a, port = lab.origin("a"), lab.port()
    lab.start(config(port, [a], {
        "http_request": [
            {"track_sc2": {"key": "path", "table": "paths"}},
            {"sc_inc_gpc0": 2, "if": "{ path /inc }"},
            {"sc_inc_gpc": {"idx": 1, "sc": 2}, "if": "{ path /inc }"},
            {"sc_add_gpc": {"idx": 1, "sc": 2, "value": 10}, "if": "{ path /inc }"},
            {"sc_set_gpt": {"idx": 0, "sc": 2, "value": "path,length"}},
            {"sc_set_gpt0": {"sc": 2, "value": 77}, "if": "{ path /tag }"}],
        "http_response": shown("sc2_get_gpc0", "sc_get_gpc(1,2)", "sc_get_gpt(0,2)",
                               "sc_key(2)", "sc2_clr_gpc0(paths)",
                               "str(/inc),table_gpc(1,paths)", "str(/none),in_table(paths)",
                               "str(/inc),in_table(paths)", "sc_inc_gpc(0,2)")},
        {"paths": {"type": "string", "len": 20, "size": 100, "store": STORE}}))
    assert values(get(port, "/inc")) == [1, 11, 4, "/inc", 1, 11, 0, 1, 1]
    assert values(get(port, "/inc")) == [1, 22, 4, "/inc", 1, 22, 0, 1, 2]
    assert values(get(port, "/tag"))[:4] == [0, 0, 77, "/tag"]


@pytest.mark.parametrize("nbproc", [1, 2, 8])
def test_connections_of_killed_workers_and_clients_that_break_off_do_not_stay(lab, nbproc):
    a, port = lab.origin("a"), lab.port()
    a.on("/hang", do.hang())
    weir = lab.start(config(port, [a], {
        "tcp_request": {"connection": [{"track_sc0": {"key": "src", "table": "per_ip"}}]},
        "http_request": [{"track_sc1": {"key": "path", "table": "paths"}}],
        "http_response": shown("sc_conn_cur(0)", "str(/hang),table_conn_cur(paths)")},
        {"per_ip": PER_IP, "paths": {"type": "string", "size": 100, "store": STORE}}),
        nbproc=nbproc)

    def now():
        return values(get(port))

    for _ in range(3):
        clients = [Client(port) for _ in range(16)]
        for c in clients:
            c.request("/hang")
        wait_until(lambda: now() == [17, 16])
        for c in clients[:8]:
            c.reset()
        wait_until(lambda: now() == [9, 8])
        for pid in weir.workers():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: now() == [1, 0])
        for c in clients[8:]:
            c.close()
    weir.ctl("check")


TRACKED = {"http_request": [{"track_sc0": {"key": "req.hdr(x-key)", "table": "t"}}]}


def ask(port, key):
    return get(port, fields=[("X-Key", str(key))])


def keys(weir, *query):
    return [line.split()[0].removeprefix("key=") for line in
            weir.ctl("table", "t", *query).stdout.splitlines()]


def test_tables_are_shown_sorted_filtered_and_changed(lab):
    a, port = lab.origin("a"), lab.port()
    weir = lab.start(config(port, [a], TRACKED, {
        "t": {"type": "integer", "size": 100, "expire": "1m",
              "store": ["http_req_cnt", "http_req_rate(10s)", "gpt(2)"]}}))
    for key, times in ((10, 1), (9, 3), (200, 2)):
        for _ in range(times):
            ask(port, key)
    assert keys(weir) == ["9", "10", "200"]
    assert keys(weir, "sort", "http_req_cnt") == ["9", "200", "10"]
    assert keys(weir, "data.http_req_cnt", "gt", "1") == ["9", "200"]
    line = weir.ctl("table", "t", "key", "9").stdout
    assert line.startswith("key=9 use=0 exp=")
    assert line.endswith(" http_req_cnt=3 http_req_rate(10000)=3 gpt[0]=0 gpt[1]=0\n")
    shown_json = json.loads(weir.ctl("table", "t", "--json").stdout)
    assert [e["key"] for e in shown_json["entries"]] == ["9", "10", "200"]
    assert shown_json["entries"][2]["http_req_rate(10000)"] == 2
    assert [t["used"] for t in json.loads(weir.ctl("table", "--json").stdout)] == [3]
    assert weir.api("show table").startswith("# table: t, type: integer, size:100, used:3\n")
    assert "key=10 use=0" in weir.api("show table t key 10")
    weir.ctl("table", "t", "set", "key", "77", "data.gpt[1]", "5", "data.http_req_cnt", "1")
    assert keys(weir, "data.gpt[1]", "eq", "5") == ["77"]
    assert ask(port, 77).status == 200
    assert " http_req_cnt=2 http_req_rate(10000)=1 gpt[0]=0 gpt[1]=5\n" in weir.ctl("table", "t", "key", "77").stdout
    weir.ctl("table", "t", "clear", "key", "9")
    assert keys(weir) == ["10", "77", "200"]
    weir.ctl("clear", "table", "t", "data.http_req_cnt", "ge", "2")
    assert keys(weir) == ["10"]
    weir.api("clear table t")
    assert keys(weir) == []
    assert "Invalid key" in weir.api("show table t key x")
    assert "No such table" in weir.api("show table u")


def test_a_table_outlives_reloads_and_restarts(lab):
    a, port = lab.origin("a"), lab.port()
    same = config(port, [a], TRACKED, {"t": {"type": "string", "size": 100, "expire": "1h",
                                             "store": ["http_req_cnt", "conn_cur"]}})
    weir = lab.start(same)
    ask(port, "kept")
    weir.reload(same)
    ask(port, "kept")
    assert "http_req_cnt=2" in weir.ctl("table", "t", "key", "kept").stdout
    weir.stop()
    weir.start()
    ask(port, "kept")
    wait_until(lambda: "conn_cur=0 http_req_cnt=3" in weir.ctl("table", "t", "key", "kept").stdout)


def test_entries_move_to_a_table_of_another_shape(lab):
    a, port, log = lab.origin("a"), lab.port(), lab.sink()

    def shaped(**spec):
        return config(port, [a], TRACKED, {"t": {"type": "string", "size": 100,
                                                 "expire": "1h", **spec}}, log=log)

    weir = lab.start(shaped(store=["http_req_cnt", "gpc0"]))
    for key in ("x", "y", "y"):
        ask(port, key)
    weir.reload(shaped(size=5000, store=["http_req_cnt", "gpc1", "http_req_rate(10s)"]))
    wait_until(lambda: keys(weir) == ["x", "y"])
    ask(port, "y")
    assert "http_req_cnt=3 http_req_rate(10000)=1 gpc1=0" in weir.ctl("table", "t", "key", "y").stdout
    wait_until(lambda: log.find("table t: the new shape has no room for gpc0"))
    wait_until(lambda: log.find("table t: 2 keys moved"))
    weir.reload(shaped(type="ip", store=["http_req_cnt"]))
    wait_until(lambda: log.find("table t: keys of another type"))
    assert keys(weir) == []


@pytest.mark.parametrize("table, text", [
    ({"size": 10}, "'type' is missing"),
    ({"type": "ip"}, "'size' is missing"),
    ({"type": "ipv5", "size": 10}, "expected"),
    ({"type": "ip", "size": 10, "store": ["con_cnt"]}, "did you mean 'conn_cnt'?"),
    ({"type": "ip", "size": 10, "store": ["conn_rate"]}, "expected conn_rate(10s): the period"),
    ({"type": "ip", "size": 10, "store": ["gpc(101)"]}, "expected gpc(3): how many elements"),
    ({"type": "ip", "size": 10, "store": ["gpc0", "gpc0"]}, "is there already"),
])
def test_a_wrong_table_is_told_with_its_place(lab, table, text):
    a, port = lab.origin("a"), lab.port()
    weir = lab.prepare(config(port, [a], {}, {"t": table}))
    assert text in weir.run().stderr


def served(port, user, n=1, **kwargs):
    """The servers that answer n requests of a user, each on a connection of its own."""
    return [get(port, fields=[("X-User", user)], **kwargs).text for _ in range(n)]


@pytest.mark.parametrize("nbproc", [1, 2, 8])
def test_a_key_leads_to_the_server_it_was_stored_with(lab, nbproc):
    origins, port = lab.origins("abc"), lab.port()
    same = config(port, origins, {}, {"users": {"type": "string", "size": 100}},
                  backend={"stick": [{"on": "req.hdr(x-user)", "table": "users",
                                      "unless": "{ path /free }"}]})
    weir = lab.start(same, nbproc=nbproc)
    firsts = {user: served(port, user)[0] for user in ("ann", "bob", "cleo", "dan")}
    assert len(set(firsts.values())) > 1
    weir.reload(same)
    for user, first in firsts.items():
        assert served(port, user, 6) == [first] * 6
    assert len(set(served(port, "ann", 12, target="/free"))) == 3
    line = weir.ctl("table", "users", "key", "ann").stdout
    assert f"server_id={'abc'.index(firsts['ann']) + 1}" in line
    weir.api(f"disable server be/{firsts['ann']}")
    other = served(port, "ann")[0]
    assert other != firsts["ann"]
    weir.api(f"enable server be/{firsts['ann']}")
    assert served(port, "ann", 3) == [other] * 3


@pytest.mark.parametrize("nbproc", [1, 2, 8])
@pytest.mark.parametrize("srvkey", ["name", "addr"])
def test_a_key_leads_to_its_server_wherever_a_reload_puts_it(lab, nbproc, srvkey):
    a, b, c, d = lab.origins("abcd")
    port = lab.port()

    def shaped(**servers):
        return config(port, servers, {}, {"users": {
            "type": "string", "size": 100, "srvkey": srvkey}}, backend={
                "stick": [{"match": "req.hdr(x-user)", "table": "users"},
                          {"store_request": "req.hdr(x-user)", "table": "users"}]})

    weir = lab.start(shaped(a=a, b=b, c=c), nbproc=nbproc)
    firsts = {user: served(port, user)[0] for user in ("ann", "bob", "cleo")}
    assert sorted(firsts.values()) == ["a", "b", "c"]
    # another one in front; by its address a server may have another name
    moved = shaped(d=d, c=c, b=b, a=a) if srvkey == "name" else shaped(d=d, z=c, y=b, x=a)
    assert weir.reload(moved).returncode == 0
    for user, first in firsts.items():
        assert served(port, user, 4) == [first] * 4
    user = next(user for user, first in firsts.items() if first == "c")
    known_as = {"name": "c", "addr": c.address}[srvkey]
    assert f"server_key={known_as}" in weir.ctl("table", "users", "key", user).stdout
    # by hand: a place
    weir.ctl("table", "users", "set", "key", user, "data.server_id", "1")
    assert served(port, user, 3) == ["d"] * 3
    # who has left is nobody's
    assert weir.reload(shaped(c=c) if srvkey == "name" else shaped(z=c)).returncode == 0
    assert {served(port, user)[0] for user in firsts} == {"c"}


def test_a_server_that_is_non_stick_is_not_stored(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    lab.start(config(port, {"a": {"address": a, "non_stick": True}, "b": b}, {},
                     {"users": {"type": "string", "size": 100}},
                     backend={"stick": [{"on": "req.hdr(x-user)", "table": "users"}]}), nbproc=1)
    seen = served(port, "ann", 6)
    assert seen in (["a"] + ["b"] * 5, ["b"] * 6)


def test_a_full_table_forgets_who_was_not_seen_for_longest_or_takes_nobody(lab):
    a, port = lab.origin("a"), lab.port()
    spec = {"type": "integer", "size": 4, "expire": "1h", "store": ["http_req_cnt"]}
    weir = lab.start(config(port, [a], TRACKED, {"t": spec}))

    def is_past():
        entries = json.loads(weir.ctl("table", "t", "--json").stdout)["entries"]
        return all(e["exp"] < 3600 * 1000 - 10 for e in entries)

    for key in (1, 2, 3, 4, 1, 5, 6):
        ask(port, key)
        wait_until(is_past, what="some milliseconds later")
    assert keys(weir) == ["1", "4", "5", "6"]
    weir.reload(config(port, [a], TRACKED, {"t": {**spec, "nopurge": True}}))
    wait_until(lambda: len(keys(weir)) == 4)
    ask(port, 7)
    assert keys(weir) == ["1", "4", "5", "6"]
    assert weir.counters("table.t.refused")["table.t.refused"] >= 1
    weir.ctl("table", "t", "clear", "key", "1")
    ask(port, 7)
    assert keys(weir) == ["4", "5", "6", "7"]


def test_a_key_of_the_response_is_stored_and_matched_in_the_request(lab):
    origins, port = lab.origins("ab"), lab.port()
    for o in origins:
        o.on("/login", do.answer(200, o.name.encode(), [("X-Session", f"of-{o.name}")]))
    lab.start(config(port, origins, {}, backend={
        "stick_table": {"type": "string", "size": 100, "expire": "1m"},
        "stick": [{"store_response": "res.hdr(x-session)"},
                  {"match": "req.hdr(x-session)"}]}))
    for _ in range(4):
        name = get(port, "/login").text
        for _ in range(3):
            assert get(port, fields=[("X-Session", f"of-{name}")]).text == name
