# SPDX-License-Identifier: MIT
"""What people change at run time stays, is listed, and can be written down as a file."""
import json
import os
import signal

import pytest

from weirlab import wait_until
from weirlab.config import web


def drift(weir):
    """{(name, field): (configured, running)}"""
    rows = json.loads(weir.ctl("drift", "--json").stdout)
    return {(row["name"], row["field"]): (row["configured"], row["running"]) for row in rows}


ALL = {
    ("be/a", "weight"): ("10", "50"),
    ("be/b", "state"): ("ready", "maint"),
    ("be/b", "maxconn"): ("20", "7"),
    ("be/c", "state"): ("ready", "drain"),
    ("be/d", "state"): ("maint", "ready"),
    ("be/e", "check"): ("true", "false"),
    ("fe", "maxconn"): ("100", "60"),
    ("global", "maxconn"): ("1000", "500"),
    ("global", "maxconnrate"): ("0", "1000"),
    ("global", "maxsessrate"): ("0", "2000"),
    ("aside", "state"): ("open", "disabled"),
    ("both/a", "weight"): ("1", "3"),
}

COMMANDS = """
set server be/a weight 50
set server be/b state maint
set maxconn server be/b 7
set server be/c state drain
enable server be/d
disable health be/e
set maxconn frontend fe 60
set maxconn global 500
set rate-limit connections global 1000
set rate-limit sessions global 2000
disable frontend aside
set server both/a weight 3
""".strip().splitlines()


def config_of(lab, a):
    config = web(lab.port(), {
        "a": {"address": a, "weight": 10},
        "b": {"address": a, "maxconn": 20},
        "c": {"address": a},
        "d": {"address": a, "disabled": True},
        "e": {"address": a, "check": True, "inter": "1h"},
    }, top={"maxconn": 1000}, frontend={"maxconn": 100})
    config["frontends"]["aside"] = {"bind": f"127.0.0.1:{lab.port()}",
                                    "default_backend": "be"}
    config["listens"] = {"both": {"bind": f"127.0.0.1:{lab.port()}",
                                  "servers": {"a": a.address}}}
    return config


@pytest.fixture
def changed(lab):
    weir = lab.start(config_of(lab, lab.origin("a")), nbproc=2)
    assert drift(weir) == {}
    assert weir.ctl("drift").stdout == ""
    for line in COMMANDS:
        assert weir.api(line).strip() == "", line
    assert drift(weir) == ALL
    return weir


def restart(weir):
    weir.stop()
    weir.start()


def lose_master(weir):
    os.kill(weir.pid, signal.SIGKILL)
    weir.process.wait()
    weir.start()


@pytest.mark.parametrize("how", [lambda weir: weir.reload(), restart, lose_master],
                         ids=["reload", "restart", "master killed"])
def test_changes_stay(changed, how):
    how(changed)
    assert drift(changed) == ALL
    assert changed.status("be", "b") == "MAINT"
    assert changed.stat("be", "b", "slim") == 7


def test_changes_stay_when_the_binary_is_replaced(changed):
    old = changed.workers()
    changed.send_signal(signal.SIGUSR2)
    wait_until(lambda: len(changed.workers()) == 2 and not set(old) & set(changed.workers()))
    assert drift(changed) == ALL


def test_what_is_saved_is_what_counts_and_no_drift_any_more(changed):
    path = os.path.join(changed.conf_dir, "90-runtime.yaml")
    changed.ctl("save", path)
    assert changed.reload().returncode == 0
    assert drift(changed) == {}
    assert changed.status("be", "b") == "MAINT"
    assert changed.status("be", "d") != "MAINT"
    assert changed.stat("be", "a", "weight") == 50
    assert changed.stat("be", "b", "slim") == 7
    assert changed.stat("be", "c", "weight") == 0
    assert changed.stat("both", "a", "weight") == 3


def test_what_is_saved_later_is_added_to_what_was_saved_before(changed):
    path = os.path.join(changed.conf_dir, "90-runtime.yaml")
    changed.ctl("save", path)
    changed.reload()
    changed.api("set server be/a weight 9")
    changed.ctl("save", path)
    changed.reload()
    assert drift(changed) == {}
    assert changed.stat("be", "a", "weight") == 9
    assert changed.stat("both", "a", "weight") == 3
    with open(path) as f:
        assert f.read().count("be.servers.a.weight") == 1


def test_a_file_of_somebody_else_is_left_alone(changed):
    path = os.path.join(changed.conf_dir, "10-test.yaml")
    with open(path) as f:
        was = f.read()
    result = changed.ctl("save", path, check=False)
    assert result.returncode == 1 and "was not written by weirctl save" in result.stderr
    with open(path) as f:
        assert f.read() == was


def test_without_a_file_it_goes_to_standard_output(changed):
    assert '  "backends.be.servers.a.weight": 50\n' in changed.ctl("save").stdout


def test_the_file_wins_where_it_says_something_else_now(lab):
    config = config_of(lab, lab.origin("a"))
    weir = lab.start(config, nbproc=1)
    for line in COMMANDS:
        weir.api(line)
    config["backends"]["be"]["servers"]["a"]["weight"] = 20
    config["frontends"]["fe"]["maxconn"] = 90
    weir.reload(config)
    left = dict(ALL)
    del left["be/a", "weight"], left["fe", "maxconn"]
    assert drift(weir) == left
    # what was forgotten does not come back with the value it was based on
    config["backends"]["be"]["servers"]["a"]["weight"] = 10
    config["frontends"]["fe"]["maxconn"] = 100
    weir.reload(config)
    assert drift(weir) == left


def test_what_is_for_now_is_forgotten_by_a_reload(lab):
    weir = lab.start(config_of(lab, lab.origin("a")), nbproc=1)
    for line in COMMANDS:
        assert weir.api(line + " --runtime-only").strip() == "", line
    assert drift(weir) == ALL
    assert weir.ctl("save").stdout.count("\n") == 1
    assert "weight *" in weir.ctl("drift").stdout
    weir.reload()
    assert drift(weir) == {}
    assert weir.status("be", "b") != "MAINT"
    weir.ctl("set", "--runtime-only", "server", "be/a", "weight", "3")
    assert drift(weir) == {("be/a", "weight"): ("10", "3")}
    weir.ctl("set", "server", "be/a", "weight", "4")
    weir.reload()
    assert drift(weir) == {("be/a", "weight"): ("10", "4")}


def test_who_and_when(changed):
    rows = json.loads(changed.ctl("drift", "--json").stdout)
    assert {row["uid"] for row in rows} == {os.getuid()}
    assert all(row["changed_at"] > 1500000000 for row in rows)


def test_overlays_say_where_they_are_wrong(changed):
    path = os.path.join(changed.conf_dir, "91-wrong.yaml")
    with open(path, "w") as f:
        f.write('overlay:\n  backends.be.servers.a.weight: 700\n  backends.zz.mode: tcp\n')
    result = changed.reload()
    assert result.returncode == 1
    assert f"{path}:2:33" in result.stderr and "700" in result.stderr
    assert f"{path}:3:3" in result.stderr and "there is no 'zz' in backends" in result.stderr
