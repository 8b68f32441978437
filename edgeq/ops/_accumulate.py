"""What convolution-like operations share: multipliers, clamps, and the accumulator's bound."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeq.errors import QuantizationError, UnsupportedError
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.profiles import Library, Numerics
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType
from edgeq.numerics import requant_from_scale, requantize
from edgeq.numerics.fit import in_integers
from edgeq.ops.activation import Activation
from edgeq.ops.base import Arrays, Op, require

INT32_LIMIT = 2**31 - 1
WIDE_LIMIT = 2**47 - 1  # of the sums that 64 bits hold times a multiplier of 16 bits
MAX_WIDE_SHIFT = 7
_BIAS = {DType.FLOAT32: (DType.FLOAT32,), DType.INT16: (DType.INT64, DType.INT32)}
# Shifts for channels that give only 0: the first that keeps them so; the last always does.
_PLAIN_SHIFTS = (-22, -23, -24, -31)


class ScaleProduct(enum.Enum):
    """The precision in which input scale times weight scale is formed.

    LiteRT multiplies in float32 for uint8 convolutions, and in float64 for all else; the last bits
    of a multiplier can depend on it, and so can a sum that is a tie.
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
    """Raise unless input, weights, bias and output have types and codes that fit together.

    Integer weights may stand beside a float input, in networks that are only looked at.
    """
    x, w = io.ins[0], io.ins[1]
    if not x.dtype.is_float:
        known = x.dtype in (DType.INT8, DType.UINT8, DType.INT16)
        require(op, known, f"input is {x.dtype.value}")
        fits = w.dtype is (DType.INT8 if x.dtype is DType.INT16 else x.dtype)
        require(op, fits, f"weights are {w.dtype.value} for a {x.dtype.value} input")
        _check_codes(op, io, axis)
    require(op, io.y.dtype is x.dtype, f"output is {io.y.dtype.value} for {x.dtype.value} input")
    if len(io.ins) > 2:
        bias, count = io.ins[2], w.shape[axis]
        allowed = _BIAS.get(x.dtype, (DType.INT32,))
        names = " or ".join(dtype.value for dtype in allowed)
        require(op, bias.dtype in allowed, f"bias is {bias.dtype.value}, expected {names}")
        require(op, bias.is_constant or x.dtype.is_float, "bias is not constant")
        require(op, bias.shape == (count,), f"bias has shape {bias.shape}, expected ({count},)")


def _check_codes(op: Op, io: Operands, axis: int) -> None:
    w = io.ins[1]
    for tensor in (io.x, w, io.y):
        require(op, tensor.quant is not None, f"tensor '{tensor.name}' has no scale")
    require(op, w.is_constant, "weights are not constant")
    check_symmetric(op, io)
    if w.quant is None or w.quant.axis is None:
        return
    along = w.quant.axis == axis
    require(op, along, f"weights are quantized along a dimension other than {axis}")
    # Kernels know one zero point of the weights: scales per channel come with symmetric codes.
    middle = (w.dtype.min + w.dtype.max + 1) // 2
    symmetric = set(w.quant.zero_point) == {middle}
    require(op, symmetric, f"weights with a scale per channel have zero points other than {middle}")


def check_symmetric(op: Op, io: Operands) -> None:
    """Raise when an int16 operation has a zero point other than 0."""
    if io.x.dtype is not DType.INT16:
        return
    for tensor in (*io.ins, io.y):
        symmetric = tensor.quant is None or not any(tensor.quant.zero_point)
        require(op, symmetric, f"tensor '{tensor.name}' of an int16 operation has a zero point")


def is_wide(io: Operands) -> bool:
    """Tell whether sums are int64: those of int16 codes are, but beside an int32 bias."""
    return io.x.dtype is DType.INT16 and (len(io.ins) < 3 or io.ins[2].dtype is DType.INT64)


def float_weights(op: Op, arrays: Arrays) -> np.ndarray:
    """Return the weights of a float layer; raise ``UnsupportedError`` when they are integers."""
    if arrays[1].dtype != np.float32:
        raise UnsupportedError(
            f"weights are {arrays[1].dtype} for a float32 input", where=op.source or op.KIND
        )
    return arrays[1]


def lower_accumulation(
    op: Op,
    io: Operands,
    numerics: Numerics,
    activation: Activation,
    product: ScaleProduct,
    weight_sums: np.ndarray,
) -> Accumulation:
    """Return the finished numbers; ``weight_sums`` is sum(abs(w - w_zero)) of each channel."""
    wide = is_wide(io)
    rounding = numerics.wide_rounding(op.KIND) if wide else numerics.rounding(op.KIND)
    check_accumulator(op, io, weight_sums, rounding)
    low, high = activation.codes(io.y)
    requant = requant_from_scale(_scales(io, product, rounding), rounding)
    if rounding is Rounding.WIDE:
        return Accumulation(checked(op, requant), low, high)
    largest = largest_sums(io, weight_sums)
    if numerics.integers:
        zero = io.y.zero_point
        requant = in_integers(requant, (low - zero, high - zero), largest)
    return Accumulation(settled(requant, largest), low, high)


