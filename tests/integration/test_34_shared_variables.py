# SPDX-License-Identifier: MIT
"""Variables of the scope proc: one value for all workers."""
import os
import signal

from weirlab import get, wait_until
from weirlab.config import web

RULES = [
    {"set_var": {"name": "proc.word", "value": "urlp(word)"}, "if": "{ path /set }"},
    {"unset_var": "proc.word", "if": "{ path /unset }"},
    {"set_var": {"name": "proc.first,ifnotset", "value": "src"}},
    {"return": {"status": 200, "lf_string": "%[proc] %[var(proc.word,none)] %[var(proc.first)]"}},
]


def start(lab):
    port = lab.port()
    weir = lab.start({"frontends": {"web": {"mode": "http", "bind": f"127.0.0.1:{port}",
                                            "http_request": RULES}}}, nbproc=2)
    return weir, port


def seen_by_both(port):
    """{worker: what it says}, asked over new connections until both have answered."""
    seen = {}

    def ask():
        worker, rest = get(port).body.decode().split(" ", 1)
        seen[worker] = rest
        return len(seen) == 2
    wait_until(ask, what="both workers answer")
    return seen


def test_a_value_that_one_worker_sets_is_seen_by_all(lab):
    _, port = start(lab)
    assert set(seen_by_both(port).values()) == {"none 127.0.0.1"}
    for word in ("hello", "x" * 240):
        get(port, f"/set?word={word}")
        assert set(seen_by_both(port).values()) == {f"{word} 127.0.0.1"}
    get(port, "/unset")
    assert set(seen_by_both(port).values()) == {"none 127.0.0.1"}


def test_conditions_of_set_var_know_what_exists_and_what_is_set(lab):
    """Variables of the scope proc exist from the start, others when they are set."""
    port = lab.port()
    names = {f"{scope}.{condition}": f"{scope}.{condition},{condition}" for scope in ("proc", "txn")
             for condition in ("ifexists", "ifnotexists", "ifset", "ifnotset")}
    rules = [{"set_var": {"name": name, "value": "int(1)"}} for name in names.values()]
    text = " ".join(f"%[var({name},0)]" for name in names)
    lab.start({"frontends": {"web": {"mode": "http", "bind": f"127.0.0.1:{port}", "http_request": [
        *rules, {"return": {"status": 200, "lf_string": text}}]}}}, nbproc=1)
    assert get(port).body == b"1 0 0 1 0 1 0 1"


def test_a_value_that_is_too_long_changes_nothing(lab):
    _, port = start(lab)
    get(port, "/set?word=old")
    get(port, "/set?word=" + "x" * 241)
    assert set(seen_by_both(port).values()) == {"old 127.0.0.1"}


def test_a_worker_that_takes_the_place_of_another_sees_the_value(lab):
    weir, port = start(lab)
    get(port, "/set?word=kept")
    before = weir.workers()
    for victim in before:
        others = set(weir.workers())
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: set(weir.workers()) - others, what="a new worker")
    assert set(seen_by_both(port).values()) == {"kept 127.0.0.1"}


def test_global_set_var_is_there_when_a_generation_begins(lab):
    port = lab.port()
    config = {"global": {"set_var": {"proc.limit": "int(5),mul(2)", "proc.more": "var(proc.limit),add(1)"},
                         "set_var_fmt": {"proc.text": "limit is %[var(proc.limit)]"}},
              "frontends": {"web": {"mode": "http", "bind": f"127.0.0.1:{port}", "http_request": [
                  {"set_var": {"name": "proc.limit", "value": "int(99)"}, "if": "{ path /set }"},
                  {"return": {"status": 200, "lf_string":
                              "%[var(proc.limit),sub(1)] %[var(proc.more)] %[var(proc.text)]"}}]}}}
    weir = lab.start(config, nbproc=2)
    assert get(port, "/").body == b"9 11 limit is 10"
    assert get(port, "/set").body == b"98 11 limit is 10"
    weir.reload()
    wait_until(lambda: get(port, "/").body == b"9 11 limit is 10", what="the value of the file again")
