"""Depthwise convolution down the columns of its windows: which codes and weights go together.

A vector holds some neighbouring rows of one column (two, or four: ``deep``) for each channel, so
that one instruction multiplies and adds them. Windows beside each other share columns, and output
rows below each other share them where a column has rows to spare.
"""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D


def rows_at_once(op: DepthwiseConv2D, io: Operands, deep: int) -> int:
    """Return how many output rows share their columns: two, where that takes no more vectors."""
    height, _ = op.kernel(io)
    shares = op.stride[0] == 1 and op.dilation[0] == 1 and height % deep == deep - 1
    return 2 if shares and io.y.shape[1] >= 2 else 1


def column_weights(w: np.ndarray, rows: int, deep: int) -> np.ndarray:
    """Return weights [height, width, channels] as [rows, columns, groups, channels, deep].

    Output row ``r`` begins ``r`` input rows lower; what is above and below has no weight.
    """
    height, width, channels = w.shape
    groups = -(-(height + rows - 1) // deep)
    tall = np.zeros((rows, groups * deep, width, channels), np.int32)
    for r in range(rows):
        tall[r, r : r + height] = w
    return tall.reshape(rows, groups, deep, width, channels).transpose(0, 3, 1, 4, 2)


def packed_columns(weights: np.ndarray, lanes: int) -> np.ndarray:
    """Return [..., channels, deep] weights by vectors of ``lanes`` channels, each with all others.

    The last vector overlaps; channels that were added to fill one have no weight.
    """
    channels = weights.shape[-2]
    around = [(0, 0)] * (weights.ndim - 2)
    filled = np.pad(weights, [*around, (0, max(lanes - channels, 0)), (0, 0)])
    last = max(channels - lanes, 0)
    starts = (min(start, last) for start in range(0, channels, lanes))
    return np.stack([filled[..., s : s + lanes, :] for s in starts]).ravel()


def borders(op: DepthwiseConv2D, io: Operands) -> tuple[bool, bool]:
    """Tell whether some window has a row outside the image, and whether some has a column."""
    rows, columns = (
        before > 0 or (count - 1) * stride - before + (kernel - 1) * dilation >= size
        for before, kernel, stride, dilation, size, count in zip(
            (op.padding.top, op.padding.left),
            op.kernel(io),
            op.stride,
            op.dilation,
            io.x.shape[1:3],
            io.y.shape[1:3],
            strict=True,
        )
    )
    return rows, columns


def structure(
    op: DepthwiseConv2D, io: Operands, rows: int, deep: int, parts: int = 1
) -> dict[str, object]:
    """Return the names of rows, columns and weights, and which of them are multiplied.

    ``parts`` are the arrays of weights, one after the other, that each column is multiplied by.
    """
    height, width = op.kernel(io)
    reach = height + rows - 1
    groups = -(-reach // deep)
    # A row that a group has left over is read again; it has no weight.
    lines = [[min(g * deep + i, reach - 1) for i in range(deep)] for g in range(groups)]
    kept = max(width - op.stride[1], 0) if op.dilation[1] == 1 else 0
    dots = [
        (i, j, g, ((p * rows + i) * width + j) * groups + g)
        for p in range(parts)
        for j in range(width)
        for g in range(groups)
        for i in range(rows)
    ]
    outside_rows, outside_columns = borders(op, io)
    return {
        "lines": lines,
        "rows": range(reach),
        "outs": range(rows),
        "groups": range(groups),
        "columns": range(width),
        "kept": range(kept),
        "fresh": range(kept, width),
        "vectors": range(len(dots)),
        "dots": dots,
        "blank": outside_rows,
        "outside": outside_columns,
    }
