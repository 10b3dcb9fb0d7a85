# SPDX-License-Identifier: MIT
"""accept_proxy: what a proxy in front says about its client (proxy-protocol.txt)."""
import shutil
import socket
import struct
import subprocess

import pytest

from weirlab import Client, get, wait_until
from weirlab.config import LONG, web
from weirlab.haproxy import Haproxy

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 192.0.2.7 198.51.100.3 1234 443\r\n"
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SHOW = {name: f"%[{name}]" for name in ("src", "src_port", "dst", "dst_port", "fc_src",
                                        "fc_dst", "fc_rcvd_proxy", "fc_pp_authority",
                                        "fc_pp_unique_id")}


def tlv(kind, value):
    return struct.pack("!BH", kind, len(value)) + value


def v2(tlvs=b"", command=1, src="192.0.2.7", dst="198.51.100.3", ports=(1234, 443)):
    family = socket.AF_INET6 if ":" in src else socket.AF_INET
    block = b"" if not command else (socket.inet_pton(family, src) +
                                     socket.inet_pton(family, dst) +
                                     struct.pack("!HH", *ports))
    kind = 0 if not command else 0x21 if ":" in src else 0x11
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, kind,
                                   len(block) + len(tlvs)) + block + tlvs


def echo_rules(extra=()):
    return [*extra, {"return": {"status": 200, "headers": {
        f"x-{name}": value for name, value in SHOW.items()}}}]


def showing(lab, nbproc=1, bind=None, log=None, timeout=None, **frontend):
    port = lab.port()
    at = {"address": f"127.0.0.1:{port}", "accept_proxy": True, **(bind or {})}
    weir = lab.start(web(port, log=log, timeout=timeout, frontend={
        "bind": at, "http_request": echo_rules(), **frontend}), nbproc=nbproc)
    return port, weir


def asked(port, header):
    with Client(port) as c:
        c.send(header + ASK)
        return c.response()


@pytest.mark.parametrize("nbproc", [1, 2])
@pytest.mark.parametrize("header, src, sport, dst, dport", [
    (V1, "192.0.2.7", 1234, "198.51.100.3", 443),
    (b"PROXY TCP6 2001:db8::1 2001:db8::2 65535 1\r\n", "2001:db8::1", 65535, "2001:db8::2", 1),
    (v2(), "192.0.2.7", 1234, "198.51.100.3", 443),
    (v2(src="2001:db8::1", dst="::2"), "2001:db8::1", 1234, "::2", 443),
])
def test_the_addresses_are_those_of_the_header(lab, nbproc, header, src, sport, dst, dport):
    log = lab.sink()
    port, _ = showing(lab, nbproc, log=log)
    r = asked(port, header)
    assert (r.get("x-src"), r.get("x-src_port")) == (src, str(sport))
    assert (r.get("x-dst"), r.get("x-dst_port")) == (dst, str(dport))
    assert (r.get("x-fc_src"), r.get("x-fc_dst")) == ("127.0.0.1", "127.0.0.1")
    assert r.get("x-fc_rcvd_proxy") == "1"
    log.wait(rf": {src}:{sport} \[")


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN x y z\r\n",
                                    v2(command=0), v2(tlv(0x04, b"pad"), command=0)])
def test_a_header_without_addresses_leaves_those_of_the_socket(lab, header):
    port, _ = showing(lab)
    r = asked(port, header)
    assert r.get("x-src") == r.get("x-dst") == "127.0.0.1"
    assert (r.get("x-dst_port"), r.get("x-fc_rcvd_proxy")) == (str(port), "1")


def test_tlvs_are_read_and_the_first_of_a_type_counts(lab):
    port, _ = showing(lab, http_request=echo_rules([
        {"set_var": {"name": "txn.e0", "value": "fc_pp_tlv(0xE0)"}},
        {"deny": {"status": 403}, "if": "{ fc_pp_tlv(224) -m str second }"}]))
    tlvs = tlv(0x02, b"example.org") + tlv(0x05, b"id-1") + tlv(0x02, b"other")
    r = asked(port, v2(tlvs))
    assert (r.get("x-fc_pp_authority"), r.get("x-fc_pp_unique_id")) == ("example.org", "id-1")
    r = asked(port, v2(tlv(0xE0, b"first") + tlv(0xE0, b"second")))
    assert r.status == 403, "conditions look at every value"
    r = asked(port, v1 := V1)
    assert r.get("x-fc_pp_authority") in (None, ""), v1


def test_a_long_header_is_read_and_its_values_stay_for_the_connection(lab):
    port, _ = showing(lab)
    with Client(port) as c:
        c.send(v2(tlv(0x04, b"x" * 15000) + tlv(0x05, b"late")) + ASK)
        assert c.response().get("x-fc_pp_unique_id") == "late"
        c.send(ASK)
        r = c.response()
        assert (r.get("x-fc_pp_unique_id"), r.get("x-src")) == ("late", "192.0.2.7")


