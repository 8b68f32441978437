from __future__ import annotations

from pathlib import Path

import pytest

from edgeq import resources
from edgeq.errors import EdgeqError
from tests.style.sources import ROOT


def test_a_checkout_is_read_where_it_is_edited() -> None:
    assert resources.templates_dir() == ROOT / "templates"
    assert resources.runtime_dir() == ROOT / "runtime"


def test_what_a_wheel_carries_comes_before_a_checkout(tmp_path: Path) -> None:
    roots = (tmp_path / "_data", tmp_path)
    (tmp_path / "templates").mkdir()
    assert resources._find("templates", roots) == tmp_path / "templates"
    (tmp_path / "_data/templates").mkdir(parents=True)
    assert resources._find("templates", roots) == tmp_path / "_data/templates"


def test_a_missing_folder_is_named_with_the_places_searched(tmp_path: Path) -> None:
    (tmp_path / "templates").write_text("a file is no folder")
    with pytest.raises(EdgeqError, match="'templates'") as caught:
        resources._find("templates", (tmp_path / "_data", tmp_path))
    assert str(tmp_path / "_data") in caught.value.where
    assert caught.value.hint
