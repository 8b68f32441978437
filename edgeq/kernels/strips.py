"""Convolution in strips: input lines are copied once, padded, and windows are read from there.

A strip is some whole rows of the output. Its windows are runs of codes in the copied lines: one run
for each row of the kernel, or one for each tap where taps are apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgeq.ir.graph import Operands
from edgeq.kernels.portable.convolution import conv2d_shape
from edgeq.ops.conv2d import Conv2D


@dataclass(frozen=True, slots=True)
class Strip:
    """The sizes of a strip; lengths are codes.

    ``count`` pixels are computed from ``codes`` copied ones; a window has ``runs`` of ``run``.
    ``joined`` tells that a run is a row of the kernel.
    """

    rows: int
    count: int
    codes: int
    runs: int
    run: int
    joined: bool
    constants: dict[str, int]

    def is_scattered(self, op: Conv2D, io: Operands, tile: int) -> bool:
        """Tell whether the pixels of a tile can lie in two rows."""
        return self.rows > 1 and io.y.shape[2] % tile != 0


def strip_of(op: Conv2D, io: Operands, most: int) -> Strip:
    """Return strips whose lines are within ``most`` codes, or of one row, as few as there can be.

    Their heights are equal: the last one overlaps that before it by less than its rows.
    """
    height, width = op.kernel(io)
    images, _, in_w, in_c = io.x.shape
    _, out_h, out_w, _ = io.y.shape
    (step_h, step_w), (across, along) = op.stride, op.dilation
    columns = (out_w - 1) * step_w + (width - 1) * along + 1
    reach, pitch = (height - 1) * across + 1, columns * in_c
    strips = -(-out_h // max(1, (most // pitch - reach) // step_h + 1))
    rows = -(-out_h // strips)
    lines = (rows - 1) * step_h + reach
    left = min(op.padding.left, columns)
    inside = min(in_w, columns - left)
    joined = along == 1
    run = in_c * (width if joined else 1)
    constants = {
        "IMAGES": images,
        **conv2d_shape(op, io),
        "ROWS": rows,
        "STRIPS": strips,
        "COUNT": rows * out_w,
        "LINES": lines,
        "PITCH": pitch,
        "LEFT": left * in_c,
        "INSIDE": inside * in_c,
        "RIGHT": (columns - left - inside) * in_c,
        "RUN": run,
        "STEP": step_w * in_c,
    }
    runs = height if joined else height * width
    return Strip(rows, rows * out_w, lines * pitch, runs, run, joined, constants)
