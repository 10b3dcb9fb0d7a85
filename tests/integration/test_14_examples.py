# SPDX-License-Identifier: MIT
"""What the documentation shows is executed: the classic lecture's configuration, the
README's and the manual's YAML blocks, the demo of ./dev run."""
import os
import re
import subprocess

import pytest
from weirlab import get, procs, wait_until
from weirlab.weir import ROOT

# The configuration every HAProxy lecture of the time began with, word for word in YAML.
LECTURE = """\
global:
  log: { address: "@SYSLOG@", facility: local0 }
  chroot: @JAIL@
  uid: 99
  gid: 99
  daemon: true
  nbproc: 2
  pidfile: @PIDFILE@
defaults:
  log: global
  mode: http
  option: [httplog, redispatch]
  retries: 3
  stats: { uri: /haproxy-admin }
  contimeout: 5000
  clitimeout: 50000
  srvtimeout: 50000
listens:
  web:
    bind: 127.0.0.1:@PORT@
    balance: roundrobin
    servers:
      web1: { address: "@A@", check: true, inter: 300 }
      web2: { address: "@B@", check: true, inter: 300 }
"""


@pytest.mark.root
def test_the_lecture_configuration_runs(lab):
    a, b = lab.origins("ab")
    sink, port = lab.sink(), lab.port()
    jail = os.path.join(lab.dir, "jail")
    os.mkdir(jail)
    pidfile = os.path.join(lab.dir, "weir", "weir.pid")
    weir = lab.prepare(LECTURE, names={"SYSLOG": sink.address, "JAIL": jail, "PORT": port,
                                       "PIDFILE": pidfile, "A": a.address, "B": b.address})
    weir.args.append("-V")
    # The daemon writes the file's own pidfile; -p of the harness would win.
    command = [lab.weir, "-f", weir.conf_dir]
    r = subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=weir.dir)
    assert r.returncode == 0, r.stderr
    for word in ("contimeout", "clitimeout", "srvtimeout"):
        assert word in r.stderr, "deprecated words warn"
    with open(pidfile) as f:
        pid = int(f.read())
    kids = procs.children(pid)
    try:
        assert len([k for k in kids if procs.title(k).startswith("weir: worker")]) == 2
        for kid in kids:
            assert procs.status(kid)["Uid"].split()[0] == "99"
            assert os.readlink(f"/proc/{kid}/root") == jail
        assert {get(port).text for _ in range(4)} == {"a", "b"}
        page = get(port, "/haproxy-admin")
        assert page.status == 200 and "web1" in page.text
        sink.wait(r"^<134>.*weir\[\d+\]: .* web web/web[12] .* \"GET / HTTP/1.1\"$", n=4)
        b.stop()
        sink.wait(r"Server web/web2 is DOWN")
        assert {get(port).text for _ in range(4)} == {"a"}
        b.start()
        sink.wait(r"Server web/web2 is UP")
    finally:
        import signal
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not procs.is_alive(pid), timeout=10)


def blocks(path):
    with open(os.path.join(ROOT, path)) as f:
        return re.findall(r"^```yaml\n(.*?)^```", f.read(), re.M | re.S)


def documents():
    found = ["README.md"]
    for folder, _, files in os.walk(os.path.join(ROOT, "docs")):
        found += [os.path.relpath(os.path.join(folder, f), ROOT) for f in sorted(files)
                  if f.endswith(".md")]
    return [(path, i) for path in found for i in range(len(blocks(path)))]


@pytest.mark.parametrize("path,i", documents())
def test_yaml_blocks_of_the_documentation_are_valid(lab, path, i):
    text = blocks(path)[i]
    if re.search(r"^(?!#)\S", text, re.M) and not re.search(
            r"^(global|defaults|named_defaults|frontends|backends|listens):", text, re.M):
        pytest.skip("a fragment")
    with open(os.path.join(ROOT, path)) as f:
        for name, content in re.findall(r"^```(?:map|list) (\S+)\n(.*?)^```", f.read(), re.M | re.S):
            lab.file(name, content)  # the page shows files of maps and lists, too
    file = lab.file("x.yaml", text)
    r = subprocess.run([lab.weir, "-c", "-f", file], capture_output=True, text=True, timeout=20,
                       cwd=lab.dir)
    if "not implemented" in r.stderr and "later" in text:
        pytest.skip("announces what comes later")
    assert r.returncode == 0, r.stderr


