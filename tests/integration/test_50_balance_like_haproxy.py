# SPDX-License-Identifier: MIT
"""The same server for the same request as HAProxy, for whoever migrates: caches stay warm
and sessions stay where they are."""
import pytest

from weirlab import Client
from weirlab.config import TIMEOUTS
from weirlab.haproxy import Haproxy

# HAProxy's lines, and what weir calls the same.
LINES = [
    ("balance uri", {"balance": "uri"}),
    ("balance uri whole", {"balance": {"algorithm": "uri", "whole": True}}),
    ("balance uri len 6", {"balance": "uri len 6"}),
    ("balance uri depth 2", {"balance": {"algorithm": "uri", "depth": 2}}),
    ("balance uri depth 1 len 20 whole", {"balance": "uri depth 1 len 20 whole"}),
    ("balance uri path-only", {"balance": {"algorithm": "uri", "path_only": True}}),
    ("balance url_param id", {"balance": "url_param id"}),
    ("balance url_param id check_post", {"balance": {"algorithm": "url_param", "name": "id",
                                                     "check_post": True}}),
    ("balance hdr(X-Key)", {"balance": "hdr(x-key)"}),
    ("balance hdr(Host) use_domain_only", {"balance": "hdr(Host) use_domain_only"}),
    ("balance hash req.hdr(x-key)", {"balance": "hash req.hdr(x-key)"}),
    ("balance hash path,length", {"balance": {"algorithm": "hash", "expr": "path,length"}}),
    ("balance hash src", {"balance": "hash src"}),
    ("balance source", {"balance": "source"}),
]
TYPES = [
    (None, None),
    ("map-based djb2", "map_based djb2"),
    ("map-based wt6 avalanche", ["map_based", "wt6", "avalanche"]),
    ("map-based crc32", ["map_based", "crc32"]),
    ("consistent", "consistent"),
    ("consistent djb2 avalanche", ["consistent", "djb2", "avalanche"]),
    ("consistent crc32", "consistent crc32"),
]
# weights, who is in maintenance, ids
FARMS = {"even": ((1, 1, 1, 1), "", {}), "mixed": ((10, 3, 7, 1), "", {}),
         "one_away": ((2, 6, 4, 2), "c", {}), "with_ids": ((3, 2, 5, 4), "", {"a": 40, "c": 2})}


def requests():
    """(target, fields, method, body, host)"""
    for i in range(12):
        key = [("X-Key", f"key {i * 7919}, other")]
        host = ["www.example%d.org", "example%d", "a.b.c%d.net", "%d.eu"][i % 4] % i
        yield f"/dir{i}/sub{i % 3}/file{i}?id=u{i}&x={i}", key, "GET", None, host
        yield f"http://{host}/abs{i}/f?x=1&id={i}", key, "GET", None, host
        yield f"/post/{i}", [], "POST", f"a=1&id=p{i}&b=2".encode(), host
    yield "/plain", [], "GET", None, "weir.test"
    yield "/?id=", [("X-Key", "")], "GET", None, ".eu"


def ask(port):
    """The name of the server for each request, each on the connection of the last one."""
    with Client(port) as c:
        return [c.ask(target, fields=fields, method=method, body=body, host=host).text
                for target, fields, method, body, host in requests()]


def has_key(line, request):
    """Without anything to hash, servers take turns: nothing to compare."""
    target, fields, method, _, _ = request
    if "url_param" in line:
        return "?" in target or ("check_post" in line and method == "POST")
    return "x-key" not in line.lower() or any(value for _, value in fields)


@pytest.mark.parametrize("weights,away,ids", FARMS.values(), ids=FARMS.keys())
def test_a_hash_leads_to_the_same_server(lab, weights, away, ids):
    origins = lab.origins("abcd")
    cases = [(line, keys, kind) for line, keys in LINES for kind in TYPES]
    first, ours = lab.port(len(cases)), lab.port(len(cases))
    servers = "".join(f" server {o.name} {o.address} weight {w}"
                      f"{' disabled' if o.name == away else ''}"
                      f"{f' id {ids[o.name]}' if o.name in ids else ''}\n"
                      for o, w in zip(origins, weights))
    ours_too = {o.name: {"address": o.address, "weight": w, "disabled": o.name == away}
                for o, w in zip(origins, weights)}
    for name, number in ids.items():
        ours_too[name]["id"] = number
    text, listens = "", {}
    for i, (line, keys, (kind, our_kind)) in enumerate(cases):
        text += f"listen l{i}\n bind 127.0.0.1:{first + i}\n {line}\n{servers}"
        listens[f"l{i}"] = {"bind": f"127.0.0.1:{ours + i}", **keys, "servers": ours_too}
        if kind:
            text += f" hash-type {kind}\n"
            listens[f"l{i}"]["hash_type"] = our_kind
        if "check_post" in line:
            text += " option http-buffer-request\n"
    lab.start({"defaults": {"mode": "http", "timeout": TIMEOUTS}, "listens": listens},
              nbproc=2)
    Haproxy(lab, text, first)
    wrong = {}
    for i, (line, _, (kind, _)) in enumerate(cases):
        theirs, mine = ask(first + i), ask(ours + i)
        differ = [(r[0], a, b) for r, a, b in zip(requests(), theirs, mine)
                  if a != b and has_key(line, r)]
        if differ:
            wrong[f"{line}, {kind}"] = differ
    assert wrong == {}
