# SPDX-License-Identifier: MIT
"""Where a request goes, when, and under which name: set_dst, priorities, limits of one request."""
import socket

import pytest

from weirlab import Client, get, wait_until
from weirlab.config import web
from weirlab.gate import Gate


def asking(port, target="/", fields=()):
    c = Client(port)
    c.request(target, fields=fields)
    return c


def shown(name, expression):
    return {"set_header": {"name": name, "value": f"%[{expression}]"}}


def test_set_dst_is_what_everything_says_about_the_destination(lab):
    a, port, sink = lab.origin("a"), lab.port(), lab.sink()
    lab.start(web(port, {"a": a}, frontend={
        "log": sink.address, "log_format": "%fi:%fp",
        "option": {"originalto": {}, "forwarded": {"by": True, "by_port": True}},
        "http_request": [{"set_dst": "req.hdr(x-dst)"}, {"set_dst_port": "req.hdr(x-port)"},
                         shown("X-Saw", "dst"), shown("X-Port", "dst_port"),
                         shown("X-Conn", "fc_dst"), shown("X-Conn-Port", "fc_dst_port")]}))
    with Client(port) as c:
        c.request("/", fields=[("x-dst", "192.0.2.7"), ("x-port", "4000")])
        c.response()
        c.request("/")  # the next request of the connection is as it came
        c.response()
    first, second = a.requests
    assert (first.get("X-Saw"), first.get("X-Port")) == ("192.0.2.7", "4000")
    assert (first.get("X-Conn"), first.get("X-Conn-Port")) == ("127.0.0.1", str(port))
    assert first.get("X-Original-To") == "192.0.2.7"
    assert '192.0.2.7:4000' in first.get("Forwarded")
    assert (second.get("X-Saw"), second.get("X-Port")) == ("127.0.0.1", str(port))
    wait_until(lambda: len(sink.lines) == 2)
    assert [line.rsplit(" ", 1)[-1] for line in sink.lines] == ["192.0.2.7:4000",
                                                                f"127.0.0.1:{port}"]


def test_rules_of_a_connection_set_the_destination_for_all_its_requests(lab):
    a, port = lab.origin("a"), lab.port()
    lab.start(web(port, {"a": a}, frontend={
        "tcp_request": {"connection": [{"set_dst": "ipv4(192.0.2.9)"}, {"set_dst_port": "int(99)"}]},
        "http_request": [shown("X-Saw", "dst"), shown("X-Port", "dst_port"),
                         shown("X-Conn", "fc_dst")]}))
    with Client(port) as c:
        for _ in range(2):
            c.request("/")
            c.response()
    assert [(r.get("X-Saw"), r.get("X-Port"), r.get("X-Conn")) for r in a.requests] == \
        [("192.0.2.9", "99", "192.0.2.9")] * 2


def test_what_rules_said_of_one_connection_is_not_said_of_the_next(lab):
    a, port = lab.origin("a"), lab.port()
    lab.start(web(port, [a], frontend={
        "tcp_request": {"connection": [{"set_dst": "ipv4(192.0.2.9)", "if": "{ src 127.0.0.2 }"}]},
        "http_request": [{"return": {"status": 200, "lf_string": "%[dst]"}}]}), nbproc=1)
    for _ in range(3):
        assert get(port, source="127.0.0.2").text == "192.0.2.9"
        assert get(port).text == "127.0.0.1"


def test_a_server_0_0_0_0_is_where_set_dst_says_and_connections_to_it_are_for_one_request(lab):
    a, b, port = lab.origin("a"), lab.origin("b"), lab.port()
    lab.start(web(port, {"any": {"address": "0.0.0.0"}}, frontend={
        "http_request": [{"set_dst": "ipv4(127.0.0.1)"}, {"set_dst_port": "req.hdr(x-port)"}]}),
        nbproc=1)
    with Client(port) as c:
        for origin in (a, b, a):
            c.request("/", fields=[("x-port", str(origin.port))])
            assert c.response().status == 200
    assert (len(a.requests), len(b.requests)) == (2, 1)