def test_every_promise_is_shown_by_a_test_that_is_there():
    with open(os.path.join(ROOT, "docs/promises.md")) as f:
        rows = [line.split("|") for line in f if line.startswith("| ")]
    named = [name for row in rows for name in re.findall(r"`((?:unit/\w+/)?test_\w+)`", row[2])]
    assert len(named) > 40
    for name in named:
        path = f"{name}.c" if name.startswith("unit/") else f"integration/{name}.py"
        assert os.path.exists(os.path.join(ROOT, "tests", path)), name


def test_the_readme_s_configuration_serves(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    text = blocks("README.md")[0]
    assert text.count("\n") <= 12
    text = text.replace("*:8080", f"127.0.0.1:{port}").replace("10.0.0.1:8000", a.address)
    text = text.replace("10.0.0.2:8000", b.address)
    weir = lab.prepare(text, own_global=False)
    assert "/run/weir/weir.sock" in text
    weir.configure(text.replace("/run/weir/weir.sock", weir.sock))
    weir.args += ["-o", f"global.shm={weir.shm}", "-o", "global.nbproc=2"]
    weir.start()
    wait_until(lambda: {get(port).text for _ in range(4)} == {"a", "b"})
    wait_until(lambda: a.seen("/health") and b.seen("/health"))
    weir.ctl("disable", "server", "app/one")
    wait_until(lambda: {get(port).text for _ in range(4)} == {"b"})
    weir.ctl("enable", "server", "app/one")
    weir.ctl("reload", "--wait")
    assert get(port).status == 200
    b.stop()
    wait_until(lambda: "Server app/two is DOWN" in weir.stderr, timeout=15)
    for command in (["stats"], ["servers"], ["counters", "app*"], ["procs"], ["info"]):
        assert weir.ctl(*command).stdout.strip()


@pytest.mark.smoke
def test_the_demo_of_dev_run_serves(lab):
    """conf.d/ as it stands, moved to free ports."""
    conf = os.path.join(ROOT, "conf.d")
    ports = {}

    def moved(match):
        number = match[2]
        if number not in ports:
            ports[number] = lab.port()
        return f"{match[1]}{ports[number]}"
    weir = lab.prepare("", own_global=False)
    os.unlink(weir.config_path)
    for name in sorted(os.listdir(conf)):
        with open(os.path.join(conf, name)) as f:
            text = re.sub(r"((?:\*|127\.0\.0\.1|\[::1?\]):)(\d{2,5})\b", moved, f.read())
        text = re.sub(r"unix@?/\S+?/(\w+\.sock)", rf"unix@{weir.dir}/\1", text)
        text = re.sub(r"/run/weir/weir\.sock", weir.sock, text)
        weir._write(name, text)
    weir.args += ["-db", "-o", f"global.shm={weir.shm}"]
    weir.start()
    web = ports["8080"]
    wait_until(lambda: len({get(web).text for _ in range(4)}) == 2, what="two servers in turn")
    bodies = [get(web).text for _ in range(6)]
    assert bodies[0] != bodies[1] and bodies[0::2] == [bodies[0]] * 3
    page = get(ports["8404"], "/")
    assert page.status == 200 and "text/html" in page.get("Content-Type")
    wait_until(lambda: all(r["status"] != "DOWN" and r["check_status"].startswith("L")
                           for r in weir.stats_rows()
                           if r["svname"] not in ("FRONTEND", "BACKEND")), what="checks pass")
    # All but :8080 on loopback only.
    out = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True)
    if out.returncode == 0:
        for number, port in ports.items():
            for line in out.stdout.splitlines():
                address = line.split()[3]
                if address.endswith(f":{port}") and number != "8080":
                    assert address.startswith(("127.", "[::1]")), line
