"""Functions of one 8-bit code: a table of all 256 answers is the whole arithmetic.

Some of them LiteRT also defines on int16, where a table of all answers would be too large.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, Shape
from edgeq.numerics.activations import sigmoid_input_s16
from edgeq.ops._elementwise import BYTES, check_operands
from edgeq.ops.base import Arrays, Op, require

OFFSET = 128  # from uint8 codes to the int8 codes of the same numbers
S16_OUTPUT = (2.0**-15, 0)
"""The one scale and zero point of int16 codes of numbers within -1..1."""


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """Finished numbers of a logistic or tanh of int16: how codes become steps of its table."""

    multiplier: int
    shift: int


# int8 codes and zero points of input and output, to int8 codes.
Int8Function = Callable[[np.ndarray, int, int], np.ndarray]
# float64 to float32.
RealFunction = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lookup(Op):
    """An operation whose ``arithmetic`` is the output code of each input code, smallest first."""

    CODES: ClassVar[tuple[DType, ...]] = BYTES

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_operands(self, io, 1, self.CODES)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the input's shape."""
        return (io.x.shape,)

    def with_table(self, io: Operands, function: Int8Function) -> Op:
        """Return a copy that holds the table of ``function``, for int8 or uint8 codes."""
        offset = OFFSET if io.x.dtype is DType.UINT8 else 0
        zeros = (io.x.zero_point - offset, io.y.zero_point - offset)
        answers = function(np.arange(-128, 128), *zeros).astype(np.int16) + np.int16(offset)
        table = answers.astype(io.y.dtype.numpy)
        table.flags.writeable = False
        return self.with_arithmetic(table)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Look every code up."""
        table: np.ndarray = self.arithmetic
        return (table[arrays[0].astype(np.intp) - io.x.dtype.min],)


def lower_sigmoid(op: Lookup, io: Operands) -> Op:
    """Return a copy with the numbers of int16 codes; raise for a scale that is out of range."""
    try:
        return op.with_arithmetic(Sigmoid(*sigmoid_input_s16(io.x.scale)))
    except QuantizationError as error:
        raise error.at(op.source) if op.source else error from None


def float32_codes(d: np.ndarray, scale: float, function: RealFunction, steps: float) -> np.ndarray:
    """Return ``function(scale * d) * steps``, computed in float32, rounded half away from zero.

    So LiteRT fills its tables. ``function`` takes float64, whose last bits differ between
    machines, and returns float32, whose do not.
    """
    x = np.float32(scale) * d.astype(np.float32)
    with np.errstate(over="ignore", under="ignore"):
        y = function(x.astype(np.float64)) * np.float32(steps)
    rounded = np.sign(y) * np.floor(np.abs(y).astype(np.float64) + 0.5)
    # Whatever lies beyond +-512 saturates: the clamp keeps huge ratios out of the integers.
    return np.clip(rounded, -512, 512).astype(np.int32)


def with_float32_table(op: Lookup, io: Operands, function: RealFunction) -> Op:
    """Return ``op`` with a table of ``function`` as LiteRT fills those of any output scale.

    Real numbers are multiplied by the reciprocal of the output's scale, in float32.
    """
    steps = float(np.float32(1) / np.float32(io.y.scale))

    def codes(q: np.ndarray, zero: int, y_zero: int) -> np.ndarray:
        return np.clip(float32_codes(q - zero, io.x.scale, function, steps) + y_zero, -128, 127)

    return op.with_table(io, codes)


def check_fixed_output(op: Op, io: Operands, scale: float, zero: int) -> None:
    """Raise unless a quantized output has the scale and int8 zero point that the kind fixes."""
    if io.y.dtype.is_float:
        return
    if io.y.dtype is DType.INT16:
        scale, zero = S16_OUTPUT
    zero += OFFSET if io.y.dtype is DType.UINT8 else 0
    require(
        op,
        (io.y.scale, io.y.zero_point) == (scale, zero),
        f"output has scale {io.y.scale!r} and zero point {io.y.zero_point}, "
        f"{op.KIND} needs {scale!r} and {zero}",
    )
