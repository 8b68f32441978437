"""Gaussian error linear unit, ``x * P(normal < x)``, by a table filled in float32.

On int16 codes it lies on lines between values of one.

``approximate`` takes ``0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`` for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ops._lines import Curve, with_curve
from edgeq.ops.base import Arrays, Op, register

_ERFC = np.frompyfunc(math.erfc, 1, 1)


@register("gelu")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gelu(Curve):
    """Input and output: codes or float32 of the same shape."""

    approximate: bool = False

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table, which is the same under every profile."""
        return with_curve(self, io, _tanh_form if self.approximate else _exact)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in float32."""
        function = _tanh_form if self.approximate else _exact
        return (function(arrays[0].astype(np.float64)),)


def _exact(x: np.ndarray) -> np.ndarray:
    tail = np.asarray(_ERFC(-x * math.sqrt(0.5)), np.float64)
    return (0.5 * x * tail).astype(np.float32)


def _tanh_form(x: np.ndarray) -> np.ndarray:
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return (0.5 * x * (1 + np.tanh(inner))).astype(np.float32)
