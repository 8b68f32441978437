"""The generated project of the model that a test is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.models.catalogue import Model
from tests.models.projects import Project, project, projects_folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the projects of this test run."""
    return projects_folder(tmp_path_factory)


@pytest.fixture
def generated(folder: Path, model: Model) -> Project:
    """Return the portable project of ``model``."""
    return project(folder, model)
