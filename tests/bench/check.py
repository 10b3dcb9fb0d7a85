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
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
os.environ.setdefault("WEIRLAB_SLOW", "6")  # valgrind

from weirlab import Lab, wait_until  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
# Some above what is promised (docs/benchmarks.md), as libc has other functions for other
# processors.
BAR_INSTRUCTIONS = {"plain": 7000, "rules": 20500}
BAR_SYSCALLS = {"keep-alive": 4.2, "close": 7.0}
CONNECTIONS = 64

# Nothing but forwarding.
PLAIN = """\
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

# What a site may ask for: 20 ACLs, 6 edits of fields, a log line over UDP.
RULES = """\
global:
  nbproc: 1
  maxconn: 1000
  watchdog: 10m
  log: [ {{ address: "127.0.0.1:{syslog}", facility: local0 }} ]
defaults:
  mode: http
  timeout: {{ connect: 5s, client: 60s, server: 60s, http_request: 60s, http_keep_alive: 60s }}
  log: global
  option: [httplog, forwardfor]
frontends:
  fe:
    bind: "127.0.0.1:{port}"
    acl:
      host_www: hdr(host) -i www.example.com
      host_api: hdr(host) -i api.example.com
      host_img: hdr(host) -i img.example.com static.example.com
      host_old: hdr_end(host) -i .old.example.com
      host_beg: hdr_beg(host) -i dev.
      p_api: path_beg /api/ /v1/ /v2/
      p_static: path_beg /static/ /assets/ /img/
      p_admin: path_beg /admin
      p_health: path /healthz /livez
      p_php: path_end .php .cgi
      p_dot: path_sub /.
      p_re: "path_reg ^/(user|account)/[0-9]+/(edit|delete)$"
      q_debug: url_param(debug) 1
      m_unsafe: method POST PUT DELETE
      ua_bot: hdr_sub(user-agent) -i bot crawler spider
      ck_beta: cook(beta) 1
      net_priv: src 10.0.0.0/8 192.168.0.0/16
      net_blk: src 198.51.100.0/24 203.0.113.0/24
      has_auth: hdr(authorization) -m found
      ws: hdr(upgrade) -i websocket
    http_request:
      - {{ deny: true, if: net_blk }}
      - {{ deny: true, if: p_dot }}
      - {{ deny: true, if: p_php !host_old }}
      - {{ deny: true, if: p_admin !net_priv }}
      - {{ deny: true, if: ua_bot p_api }}
      - {{ deny: true, if: q_debug !net_priv }}
      - {{ deny: true, if: m_unsafe p_static }}
      - set_header: {{ name: X-Forwarded-Proto, value: http }}
      - set_header: {{ name: X-Request-Start, value: "%[date()]" }}
      - del_header: X-Debug
    http_response:
      - set_header: {{ name: X-Frame-Options, value: DENY }}
      - set_header: {{ name: X-Content-Type-Options, value: nosniff }}
      - del_header: Server
    use_backend:
      - {{ backend: other, if: p_re }}
      - {{ backend: other, if: host_api p_api has_auth }}
      - {{ backend: other, if: host_img or p_static }}
      - {{ backend: other, if: host_beg or ck_beta }}
      - {{ backend: other, if: ws }}
      - {{ backend: other, if: p_health }}
      - {{ backend: be, if: host_www }}
    default_backend: other
backends:
  be:
    servers: {{ s: {{ address: "127.0.0.1:{origin}", check: true, inter: 2s }} }}
  other:
    servers: {{ s: {{ address: "127.0.0.1:{origin}" }} }}
"""
CONFIGS = {"plain": PLAIN, "rules": RULES}


class Setup:
    """Origin, weir, client, and a socket for log lines, which nobody needs to read."""

    def __init__(self, kind="plain", prefix=()):
        self.lab = Lab("bench")
        self.load = self.compile("load")
        self.port, origin = self.lab.port(), self.lab.port()
        self.origin = subprocess.Popen([self.load, "origin", str(origin)])
        env = {"LD_PRELOAD": self.compile("no_pidfd", "-shared", "-fPIC")} if prefix else {}
        self.syslog = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.syslog.bind(("127.0.0.1", 0))
        config = CONFIGS[kind].format(port=self.port, origin=origin,
                                      syslog=self.syslog.getsockname()[1])
        self.weir = self.lab.prepare(config, prefix=prefix, env=env)

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
        self.syslog.close()
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


def total_instructions(kind, n):
    """Of the worker over its life with n requests."""
    out = "callgrind.%p"
    prefix = ["valgrind", "--tool=callgrind", "--trace-children=yes", "-q",
              "--callgrind-out-file=" + out]
    with Setup(kind, prefix) as s:
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
            shutil.copy(path, f"{keep}.{kind}")
        return int(found[-1])


def instructions():
    good = True
    n = int(os.environ.get("WEIR_BENCH_REQUESTS", "4000"))
    for kind, bar in BAR_INSTRUCTIONS.items():
        one, two = total_instructions(kind, n), total_instructions(kind, 2 * n)
        each = (two - one) / n
        print(f"instructions per keep-alive request, {kind}: {each:.0f} (bar {bar})",
              flush=True)
        good = good and each <= bar
    return good


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
