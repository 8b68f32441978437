"""What operations that only move elements share: any type, codes copied as they are.

LiteRT compares the scales of inputs and outputs only where ``require_one_code`` is called; the
other operations copy codes whatever their tensors say, and so do these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.types import DType, Shape, elements
from edgeq.ops.base import Arrays, Op, require

Parts = tuple[str, tuple[tuple[str, int], ...]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Movement(Op):
    """An operation whose outputs are elements of its inputs, in the same code."""

    COMPUTES: ClassVar[bool] = False
    SAME_QUANT: ClassVar[bool] = True

    def flipped(self, io: Operands) -> Op | None:
        """Return the same operation: codes move unseen."""
        return self if flips_together(io) else None

    def evaluate_float(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Move float32 elements, as ``evaluate`` moves codes."""
        return self.evaluate(io, arrays)


def flips(tensor: Tensor) -> bool:
    """Tell whether a tensor's codes change when a graph goes from uint8 to int8."""
    return tensor.dtype is DType.UINT8 and tensor.quant is not None


def flips_together(io: Operands) -> bool:
    """Tell whether all operands change type with a flip, or none does."""
    return len({flips(tensor) for tensor in (*io.ins, *io.outs)}) == 1


def require_counts(op: Op, io: Operands, ins: int, outs: int = 1) -> None:
    """Raise unless there are this many inputs and outputs."""
    require(op, len(io.ins) == ins, f"{len(io.ins)} inputs, expected {ins}")
    require(op, len(io.outs) == outs, f"{len(io.outs)} outputs, expected {outs}")


def require_one_type(op: Op, io: Operands) -> None:
    """Raise unless all operands have one element type."""
    for tensor in (*io.ins, *io.outs):
        require(
            op,
            tensor.dtype is io.x.dtype,
            f"tensor '{tensor.name}' is {tensor.dtype.value}, expected {io.x.dtype.value}",
        )


def require_one_code(op: Op, io: Operands) -> None:
    """Raise unless all quantized operands have one scale and zero point."""
    if not io.y.dtype.is_quantized:
        return
    for tensor in io.ins:
        require(
            op,
            tensor.quant == io.y.quant,
            f"scale or zero point of '{tensor.name}' is not that of the output",
        )


def require_axis(op: Op, axis: int, rank: int) -> None:
    """Raise unless ``axis`` is one of ``rank`` dimensions, counted from 0."""
    require(op, 0 <= axis < rank, f"axis {axis} of {rank} dimensions")


def laid_out(whole: Tensor, outer: Shape, pieces: tuple[Tensor, ...]) -> Parts | None:
    """Return the place of each piece inside ``whole``, side by side along one dimension.

    ``outer`` are the extents before that dimension. ``None`` when pieces are not contiguous.
    """
    if elements(outer) != 1:
        return None
    places, offset = [], 0
    for piece in pieces:
        places.append((piece.name, offset))
        offset += piece.bytes
    return whole.name, tuple(places)
