"""Portable rows of depthwise convolution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable.convolution import (
    accumulation_codes,
    channel_block,
    conv2d_shape,
    s8,
    s16,
    sum_type,
    weight_data,
)
from edgeq.kernels.requant import requant_facts
from edgeq.ops._accumulate import bias_of, centred
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch

MAX_TAPS = 25  # windows whose taps are written out one by one


def depthwise_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution."""
    requant = requant_facts(op.arithmetic.requant, row=io.y.shape[3])
    height, width = op.kernel(io)
    channels = io.y.shape[3]
    constants = {
        "IMAGES": io.x.shape[0],
        **conv2d_shape(op, io),
        "OUT_C": channels,
        "MULTIPLIER_C": op.multiplier(io),
        "BLOCK": channel_block(channels),
        **accumulation_codes(op, io),
        **requant.constants,
    }
    size = f"{io.x.shape[1]}x{io.x.shape[2]}x{io.x.shape[3]}"
    return Facts(
        constants,
        (*weight_data(op, io), *requant.data),
        {"requant": requant.flag, "sum": sum_type(op, io), "repeats": op.multiplier(io) > 1},
        None,
        f"{height}x{width} depthwise convolution, stride {op.stride[0]}, {size}",
    )


def depthwise_taps_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution whose taps are written out.

    The input's zero point moves into the bias: taps outside the image read it too.
    """
    facts = depthwise_facts(op, io)
    kernel = op.kernel(io)
    taps = kernel[0] * kernel[1]
    w = centred(io.ins[1], np.int32).reshape(taps, -1)
    bias = bias_of(io) - io.x.zero_point * w.sum(axis=0)
    pairs = tuple((t, t + 1) for t in range(0, taps - 1, 2))
    reach = max((int((np.abs(w[a]) + np.abs(w[b])).max()) for a, b in pairs), default=0)
    unused = ("MULTIPLIER_C", "BLOCK")
    constants = {name: value for name, value in facts.constants.items() if name not in unused}
    return replace(
        facts,
        constants={**constants, "TAPS": taps},
        data=(facts.data[0], Data("bias", bias.astype(np.int32), "bias"), *facts.data[2:]),
        flags={
            "requant": facts.flags["requant"],
            "taps": range(taps),
            "pairs": pairs,
            "single": range(2 * len(pairs), taps),
            "paired": reach * 128 <= 32767,
        },
        scratch=Scratch("outside", DType.INT8, io.y.shape[3]),
    )


def _small_taps(op: DepthwiseConv2D, io: Operands) -> bool:
    """Accept windows of few taps, where no sum with the input's zero point can overflow."""
    kernel = op.kernel(io)
    if kernel[0] * kernel[1] > MAX_TAPS or op.multiplier(io) != 1:
        return False
    w = np.abs(centred(io.ins[1], np.int64)).sum(axis=(0, 1, 2))
    worst = np.abs(bias_of(io).astype(np.int64)) + (128 + abs(io.x.zero_point)) * w
    return io.x.dtype is DType.INT8 and int(worst.max()) < 2**31


ROWS = (
    Kernel(
        "portable/depthwise_conv2d_taps_s8",
        DepthwiseConv2D,
        depthwise_taps_facts,
        _small_taps,
        packed=(1, 2),
        general=True,
    ),
    Kernel(
        "portable/depthwise_conv2d_s8",
        DepthwiseConv2D,
        depthwise_facts,
        s8,
        packed=(1, 2),
        general=True,
    ),
    Kernel("portable/depthwise_conv2d_s16", DepthwiseConv2D, depthwise_facts, s16, packed=(1, 2)),
)
