"""What operations that work element by element share: types, broadcasting, factors in range."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType, Shape
from edgeq.numerics import requant_from_scale
from edgeq.ops.base import Op, require, require_codes

AnyOp = TypeVar("AnyOp", bound=Op)

BYTES = (DType.INT8, DType.UINT8)
CODES = (DType.INT8, DType.UINT8, DType.INT16)
# Room for a zero point of 16 bits above what a rescaled value may reach.
LIMIT = 1 << 30
# Values that no zero point is added to.
SYMMETRIC_LIMIT = 1 << 31


def check_counts(op: Op, io: Operands, inputs: int) -> None:
    """Raise unless there are ``inputs`` inputs and one output."""
    require(op, len(io.ins) == inputs, f"{len(io.ins)} inputs, expected {inputs}")
    require(op, len(io.outs) == 1, f"{len(io.outs)} outputs, expected 1")


def check_operands(op: Op, io: Operands, inputs: int, codes: tuple[DType, ...] = BYTES) -> None:
    """Raise unless all operands are of one type, float32 or ``codes`` with one scale each.

    Those of 16 bits have no zero points.
    """
    check_counts(op, io, inputs)
    require_codes(op, io, (*codes, DType.FLOAT32))
    for tensor in (*io.ins, *io.outs):
        same = tensor.dtype is io.x.dtype
        require(op, same, f"tensor '{tensor.name}' is {tensor.dtype.value}, not {io.x.dtype.value}")
        check_one_scale(op, tensor)
        check_no_zero(op, tensor)


def check_int8(op: Op, io: Operands, inputs: int, origin: int = 0) -> None:
    """Raise unless all operands are int8 codes of one scale each.

    ``origin``, what was taken from the codes that a rule is stated in, is 0, or 128 of uint8.
    """
    check_operands(op, io, inputs)
    require(op, io.x.dtype is DType.INT8, f"input is {io.x.dtype.value}, expected int8")
    require(op, origin in (0, 128), f"origin {origin}, expected 0 or 128")


def check_no_zero(op: Op, tensor: Tensor) -> None:
    """Raise when a tensor of 16 bits has a zero point."""
    zero = tensor.dtype is DType.INT16 and tensor.quant is not None and tensor.zero_point
    require(op, not zero, f"tensor '{tensor.name}' of int16 has zero point {zero}")


def limit_of(io: Operands) -> int:
    """Return what rescaled values must stay below: zero points need room of their own."""
    return SYMMETRIC_LIMIT if io.x.dtype is DType.INT16 else LIMIT


def check_one_scale(op: Op, tensor: Tensor) -> None:
    """Raise when a tensor has a scale per channel."""
    many = tensor.quant is not None and tensor.quant.per_channel
    require(op, not many, f"tensor '{tensor.name}' has a scale per channel, expected one scale")


def broadcast_shape(op: Op, io: Operands) -> Shape:
    """Return the common shape of the inputs; raise ``ModelError`` when there is none."""
    try:
        return np.broadcast_shapes(*(tensor.shape for tensor in io.ins))
    except ValueError:
        shapes = " and ".join(str(tensor.shape) for tensor in io.ins)
        raise op.error(f"shapes {shapes} do not broadcast") from None


def ordered(op: AnyOp, io: Operands) -> tuple[AnyOp, Operands]:
    """Return a commutative operation with its constant, or else its smaller, input second."""
    first, second = io.ins
    keys = [(tensor.is_constant, -tensor.elements) for tensor in (first, second)]
    if keys[0] <= keys[1]:
        return op, io
    return replace(op, inputs=op.inputs[::-1]), Operands((second, first), io.outs)


def reach(tensor: Tensor) -> int:
    """Return the largest distance of a code from its zero point."""
    return max(tensor.dtype.max - tensor.zero_point, tensor.zero_point - tensor.dtype.min)


def rescale(op: Op, factor: float, rounding: Rounding, largest: int, limit: int = LIMIT) -> Requant:
    """Return the requantizer of ``factor`` for values up to ``largest`` in magnitude.

    Raise ``QuantizationError`` when some value could reach ``limit``, within 32 bits.
    """
    requant = requant_from_scale([factor], rounding)
    if rounding is Rounding.FLOAT32:
        reached = largest * requant.scale[0]
    else:
        reached = float(largest << max(requant.shift[0], 0))
    if reached >= limit:
        raise QuantizationError(
            f"rescaling by {factor:.6g} can leave 32 bits", where=op.source or op.KIND
        )
    return requant


def centred(array: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Return codes minus their zero point, as int32."""
    return array.astype(np.int32) - np.int32(tensor.zero_point)


def to_codes(values: np.ndarray, y: Tensor, low: int, high: int) -> np.ndarray:
    """Return ``clamp(values + zero point)`` in the output's type."""
    return np.clip(values + np.int32(y.zero_point), low, high).astype(y.dtype.numpy)
