# SPDX-License-Identifier: MIT
"""A crowd of clients in a process of its own (so that it does not share the
interpreter with the test and the origins). Run as a program it works until its
standard input closes, then lets every request in flight finish and prints one JSON
object; Load is the handle for the test.

What counts as failed: refused, reset or closed without an answer on a new
connection, reset or closed in a request on a kept one, a response cut short, a
status other than the expected, stalled. What does not: an announced close
("Connection: close" in the last answer) and a close of a connection at rest.
"""
import asyncio
import json
import os
import subprocess
import sys
import time

MODES = ("busy", "think", "close")


class Crowd:
    def __init__(self, port, path, mode, think_ms, expect, stall_s, host="127.0.0.1",
                 pad=0):
        self.port, self.path, self.mode, self.host = port, path, mode, host
        self.think_s, self.expect, self.stall_s = think_ms / 1000, expect, stall_s
        self.stop = False
        self.ok = self.sent = self.connects = self.announced = self.idle_closed = 0
        self.failures = {}
        self.examples = []
        self.slowest_ms = self.slowest_connect_ms = 0.0
        self.connection = "close" if mode == "close" else "keep-alive"
        self.pad = "x" * pad

    def failed(self, kind, text=""):
        self.failures[kind] = self.failures.get(kind, 0) + 1
        if len(self.examples) < 10:
            self.examples.append(f"{time.time():.3f} {kind} {text}")

    async def one(self, reader, writer, fresh):
        """One exchange: True to keep the connection."""
        age = "fresh" if fresh else "reused"
        start = time.monotonic()
        line = b""
        try:
            self.sent += 1
            writer.write((f"GET {self.path} HTTP/1.1\r\nHost: load.test\r\n"
                          f"Connection: {self.connection}\r\nX-Pad: {self.pad}\r\n"
                          "\r\n").encode())
            line = await asyncio.wait_for(reader.readline(), self.stall_s)
            if not line:
                self.failed("eof_" + age)
                return False
            status = int(line.split()[1])
            length, close = 0, self.mode == "close"
            while True:
                field = await asyncio.wait_for(reader.readline(), self.stall_s)
                if field == b"\r\n":
                    break
                if not field:
                    self.failed("cut_eof")
                    return False
                name, _, value = field.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                elif name.lower() == b"connection" and b"close" in value.lower():
                    self.announced += not close
                    close = True
            if length:
                await asyncio.wait_for(reader.readexactly(length), self.stall_s)
            if status != self.expect:
                self.failed(f"status_{status}")
            else:
                self.ok += 1
            self.slowest_ms = max(self.slowest_ms, (time.monotonic() - start) * 1000)
            return not close
        except asyncio.TimeoutError:
            self.failed("stalled")
        except asyncio.IncompleteReadError:
            self.failed("cut_eof")
        except (OSError, ValueError, IndexError) as error:
            self.failed(("cut_" if line else "rst_" + age + "_") + type(error).__name__, str(error))
        return False

    async def client(self):
        while not self.stop:
            start = time.monotonic()
            try:
                reader, writer = await asyncio.wait_for(
                    asyncio.open_connection(self.host, self.port), self.stall_s)
            except asyncio.TimeoutError:
                self.failed("connect_stalled")
                continue
            except OSError as error:
                self.failed("refused", str(error))
                await asyncio.sleep(0.01)
                continue
            took = (time.monotonic() - start) * 1000
            self.slowest_connect_ms = max(self.slowest_connect_ms, took)
            self.connects += 1
            fresh = True
            while not self.stop:
                if not await self.one(reader, writer, fresh):
                    break
                fresh = False
                if self.mode == "think":
                    await asyncio.sleep(self.think_s)
                    if reader.at_eof():
                        self.idle_closed += 1
                        break
            writer.close()

    async def run(self, n):
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(0, lambda: os.read(0, 100) or (loop.remove_reader(0), ended.set()))
        clients = [asyncio.create_task(self.client()) for _ in range(n)]
        start = time.monotonic()
        print("started", flush=True)
        beat = asyncio.create_task(self.report())
        await ended.wait()
        self.stop = True
        await asyncio.gather(*clients)
        beat.cancel()
        seconds = time.monotonic() - start
        print(json.dumps({
            "ok": self.ok, "sent": self.sent, "connects": self.connects,
            "failed": sum(self.failures.values()), "failures": self.failures,
            "examples": self.examples, "announced": self.announced,
            "idle_closed": self.idle_closed, "seconds": seconds,
            "slowest_ms": self.slowest_ms, "slowest_connect_ms": self.slowest_connect_ms,
        }), flush=True)

    async def report(self):
        """The count so far, for a test that waits for progress."""
        while True:
            print(f"ok {self.ok} {sum(self.failures.values())}", flush=True)
            await asyncio.sleep(0.02)


class Load:
    """load = lab.load(port, mode="busy", clients=16); ...; result = load.end()"""

    def __init__(self, port, mode="busy", clients=16, path="/", think_ms=20, expect=200,
                 stall_s=8.0, host="127.0.0.1"):
        assert mode in MODES
        self.result = None
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), json.dumps({
                "n": clients, "port": port, "path": path, "mode": mode,
                "think_ms": think_ms, "expect": expect, "stall_s": stall_s, "host": host})],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "started\n"
        os.set_blocking(self.process.stdout.fileno(), False)
        self.unread = ""
        self.progress = (0, 0)

    def so_far(self):
        """(answered, failed) until now."""
        while True:
            try:
                data = os.read(self.process.stdout.fileno(), 65536).decode()
            except BlockingIOError:
                break
            if not data:
                break
            self.unread += data
        *lines, self.unread = self.unread.split("\n")
        for line in lines:
            word, *rest = line.split(" ", 2)
            if word == "ok":
                self.progress = (int(rest[0]), int(rest[1]))
            elif line.startswith("{"):
                self.result = json.loads(line)
        return self.progress

    def wait_ok(self, more, timeout=30.0):
        """Until that many more requests have been answered."""
        from .wait import wait_until
        goal = self.so_far()[0] + more
        wait_until(lambda: self.so_far()[0] >= goal, timeout, f"{more} more answers")

    def end(self):
        """Lets requests in flight finish; the totals."""
        from .wait import wait_until
        if self.result is None:
            self.process.stdin.close()
            wait_until(lambda: self.so_far() and self.result, 20, "the load's last requests")
            self.process.wait(5)
        return self.result

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    n = options.pop("n")
    asyncio.run(Crowd(**options).run(n))
