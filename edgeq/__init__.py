"""A compiler from quantized neural networks to standalone C that gives the same bits everywhere."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from edgeq.version import VERSION as __version__

if TYPE_CHECKING:
    from edgeq.api import compile, generate, load, save
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
    "from_torch",
    "generate",
    "load",
    "save",
]


def __getattr__(name: str) -> object:
    # The pipeline is imported when it is first used: a sub-module alone stays quick to import.
    if name not in __all__:
        raise AttributeError(f"module 'edgeq' has no attribute '{name}'")
    homes = {"from_torch": "edgeq.frontends.torch"}
    home = homes.get(name, "edgeq.errors" if name.endswith("Error") else "edgeq.api")
    return getattr(import_module(home), name)
