"""NEON rows of depthwise convolution of an image of one channel, with many filters."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.neon.common import HEADERS, neon_requant
from edgeq.kernels.neon.lines import Lines, axes, window_lines
from edgeq.kernels.neon.rounding import without_negatives
from edgeq.kernels.product import codes, folded_bias
from edgeq.ops._accumulate import centred
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch

CHANNELS = 8  # computed together
LANES = 4  # codes of a line that are loaded together
TILE = 4  # outputs whose sums stay in registers
MAX_TAPS = 100  # more would be much code


def packed_filters(w: np.ndarray) -> np.ndarray:
    """Return weights [height, width, channels] as [blocks, taps, eight channels]."""
    taps = w.reshape(-1, w.shape[2]).astype(np.int16)
    starts = [min(s, w.shape[2] - CHANNELS) for s in range(0, w.shape[2], CHANNELS)]
    return np.concatenate([taps[:, s : s + CHANNELS].ravel() for s in starts])


def single_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution of one channel.

    The input's zero point moves into the bias: taps outside the image read it too.
    """
    found = Lines(*axes(op, io), False)
    channels = io.y.shape[3]
    numbers = codes(op, io)
    requant = neon_requant(
        without_negatives(op.arithmetic.requant, numbers["LOW"], numbers["Y_ZERO"]), channels
    )
    w = centred(io.ins[1], np.int32)[0]
    height, width = op.kernel(io)
    tile, around = min(TILE, found.along.out), window_lines(found)
    is_outside = any(before or behind for _, before, behind in around)
    constants = {**_sizes(found, io), "TILE": tile, **numbers, **requant.constants}
    bias = folded_bias(io, w.sum(axis=(0, 1), dtype=np.int64), channels)
    return Facts(
        constants=constants,
        data=(
            Data("weights", packed_filters(w), "weights of eight channels at a time"),
            Data("bias", bias, "bias less the input's zero point"),
            *requant.data,
        ),
        flags={
            "lines": around,
            "outside": is_outside,
            "whole": found.slots == found.across.size,
            "step": found.along.stride,
            "tile": tile,
            "ragged": found.along.out % tile != 0,
            "width": width,
            "tail": channels % CHANNELS != 0,
            "requant": requant.flag,
        },
        scratch=Scratch("lines", DType.INT16, (found.slots + is_outside) * constants["PADDED"]),
        note=f"{height}x{width} depthwise convolution, stride {op.stride[0]}, "
        f"{io.x.shape[1]}x{io.x.shape[2]}x1 to {channels} channels",
    )


def _sizes(found: Lines, io: Operands) -> dict[str, int]:
    across, along = found.across, found.along
    reach = (along.out - 1) * along.stride + -(-along.window // LANES) * LANES
    return {
        **({"IMAGES": io.x.shape[0]} if io.x.shape[0] > 1 else {}),
        "CHANNELS": io.y.shape[3],
        "IN_LINES": across.size,
        "IN_LENGTH": along.size,
        "OUT_LINES": across.out,
        "OUT_LENGTH": along.out,
        "TAPS": across.window * along.window,
        "STRIDE": across.stride,
        "REACH": (across.window - 1) * across.dilation - across.pad,
        "PAD": along.pad,
        "SLOTS": found.slots,
        "PADDED": max(reach, along.pad + along.size),
    }


def _fits(op: DepthwiseConv2D, io: Operands) -> bool:
    height, width = op.kernel(io)
    single = io.x.shape[3] == 1 and io.y.shape[3] >= CHANNELS and op.dilation[1] == 1
    return io.x.dtype is DType.INT8 and single and height * width <= MAX_TAPS


ROWS = (
    Kernel(
        "neon/depthwise_conv2d_single_s8",
        DepthwiseConv2D,
        single_facts,
        _fits,
        packed=(1, 2),
        headers=HEADERS,
    ),
)
