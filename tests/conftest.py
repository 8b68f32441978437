"""What every test sees: the shared material, the hypothesis profiles, and strict skips on CI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.shared_material import require_shared, shared_path
from tests.strict_skips import on_ci, pytest_make_collect_report, pytest_runtest_makereport

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport", "shared"]

# Two runs of one commit must agree on CI; a loaded machine is no failure anywhere.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("dev", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if on_ci() else "dev"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of models, goldens and vectors; skip where it is not there."""
    require_shared()
    return shared_path()
