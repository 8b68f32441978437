"""AVX2 rows of depthwise convolution: products of two rows at a time, down columns of windows."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.columns import column_weights, packed_columns, rows_at_once, structure
from edgeq.kernels.portable.convolution import conv2d_shape
from edgeq.kernels.portable.depthwise import MAX_TAPS
from edgeq.kernels.product import codes, folded_bias
from edgeq.kernels.rescale import layer_rescale
from edgeq.kernels.x86_avx2.common import HEADERS, LANES
from edgeq.ops._accumulate import centred
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch

PAIR = 2  # products that one lane sums


def depthwise_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution of few taps.

    The input's zero point moves into the bias: taps outside the image read it too.
    """
    height, width = op.kernel(io)
    channels = io.y.shape[3]
    w = centred(io.ins[1], np.int32).reshape(height, width, channels)
    rescale = layer_rescale(op, io, w.reshape(-1, channels).T, channels)
    rows = rows_at_once(op, io, PAIR)
    shape = structure(op, io, rows, PAIR)
    packed = packed_columns(column_weights(w, rows, PAIR).astype(np.int16), LANES)
    constants = {
        "IMAGES": io.x.shape[0],
        **conv2d_shape(op, io),
        "OUT_C": channels,
        "ROWS": rows,
        "STRIPS": -(-io.y.shape[1] // rows),
        "GROUP": len(packed) // -(-channels // LANES),
        **codes(op, io),
        **rescale.constants,
    }
    bias = folded_bias(io, w.sum(axis=(0, 1), dtype=np.int64), channels)
    return Facts(
        constants=constants,
        data=(
            Data("weights", packed, "weights by columns in pairs, for eight channels"),
            Data("bias", bias, "bias less the input's zero point"),
            *rescale.data,
        ),
        flags={"rescale": rescale.flag, **shape},
        scratch=Scratch("blank", DType.INT8, io.x.shape[2] * channels) if shape["blank"] else None,
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
