"""Helium rows of depthwise convolution."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp.common import channels, is_short
from edgeq.kernels.dsp.linear import SHIFT, line
from edgeq.kernels.mve.product import HEADERS, factors, fits_bytes
from edgeq.kernels.neon.rounding import without_negatives
from edgeq.ops._accumulate import centred
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch

MOST_PLANE = 4096  # bytes of one channel between its padding
MOST_WIDTH = 62  # of a plane for stride 2: distances in it are bytes
MOST_CHANNELS = 65535 // 7  # distances of eight columns are 16 bits


def depthwise_weights(io: Operands) -> np.ndarray:
    """Return the weights without their zero point, [channels, taps]."""
    w = centred(io.ins[1], np.int32)
    weights: np.ndarray = w.reshape(-1, w.shape[3]).T
    return weights


def _plane(op: DepthwiseConv2D, io: Operands) -> tuple[int, int]:
    """Return rows and columns of a plane that holds the image and all windows, two by two."""
    stride = op.stride[0]
    ends = (io.x.shape[1] + op.padding.top, io.x.shape[2] + op.padding.left)
    # Windows for stride 2 are read with a column to their right; words begin at even places.
    reach = 2 if stride == 1 else 1
    high, wide = ((n + n % 2) * stride + reach for n in io.y.shape[1:3])
    height, width = max(high, ends[0]), max(wide + stride - 1, ends[1])
    return height, width + width % 2


def stream(op: DepthwiseConv2D, io: Operands) -> tuple[str, np.ndarray]:
    """Return the form of rescaling, and what the kernel reads for each channel.

    That are twelve bytes of weights, and its factors.
    """
    form, weights, numbers = _factors(op, io)
    taps = weights.reshape(-1, 3, 3)
    codes = np.zeros((len(taps), 12), np.int8)
    if op.stride[0] == 1:
        codes.reshape(-1, 3, 4)[:, :, :3] = taps
    else:
        codes[:, :9] = taps.transpose(0, 2, 1).reshape(-1, 9)
    joined: np.ndarray = np.concatenate([codes.view("<i4"), numbers], axis=1)
    return form, joined.astype(np.int32).ravel()


def _factors(op: DepthwiseConv2D, io: Operands) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the form of rescaling, weights without their zero point, and [channels, factors]."""
    weights = depthwise_weights(io)
    short = line(io, op.arithmetic, weights)
    if short is not None:
        # The last shift of the vectors rounds; this one must not.
        addend = short.addend - (1 << SHIFT >> 1)
        return "line", weights, np.stack((short.bias, short.multiplier, addend), 1)
    found = channels(io, op.arithmetic, weights)
    return rounding(op, io), found.weights, factors(found).T


def rounding(op: DepthwiseConv2D, io: Operands) -> str:
    """Return the rounding of the sums, the cheaper one where that gives the same codes."""
    requant = without_negatives(op.arithmetic.requant, op.arithmetic.low, io.y.zero_point)
    return requant.rounding.value


def depthwise_3x3_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution of 3x3 windows."""
    images, in_h, in_w, in_c = io.x.shape
    height, width = _plane(op, io)
    stride = op.stride[0]
    form, numbers = stream(op, io)
    return Facts(
        constants={
            "IMAGES": images,
            "IN_H": in_h,
            "IN_W": in_w,
            "CHANNELS": in_c,
            "OUT_H": io.y.shape[1],
            "OUT_W": io.y.shape[2],
            "PAD_TOP": op.padding.top,
            "PAD_LEFT": op.padding.left,
            "X_ZERO": io.x.zero_point,
            "Y_ZERO": io.y.zero_point,
            "HEIGHT": height,
            "WIDTH": width,
        },
        data=(Data("stream", numbers, "weights and factors of each channel"),),
        flags={"form": form, "stride": stride},
        scratch=Scratch("plane", DType.INT8, height * width),
        note=f"3x3 depthwise convolution, stride {stride}, {in_h}x{in_w}x{in_c}",
    )


def _accepts(op: DepthwiseConv2D, io: Operands) -> bool:
    if io.x.dtype is not DType.INT8 or op.kernel(io) != (3, 3) or op.multiplier(io) != 1:
        return False
    if op.stride not in ((1, 1), (2, 2)) or op.dilation != (1, 1):
        return False
    height, width = _plane(op, io)
    small = height * width <= MOST_PLANE and io.x.shape[3] <= MOST_CHANNELS
    narrow = op.stride[0] == 1 or width <= MOST_WIDTH
    weights = depthwise_weights(io)
    if not (small and narrow and fits_bytes(weights)):
        return False
    numbers = op.arithmetic
    return is_short(io, numbers, weights) or line(io, numbers, weights) is not None


ROWS = (
    Kernel(
        "mve/depthwise_conv2d_3x3_s8",
        DepthwiseConv2D,
        depthwise_3x3_facts,
        _accepts,
        packed=(1, 2),
        headers=(*HEADERS, "edgeq_depthwise_mve.h"),
    ),
)
