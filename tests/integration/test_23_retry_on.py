# SPDX-License-Identifier: MIT
"""retry_on: after which failures of a response the request is sent again, and how often."""
import pytest

from weirlab import Client, get
from weirlab.config import web
from weirlab.origin import answer, close, hang, raw, reset


def started(lab, origins, timeout=None, **backend):
    port = lab.port()
    return lab.start(web(port, origins, backend={"retries": 2, **backend}, timeout=timeout),
                     nbproc=1), port


def fails(times, how):
    """The first `times` requests fail in this way, the next succeed."""
    left = [times]

    async def act(req, conn):
        left[0] -= 1
        if left[0] >= 0:
            return await how(req, conn)
        conn.answer(200, b"good:" + req.body)
    return act


FAILURES = {
    "empty-response": close(),
    "empty_response": reset(),
    "junk-response": raw(b"SSH-2.0-x\r\n\r\n", then_close=True),
    "junk_response": raw(b"HTTP/1.1 200 OK\r\nContent-Le", then_close=True),
    "response-timeout": hang(),
    "all-retryable-errors": answer(502, reason="Bad Gateway"),
    "401": answer(401), "403": answer(403), "404": answer(404, "some body"), "408": answer(408),
    "421": answer(421), "425": answer(425), "429": answer(429), "500": answer(500),
    "501": answer(501), "502": answer(502), "503": answer(503), "504": answer(504),
}


@pytest.mark.parametrize("word", FAILURES)
def test_each_word_sends_the_request_again(lab, word):
    a = lab.origin("a").on("/", fails(2, FAILURES[word]))
    weir, port = started(lab, [a], timeout={"server": "300ms"}, retry_on=[word])
    with Client(port) as c:
        r = c.request("/", "POST", body=b"once").response()
        assert (r.status, r.text) == (200, "good:once")
        assert c.ask("/other").text == "a"
    assert len(a.seen("/")) == 3 and all(r.body == b"once" for r in a.seen("/"))
    assert weir.stat("be", "a", "wretr") == 2 and weir.stat("be", "a", "wredis") == 0
    # as in HAProxy: junk is an error of the server's, sent again or not
    assert weir.stat("be", "a", "eresp") == (2 if "junk" in word else 0)


@pytest.mark.parametrize("word,status", [
    ("empty-response", 502), ("junk-response", 502), ("response-timeout", 504), ("503", 503)])
def test_the_last_failure_is_told_when_retries_are_used_up(lab, word, status):
    a = lab.origin("a").on("/", fails(9, FAILURES[word]))
    weir, port = started(lab, [a], timeout={"server": "300ms"}, retry_on=word)
    assert get(port).status == status
    assert len(a.seen("/")) == 3
    weir.wait_idle()


@pytest.mark.parametrize("word", ["empty-response", "junk-response", "503"])
def test_nothing_is_sent_again_by_default(lab, word):
    a = lab.origin("a").on("/", fails(1, FAILURES[word]))
    _, port = started(lab, [a])
    assert get(port).status in (502, 503)
    assert len(a.seen("/")) == 1


def test_several_words_in_one_text(lab):
    a = lab.origin("a").on("/1", fails(1, close())).on("/2", fails(1, answer(503)))
    _, port = started(lab, [a], retry_on="conn-failure empty-response 503")
    assert get(port, "/1").text == "good:" and get(port, "/2").text == "good:"


def test_another_server_gets_it_when_there_is_one(lab):
    a = lab.origin("a").on("/", answer(500))
    b = lab.origin("b").on("/", answer(500))
    b.on("/", answer(200, "b is fine"))
    weir, port = started(lab, [a, b], retry_on=["500"])
    for _ in range(4):
        assert get(port).text == "b is fine"
    # each takes two turns, as in HAProxy, so that the next one begins with a again
    assert weir.stat("be", "a", "wredis") == len(a.seen("/")) == 4


def test_none_also_gives_up_on_a_connection_that_fails(lab):
    dead = lab.port()
    port = lab.port()
    weir = lab.start(web(port, {"a": f"127.0.0.1:{dead}"}, backend={"retry_on": "none"}), nbproc=1)
    assert get(port).status == 503
    assert weir.stat("be", "a", "wretr") == 0 and weir.stat("be", "a", "econ") == 1


def test_a_body_that_arrives_piece_by_piece_is_sent_again(lab):
    a = lab.origin("a").on("/", fails(2, close()))
    _, port = started(lab, [a], retry_on="empty-response")
    with Client(port) as c:
        c.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b"1\r\na\r\n", b"2\r", b"\nbc\r\n", b"0\r\n", b"\r\n"):
            c.send(piece)
        assert c.response().text == "good:abc"
        assert c.ask("/other").text == "a"
    assert [r.body for r in a.seen("/")] == [b"abc"] * 3


@pytest.mark.parametrize("size,again", [(20_000, True), (300_000, False)])
def test_only_requests_that_can_be_kept_are_sent_again(lab, size, again):
    a = lab.origin("a").on("/", fails(1, close()))
    _, port = started(lab, [a], retry_on="empty-response")
    body = bytes(range(250)) * (size // 250)
    with Client(port) as c:
        r = c.request("/", "PUT", body=body).response()
    assert r.status == (200 if again else 502)
    assert all(r.body == body for r in a.seen("/"))
    assert not again or r.body == b"good:" + body


@pytest.mark.parametrize("value,says", [
    ("0rtt-rejected", "not implemented"), ("none 503", "cannot be combined"),
    ("505", "expected"), ("empty-respones", "did you mean 'empty_response'")])
def test_words_that_are_none_are_refused(lab, value, says):
    a = lab.origin("a")
    weir = lab.prepare(web(lab.port(), [a], backend={"retry_on": value}))
    r = weir.run()
    assert r.returncode == 1 and says in r.stderr, r.stderr
