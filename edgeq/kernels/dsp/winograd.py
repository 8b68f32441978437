"""DSP extension row of 3x3 convolution that computes two pixels with four products, not six."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, elements
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp.common import HEADERS, Channels, channels, is_short
from edgeq.kernels.dsp.product import TILE
from edgeq.kernels.dsp.streams import reach_of
from edgeq.kernels.portable.convolution import conv2d_note, conv2d_shape
from edgeq.ops._accumulate import centred
from edgeq.ops.conv2d import Conv2D
from edgeq.plan.program import Data, Scratch

DEPTH_STEP = 8  # input channels: three rows of them are a round of the loop
COLUMNS = 4  # codes of a row that two pixels need
MOST_BYTES = 8192  # of weights, 2 2/3 times what they were


def _weights(io: Operands) -> np.ndarray:
    w: np.ndarray = centred(io.ins[1], np.int32)
    return w.reshape(len(w), -1)


def transformed(weights: np.ndarray, in_c: int) -> np.ndarray:
    """Return 16-bit weights [channels, 4, 3 * in_c] that sums and differences of codes go with."""
    g = weights.reshape(len(weights), 3, 3, in_c)
    left, middle, right = g[:, :, 0], g[:, :, 1], g[:, :, 2]
    parts = (left + middle + right, left - middle + right, 2 * left, -2 * right)
    stacked: np.ndarray = np.stack(parts, 1).reshape(len(weights), 4, -1)
    return stacked


def stream(found: Channels, in_c: int) -> np.ndarray:
    """Return what the tile function reads for each two channels.

    Twice the biases; the weights of m1, m2 and m0; multiplier, addend and shift of each channel;
    the weights of m3; the factors again.
    """
    parts = transformed(found.weights, in_c)
    multiplier = found.multiplier.view(np.uint32).astype(np.int64) // 2
    factors = np.stack((multiplier, found.addend, found.shift), 1)
    blocks = []
    for first in range(0, len(parts), 2):
        pair = slice(first, first + 2)
        # [channels, part, groups, halves, parity] to [part, groups, parity, channels, halves]
        quads = parts[pair].reshape(2, 4, -1, 2, 2).transpose(1, 2, 4, 0, 3)
        words = np.ascontiguousarray(quads, np.int16).reshape(4, -1).view("<i4")
        both = factors[pair].ravel()
        bias = 2 * found.bias[pair].astype(np.int64)
        blocks += [bias, words[:3].ravel(), both, words[3], both]
    joined: np.ndarray = np.concatenate(blocks).astype(np.int32)
    return joined


def winograd_facts(op: Conv2D, io: Operands) -> Facts:
    """Return the facts of a convolution of 3x3 windows one pixel apart."""
    _, in_h, in_w, in_c = io.x.shape
    _, out_h, out_w, count = io.y.shape
    found = channels(io, op.arithmetic, _weights(io))
    shape = conv2d_shape(op, io)
    used = ("IN_H", "IN_W", "IN_C", "PAD_TOP", "PAD_LEFT")
    words = 4 * TILE * 3 * in_c // 2
    return Facts(
        constants={
            **{name: shape[name] for name in used},
            "PAIRS_W": out_w // 2,
            "LAST_TOP": in_h - 3,
            "LAST_LEFT": in_w - COLUMNS,
            "NEXT": (in_w - COLUMNS) * in_c,
            "X_ZERO": io.x.zero_point,
            "PIXEL_PAIRS": out_h * out_w // 2,
            "OUT_C": count,
            "WORDS": words,
        },
        data=(Data("stream", stream(found, in_c), "two channels at a time, transformed"),),
        # No cheaper rounding where that would do: another function is more code.
        flags={"rounding": op.arithmetic.requant.rounding.value},
        scratch=Scratch("pairs", DType.INT32, words + TILE * 3 * in_c),
        note=conv2d_note(op, io),
    )


def _accepts(op: Conv2D, io: Operands) -> bool:
    if io.x.dtype is not DType.INT8 or op.groups(io) != 1 or op.kernel(io) != (3, 3):
        return False
    (images, _, _, in_c), (_, out_h, out_w, out_c) = io.x.shape, io.y.shape
    near = op.stride == (1, 1) and op.dilation == (1, 1) and images == 1
    even = in_c % DEPTH_STEP == 0 and out_c % 2 == 0 and out_w % 2 == 0
    few = 8 * elements((3, in_c, out_c)) <= MOST_BYTES and out_h * out_w >= 2 * TILE
    if not (near and even and few and is_short(io, op.arithmetic, _weights(io))):
        return False
    found = channels(io, op.arithmetic, _weights(io))
    return bool(reach_of(found).max() < 2**30)


ROWS = (
    Kernel(
        "dsp/conv2d_winograd_s8",
        Conv2D,
        winograd_facts,
        _accepts,
        packed=(1, 2),
        headers=(*HEADERS, "edgeq_winograd_dsp.h"),
        spacious=True,
    ),
)
