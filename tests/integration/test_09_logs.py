# SPDX-License-Identifier: MIT
"""Log lines byte for byte as HAProxy documents them (configuration.txt 8.2), to every
kind of target."""
import os
import re
import shutil
import signal
import subprocess

import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web

HEADER = (r"^<(?P<pri>\d+)>(?P<month>[A-Z][a-z]{2}) (?P<day>[ 123]\d) \d\d:\d\d:\d\d "
          r"(?:\S+ )?(?P<tag>weir)\[(?P<pid>\d+)\]: ")
HTTP = (r"(?P<ci>[\d.]+):(?P<cp>\d+) \[(?P<tr>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3})\] "
        r"(?P<ft>\S+) (?P<b>[^/ ]+)/(?P<s>\S+) "
        r"(?P<TR>-?\d+)/(?P<Tw>-?\d+)/(?P<Tc>-?\d+)/(?P<Tr>-?\d+)/(?P<Ta>\+?\d+) "
        r"(?P<ST>-?\d+) (?P<B>\+?\d+) (?P<CC>\S+) (?P<CS>\S+) (?P<tsc>\S{4}) "
        r"(?P<ac>\d+)/(?P<fc>\d+)/(?P<bc>\d+)/(?P<sc>\d+)/(?P<rc>\+?\d+) "
        r"(?P<sq>\d+)/(?P<bq>\d+) \"(?P<r>[^\"]*)\"$")
TCP = (r"(?P<ci>[\d.]+):(?P<cp>\d+) \[(?P<tr>[^]]+)\] (?P<ft>\S+) (?P<b>[^/ ]+)/(?P<s>\S+) "
       r"(?P<Tw>-?\d+)/(?P<Tc>-?\d+)/(?P<Tt>\+?\d+) (?P<B>\+?\d+) (?P<ts>\S{2}) "
       r"(?P<ac>\d+)/(?P<fc>\d+)/(?P<bc>\d+)/(?P<sc>\d+)/(?P<rc>\+?\d+) (?P<sq>\d+)/(?P<bq>\d+)$")


def match(pattern, line):
    m = re.match(pattern, line)
    assert m, f"not the documented format: {line!r}"
    return m.groupdict()


@pytest.mark.smoke
@pytest.mark.parametrize("nbproc", [1, 2])
def test_httplog_over_udp(lab, nbproc):
    a = lab.origin("a").on("/slow", do.delay(0.2))
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, [a], log=sink), nbproc=nbproc)
    with Client(port) as c:
        address = c.address
        first = c.ask("/path?q=1")
        c.ask("/slow", "POST", body=b"x" * 10)
    lines = sink.wait(r'" ?$|HTTP/1.1"', n=2)
    one = match(HEADER + HTTP, next(line for line in lines if "/path" in line))
    assert one["pri"] == "134"  # local0.info
    assert f"{one['ci']}:{one['cp']}" == address
    assert (one["ft"], one["b"], one["s"]) == ("fe", "be", "a")
    assert (one["ST"], one["CC"], one["CS"], one["tsc"]) == ("200", "-", "-", "----")
    assert int(one["B"]) == len(first.raw_head) + len(first.body)
    assert one["r"] == "GET /path?q=1 HTTP/1.1"
    assert (one["ac"], one["fc"], one["rc"], one["sq"], one["bq"]) == ("1", "1", "0", "0", "0")
    assert int(one["pid"]) in weir.workers()
    assert all(int(one[t]) >= 0 for t in ("TR", "Tw", "Tc", "Tr", "Ta"))
    slow = match(HEADER + HTTP, next(line for line in lines if "/slow" in line))
    assert 190 <= int(slow["Tr"]) < 2000
    assert int(slow["Ta"]) >= int(slow["Tr"])
    wait_until(lambda: weir.counter("log_sent") >= 2)
    assert weir.counter("log_dropped") == 0


