"""DSP extension rows of depthwise convolution."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp.common import HEADERS, channels, is_short
from edgeq.kernels.portable.convolution import conv2d_shape, weight_zero
from edgeq.ops._accumulate import centred
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch

CHANNELS = 4  # whose codes are in one word
TAPS = 9


def _weights(io: Operands) -> np.ndarray:
    """Return the weights without their zero point, [channels, taps]."""
    weights: np.ndarray = centred(io.ins[1], np.int32).reshape(TAPS, -1).T
    return weights


def depthwise_3x3_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution of 3x3 windows."""
    found = channels(io, op.arithmetic, _weights(io))
    _, in_h, in_w, _ = io.x.shape
    images, out_h, out_w, out_c = io.y.shape
    stride = op.stride[0]
    # Columns that are read: two more than the outputs, which are computed in twos.
    columns = out_w + out_w % 2 + 2 if stride == 1 else 2 * out_w + 1
    plane = max(columns, op.padding.left + in_w)
    shape = conv2d_shape(op, io)
    used = ("IN_H", "IN_W", "IN_C", "OUT_H", "OUT_W", "PAD_TOP", "PAD_LEFT")
    zero = weight_zero(io)
    codes = (found.weights + zero).astype(np.int8)
    numbers = (found.bias, found.multiplier, found.addend, found.shift)
    factors = np.stack(numbers, 1).ravel()
    return Facts(
        constants={
            "IMAGES": images,
            **{name: shape[name] for name in used},
            "OUT_C": out_c,
            "PLANE": plane,
            "STEP": 2 if stride == 1 else 1,
            "X_ZERO": io.x.zero_point,
            "W_ZERO": zero,
        },
        data=(
            Data("weights", codes, "weights [channels, 3, 3]"),
            Data("factors", factors, "bias, multiplier, addend and shift of each channel"),
        ),
        flags={
            "rounding": op.arithmetic.requant.rounding.value,
            "stride": stride,
            "odd_rows": out_h % 2 == 1,
            "odd_columns": out_w % 2 == 1,
        },
        scratch=Scratch("pairs", DType.INT32, 16 * plane + 1),
        note=f"3x3 depthwise convolution, stride {stride}, {in_h}x{in_w}x{out_c}",
    )


def _accepts(op: DepthwiseConv2D, io: Operands) -> bool:
    if io.x.dtype is not DType.INT8 or op.kernel(io) != (3, 3) or op.multiplier(io) != 1:
        return False
    known = op.stride in ((1, 1), (2, 2)) and op.dilation == (1, 1)
    wide = io.y.shape[3] >= CHANNELS
    return known and wide and is_short(io, op.arithmetic, _weights(io))


ROWS = (
    Kernel(
        "dsp/depthwise_conv2d_3x3_s8",
        DepthwiseConv2D,
        depthwise_3x3_facts,
        _accepts,
        packed=(1, 2),
        headers=(*HEADERS, "edgeq_depthwise_dsp.h"),
    ),
)