@pytest.mark.parametrize("header", [V1, v2(tlv(0x02, b"example.org"))])
def test_a_header_and_its_request_may_come_byte_by_byte(lab, header):
    port, _ = showing(lab)
    with Client(port) as c:
        c.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in header + ASK:
            c.send(bytes([byte]))
        assert c.response().get("x-src") == "192.0.2.7"


def test_requests_in_the_same_segment_as_the_header_are_all_answered(lab):
    port, _ = showing(lab)
    with Client(port) as c:
        c.send(v2() + ASK * 3)
        assert [c.response().get("x-src_port") for _ in range(3)] == ["1234"] * 3


@pytest.mark.parametrize("bytes_, said", [
    (ASK, "Received something which does not look like a PROXY protocol header"),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n" + ASK, "Received an invalid PROXY protocol header"),
    (b"PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n" + ASK,
     "Received an unhandled protocol in the PROXY protocol header"),
    (v2(tlv(0x03, b"\0\0\0\0")) + ASK, "Received an invalid PROXY protocol header"),
    (v2(b"\x02\0\x0a12345") + ASK, "Received an invalid PROXY protocol header"),
])
def test_what_has_no_good_header_is_closed_counted_and_logged(lab, bytes_, said):
    log = lab.sink()
    port, weir = showing(lab, log=log)
    with Client(port) as c:
        c.send(bytes_)
        try:
            assert c.read_to_end() == b""
        except ConnectionResetError:
            pass
    log.wait(rf": 127\.0\.0\.1:\d+ \[.*\] fe/1: {said}$")
    assert weir.counter("frontend.fe.stop_no_proxy_header") == 1
    assert weir.stat("fe", "FRONTEND", "req_tot") == 0


def test_who_leaves_before_the_header_is_logged_unless_nobody_wants_to_know(lab):
    log = lab.sink()
    port, weir = showing(lab, log=log, bind={"name": "edge"})
    Client(port).close()
    log.wait("fe/edge: Connection closed while waiting for PROXY protocol header$")
    with Client(port) as c:
        c.send(V1[:20])
        c.half_close()
        log.wait("fe/edge: Truncated PROXY protocol header received$")
    weir.wait_idle()
    assert weir.counter("frontend.fe.stop_no_proxy_header") == 2


def test_an_error_format_is_used_for_them(lab):
    log = lab.sink()
    port, _ = showing(lab, log=log, error_log_format="bad %ci %ts %[str(x)] %reason",
                      option=["dontlognull"])
    Client(port).close()
    with Client(port) as c:
        c.send(b"no\r\n")
        c.expect_closed()
    line, = log.wait("bad ")
    assert line.endswith("bad 127.0.0.1 PR x no_proxy_header")


def test_the_header_has_to_come_in_time(lab):
    log = lab.sink()
    port, weir = showing(lab, log=log, timeout={"client_hs": "200ms", "client": LONG})
    with Client(port) as c:
        c.send(V1[:30])
        c.expect_closed()
    log.wait("fe/1: Timeout while waiting for PROXY protocol header$")
    assert weir.counter("frontend.fe.stop_no_proxy_header") == 1


def test_only_whom_a_rule_names_is_expected_to_send_one(lab):
    port = lab.port()
    lab.start(web(port, frontend={
        "tcp_request": {"connection": [
            {"expect_proxy": "layer4", "if": "{ src 127.0.0.2 }"}]},
        "http_request": echo_rules()}))
    with Client(port, source="127.0.0.2") as c:
        c.send(V1 + ASK)
        assert c.response().get("x-src") == "192.0.2.7"
    r = get(port)
    assert (r.get("x-src"), r.get("x-fc_rcvd_proxy")) == ("127.0.0.1", "0")
    with Client(port) as c:
        c.send(V1 + ASK)
        assert c.response().status == 400


def test_rules_of_the_connection_see_the_socket_and_those_of_the_session_the_header(lab):
    port = lab.port()
    lab.start(web(port, frontend={
        "bind": {"address": f"127.0.0.1:{port}", "accept_proxy": True},
        "tcp_request": {
            "connection": [{"set_var": {"name": "sess.con", "value": "src"}},
                           {"set_src": "ipv4(10.0.0.1)"}],
            "session": [{"set_var": {"name": "sess.ses", "value": "src"}},
                        {"set_src": "ipv4(10.0.0.2)"}]},
        "http_request": [{"return": {"status": 200, "headers": {
            "x": "%[var(sess.con)] %[var(sess.ses)] %[src] %[fc_src]"}}}]}))
    with Client(port) as c:
        c.send(V1 + ASK)
        assert c.response().get("x") == "127.0.0.1 192.0.2.7 10.0.0.2 10.0.0.1"


