"""Product of two arrays of codes, as ONNX Runtime's QLinearMul rounds it, in integers.

``round(a * b * (Sa * Sb / S) + Z)`` in float32, codes centred. The answers rise with the product,
so an integer requantizer that has the same stairs gives all of them: the operation then is a
``mul``. Where none has, as float32 makes ties of what is none, the stairs themselves are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Requant
from edgeq.ir.types import Shape
from edgeq.numerics import onnx, requantize
from edgeq.numerics.fit import fitted, stairs_of
from edgeq.ops._elementwise import broadcast_shape, centred, check_int8, ordered
from edgeq.ops.base import Arrays, Op, register
from edgeq.ops.mul import Mul, Product

BOUNDS = (-128, 127)


@register("qlinear_mul")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QLinearMul(Op):
    """Inputs: two int8 arrays that broadcast as in NumPy. Output: their product.

    ``origin`` is what has been taken from the codes that the rule is stated in: 128 for uint8.
    """

    origin: int = 0

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_int8(self, io, 2, self.origin)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the common shape."""
        return (broadcast_shape(self, io),)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Return the product in integers: a ``mul``, or else with thresholds filled in.

        Raise ``QuantizationError`` for scales whose factor leaves float32.
        """
        with np.errstate(all="ignore"):
            a, b, y = (np.float32(tensor.scale) for tensor in (*io.ins, io.y))
            factor = np.float32(a * b / y)
        if not (np.isfinite(factor) and factor > 0):
            raise QuantizationError(
                f"a factor of {factor!r} is not a float32 > 0", where=self.source or self.KIND
            )
        zero = io.y.zero_point
        ends = [z * w for z in _span(io, 0) for w in _span(io, 1)]
        values = np.arange(min(ends), max(ends) + 1, dtype=np.int32)
        answers = self._answers(factor, zero, values)
        stairs = [(value, code - zero) for value, code in stairs_of(values, answers)]
        requant = fitted(float(factor), stairs)
        op, io = ordered(self, io)
        if requant is None or not _equal(requant, values, answers, zero):
            return op.with_arithmetic(_thresholds(values, answers))
        return Mul(
            inputs=op.inputs,
            outputs=op.outputs,
            source=op.source,
            arithmetic=Product(requant, *BOUNDS),
        )

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Look up how many thresholds each product has reached."""
        product = centred(arrays[0], io.ins[0]) * centred(arrays[1], io.ins[1])
        reached = np.searchsorted(self.arithmetic, product, side="right")
        return ((reached + BOUNDS[0]).astype(np.int8),)

    def _answers(self, factor: np.float32, zero: int, values: np.ndarray) -> np.ndarray:
        bounds = (BOUNDS[0] + self.origin, BOUNDS[1] + self.origin)
        return onnx.products(factor, zero + self.origin, values, bounds) - self.origin


def _span(io: Operands, index: int) -> tuple[int, int]:
    zero = io.ins[index].zero_point
    return BOUNDS[0] - zero, BOUNDS[1] - zero


def _thresholds(values: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return the least product that gives each code from -127 on; one too large where none does."""
    codes = np.arange(BOUNDS[0] + 1, BOUNDS[1] + 1)
    places = np.searchsorted(answers, codes, side="left")
    beyond = np.append(values, np.int32(2**31 - 1))
    thresholds: np.ndarray = beyond[places].astype(np.int32)
    thresholds.flags.writeable = False
    return thresholds


def _equal(requant: Requant, values: np.ndarray, answers: np.ndarray, zero: int) -> bool:
    found = np.clip(requantize(values, requant), BOUNDS[0] - zero, BOUNDS[1] - zero) + zero
    return bool(np.array_equal(found, answers))
