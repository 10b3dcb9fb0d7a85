#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What one request costs, in figures that a busy machine cannot change: user-space
instructions (callgrind) and system calls (strace). And a smoke benchmark, which only
has to run.

  check.py [instructions] [syscalls] [smoke]     default: all three; exit 1 over a bar

The bars are the design's (docs/benchmarks.md); WEIR and WEIRCTL name the binaries,
which should be those of the release preset.
"""
import os
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
os.environ.setdefault("WEIRLAB_SLOW", "6")  # valgrind

from weirlab import Lab, wait_until  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
BAR_INSTRUCTIONS = 8000
BAR_SYSCALLS = {"keep-alive": 4.2, "close": 7.0}
CONNECTIONS = 64

CONFIG = """\
global: {{ nbproc: 1, maxconn: 1000, watchdog: 10m }}
defaults:
  mode: http
  timeout: {{ connect: 5s, client: 60s, server: 60s, http_request: 60s, http_keep_alive: 60s }}
frontends:
  fe: {{ bind: "127.0.0.1:{port}", default_backend: be }}
backends:
  be:
    servers: {{ s: {{ address: "127.0.0.1:{origin}", check: true, inter: 2s }} }}
"""


class Setup:
    """Origin, weir, client."""

    def __init__(self, prefix=()):
        self.lab = Lab("bench")
        self.load = self.compile("load")
        self.port, origin = self.lab.port(), self.lab.port()
        self.origin = subprocess.Popen([self.load, "origin", str(origin)])
        env = {"LD_PRELOAD": self.compile("no_pidfd", "-shared", "-fPIC")} if prefix else {}
        self.weir = self.lab.prepare(CONFIG.format(port=self.port, origin=origin),
                                     prefix=prefix, env=env)

    def compile(self, name, *options):
        out = os.path.join(self.lab.dir, name)
        subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", *options, "-o", out,
                        os.path.join(HERE, name + ".c")], check=True)
        return out

    def __enter__(self):
        try:
            self.weir.start(timeout=20)
            wait_until(lambda: self.weir.status("be", "s").startswith("UP"), 10, "the origin up")
            self.client(CONNECTIONS * 4)  # pools, buffers and caches are filled
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.origin.kill()
        self.origin.wait()
        self.lab.close()

    def client(self, n, mode="keep-alive"):
        args = [self.load, "client", str(self.port), str(n), str(CONNECTIONS)]
        if mode == "close":
            args.append("close")
        done = subprocess.run(args, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def worker(self):
        """By the region: under valgrind /proc shows valgrind's command line."""
        for line in self.weir.ctl("procs").stdout.splitlines():
            if "worker" in line:
                pids = {int(word) for word in re.findall(r"\b\d+\b", line)}
                found = pids & set(self.weir.kids())
                if found:
                    return found.pop()
        raise AssertionError("no worker in weirctl procs")


def total_instructions(n):
    """Of the worker over its life with n requests."""
    out = "callgrind.%p"
    prefix = ["valgrind", "--tool=callgrind", "--trace-children=yes", "-q",
              "--callgrind-out-file=" + out]
    with Setup(prefix) as s:
        pid = s.worker()
        s.client(n)
        s.weir.send_signal(signal.SIGTERM)
        wait_until(lambda: s.weir.process.poll() is not None, 10, "the end")
        path = os.path.join(s.weir.dir, f"callgrind.{pid}")
        with open(path) as f:
            text = f.read()
        found = re.findall(r"^(?:summary|totals): (\d+)", text, re.M)
        assert found, "no totals in " + path
        keep = os.environ.get("WEIR_CALLGRIND_OUT")
        if keep:
            shutil.copy(path, keep)
        return int(found[-1])


def instructions():
    n = int(os.environ.get("WEIR_BENCH_REQUESTS", "4000"))
    one, two = total_instructions(n), total_instructions(2 * n)
    each = (two - one) / n
    print(f"instructions per keep-alive request: {each:.0f} (bar {BAR_INSTRUCTIONS})",
          flush=True)
    return each <= BAR_INSTRUCTIONS


def syscalls():
    good = True
    n = 10000
    with Setup() as s:
        for mode, bar in BAR_SYSCALLS.items():
            out = os.path.join(s.lab.dir, "strace." + mode)
            tracer = subprocess.Popen(["strace", "-f", "-c", "-S", "calls", "-o", out,
                                       "-p", str(s.worker())],
                                      stderr=subprocess.PIPE, text=True)
            assert "attached" in tracer.stderr.readline()
            s.client(n, mode)
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)
            tracer.stderr.close()
            with open(out) as f:
                table = f.read()
            rows = [(m[2], int(m[1])) for m in re.finditer(
                r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", table, re.M)
                if m[2] != "total"]
            each = sum(calls for _, calls in rows) / n
            top = ", ".join(f"{name} {calls / n:.2f}" for name, calls in rows[:8])
            print(f"system calls per {mode} request: {each:.2f} (bar {bar}): {top}", flush=True)
            good = good and each <= bar and len(rows) > 0
    return good


def smoke():
    with Setup() as s:
        for mode in ("keep-alive", "close"):
            print(f"smoke, {mode}: {s.client(20000, mode)}", flush=True)
    return True


def main():
    checks = {"instructions": instructions, "syscalls": syscalls, "smoke": smoke}
    wanted = sys.argv[1:] or list(checks)
    if set(wanted) - set(checks):
        print(__doc__, file=sys.stderr)
        return 2
    results = [checks[name]() for name in wanted]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
