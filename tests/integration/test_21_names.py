# SPDX-License-Identifier: MIT
"""Names of fields: in the case that a peer insists on; names that CGI takes for others."""
import pytest

from weirlab import Client, get
from weirlab import origin as do
from weirlab.config import web

NAMES = {"x-form": "X-FORM", "content-length": "content-Length", "host": "HOST"}


def names(message):
    return [name for name, _ in message.fields]


def start(lab, **sections):
    a = lab.origin("a")
    a.on("/", do.answer(200, b"a", fields=[("x-Form", "1"), ("x-Other", "2")]))
    port = lab.port()
    lab.start(web(port, [a], top={"h1_case_adjust": NAMES}, **sections))
    return a, port


def test_names_are_adjusted_for_clients_alone(lab):
    a, port = start(lab, frontend={"option": "h1_case_adjust_bogus_client"})
    answer = get(port, fields=[("x-form", "1")])
    assert answer.text == "a"
    assert "X-FORM" in names(answer) and "content-Length" in names(answer)
    assert "x-Other" in names(answer)
    request = a.seen("/")[0]
    assert "x-form" in names(request) and "Host" in names(request)
    with Client(port) as c:
        c.send("GET / HTTP/1.1\r\n\r\n")
        refused = c.response()
        assert refused.status == 400 and "content-Length" in names(refused)


def test_names_are_adjusted_for_servers_alone(lab):
    a, port = start(lab, backend={"option": "h1_case_adjust_bogus_server"})
    answer = get(port, fields=[("x-form", "1"), ("x-Other", "2")])
    assert "x-Form" in names(answer) and "Content-Length" in names(answer)
    request = a.seen("/")[0]
    assert "X-FORM" in names(request) and "HOST" in names(request)
    assert "x-Other" in names(request)


def test_without_the_options_names_go_as_they_came(lab):
    a, port = start(lab)
    assert "x-Form" in names(get(port, fields=[("x-form", "1")]))
    assert "x-form" in names(a.seen("/")[0])


# --- http_restrict_req_hdr_names ----------------------------------------------------
MISTAKABLE = [("X_Real", "1"), ("X-Real", "2"), ("X.Real", "3")]


@pytest.mark.parametrize("section", ["defaults", "frontend", "backend"])
def test_mistakable_names_are_left_out(lab, section):
    a, port = start(lab, **{section: {"option": {"http_restrict_req_hdr_names": "delete"}}})
    assert get(port, fields=MISTAKABLE).text == "a"
    request = a.seen("/")[0]
    assert request.get("X-Real") == "2"
    assert not {"X_Real", "X.Real"} & set(names(request))


@pytest.mark.parametrize("section", ["frontend", "backend"])
def test_requests_with_mistakable_names_are_refused(lab, section):
    a, port = start(lab, **{section: {"option": {"http_restrict_req_hdr_names": "reject"}}})
    with Client(port) as c:
        assert c.ask(fields=MISTAKABLE[1:2]).status == 200
        assert c.ask(fields=MISTAKABLE).status == 403
        assert c.ask().status == 200, "the connection persists"
    assert len(a.seen("/")) == 2


def test_a_rule_answers_before_names_are_looked_at(lab):
    _, port = start(lab, frontend={"option": {"http_restrict_req_hdr_names": "reject"},
                                   "http_request": [{"return": {"status": 200}}]})
    assert get(port, fields=MISTAKABLE).status == 200


def test_mistakable_names_pass_otherwise(lab):
    a, port = start(lab)
    get(port, fields=MISTAKABLE)
    assert a.seen("/")[0].get("X_Real") == "1"
