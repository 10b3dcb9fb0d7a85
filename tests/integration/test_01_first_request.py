# SPDX-License-Identifier: MIT
"""The main job in its smallest form: HTTP over two servers in turn, and the numbers."""
import json
import os

import pytest

from weirlab import Client, get, procs, wait_until
from weirlab.config import web


@pytest.mark.smoke
@pytest.mark.parametrize("nbproc", [1, 2, 8])
def test_requests_go_to_the_servers_in_turn(lab, nbproc):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a, b]), nbproc=nbproc)
    answers = [get(port, f"/{i}") for i in range(20)]
    assert all(r.status == 200 for r in answers)
    names = [r.text for r in answers]
    assert names.count("a") == names.count("b") == 10
    assert all(one != two for one, two in zip(names, names[1:]))
    assert [len(a.seen()), len(b.seen())] == [10, 10]
    wait_until(lambda: weir.stat("fe", "FRONTEND", "stot") == 20, what="20 sessions")
    rows = weir.stats()
    assert rows["fe", "FRONTEND"]["req_tot"] == "20"
    assert rows["fe", "FRONTEND"]["hrsp_2xx"] == "20"
    assert rows["be", "a"]["stot"] == rows["be", "b"]["stot"] == "10"
    assert rows["be", "BACKEND"]["stot"] == "20"
    assert rows["be", "BACKEND"]["hrsp_2xx"] == "20"
    weir.wait_idle()


@pytest.mark.smoke
def test_request_and_response_arrive_unchanged(lab):
    a = lab.origin("a")

    async def special(req, conn):
        conn.answer(418, b"short and stout", [("X-Tea", "black, \xe9"), ("Set-Cookie", "a=1"),
                                              ("Set-Cookie", "b=2")], reason="Teapot")
    a.on("/p%20q", special)
    port = lab.port()
    lab.start(web(port, [a]), nbproc=1)
    r = get(port, "/p%20q?x=1&y=%2F", fields=[("X-One", "1"), ("x-two", "b  c"), ("X-One", "3"),
                                              ("Cookie", "k=v")], host="www.example.com")
    assert (r.status, r.reason, r.body) == (418, "Teapot", b"short and stout")
    assert r.get("X-Tea") == "black, \xe9"
    assert r.all("Set-Cookie") == ["a=1", "b=2"]
    req, = a.seen()
    assert (req.method, req.target, req.version) == ("GET", "/p%20q?x=1&y=%2F", "HTTP/1.1")
    assert req.all("X-One") == ["1", "3"]
    assert req.get("x-two") == "b  c"
    assert req.all("Host") == ["www.example.com"]
    assert req.get("Cookie") == "k=v"


@pytest.mark.parametrize("nbproc", [1, 3])
def test_every_process_is_a_titled_child_of_the_master(lab, nbproc):
    weir = lab.start(web(lab.port(), lab.origins("a")), nbproc=nbproc)
    titles = sorted(procs.title(pid) for pid in weir.kids())
    assert len(titles) == nbproc + 2, titles
    assert titles[0].startswith("weir: checker")
    assert titles[1].startswith("weir: control")
    assert all(t.startswith("weir: worker ") for t in titles[2:])
    assert len(set(titles)) == nbproc + 2
    for pid in weir.kids():
        assert procs.comm(pid).startswith("weir")


def test_nbproc_auto_is_one_worker_for_each_cpu_allowed(lab):
    weir = lab.start(web(lab.port(), lab.origins("a"), top={"nbproc": "auto"}))
    assert 1 <= len(weir.workers()) <= len(os.sched_getaffinity(0))
    one = lab.start(web(lab.port(), lab.origins("a"), top={"nbproc": "auto"}), name="pinned",
                    prefix=["taskset", "-c", str(min(os.sched_getaffinity(0)))])
    assert len(one.workers()) == 1


