"""Portable rows of functions of one int16 code, which are tables where codes have 8 bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable.convolution import s16
from edgeq.kernels.portable.elementwise import elementwise_note
from edgeq.kernels.requant import requant_facts
from edgeq.numerics.tables import LOGISTIC_U16
from edgeq.ops._lookup import Sigmoid
from edgeq.ops.abs import Abs
from edgeq.ops.base import Op
from edgeq.ops.leaky_relu import LeakyRelu, Slopes
from edgeq.ops.logistic import Logistic
from edgeq.ops.tanh import Tanh
from edgeq.plan.program import Data

_RANGE = {"LOW": DType.INT16.min, "HIGH": DType.INT16.max}


def leaky_relu_facts(op: LeakyRelu, io: Operands) -> Facts:
    """Return the facts of a leaky rectified linear unit."""
    slopes: Slopes = op.arithmetic
    above = requant_facts(slopes.positive, "positive_")
    below = requant_facts(slopes.negative, "negative_")
    constants = {"COUNT": io.y.elements, **_RANGE, **above.constants, **below.constants}
    flags = {
        "positive_requant": above.flag,
        "negative_requant": below.flag,
        "falls": slopes.sign < 0,
    }
    return Facts(constants, (*above.data, *below.data), flags, None, elementwise_note(op, io))


def abs_facts(op: Abs, io: Operands) -> Facts:
    """Return the facts of absolute values."""
    requant = requant_facts(op.arithmetic)
    constants = {"COUNT": io.y.elements, **_RANGE, **requant.constants}
    flags = {"requant": requant.flag}
    return Facts(constants, requant.data, flags, None, elementwise_note(op, io))


def sigmoid_facts(op: Logistic | Tanh, io: Operands) -> Facts:
    """Return the facts of a logistic or tanh."""
    numbers: Sigmoid = op.arithmetic
    constants = {
        "COUNT": io.y.elements,
        "MULTIPLIER": numbers.multiplier,
        "SHIFT": numbers.shift,
    }
    # No array has unsigned numbers of 16 bits: the function reads these as such.
    data = Data("table", LOGISTIC_U16.view(np.int16), "65536 / (1 + e^(-i / 24)) for i = 0..255")
    return Facts(constants, (data,), {}, None, elementwise_note(op, io))


def _row(op: type[Op], facts: Callable[..., Facts]) -> Kernel:
    return Kernel(f"portable/{op.KIND}_s16", op, facts, s16, in_place=0)


ROWS = (
    _row(LeakyRelu, leaky_relu_facts),
    _row(Abs, abs_facts),
    _row(Logistic, sigmoid_facts),
    _row(Tanh, sigmoid_facts),
)
