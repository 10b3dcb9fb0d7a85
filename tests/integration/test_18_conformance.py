# SPDX-License-Identifier: MIT
"""The tables of tests/conformance: every case holds, but for the accepted deviations."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../conformance"))

import run as conformance  # noqa: E402
from suite import deviations, differences, judge, proxies, reasons  # noqa: E402

pytestmark = pytest.mark.alone

CASES = conformance.load()
GROUPS = sorted({case.group for case in CASES})


@pytest.fixture(scope="module")
def seen():
    return conformance.run("weir", CASES)


@pytest.mark.parametrize("group", GROUPS)
def test_every_case_of_the_group_holds(seen, group):
    wrong = {case.id: why for case in CASES
             if case.group == group and (why := judge.verdict(case, seen[case.id]))}
    assert not {i: why for i, why in wrong.items() if i not in deviations.ACCEPTED}


def test_no_deviation_is_accepted_without_need(seen):
    failing = {case.id for case in CASES if judge.verdict(case, seen[case.id])}
    assert set(deviations.ACCEPTED) <= failing


def test_every_difference_to_haproxy_and_nginx_has_a_reason(seen):
    peers = [name for name in differences.NAMES if name != "weir"]
    if not all(proxies.is_present(name) for name in peers):
        pytest.skip("needs haproxy and nginx")
    compared = [case for case in CASES if case.compared]
    results = {"weir": seen, **{name: conformance.run(name, compared) for name in peers}}
    assert not differences.unexplained(compared, results)


def test_every_reason_is_about_a_case():
    used = {found[0] for case in CASES if (found := differences.reason(case.id))}
    assert {pattern for pattern, _ in reasons.REASONS} == used
