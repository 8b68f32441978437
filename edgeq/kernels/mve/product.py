"""Helium rows of convolution and fully connected layers."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, elements
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp.common import Channels, channels, is_short
from edgeq.kernels.portable.convolution import conv2d_note, conv2d_shape, is_pointwise
from edgeq.ops._accumulate import centred
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.plan.program import Data, Scratch

HEADERS = ("edgeq_product_mve.h",)
LANES = 16  # codes of a vector
GROUP = 4  # channels summed in registers together
BIAS_WORDS = 4  # of four channels ...
SCALE_WORDS = 5  # ... and their multipliers and bytes of shifts, unless all have the same
COPIED = 1024  # bytes of windows that are copied together ...
MOST_COPIED = 16  # ... and windows at most
MOST_STEP = 65535 // 2  # channels: a lane holds where an output goes, as 16 bits

Product = Conv2D | DepthwiseConv2D | FullyConnected


def multipliers(found: Channels) -> np.ndarray:
    """Return the multiplier of each channel, or the one of all."""
    each: np.ndarray = factors(found)[1]
    return each[:1] if (each == each[0]).all() else each


def is_common(found: Channels) -> bool:
    """Tell whether all channels are rescaled by the same factor."""
    return len(multipliers(found)) == 1 and bool((found.shift == found.shift[0]).all())


def factors(found: Channels) -> np.ndarray:
    """Return biases, multipliers, and shifts to the left, [3, channels]."""
    multiplier = (found.multiplier.view(np.uint32) >> 1).view(np.int32)
    joined: np.ndarray = np.stack([found.bias, multiplier, -found.shift])
    return joined


def stream(found: Channels) -> np.ndarray:
    """Return what the tile functions read for each four channels, the last four perhaps again.

    For each sixteen places of a window the weights of each channel, after zeros in front; then
    biases; multipliers and bytes of shifts to the left only where not all channels have the same.
    """
    common = is_common(found)
    count, window = found.weights.shape
    sixteens = -(-window // LANES)
    codes = np.zeros((count, sixteens * LANES), np.int8)
    codes[:, sixteens * LANES - window :] = found.weights
    numbers = factors(found)
    blocks = []
    for first in range(0, count, GROUP):
        four = slice(min(first, count - GROUP), min(first, count - GROUP) + GROUP)
        lanes = codes[four].reshape(GROUP, sixteens, LANES).transpose(1, 0, 2)
        words = np.ascontiguousarray(lanes).reshape(-1).view("<i4")
        shifts = numbers[2, four].astype(np.int8).view("<i4")
        scales = () if common else (numbers[1, four], shifts)
        blocks += [words, numbers[0, four], *scales]
    joined: np.ndarray = np.concatenate(blocks).astype(np.int32)
    return joined


def weights_of(io: Operands, along_last: bool = False) -> np.ndarray:
    """Return the weights without their zero point, [channels, window]; channels may be last."""
    w = centred(io.ins[1], np.int32)
    weights: np.ndarray = w.reshape(-1, w.shape[3]).T if along_last else w.reshape(len(w), -1)
    return weights


def fits_bytes(weights: np.ndarray) -> bool:
    """Tell whether weights without their zero point are still 8-bit numbers."""
    return bool(weights.min() >= -128 and weights.max() <= 127)


def _facts(op: Product, io: Operands) -> Facts:
    found = channels(io, op.arithmetic, weights_of(io, isinstance(op, DepthwiseConv2D)))
    count, window = found.weights.shape
    sixteens = -(-window // LANES)
    common = is_common(found)
    scale = dict(zip(("MULTIPLIER", "SHIFT"), factors(found)[1:, 0].tolist(), strict=True))
    return Facts(
        constants={
            "Y_ZERO": io.y.zero_point,
            "WINDOWS": io.y.elements // count,
            "OUT_C": count,
            "DEPTH": window,
            "GROUPS": count // GROUP,
            "GROUP_WORDS": sixteens * LANES + BIAS_WORDS + (0 if common else SCALE_WORDS),
            **(scale if common else {}),
        },
        data=(Data("stream", stream(found), "four channels at a time"),),
        flags={
            "mode": "direct",
            "rounding": op.arithmetic.requant.rounding.value,
            "ragged": count % GROUP != 0,
            "common": common,
        },
    )


def conv2d_facts(op: Conv2D | DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of an ungrouped convolution, or a depthwise one of one input channel."""
    facts = _facts(op, io)
    note = conv2d_note(op, io)
    if is_pointwise(op, io):
        return Facts(facts.constants, facts.data, facts.flags, None, note)
    depth = facts.constants["DEPTH"]
    twos = min(max(COPIED // depth // 2, 1), MOST_COPIED // 2)
    copied = min(2 * twos, elements(io.y.shape[:3]))
    joined = op.dilation == (1, 1)
    unused = ("DILATION_H", "DILATION_W") if joined else ()
    shape = {name: n for name, n in conv2d_shape(op, io).items() if name not in unused}
    return Facts(
        {
            **shape,
            "X_ZERO": io.x.zero_point,
            **facts.constants,
            "COPIED": copied,
        },
        facts.data,
        {**facts.flags, "mode": "copied", "joined": joined},
        Scratch("patches", DType.INT8, copied * depth),
        note,
    )


def fully_connected_facts(op: FullyConnected, io: Operands) -> Facts:
    """Return the facts of a fully connected layer."""
    facts = _facts(op, io)
    depth, outs = facts.constants["DEPTH"], facts.constants["OUT_C"]
    note = f"fully connected, {depth} to {outs}"
    return Facts(facts.constants, facts.data, facts.flags, None, note)


def _accepts(op: Product, io: Operands) -> bool:
    if io.x.dtype is not DType.INT8 or (isinstance(op, Conv2D) and op.groups(io) != 1):
        return False
    single = isinstance(op, DepthwiseConv2D)
    if single and io.x.shape[3] != 1:
        return False
    weights = weights_of(io, single)
    known = GROUP <= len(weights) <= MOST_STEP and fits_bytes(weights)
    return known and is_short(io, op.arithmetic, weights)


ROWS = (
    Kernel("mve/conv2d_s8", Conv2D, conv2d_facts, _accepts, packed=(1, 2), headers=HEADERS),
    Kernel(
        "mve/conv2d_s8", DepthwiseConv2D, conv2d_facts, _accepts, packed=(1, 2), headers=HEADERS
    ),
    Kernel(
        "mve/fully_connected_s8",
        FullyConnected,
        fully_connected_facts,
        _accepts,
        packed=(1, 2),
        headers=HEADERS,
    ),
)
