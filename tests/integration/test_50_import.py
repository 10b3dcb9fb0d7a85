# SPDX-License-Identifier: MIT
"""haproxy.cfg as operators write it: HAProxy with the original and weir with what
`weirctl import` made of it do the same for the same traffic (tests/differential)."""
import os
import subprocess
import sys

import pytest

from weirlab.wait import SLOW

HERE = os.path.join(os.path.dirname(__file__), "../differential")
sys.path.insert(0, HERE)

from twins import HAPROXY, Traffic, compare  # noqa: E402


@pytest.mark.parametrize("name", ["web_farm", "database_cluster", "api_gateway", "shop"])
@pytest.mark.parametrize("nbproc", [1, 3])
def test_both_do_the_same(lab, name, nbproc):
    if not os.path.exists(HAPROXY):
        pytest.skip("needs HAProxy")
    path = os.path.join(HERE, "configs", name)
    with open(path + ".traffic") as f:
        traffic = Traffic(f.read())
    _, _, found = compare(lab, path + ".cfg", traffic, nbproc)
    assert not found, "\n".join(f"{what}\n  haproxy: {theirs}\n  weir:    {ours}"
                                for what, theirs, ours in found)


def test_the_script_tells_what_is_different(tmp_path):
    if not os.path.exists(HAPROXY):
        pytest.skip("needs HAProxy")
    cfg = tmp_path / "one.cfg"
    cfg.write_text("global\n user nobody\ndefaults\n mode http\n timeout client 5s\n"
                   " timeout server 5s\n timeout connect 5s\nlisten web\n bind :80\n"
                   " http-request set-header X-Form %[str(A),lower]\n"
                   " server s 192.0.2.1:80\n")
    script = [sys.executable, os.path.join(HERE, "run.py"), str(cfg)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=60 * SLOW)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "left out of both: user nobody\n1 request, 0 differences\n"
    cfg.write_text(cfg.read_text() + " http-response replace-value X-Server (.*) %pid\n")
    done = subprocess.run(script, capture_output=True, text=True, timeout=60 * SLOW)
    assert done.returncode == 1
    assert "x-server" in done.stdout and "1 request, 1 difference\n" in done.stdout


def test_ten_thousand_lines_are_imported_within_a_second(lab):
    lines = ["defaults", " mode http", " timeout client 1s", " timeout server 1s",
             " timeout connect 1s", "frontend f", " bind 127.0.0.1:80"]
    lines += [f" acl a{i} path_beg /{i}/ # what is for b{i}\n use_backend b{i} if a{i}"
              for i in range(1200)]
    for i in range(1200):
        lines += [f"backend b{i}", " balance roundrobin", " option httpchk GET /h",
                  f" http-request set-header X-B b{i} if {{ path_beg /b{i}/ }}",
                  f" server s1 10.0.{i // 250}.1:80 check inter 2s",
                  f" server s2 10.0.{i // 250}.2:80 backup"]
    lines = "\n".join(lines).split("\n")
    lines += [" http-request deny"] * (10000 - len(lines))
    path = lab.file("long.cfg", "\n".join(lines) + "\n")
    best = 60
    for _ in range(3):
        start = os.times()
        done = subprocess.run([lab.weirctl, "import", path], capture_output=True, text=True)
        end = os.times()
        assert done.returncode == 0, done.stderr
        best = min(best, end.children_user + end.children_system -
                   start.children_user - start.children_system)
    print(f"10,000 lines: {best:.2f} s")
    assert "b1199" in done.stdout and best <= 1.0 * SLOW


def test_a_file_that_is_missing_is_one_plain_error(lab):
    done = subprocess.run([lab.weirctl, "import", "/no/such.cfg"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "import: /no/such.cfg: No such file or directory\n"
