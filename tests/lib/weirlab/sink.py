# SPDX-License-Identifier: MIT
"""A syslog daemon that only remembers: UDP, or a UNIX datagram socket."""
import os
import re
import socket
import threading

from .wait import wait_until


class Sink:
    def __init__(self, path=None):
        if path:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.socket.bind(path)
            os.chmod(path, 0o777)
            self.address = path
        else:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self.socket.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.lines = []
        self.thread = threading.Thread(target=self._receive, daemon=True)
        self.thread.start()

    def _receive(self):
        while True:
            try:
                data = self.socket.recv(65536)
            except OSError:
                return
            if data == b"stop":
                return
            self.lines.append(data.decode(errors="replace").removesuffix("\n"))

    def find(self, pattern):
        return [line for line in list(self.lines) if re.search(pattern, line)]

    def wait(self, pattern, n=1, timeout=5.0):
        """The lines that match, once there are at least n."""
        try:
            return wait_until(lambda: len(self.find(pattern)) >= n and self.find(pattern),
                              timeout, f"{n} log line(s) like {pattern!r}")
        except AssertionError as error:
            tail = "\n  ".join(self.lines[-20:])
            raise AssertionError(f"{error}; the last lines were:\n  {tail}") from None

    def close(self):
        try:
            kind = self.socket.family
            with socket.socket(kind, socket.SOCK_DGRAM) as s:
                s.sendto(b"stop", self.socket.getsockname())
        except OSError:
            pass
        self.thread.join(2)
        self.socket.close()
