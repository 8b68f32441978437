"""On CI a skip fails unless its reason is listed, with and without xdist."""

from __future__ import annotations

import pytest

from tests.allowed_skips import ALLOWED
from tests.strict_skips import on_ci
from tests.style.sources import ROOT

CONFTEST = """
from tests import strict_skips
from tests.strict_skips import pytest_make_collect_report, pytest_runtest_makereport
strict_skips.ALLOWED["listed"] = "a need that CI cannot have"
"""

# Every place that a skip can come from, and an expected failure, which is no skip.
FILES = {
    "test_function": """
        import pytest
        def test_passes(): pass
        def test_skips(): pytest.skip("REASON")
        """,
    "test_mark": """
        import pytest
        @pytest.mark.skipif(True, reason="REASON")
        def test_skips(): pass
        """,
    "test_fixture": """
        import pytest
        @pytest.fixture
        def need(): pytest.skip("REASON")
        def test_skips(need): pass
        """,
    "test_module": """
        import pytest
        pytest.skip("REASON", allow_module_level=True)
        """,
    "test_expected": """
        import pytest
        @pytest.mark.xfail(strict=True)
        def test_fails(): raise ValueError
        """,
}

ALL_SKIPPED = {"passed": 1, "skipped": 4, "xfailed": 1}
ALL_FAILED = {"passed": 1, "failed": 1, "errors": 3, "xfailed": 1}


@pytest.mark.parametrize("workers", ["0", "1"], ids=["alone", "xdist"])
@pytest.mark.parametrize(
    ("ci", "reason", "outcomes"),
    [
        ("true", "no such tool", ALL_FAILED),
        ("true", "listed", ALL_SKIPPED),
        ("", "no such tool", ALL_SKIPPED),
    ],
    ids=["unlisted", "listed", "elsewhere"],
)
def test_skips_are_judged(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    ci: str,
    reason: str,
    outcomes: dict[str, int],
    workers: str,
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(**{name: text.replace("REASON", reason) for name, text in FILES.items()})
    result = pytester.runpytest_subprocess("-n", workers, "--continue-on-collection-errors")
    assert result.parseoutcomes() == outcomes
    assert (result.ret == 0) == (outcomes is ALL_SKIPPED)
    said = result.stdout.str().count(f"skipped on CI: {reason}")
    assert said >= 4 if outcomes is ALL_FAILED else said == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("true", True), ("", False), ("0", False), ("False", False), ("no", False)],
)
def test_ci_is_what_the_variable_says(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: bool
) -> None:
    monkeypatch.setenv("CI", value)
    assert on_ci() is expected


def test_without_the_variable_this_is_not_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert not on_ci()


def test_each_allowed_skip_says_why() -> None:
    assert all(reason and why for reason, why in ALLOWED.items())
