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
    ({"forwarded": {"proto": True, "host": True}}, {"Forwarded": ["proto=http;host=weir.test"]}),
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
