# SPDX-License-Identifier: MIT
"""The proxies under test, each with one lane (a frontend and a server) per origin.
Deadlines are short, and the same for all."""
import json
import os
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../lib"))

from weirlab import Lab  # noqa: E402
from weirlab.wait import SLOW  # noqa: E402

SHORT = f"{2000 * SLOW:.0f}ms"  # every deadline
# More words for weir's defaults, as JSON: the tables hold whatever the options.
OPTIONS = json.loads(os.environ.get("CONFORMANCE_OPTIONS", "{}"))
PATHS = {"haproxy": "/usr/sbin/haproxy", "nginx": "/usr/sbin/nginx"}


def is_present(name):
    return name == "weir" or os.access(PATHS[name], os.X_OK)


def version(name):
    if name == "weir":
        return "weir"
    done = subprocess.run([PATHS[name], "-v"], capture_output=True, text=True)
    number = re.search(r"[0-9]+\.[0-9]+\.[0-9]+", done.stdout + done.stderr)
    return {"haproxy": "HAProxy", "nginx": "nginx"}[name] + " " + number[0]


class Proxy:
    """Started with the origins' ports; `.ports` are the lanes' front doors."""

    def __init__(self, name, origin_ports):
        self.name, self.process = name, None
        self.lab = Lab("conformance")
        first = self.lab.port(len(origin_ports))
        self.ports = list(range(first, first + len(origin_ports)))
        self.pairs = list(zip(self.ports, origin_ports))

    def start(self):
        if self.name == "weir":
            self.weir = self.lab.start(self._weir(), nbproc=1)
            return self
        path = self.lab.file(f"{self.name}.conf", getattr(self, "_" + self.name)())
        arguments = {"haproxy": ["-db", "-f", path],
                     "nginx": ["-p", self.lab.dir, "-c", path, "-g", "daemon off;"]}[self.name]
        self.stderr = open(os.path.join(self.lab.dir, "stderr.txt"), "wb")
        self.process = subprocess.Popen([PATHS[self.name]] + arguments,
                                        stdin=subprocess.DEVNULL, stdout=self.stderr,
                                        stderr=self.stderr, start_new_session=True)
        self._wait()
        return self

    def _wait(self):
        end = time.monotonic() + 10
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.ports[-1]), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        with open(self.stderr.name) as f:
            raise RuntimeError(f"{self.name} does not start: {f.read()}")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.stderr.close()
        else:
            self.lab.verify()
        self.lab.close()

    def _weir(self):
        return {"defaults": {"mode": "http", **OPTIONS,
                             "timeout": {"connect": SHORT, "client": SHORT, "server": SHORT,
                                         "http_request": SHORT, "http_keep_alive": SHORT,
                                         "tunnel": SHORT}},
                "listens": {f"l{i}": {"bind": f"127.0.0.1:{front}",
                                      "servers": {"s": f"127.0.0.1:{back}"}}
                            for i, (front, back) in enumerate(self.pairs)}}

    def _haproxy(self):
        lanes = "".join(f"listen l{i}\n  bind 127.0.0.1:{front}\n  server s 127.0.0.1:{back}\n"
                        for i, (front, back) in enumerate(self.pairs))
        return ("global\n  nbthread 1\ndefaults\n  mode http\n"
                + "".join(f"  timeout {t} {SHORT}\n" for t in (
                    "connect", "client", "server", "http-request", "http-keep-alive"))
                + f"  timeout tunnel {SHORT}\n" + lanes)

    def _nginx(self):
        lanes = "".join(
            f"upstream u{i} {{ server 127.0.0.1:{back} max_fails=0; keepalive 8; }}\n"
            f"server {{ listen 127.0.0.1:{front}; location / {{ proxy_pass http://u{i}; }} }}\n"
            for i, (front, back) in enumerate(self.pairs))
        times = "".join(f"{t} {SHORT};\n" for t in (
            "client_header_timeout", "client_body_timeout", "keepalive_timeout",
            "proxy_connect_timeout", "proxy_read_timeout", "proxy_send_timeout"))
        return ("worker_processes 1; pid nginx.pid; error_log stderr crit;\n"
                "events { worker_connections 2048; }\n"
                "http { access_log off; proxy_http_version 1.1;\n"
                "map $http_upgrade $hop { default upgrade; '' ''; }\n"
                "proxy_set_header Connection $hop; proxy_set_header Upgrade $http_upgrade;\n"
                "proxy_set_header Host $http_host; proxy_request_buffering off;\n"
                "client_max_body_size 0;\n" + times + lanes + "}\n")
