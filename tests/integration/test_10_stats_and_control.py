# SPDX-License-Identifier: MIT
"""The stats page in its three forms, and the control socket."""
import base64
import json
import os
import re
import stat

import pytest

from weirlab import Client, get, wait_until
from weirlab.config import web
from weirlab.weir import parse_csv


def with_stats(lab, origins, **stats):
    port, page = lab.port(), lab.port()
    config = web(port, origins)
    config["listens"] = {"stats": {"bind": f"127.0.0.1:{page}", "stats": {"uri": "/", **stats}}}
    return port, page, config


@pytest.mark.smoke
@pytest.mark.parametrize("nbproc", [1, 2])
def test_the_page_shows_totals_over_all_workers(lab, nbproc):
    a, b = lab.origins("ab")
    port, page, config = with_stats(lab, [a, b], refresh="5s")
    weir = lab.start(config, nbproc=nbproc)
    for _ in range(12):
        get(port)
    wait_until(lambda: weir.stat("be", "BACKEND", "stot") == 12)
    r = get(page, "/")
    assert r.status == 200 and r.get("Content-Type").startswith("text/html")
    for word in ("<html", "fe", "be", "FRONTEND", "BACKEND", "UP"):
        assert word.lower() in r.text.lower(), word
    assert "<script" not in r.text.lower()
    assert re.search('http-equiv="?refresh"? content="?5', r.text, re.I)
    rows = {(row["pxname"], row["svname"]): row for row in parse_csv(get(page, "/;csv").text)}
    assert rows["fe", "FRONTEND"]["req_tot"] == "12"
    assert rows["be", "a"]["stot"] == rows["be", "b"]["stot"] == "6"
    same = weir.stats()
    assert {k: rows[k]["stot"] for k in same if k[0] != "stats"} == \
        {k: same[k]["stot"] for k in same if k[0] != "stats"}
    r = get(page, "/;json")
    assert "json" in r.get("Content-Type")
    assert "FRONTEND" in json.dumps(json.loads(r.text))
    assert get(page, "/", method="HEAD").status == 200


def test_the_page_asks_for_a_password(lab):
    _, page, config = with_stats(lab, lab.origins("a"), auth="admin:s3cret", realm="Weir")
    lab.start(config, nbproc=1)
    r = get(page, "/")
    assert r.status == 401 and "Basic" in r.get("WWW-Authenticate") \
        and "Weir" in r.get("WWW-Authenticate")
    for wrong in (b"admin:wrong", b"admin:", b"root:s3cret", b"admin:s3cret2", b""):
        token = base64.b64encode(wrong).decode()
        assert get(page, "/", fields=[("Authorization", "Basic " + token)]).status == 401
    assert get(page, "/", fields=[("Authorization", "Basic ???")]).status == 401
    token = base64.b64encode(b"admin:s3cret").decode()
    assert get(page, "/;csv", fields=[("Authorization", "Basic " + token)]).status == 200


def test_the_page_may_stand_beside_the_traffic(lab):
    a = lab.origin("a")
    port = lab.port()
    lab.start(web(port, [a], defaults={"stats": {"uri": "/haproxy-admin"}}), nbproc=1)
    assert get(port, "/").text == "a"
    r = get(port, "/haproxy-admin")
    assert r.status == 200 and "FRONTEND" in r.text.upper()
    assert get(port, "/haproxy-admin;csv").text.startswith("# pxname")
    assert len(a.seen()) == 1


def test_names_from_outside_cannot_inject_html(lab):
    _, page, config = with_stats(lab, lab.origins("a"))
    config["backends"]["x<script>y"] = {"servers": {"s&amp": "127.0.0.1:1"}}
    weir = lab.prepare(config, nbproc=1)
    if _refused(weir):
        return  # such names are not legal: as good
    weir.start()
    assert "<script>" not in get(page, "/").text


def _refused(weir):
    weir.args.append("-c")
    code = weir.run().returncode
    weir.args.remove("-c")
    return code != 0


def test_show_info_and_show_stat(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=2)
    get(port)
    info = dict(line.split(": ", 1) for line in weir.api("show info").splitlines() if ": " in line)
    assert info["Name"].lower() in ("weir", "haproxy") and info["Nbproc"] == "2"
    assert int(info["Uptime_sec"]) >= 0 and info["Pid"] == str(weir.pid)
    wait_until(lambda: weir.stat("fe", "FRONTEND", "stot") == 1)
    rows = parse_csv(weir.api("show stat"))
    assert [r["stot"] for r in rows if r["svname"] == "FRONTEND"] == ["1"]
    assert "disable server" in weir.api("help")
    assert weir.api("rubbish").strip()


