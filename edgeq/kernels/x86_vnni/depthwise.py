"""VNNI rows of depthwise convolution: dot products down the columns of a window."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.columns import column_weights, packed_columns, rows_at_once, structure
from edgeq.kernels.portable.convolution import conv2d_shape
from edgeq.kernels.portable.depthwise import MAX_TAPS
from edgeq.kernels.product import codes
from edgeq.kernels.rescale import layer_rescale
from edgeq.kernels.x86_vnni.common import HEADERS, LANES, QUAD, raised_bias
from edgeq.ops._accumulate import centred
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch


def int8_parts(w: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return int8 arrays that add up to ``w``: one, or more where a zero point needs nine bits."""
    parts: list[np.ndarray] = []
    rest = w
    while not parts or rest.any():
        parts.append(np.clip(rest, -128, 127).astype(np.int8))
        rest = rest - parts[-1]
    return tuple(parts)


def depthwise_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution of few taps."""
    height, width = op.kernel(io)
    channels, length = io.y.shape[3], max(io.y.shape[3], LANES)
    w = centred(io.ins[1], np.int32).reshape(height, width, channels)
    rescale = layer_rescale(op, io, w.reshape(-1, channels).T, length)
    rows = rows_at_once(op, io, QUAD)
    parts = int8_parts(column_weights(w, rows, QUAD))
    shape = structure(op, io, rows, QUAD, len(parts))
    packed = packed_columns(np.stack(parts), LANES)
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
    bias = raised_bias(io, w.sum(axis=(0, 1), dtype=np.int64), length)
    return Facts(
        constants=constants,
        data=(
            Data("weights", packed, "weights by columns, for sixteen channels"),
            Data("bias", bias, "bias less what the input's zero point adds"),
            *rescale.data,
        ),
        flags={"rescale": rescale.flag, "few": channels < LANES, **shape},
        scratch=Scratch("blank", DType.INT8, io.x.shape[2] * channels) if shape["blank"] else None,
        note=f"{height}x{width} depthwise convolution, stride {op.stride[0]}, "
        f"{io.x.shape[1]}x{io.x.shape[2]}x{channels}",
    )


def _few_taps(op: DepthwiseConv2D, io: Operands) -> bool:
    height, width = op.kernel(io)
    is_int8 = io.x.dtype is DType.INT8
    return is_int8 and height * width <= MAX_TAPS and op.multiplier(io) == 1


ROWS = (
    Kernel(
        "x86_vnni/depthwise_conv2d_s8",
        DepthwiseConv2D,
        depthwise_facts,
        _few_taps,
        packed=(1, 2),
        headers=HEADERS,
    ),
)
