#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does weir do what HAProxy does with this haproxy.cfg?

  run.py haproxy.cfg [traffic] [--nbproc N] [--yaml]

Starts both here, on ports of the loopback, with servers that stand in for those of the file,
says the same to both and prints every difference. Without traffic: GET / at each HTTP bind,
a line of text at each other one. Traffic is described in twins/traffic.py, and configs/ has
some. Ends with 0 when nothing is different, with 1 when something is, with 2 when one of
the two refuses the file."""
import argparse
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../lib")]

from twins import HAPROXY, Refused, Traffic, compare  # noqa: E402
from weirlab.lab import Lab  # noqa: E402


def first_traffic(text):
    """A request for each proxy that listens."""
    out, mode, proxy = [], {"": "tcp"}, ""
    for words in filter(None, (line.split() for line in text.splitlines())):
        if words[0] in ("defaults", "frontend", "listen", "backend", "global"):
            proxy = words[1] if words[0] in ("frontend", "listen") else ""
            mode[proxy] = mode[""]
        elif words[0] == "mode":
            mode[proxy] = words[1]
        elif words[0] == "bind" and proxy:
            out.append(proxy)
    return "\n".join(f"{p}: GET /" if mode[p] == "http" else f'{p}: "hello"'
                     for p in dict.fromkeys(out))


def _count(n, what):
    return f"{n} {what}{'' if n == 1 else 's'}"


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("config")
    p.add_argument("traffic", nargs="?")
    p.add_argument("--nbproc", type=int, default=1, help="workers of weir; 1 by default")
    p.add_argument("--yaml", action="store_true", help="print what was imported")
    args = p.parse_args()
    if not os.access(HAPROXY, os.X_OK):
        sys.exit("run.py: there is no haproxy; apt-get install haproxy")
    with open(args.traffic or args.config) as f:
        text = f.read()
    traffic = Traffic(text if args.traffic else first_traffic(text))
    lab = Lab("differential")
    try:
        sides, answers, found = compare(lab, args.config, traffic, args.nbproc)
        if args.yaml:
            print(sides[1].yaml)
        for line in sides[0].places.left_out:
            print(f"left out of both: {line}")
        for n, (what, theirs, ours) in enumerate(found):
            if n and found[n - 1] == found[n]:
                continue
            print(f"{what}\n  haproxy: {theirs}\n  weir:    {ours}")
        print(f"{_count(len(answers[0]), 'request')}, {_count(len(found), 'difference')}")
        return 1 if found else 0
    except Refused as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        lab.close()


if __name__ == "__main__":
    sys.exit(main())