@pytest.mark.smoke
def test_weirctl_shows_the_numbers_as_table_json_and_csv(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a, b]), nbproc=2)
    for _ in range(6):
        get(port)
    wait_until(lambda: weir.stat("be", "BACKEND", "stot") == 6)
    rows = weir.stats_rows()
    assert [(r["pxname"], r["svname"]) for r in rows] == [
        ("fe", "FRONTEND"), ("be", "a"), ("be", "b"), ("be", "BACKEND")]
    header = weir.ctl("stats", "--csv").stdout.splitlines()[0]
    wanted = ("# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,"
              "wretr,wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,"
              "sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,check_code,"
              "check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,"
              "req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt")
    assert header.startswith(wanted), header
    assert isinstance(json.loads(weir.ctl("stats", "--json").stdout), (list, dict))
    table = weir.ctl("stats").stdout
    for word in ("fe", "frontend", "be", "backend"):
        assert word in table
    only = weir.ctl("stats", "be").stdout
    assert "backend" in only and "frontend" not in only
    assert "a" in weir.ctl("servers").stdout
    lines = weir.ctl("procs").stdout
    for pid in weir.kids():
        assert str(pid) in lines
    info = weir.ctl("info").stdout
    assert str(weir.pid) in info
    counters = weir.counters()
    assert len(counters) > 50
    assert weir.counter("req_tot") == 6


def test_weirctl_says_what_is_wrong_and_exits_by_kind(lab):
    weir = lab.start(web(lab.port(), lab.origins("a")), nbproc=1)
    assert weir.ctl("nonsense", check=False).returncode == 2
    assert weir.ctl(check=False).returncode == 2
    weir.stop()
    missing = lab.prepare(web(lab.port(), []), name="never")
    result = missing.ctl("stats", check=False)
    assert result.returncode == 3 and missing.shm in result.stderr
    with open(missing.shm, "w") as f:
        f.write("not a region" * 1000)
    result = missing.ctl("stats", check=False)
    assert result.returncode == 5 and result.stderr.strip()


def test_a_region_of_another_layout_is_refused_with_a_reason(lab):
    weir = lab.start(web(lab.port(), lab.origins("a")), nbproc=1)
    weir.stop()
    with open(weir.shm, "r+b") as f:
        size = os.fstat(f.fileno()).st_size
        f.truncate(size // 2)
    result = weir.ctl("stats", check=False)
    assert result.returncode == 5 and result.stderr.strip()


@pytest.mark.root
def test_weirctl_without_permission_exits_4(lab):
    weir = lab.start(web(lab.port(), lab.origins("a")), nbproc=1)
    os.chmod(weir.shm, 0o600)
    import subprocess
    # setpriv keeps root's rights until exec: the build may lie where nobody may look
    result = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                             lab.weirctl, "-s", weir.shm, "stats"],
                            capture_output=True, text=True)
    assert result.returncode == 4 and "ermission" in result.stderr


def test_listens_on_several_addresses_families_and_ranges(lab):
    a = lab.origin("a")
    one, two, v6 = lab.port(), lab.port(3), lab.port()
    path = os.path.join(lab.dir, "web.sock")
    config = web(one, [a], frontend={"bind": [
        f"127.0.0.1:{one}", f"127.0.0.1:{two}-{two + 2}", f"[::1]:{v6}",
        {"address": f"unix@{path}", "mode": "0666"}]})
    weir = lab.start(config, nbproc=2)
    for port in (one, two, two + 1, two + 2):
        assert get(port).text == "a"
    assert get(v6, connect_to="::1").text == "a"
    with Client(0, path=path) as c:
        assert c.ask("/").text == "a"
    wait_until(lambda: weir.stat("fe", "FRONTEND", "stot") == 6)


@pytest.mark.parametrize("binds", [1, 2])
def test_a_listening_socket_can_be_inherited(lab, binds):
    """Several binds may name it: each connection then goes to one of them."""
    import socket
    a = lab.origin("a")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(10)
        s.set_inheritable(True)
        port = s.getsockname()[1]
        config = web(port, [a], frontend={"bind": ["fd@${LISTEN_FD}"] * binds})
        weir = lab.prepare(config, nbproc=2, env={"LISTEN_FD": str(s.fileno())})
        import subprocess
        real = subprocess.Popen

        def keep(*args, **kwargs):
            return real(*args, pass_fds=[s.fileno()], **kwargs)
        subprocess.Popen = keep
        try:
            weir.start()
        finally:
            subprocess.Popen = real
        assert get(port).text == "a"
        weir.reload()
        assert get(port).text == "a"
