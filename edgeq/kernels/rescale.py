"""Short exact rescaling: where the sums of a layer are known to be small, steps become one.

A sum within 2^29 can be doubled, so that the product with its multiplier is rounded by taking the
high half of 64 bits; what rounds the shift after it, and the zero point of the output, are added
there too. The bits are those of the long form: ``tests/numerics`` compares them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Requant, Rounding
from edgeq.kernels.product import filled_requant
from edgeq.kernels.requant import requant_facts
from edgeq.ops._accumulate import bias_of
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.plan.program import Data

LARGEST_SUM = 1 << 29
LARGEST_OFFSET = 1 << 30
ROUNDED = -(1 << 31)  # as 32 bits: half a unit of the high half


@dataclass(frozen=True, slots=True)
class RescaleFlag:
    """What templates need: the primitive, where its factors are, and whether it clamps itself."""

    primitive: str
    short: bool
    per_channel: bool
    is_float: bool
    clamps: bool


@dataclass(frozen=True, slots=True, eq=False)
class RescaleFacts:
    """``flag`` goes into ``Facts.flags`` as ``rescale``; the rest joins constants and data."""

    flag: RescaleFlag
    constants: dict[str, int]
    data: tuple[Data, ...]


def rescale_facts(
    requant: Requant, largest_sum: int, zero: int, low: int, high: int
) -> RescaleFacts:
    """Return the facts of rescaling sums within ``largest_sum`` to int8 codes ``low..high``.

    ``clamps`` is false where saturation to 8 bits is all the clamping there is.
    """
    clamps = (low, high) != (-128, 127)
    offsets = _offsets(requant, largest_sum, zero)
    if offsets is None:
        long = requant_facts(requant)
        kind = (long.flag.per_channel, long.flag.is_float)
        flag = RescaleFlag(long.flag.primitive, False, *kind, clamps)
        return RescaleFacts(flag, long.constants, long.data)
    # Ties below zero are rounded otherwise; where those codes are all clamped to zero, no matter.
    away = requant.rounding is Rounding.GEMMLOWP and low < zero
    nudge = 0 if requant.rounding is Rounding.SINGLE and max(requant.shift) < 0 else ROUNDED
    per_channel = requant.channels > 1
    primitive = f"edgeq_short_{'away' if away else 'up'}_s32"
    flag = RescaleFlag(primitive, True, per_channel, False, clamps)
    shifts = np.negative(requant.shift).astype(np.int8)
    if not per_channel:
        constants = {"MULTIPLIER": requant.multiplier[0], "OFFSET": offsets[0]}
        return RescaleFacts(flag, {**constants, "SHIFT": int(shifts[0]), "NUDGE": nudge}, ())
    data = (
        Data("multiplier", np.asarray(requant.multiplier, np.int32), "multipliers"),
        Data("offset", np.asarray(offsets, np.int32), "rounding and zero point, before the shift"),
        Data("shift", shifts, "shifts"),
    )
    return RescaleFacts(flag, {"NUDGE": nudge}, data)


def layer_rescale(
    op: Conv2D | DepthwiseConv2D | FullyConnected, io: Operands, w: np.ndarray, length: int
) -> RescaleFacts:
    """Return how a layer of ``length`` channels rescales; ``w`` is [channels, centred weights]."""
    numbers = op.arithmetic
    reach = max(127 - io.x.zero_point, io.x.zero_point + 128)
    sums = np.abs(w.astype(np.int64)).sum(axis=1) * reach + np.abs(bias_of(io).astype(np.int64))
    requant = filled_requant(numbers.requant, length)
    zero = io.y.zero_point
    return rescale_facts(requant, int(sums.max(initial=0)), zero, numbers.low, numbers.high)


def _offsets(requant: Requant, largest_sum: int, zero: int) -> tuple[int, ...] | None:
    """Return half a unit and the zero point, times each shift; ``None`` without a short form."""
    if requant.rounding is Rounding.FLOAT32 or largest_sum >= LARGEST_SUM:
        return None
    right = [-s for s in requant.shift]
    # Ties go away from zero only where there is a shift, and a single rounding without one needs
    # the nudge that those with one must not have.
    least = 1 if requant.rounding is Rounding.GEMMLOWP else 0
    mixed = requant.rounding is Rounding.SINGLE and 0 in right and max(right) > 0
    if min(right) < least or mixed:
        return None
    offsets = tuple(((1 << s) >> 1) + (zero << s) for s in right)
    return offsets if max(map(abs, offsets)) < LARGEST_OFFSET else None
