#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""HAProxy's own regression tests against weir-haproxy.

None of their files is here: --haproxy names a checkout of HAProxy, --vtest a built VTest2
(https://github.com/vtest/VTest2). Without them this says so and is skipped (exit 77).

  run.py --haproxy DIR --vtest PROGRAM [--weir weir-haproxy] [--tiers 1,2] [--nbproc 1,3]
         [--report docs/regtests.md] [FILE ...]

Each file runs with each number of workers. One that fails is run again alone, up to three
times; what passes only then is flaky. tiers.txt says what is run and what each file needs,
results are compared with expected.txt: exit 1 when a file fails that is not named there.
The share that passes is that of the files that count: those that are neither broken nor
ask for what weir does not have yet (LATER).
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TRIES = 3
SECONDS = 20
REFUSED = "configuration: "  # no use in trying again
BROKEN = "marked broken by its authors"
UNASKED = "unasked "
LATER = {"tls": "TLS", "http/2": "HTTP/2", "cache": "the cache", "compression": "compression"}


def read_rows(name):
    """{file: (first word, text)} of a file of rows."""
    rows = {}
    for line in open(os.path.join(HERE, name)):
        if line.strip() and not line.startswith("#"):
            head, _, why = line.rstrip("\n").partition("  ")
            word, file = head.split()
            rows[file] = (word, why.strip())
    return rows


def unasked(needs):
    """The conditions of a file that are not put: weir has what they stand for."""
    return [w.removeprefix(UNASKED) for w in needs.split(", ") if w.startswith(UNASKED)]


def why_uncounted(needs):
    """Of the last column of tiers.txt; "": the file counts."""
    words = needs.split(", ")
    if BROKEN in words:
        return BROKEN
    later = [LATER[w] for w in words if w in LATER]
    return "needs " + " and ".join(later) if later else ""


class Run:
    def __init__(self, args, tiers):
        self.haproxy = os.path.abspath(args.haproxy)
        self.vtest = os.path.abspath(args.vtest)
        self.weir = os.path.abspath(args.weir)
        self.features = self.ask_features()
        self.unasked = {f: unasked(needs) for f, (_, needs) in tiers.items()}

    def ask_features(self):
        text = subprocess.run([self.weir, "-vv"], stdout=subprocess.PIPE, text=True,
                              check=True).stdout
        return set(re.findall(r"\+(\w+)", text))

    def path(self, file):
        return os.path.join(self.haproxy, "reg-tests", file + ".vtc")

    def text(self, file):
        """What the file says, without the conditions that are not put."""
        lines = open(self.path(file), errors="replace").readlines()
        return "".join(line for line in lines if not line.startswith("feature cmd") or
                       not any(name in line for name in self.unasked.get(file, [])))

    def why_skipped(self, file):
        """What the head of the file asks for and is not there; None: it can run."""
        if not os.path.exists(self.path(file)):
            return "not in this checkout"
        text = self.text(file)
        for kind, names in re.findall(r"^#(REQUIRE_\w+|REGTEST_TYPE) *[:=] *(.*)$", text, re.M):
            if kind in ("REQUIRE_OPTION", "REQUIRE_OPTIONS"):
                for name in re.split(r"[, ]+", names.strip()):
                    if name and not any(n in self.features for n in name.split("|")):
                        return f"needs {name}"
            elif kind in ("REQUIRE_BINARIES", "REQUIRE_BINARY"):
                for name in names.replace(",", " ").split():
                    if not shutil.which(name):
                        return f"needs the program {name}"
            elif kind == "REGTEST_TYPE" and names.strip() == "broken":
                return BROKEN
        return self.why_unconditioned(text)

    def why_unconditioned(self, text):
        """The first of the file's own conditions, asked of the program, that does not hold."""
        env = dict(os.environ, HAPROXY_PROGRAM=self.weir, HAPROXY_ARGS="")
        for command in re.findall(r'^feature cmd "(.*)"$', text, re.M):
            done = subprocess.run(command.replace('\\"', '"'), shell=True, env=env,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if done.returncode:
                asked = re.search(r"-cc '(.*)'", command)
                return f"its condition {asked.group(1) if asked else command} does not hold"
        return None

    def once(self, file, nbproc):
        """("pass" | "skip" | "fail", why)"""
        why = self.why_skipped(file)
        if why:
            return "skip", why
        tmp = tempfile.mkdtemp(prefix="w", dir="/tmp")
        path = self.path(file)
        if self.unasked.get(file):
            path = os.path.join(tmp, os.path.basename(path))
            with open(path, "w") as out:
                out.write(self.text(file))
        env = dict(os.environ, HAPROXY_PROGRAM=self.weir, TMPDIR=tmp,
                   HAPROXY_ARGS=f"-dM -dI -dW -o global.nbproc={nbproc}")
        try:
            done = subprocess.run(
                [self.vtest, "-l", "-b", str(2 << 20), "-k", "-t", str(SECONDS), path],
                cwd=self.haproxy, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                timeout=SECONDS * 2)
            out = done.stdout.decode(errors="replace")
        except subprocess.TimeoutExpired:
            return "fail", "took too long"
        finally:
            shutil.rmtree(tmp, ignore_errors=True)
        if re.search(r"\b1 tests passed", out):
            return "pass", ""
        if re.search(r"\b1 tests skipped", out):
            return "skip", "skipped by the test runner"
        return "fail", fail_reason(out)

    def settled(self, file, nbproc):
        """The same with further tries: "flaky" when a later one passes."""
        result, why = self.once(file, nbproc)
        for _ in range(TRIES):
            if result != "fail" or why.startswith(REFUSED):
                break
            again, _ = self.once(file, nbproc)
            if again == "pass":
                return "flaky", why
        return result, why


def fail_reason(out):
    """The configuration error, else the first failed expectation."""
    m = re.search(r"debug\|/\S*/cfg:(\d+:\d+: .*)", out)
    if m:
        return REFUSED + re.sub(r"^\d+:\d+: ", "", m.group(1)).strip()[:140]
    m = re.search(r"^---- +\S+ +(.*)", out, re.M)
    return re.sub(r"\S*/tmp/\S*", "...", m.group(1)).strip()[:140] if m else "failed"


def run_all(run, files, counts, jobs, retries):
    """{(file, nbproc): (result, why)}"""
    results = {}
    todo = [(f, n) for f in files for n in counts]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for key, result in zip(todo, pool.map(lambda k: run.once(*k), todo)):
            results[key] = result
    for key, (result, why) in results.items():
        if result == "fail" and retries and not why.startswith(REFUSED):
            results[key] = run.settled(*key)
    return results


class Tally:
    """How many of some files passed with each number of workers."""

    def __init__(self, files, results, counts):
        self.files = len(files)
        self.passed = {n: sum(results[(f, n)][0] in ("pass", "flaky") for f in files)
                       for n in counts}
        self.skipped = sum(results[(f, counts[0])][0] == "skip" for f in files)

    def percent(self, n):
        return 100 * self.passed[n] / self.files if self.files else 0

    def __str__(self):
        return f"{self.files} count; " + ", ".join(
            f"pass with {n}: {p} ({self.percent(n):.0f} %)" for n, p in self.passed.items())


def tallies(tiers, results, counts):
    """{tier: (Tally of all its files, Tally of those that count)}"""
    files = {f for f, _ in results if f in tiers}
    out = {}
    for tier in sorted({tiers[f][0] for f in files}):
        of = [f for f in files if tiers[f][0] == tier]
        counted = [f for f in of if not why_uncounted(tiers[f][1])]
        out[tier] = Tally(of, results, counts), Tally(counted, results, counts)
    return out


def table(out, *rows):
    for i, row in enumerate(rows):
        out.write("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |\n")
        if i == 0:
            out.write("|" + "---|" * len(row) + "\n")


def why_not(file, tiers, results, counts, expected):
    """What the report says of a file: why it does not count, else why it does not pass."""
    whys = sorted({results[(file, n)][1] for n in counts} - {""})
    known = expected.get(file, ("", ""))[1] if whys else ""
    whys += [f"{c} is not asked: what it needs of it is there" for c in unasked(tiers[file][1])]
    return why_uncounted(tiers[file][1]) or known or "; ".join(whys)


def write_report(path, tiers, results, counts, expected):
    files = sorted({f for f, _ in results})
    with open(path, "w") as out:
        out.write("# HAProxy's regression tests\n\nWritten by tests/regtests/run.py, which runs "
                  "`weir-haproxy` under VTest2 with the files of\nan external checkout of "
                  "HAProxy. Each file runs with each number of workers. Files that are\nbroken, "
                  "or need " + ", ".join(LATER.values()) + " do not count.\n"
                  "One that fails is tried again alone, three times at most; it counts as passed "
                  "when it passes\nthen, and is called flaky.\n\n")
        rows = [["tier", "files", "counted"] + [f"pass with {n}" for n in counts] +
                [f"% with {n}" for n in counts]]
        for tier, (every, counted) in tallies(tiers, results, counts).items():
            rows.append([tier, every.files, counted.files] +
                        [counted.passed[n] for n in counts] +
                        [f"{counted.percent(n):.0f}" for n in counts])
        table(out, *rows)
        out.write("\n")
        table(out, ["file", "tier"] + [f"nbproc {n}" for n in counts] + ["why"],
              *([f, tiers[f][0]] + [results[(f, n)][0] for n in counts] +
                [why_not(f, tiers, results, counts, expected)] for f in files))
        rest = sorted(f for f in tiers if f not in files)
        out.write(f"\nNot run ({len(rest)}):\n\n")
        table(out, ["file", "tier", "needs"], *([f, *tiers[f]] for f in rest))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--haproxy", default=os.environ.get("HAPROXY_CHECKOUT"))
    p.add_argument("--vtest", default=os.environ.get("VTEST_PROGRAM"))
    p.add_argument("--weir", default=os.path.join(HERE, "../../build/release/weir-haproxy"))
    p.add_argument("--tiers", default="1,2")
    p.add_argument("--nbproc", default="1,3")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--report")
    p.add_argument("--once", action="store_true", help="no further tries")
    p.add_argument("files", nargs="*")
    args = p.parse_args()
    if not args.haproxy or not args.vtest:
        print("regtests: skipped: --haproxy CHECKOUT and --vtest PROGRAM are not given")
        return 77
    tiers, expected = read_rows("tiers.txt"), read_rows("expected.txt")
    counts = [int(n) for n in args.nbproc.split(",")]
    files = args.files or [f for f in tiers if tiers[f][0] in args.tiers.split(",")]
    results = run_all(Run(args, tiers), files, counts, args.jobs, not args.once)
    bad = 0
    for (f, n), (result, why) in sorted(results.items()):
        is_new = result == "fail" and f not in expected
        bad += is_new
        if result != "pass":
            print(f"{result}{' (new)' if is_new else ''} {tiers.get(f, ('?',))[0]} {f} "
                  f"nbproc {n}: {why}")
    for n in counts:
        by = [results[(f, n)][0] for f in files]
        print(f"nbproc {n}: " + ", ".join(f"{by.count(r)} {r}"
                                         for r in ("pass", "flaky", "skip", "fail")))
    for tier, (_, counted) in tallies(tiers, results, counts).items():
        print(f"tier {tier}: {counted}")
    if args.report:
        write_report(args.report, tiers, results, counts, expected)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
