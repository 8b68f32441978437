"""What convolution-like operations share: multipliers, clamps, and the accumulator's bound."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType
from edgeq.numerics import requant_from_scale, requantize
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op, require

INT32_LIMIT = 2**31 - 1


class ScaleProduct(enum.Enum):
    """The precision in which input scale times weight scale is formed.

    LiteRT multiplies in float32 for uint8 layers and per-tensor fully connected ones, and in
    float64 for the others; the last bit of a multiplier can depend on it.
    """

    FLOAT64 = "float64"
    FLOAT32 = "float32"


@dataclass(frozen=True, slots=True)
class Accumulation:
    """Finished numbers of a convolution-like operation.

    ``y = clamp(requant(bias + sum((x - x_zero) * (w - w_zero))) + y_zero, low, high)``.
    """

    requant: Requant
    low: int
    high: int


def check_weights(op: Op, io: Operands, axis: int) -> None:
    """Raise unless input, weights, bias and output have types and codes that fit together."""
    x, w = io.ins[0], io.ins[1]
    if x.dtype.is_float:
        return
    require(op, x.dtype in (DType.INT8, DType.UINT8), f"input is {x.dtype.value}")
    require(op, w.dtype is x.dtype, f"weights are {w.dtype.value} for a {x.dtype.value} input")
    require(op, io.y.dtype is x.dtype, f"output is {io.y.dtype.value} for {x.dtype.value} input")
    for tensor in (x, w, io.y):
        require(op, tensor.quant is not None, f"tensor '{tensor.name}' has no scale")
    require(op, w.is_constant, "weights are not constant")
    along = w.quant is None or w.quant.axis in (None, axis)
    require(op, along, f"weights are quantized along a dimension other than {axis}")
    if len(io.ins) > 2:
        bias = io.ins[2]
        require(op, bias.dtype is DType.INT32, f"bias is {bias.dtype.value}, expected int32")
        require(op, bias.is_constant, "bias is not constant")
        count = w.shape[axis]
        require(op, bias.shape == (count,), f"bias has shape {bias.shape}, expected ({count},)")


def lower_accumulation(
    op: Op,
    io: Operands,
    numerics: Numerics,
    activation: Activation,
    product: ScaleProduct,
    weight_sums: np.ndarray,
) -> Accumulation:
    """Return the finished numbers; ``weight_sums`` is sum(abs(w - w_zero)) of each channel."""
    check_accumulator(op, io, weight_sums)
    low, high = activation.codes(io.y)
    rounding = numerics.rounding(op.KIND)
    return Accumulation(requant_from_scale(_scales(io, product, rounding), rounding), low, high)


def _scales(io: Operands, product: ScaleProduct, rounding: Rounding) -> Sequence[float]:
    x, w, y = io.ins[0], io.ins[1], io.y
    scales = w.quant.scale if w.quant is not None else ()
    if rounding is Rounding.FLOAT32:
        # XNNPACK forms the whole factor in float32.
        narrow = np.float32
        return [float(narrow(x.scale) * narrow(s) / narrow(y.scale)) for s in scales]
    if product is ScaleProduct.FLOAT32:
        return [float(np.float32(x.scale) * np.float32(s)) / y.scale for s in scales]
    return [x.scale * s / y.scale for s in scales]


def check_accumulator(op: Op, io: Operands, weight_sums: np.ndarray) -> None:
    """Raise when some input could overflow the 32-bit accumulator."""
    reach = _reach(io.ins[0])
    bias = np.abs(bias_of(io).astype(np.int64))
    worst = int((weight_sums.astype(np.int64) * reach + bias).max(initial=0))
    if worst > INT32_LIMIT:
        raise QuantizationError(
            f"the accumulator can reach {worst}, more than 32 bits hold", where=op.source
        )


def _reach(x: Tensor) -> int:
    return max(x.dtype.max - x.zero_point, x.zero_point - x.dtype.min)


def bias_of(io: Operands) -> np.ndarray:
    """Return the bias as int32, zeros when there is none; its length is the channel count."""
    if len(io.ins) > 2:
        return io.ins[2].array
    return np.zeros(io.y.shape[-1], np.int32)


def centred(tensor: Tensor, dtype: type = np.int16) -> np.ndarray:
    """Return the constant's codes minus their zero points (per channel along its axis)."""
    quant = tensor.quant
    if quant is None:
        return tensor.array.astype(dtype)
    zero: np.ndarray = np.asarray(quant.zero_point, dtype)
    if quant.axis is not None:
        zero = zero.reshape([-1 if i == quant.axis else 1 for i in range(len(tensor.shape))])
    return tensor.array.astype(dtype) - zero


def exact_float(largest_sum: int) -> type:
    """Return the narrowest float in which sums of products up to ``largest_sum`` are exact."""
    return np.float32 if largest_sum < 2**24 else np.float64


def finish(io: Operands, acc: np.ndarray, numbers: Accumulation) -> np.ndarray:
    """Rescale int32 accumulators to output codes; channels are last."""
    zero = io.y.zero_point
    # Clamped first: the rescaled sum may be too close to the 32-bit limits to add anything.
    scaled = np.clip(requantize(acc, numbers.requant), numbers.low - zero, numbers.high - zero)
    return (scaled + np.int32(zero)).astype(io.y.dtype.numpy)
