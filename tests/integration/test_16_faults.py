# SPDX-License-Identifier: MIT
"""A start that can't be is refused at once, with one clear line that names the setting."""
import os
import resource
import socket
import subprocess

import pytest

from weirlab import get, wait_until
from weirlab.config import web


def refused(weir, *words, code=1):
    r = weir.run()
    assert r.returncode == code, (r.returncode, r.stderr)
    for word in words:
        assert word in r.stderr, r.stderr
    lines = [line for line in r.stderr.splitlines() if line.strip()]
    assert len(lines) <= 3, r.stderr
    assert "Sanitizer" not in r.stderr
    return r.stderr


@pytest.mark.smoke
def test_a_taken_port(lab):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)
        port = s.getsockname()[1]
        refused(lab.prepare(web(port, lab.origins("a")), nbproc=2), f"127.0.0.1:{port}", "bind",
                "in use")


def test_an_address_that_is_not_ours(lab):
    refused(lab.prepare(web(0, lab.origins("a"), frontend={"bind": "192.0.2.77:8080"}), nbproc=1),
            "192.0.2.77:8080", "address")


def test_a_privileged_port_without_the_right(lab):
    if os.geteuid() != 0:
        pytest.skip("needs root to drop root")
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as f:
        if int(f.read()) <= 80:
            pytest.skip("every port is unprivileged here")
    weir = lab.prepare(web(80, lab.origins("a")), nbproc=1,
                       prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    for path in (lab.shm_dir, weir.dir, weir.conf_dir):
        os.chmod(path, 0o777)
    refused(weir, "127.0.0.1:80", "ermission")


@pytest.mark.parametrize("top,words", [
    ({"user": "no-such-user-weirlab"}, ["user", "no-such-user-weirlab"]),
    ({"group": "no-such-group-weirlab"}, ["group", "no-such-group-weirlab"]),
    ({"chroot": "/nonexistent/jail"}, ["chroot", "/nonexistent/jail"]),
])
@pytest.mark.root
def test_users_groups_and_jails_that_do_not_exist(lab, top, words):
    refused(lab.prepare(web(lab.port(), lab.origins("a"), top=top), nbproc=1), *words)


def test_a_user_cannot_be_changed_without_root(lab):
    if os.geteuid() != 0:
        pytest.skip("needs root to drop root")
    weir = lab.prepare(web(lab.port(), lab.origins("a"), top={"uid": 1234, "gid": 1234}), nbproc=1,
                       prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    for path in (lab.shm_dir, weir.dir, weir.conf_dir):
        os.chmod(path, 0o777)
    refused(weir, "uid")


def test_a_pidfile_that_cannot_be_written(lab):
    weir = lab.prepare(web(lab.port(), lab.origins("a")), nbproc=1)
    weir.pidfile = "/nonexistent/weir.pid"
    refused(weir, "pidfile", "/nonexistent/weir.pid")


def test_a_log_file_that_cannot_be_opened(lab):
    weir = lab.prepare(web(lab.port(), lab.origins("a"), log="/nonexistent/access.log"), nbproc=1)
    refused(weir, "log", "/nonexistent/access.log", "No such file")


def test_a_control_socket_that_cannot_be_made(lab):
    weir = lab.prepare({**web(lab.port(), lab.origins("a")), "global": {
        "shm": f"{lab.shm_dir}/x.shm",
        "stats": {"socket": [{"path": "/nonexistent/weir.sock"}]}}}, own_global=False)
    refused(weir, "/nonexistent/weir.sock", "socket")


def test_too_few_descriptors(lab):
    weir = lab.prepare(web(lab.port(), lab.origins("a"), top={"maxconn": 500_000}), nbproc=1,
                       prefix=["prlimit", "--nofile=300:300"])
    if os.geteuid() == 0:
        weir.prefix += ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        for path in (lab.shm_dir, weir.dir, weir.conf_dir):
            os.chmod(path, 0o777)
    refused(weir, "maxconn", "300")


def test_maxconn_follows_the_descriptor_limit_when_it_is_not_set(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.prepare(web(port, [a]), nbproc=1, prefix=["prlimit", "--nofile=500:500"])
    weir.start()
    assert get(port).text == "a"
    assert 0 < weir.stat("fe", "FRONTEND", "slim") < 500


@pytest.fixture
def small_tmpfs(lab):
    path = os.path.join(lab.dir, "small")
    os.mkdir(path)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", path],
                          capture_output=True)
    if made.returncode != 0:
        pytest.skip("cannot mount")
    yield path
    subprocess.run(["umount", "-l", path], check=False)


@pytest.mark.root
def test_no_space_for_the_region(lab, small_tmpfs):
    config = web(lab.port(), lab.origins("a"), top={"shm": f"{small_tmpfs}/weir.shm"})
    weir = lab.prepare(config, own_global=False)
    said = refused(weir, "shm", small_tmpfs, "needs", "left")
    assert any(ch.isdigit() for ch in said)
    assert os.listdir(small_tmpfs) in ([], ["weir.lock"])


def test_a_folder_for_the_region_that_does_not_exist(lab):
    config = web(lab.port(), lab.origins("a"), top={"shm": "/nonexistent/dir/weir.shm"})
    refused(lab.prepare(config, own_global=False), "/nonexistent/dir")


def test_a_region_on_a_disk_goes_to_dev_shm_or_is_refused(lab):
    with open("/proc/mounts") as f:
        mounts = [line.split() for line in f]
    real = os.path.realpath("/var/tmp")
    kind = max((m for m in mounts if real.startswith(m[1])), key=lambda m: len(m[1]))[2]
    if kind == "tmpfs" or not os.access("/var/tmp", os.W_OK):
        pytest.skip("no disk")
    import tempfile
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        name = os.path.basename(folder) + ".shm"
        weir = lab.prepare(web(lab.port(), lab.origins("a"), top={"shm": f"{folder}/{name}"}),
                           own_global=False)
        weir.shm = f"/dev/shm/{name}"
        try:
            weir.start()
            assert os.path.exists(weir.shm) and not os.path.exists(f"{folder}/{name}")
            assert "tmpfs" in weir.stderr
            weir.stop()
        finally:
            for left in (weir.shm, "/dev/shm/weir.lock", f"{folder}/{name}"):
                if os.path.exists(left):
                    os.unlink(left)


@pytest.mark.root
def test_a_symlink_in_place_of_the_region_is_not_followed(lab):
    target = os.path.join(lab.shm_dir, "victim")
    with open(target, "w") as f:
        f.write("precious")
    weir = lab.prepare(web(lab.port(), lab.origins("a")), nbproc=1)
    os.symlink(target, weir.shm)
    weir.spawn()
    try:
        weir.process.wait(5)
    except subprocess.TimeoutExpired:
        pass
    with open(target) as f:
        assert f.read() == "precious"
    assert os.path.getsize(target) == 8
    weir.may_fail_check = True


def test_a_file_that_is_no_region_is_replaced_only_when_told_so(lab):
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    get(port)
    weir.stop()
    with open(weir.shm, "r+b") as f:
        f.write(b"\xff" * 4096)
    refused(weir, weir.shm, "--fresh-shm")
    weir.args.append("--fresh-shm")
    weir.start()
    assert get(port).text == "a"


def test_damage_inside_a_region_costs_what_was_damaged(lab):
    """Bytes flipped all over the file: weirctl and the next start survive it."""
    import random
    rng = random.Random(1)
    a = lab.origin("a")
    port = lab.port()
    weir = lab.start(web(port, [a]), nbproc=1)
    for _ in range(5):
        get(port)
    weir.stop()
    with open(weir.shm, "rb") as f:
        good = f.read(1 << 20)
    for round_ in range(12):
        with open(weir.shm, "r+b") as f:
            f.write(good)
            for _ in range(1 + 4 * round_):
                f.seek(rng.randrange(4096, len(good.rstrip(b"\0"))))
                f.write(rng.randbytes(8))
        for command in (["stats"], ["check"], ["info"], ["procs"], ["counters"], ["servers"]):
            result = weir.ctl(*command, check=False)
            assert result.returncode in (0, 1, 5), (command, result.returncode)
            strange = [c for c in result.stdout if ord(c) < 32 and c not in "\n\t"]
            assert not strange and "\\x" not in result.stdout, (command, result.stdout)
    weir.may_fail_check = True
    weir.spawn()
    wait_until(lambda: weir.process.poll() is not None or _answers(port))
    if weir.process.poll() is not None:
        assert weir.process.returncode == 1 and "--fresh-shm" in weir.stderr


def _answers(port):
    return get(port).text == "a"


def test_a_signal_during_the_start_ends_it_cleanly(lab):
    import signal
    weir = lab.prepare(web(lab.port(), lab.origins("a")), nbproc=4)
    weir.spawn()
    weir.send_signal(signal.SIGTERM)
    wait_until(lambda: weir.process.poll() is not None, timeout=5)
    weir.may_fail_check = True


def test_descriptor_limits_are_raised_for_maxconn(lab):
    a = lab.origin("a")
    port = lab.port()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < 5000:
        pytest.skip("low hard limit")
    weir = lab.start(web(port, [a], top={"maxconn": 1500}), nbproc=1,
                     prefix=["prlimit", f"--nofile=1024:{hard}"])
    worker, = weir.workers()
    assert resource.prlimit(worker, resource.RLIMIT_NOFILE)[0] >= 3000