@pytest.mark.parametrize("nbproc", [1, 3])
def test_tables_and_balancing_see_the_client_of_the_header(lab, nbproc):
    port = lab.port()
    config = web(port, lab.origins("ab"), backend={"balance": "source"}, frontend={
        "bind": {"address": f"127.0.0.1:{port}", "accept_proxy": True},
        "tcp_request": {"session": [{"track_sc0": {"key": "src", "table": "t"}}]}})
    config["tables"] = {"t": {"type": "ip", "size": "1k", "store": ["conn_cnt"]}}
    weir = lab.start(config, nbproc=nbproc)
    for i in range(6):
        header = V1.replace(b"192.0.2.7", b"192.0.2.%d" % (i % 3))
        assert asked(port, header).status == 200
    for i in range(3):
        wait_until(lambda: f"192.0.2.{i}" in weir.ctl("table", "t").stdout)
    assert "127.0.0.1" not in weir.ctl("table", "t").stdout


def test_bytes_behind_the_header_go_through_in_mode_tcp(lab):
    async def echo(reader, writer):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    log, port = lab.sink(), lab.port()
    weir = lab.start(web(port, [lab.origin("t", tcp=echo)], mode="tcp", log=log, frontend={
        "bind": {"address": f"127.0.0.1:{port}", "accept_proxy": True}}))
    with Client(port) as c:
        c.send(V1 + b"hello")
        assert c.read_bytes(5) == b"hello"
    log.wait(r": 192\.0\.2\.7:1234 \[")
    wait_until(lambda: weir.stat("be", "t", "bin") == 5)


def test_unix_sockets_take_headers_and_sessions_are_listed_by_their_clients(lab):
    path, port = lab.file("x", "") + ".sock", lab.port()
    weir = lab.start(web(port, frontend={
        "bind": {"address": f"unix@{path}", "accept_proxy": True},
        "http_request": echo_rules()}))
    with Client(0, path=path) as c:
        c.send(V1 + ASK)
        assert c.response().get("x-src") == "192.0.2.7"
        wait_until(lambda: "src=192.0.2.7:1234 " in weir.api("show sess"))
    with Client(0, path=path) as c:
        c.send(V1[:10])
        c.half_close()
        c.expect_closed()


@pytest.mark.parametrize("how", ["reload", "stop"])
def test_who_has_not_sent_a_header_yet_is_served_after_a_reload_and_does_not_hold_up_a_stop(lab, how):
    port, weir = showing(lab)
    with Client(port) as c:
        c.send(V1[:20])
        wait_until(lambda: weir.stat("fe", "FRONTEND", "scur") == 1)
        if how == "reload":
            weir.reload()
            c.send(V1[20:] + ASK)
            assert c.response().get("x-src") == "192.0.2.7"
        else:
            weir.stop()
            c.expect_closed()


def test_mode_health_has_no_use_for_headers(lab):
    said = lab.prepare({"listens": {"alive": {
        "mode": "health", "bind": {"address": f"127.0.0.1:{lab.port()}", "accept_proxy": True}}}},
        args=["-c"]).run()
    assert said.returncode == 1 and "mode health answers before it reads" in said.stderr


def test_haproxy_in_front_is_understood_in_both_versions(lab):
    weir_port, _ = showing(lab)
    port = lab.port()
    second = lab.port()
    Haproxy(lab, f"""
listen one
 bind 127.0.0.1:{port}
 server w 127.0.0.1:{weir_port} send-proxy
listen two
 bind 127.0.0.1:{second}
 unique-id-format id-%ci
 server w 127.0.0.1:{weir_port} send-proxy-v2 proxy-v2-options unique-id,crc32c
""", port)
    for at, unique in ((port, None), (second, "id-127.0.0.5")):
        with Client(at, source="127.0.0.5") as c:
            sport = c.socket.getsockname()[1]
            c.send(ASK)
            r = c.response()
        assert (r.get("x-src"), r.get("x-src_port"), r.get("x-dst_port")) == \
            ("127.0.0.5", str(sport), str(at))
        if unique:
            assert r.get("x-fc_pp_unique_id") == unique


def test_nginx_in_front_is_understood(lab):
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    module = "/usr/lib/nginx/modules/ngx_stream_module.so"
    try:
        open(module).close()
    except OSError:
        pytest.skip("needs nginx with its stream module")
    weir_port, _ = showing(lab)
    port = lab.port()
    path = lab.file("nginx.conf", f"""
load_module {module};
daemon off; master_process off; pid nginx.pid; error_log stderr;
events {{ }}
stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{weir_port}; proxy_protocol on; }} }}
""")
    process = subprocess.Popen([program, "-p", str(lab.dir), "-c", path],
                               stderr=subprocess.DEVNULL)
    try:
        def answers():
            try:
                with Client(port):
                    return True
            except OSError:
                return process.poll() is not None
        wait_until(answers, what="nginx answers")
        with Client(port, source="127.0.0.6") as c:
            c.send(ASK)
            assert c.response().get("x-src") == "127.0.0.6"
    finally:
        process.kill()
        process.wait()
