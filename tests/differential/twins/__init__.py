# SPDX-License-Identifier: MIT
"""HAProxy with a haproxy.cfg and weir with what `weirctl import` makes of it, side by side:
the same traffic, and what is different then."""
from .compare import differences
from .sides import HAPROXY, Haproxy, Imported, Refused
from .traffic import Traffic, play

__all__ = ["HAPROXY", "Refused", "Traffic", "compare"]


def compare(lab, path, traffic, nbproc=1):
    """(the sides, their answers, what is different)"""
    sides = Haproxy(lab, path, traffic), Imported(lab, path, traffic, nbproc)
    for side in sides:
        side.wait_up()
    answers = [play(side, traffic) for side in sides]
    return sides, answers, differences(sides, answers)
