"""HVX rows of depthwise convolution: rows of codes as one line, whatever the number of channels.

Output bytes of a row, in vectors of 128, are sums of such vectors from copied lines, each further
by whole pixels. Which weights a vector needs depends on its first channel alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.columns import borders
from edgeq.kernels.hvx.common import HEADERS, VECTOR, aligned, has_vectors, vector_rescale
from edgeq.kernels.portable.convolution import conv2d_shape
from edgeq.kernels.portable.depthwise import MAX_TAPS
from edgeq.kernels.product import codes, folded_bias
from edgeq.ops._accumulate import centred
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.program import Scratch

FILES = (*HEADERS, "edgeq_sums_hvx.h")
ROWS_AT_ONCE = 2  # output rows that share weights and factors
LARGEST = 127  # of weights: two products then fit 16 bits
# Of 128 channels those whose sums are neighbours in a vector of 32-bit lanes.
ORDER = np.concatenate([np.arange(first, VECTOR, 4) for first in (0, 2, 1, 3)])


@dataclass(frozen=True, slots=True)
class Lines:
    """How lines are copied: of ``parts``, one for each place in a stride, ``part`` bytes each."""

    columns: int
    parts: int
    part: int
    reach: int

    @property
    def pitch(self) -> int:
        """Return the bytes of a line."""
        return self.parts * self.part


def narrow_parts(w: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return arrays within +-127 that add up to ``w``.

    >>> [part.tolist() for part in narrow_parts(np.array([-128, 5, 255]))]
    [[-127, 5, 127], [-1, 0, 127], [0, 0, 1]]
    """
    parts: list[np.ndarray] = []
    rest = w
    while not parts or rest.any():
        parts.append(np.clip(rest, -LARGEST, LARGEST).astype(np.int8))
        rest = rest - parts[-1]
    return tuple(parts)


