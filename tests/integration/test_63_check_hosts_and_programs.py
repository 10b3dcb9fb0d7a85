# SPDX-License-Identifier: MIT
"""Checks by ICMP and by programs."""
import os
import pathlib
import pwd
import stat

import pytest

from weirlab import wait_until
from weirlab.config import web

EVERY = {"check": True, "inter": "200ms", "fall": 1, "rise": 1}


def program(lab, text, name="check.sh"):
    path = pathlib.Path(lab.file(name, "#!/bin/sh\n" + text))
    path.chmod(0o755)
    for folder in path.parents:  # whoever runs it must get there
        if folder.stat().st_uid == os.getuid() and folder != pathlib.Path("/"):
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
        if folder == pathlib.Path("/tmp"):
            break
    return str(path)


def start(lab, server, command=None, top=None, timeout=None, **more):
    backend = {"option": "external_check", "external_check": {"command": command, **more}}
    top = {"external_check": True, **(top or {})}
    return lab.start(web(lab.port(), {"s": server}, every=EVERY, backend=backend, top=top,
                         timeout=timeout), nbproc=1)


def wait_row(weir, name="s", backend="be", **fields):
    row = {}

    def is_there():
        row.update(weir.stats()[backend, name])
        return all(row[k] == v for k, v in fields.items())
    try:
        wait_until(is_there)
    except AssertionError:
        raise AssertionError((fields, row)) from None
    return row


def test_programs_judge_by_their_exit_status(lab):
    a = lab.origin("a")
    flag = pathlib.Path(lab.file("status", "0"))
    weir = start(lab, a, program(lab, f"exit $(cat {flag})"), path=os.environ["PATH"])
    wait_row(weir, check_status="PROCOK", check_code="0", status="UP",
             check_desc="External check passed")
    flag.write_text("3")
    wait_row(weir, check_status="PROCERR", check_code="3", status="DOWN",
             check_desc="External check error")
    flag.write_text("0")
    wait_row(weir, check_status="PROCOK", status="UP")


def test_a_script_that_names_no_interpreter_is_run_by_the_shell(lab):
    script = pathlib.Path(lab.file("bare", "exit $(( $# == 4 ? 0 : 7 ))\n"))
    script.chmod(0o755)
    wait_row(start(lab, lab.origin("a"), str(script)), check_status="PROCOK", status="UP")


def test_programs_get_haproxys_arguments_and_environment(lab):
    a = lab.origin("a")
    out = lab.file("out", "")
    weir = start(lab, a, program(lab, f"""exec > {out}.$$
echo "$@"; env | sort; ls /proc/self/fd
mv {out}.$$ {out}"""), path="/bin:/usr/bin")
    wait_row(weir, check_status="PROCOK")
    text = pathlib.Path(out).read_text()
    host, port = a.address.split(":")
    assert text.splitlines()[0] == f"NOT_USED NOT_USED {host} {port}"
    for line in ("HAPROXY_PROXY_NAME=be", "HAPROXY_PROXY_ADDR=", "HAPROXY_PROXY_PORT=",
                 "HAPROXY_SERVER_NAME=s", f"HAPROXY_SERVER_ADDR={host}", "HAPROXY_SERVER_ID=1",
                 f"HAPROXY_SERVER_PORT={port}", "HAPROXY_SERVER_MAXCONN=0",
                 "HAPROXY_SERVER_CURCONN=0", "HAPROXY_SERVER_SSL=0", "HAPROXY_SERVER_PROTO=h1",
                 "PATH=/bin:/usr/bin"):
        assert line in text.splitlines(), (line, text)
    descriptors = [line for line in text.splitlines() if line.isdigit()]
    assert set(descriptors) <= {"0", "1", "2", "3"}, "/dev/null, and what ls reads"


def test_a_program_that_takes_too_long_is_killed_with_its_children(lab):
    a = lab.origin("a")
    pids = lab.file("pids", "")
    os.chmod(pids, 0o666)
    weir = start(lab, a, program(lab, f"sleep 1000 & echo $! $$ > {pids}\nwait"),
                 timeout={"check": "300ms"}, path=os.environ["PATH"])
    wait_row(weir, check_status="PROCTOUT", status="DOWN", check_desc="External check timeout")

    def are_gone(who):
        return not any(os.path.exists(f"/proc/{pid}") for pid in who)
    last = pathlib.Path(pids).read_text().split()
    wait_until(lambda: are_gone(last))
    weir.stop()
    wait_until(lambda: are_gone(pathlib.Path(pids).read_text().split()))


def test_a_program_that_is_not_there_is_told(lab):
    weir = start(lab, lab.origin("a"), "/nonexistent/check")
    row = wait_row(weir, check_status="PROCERR", status="DOWN")
    assert row["last_chk"] == "cannot be run: No such file or directory"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_programs_run_as_a_user_of_their_own(lab):
    a = lab.origin("a")
    out = lab.file("who", "")
    os.chmod(out, 0o666)
    weir = start(lab, a, program(lab, f"id -u > {out}\nid -G >> {out}"),
                 top={"external_check_user": "nobody"}, path=os.environ["PATH"])
    wait_row(weir, check_status="PROCOK")
    nobody = pwd.getpwnam("nobody")
    assert pathlib.Path(out).read_text().split() == [str(nobody.pw_uid), str(nobody.pw_gid)]
    checker, = weir.of_role("checker")
    assert os.stat(f"/proc/{checker}").st_uid == nobody.pw_uid
    worker, = weir.workers()
    assert os.stat(f"/proc/{worker}").st_uid != nobody.pw_uid


def test_programs_need_leave(lab):
    config = web(lab.port(), {"s": lab.origin("a")}, every=EVERY, backend={
        "option": "external_check", "external_check": {"command": "/bin/true"}})
    result = lab.prepare(config, args=["-c"]).run()
    assert result.returncode == 1
    assert "expected 'external_check: true' in global" in result.stderr


def may_ping():
    low, high = map(int, pathlib.Path("/proc/sys/net/ipv4/ping_group_range").read_text().split())
    return os.geteuid() == 0 or low <= os.getgid() <= high


@pytest.mark.skipif(not may_ping(), reason="no ICMP sockets for this user")
def test_hosts_are_pinged(lab):
    config = web(lab.port(), {"a": "127.0.0.1:1", "b": "127.0.0.1:2", "c": "[::1]:1",
                              "lost": "240.0.0.1:1"}, every=EVERY, mode="tcp",
                 timeout={"check": "400ms"}, backend={"option": "icmp_check"})
    weir = lab.start(config, nbproc=1)
    for name in "abc":
        row = wait_row(weir, name, check_status="L3OK", status="UP",
                       check_desc="Layer3 check passed")
        assert int(row["check_duration"]) < 400
    row = wait_row(weir, "lost", status="DOWN")
    assert row["check_status"] in ("L3TOUT", "L3CON")
    before = weir.counter("checks_run"), weir.stat("be", "a", "chkfail")
    wait_until(lambda: weir.counter("checks_run") > before[0] + 12)
    assert weir.status("be", "a") == "UP" and weir.stat("be", "a", "chkfail") == before[1]
