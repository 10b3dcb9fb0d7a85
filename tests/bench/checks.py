#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What health checks cost: many servers, each with an address of its own on loopback,
checked every two seconds. User and system time of the checker (HAProxy: of the whole
process) in percent of one core, and how many of the checks that were due were made.

  checks.py [http|http-reuse|tcp|haproxy-http|haproxy-tcp|floor] ...      default: http tcp

floor: the system calls of HTTP checks alone, what the kernel takes for both ends.
  WEIR_BENCH_SERVERS (10000), WEIR_BENCH_SECONDS (10)

WEIR and WEIRCTL name the binaries, which should be those of the release preset.
"""
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))

from weirlab import Lab, wait_until  # noqa: E402
from weirlab.procs import title  # noqa: E402

SERVERS = int(os.environ.get("WEIR_BENCH_SERVERS", "10000"))
SECONDS = float(os.environ.get("WEIR_BENCH_SECONDS", "10"))
INTER_S = 2
TICK = os.sysconf("SC_CLK_TCK")


def address(i):
    return f"127.{1 + i // 62500}.{i // 250 % 250}.{1 + i % 250}"


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def compile_c(source, program):
    subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", program,
                    os.path.join(HERE, source)], check=True)


class Peers:
    """The origin on all addresses of loopback."""

    def __init__(self):
        self.lab = Lab("bench")
        load = os.path.join(self.lab.dir, "load")
        compile_c("load.c", load)
        self.port = self.lab.port()
        self.origin = subprocess.Popen([load, "origin", str(self.port), "100"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.origin.kill()
        self.origin.wait()
        self.lab.close()


def measure(pid, count=None):
    """Percent of a core, percent of the checks that were due. Counting takes time itself
    on a busy machine: what happened when is asked on both of its sides."""
    def look():
        began, cpu, made = time.monotonic(), cpu_s(pid), count() if count else 0
        return (began + time.monotonic()) / 2, began, cpu, made
    first = look()
    time.sleep(SECONDS)
    last = look()
    share = (last[2] - first[2]) / (last[1] - first[1]) * 100
    made = (last[3] - first[3]) / (SERVERS * (last[0] - first[0]) / INTER_S) * 100
    return share, made if count else None


def weir(kind):
    with Peers() as peers:
        backend = {"servers": {f"s{i}": {"address": f"{address(i)}:{peers.port}"}
                               for i in range(SERVERS)},
                   "default_server": {"check": True, "inter": f"{INTER_S}s"}}
        if kind != "tcp":
            backend["option"] = {"httpchk": {"method": "GET", "uri": "/"}}
        if kind == "http-reuse":
            backend["option"]["httpchk"]["version"] = "HTTP/1.1"
            backend["default_server"]["check_reuse_pool"] = True
        config = {"global": {"nbproc": 1, "maxconn": 1000, "watchdog": "10m"},
                  "defaults": {"mode": "http", "timeout": {"check": "1s"}},
                  "frontends": {"fe": {"bind": f"127.0.0.1:{peers.lab.port()}",
                                       "default_backend": "be"}},
                  "backends": {"be": backend}}
        w = peers.lab.prepare(json.dumps(config))
        w.start(timeout=60)

        def checks():
            return int(w.ctl("counters", "checks_run").stdout.split("global.checks_run")[1].split()[0])
        wait_until(lambda: checks() > 2 * SERVERS, 60, "two rounds of checks")
        pid = next(p for p in w.kids() if "checker" in title(p))
        extra = os.environ.get("WEIR_BENCH_HOOK")
        hook = subprocess.Popen([*extra.split(), str(pid)]) if extra else None
        result = measure(pid, checks)
        if hook:
            hook.wait()
        down = sum(row["status"] != "UP" for (px, sv), row in w.stats().items()
                   if px == "be" and sv != "BACKEND")
        return *result, down


def haproxy(kind):
    with Peers() as peers:
        text = ("global\n  nbthread 1\n  maxconn 1000\ndefaults\n  mode http\n"
                "  timeout connect 1s\n  timeout client 5s\n  timeout server 5s\n"
                f"  timeout check 1s\nlisten be\n  bind 127.0.0.1:{peers.lab.port()}\n")
        if kind == "http":
            text += "  option httpchk GET /\n"
        text += f"  default-server check inter {INTER_S}s\n"
        text += "".join(f"  server s{i} {address(i)}:{peers.port}\n" for i in range(SERVERS))
        path = peers.lab.file("haproxy.cfg", text)
        proxy = subprocess.Popen(["haproxy", "-q", "-db", "-f", path])
        try:
            time.sleep(3 * INTER_S)
            return *measure(proxy.pid), 0
        finally:
            proxy.kill()
            proxy.wait()


def floor():
    with Peers() as peers:
        program = os.path.join(peers.lab.dir, "floor")
        compile_c("floor.c", program)
        done = subprocess.run([program, str(peers.port), str(SERVERS), str(SECONDS),
                               str(INTER_S * 1000)], capture_output=True, check=True, text=True)
        return float(done.stdout), None, 0


def main():
    runs = {"http": lambda: weir("http"), "tcp": lambda: weir("tcp"),
            "http-reuse": lambda: weir("http-reuse"),
            "floor": floor, "haproxy-http": lambda: haproxy("http"), "haproxy-tcp": lambda: haproxy("tcp")}
    wanted = sys.argv[1:] or ["http", "tcp"]
    if set(wanted) - set(runs):
        print(__doc__, file=sys.stderr)
        return 2
    for name in wanted:
        share, made, down = runs[name]()
        rest = f", {made:.1f} % of the checks due were made, {down} not UP" if made else ""
        print(f"{name}: {SERVERS} servers every {INTER_S} s: {share:.1f} % of a core{rest}",
              flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