def test_servers_are_taken_out_and_put_back_by_hand(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a, b]), nbproc=2)
    only_b = lambda: {get(port).text for _ in range(4)} == {"b"}  # noqa: E731
    both = lambda: {get(port).text for _ in range(4)} == {"a", "b"}  # noqa: E731
    assert weir.api("disable server be/a").strip() == ""
    wait_until(only_b)
    assert weir.status("be", "a").startswith("MAINT")
    assert weir.api("enable server be/a").strip() == ""
    wait_until(both)
    weir.api("set server be/a state drain")
    wait_until(only_b)
    assert weir.status("be", "a").startswith("DRAIN")
    weir.api("set server be/a state ready")
    wait_until(both)
    weir.api("set server be/a state maint")
    wait_until(only_b)
    weir.api("set server be/a state ready")
    weir.api("set server be/a weight 0")
    wait_until(only_b)
    weir.api("set server be/a weight 100%")
    wait_until(both)
    for bad in ("disable server be/zzz", "disable server nope/a", "set server be/a weight -1",
                "set server be/a weight 257", "set server be/a state sideways", "disable server",
                "set server be/a"):
        assert weir.api(bad).strip(), f"no error text for {bad!r}"
    assert weir.status("be", "a").startswith(("UP", "no check"))


def test_weirctl_commands_go_through_control(lab):
    weir = lab.start(web(lab.port(), lab.origins("a")), nbproc=1)
    weir.ctl("disable", "server", "be/a")
    weir.wait_status("be", "a", "MAINT")


def test_manual_states_survive_a_restart(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a, b]), nbproc=1)
    weir.api("disable server be/a")
    weir.api("set server be/b weight 7")
    wait_until(lambda: weir.stat("be", "b", "weight") == 7)
    weir.stop()
    weir.start()
    assert weir.status("be", "a").startswith("MAINT")
    assert weir.stat("be", "b", "weight") == 7
    assert {get(port).text for _ in range(4)} == {"b"}


def test_several_commands_pipelined_and_rubbish_of_every_size(lab):
    import socket
    weir = lab.start(web(lab.port(), lab.origins("a")), nbproc=1)
    control, = weir.of_role("control")
    out = weir.api("show info;show stat")
    assert "Uptime_sec" in out and "# pxname" in out
    for data in (b"\n", b"\0\n", b"x" * 100_000, b"show info", b";" * 5000 + b"\n",
                 b"set server " + b"a" * 9000 + b"/b state maint\n"):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(weir.sock)
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except OSError:
                pass
    assert weir.of_role("control") == [control]
    assert "Uptime_sec" in weir.api("show info")


def test_idle_control_connections_do_not_block_others(lab):
    import socket
    weir = lab.start(web(lab.port(), lab.origins("a")), nbproc=1)
    idle = []
    for _ in range(8):
        s = socket.socket(socket.AF_UNIX)
        s.connect(weir.sock)
        s.sendall(b"show ")
        idle.append(s)
    assert "Uptime_sec" in weir.api("show info")
    for s in idle:
        s.close()


def test_the_socket_has_the_mode_and_level_it_was_given(lab):
    path = os.path.join(lab.dir, "user.sock")
    weir = lab.start({**web(lab.port(), lab.origins("a")), "global": {
        "shm": f"{lab.shm_dir}/x.shm", "stats": {"socket": [
            {"path": path, "mode": "0640", "level": "user"}]}}}, own_global=False, nbproc=1)
    mode = os.stat(path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o640
    weir.sock, weir.shm = path, f"{lab.shm_dir}/x.shm"
    assert "Uptime_sec" in weir.api("show info")
    assert "ermission" in weir.api("disable server be/a")
    assert not weir.status("be", "a").startswith("MAINT")


def test_weirctl_servers_shows_health(lab):
    a = lab.origin("a")
    weir = lab.start(web(lab.port(), {"a": a, "dead": f"127.0.0.1:{lab.port()}"},
                         every={"check": True, "inter": "100ms", "fall": 1}), nbproc=1)
    weir.wait_status("be", "dead", "DOWN")
    out = weir.ctl("servers").stdout
    assert "DOWN" in out and "UP" in out and a.address in out


def test_rates_are_sampled(lab):
    port = lab.port()
    weir = lab.start(web(port, lab.origins("a")), nbproc=2)
    load = lab.load(port, "close", clients=4)
    wait_until(lambda: weir.stat("fe", "FRONTEND", "rate") > 10 and
               weir.stat("fe", "FRONTEND", "req_rate") > 10, timeout=6, what="rates")
    load.end()
    wait_until(lambda: weir.stat("fe", "FRONTEND", "rate") == 0, timeout=6, what="rates at rest")
    assert weir.stat("fe", "FRONTEND", "rate_max") > 10


def test_client_connections_are_shown_while_they_last(lab):
    port = lab.port()
    weir = lab.start(web(port, lab.origins("a")), nbproc=2)
    held = [Client(port) for _ in range(5)]
    for c in held:
        c.ask("/")
    assert weir.stat("fe", "FRONTEND", "scur") == 5
    for c in held:
        c.close()
    weir.wait_idle()
    assert weir.stat("fe", "FRONTEND", "smax") == 5
