"""VNNI rows of depthwise convolution: dot products down the columns of a window."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable.convolution import MAX_TAPS, conv2d_shape
from edgeq.kernels.product import codes
from edgeq.kernels.x86_vnni.common import HEADERS, LANES, QUAD, layer_rescale, raised_bias
from edgeq.ops._accumulate import centred
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch


def rows_at_once(op: DepthwiseConv2D, io: Operands) -> int:
    """Return how many output rows share their columns: two, where four input rows are enough."""
    height, _ = op.kernel(io)
    shares = op.stride[0] == 1 and op.dilation[0] == 1 and height + 1 <= QUAD
    return 2 if shares and io.y.shape[1] >= 2 else 1


def column_weights(w: np.ndarray, rows: int, reach: int) -> np.ndarray:
    """Return weights [height, width, channels] as [rows, columns, quads, channels, four].

    Output row ``r`` begins ``r`` input rows lower; what is above and below has no weight.
    """
    height, width, channels = w.shape
    quads = -(-reach // QUAD)
    tall = np.zeros((rows, quads * QUAD, width, channels), np.int32)
    for r in range(rows):
        tall[r, r : r + height] = w
    return tall.reshape(rows, quads, QUAD, width, channels).transpose(0, 3, 1, 4, 2)


def int8_parts(w: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return int8 arrays that add up to ``w``: one, or more where a zero point needs nine bits."""
    parts: list[np.ndarray] = []
    rest = w
    while not parts or rest.any():
        parts.append(np.clip(rest, -128, 127).astype(np.int8))
        rest = rest - parts[-1]
    return tuple(parts)


def packed_columns(parts: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return [rows, columns, quads, channels, four] arrays group by group of sixteen channels.

    The last group overlaps; channels that were added to fill one have no weight.
    """
    stacked = np.stack(parts)
    channels = stacked.shape[4]
    filled = np.pad(stacked, [(0, 0)] * 4 + [(0, max(LANES - channels, 0)), (0, 0)])
    last = max(channels - LANES, 0)
    groups = [filled[..., s : s + LANES, :] for s in (min(g, last) for g in range(0, channels, 16))]
    return np.stack(groups).ravel()


def depthwise_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution of few taps."""
    height, width = op.kernel(io)
    channels, length = io.y.shape[3], max(io.y.shape[3], LANES)
    w = centred(io.ins[1], np.int32).reshape(height, width, channels)
    rescale = layer_rescale(op, io, w.reshape(-1, channels).T, length)
    rows = rows_at_once(op, io)
    reach = height + rows - 1
    parts = int8_parts(column_weights(w, rows, reach))
    vectors = parts[0].size // channels // QUAD * len(parts)
    blank, inside = _borders(op, io)
    constants = {
        "IMAGES": io.x.shape[0],
        **conv2d_shape(op, io),
        "OUT_C": channels,
        "ROWS": rows,
        "STRIPS": -(-io.y.shape[1] // rows),
        "GROUP": vectors * LANES * QUAD,
        **codes(op, io),
        **rescale.constants,
    }
    bias = raised_bias(io, w.sum(axis=(0, 1), dtype=np.int64), length)
    return Facts(
        constants=constants,
        data=(
            Data("weights", packed_columns(parts), "weights by columns, for sixteen channels"),
            Data("bias", bias, "bias less what the input's zero point adds"),
            *rescale.data,
        ),
        flags={
            "rescale": rescale.flag,
            "few": channels < LANES,
            "blank": blank,
            "inside": inside,
            **_structure(op, width, rows, reach, vectors),
        },
        scratch=Scratch("blank", DType.INT8, io.x.shape[2] * channels) if blank else None,
        note=f"{height}x{width} depthwise convolution, stride {op.stride[0]}, "
        f"{io.x.shape[1]}x{io.x.shape[2]}x{channels}",
    )


def _borders(op: DepthwiseConv2D, io: Operands) -> tuple[bool, bool]:
    """Tell whether some window has a row outside the image, and whether none has a column."""
    outside = []
    sides = zip(
        op.kernel(io), op.stride, op.dilation, io.x.shape[1:3], io.y.shape[1:3], strict=True
    )
    for before, (kernel, stride, dilation, size, count) in zip(
        (op.padding.top, op.padding.left), sides, strict=True
    ):
        end = (count - 1) * stride - before + (kernel - 1) * dilation
        outside.append(before > 0 or end >= size)
    return outside[0], not outside[1]


def _structure(
    op: DepthwiseConv2D, width: int, rows: int, reach: int, vectors: int
) -> dict[str, object]:
    """Return the names of rows, columns and weights, and which of them are multiplied."""
    quads = -(-reach // QUAD)
    # A row that a quad has left over is read again; it has no weight.
    lines = [[min(q * QUAD + i, reach - 1) for i in range(QUAD)] for q in range(quads)]
    kept = max(width - op.stride[1], 0) if op.dilation[1] == 1 else 0
    parts = vectors // (rows * width * quads)
    order = [
        (i, j, q, ((p * rows + i) * width + j) * quads + q)
        for p in range(parts)
        for j in range(width)
        for q in range(quads)
        for i in range(rows)
    ]
    return {
        "lines": lines,
        "rows": range(reach),
        "outs": range(rows),
        "quads": range(quads),
        "columns": range(width),
        "kept": range(kept),
        "fresh": range(kept, width),
        "vectors": range(vectors),
        "dots": order,
    }


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