def test_set_dst_in_mode_tcp_leads_the_session(lab):
    a, port = lab.origin("a"), lab.port()
    lab.start(web(port, {"any": {"address": "0.0.0.0"}}, mode="tcp", frontend={
        "tcp_request": {"content": [{"set_dst": "ipv4(127.0.0.1)"},
                                    {"set_dst_port": f"int({a.port})"}]}}))
    assert get(port, "/").status == 200


@pytest.mark.parametrize("nbproc", [1, 2, 8])
def test_a_lower_class_and_a_lower_offset_go_first(lab, nbproc):
    gate = Gate()
    a = lab.origin("a")
    for name in ("now", "plain", "late", "early", "low", "high"):
        a.on(f"/{name}", gate)
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "maxconn": 1}}, frontend={
        "http_request": [{"set_priority_class": "req.hdr(x-class)"},
                         {"set_priority_offset": "req.hdr(x-offset)"}]}), nbproc=nbproc)
    clients = []
    for i, (name, fields) in enumerate([
            ("now", []), ("low", [("x-class", "5")]), ("plain", []),
            ("late", [("x-offset", "400000")]), ("early", [("x-offset", "-400000")]),
            ("high", [("x-class", "-9999")])]):
        clients.append(asking(port, f"/{name}", fields))
        wait_until(lambda: gate.inside + weir.stat("be", "BACKEND", "qcur") == i + 1)
    for i in range(6):
        wait_until(lambda: len(gate.order) == i + 1)
        gate.open(1)
    for c in clients:
        assert c.response().status == 200
        c.close()
    assert [r.target for r in a.requests] == ["/now", "/high", "/early", "/plain", "/late", "/low"]


def test_fetches_of_queues_see_who_waits_and_what_is_free(lab):
    gate, port = Gate(), lab.port()
    a = lab.origin("a").on("/", gate)
    b = lab.origin("b")
    texts = {"queue": "queue(be)", "avg": "avg_queue(be)", "srvq": "srv_queue(be/a)",
             "slots": "connslots(be)", "free": "be_conn_free(be)", "srvfree": "srv_conn_free(be/a)",
             "none": "srv_conn_free(show/b)", "nonebe": "be_conn_free(show)",
             "class": "prio_class", "offset": "prio_offset"}
    config = web(port, {"a": {"address": a, "maxconn": 2, "maxqueue": 10}}, frontend={
        "http_request": [{"set_priority_class": "int(3)"}, {"set_priority_offset": "int(-4)"}]
        + [shown("X-" + k, v) for k, v in texts.items()],
        "use_backend": [{"backend": "show", "if": "{ path /show }"}]})
    config["backends"]["show"] = {"servers": {"b": b.address}}
    weir = lab.start(config)

    def look():
        b.forget()
        assert get(port, "/show").status == 200
        return {k: b.requests[-1].get("X-" + k) for k in texts}
    assert look() == {"queue": "0", "avg": "0", "srvq": "0", "slots": "12", "free": "2",
                      "srvfree": "2", "none": "-1", "nonebe": "-1", "class": "3", "offset": "-4"}
    clients = [asking(port) for _ in range(5)]
    wait_until(lambda: gate.inside == 2 and weir.stat("be", "BACKEND", "qcur") == 3)
    seen = look()
    assert {k: seen[k] for k in ("queue", "avg", "free", "srvfree", "slots")} == \
        {"queue": "3", "avg": "3", "free": "0", "srvfree": "0", "slots": "10"}
    for answered in range(1, 6):
        wait_until(lambda: len(gate.order) >= answered)
        gate.open(1)
    for c in clients:
        assert c.response().status == 200
        c.close()


def test_the_name_of_the_server_goes_with_the_request_and_changes_with_it(lab):
    a, port = lab.origin("a"), lab.port()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # refuses: it does not listen
        dead = f"127.0.0.1:{nobody.getsockname()[1]}"
        lab.start(web(port, {"a-server-with-a-long-name": dead, "b": a}, backend={
            "http_send_name_header": "X-Server", "retries": 3}), nbproc=1)
        body = b"x" * 3000
        for fields in ([], [("X-Server", "forged"), ("x-server", "again")]):
            for _ in range(2):
                assert get(port, "/p", method="POST", body=body, fields=fields).status == 200
    assert len(a.requests) == 4
    for r in a.requests:
        assert r.all("X-Server") == ["b"]
        assert r.body == body


