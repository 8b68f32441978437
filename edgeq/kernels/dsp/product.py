"""DSP extension rows of convolution and fully connected layers."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, elements
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp.common import HEADERS, Channels, channels, is_short
from edgeq.kernels.portable.convolution import (
    conv2d_note,
    conv2d_shape,
    is_pointwise,
    weight_zero,
)
from edgeq.ops._accumulate import centred
from edgeq.ops.conv2d import Conv2D
from edgeq.plan.program import Data, Scratch

TILE = 4  # windows summed in registers together, with two channels
GROUP = 4  # codes of a window in a word


def stream(found: Channels, depth: int, zero: int) -> np.ndarray:
    """Return what the tile function reads for each two channels, the last two perhaps again.

    Biases; for each four places k of a window the weights (k, k + 2) of both channels, then those
    of (k + 1, k + 3); multiplier, addend and shift of each channel.
    """
    count, window = found.weights.shape
    codes = np.full((count, depth), 0, np.int64)
    codes[:, :window] = found.weights + zero
    starts = [min(first, count - 2) for first in range(0, count, 2)]
    blocks = []
    for first in starts:
        pair = slice(first, first + 2)
        # [two channels, groups, two halves, parity] to [groups, parity, halves, channels]
        quads = codes[pair].reshape(2, -1, 2, 2).transpose(1, 3, 2, 0)
        words = np.ascontiguousarray(quads, np.int8).reshape(-1).view("<i4")
        columns = (found.multiplier[pair], found.addend[pair], found.shift[pair])
        blocks.append(np.concatenate([found.bias[pair], words, np.stack(columns, 1).ravel()]))
    joined: np.ndarray = np.concatenate(blocks).astype(np.int32)
    return joined


def _weights(io: Operands) -> np.ndarray:
    w = centred(io.ins[1], np.int32)
    return w.reshape(len(w), -1)


def conv2d_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of an ungrouped convolution."""
    w = _weights(io)
    count, window = w.shape
    depth = -(-window // GROUP) * GROUP
    in_c = io.x.shape[3]
    mode = "general" if in_c % GROUP == 0 else "copied"
    mode = "direct" if is_pointwise(op, io) and window == depth else mode
    found = channels(io, op.arithmetic, w)
    shape = {} if mode == "direct" else conv2d_shape(op, io)
    constants = {
        **shape,
        "X_ZERO": io.x.zero_point,
        "W_ZERO": weight_zero(io),
        "PIXELS": elements(io.y.shape[:3]),
        "OUT_C": count,
        "WINDOW": window,
        "DEPTH": depth,
        "PAIRS": count // 2,
        "PAIR_WORDS": 2 + depth // 2 + 6,
    }
    spare = {"direct": 0, "general": in_c // GROUP, "copied": depth}[mode]
    return Facts(
        constants=constants,
        data=(Data("stream", stream(found, depth, weight_zero(io)), "two channels at a time"),),
        flags={
            "mode": mode,
            "rounding": op.arithmetic.requant.rounding.value,
            "odd": count % 2 == 1,
            "joined": op.dilation[1] == 1,
        },
        scratch=Scratch("pairs", DType.INT32, 2 * depth + spare),
        note=conv2d_note(op, io),
    )


def _accepts(op: Conv2D, io: Operands) -> bool:
    if io.x.dtype is not DType.INT8 or op.groups(io) != 1:
        return False
    enough = elements(io.y.shape[:3]) >= TILE and io.y.shape[3] >= 2
    return enough and is_short(io, op.arithmetic, _weights(io))


ROWS = (Kernel("dsp/conv2d_s8", Conv2D, conv2d_facts, _accepts, packed=(1, 2), headers=HEADERS),)
