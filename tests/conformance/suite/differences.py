# SPDX-License-Identifier: MIT
"""The table of differences between the proxies: docs/differences.md."""
import collections
import fnmatch

from . import judge, proxies, reasons

NAMES = ("weir", "haproxy", "nginx")
SHOWN = 6  # ids per row; more are counted

HEAD = """# Differences to HAProxy and nginx

Written by `tests/conformance/run.py --compare`: which cases of tests/conformance weir
answers differently from {versions}, and why. Numbers are the
statuses that the client got; "n requests": so many reached the origin whole, if it was
not one; "ambiguous": something passed that has two readings; ✗: not what the suite allows.
"""


def _cell(case, seen):
    return judge.behaviour(seen) + (" ✗" if judge.verdict(case, seen) else "")


def reason(case_id):
    """The pattern and the text, or None."""
    for pattern, text in reasons.REASONS:
        if fnmatch.fnmatchcase(case_id, pattern):
            return pattern, text
    return None


def find(cases, results):
    """[(case, its three behaviours)] where they are not all the same."""
    rows = [(c, tuple(_cell(c, results[n][c.id]) for n in NAMES)) for c in cases]
    return [row for row in rows if len(set(row[1])) > 1]


def unexplained(cases, results):
    return [case.id for case, _ in find(cases, results) if not reason(case.id)]


def _score(cases, results):
    lines = ["| group | cases | weir | HAProxy | nginx |", "|---|---|---|---|---|"]
    groups = collections.OrderedDict()
    for case in cases:
        row = groups.setdefault(case.group, collections.Counter())
        row["n"] += 1
        for name in NAMES:
            row[name] += not judge.verdict(case, results[name][case.id])
    for group, row in groups.items():
        lines.append(f"| {group} | {row['n']} | " + " | ".join(str(row[n]) for n in NAMES) + " |")
    total = sum(groups.values(), collections.Counter())
    lines.append(f"| **all** | {total['n']} | " + " | ".join(str(total[n]) for n in NAMES) + " |")
    return lines


def write(path, cases, results):
    tables = collections.OrderedDict()  # group: reason: behaviours: ids
    for case, cells in find(cases, results):
        text = (reason(case.id) or (None, "No reason yet."))[1]
        of_group = tables.setdefault(case.group, collections.OrderedDict())
        of_group.setdefault(text, collections.OrderedDict()).setdefault(cells, []).append(
            case.id.partition("/")[2])
    versions = " and ".join(proxies.version(n) for n in NAMES[1:])
    out = [HEAD.format(versions=versions), "## Cases passed\n"] + _score(cases, results)
    for group, texts in tables.items():
        out.append(f"\n## {group}")
        for text, rows in texts.items():
            out += ["", text, "", "| cases | weir | HAProxy | nginx |", "|---|---|---|---|"]
            for cells, ids in rows.items():
                shown = ", ".join(f"`{i}`" for i in ids[:SHOWN]).replace("|", "\\|")
                more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
                out.append(f"| {shown}{more} | " + " | ".join(cells) + " |")
    with open(path, "w") as f:
        f.write("\n".join(out) + "\n")
