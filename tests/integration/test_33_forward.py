# SPDX-License-Identifier: MIT
"""What the server is told about the client's connection."""
import pytest

from weirlab import Client, get
from weirlab.config import web

ROWS = [
    ({"forwardfor": True}, {"X-Forwarded-For": ["127.0.0.1"]}),
    ({"forwardfor": {"header": "X-Client"}}, {"X-Client": ["127.0.0.1"], "X-Forwarded-For": []}),
    ({"forwardfor": {"except": "127.0.0.0/8"}}, {"X-Forwarded-For": []}),
    ({"forwardfor": {"except": "127.0.0.2"}}, {"X-Forwarded-For": ["127.0.0.1"]}),
    ({"originalto": True}, {"X-Original-To": ["127.0.0.1"]}),
    ({"originalto": {"header": "X-To", "except": "10.0.0.0/9"}}, {"X-To": ["127.0.0.1"]}),
    ({"forwarded": True}, {"Forwarded": ["proto=http;for=127.0.0.1"]}),
    ({"forwarded": {"proto": True, "host": True}}, {"Forwarded": ['proto=http;host="weir.test"']}),
    ({"forwarded": {"by": True, "for_expr": "req.hdr(Real)"}},
     {"Forwarded": ['by=127.0.0.1;for="[2001:db8::1]"']}),
    ({"forwarded": {"for": True, "for_port_expr": "req.hdr(Port)"}},
     {"Forwarded": ['for="127.0.0.1:_p"']}),
    ({"forwarded": {"host_expr": "req.hdr(Odd)"}}, {"Forwarded": ['host="a\\"b,c"']}),
]


@pytest.mark.parametrize("option,seen", ROWS, ids=[str(r[0]) for r in ROWS])
def test_the_server_sees_the_clients_side(lab, option, seen):
    a, port = lab.origin("a"), lab.port()
    lab.start(web(port, {"a": a}, frontend={"option": option}))
    get(port, fields=[("Real", "2001:db8::1"), ("Port", "_p"), ("Odd", 'a"b,c')])
    assert {name: a.requests[-1].all(name) for name in seen} == seen


def test_ports_are_told_when_asked_for(lab):
    a, port = lab.origin("a"), lab.port()
    lab.start(web(port, {"a": a}, backend={
        "option": {"forwarded": {"by": True, "by_port": True, "for": True, "for_port": True}}}))
    with Client(port) as c:
        c.ask()
        assert a.requests[-1].get("Forwarded") == f'by="127.0.0.1:{port}";for="{c.address}"'


def test_a_field_that_is_there_may_stay_alone(lab):
    a, port = lab.origin("a"), lab.port()
    lab.start(web(port, {"a": a}, frontend={"option": {"forwardfor": {"if_none": True}}}))
    get(port, fields=[("X-Forwarded-For", "10.1.1.1")])
    assert a.requests[-1].all("X-Forwarded-For") == ["10.1.1.1"]


@pytest.mark.parametrize("front,back,n", [(True, True, 1), (True, False, 2), (False, True, 2)])
def test_who_does_not_say_if_none_wants_the_field_in_any_case(lab, front, back, n):
    a, port = lab.origin("a"), lab.port()
    said = [{"option": {"forwardfor": {"if_none": True} if x else True}} for x in (front, back)]
    lab.start(web(port, {"a": a}, frontend=said[0], backend=said[1]))
    get(port, fields=[("X-Forwarded-For", "10.1.1.1")])
    assert len(a.requests[-1].all("X-Forwarded-For")) == n


def test_a_backend_may_refuse_what_defaults_say(lab):
    a, port = lab.origin("a"), lab.port()
    lab.start(web(port, {"a": a}, defaults={"option": {"forwarded": True}},
                  backend={"option": {"forwarded": False}}))
    get(port)
    assert a.requests[-1].all("Forwarded") == []


@pytest.mark.parametrize("name,wanted", [("secret", "_secret"), ("_a", "_a"), ("a b", "unknown")])
def test_what_is_no_address_is_hidden(lab, name, wanted):
    a, port = lab.origin("a"), lab.port()
    lab.start(web(port, {"a": a}, backend={
        "option": {"forwarded": {"for_expr": "req.hdr(Real)", "for_port_expr": "str(id)"}}}))
    get(port, fields=[("Real", name)])
    assert a.requests[-1].all("Forwarded") == [f'for="{wanted}:_id"']


def test_a_listen_section_sets_times_for_its_own_servers_only(lab):
    a, port = lab.origin("a"), lab.port()
    lab.start(f"""
defaults:
  mode: http
  timeout: {{ connect: 5s, client: 5s, server: 5s }}
  retries: 3
listens:
  own:
    bind: "127.0.0.1:{port}"
    http_request:
      - set_timeout: {{ server: 3s }}
      - set_retries: 5
      - set_header: {{ name: X-Set, value: "yes" }}
    use_backend: [ {{ backend: other, if: "{{ path /other }}" }} ]
    http_after_response:
      - set_header: {{ name: X-Now, value: "%[cur_server_timeout] %[cur_max_retries]" }}
    servers: {{ a: "{a.address}" }}
backends:
  other: {{ servers: {{ a: "{a.address}" }} }}
""")
    assert get(port, "/").get("X-Now") == "3000 5"
    assert get(port, "/other").get("X-Now") == "5000 3"


def test_a_field_of_an_answer_without_a_value_is_left_out(lab):
    port = lab.port()
    lab.start(f"""
frontends:
  fe:
    mode: http
    bind: "127.0.0.1:{port}"
    http_request:
      - return: {{ status: 200, headers: {{ X-A: "%[req.hdr(a)]", X-B: "%[req.hdr(b)]" }} }}
""")
    answer = get(port, fields=[("A", "1")])
    assert (answer.get("X-A"), answer.get("X-B")) == ("1", None)
