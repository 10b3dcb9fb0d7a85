# SPDX-License-Identifier: MIT
"""One test's belongings, and their end."""
import functools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile

from .load import Load
from .origin import Origin
from .sink import Sink
from .weir import Weir, binary

# Below the kernel's ephemeral range, so that no outgoing connection takes one. Tests that
# run beside each other (pytest -n) do not meet.
_RUNNER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 8
PORTS = range(12000 + 2500 * _RUNNER, 12000 + 2500 * (_RUNNER + 1))


@functools.cache
def is_sanitized(program):
    return "AddressSanitizer: yes" in subprocess.run([program, "-vv"], text=True,
                                                     capture_output=True).stdout


class Lab:
    def __init__(self, name="test"):
        self.name = name
        self.weir, self.weirctl = binary("WEIR", "weir"), binary("WEIRCTL", "weirctl")
        self.sanitized = is_sanitized(self.weir)
        self.dir = tempfile.mkdtemp(prefix="weirlab-")
        os.chmod(self.dir, 0o755)
        self.shm_dir = tempfile.mkdtemp(prefix="weirlab-", dir="/dev/shm")
        os.chmod(self.shm_dir, 0o755)
        self.started = []  # Weir
        self.things = []   # with close()
        self.taken = set()

    # --- makers
    def port(self, n=1):
        """A free TCP port; with n > 1 the first of n consecutive ones."""
        while True:
            first = random.choice(PORTS)
            wanted = range(first, first + n)
            if not self.taken & set(wanted) and all(_is_free(p) for p in wanted):
                self.taken.update(wanted)
                return first

    def origin(self, name="a", **kwargs):
        return self._own(Origin(name, **kwargs))

    def origins(self, names, **kwargs):
        return [self.origin(name, **kwargs) for name in names]

    def sink(self, path=None):
        return self._own(Sink(path))

    def load(self, *args, **kwargs):
        return self._own(Load(*args, **kwargs))

    def start(self, config, **kwargs):
        """A Weir, configured and ready."""
        return Weir(self, config, **kwargs).start()

    def prepare(self, config, **kwargs):
        """A Weir, configured, not started."""
        return Weir(self, config, **kwargs)

    def file(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def _own(self, thing):
        self.things.append(thing)
        return thing

    # --- the end
    def verify(self):
        """What must hold after every test: each region that is still served is sound, and
        no sanitizer has complained, not even at the end of a process."""
        for weir in self.started:
            if weir.process and weir.process.poll() is None and not weir.may_fail_check:
                result = weir.ctl("check", check=False)
                assert result.returncode == 0, \
                    f"weirctl check: {result.stdout}{result.stderr}"
                if self.sanitized:  # leaks are told at the end of a process
                    weir.stop(signal.SIGINT)
        complaints = self.complaints()
        assert not complaints, complaints

    def complaints(self):
        """What sanitizers have said: a bug, whatever the test was about and however it ended."""
        return "".join(weir.stderr for weir in self.started
                       if "Sanitizer" in weir.stderr or "runtime error:" in weir.stderr)

    def _write_down_complaints(self):
        path, text = os.environ.get("WEIRLAB_COMPLAINTS"), self.complaints()
        if path and text:
            with open(path, "a") as f:
                f.write(f"--- {self.name}\n{text}")

    def report(self):
        """For a failing test: configuration, stderr, processes, counters."""
        out = []
        for weir in self.started:
            for name in sorted(os.listdir(weir.conf_dir)):
                with open(os.path.join(weir.conf_dir, name)) as f:
                    out.append(f"--- {name}\n{f.read()}")
            out.append(f"--- stderr\n{weir.stderr[-6000:]}")
            try:
                out.append(f"--- processes\n{weir.titles(weir.kids())}")
                for what in (["stats"], ["counters"], ["info"]):
                    result = weir.ctl(*what, check=False)
                    out.append(f"--- weirctl {what[0]}\n{(result.stdout + result.stderr)[-6000:]}")
            except Exception as error:  # the report must not hide the failure
                out.append(f"--- no statistics: {error}")
        return "\n".join(out)

    def close(self):
        for thing in self.things:
            if isinstance(thing, Load):
                thing.close()
        for weir in self.started:
            weir.destroy()
        self._write_down_complaints()
        for thing in reversed(self.things):
            if not isinstance(thing, Load):
                thing.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.rmtree(self.shm_dir, ignore_errors=True)


def _is_free(port):
    for host in ("0.0.0.0", "127.0.0.1"):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind((host, port))
            except OSError:
                return False
    return True
