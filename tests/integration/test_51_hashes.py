# SPDX-License-Identifier: MIT
"""Which server a key leads to, computed here, whatever the number of workers, while
servers leave and come back under load."""
import contextlib

import pytest

from weirlab import Client, wait_until
from weirlab.config import web

NAMES = "abcde"
KEYS = [f"key{i * 7919}" for i in range(48)]
NBPROC = pytest.mark.parametrize("nbproc", [1, 2, 8])

SOURCES = [f"127.0.2.{i}" for i in range(1, 49)]


def sdbm(text):
    h = 0
    for byte in text.encode():
        h = (byte + (h << 6) + (h << 16) - h) & 0xffffffff
    return h


def address(text):
    return int.from_bytes(bytes(int(n) for n in text.split(".")), "big")


# how a key is told, how the algorithm hashes it
ALGORITHMS = {
    "uri": (KEYS, lambda c, key: c.ask("/" + key).text, lambda key: sdbm("/" + key)),
    "url_param k": (KEYS, lambda c, key: c.ask(f"/?x=1&k={key}").text, sdbm),
    "hdr(X-Key)": (KEYS, lambda c, key: c.ask("/", fields=[("X-Key", key)]).text, sdbm),
    "hash path,length,add(7)": (["k" * i for i in range(1, 30)],
                                lambda c, key: c.ask("/" + key).text,
                                None),
    "source": (SOURCES, None, address),
}


def ask(port, algorithm):
    """{key: name of its server}"""
    keys, one, _ = ALGORITHMS[algorithm]
    if one is None:
        found = {}
        for key in keys:
            with Client(port, source=key) as c:
                found[key] = c.ask("/").text
        return found
    with Client(port) as c:
        return {key: one(c, key) for key in keys}


def expected(algorithm, usable):
    """Of equal weights, map_based: the hash modulo their number."""
    keys, _, h = ALGORITHMS[algorithm]
    return {key: usable[h(key) % len(usable)] for key in keys}


@contextlib.contextmanager
def under_load(lab, port):
    load = lab.load(port, "close", clients=4)
    load.wait_ok(20)
    yield load
    load.wait_ok(20)
    assert load.end()["failed"] == 0


@NBPROC
@pytest.mark.parametrize("algorithm", [a for a in ALGORITHMS if ALGORITHMS[a][2]])
def test_keys_lead_where_they_are_computed_to(lab, nbproc, algorithm):
    port = lab.port()
    weir = lab.start(web(port, lab.origins(NAMES), backend={"balance": algorithm}), nbproc=nbproc)
    with under_load(lab, port):
        assert ask(port, algorithm) == expected(algorithm, NAMES)
        for away in ("c", "ac", "a", ""):
            for name in NAMES:
                weir.api(f"{'disable' if name in away else 'enable'} server be/{name}")
            usable = [n for n in NAMES if n not in away]
            want = expected(algorithm, usable)
            wait_until(lambda w=want: ask(port, algorithm) == w)
            # every worker has seen it by now, or is soon to be asked
            assert all(ask(port, algorithm) == want for _ in range(3))


@NBPROC
@pytest.mark.parametrize("kind", ["map_based", "consistent", "maglev"])
def test_an_expression_s_keys_come_back_to_their_servers(lab, nbproc, kind):
    algorithm, port = "hash path,length,add(7)", lab.port()
    weir = lab.start(web(port, lab.origins(NAMES),
                         backend={"balance": algorithm, "hash_type": kind}), nbproc=nbproc)
    with under_load(lab, port):
        before = ask(port, algorithm)
        assert len(set(before.values())) > 2
        for _ in range(2):
            weir.api("disable server be/b")
            wait_until(lambda: "b" not in ask(port, algorithm).values())
            now = ask(port, algorithm)
            assert "b" not in now.values()
            if kind == "consistent":
                assert all(now[k] == s for k, s in before.items() if s != "b")
            weir.api("enable server be/b")
            wait_until(lambda: ask(port, algorithm) == before)


@NBPROC
def test_an_rdp_cookie_leads_to_its_server(lab, nbproc):
    def named(name):
        async def serve(reader, writer):
            await reader.readuntil(b"\r\n")
            writer.write(name.encode())
            writer.close()
        return serve
    origins = [lab.origin(name, tcp=named(name)) for name in NAMES]
    port = lab.port()
    config = web(port, origins, mode="tcp", backend={"balance": "rdp-cookie"}, frontend={
        "tcp_request": {"inspect_delay": "5s", "content": [{"accept": True, "if": "RDP_COOKIE"}]}})
    weir = lab.start(config, nbproc=nbproc)

    def hello(user):
        cookie = b"Cookie: mstshash=%s\r\n" % user.encode()
        with Client(port) as c:
            c.send(bytes([3, 0, 0, 11 + len(cookie), 6 + len(cookie), 0xe0, 0, 0, 0, 0, 0]) + cookie)
            return c.read_bytes(1).decode()

    def lead(usable):
        return {key: usable[sdbm(key) % len(usable)] for key in KEYS[:16]}
    for away in ("", "b", ""):
        for name in NAMES:
            weir.api(f"{'disable' if name in away else 'enable'} server be/{name}")
        want = lead([n for n in NAMES if n not in away])
        wait_until(lambda w=want: {key: hello(key) for key in w} == w)
        assert {key: hello(key) for key in want} == want