def test_limits_of_one_request_can_be_set_and_read(lab):
    a, port = lab.origin("a"), lab.port()
    names = ("client", "connect", "queue", "server", "tarpit", "tunnel")
    lab.start(web(port, {"a": a}, frontend={
        "http_request": [{"set_timeout": {n: f"{i + 1}s" for i, n in enumerate(names)},
                          "if": "{ path /set }"}]},
        backend={"timeout": {n: "9s" for n in names if n != "client"}, "retries": 2,
                 "http_request": [{"set_retries": 7, "if": "{ path /set }"}]
                 + [shown("X-" + n, f"cur_{n}_timeout") for n in names]
                 + [shown("X-Retries", "cur_max_retries"), shown("X-Max", "be_max_retries")]}))
    get(port, "/")
    get(port, "/set")
    first, second = a.requests
    assert [first.get("X-" + n) for n in names[1:]] == ["9000"] * 5
    assert [second.get("X-" + n) for n in names] == [f"{i + 1}000" for i in range(6)]
    assert (first.get("X-Retries"), second.get("X-Retries"), second.get("X-Max")) == ("2", "7", "2")


def test_retries_that_a_listen_sets_are_those_of_its_own_servers(lab):
    a, own, other = lab.origin("a"), lab.port(), lab.port()
    retries = [shown("X-Retries", "cur_max_retries")]
    listen = {"http_request": [{"set_retries": 7}, *retries], "servers": {"a": a.address}}
    lab.start({"defaults": {"mode": "http", "retries": 2},
               "listens": {"own": {"bind": f"127.0.0.1:{own}", **listen},
                           "led": {"bind": f"127.0.0.1:{other}", "default_backend": "be", **listen}},
               "backends": {"be": {"http_request": retries, "servers": {"a": a.address}}}})
    get(own, "/")
    get(other, "/")
    assert [r.get("X-Retries") for r in a.requests] == ["7", "2"]


def test_a_queue_is_left_when_the_time_set_by_a_rule_is_over(lab):
    gate, port = Gate(), lab.port()
    a = lab.origin("a").on("/", gate)
    lab.start(web(port, {"a": {"address": a, "maxconn": 1}}, frontend={
        "http_request": [{"set_timeout": {"queue": "30ms"}}]}))
    first = asking(port)
    wait_until(lambda: gate.inside == 1)
    assert get(port, "/").status == 503
    gate.open(1)
    assert first.response().status == 200
    first.close()


def test_a_log_line_says_which_rule_ended_the_list(lab):
    a, port, sink = lab.origin("a"), lab.port(), lab.sink()
    lab.start(f"""
frontends:
  web:
    mode: http
    bind: "127.0.0.1:{port}"
    log: "{sink.address}"
    log_format: "%HP %[last_rule_line] %[last_entity]"
    http_request:
      - deny: true
        if: "{{ path /deny }}"
      - redirect: {{ location: "%[req.hdr(x-to)]", ignore_empty: true }}
        if: "{{ path /to }}"
    default_backend: app
backends:
  app: {{ mode: http, servers: {{ a: "{a.address}" }} }}
""")
    for n, (target, fields, status) in enumerate([
            ("/deny", [], 403), ("/to", [], 200), ("/to", [("x-to", "/there")], 302)], 1):
        assert get(port, target, fields=fields).status == status
        wait_until(lambda: len(sink.lines) == n)  # two workers' lines may overtake each other
    assert [line.split()[-3:-1] for line in sink.lines] == [["/deny", "9"], ["/to", "-"],
                                                            ["/to", "11"]]
    assert sink.lines[0].endswith("10-test.yaml:9")


@pytest.mark.parametrize("value,status", [("a,b", 403), ("a,!b", 200), ("!a", 200), ("b", 403)])
def test_acl_is_true_when_all_its_acls_are(lab, value, status):
    a, port = lab.origin("a"), lab.port()
    lab.start(web(port, {"a": a}, frontend={
        "acl": {"a": "path /x", "b": ["src 192.0.2.1", "src 127.0.0.1"]},
        "http_request": [{"deny": True, "if": f"{{ acl({value}) }}"}]}))
    assert get(port, "/x").status == status
