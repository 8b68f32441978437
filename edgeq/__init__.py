"""A compiler from quantized neural networks to standalone C that gives the same bits everywhere."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from edgeq.version import VERSION as __version__

if TYPE_CHECKING:
    from edgeq.api import compile, generate, load, save
    from edgeq.data.dataset import open_data
    from edgeq.errors import (
        BudgetError,
        EdgeqError,
        ModelError,
        QuantizationError,
        TargetError,
        ToolchainError,
        UnsupportedError,
        VerifyError,
    )
    from edgeq.evaluation.evaluate import evaluate
    from edgeq.frontends.torch import from_torch

__all__ = [
    "BudgetError",
    "EdgeqError",
    "ModelError",
    "QuantizationError",
    "TargetError",
    "ToolchainError",
    "UnsupportedError",
    "VerifyError",
    "__version__",
    "compile",
    "evaluate",
    "from_torch",
    "generate",
    "load",
    "open_data",
    "save",
]

_HOMES = {
    "evaluate": "edgeq.evaluation.evaluate",
    "from_torch": "edgeq.frontends.torch",
    "open_data": "edgeq.data.dataset",
}


def __getattr__(name: str) -> object:
    # The pipeline is imported when it is first used: a sub-module alone stays quick to import.
    if name not in __all__:
        raise AttributeError(f"module 'edgeq' has no attribute '{name}'")
    home = "edgeq.errors" if name.endswith("Error") else _HOMES.get(name, "edgeq.api")
    return getattr(import_module(home), name)
