# SPDX-License-Identifier: MIT
"""Log lines as somebody wrote them: log_format, error_log_format, JSON, RFC 5424, tags
(configuration.txt 8.2.6)."""
import json
import re

import pytest

from weirlab import Client, get
from weirlab import origin as do
from weirlab.config import web


def start(lab, log_format=None, **keys):
    a, sink, port = lab.origin("a"), lab.sink(), lab.port()
    frontend = dict(keys.pop("frontend", {}))
    if log_format is not None:
        frontend["log_format"] = log_format
    weir = lab.start(web(port, [a], log=sink, frontend=frontend, **keys), nbproc=1)
    return weir, sink, port


def text_of(line):
    return re.sub(r"^<\d+>.*?\]: ", "", line)


def test_a_line_is_what_its_format_says(lab):
    _, sink, port = start(lab, "%f|%b|%s|%HM|%HU|%HP|%HQ|%HV|%ST|%ts|%tsc|%reason|"
                               "%[str(a b),upper]|%%|%{+Q}r|%CC|%lc|%rc|%OG")
    assert get(port, "/x/y?a=1&b=2").status == 200
    line, = sink.wait(r"fe\|be")
    assert text_of(line) == ("fe|be|a|GET|/x/y?a=1&b=2|/x/y|?a=1&b=2|HTTP/1.1|200|--|----|"
                             'normal|A B|%|"GET /x/y?a=1&b=2 HTTP/1.1"|-|1|0|txn_close')


def test_addresses_times_and_counts_are_numbers_that_fit(lab):
    _, sink, port = start(lab, "%ci %cp %fi %fp %si %sp %bi %ac/%fc/%bc/%sc %B %U "
                               "%TR %Tw %Tc %Tr %Ta %Tt %Tu %Ti %Td %Th %Ts %ms %pid %rt")
    with Client(port) as c:
        address, answer = c.address, c.ask("/")
    line, = sink.wait(r"127\.0\.0\.1 ")
    w = text_of(line).split()
    assert f"{w[0]}:{w[1]}" == address and w[2] == "127.0.0.1" and w[3] == str(port)
    assert w[4] == w[6] == "127.0.0.1" and w[7] == "1/1/0/0"
    assert int(w[8]) == len(answer.raw_head) + len(answer.body)
    assert all(int(x) >= 0 for x in w[9:])


def test_the_idle_time_before_a_request_is_not_its_own(lab):
    weir, sink, port = start(lab, "%HU Ti=%Ti Ta=%Ta Tt=%Tt")
    lab.things[0].on("/slow", do.delay(0.25))
    with Client(port) as c:
        c.ask("/one")
        assert get(port, "/slow").status == 200  # takes its time, while c is idle
        c.ask("/two")
    line, = sink.wait("/two")
    ti, ta, tt = (int(x) for x in re.findall(r"=(\d+)", line))
    assert 200 <= ti < 5000 and ta < 200 and abs(tt - ti - ta) <= 2


@pytest.mark.parametrize("as_map", [True, False])
def test_json_lines_have_types(lab, as_map):
    members = {"client": "%ci", "status": "%ST", "cookie": "%CC", "line": "%r",
               "ok": "%[bool(1)]"}
    both = {**members, "pair": "%ci:%sp"}
    text = "%{+json}o " + " ".join(f"%({k}){v[1:]}" for k, v in members.items())
    _, sink, port = start(lab, {"json": both} if as_map else text)
    get(port, '/q"\\')
    line, = sink.wait(r"client")
    got = json.loads(text_of(line))
    pair = got.pop("pair", None)
    assert got == {"client": "127.0.0.1", "status": 200, "cookie": None, "ok": True,
                   "line": 'GET /q"\\ HTTP/1.1'}
    assert (pair is not None) == as_map and (not pair or pair.startswith("127.0.0.1:"))


def test_what_never_was_a_request_has_its_own_format(lab):
    _, sink, port = start(lab, "good %r", frontend={"error_log_format": "bad %ci %ST %reason"})
    assert get(port, "/").status == 200
    with Client(port) as c:
        c.send("GET / bad\r\n\r\n")
        assert c.response().status == 400
    assert text_of(sink.wait("good")[0]) == "good GET / HTTP/1.1"
    assert text_of(sink.wait("bad 127")[0]) == "bad 127.0.0.1 400 bad_request"


def test_common_log_format_is_an_option(lab):
    _, sink, port = start(lab, frontend={"option": {"httplog": "clf"}})
    get(port, "/c")
    line, = sink.wait("/c")
    assert re.match(r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] '
                    r'"GET /c HTTP/1.1" 200 \d+ "" "" \d+ \d{3} "fe" "be" "a" ',
                    text_of(line)), line


def test_rfc5424_with_structured_data_and_a_tag(lab):
    a, sink, port = lab.origin("a"), lab.sink(), lab.port()
    config = web(port, [a], log=sink, frontend={
        "log_format": "hello %HU", "log_tag": "shop",
        "log_format_sd": '%{+Q,+E}o [weir@32473 path=%HU status="%ST"]'})
    config["global"]["log"][0]["format"] = "rfc5424"
    lab.start(config, nbproc=1)
    get(port, '/a"]')
    line, = sink.wait("hello")
    m = re.match(r'^<134>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d \S+ shop \d+ - '
                 r'(\[.*\]) hello /a', line)
    assert m, line
    assert m[1] == r'[weir@32473 path="/a\"\]" status="200"]'


def test_tcp_has_formats_too(lab):
    async def echo(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
    a, sink, port = lab.origin("a", tcp=echo), lab.sink(), lab.port()
    lab.start(web(port, [a], mode="tcp", log=sink,
                  frontend={"log_format": "tcp %ci %s %ts %U %B"}), nbproc=1)
    with Client(port) as c:
        c.send("four")
        assert c.read_bytes(4) == b"four"
    assert text_of(sink.wait("tcp ")[0]) == "tcp 127.0.0.1 a -- 4 4"


def test_a_line_may_be_written_when_the_answer_begins(lab):
    weir, sink, port = start(lab, "%OG %B %Ta %ST %HU", frontend={"option": ["logasap"]})
    lab.things[0].on("/big", do.answer(200, b"x" * 3_000_000))
    with Client(port) as c:
        c.request("/big")
        line, = sink.wait("/big")  # although nothing has been read yet
        assert re.match(r"txn_response \+\d+ \+\d+ 200 /big$", text_of(line)), line
        assert len(c.response().body) == 3_000_000
    weir.wait_idle()
    assert len(sink.find("/big")) == 1


@pytest.mark.parametrize("keys, message", [
    ({"log_format": "%ci %zz"}, r"yaml:\d+:\d+: .*unknown '%zz'"),
    ({"log_format": "%[nofetch]"}, r"unknown fetch 'nofetch'"),
    ({"log_format": "%[req.hdr(host)]"}, r"req\.hdr"),
    ({"log_format": {"json": {"a": "%ci", "b": "%{+Z}ci"}}}, r"unknown flag 'Z'"),
    ({"mode": "tcp", "log_format": "%r"}, r"mode http"),
    ({"log_tag": "two words"}, r"not a name for log lines"),
    ({"log": "127.0.0.1 format rfc9999"}, r"rfc9999"),
])
def test_mistakes_are_explained(lab, keys, message):
    config = web(lab.port(), lab.origins("a"), frontend=keys)
    result = lab.prepare(config, args=["-c"]).run()
    assert result.returncode == 1
    assert re.search(message, result.stderr), result.stderr
