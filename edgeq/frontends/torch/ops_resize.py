"""Images of another size, as ATen states them."""

from __future__ import annotations

import numpy as np

from edgeq.frontends.nchw.resize import resize_linear, resize_nearest
from edgeq.frontends.nchw.values import Value
from edgeq.frontends.torch.converter import converts
from edgeq.frontends.torch.node import Node
from edgeq.ir.types import Shape


def _image(node: Node) -> tuple[Value, tuple[float | None, ...]]:
    """Return the image, and the factors of height and width where there are some."""
    image = node.image()
    if len(image.shape) != 4:
        raise node.unsupported(f"of an input with {len(image.shape)} dimensions")
    listed = node.arguments.get("scale_factors")
    if listed is None:
        listed = [node.arguments.get(name) for name in ("scales_h", "scales_w")]
    return image, tuple(None if factor is None else float(factor) for factor in listed)


@converts("upsample_nearest2d", "_upsample_nearest_exact2d")
def upsample_nearest(node: Node) -> None:
    """One image, and the new extents, or factors that they follow from."""
    image, factors = _image(node)
    triples = zip(image.shape[2:], node.shape[2:], factors, strict=True)
    pixels = [_source(node, *triple) for triple in triples]
    rule = f"of nearest pixels, by factors {factors}"
    resize_nearest(node, image, pixels, rule)


def _source(node: Node, extent: int, size: int, factor: float | None) -> np.ndarray:
    """Return which pixel of a line each new one is, in the float32 steps of torch."""
    scale = np.float32(extent) / np.float32(size) if factor is None else np.float32(1 / factor)
    centre = np.float32(0.5 if "exact" in node.code else 0)
    place = (np.arange(size, dtype=np.float32) + centre) * scale
    found: np.ndarray = np.minimum(np.floor(place).astype(np.int32), extent - 1)
    return found


@converts("upsample_bilinear2d")
def upsample_bilinear(node: Node) -> None:
    """One image, and the new extents, or factors that they follow from."""
    image, factors = _image(node)
    size: Shape = node.shape[2:]
    align = node.flag("align_corners")
    for extent, wanted, factor in zip(image.shape[2:], size, factors, strict=True):
        if not align and factor is not None and extent * factor != wanted:
            # Positions would then follow from the factor, not from both sizes.
            raise node.unsupported(f"by {factor}, which makes no whole number of {extent}")
    resize_linear(node, image, size, align_corners=align, half_pixel_centers=not align)
