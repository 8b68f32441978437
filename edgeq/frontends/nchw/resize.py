"""Images of another size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeq.frontends.nchw.node import Node
from edgeq.frontends.nchw.values import Value, channels_last
from edgeq.ir.types import Shape
from edgeq.ir.verify import MAX_EXTENT
from edgeq.ops._resize import Grid, nearest
from edgeq.ops.resize_bilinear import ResizeBilinear
from edgeq.ops.resize_nearest import ResizeNearest

_CORNERS = ((False, False), (False, True), (True, False), (True, True))


def resize_nearest(node: Node, image: Value, pixels: Sequence[np.ndarray], rule: str) -> None:
    """Copy the rows ``pixels[0]`` and the columns ``pixels[1]`` of an image.

    Raise ``UnsupportedError`` that names ``rule`` when no choice of corners reads these pixels.
    """
    extents, size = image.shape[2:], tuple(len(line) for line in pixels)
    _check_size(node, size)
    for align, half in _CORNERS:
        grids = (Grid(*pair, align, half) for pair in zip(extents, size, strict=True))
        pairs = zip(grids, pixels, strict=True)
        if all(np.array_equal(nearest(grid), wanted) for grid, wanted in pairs):
            made = node.emit(
                ResizeNearest,
                [image.tensor],
                size=size,
                align_corners=align,
                half_pixel_centers=half,
            )
            node.give(Value(made, (*image.shape[:2], *size), channels_last(4)))
            return
    raise node.unsupported(f"from {extents} to {size} by the rule {rule}")


def resize_linear(
    node: Node, image: Value, size: Shape, *, align_corners: bool, half_pixel_centers: bool
) -> None:
    """Interpolate an image bilinearly."""
    _check_size(node, size)
    made = node.emit(
        ResizeBilinear,
        [image.tensor],
        size=size,
        align_corners=align_corners,
        half_pixel_centers=half_pixel_centers,
    )
    node.give(Value(made, (*image.shape[:2], *size), channels_last(4)))


def _check_size(node: Node, size: Shape) -> None:
    if any(not 0 < extent <= MAX_EXTENT for extent in size):
        raise node.error(f"size {size}")
