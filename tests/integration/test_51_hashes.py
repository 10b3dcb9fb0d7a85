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


INSPECT = {"tcp_request": {"inspect_delay": "5s",
                           "content": [{"accept": True, "if": "RDP_COOKIE"}]}}


def terminal_servers(lab):
    """Each says its name to whoever asks for a connection."""
    def named(name):
        async def serve(reader, writer):
            await reader.readuntil(b"\r\n")
            writer.write(name.encode())
            writer.close()
        return serve
    return [lab.origin(name, tcp=named(name)) for name in NAMES]


def terminal(port, cookie):
    """Who answers a terminal's client that shows a cookie."""
    cookie = b"Cookie: %s\r\n" % cookie.encode()
    with Client(port) as c:
        c.send(bytes([3, 0, 0, 11 + len(cookie), 6 + len(cookie), 0xe0, 0, 0, 0, 0, 0]) + cookie)
        return c.read_bytes(1).decode()


@NBPROC
def test_an_rdp_cookie_says_the_address_of_its_server(lab, nbproc):
    origins, port = terminal_servers(lab), lab.port()
    weir = lab.start(web(port, origins, mode="tcp", frontend=INSPECT,
                         backend={"balance": "first", "persist": "rdp-cookie"}), nbproc=nbproc)

    def token(origin):
        swapped = origin.port >> 8 | (origin.port & 0xff) << 8
        return f"msts={0x0100007f}.{swapped}.0000"
    for _ in range(2):
        assert [terminal(port, token(o)) for o in origins] == list(NAMES)
    weir.api("disable server be/c")
    wait_until(lambda: terminal(port, token(origins[2])) == "a")
    assert terminal(port, token(origins[3])) == "d"
    for bad in ("msts=", "msts=1.2", "msts=x.1.0000", "msts=16777343.1.0000", "mstshash=user",
                "msts=4294967296.1.0000", f"other={0x0100007f}.1.0000"):
        assert terminal(port, bad) == "a"


@NBPROC
def test_an_rdp_cookie_leads_to_its_server(lab, nbproc):
    port = lab.port()
    weir = lab.start(web(port, terminal_servers(lab), mode="tcp", frontend=INSPECT,
                         backend={"balance": "rdp-cookie"}), nbproc=nbproc)

    def hello(user):
        return terminal(port, "mstshash=" + user)

    def lead(usable):
        return {key: usable[sdbm(key) % len(usable)] for key in KEYS[:16]}
    for away in ("", "b", ""):
        for name in NAMES:
            weir.api(f"{'disable' if name in away else 'enable'} server be/{name}")
        want = lead([n for n in NAMES if n not in away])
        wait_until(lambda w=want: {key: hello(key) for key in w} == w)
        assert {key: hello(key) for key in want} == want
