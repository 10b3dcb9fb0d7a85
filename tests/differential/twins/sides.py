# SPDX-License-Identifier: MIT
"""The two, each with a relocated copy of the file, servers and a log of its own."""
import csv
import io
import os
import shutil
import subprocess

from weirlab import say, wait_until

from .relocate import Places, relocate
from .servers import Server

HAPROXY = shutil.which("haproxy") or "/usr/sbin/haproxy"

class Refused(Exception):
    """One of the two does not take the configuration."""


class Side:
    def __init__(self, lab, name, path, traffic):
        self.lab, self.name = lab, name
        self.dir = os.path.join(lab.dir, name + "-dir")
        os.mkdir(self.dir)
        beside = os.path.dirname(os.path.abspath(path))
        for name in os.listdir(beside):  # what the file may name: error files, maps
            os.symlink(os.path.join(beside, name), os.path.join(self.dir, name))
        self.sink = lab.sink()
        self.sock = os.path.join(self.dir, "stats.sock")
        self.places = Places(lab.port, self.sink.address, self.sock)
        self.path = os.path.join(self.dir, "here.cfg")
        with open(path) as f:
            text = relocate(f.read(), self.places)
        with open(self.path, "w") as f:
            f.write(text)
        self.servers = {}
        for address, port in self.places.servers.items():
            server = Server(address, port, traffic.languages.get(address, "http"))
            self.servers[address] = server
            lab.things.append(server)

    def ask(self, line):
        return say(self.sock, line)

    def stats(self):
        rows = csv.DictReader(io.StringIO(self.ask("show stat").removeprefix("# ")))
        return {(r["pxname"], r["svname"]): r for r in rows}

    def is_idle(self):
        return all(r["scur"] in ("", "0") for r in self.stats().values())

    def wait_up(self):
        def is_up():
            return all(r["status"].split(" ")[0] in ("UP", "OPEN", "no", "") or
                       int(r["lastchg"] or 0) > 3 for r in self.stats().values())
        wait_until(is_up, 15, f"{self.name}: all is up")


class Haproxy(Side):
    def __init__(self, lab, path, traffic):
        super().__init__(lab, "haproxy", path, traffic)
        self.process = subprocess.Popen([HAPROXY, "-db", "-f", self.path], cwd=self.dir,
                                        stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        lab.things.append(self)
        wait_until(lambda: os.path.exists(self.sock) or self.process.poll() is not None,
                   what="HAProxy answers")
        if self.process.poll() is not None:
            raise Refused("haproxy: " + self.process.stderr.read().decode())

    def close(self):
        self.process.kill()
        self.process.communicate()


class Imported(Side):
    def __init__(self, lab, path, traffic, nbproc=1):
        super().__init__(lab, "weir", path, traffic)
        yaml = os.path.join(self.dir, "here.yaml")
        done = subprocess.run([lab.weirctl, "import", self.path, "-o", yaml], cwd=self.dir,
                              capture_output=True, text=True)
        if done.returncode:
            raise Refused(f"weirctl import ends with {done.returncode}:\n{done.stderr}")
        with open(yaml) as f:
            self.yaml = f.read()
        weir = lab.prepare(self.yaml, own_global=False,
                           args=["-C", self.dir, "-o", f"global.nbproc={nbproc}"])
        weir.args += ["-o", "global.shm=" + weir.shm]
        weir.sock = self.sock
        weir.start()
