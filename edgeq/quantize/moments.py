"""A layer as a product of rows of weights and vectors of its input."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import elements
from edgeq.ops._spatial import windows
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D


def input_vectors(op: Op, io: Operands, x: np.ndarray) -> np.ndarray:
    """Return the vectors that each group of outputs multiplies by its weights, [groups, N, K]."""
    if isinstance(op, Conv2D):
        views = windows(x, op.kernel(io), op.stride, op.dilation, op.padding, 0)
        depth = io.ins[1].shape[3]
        size = elements(io.ins[1].shape[1:])
        starts = range(0, x.shape[3], depth)
        return np.stack([views[..., at : at + depth].reshape(-1, size) for at in starts])
    if isinstance(op, DepthwiseConv2D):
        views = windows(x, op.kernel(io), op.stride, op.dilation, op.padding, 0)
        taps = views.reshape(-1, views.shape[3] * views.shape[4], views.shape[5])
        return np.ascontiguousarray(taps.transpose(2, 0, 1))
    return x.reshape(1, -1, io.ins[1].shape[1])


def weight_rows(op: Op, io: Operands, w: np.ndarray) -> np.ndarray:
    """Return weights as [groups, outputs of the group, K], in the order of ``input_vectors``."""
    if isinstance(op, DepthwiseConv2D):
        taps = w.shape[1] * w.shape[2]
        return np.ascontiguousarray(w.reshape(taps, io.x.shape[3], -1).transpose(1, 2, 0))
    groups = op.groups(io) if isinstance(op, Conv2D) else 1
    return w.reshape(groups, w.shape[0] // groups, -1)


def from_rows(op: Op, io: Operands, rows: np.ndarray) -> np.ndarray:
    """Return ``weight_rows`` as weights again."""
    shape = io.ins[1].shape
    if isinstance(op, DepthwiseConv2D):
        return np.ascontiguousarray(rows.transpose(2, 0, 1)).reshape(shape)
    return rows.reshape(shape)
