"""AVX2 rows of depthwise convolution."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable.convolution import MAX_TAPS, conv2d_shape
from edgeq.kernels.product import codes, folded_bias
from edgeq.kernels.requant import requant_facts
from edgeq.kernels.x86_avx2.common import HEADERS, LANES
from edgeq.ops._accumulate import centred
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch


def packed_taps(w: np.ndarray) -> np.ndarray:
    """Return weights [taps, channels] as [vectors, pairs of taps, eight channels, two].

    A last tap without a partner gets one that weighs nothing; the last vector overlaps.
    """
    taps, channels = w.shape
    padded = np.zeros((taps + taps % 2, channels), np.int16)
    padded[:taps] = w
    starts = [min(s, channels - LANES) for s in range(0, channels, LANES)]
    blocks = np.stack([padded[:, s : s + LANES] for s in starts])
    return blocks.reshape(len(starts), -1, 2, LANES).transpose(0, 1, 3, 2).ravel()


def tap_offsets(op: DepthwiseConv2D, io: Operands) -> tuple[int, ...]:
    """Return where the taps of a window are, in elements from its first one."""
    height, width = op.kernel(io)
    _, _, in_w, channels = io.x.shape
    return tuple(
        (ky * op.dilation[0] * in_w + kx * op.dilation[1]) * channels
        for ky in range(height)
        for kx in range(width)
    )


def depthwise_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution of few taps.

    The input's zero point moves into the bias: taps outside the image read it too.
    """
    height, width = op.kernel(io)
    taps, channels = height * width, io.y.shape[3]
    w = centred(io.ins[1], np.int32).reshape(taps, channels)
    requant = requant_facts(op.arithmetic.requant)
    constants = {
        "IMAGES": io.x.shape[0],
        **conv2d_shape(op, io),
        "OUT_C": channels,
        "TAPS": taps,
        "PAIRS": -(-taps // 2),
        "REACH_H": (height - 1) * op.dilation[0],
        "REACH_W": (width - 1) * op.dilation[1],
        **codes(op, io),
        **requant.constants,
    }
    bias = folded_bias(io, w.sum(axis=0, dtype=np.int64), channels)
    return Facts(
        constants=constants,
        data=(
            Data("weights", packed_taps(w), "weights of two taps at a time, for eight channels"),
            Data("bias", bias, "bias less the input's zero point"),
            *requant.data,
        ),
        flags={
            "requant": requant.flag,
            "offsets": tap_offsets(op, io),
            "pairs": tuple((t, min(t + 1, taps - 1)) for t in range(0, taps, 2)),
        },
        scratch=Scratch("outside", DType.INT8, channels),
        note=f"{height}x{width} depthwise convolution, stride {op.stride[0]}, "
        f"{io.x.shape[1]}x{io.x.shape[2]}x{channels}",
    )


def _few_taps(op: DepthwiseConv2D, io: Operands) -> bool:
    height, width = op.kernel(io)
    fits = height * width <= MAX_TAPS and io.y.shape[3] >= LANES
    return io.x.dtype is DType.INT8 and fits and op.multiplier(io) == 1


ROWS = (
    Kernel(
        "x86_avx2/depthwise_conv2d_s8",
        DepthwiseConv2D,
        depthwise_facts,
        _few_taps,
        packed=(1, 2),
        headers=HEADERS,
    ),
)
