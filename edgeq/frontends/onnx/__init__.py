""".onnx to graph, with the package ``onnx`` (the extra of that name) to parse the file.

``CONVERTERS`` holds one row for each operator that can be read, ``FOLDS`` one for each that is
computed where its inputs are constants; ``read_onnx`` does the rest.
"""

from __future__ import annotations

from edgeq.frontends.onnx import (
    folding,
    ops_arithmetic,
    ops_conversion,
    ops_convolution,
    ops_islands,
    ops_movement,
    ops_pairs,
    ops_quantized,
    ops_resize,
)
from edgeq.frontends.onnx.converter import CONVERTERS, Convert
from edgeq.frontends.onnx.folding import FOLDS
from edgeq.frontends.onnx.reader import read_onnx

__all__ = [
    "CONVERTERS",
    "FOLDS",
    "Convert",
    "folding",
    "ops_arithmetic",
    "ops_conversion",
    "ops_convolution",
    "ops_islands",
    "ops_movement",
    "ops_pairs",
    "ops_quantized",
    "ops_resize",
    "read_onnx",
]
