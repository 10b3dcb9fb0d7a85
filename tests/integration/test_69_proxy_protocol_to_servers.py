# SPDX-License-Identifier: MIT
"""send_proxy: what servers and checks are told of the client (proxy-protocol.txt)."""
import re
import shutil
import socket
import struct
import subprocess

import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web
from weirlab.haproxy import Haproxy

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Told:
    """What a connection began with, and the TLVs of version 2."""

    def __init__(self, data):
        self.raw, self.tlvs, self.line = data, {}, None
        if data.startswith(b"PROXY "):
            self.line = data.decode().strip()
            return
        assert data.startswith(SIGNATURE)
        self.command, self.kind, length = struct.unpack("!BBH", data[12:16])
        assert len(data) == 16 + length
        at = 16
        if self.kind == 0x11:
            self.src, self.dst = socket.inet_ntoa(data[16:20]), socket.inet_ntoa(data[20:24])
            self.ports = struct.unpack("!HH", data[24:28])
            at = 28
        while at < len(data):
            kind, n = struct.unpack("!BH", data[at:at + 3])
            value = data[at + 3:at + 3 + n]
            if kind == 3:
                summed = data[:at + 3] + bytes(4) + data[at + 7:]
                assert struct.unpack("!I", value)[0] == crc32c(summed)
            self.tlvs[kind] = value
            at += 3 + n


async def read_header(reader):
    first = await reader.readexactly(6)
    if first == b"PROXY ":
        return Told(first + await reader.readuntil(b"\r\n"))
    fixed = first + await reader.readexactly(10)
    return Told(fixed + await reader.readexactly(struct.unpack("!H", fixed[14:16])[0]))


def server(lab, name="a", hold=False):
    """An HTTP server behind the header: .told has one Told per connection."""
    told = []

    async def serve(reader, writer):
        try:
            told.append(await read_header(reader))
            number = len(told)
            while True:
                await reader.readuntil(b"\r\n\r\n")
                body = b"%s %d" % (name.encode(), number)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
                             % (len(body), body))
                await writer.drain()
        except EOFError:
            pass
    origin = lab.origin(name, tcp=serve)
    origin.told = told
    return origin


def proxied(lab, origins, nbproc=1, every=None, **kwargs):
    port = lab.port()
    weir = lab.start(web(port, origins, every=every or {"send_proxy": True}, **kwargs),
                     nbproc=nbproc)
    return port, weir


@pytest.mark.parametrize("nbproc", [1, 2])
@pytest.mark.parametrize("version", [1, 2])
def test_the_server_hears_of_the_client_before_the_request(lab, nbproc, version):
    a = server(lab)
    port, _ = proxied(lab, [a], nbproc,
                      every={"send_proxy_v2" if version == 2 else "send_proxy": True})
    with Client(port, source="127.0.0.9") as c:
        sport = c.socket.getsockname()[1]
        assert c.ask("/").text == "a 1"
        assert c.ask("/").text == "a 1", "the same client may use it again"
    told, = a.told
    if version == 1:
        assert told.line == f"PROXY TCP4 127.0.0.9 127.0.0.1 {sport} {port}"
    else:
        assert (told.command, told.kind) == (0x21, 0x11)
        assert (told.src, told.dst, told.ports) == ("127.0.0.9", "127.0.0.1", (sport, port))
        assert told.tlvs == {}


@pytest.mark.parametrize("mode", ["always", "aggressive", "safe", "never"])
def test_no_client_gets_a_connection_that_was_announced_for_another(lab, mode):
    a = server(lab)
    port, weir = proxied(lab, [a], backend={"http_reuse": mode})
    with Client(port, source="127.0.0.9") as first, Client(port, source="127.0.0.10") as second:
        for _ in range(3):
            assert first.ask("/").text == "a 1"
            assert second.ask("/").text == "a 2"
    assert get(port).text == "a 3"
    assert len({t.line for t in a.told}) == 3
    weir.wait_idle()


def test_a_client_that_becomes_another_gets_another_connection(lab):
    a = server(lab)
    port, _ = proxied(lab, [a], frontend={"http_request": [
        {"set_src": "req.hdr(X-Client)", "if": "{ req.hdr(X-Client) -m found }"}]})
    with Client(port) as c:
        assert c.ask("/", fields=[("X-Client", "192.0.2.1")]).text == "a 1"
        assert c.ask("/", fields=[("X-Client", "192.0.2.2")]).text == "a 2"
        assert c.ask("/", fields=[("X-Client", "192.0.2.1")]).text == "a 1"
        assert c.ask("/").text == "a 3"
    assert [t.line.split()[2] for t in a.told] == ["192.0.2.1", "192.0.2.2", "127.0.0.1"]


