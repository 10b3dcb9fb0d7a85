# SPDX-License-Identifier: MIT
"""Processes as /proc shows them."""
import os


def children(pid):
    """Pids of the direct children, in the order they were started."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def title(pid):
    """The title a process gave itself, '' when it is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def comm(pid):
    with open(f"/proc/{pid}/comm") as f:
        return f.read().strip()


def status(pid):
    """Fields of /proc/PID/status as a dict of strings."""
    with open(f"/proc/{pid}/status") as f:
        return dict((line.split(":", 1)[0], line.split(":", 1)[1].strip()) for line in f)


def is_alive(pid):
    """Running: neither gone nor a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))