def test_termination_states_of_clients(lab):
    a = lab.origin("a").on("/hang", do.hang())
    sink, port = lab.sink(), lab.port()
    lab.start(web(port, [a], log=sink, timeout={"http_request": "300ms", "client": "400ms"}),
              nbproc=1)
    with Client(port) as c:  # half a head, then silence
        c.send("GET /half HTTP/1.1\r\nHo")
        assert c.response().status == 408
    line, = sink.wait(r" cR-- ")
    got = match(HEADER + HTTP, line)
    assert (got["b"], got["s"], got["ST"], got["r"]) == ("fe", "<NOSRV>", "408", "<BADREQ>")
    with Client(port) as c:
        c.send("GET / bad\r\n\r\n")
        assert c.response().status == 400
    line, = sink.wait(r" PR-- ")
    got = match(HEADER + HTTP, line)
    assert (got["s"], got["ST"], got["r"]) == ("<NOSRV>", "400", "<BADREQ>")
    c = Client(port)  # leaves in the middle of its body
    c.send("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
    wait_until(lambda: a.connections > 0)
    c.reset()
    sink.wait(r' C[DH]-- .*"POST /body HTTP/1.1"$')
    with Client(port) as c:  # stops sending its body
        c.send("POST /stall HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        sink.wait(r' c[DH]-- .*"POST /stall HTTP/1.1"$')


def test_local_answers_are_logged_as_such(lab):
    sink, port = lab.sink(), lab.port()
    lab.start(web(port, lab.origins("a"), log=sink, frontend={
        "http_request": [{"deny": True, "if": "{ path /no }"},
                         {"return": {"status": 200, "content_type": "text/plain",
                                     "string": "x"}, "if": "{ path /yes }"}]}), nbproc=1)
    assert get(port, "/no").status == 403
    line, = sink.wait(r'"GET /no HTTP/1.1"')
    got = match(HEADER + HTTP, line)
    assert (got["s"], got["ST"], got["tsc"]) == ("<NOSRV>", "403", "PR--")
    assert get(port, "/yes").status == 200
    line, = sink.wait(r'"GET /yes HTTP/1.1"')
    got = match(HEADER + HTTP, line)
    assert (got["s"], got["ST"], got["tsc"]) == ("<NOSRV>", "200", "LR--")


@pytest.mark.smoke
def test_tcplog_over_udp(lab):
    async def echo(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
    t = lab.origin("t", tcp=echo)
    sink, port, dead = lab.sink(), lab.port(), lab.port()
    config = web(port, [t], mode="tcp", log=sink)
    config["listens"] = {"down": {"bind": f"127.0.0.1:{dead}", "mode": "tcp", "retries": 0,
                                  "servers": {"x": f"127.0.0.1:{lab.port()}"}}}
    lab.start(config, nbproc=1)
    with Client(port) as c:
        address = c.address
        c.send(b"x" * 100)
        assert c.read_bytes(100)
        c.half_close()
        c.expect_closed()
    line, = sink.wait(r" fe be/t ")
    got = match(HEADER + TCP, line)
    assert f"{got['ci']}:{got['cp']}" == address
    assert (got["B"], got["ts"], got["rc"]) == ("100", "--", "0")
    assert int(got["Tt"]) >= int(got["Tc"]) >= 0
    try:
        with Client(dead) as c:
            c.expect_closed()
    except ConnectionResetError:
        pass  # before connect() had returned
    line, = sink.wait(r" down down/x ")
    assert match(HEADER + TCP, line)["ts"] == "SC"


def test_strange_bytes_in_a_request_cannot_break_the_line(lab):
    sink, port = lab.sink(), lab.port()
    lab.start(web(port, lab.origins("a"), log=sink), nbproc=1)
    with Client(port) as c:
        c.send(b'GET /a"b\x7f HTTP/1.1\r\nHost: x\r\n\r\n')
        c.response()
    with Client(port) as c:
        c.send(b"GET /" + b"l" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.response().status == 200
    wait_until(lambda: len(sink.find("be/a|NOSRV")) >= 2)
    for line in sink.find("be/a|NOSRV"):
        assert "\n" not in line and "\r" not in line and "\x7f" not in line
        assert len(line) <= 8192
        assert line.count('"') == 2 or len(line) > 8000, "only a line that was cut has no end"


def test_unix_datagram_socket(lab):
    path = os.path.join(lab.dir, "log.sock")
    sink, port = lab.sink(path), lab.port()
    lab.start(web(port, lab.origins("a"), log=path), nbproc=2)
    get(port, "/unix")
    line, = sink.wait(r"/unix")
    match(HEADER + HTTP, line)


def test_a_file_is_reopened_on_sigusr1(lab):
    path, port = os.path.join(lab.dir, "access.log"), lab.port()
    weir = lab.start(web(port, lab.origins("a"), log=path), nbproc=2)

    def lines(name=path):
        try:
            with open(name) as f:
                return [line for line in f.read().splitlines() if "HTTP/1.1" in line]
        except FileNotFoundError:
            return []
    get(port, "/one")
    wait_until(lambda: len(lines()) == 1)
    match(HTTP, lines()[0][lines()[0].index("127.0.0.1:"):])
    os.rename(path, path + ".1")
    weir.send_signal(signal.SIGUSR1)
    wait_until(lambda: os.path.exists(path), what="a new log file")
    get(port, "/two")
    wait_until(lambda: len(lines()) == 1)
    assert "/two" in lines()[0] and len(lines(path + ".1")) == 1
    with Client(port) as c:
        assert c.ask("/three").status == 200
    wait_until(lambda: len(lines()) == 2)


def test_stdout_and_stderr(lab):
    port = lab.port()
    config = web(port, lab.origins("a"), log="stdout")
    config["global"]["log"].append({"address": "stderr", "facility": "local1"})
    weir = lab.start(config, nbproc=1)
    get(port, "/std")
    wait_until(lambda: "/std" in weir.stdout and "/std" in weir.stderr)


def test_level_filters_lines(lab):
    everything, alerts = lab.sink(), lab.sink()
    a = lab.origin("a")
    config = web(lab.port(), [a], every={"check": True, "inter": "100ms", "fall": 1},
                 log=everything)
    config["global"]["log"].append({"address": alerts.address, "facility": "local1",
                                    "level": "alert"})
    weir = lab.start(config, nbproc=1)
    port = int(config["frontends"]["fe"]["bind"].split(":")[1])
    get(port)
    everything.wait(r"HTTP/1.1")
    a.stop()
    weir.wait_status("be", "a", "DOWN")
    alerts.wait(r"^<137>.*Server be/a is DOWN")
    assert not alerts.find("HTTP/1.1")


def test_dontlognull_leaves_out_connections_without_a_byte(lab):
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, lab.origins("a"), log=sink,
                         defaults={"option": ["dontlognull"]}), nbproc=1)
    Client(port).close()
    get(port, "/real")
    sink.wait(r"/real")
    weir.wait_idle()
    assert len(sink.find(r" fe ")) == 1


def test_a_target_that_does_not_read_blocks_nothing(lab):
    """A UNIX socket whose queue is full: lines are dropped and counted."""
    import socket
    path, port = os.path.join(lab.dir, "full.sock"), lab.port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        os.chmod(path, 0o777)
        weir = lab.start(web(port, lab.origins("a"), log=path), nbproc=2)
        load = lab.load(port, "busy", clients=8)
        load.wait_ok(1500)
        result = load.end()
        assert result["failed"] == 0 and result["slowest_ms"] < 3000
        wait_until(lambda: weir.counter("log_dropped") > 0, what="drops counted")


def test_every_request_has_its_line(lab):
    sink, port = lab.sink(), lab.port()
    weir = lab.start(web(port, lab.origins("ab"), log=sink), nbproc=2)
    load = lab.load(port, "busy", clients=4)
    load.wait_ok(500)
    result = load.end()
    dropped = weir.counter("log_dropped")
    wait_until(lambda: len(sink.find("HTTP/1.1")) == result["sent"] - dropped,
               what="a line for each request")


def test_haproxy_s_own_tool_reads_our_lines(lab):
    """halog, when it is installed, is the peer that decides what byte-compatible means."""
    tool = shutil.which("halog", path="/usr/bin:/usr/sbin")
    if not tool:
        pytest.skip("halog is not installed")
    sink, port = lab.sink(), lab.port()
    lab.start(web(port, lab.origins("ab"), log=sink), nbproc=1)
    for _ in range(10):
        get(port)
    lines = sink.wait("HTTP/1.1", n=10)
    # As a syslog daemon writes them: with the name of the host behind the time.
    text = "".join(re.sub(r"^<\d+>(\w+ +\d+ [\d:]+) ", r"\1 lb ", line) + "\n" for line in lines)
    out = subprocess.run([tool, "-srv"], input=text, capture_output=True, text=True).stdout
    rows = [row.split() for row in out.splitlines() if row and not row.startswith("#")]
    assert sorted(row[0] for row in rows) == ["be/a", "be/b"]
    assert sum(int(row[2]) for row in rows) == 10  # 2xx


def test_a_sample_is_of_the_lines_of_all_workers(lab):
    a, sink, port = lab.origin("a"), lab.sink(), lab.port()
    config = web(port, [a], log=sink)
    config["global"]["log"][0]["sample"] = "2,5:5"
    lab.start(config, nbproc=3)
    for i in range(50):
        get(port, f"/{i}")  # to any of the workers
    assert len(sink.wait(r"GET /\d+ ", 20)) == 20
    get(port, "/last-1")
    get(port, "/last-2")
    sink.wait(r"GET /last")
    assert len(sink.find(r"GET /\d+ ")) == 20
