"""Pytest hooks that turn a skip on continuous integration into a failure.

A missing compiler or file skips on a developer's machine; on CI, where everything is installed, it
would hide that a test never ran. Outcomes change where they arise, in each xdist worker, so that
the counts of the summary agree with the exit status.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

from tests.allowed_skips import ALLOWED

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

PREFIX = "Skipped: "


def on_ci() -> bool:
    """Tell whether the environment variable CI is set to something other than no."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no")


def skip_reason(report: Report) -> str | None:
    """Return why ``report`` was skipped; None where it was not, or failed as expected."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return None
    longrepr = report.longrepr
    text = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return text.removeprefix(PREFIX)


def judge(report: Report) -> Report:
    """Fail ``report`` where it is a skip that CI does not accept."""
    reason = skip_reason(report)
    if on_ci() and reason is not None and reason not in ALLOWED:
        report.outcome = "failed"
        report.longrepr = (
            f"skipped on CI: {reason}\nProvide what is missing, or list the reason, and why it"
            " may stand, in tests/allowed_skips.py."
        )
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge each phase of each test."""
    return judge((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Judge skips of whole modules."""
    return judge((yield))