def checked(op: Op, requant: Requant) -> Requant:
    """Return the factors; raise ``QuantizationError`` for one too large for int64 sums."""
    largest = max(requant.shift, default=0)
    if requant.rounding is Rounding.WIDE and largest > MAX_WIDE_SHIFT:
        raise QuantizationError(
            f"int64 sums are rescaled by less than 2**{MAX_WIDE_SHIFT}, not 2**{largest}",
            where=op.source or op.KIND,
        )
    return requant


def in_vectors(op: Op, io: Operands, numerics: Numerics, lanes: int) -> Op:
    """Return a lowered operation whose last channels, ``lanes`` or more being one vector, differ.

    LiteRT's builtin kernels leave them to scalar code, in which the ties of negative numbers go
    down. Where an activation clamps these there is no difference.
    """
    numbers: Accumulation = op.arithmetic
    tail = io.y.shape[-1] % lanes
    if numerics.library(op.KIND) is not Library.BUILTIN or numbers.low >= io.y.zero_point:
        return op
    return op.with_arithmetic(replace(numbers, requant=replace(numbers.requant, tail=tail)))


def settled(requant: Requant, largest: np.ndarray) -> Requant:
    """Return factors of the same bits with plainer ones where nothing but 0 can come out.

    ``largest`` bounds the absolute sums of each channel. Channels that training has switched off
    have scales near 0, and multipliers and shifts that no short form of a requantizer takes.
    """
    if requant.rounding is Rounding.FLOAT32 or requant.channels != len(largest):
        return requant
    ends = np.stack([largest, -largest]).astype(np.int32)
    # A sum that wraps when it is shifted left may give 0 where smaller ones do not.
    whole = largest * 2.0 ** np.maximum(requant.shift, 0) <= INT32_LIMIT
    dead = np.logical_and(whole, ~requantize(ends, requant).any(axis=0))
    for shift in _PLAIN_SHIFTS:
        plain = replace(
            requant,
            multiplier=(1 << 30,) * requant.channels,
            shift=(shift,) * requant.channels,
        )
        gone = np.logical_and(dead, ~requantize(ends, plain).any(axis=0))
        pairs = zip(gone.tolist(), requant.multiplier, requant.shift, strict=True)
        chosen = [(1 << 30, shift) if zero else (m, s) for zero, m, s in pairs]
        multipliers, shifts = zip(*chosen, strict=True)
        requant = replace(requant, multiplier=multipliers, shift=shifts)
        dead = np.logical_and(dead, ~gone)
    return requant


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


def check_accumulator(
    op: Op, io: Operands, weight_sums: np.ndarray, rounding: Rounding = Rounding.GEMMLOWP
) -> None:
    """Raise when some input could overflow the accumulator: 32 bits, or 48 of int64."""
    bias = bias_of(io)
    # A bias of 64 bits may be too large to add anything to it.
    check_reach(op, max(-int(bias.min(initial=0)), int(bias.max(initial=0))), rounding)
    check_reach(op, int(largest_sums(io, weight_sums).max(initial=0)), rounding)


def check_reach(op: Op, worst: int, rounding: Rounding) -> None:
    """Raise when sums that reach ``worst`` do not fit what ``rounding`` rescales."""
    limit, bits = (WIDE_LIMIT, 48) if rounding is Rounding.WIDE else (INT32_LIMIT, 32)
    if worst > limit:
        raise QuantizationError(
            f"the accumulator can reach {worst}, more than {bits} bits hold", where=op.source
        )


def largest_sums(io: Operands, weight_sums: np.ndarray) -> np.ndarray:
    """Return the largest absolute sum, bias included, that each channel can reach."""
    bias = np.abs(bias_of(io).astype(np.int64))
    sums: np.ndarray = weight_sums.astype(np.int64) * _reach(io.ins[0]) + bias
    return sums


def _reach(x: Tensor) -> int:
    return max(x.dtype.max - x.zero_point, x.zero_point - x.dtype.min)


def bias_of(io: Operands) -> np.ndarray:
    """Return the bias, zeros when there is none; its length is the channel count."""
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


def accumulated(io: Operands, sums: np.ndarray) -> np.ndarray:
    """Return exact sums with the bias, in the type of the accumulator; channels are last."""
    acc: np.ndarray = sums.astype(np.int64 if is_wide(io) else np.int32) + bias_of(io)
    return acc


def code_span(x: Tensor) -> int:
    """Return the distance of the farthest two codes of a tensor."""
    return x.dtype.max - x.dtype.min


def finish(io: Operands, acc: np.ndarray, numbers: Accumulation) -> np.ndarray:
    """Rescale accumulators to output codes; channels are last."""
    zero = io.y.zero_point
    if numbers.requant.rounding is not Rounding.WIDE:
        acc = acc.astype(np.int32, copy=False)  # ``check_accumulator`` has proven that it fits
    # Clamped first: the rescaled sum may be too close to the 32-bit limits to add anything.
    scaled = np.clip(requantize(acc, numbers.requant), numbers.low - zero, numbers.high - zero)
    return (scaled + np.int32(zero)).astype(io.y.dtype.numpy)