def test_what_a_header_said_is_passed_on(lab):
    a = server(lab)
    port = lab.port()
    lab.start(web(port, [a], every={
        "send_proxy_v2": True, "proxy_v2_options": ["authority", "crc32c", "unique_id"],
        "set_proxy_v2_tlv_fmt": {"0xE1": "%[fc_pp_tlv(0xE0)]-%ci", "226": ""}},
        frontend={"bind": {"address": f"127.0.0.1:{port}", "accept_proxy": True},
                  "unique_id_format": "id-%ci:%cp"}))
    tlvs = b"\x02\0\x0bexample.org" + b"\xe0\0\x03abc"
    block = bytes([192, 0, 2, 7, 198, 51, 100, 3]) + struct.pack("!HH", 1234, 443) + tlvs
    with Client(port) as c:
        c.send(SIGNATURE + struct.pack("!BBH", 0x21, 0x11, len(block)) + block + ASK)
        assert c.response().text == "a 1"
    told, = a.told
    assert (told.src, told.dst, told.ports) == ("192.0.2.7", "198.51.100.3", (1234, 443))
    assert told.tlvs[2] == b"example.org" and told.tlvs[5] == b"id-192.0.2.7:1234"
    assert told.tlvs[0xE1] == b"abc-192.0.2.7" and told.tlvs[226] == b"" and 3 in told.tlvs


def test_who_has_no_ip_address_is_unknown_or_local(lab):
    one, two, path = server(lab, "one"), server(lab, "two"), lab.file("x", "") + ".sock"
    port = lab.port()
    lab.start(web(port, {"one": {"address": one, "send_proxy": True},
                         "two": {"address": two, "send_proxy_v2": True}},
                  frontend={"bind": [f"unix@{path}"]}))
    for _ in range(2):
        with Client(0, path=path) as c:
            assert c.ask("/").status == 200
    assert one.told[0].line == "PROXY UNKNOWN"
    assert (two.told[0].command, two.told[0].kind) == (0x20, 0)


def test_an_ipv6_client_of_an_ipv4_server_is_told_as_ipv6(lab):
    a, port = server(lab), lab.port()
    lab.start(web(port, [a], every={"send_proxy": True},
                  frontend={"bind": f"[::1]:{port}"}))
    with Client(port, host="::1") as c:
        sport = c.socket.getsockname()[1]
        assert c.ask("/").status == 200
    assert a.told[0].line == f"PROXY TCP6 ::1 ::1 {sport} {port}"


@pytest.mark.parametrize("speaks_first", ["client", "server"])
def test_mode_tcp_begins_with_the_header_whoever_speaks_first(lab, speaks_first):
    told = []

    async def talk(reader, writer):
        told.append(await read_header(reader))
        if speaks_first == "client":
            assert await reader.readexactly(5) == b"hello"
        writer.write(b"welcome")
        await writer.drain()
        await reader.read(-1)
    port, weir = proxied(lab, [lab.origin("t", tcp=talk)], mode="tcp")
    with Client(port) as c:
        sport = c.socket.getsockname()[1]
        if speaks_first == "client":
            c.send(b"hello")
        assert c.read_bytes(7) == b"welcome"
        assert told[0].line == f"PROXY TCP4 127.0.0.1 127.0.0.1 {sport} {port}"
    weir.wait_idle()
    assert weir.stat("be", "t", "bin") == (5 if speaks_first == "client" else 0), \
        "the header is none of the client's bytes"


def test_a_request_that_is_sent_again_begins_with_the_header_again(lab):
    told, port = [], lab.port()

    async def leave_once(reader, writer):
        told.append(await read_header(reader))
        await reader.readuntil(b"\r\n\r\n")
        if len(told) > 1:
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
    lab.start(web(port, [lab.origin("a", tcp=leave_once)], every={"send_proxy": True},
                  backend={"retry_on": ["empty_response"], "retries": 2}))
    with Client(port) as c:
        assert c.ask("/").status == 204
    assert len(told) == 2 and told[0].line == told[1].line


