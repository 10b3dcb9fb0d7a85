# SPDX-License-Identifier: MIT
"""What would a reload change? Asked of the files and the region, with or without a daemon."""
import json
import os
import re

from weirlab.config import web


def diff(weir, *switches, check=True):
    result = weir.ctl("diff", *switches, "-f", weir.conf_dir, check=check)
    return result.stdout.splitlines() if check else result


def test_nothing_differs_after_a_start_and_after_a_reload(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a, b], every={"check": True}), nbproc=2)
    assert diff(weir) == ["No difference."]
    assert json.loads("".join(diff(weir, "--json"))) == []
    weir.reload(web(port, [b]))
    assert diff(weir) == ["No difference."]
    assert weir.stop() == 0
    assert diff(weir) == ["No difference."]


def test_every_kind_of_change_is_told(lab):
    a, b = lab.origins("ab")
    port, other = lab.port(), lab.port()
    weir = lab.start(web(port, {"a": a, "b": b, "c": b}), nbproc=1)
    config = web(port, {"a": {"address": a, "weight": 5, "check": True}, "b": a, "d": b},
                 backend={"balance": "leastconn"}, frontend={"maxconn": 77})
    config["frontends"]["two"] = {"bind": f"127.0.0.1:{other}", "default_backend": "be"}
    weir.configure(config)
    lines = diff(weir)
    for line in ["~ frontend fe: maxconn ", "~ backend be: balance roundrobin -> leastconn",
                 f"! server be/b: address {b.address} -> {a.address}; its counters",
                 f"+ server be/d {b.address}", f"- server be/c {b.address}",
                 "+ frontend two"]:
        assert len([one for one in lines if one.startswith(line)]) == 1, (line, lines)
    server, = [one for one in lines if one.startswith("~ server be/a: ")]
    assert "weight 1 -> 5" in server
    assert "check false -> true" in server
    told = json.loads("\n".join(diff(weir, "--json")))
    assert {(one["change"], one["kind"], one["name"]) for one in told} >= {
        ("changed", "server", "a"), ("reset", "server", "b"), ("removed", "server", "c"),
        ("added", "server", "d"), ("added", "frontend", "two"), ("changed", "backend", "be")}
    one, = [one for one in told if one["name"] == "a"]
    assert one["weight"] == ["1", "5"]
    assert weir.reload().returncode == 0
    assert diff(weir) == ["No difference."]


def test_it_says_what_set_by_hand_would_be_forgotten(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    weir.api("set server be/a weight 9")
    assert diff(weir) == ["No difference."]
    weir.configure(web(port, [a], every={"weight": 3}))
    line, = diff(weir)
    assert line == "~ server be/a: weight 1 -> 3; the weight set by hand is forgotten"


def test_a_table_of_another_shape_is_a_change(lab):
    a, port = lab.origin("a"), lab.port()

    def shaped(size):
        made = web(port, [a], frontend={"http_request": [
            {"track_sc0": {"key": "src", "table": "t"}}]})
        made["tables"] = {"t": {"type": "ip", "size": size, "expire": "1m",
                                "store": ["http_req_cnt"]}}
        return made

    weir = lab.start(shaped(100), nbproc=1)
    assert diff(weir) == ["No difference."]
    weir.configure(shaped(5000))
    line, = diff(weir)
    assert line.startswith("~ table t: shape ") and "its keys move over" in line


def test_a_mistake_in_the_files_is_told_instead(lab):
    a = lab.origin("a")
    weir = lab.start(web(lab.port(), [a]), nbproc=1)
    weir.configure("defaults: {mode: htpt}\n")
    result = diff(weir, check=False)
    assert result.returncode == 1
    assert "10-test.yaml:1:" in result.stderr


def test_without_files_it_reads_those_of_the_daemon_as_it_was_told_to(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.prepare(web(port, [a]), args=["-o", "frontends.fe.maxconn=33", "-C", "weir"])
    weir.prefix = ["env", "-C", lab.dir]
    files, weir.conf_dir = weir.conf_dir, os.path.basename(weir.conf_dir)
    weir.start()
    weir.conf_dir = files
    assert weir.ctl("diff").stdout == "No difference.\n"
    weir.configure(web(port, {"a": {"address": a, "weight": 5}}))
    line, = weir.ctl("diff").stdout.splitlines()
    assert line.startswith("~ server be/a: weight 1 -> 5")
    assert json.loads(weir.ctl("diff", "-j").stdout)[0]["weight"] == ["1", "5"]
    # other files, the same switches
    other = lab.file("other.yaml", json.dumps(web(port, [a])))
    base = os.path.join(files, "00-lab.yaml")
    assert diff_of(weir, base, other) == "No difference.\n"
    assert "weight 1 -> 5" in diff_of(weir, base, weir.config_path)


def diff_of(weir, *paths):
    return weir.ctl("diff", *[word for path in paths for word in ("-f", path)]).stdout


def test_a_change_of_something_else_is_told_as_such(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    hash_of = re.compile(r"^Config_hash: (\d+)$", re.M)
    before = hash_of.search(weir.ctl("info").stdout)[1]
    config = web(port, [a], timeout={"server": "7s"})
    weir.configure(config)
    assert diff(weir) == ["~ configuration; timeouts, rules, logs or other settings"]
    assert json.loads("".join(diff(weir, "--json"))) == [{
        "change": "changed", "kind": "configuration",
        "note": "timeouts, rules, logs or other settings"}]
    assert weir.reload().returncode == 0
    assert diff(weir) == ["No difference."]
    assert hash_of.search(weir.ctl("info").stdout)[1] != before