def lines_of(op: DepthwiseConv2D, io: Operands, rows: int) -> Lines:
    """Return the copied lines of ``rows`` output rows."""
    height, width = op.kernel(io)
    (step_h, step_w), (across, along) = op.stride, op.dilation
    _, _, out_w, channels = io.y.shape
    columns = (out_w - 1) * step_w + (width - 1) * along + 1
    # A vector may be read and written beyond the last column.
    part = (-(-columns // step_w) * channels // VECTOR + 2) * VECTOR
    return Lines(columns, step_w, part, (rows - 1) * step_h + (height - 1) * across + 1)


def inner_columns(op: DepthwiseConv2D, io: Operands) -> tuple[int, int]:
    """Return the first and last column of windows inside the image; the last is less for none."""
    width, step = op.kernel(io)[1], op.stride[1]
    reach = (width - 1) * op.dilation[1] + 1
    first = min(-(-op.padding.left // step), io.y.shape[2])
    return first, min((io.x.shape[2] - reach + op.padding.left) // step, io.y.shape[2] - 1)


def vector_channels(row: int, channels: int) -> tuple[np.ndarray, int]:
    """Return the channels of each different vector of a row, and after how many they repeat.

    The last one is that of a vector which overlaps the one before it, if there is such.
    """
    period = min(lcm(channels, VECTOR) // VECTOR, max(row // VECTOR, 1))
    starts = [VECTOR * v for v in range(period)]
    if row % VECTOR and row > VECTOR:
        starts.append(row - VECTOR)
    return (np.array(starts)[:, None] + np.arange(VECTOR)) % channels, period


def depthwise_facts(op: DepthwiseConv2D, io: Operands) -> Facts:
    """Return the facts of a depthwise convolution of few taps."""
    height, width = op.kernel(io)
    out_h, out_w, channels = io.y.shape[1:]
    row = out_w * channels
    places, period = vector_channels(row, channels)
    w = centred(io.ins[1], np.int32).reshape(height * width, channels)
    parts = narrow_parts(w)
    # Weights of two parts and sums of two rows are too many for the registers.
    rows = min(ROWS_AT_ONCE, out_h) if len(parts) == 1 else 1
    taps = np.concatenate(parts)
    order = places[:, ORDER].ravel()
    rescale = vector_rescale(op, io, w.T, channels, order)
    bias = folded_bias(io, w.sum(axis=0, dtype=np.int64), channels)
    sizes, scratch = _memory(op, io, rows)
    constants = {
        "IMAGES": io.x.shape[0],
        **conv2d_shape(op, io),
        **sizes,
        "ROW": row,
        "PERIOD": period,
        "SETS": len(places),
        "TAPS": len(taps),
        **codes(op, io),
        **rescale.constants,
    }
    return Facts(
        constants=constants,
        data=(
            aligned("weights", taps[:, places].transpose(1, 0, 2).ravel(), "weights by vectors"),
            aligned("bias", bias[order], "bias less what the input's zero point adds"),
            *rescale.data,
        ),
        flags={"rescale": rescale.flag, **_structure(op, io, rows, len(parts), row)},
        scratch=Scratch("lines", DType.INT8, scratch),
        note=f"{height}x{width} depthwise convolution, stride {op.stride[0]}, "
        f"{io.x.shape[1]}x{io.x.shape[2]}x{channels}",
    )


def _memory(op: DepthwiseConv2D, io: Operands, rows: int) -> tuple[dict[str, int], int]:
    """Return the sizes of lines and the first and last column inside, and the bytes of lines."""
    lines = lines_of(op, io, rows)
    channels, width = io.x.shape[3], io.x.shape[2]
    first, last = inner_columns(op, io)
    left = min(op.padding.left, lines.columns)
    inside = min(width, lines.columns - left)
    sizes = {
        "COLUMNS": lines.columns,
        "PART": lines.part,
        "LEFT": left * channels,
        "INSIDE": inside * channels,
        "RIGHT": (lines.columns - left - inside) * channels,
        "PITCH": lines.pitch,
        "REACH": lines.reach,
        "FIRST": first,
        "LAST": last,
    }
    # Where the image is read itself: what is outside it, as a line.
    return sizes, max(lines.reach * lines.pitch, width * channels)


def _structure(
    op: DepthwiseConv2D, io: Operands, rows: int, parts: int, row: int
) -> dict[str, object]:
    """Return the names of lines and codes, and the products of each output row, two by two."""
    height, width = op.kernel(io)
    taps = [
        (ky * op.dilation[0], kx)
        for _ in range(parts)
        for ky in range(height)
        for kx in range(width)
    ]
    products = [
        [(t, f"{r * op.stride[0] + ky}_{kx}") for t, (ky, kx) in enumerate(taps)]
        for r in range(rows)
    ]
    pairs = [[each[i : i + 2] for i in range(0, len(each), 2)] for each in products]
    used = sorted({r * op.stride[0] + ky for r in range(rows) for ky, _ in taps})
    return {
        "outs": range(rows),
        "lines": used,
        "first_lines": [line for line in used if any(line == ky for ky, _ in taps)],
        "width": range(width),
        "codes": [
            (line, kx, kx * op.dilation[1] % op.stride[1], kx * op.dilation[1] // op.stride[1])
            for line in used
            for kx in range(width)
        ],
        "taps": range(len(taps)),
        "quads": [[each[i : i + 2] for i in range(0, len(each), 2)] for each in pairs],
        "few": row < VECTOR,
        "ragged": row % VECTOR != 0 and row > VECTOR,
        "whole": io.y.shape[3] % VECTOR == 0,
        "inner": inner_columns(op, io)[0] <= inner_columns(op, io)[1],
        "blank": borders(op, io)[0],
        "sides": borders(op, io)[1],
        "dealt": op.stride[1] > 1,
    }


def _few_taps(op: DepthwiseConv2D, io: Operands) -> bool:
    height, width = op.kernel(io)
    is_int8 = io.x.dtype is DType.INT8 and has_vectors(op)
    return is_int8 and height * width <= MAX_TAPS and op.multiplier(io) == 1


ROWS = (
    Kernel(
        "hvx/depthwise_conv2d_s8",
        DepthwiseConv2D,
        depthwise_facts,
        _few_taps,
        packed=(1, 2),
        headers=FILES,
    ),
)
