# SPDX-License-Identifier: MIT
"""The product, running: start, stop, reload, its region, its processes."""
import contextlib
import csv
import fnmatch
import io
import json
import os
import re
import signal
import subprocess

from . import procs
from .client import say
from .wait import wait_until

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))


def binary(variable, name):
    """The program under test: from the environment, else the newest build."""
    path = os.environ.get(variable)
    if path:
        return os.path.abspath(path)
    found = [os.path.join(ROOT, "build", preset, name) for preset in ("dev", "release")]
    found = [path for path in found if os.access(path, os.X_OK)]
    if not found:
        raise RuntimeError(f"no {name} in build/*; build it, or set {variable}")
    return max(found, key=os.path.getmtime)


class Weir:
    """config: a dict, or YAML text, in which @NAME@ stands for what the test put into
    `names`. The harness adds global.shm, the control socket and the pidfile in a file
    of its own, so texts do not name them."""

    def __init__(self, lab, config, args=(), nbproc=None, names=None, env=None, name="weir",
                 own_global=True, prefix=()):
        self.lab, self.args, self.nbproc = lab, list(args), nbproc
        self.names, self.env, self.prefix = dict(names or {}), dict(env or {}), list(prefix)
        self.dir = os.path.join(lab.dir, name)
        os.makedirs(self.dir, mode=0o755, exist_ok=True)
        self.shm = os.path.join(lab.shm_dir, name + ".shm")
        self.sock = os.path.join(self.dir, "weir.sock")
        self.pidfile = os.path.join(self.dir, "weir.pid")
        self.conf_dir = os.path.join(self.dir, "conf.d")
        self.stderr_path = os.path.join(self.dir, "stderr.txt")
        self.stdout_path = os.path.join(self.dir, "stdout.txt")
        self.process = None
        self.pid = 0
        self.known = set()  # every pid of ours ever seen
        self.may_fail_check = False
        os.makedirs(self.conf_dir, exist_ok=True)
        if own_global:
            base = {"global": {"shm": self.shm,
                               "stats": {"socket": [{"path": self.sock, "mode": "0600",
                                                     "level": "admin"}]}}}
            if nbproc:
                base["global"]["nbproc"] = nbproc
            self._write("00-lab.yaml", json.dumps(base, indent=2) + "\n")
        self.configure(config)

    # --- configuration
    def _write(self, name, text):
        path = os.path.join(self.conf_dir, name)
        with open(path + ".new", "w") as f:
            f.write(text)
        os.rename(path + ".new", path)
        return path

    def configure(self, config):
        """Writes the configuration; the running weir reads it at the next reload."""
        text = config if isinstance(config, str) else json.dumps(config, indent=2) + "\n"
        text = re.sub(r"@(\w+)@", lambda m: str(self.names[m[1]]), text)
        self.config_path = self._write("10-test.yaml", text)

    @property
    def command(self):
        return self.prefix + [self.lab.weir, "-f", self.conf_dir, "-p", self.pidfile] + self.args

    # --- life
    def spawn(self):
        env = dict(os.environ, **self.env)
        with open(self.stdout_path, "ab") as out, open(self.stderr_path, "ab") as err:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=err, cwd=self.dir, env=env,
                                            start_new_session=True)
        self.pid = self.process.pid
        self.lab.started.append(self)
        return self

    def start(self, timeout=10.0):
        """Spawns and waits until the pidfile says that every process is ready."""
        if os.path.exists(self.pidfile):
            os.unlink(self.pidfile)
        self.spawn()
        wait_until(self._is_ready, timeout, "weir ready (its pidfile)")
        return self

    def _is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"weir ended with {self.process.returncode}: {self.stderr}")
        try:
            with open(self.pidfile) as f:
                pid = int(f.read().split()[0])
        except (OSError, ValueError, IndexError):
            return False
        self.kids()
        return pid == self.pid or "-D" in self.args

    def run(self, timeout=20):
        """Runs to the end, for starts that must fail: CompletedProcess with text."""
        if self not in self.lab.started:
            self.lab.started.append(self)
        return subprocess.run(self.command, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, cwd=self.dir, timeout=timeout,
                              env=dict(os.environ, **self.env))

    def send_signal(self, number):
        os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM, timeout=10.0):
        """Ends it and returns the exit status; no process may stay behind."""
        kids = self.kids()
        if self.process.poll() is None:
            self.process.send_signal(number)
        wait_until(lambda: self.process.poll() is not None, timeout, "the master's end")
        wait_until(lambda: not [k for k in kids if procs.is_alive(k)], timeout,
                   f"no process left behind ({self.titles(kids)})")
        return self.process.returncode

    def destroy(self):
        """Whatever state it is in, nothing of it runs afterwards."""
        self.kids()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._find_daemon()
        for pid in self.known:
            if procs.is_alive(pid) and procs.title(pid).startswith("weir"):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def _find_daemon(self):
        """A daemon (-D) is no child of ours; its pidfile and title tell."""
        for name in os.listdir(self.dir) if os.path.isdir(self.dir) else []:
            if name.endswith(".pid"):
                with open(os.path.join(self.dir, name)) as f:
                    pid = int(f.read().strip() or 0)
                if pid and procs.title(pid).startswith("weir"):
                    self.known.update([pid, *procs.children(pid)])

    def reload(self, config=None, timeout=10):
        """weirctl reload --wait: CompletedProcess."""
        if config is not None:
            self.configure(config)
        result = self.ctl("reload", "--wait", str(timeout), check=False, timeout=timeout + 5)
        self.kids()
        return result

    # --- processes
    def kids(self):
        kids = procs.children(self.pid)
        self.known.update(kids)
        return kids

    @staticmethod
    def titles(pids):
        return {pid: procs.title(pid) for pid in pids}

    def of_role(self, role):
        """Pids of the living children whose title begins 'weir: ROLE'."""
        return [pid for pid in self.kids()
                if re.match(rf"weir: {role}\b", procs.title(pid)) and procs.is_alive(pid)]

    def workers(self):
        """Pids by worker number as titled."""
        titles = self.titles(self.of_role("worker"))  # read once: one may be ending
        numbers = {pid: re.search(r"worker (\d+)", text) for pid, text in titles.items()}
        return sorted((pid for pid in numbers if numbers[pid]), key=lambda p: int(numbers[p][1]))

    def kill_worker(self, rng):
        """kill -9 of some worker, of whatever generation; none when that one has just left
        by itself, or none is there."""
        pids = self.workers()
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(rng.choice(pids), signal.SIGKILL)

    # --- what it says
    @property
    def stderr(self):
        try:
            with open(self.stderr_path, errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    @property
    def stdout(self):
        with open(self.stdout_path, errors="replace") as f:
            return f.read()

    def ctl(self, *args, check=True, timeout=20):
        """weirctl on this region."""
        result = subprocess.run([self.lab.weirctl, "-s", self.shm, *args], text=True, errors="backslashreplace",
                                stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
        if check:
            assert result.returncode == 0, \
                f"weirctl {' '.join(args)}: {result.returncode}: {result.stderr}"
        return result

    def stats_rows(self):
        return parse_csv(self.ctl("stats", "--csv").stdout)

    def stats(self):
        """{(pxname, svname): row of strings}"""
        return {(row["pxname"], row["svname"]): row for row in self.stats_rows()}

    def stat(self, px, sv, field):
        """One number of the statistics."""
        value = self.stats()[px, sv][field]
        return int(value) if value != "" else 0

    def counters(self, pattern="*"):
        """{name: value} of weirctl counters."""
        out = {}
        for line in self.ctl("counters").stdout.splitlines():
            m = re.match(r"(\S.*?)\s+(\d+)(?:\s.*)?$", line)
            if m and fnmatch.fnmatch(m[1], pattern):
                out[m[1]] = int(m[2])
        return out

    def counter(self, name):
        """A counter of the daemon as a whole."""
        found = [value for key, value in self.counters().items()
                 if re.fullmatch(rf"global[./ ](?:\S*[./ ])?{name}|{name}", key)]
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def status(self, px, sv):
        return self.stats()[px, sv]["status"]

    def wait_status(self, px, sv, text, timeout=5.0):
        wait_until(lambda: self.status(px, sv).startswith(text), timeout,
                   f"{px}/{sv} is {text}")

    def api(self, command, timeout=5.0):
        """One command over the control socket; the whole answer."""
        return say(self.sock, command, timeout)

    def wait_idle(self, timeout=5.0):
        """Every gauge is back at 0: nothing in flight, nothing leaked."""
        def busy():
            return [(key, row["scur"]) for key, row in self.stats().items()
                    if row.get("scur") not in ("", "0")]
        try:
            wait_until(lambda: not busy(), timeout, "gauges at 0")
        except AssertionError:
            raise AssertionError(f"gauges not 0: {busy()}") from None


def parse_csv(text):
    assert text.startswith("# pxname,svname,"), f"not HAProxy's CSV: {text[:80]!r}"
    return list(csv.DictReader(io.StringIO(text[2:])))
