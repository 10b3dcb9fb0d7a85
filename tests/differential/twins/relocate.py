# SPDX-License-Identifier: MIT
"""A haproxy.cfg of somewhere else, made to run here: each address of a bind becomes a free
port of the loopback, each address of a server a server of ours, each log a sink. What
remains is the file letter by letter."""
import re

# What says where and as whom a program runs, not what it does.
LEFT_OUT = {"user", "group", "uid", "gid", "chroot", "daemon", "pidfile", "nbproc", "nbthread",
            "cpu-map", "master-worker", "ulimit-n"}
SECTIONS = {"global", "defaults", "frontend", "backend", "listen", "userlist", "peers",
            "resolvers", "mailers", "cache", "ring", "program", "http-errors"}


class Places:
    """Addresses of the original, and where they are now."""

    def __init__(self, new_port, sink_address, socket_path):
        self.new_port, self.sink_address, self.socket_path = new_port, sink_address, socket_path
        self.binds = {}     # proxy: its ports, in order
        self.now = {}       # address in the file: port here
        self.servers = {}   # the same, of servers alone
        self.left_out = []  # lines
        self.has_maxconn = False  # else both derive it from the limit on open files

    def bind(self, proxy, address):
        port = self.now.setdefault(address, self.new_port())
        self.binds.setdefault(proxy, []).append(port)
        return f"127.0.0.1:{port}"

    def server(self, address):
        if address not in self.servers:
            self.servers[address] = self.now[address] = self.new_port()
        return f"127.0.0.1:{self.servers[address]}"

    def original(self, text):
        """Text that one of the two wrote, with the addresses of the file."""
        for address, port in self.now.items():
            text = re.sub(rf"127\.0\.0\.1:{port}\b", address, text)
            text = re.sub(rf"\b{port}\b", f"<port of {address}>", text)
        return text.replace(self.sink_address, "<log>").replace(self.socket_path, "<socket>")


def _line(words, places, proxy):
    """The line's words, changed; None: it is left out."""
    first = words[0]
    places.has_maxconn |= first == "maxconn" and proxy is None
    if first in LEFT_OUT and proxy is None:
        return None
    if first == "bind":
        words[1] = ",".join(places.bind(proxy, a) for a in words[1].split(","))
    elif first in ("server", "dispatch"):
        at = 2 if first == "server" else 1
        words[at] = places.server(words[at])
    elif first == "log" and words[1] != "global":
        words[1] = places.sink_address
    elif words[:2] == ["stats", "socket"]:
        words[2] = places.socket_path
    return words


def relocate(text, places):
    """The file as it runs here. Words are changed where they stand, quotes and comments stay."""
    out, proxy = [], None
    has_socket = False
    for line in text.splitlines():
        body, _, comment = line.partition("#") if line.lstrip().startswith("#") else (line, "", "")
        words = body.split()
        if not words:
            out.append(line)
            continue
        if words[0] in SECTIONS:
            proxy = words[1] if words[0] in ("frontend", "backend", "listen") else \
                None if words[0] == "global" else ""
            if words[0] == "listen" and len(words) > 2 and words[2] != "from":
                line = line.replace(words[2], places.bind(proxy, words[2]))
            out.append(line)
            continue
        changed = _line(list(words), places, proxy)
        if changed is None:
            places.left_out.append(line.strip())
            continue
        has_socket |= changed[:2] == ["stats", "socket"]
        for old, new in zip(words, changed):
            if old != new:
                line = re.sub(rf"(?<=\s){re.escape(old)}(?=\s|$)", lambda _, new=new: new, line,
                              count=1)
        out.append(line)
    if not has_socket:
        out = ["global", f" stats socket {places.socket_path} mode 600 level admin"] + out
    return "\n".join(out) + "\n"
