"""Without PyTorch, one error that says what to install."""

from __future__ import annotations

import importlib
import importlib.util

import pytest

import edgeq.train
from edgeq.errors import EdgeqError


def test_without_pytorch_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EdgeqError, match=r"training needs PyTorch .*edgeq\[torch\]"):
        importlib.reload(edgeq.train)
