"""Windows sliding over NHWC images: output sizes, paddings, and views of all windows at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.types import Shape
from edgeq.ops.base import Op, require

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Padding:
    """Rows and columns of padding round an image."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    @property
    def any(self) -> bool:
        """Tell whether there is some padding."""
        return (self.top, self.bottom, self.left, self.right) != (0, 0, 0, 0)

    def __add__(self, other: Padding) -> Padding:
        return Padding(
            self.top + other.top,
            self.bottom + other.bottom,
            self.left + other.left,
            self.right + other.right,
        )


def same_padding(image: Pair, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Padding:
    """Return TensorFlow's SAME padding: output ``ceil(input / stride)``, the odd one after.

    >>> same_padding((8, 8), (3, 3), (2, 2))
    Padding(top=0, bottom=1, left=0, right=1)
    """
    pads = []
    for size, window, step, gap in zip(image, kernel, stride, dilation, strict=True):
        out = -(-size // step)
        total = max((out - 1) * step + (window - 1) * gap + 1 - size, 0)
        pads += [total // 2, total - total // 2]
    return Padding(*pads)


def output_size(image: Pair, kernel: Pair, stride: Pair, dilation: Pair, padding: Padding) -> Pair:
    """Return the output's height and width (zero or less when the window does not fit)."""
    height = image[0] + padding.top + padding.bottom - ((kernel[0] - 1) * dilation[0] + 1)
    width = image[1] + padding.left + padding.right - ((kernel[1] - 1) * dilation[1] + 1)
    return height // stride[0] + 1, width // stride[1] + 1


def check_window(
    op: Op, x: Shape, kernel: Pair, stride: Pair, dilation: Pair, padding: Padding
) -> None:
    """Raise unless the window is positive and fits at least once into the padded image."""
    require(op, len(x) == 4, f"input has shape {x}, expected 4 dimensions")
    require(op, min(*kernel, *stride, *dilation) > 0, "window, stride and dilation must be >= 1")
    pads = (padding.top, padding.bottom, padding.left, padding.right)
    require(op, min(pads) >= 0, "padding must not be negative")
    out = output_size((x[1], x[2]), kernel, stride, dilation, padding)
    require(op, min(out) > 0, f"a {kernel[0]}x{kernel[1]} window does not fit into {x}")


def windows(
    x: np.ndarray, kernel: Pair, stride: Pair, dilation: Pair, padding: Padding, fill: float
) -> np.ndarray:
    """Return a read-only view [N, OH, OW, KH, KW, C] of all windows of an NHWC array.

    Padding holds ``fill``.
    """
    pads = ((0, 0), (padding.top, padding.bottom), (padding.left, padding.right), (0, 0))
    if padding.any:
        x = np.pad(x, pads, constant_values=np.asarray(fill, x.dtype))
    n, height, width, channels = x.shape
    rows, cols = output_size((height, width), kernel, stride, dilation, Padding())
    sn, sh, sw, sc = x.strides
    return np.lib.stride_tricks.as_strided(
        x,
        (n, rows, cols, kernel[0], kernel[1], channels),
        (sn, sh * stride[0], sw * stride[1], sh * dilation[0], sw * dilation[1], sc),
        writeable=False,
    )