def test_checks_begin_with_a_header_where_traffic_does(lab):
    one, two = server(lab, "one"), server(lab, "two")
    other, plain = server(lab, "other"), lab.origin("plain")
    plain.on("/", do.answer(200))
    checked = {"check": True, "inter": "100ms"}
    host, port = other.address.split(":")
    weir = lab.start(web(lab.port(), {
        "one": {"address": one, "send_proxy": True, **checked},
        "two": {"address": two, "send_proxy_v2": True, "proxy_v2_options": "crc32c", **checked},
        "elsewhere": {"address": "127.0.0.1:1", "send_proxy_v2": True, "port": int(port),
                      "check_send_proxy": True, **checked},
        "not": {"address": one, "send_proxy": True, "port": int(plain.address.split(":")[1]),
                **checked}}, backend={"option": {"httpchk": "GET /"}}))
    for name in ("one", "two", "elsewhere", "not"):
        wait_until(lambda: weir.stats()["be", name]["check_status"] == "L7OK", what=name)
    assert re.fullmatch(rf"PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ {one.address.split(':')[1]}",
                        one.told[0].line)
    assert (two.told[0].command, two.told[0].kind, set(two.told[0].tlvs)) == (0x20, 0, {3})
    assert other.told[0].command == 0x20


def test_options_that_mean_nothing_are_told(lab):
    config = web(lab.port(), {"a": {"address": "127.0.0.1:1", "send_proxy": True,
                                    "proxy_v2_options": ["crc32c"]}})
    said = lab.prepare(config, args=["-c"]).run()
    assert said.returncode == 0
    assert "has no effect; expected 'send_proxy_v2: true' with it" in said.stderr


def test_a_server_that_does_not_know_local_is_told_addresses(lab):
    a = server(lab)
    weir = lab.start(web(lab.port(), {"a": {
        "address": a, "send_proxy_v2": True, "check": True, "inter": "100ms"}},
        top={"pp2_never_send_local": True}, backend={"option": {"httpchk": "GET /"}}))
    wait_until(lambda: weir.stats()["be", "a"]["check_status"] == "L7OK")
    told = a.told[0]
    assert (told.command, told.src, told.ports[1]) == \
        (0x21, "127.0.0.1", int(a.address.split(":")[1]))


@pytest.mark.parametrize("options", [{"send_proxy": True}, {
    "send_proxy_v2": True, "proxy_v2_options": ["unique_id", "crc32c"]}])
def test_haproxy_behind_understands_and_so_does_weir_behind_haproxy(lab, options):
    behind, port = lab.port(), lab.port()
    Haproxy(lab, f"""
listen behind
 bind 127.0.0.1:{behind} accept-proxy
 http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] %[dst_port] %[fc_pp_unique_id]"
""", behind)
    lab.start(web(port, {"h": {"address": f"127.0.0.1:{behind}", **options}},
                  frontend={"unique_id_format": "id-%cp"}))
    with Client(port, source="127.0.0.7") as c:
        sport = c.socket.getsockname()[1]
        said = c.ask("/").text.split()
    assert said[:2] == [f"127.0.0.7:{sport}", str(port)]
    assert said[2:] == ([f"id-{sport}"] if "send_proxy_v2" in options else [])


def test_nginx_behind_understands(lab):
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not shutil.which(program):
        pytest.skip("needs nginx")
    behind, port = lab.port(), lab.port()
    path = lab.file("nginx.conf", f"""
daemon off; master_process off; pid nginx.pid; error_log stderr;
events {{ }}
http {{ access_log off; server {{ listen 127.0.0.1:{behind} proxy_protocol;
 location / {{ return 200 "$proxy_protocol_addr:$proxy_protocol_port"; }} }} }}
""")
    process = subprocess.Popen([program, "-p", str(lab.dir), "-c", path],
                               stderr=subprocess.DEVNULL)
    try:
        def answers():
            try:
                with Client(behind):
                    return True
            except OSError:
                return process.poll() is not None
        wait_until(answers, what="nginx answers")
        lab.start(web(port, {
            "one": {"address": f"127.0.0.1:{behind}", "send_proxy": True},
            "two": {"address": f"127.0.0.1:{behind}", "send_proxy_v2": True}}))
        for _ in range(2):
            with Client(port, source="127.0.0.8") as c:
                sport = c.socket.getsockname()[1]
                assert c.ask("/").text == f"127.0.0.8:{sport}"
    finally:
        process.kill()
        process.wait()
