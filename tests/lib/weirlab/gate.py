# SPDX-License-Identifier: MIT
"""A behaviour that counts the requests it has in hand, and lets them go one by one:

    gate = Gate()
    a.on("/", gate)                     # requests wait here
    wait_until(lambda: gate.inside == 10)
    gate.open(1)                        # answers the oldest, gate.serve(1) waits for it
    assert gate.most == 10
"""
import asyncio
import os
import socket
import threading

from .wait import wait_until


def is_gone(conn):
    """Whether the peer has closed, as far as the kernel knows."""
    if conn.reader.at_eof() or conn.writer.transport.is_closing():
        return True
    fd = os.dup(conn.writer.get_extra_info("socket").fileno())
    with socket.socket(fileno=fd) as peek:
        peek.setblocking(False)
        try:
            return peek.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


class Gate:
    """`hold_s`: every request is answered after so long by itself; None: by open().
    `keeps`: the connection persists afterwards."""

    def __init__(self, hold_s=None, keeps=True):
        self.hold_s, self.keeps = hold_s, keeps
        self.here = []  # (request, conn, event), the oldest first
        self.opened = []  # those of them that are on their way out
        self.most = 0
        self.order = []  # targets as they came
        self.lock = threading.Lock()

    @property
    def inside(self):
        with self.lock:
            return len(self.here)

    async def __call__(self, req, conn):
        event = asyncio.Event()
        entry = (req, conn, event)
        with self.lock:
            self.here.append(entry)
            self.order.append(req.target)
            now = sum(not is_gone(c) for _, c, _ in self.here)
            if now > self.most:  # max() would write back what a test has just set to 0
                self.most = now
        watch = asyncio.ensure_future(conn.reader.read(1))
        wait = asyncio.ensure_future(event.wait())
        await asyncio.wait([watch, wait], timeout=self.hold_s,
                           return_when=asyncio.FIRST_COMPLETED)
        is_left = watch.done()
        watch.cancel()
        wait.cancel()
        await asyncio.gather(watch, wait, return_exceptions=True)
        with self.lock:
            self.here.remove(entry)
            if entry in self.opened:
                self.opened.remove(entry)
        if is_left:
            return False
        conn.answer(200, req.target)
        return self.keeps

    def serve(self, n=1):
        """Answers n requests. That weir has sent them does not mean they are here yet."""
        wait_until(lambda: self.inside >= n, what=f"{n} requests at the server")
        self.open(n)

    def open(self, n=1):
        """Answers the oldest n, or as many as are here."""
        with self.lock:
            first = [e for e in self.here if e not in self.opened][:n]
            self.opened += first
        for _, conn, event in first:
            conn.origin.loop.call_soon_threadsafe(event.set)
