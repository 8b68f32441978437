"""Concatenation along one dimension.

Codes are copied. Legacy uint8 layers may have inputs of other scales (Jacob et al. 2017, A.3 asks
for one scale; LiteRT's uint8 kernel does not): those become
``clamp(round(q * k - zero_in * k) + zero_out)``, ``k = scale_in * (1 / scale_out)``, each step in
float32 and halves away from zero. Of one byte that is a table, made when the layer is lowered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import DType, Shape
from edgeq.ops._movement import (
    Movement,
    Parts,
    flips,
    flips_together,
    laid_out,
    require_axis,
    require_counts,
    require_one_code,
    require_one_type,
)
from edgeq.ops.base import Arrays, Op, register, require

# Of ratios up to here, 512 times is a float32 number.
LARGEST = 2.0**118

Table = np.ndarray  # 256 output codes, for the input codes from the type's lowest on


@register("concat")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Concat(Movement):
    """Inputs: tensors that differ in dimension ``axis`` at most. Output: they, side by side.

    ``origin`` is what has been taken from uint8 codes: 128 once they are int8. Rescaling rounds
    in float32, so it must go back to the codes that the rule is stated in. After lowering,
    ``arithmetic`` holds a table for each input, or ``None`` where codes are copied.
    """

    axis: int
    origin: int = 0

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` unless shapes fit and codes are those that LiteRT takes."""
        require_counts(self, io, max(1, len(io.ins)))
        require_one_type(self, io)
        require_axis(self, self.axis, len(io.x.shape))
        for x in io.ins:
            aligned = len(x.shape) == len(io.x.shape)
            fits = aligned and _without(x.shape, self.axis) == _without(io.x.shape, self.axis)
            require(self, fits, f"shapes {io.x.shape} and {x.shape} side by side")
        if io.x.dtype is DType.INT16:
            self._check_symmetric(io)
        elif self._rescales(io):
            known = all(t.quant is None or not t.quant.per_channel for t in (*io.ins, io.y))
            require(self, known, "a tensor has several scales")
        else:
            require_one_code(self, io)

    def _check_symmetric(self, io: Operands) -> None:
        """Raise for zero points; scales of 16-bit tensors may differ, codes are copied."""
        for tensor in (*io.ins, io.y):
            symmetric = tensor.quant is None or not any(tensor.quant.zero_point)
            require(self, symmetric, f"int16 tensor '{tensor.name}' has a zero point")

    def _rescales(self, io: Operands) -> bool:
        legacy = io.x.dtype is DType.UINT8 or (io.x.dtype is DType.INT8 and self.origin != 0)
        return legacy and all(tensor.quant is not None for tensor in (*io.ins, io.y))

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the inputs' shape with their extents along ``axis`` summed."""
        total = sum(x.shape[self.axis] for x in io.ins)
        return ((*io.x.shape[: self.axis], total, *io.x.shape[self.axis + 1 :]),)

    def flipped(self, io: Operands) -> Op | None:
        """Return the operation with its rescaling stated in uint8 codes."""
        if not flips_together(io):
            return None
        return replace(self, origin=128) if flips(io.y) else self

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the tables."""
        rescales = self._rescales(io)
        return self.with_arithmetic(
            tuple(_table(x, io.y, self.origin) if rescales else None for x in io.ins)
        )

    def parts(self, io: Operands) -> Parts | None:
        """Return the inputs inside the output when contiguous there and none is rescaled."""
        if self._rescales(io) and any(x.quant != io.y.quant for x in io.ins):
            return None
        return laid_out(io.y, io.y.shape[: self.axis], io.ins)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Copy side by side, through the tables where codes differ."""
        pieces = [
            x if table is None else table[x.astype(np.int16) - io.x.dtype.min]
            for x, table in zip(arrays, self.arithmetic, strict=True)
        ]
        return (np.concatenate(pieces, axis=self.axis),)

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Copy side by side."""
        return (np.concatenate(arrays, axis=self.axis),)


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def _table(x: Tensor, y: Tensor, origin: int) -> Table | None:
    """Return the output code of each input code, ``None`` when they are the same."""
    if x.quant == y.quant:
        return None
    codes = np.arange(256, dtype=np.float32)
    with np.errstate(over="ignore"):
        factor = np.float32(x.scale) * (np.float32(1) / np.float32(y.scale))
    if not factor <= LARGEST:
        raise QuantizationError(f"scales {x.scale:g} and {y.scale:g} are too far apart")
    offset = np.float32(-(x.zero_point + origin)) * factor
    real = codes * factor + offset
    rounded = np.copysign(np.floor(np.abs(real).astype(np.float64) + 0.5), real)
    # Whatever lies beyond +-512 saturates: the clamp keeps huge ratios out of the integers.
    moved = np.clip(rounded, -512, 512).astype(np.int32) + y.zero_point
    table: Table = np.clip(moved, y.dtype.min, y.dtype.max).astype(y.dtype.numpy)
    return table
