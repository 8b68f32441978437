"""What the DSP rows share: factors that four instructions rescale with, and when those suffice."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType
from edgeq.numerics import requantize
from edgeq.ops._accumulate import Accumulation, bias_of, largest_sums

HEADERS = ("edgeq_product_dsp.h",)
MOST_SHIFT = 23  # an output's zero point moved so far still fits a word
_HALF = 1 << 30


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """Weights [channels, window] without their zero point, bias, and factors of each channel.

    ``multiplier`` is 2 m - 2^32 and ``addend`` what stands before the shift to the right: half of
    the last bit, and the output's zero point.
    """

    weights: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    addend: np.ndarray
    shift: np.ndarray


def channels(io: Operands, numbers: Accumulation, weights: np.ndarray) -> Channels:
    """Return the channels of a layer that ``is_short`` accepts."""
    settled, bias, requant = _settled(io, numbers.requant, weights)
    shift = -np.asarray(requant.shift, np.int64)
    folded = bias - io.x.zero_point * settled.sum(axis=1, dtype=np.int64)
    addend = (1 << (shift - 1)) + (io.y.zero_point << shift)
    return Channels(
        settled,
        folded.astype(np.uint32).view(np.int32),
        (2 * np.asarray(requant.multiplier, np.int64)).astype(np.uint32).view(np.int32),
        addend.astype(np.int32),
        shift.astype(np.int32),
    )


def is_short(io: Operands, numbers: Accumulation, weights: np.ndarray) -> bool:
    """Tell whether four instructions rescale every sum of a layer, saturated to its whole type."""
    if io.x.dtype is not DType.INT8 or numbers.requant.rounding is Rounding.FLOAT32:
        return False
    if (numbers.low, numbers.high) != (io.y.dtype.min, io.y.dtype.max):
        return False
    settled, bias, requant = _settled(io, numbers.requant, weights)
    shift = -np.asarray(requant.shift, np.int64)
    if shift.min() < 1 or shift.max() > MOST_SHIFT or min(requant.multiplier) < _HALF:
        return False
    # Rescaled, no sum is larger than it was.
    reach = _spans(io, settled) + np.abs(bias)
    moved = (1 << (shift - 1)) + (abs(io.y.zero_point) << shift)
    return bool((reach + moved).max() < 2**31)


def _spans(io: Operands, weights: np.ndarray) -> np.ndarray:
    """Return the largest absolute sum of products of each channel."""
    sums = np.abs(weights).sum(axis=1, dtype=np.int64)
    spans: np.ndarray = largest_sums(io, sums) - np.abs(bias_of(io).astype(np.int64))
    return spans


def _settled(
    io: Operands, requant: Requant, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, Requant]:
    """Return weights, bias and factors, plain ones where a channel has one answer to everything.

    Training leaves channels whose scale is next to nothing; their bias alone decides.
    """
    count = len(weights)
    bias = bias_of(io).astype(np.int64)
    requant = _each(requant, count)
    spans = _spans(io, weights)
    ends = [requantize((bias + s).astype(np.int32), requant) for s in (-spans, spans)]
    shift = -np.asarray(requant.shift)
    plain = (shift >= 1) & (shift <= MOST_SHIFT) & (np.asarray(requant.multiplier) >= _HALF)
    alone = (ends[0] == ends[1]) & ~plain
    answer = np.clip(ends[0].astype(np.int64), -255, 255)
    # Four times the answer, times a half, shifted by one.
    pairs = zip(alone.tolist(), requant.multiplier, requant.shift, strict=True)
    chosen = [(_HALF, -1) if gone else (m, s) for gone, m, s in pairs]
    multiplier, moves = zip(*chosen, strict=True)
    return (
        np.where(alone[:, np.newaxis], 0, weights),
        np.where(alone, answer << 2, bias),
        replace(requant, multiplier=multiplier, shift=moves),
    )


def _each(requant: Requant, count: int) -> Requant:
    if requant.channels == count:
        return requant
    return replace(requant, multiplier=requant.multiplier * count, shift=requant.shift * count)
