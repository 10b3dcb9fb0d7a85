#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the tables of cases/ against a proxy; --compare writes docs/differences.md."""
import argparse
import asyncio
import collections
import importlib
import os
import pkgutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import cases  # noqa: E402
from suite import differences, judge, proxies  # noqa: E402
from suite.client import Observation, perform  # noqa: E402
from suite.origin import Origin  # noqa: E402

LANES = 32


def load(groups=(), ids=()):
    """The cases of all tables, or those of these groups, or whose id begins so."""
    out = []
    for info in sorted(pkgutil.iter_modules(cases.__path__), key=lambda i: i.name):
        module = importlib.import_module("cases." + info.name)
        for table in module.TABLES:
            out += table.cases
    doubles = [i for i, n in collections.Counter(c.id for c in out).items() if n > 1]
    assert not doubles, f"ids used twice: {doubles}"
    return [c for c in out if (not groups or c.group in groups)
            and (not ids or any(c.id.startswith(i) for i in ids))]


def _turn(case):
    """Cases about reuse need servers that are not distrusted yet; long ones begin early."""
    wants_reuse = any(w.reused for w in case.want)
    return 0 if wants_reuse else 1 if case.ends else 2


async def _lane(queue, port, origin, results):
    while queue:
        case = queue.popleft()
        try:
            results[case.id] = await perform(case, port, origin)
        except OSError as error:  # not even a connection
            seen = Observation()
            seen.complaint = repr(error)
            results[case.id] = seen


async def _run(name, wanted):
    origins = [Origin() for _ in range(min(LANES, len(wanted)))]
    for origin in origins:
        await origin.start()
    proxy = proxies.Proxy(name, [o.port for o in origins])
    results = {}
    try:
        await asyncio.to_thread(proxy.start)
        queue = collections.deque(sorted(wanted, key=_turn))
        await asyncio.gather(*(_lane(queue, port, origin, results)
                               for port, origin in zip(proxy.ports, origins)))
    finally:
        await asyncio.gather(*(o.stop() for o in origins))
        proxy.stop()
    return results


def run(name, wanted):
    """{case id: Observation}"""
    return asyncio.run(_run(name, wanted))


def _print(name, wanted, results, verbose):
    table = collections.OrderedDict()
    for case in wanted:
        seen = results[case.id]
        why = judge.verdict(case, seen)
        row = table.setdefault(case.group, [0, 0])
        row[0] += not why
        row[1] += 1
        if verbose or why:
            mark, text = ("FAIL", why[:600]) if why else ("ok  ", judge.behaviour(seen))
            print(f"{mark} {case.id} ({case.ref}): {text}")
            if verbose:
                print(f"       client sent {case.client}\n       got {seen.responses}, "
                      f"closed {seen.closed}, probe {seen.probe}, reused {seen.reused}\n"
                      f"       origin {seen.messages}, incomplete {seen.partial}, "
                      f"violations {seen.violations}")
    for group, (good, n) in table.items():
        print(f"{name:8} {group:24} {good:4} of {n:4}")
    good, n = (sum(column) for column in zip(*table.values()))
    secure = [c for c in wanted if c.security]
    held = sum(not judge.verdict(c, results[c.id]) for c in secure)
    print(f"{name:8} {'all':24} {good:4} of {n:4}; security {held} of {len(secure)}")
    return good == n


def _compare(wanted):
    wanted = [case for case in wanted if case.compared]
    results = {name: run(name, wanted) for name in differences.NAMES}
    differences.write(os.path.join(HERE, "../../docs/differences.md"), wanted, results)
    missing = differences.unexplained(wanted, results)
    for case_id in missing:
        print(f"{case_id}: a difference without a reason")
    return bool(missing)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--proxy", choices=["weir", "haproxy", "nginx"], default="weir")
    p.add_argument("--group", action="append", default=[])
    p.add_argument("--case", action="append", default=[], help="an id, or its beginning")
    p.add_argument("--compare", action="store_true", help="all proxies; writes docs/differences.md")
    p.add_argument("-v", "--verbose", action="store_true")
    arguments = p.parse_args()
    wanted = load(arguments.group, arguments.case)
    if not wanted:
        sys.exit("no such cases")
    if arguments.compare:
        sys.exit(_compare(wanted))
    began = time.monotonic()
    good = _print(arguments.proxy, wanted, run(arguments.proxy, wanted), arguments.verbose)
    print(f"{len(wanted)} cases in {time.monotonic() - began:.1f} s")
    sys.exit(not good)


if __name__ == "__main__":
    main()
