"""PyTorch modules to graph, through ``torch.export``: live ones, and saved as .pt2.

The package ``torch`` (the extra of that name) is imported when something is read. ``CONVERTERS``
holds one row for each ATen operator that can be read, ``FOLDS`` those that are computed where
their inputs are constants.
"""

from __future__ import annotations

from edgeq.frontends.torch import (
    ops_arithmetic,
    ops_convolution,
    ops_movement,
    ops_resize,
)
from edgeq.frontends.torch.converter import CONVERTERS, Convert
from edgeq.frontends.torch.folding import FOLDS
from edgeq.frontends.torch.reader import from_torch, read_pt2

__all__ = [
    "CONVERTERS",
    "FOLDS",
    "Convert",
    "from_torch",
    "ops_arithmetic",
    "ops_convolution",
    "ops_movement",
    "ops_resize",
    "read_pt2",
]
