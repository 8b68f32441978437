""".tflite to graph, without TensorFlow.

``CONVERTERS`` holds one row for each operator that can be read; ``read_tflite`` does the rest.
"""

from __future__ import annotations

from edgeq.frontends.tflite import (
    ops_arithmetic,
    ops_blocks,
    ops_convolution,
    ops_custom,
    ops_gathering,
    ops_indexing,
    ops_movement,
    ops_pairs,
    ops_recurrent,
    ops_slicing,
    ops_variables,
)
from edgeq.frontends.tflite.converter import CONVERTERS, Converter
from edgeq.frontends.tflite.reader import read_tflite

__all__ = [
    "CONVERTERS",
    "Converter",
    "ops_arithmetic",
    "ops_blocks",
    "ops_convolution",
    "ops_custom",
    "ops_gathering",
    "ops_indexing",
    "ops_movement",
    "ops_pairs",
    "ops_recurrent",
    "ops_slicing",
    "ops_variables",
    "read_tflite",
]
