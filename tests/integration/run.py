#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the integration tests; a test that fails beside others is tried again alone.

usage: run.py SCRATCH-DIRECTORY [pytest options]

What passes only alone is printed as flaky and counts as a bug, but not as a failure of the
change under test, unless there are more than FLAKY_MAX of them, or a sanitizer has said
something in any: that is a bug found by luck."""
import json
import os
import subprocess
import sys
from pathlib import Path

FLAKY_MAX = 3
HERE = Path(__file__).resolve().parent


def pytest(scratch, *options):
    return subprocess.run([sys.executable, "-m", "pytest", "-q", "--rootdir", ".",
                           "-o", f"cache_dir={scratch}", *options]).returncode


def failed(scratch):
    """Names of the tests that failed last, or nothing when pytest itself did not get there."""
    try:
        return list(json.loads((scratch / "v/cache/lastfailed").read_text()))
    except FileNotFoundError:
        return []


def main(scratch, *options):
    scratch = Path(scratch).resolve()
    os.chdir(HERE.parents[1])
    (scratch / "v/cache/lastfailed").unlink(missing_ok=True)
    complaints = scratch / "complaints.txt"
    scratch.mkdir(parents=True, exist_ok=True)
    complaints.unlink(missing_ok=True)
    os.environ["WEIRLAB_COMPLAINTS"] = str(complaints)
    status = pytest(scratch, *options, HERE)
    if complaints.exists():
        print(f"\na sanitizer has complained, which no second try forgives: {complaints}")
        return status or 1
    names = failed(scratch)
    if status != 1 or not 0 < len(names) <= FLAKY_MAX:
        return status
    print(f"\n{len(names)} failed: once more, alone", flush=True)
    status = pytest(scratch, *names)
    for name in sorted(set(names) - set(failed(scratch))):
        print(f"FLAKY, failed beside others and passed alone: {name}", flush=True)
    return status


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
