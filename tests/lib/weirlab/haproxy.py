# SPDX-License-Identifier: MIT
"""HAProxy 2.6 from the distribution, beside a Weir with an equivalent configuration: the
second opinion on words we have borrowed."""
import pathlib
import shutil
import subprocess

import pytest

from .client import Client
from .wait import wait_until

DEFAULTS = """
defaults
 mode http
 timeout client 5s
 timeout server 5s
 timeout connect 5s
"""


class Haproxy:
    """Runs `text` behind DEFAULTS; ready when `port` answers. Skips without HAProxy 2.6."""

    def __init__(self, lab, text, port):
        program = shutil.which("haproxy") or "/usr/sbin/haproxy"
        if not pathlib.Path(program).exists() or b"version 2.6" not in subprocess.run(
                [program, "-v"], capture_output=True).stdout:
            pytest.skip("needs HAProxy 2.6")
        path = lab.file("haproxy.cfg", DEFAULTS + text)
        self.process = subprocess.Popen([program, "-db", "-f", path], stderr=subprocess.PIPE)
        lab.things.append(self)

        def answers():
            try:
                with Client(port):
                    return True
            except OSError:
                return self.process.poll() is not None

        wait_until(answers, what="haproxy answers")
        assert self.process.poll() is None, self.process.stderr.read().decode()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
