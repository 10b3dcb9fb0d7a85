# SPDX-License-Identifier: MIT
"""Fixtures: every test gets a Lab; a failing one prints what was in it."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))

from weirlab import Lab  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call":
        item.call_failed = report.failed
        lab = item.funcargs.get("lab") if hasattr(item, "funcargs") else None
        if report.failed and lab:
            report.sections.append(("the lab", lab.report()))


@pytest.fixture
def lab(request):
    lab = Lab(request.node.name)
    try:
        yield lab
        if not getattr(request.node, "call_failed", True):
            lab.verify()
    finally:
        lab.close()


def pytest_configure(config):
    config.addinivalue_line("markers", "smoke: the short set that also runs with the release build")
    config.addinivalue_line("markers", "release: measures memory, or a sanitizer prevents it")
    config.addinivalue_line("markers", "root: needs root")
    config.addinivalue_line("markers", "alone: measures times; nothing else runs beside it")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("root") and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))
