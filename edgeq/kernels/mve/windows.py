"""Helium rows of depthwise convolution with windows of other sizes than 3x3."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp.common import channels, is_short
from edgeq.kernels.mve.depthwise import MOST_CHANNELS, MOST_PLANE, depthwise_weights, rounding
from edgeq.kernels.mve.product import HEADERS, LANES, factors, fits_bytes
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Data, Scratch

WINDOWS = 4  # at a time
MOST_OFFSET = 255  # from the first code of a window to any other
MOST_WINDOWS = 1024  # each has a number of 16 bits


@dataclass(frozen=True, slots=True)
class _Side:
    """Sizes along rows or along columns."""

    size: int
    out: int
    taps: int
    stride: int
    dilation: int
    pad: int

    @property
    def reach(self) -> int:
        """Return how much of a plane the image and all windows take."""
        last = (self.out - 1) * self.stride + (self.taps - 1) * self.dilation
        return max(last + 1, self.pad + self.size)


def _sides(op: DepthwiseConv2D, io: Operands) -> tuple[_Side, _Side]:
    """Return both sides; an image of one column is taken for one row."""
    sizes = zip(
        io.x.shape[1:3],
        io.y.shape[1:3],
        op.kernel(io),
        op.stride,
        op.dilation,
        (op.padding.top, op.padding.left),
        strict=True,
    )
    rows, columns = (_Side(*side) for side in sizes)
    is_column = columns.size == columns.out == columns.taps == 1
    return (columns, rows) if is_column else (rows, columns)


def _offsets(rows: _Side, columns: _Side) -> np.ndarray:
    """Return how far each tap of a window is from the first."""
    down, right = (np.arange(side.taps) * side.dilation for side in (rows, columns))
    offsets: np.ndarray = (down[:, np.newaxis] * columns.reach + right).ravel()
    return offsets


def _windows(rows: _Side, columns: _Side) -> np.ndarray:
    """Return how far each window is from the first, the last one to a multiple of four times."""
    down, right = (np.arange(side.out) * side.stride for side in (rows, columns))
    starts = (down[:, np.newaxis] * columns.reach + right).ravel()
    return np.pad(starts, (0, -len(starts) % WINDOWS), mode="edge").astype(np.int16)


def depthwise_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution."""
    found = channels(io, op.arithmetic, depthwise_weights(io))
    rows, columns = _sides(op, io)
    offsets = _offsets(rows, columns)
    taps = len(offsets)
    sixteens = -(-taps // LANES)
    in_c = io.x.shape[3]
    return Facts(
        constants={
            "IMAGES": io.x.shape[0],
            "IN_H": rows.size,
            "IN_W": columns.size,
            "CHANNELS": in_c,
            "COUNT": rows.out * columns.out,
            "TAPS": taps,
            "SIXTEENS": sixteens,
            "PAD_TOP": rows.pad,
            "PAD_LEFT": columns.pad,
            "X_ZERO": io.x.zero_point,
            "Y_ZERO": io.y.zero_point,
            "HEIGHT": rows.reach,
            "WIDTH": columns.reach,
        },
        data=(
            Data("weights", found.weights.astype(np.int8), "weights [channels, taps]"),
            Data("factors", factors(found).T.ravel(), "bias, multiplier and shift"),
            Data("offsets", np.resize(offsets, sixteens * LANES).astype(np.uint8), "of each tap"),
            Data("windows", _windows(rows, columns), "where each window begins"),
        ),
        flags={"rounding": rounding(op, io)},
        scratch=Scratch("plane", DType.INT8, rows.reach * columns.reach + sixteens * LANES),
        note=f"{rows.taps}x{columns.taps} depthwise convolution, stride {rows.stride}, "
        f"{rows.size}x{columns.size}x{in_c}",
    )


def _accepts(op: DepthwiseConv2D, io: Operands) -> bool:
    if io.x.dtype is not DType.INT8 or op.multiplier(io) != 1:
        return False
    rows, columns = _sides(op, io)
    small = rows.reach * columns.reach <= MOST_PLANE and io.x.shape[3] <= MOST_CHANNELS
    near = _offsets(rows, columns)[-1] <= MOST_OFFSET
    few = rows.out * columns.out <= MOST_WINDOWS
    weights = depthwise_weights(io)
    fits = small and near and few and fits_bytes(weights)
    return fits and is_short(io, op.arithmetic, weights)


ROWS = (
    Kernel(
        "mve/depthwise_conv2d_s8",
        DepthwiseConv2D,
        depthwise_facts,
        _accepts,
        packed=(1, 2),
        headers=(*HEADERS, "edgeq_depthwise_mve.h", "edgeq_depthwise_windows_mve.h"),
    ),
)
