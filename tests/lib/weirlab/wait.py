# SPDX-License-Identifier: MIT
"""Waiting for conditions."""
import os
import time

# Sanitizers and valgrind make everything slower; limits scale, conditions do not.
SLOW = float(os.environ.get("WEIRLAB_SLOW", "1"))


def wait_until(condition, timeout=5.0, what=None, every=0.01):
    """Polls until condition() is true and returns its value. A condition that raises
    AssertionError or OSError is one that does not hold yet."""
    end = time.monotonic() + timeout * SLOW
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = None
        except (AssertionError, OSError) as error:
            last = error
        if time.monotonic() > end:
            text = f"not within {timeout * SLOW:g} s: {what or condition}"
            raise AssertionError(f"{text} ({last})" if last else text)
        time.sleep(every)
