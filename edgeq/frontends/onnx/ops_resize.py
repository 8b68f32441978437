"""Images of another size: Resize, and Upsample before it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeq.frontends.nchw.resize import resize_linear, resize_nearest
from edgeq.frontends.onnx.converter import converts
from edgeq.frontends.onnx.node import Node
from edgeq.ir.types import Shape
from edgeq.ir.verify import MAX_EXTENT


@converts("Resize", "Upsample")
def resize(node: Node) -> None:
    """One image [N,C,H,W], and the factors or the new extents, which are constants."""
    image = node.image()
    if len(image.shape) != 4:
        raise node.unsupported(f"of an input with {len(image.shape)} dimensions")
    _check_options(node)
    shape = _extents(node, image.shape)
    if shape[:2] != image.shape[:2]:
        raise node.unsupported(f"from {image.shape} to {shape}: batch or channels change")
    size = shape[2:]
    mode = node.text("mode", "nearest")
    if mode == "nearest":
        pixels = [_source(node, *pair) for pair in zip(image.shape[2:], size, strict=True)]
        rule = f"{_transformation(node)}, {node.text('nearest_mode', 'round_prefer_floor')}"
        resize_nearest(node, image, pixels, rule)
    elif mode in ("linear", "bilinear"):
        align, half = _linear_corners(node, size)
        resize_linear(node, image, size, align_corners=align, half_pixel_centers=half)
    else:
        raise node.unsupported(f"in mode {mode}")


def _check_options(node: Node) -> None:
    if node.integer("antialias", 0):
        raise node.unsupported("with antialias")
    policy = node.text("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        raise node.unsupported(f"with keep_aspect_ratio_policy {policy}")


def _extents(node: Node, shape: Shape) -> Shape:
    """Return the new extents of all dimensions."""
    scales, sizes = _operands(node)
    axes = node.integers("axes")
    axes = tuple(range(len(shape))) if axes is None else axes
    node.axes(axes, len(shape))
    wanted = list(shape)
    given = sizes if sizes else scales
    if len(given) != len(axes):
        raise node.error(f"{len(given)} factors or sizes for {len(axes)} dimensions")
    for axis, number in zip(axes, given, strict=True):
        axis = node.axis(axis, len(shape))
        extent = number if sizes else shape[axis] * number
        if not 0 < extent <= MAX_EXTENT:
            raise node.error(f"factor or size {number}")
        wanted[axis] = int(np.floor(extent))
        if wanted[axis] != extent:
            # Positions would then follow from the factor, not from both sizes.
            raise node.unsupported(f"by {number}, which makes no whole number of {shape[axis]}")
    return tuple(wanted)


def _operands(node: Node) -> tuple[tuple[float, ...], Shape]:
    """Return factors and sizes, of which one is empty."""
    if node.code == "Upsample" and node.opset < 9:
        node.expect(1)
        return node.reals("scales") or (), ()
    if node.code == "Upsample" or node.opset < 11:
        node.expect(2)
        return _reals(node, 1), ()
    node.expect(4, optional=3)
    sizes = node.whole(3, "sizes") if node.has(3) else ()
    return (() if sizes or not node.has(2) else _reals(node, 2)), sizes


def _reals(node: Node, index: int) -> tuple[float, ...]:
    values = tuple(float(value) for value in node.numbers(index, "factors"))
    if not np.isfinite(values).all():
        raise node.error(f"factors {values}")
    return values


def _transformation(node: Node) -> str:
    # Before operator set 11 there was one rule, without a name.
    default = "half_pixel" if node.opset >= 11 and node.code == "Resize" else "asymmetric"
    return node.text("coordinate_transformation_mode", default)


def _linear_corners(node: Node, size: Shape) -> tuple[bool, bool]:
    """Return ``align_corners`` and ``half_pixel_centers``."""
    kind = _transformation(node)
    if kind == "pytorch_half_pixel" and min(size) > 1:
        kind = "half_pixel"
    known = {
        "asymmetric": (False, False),
        "half_pixel": (False, True),
        "align_corners": (True, False),
    }
    if kind not in known or (kind == "align_corners" and min(size) == 1):
        raise node.unsupported(f"with {kind} to {size}")
    return known[kind]


def _source(node: Node, extent: int, size: int) -> np.ndarray:
    """Return which pixel of a line each new one is, by the rules of ONNX."""
    place, scale = np.arange(size, dtype=np.float64), size / extent
    kind = _transformation(node)
    if kind == "asymmetric":
        place = place / scale
    elif kind == "half_pixel" or (kind == "pytorch_half_pixel" and size > 1):
        place = (place + 0.5) / scale - 0.5
    elif kind == "pytorch_half_pixel" or (kind == "align_corners" and size == 1):
        place = np.zeros(size)
    elif kind == "align_corners":
        place = place * ((extent - 1) / (size - 1))
    else:
        raise node.unsupported(f"with {kind}")
    rounded = _ROUNDINGS.get(_nearest_mode(node))
    if rounded is None:
        raise node.error(f"nearest_mode is '{_nearest_mode(node)}'")
    return np.clip(rounded(place), 0, extent - 1).astype(np.int32)


def _nearest_mode(node: Node) -> str:
    default = "round_prefer_floor" if node.opset >= 11 and node.code == "Resize" else "floor"
    return node.text("nearest_mode", default)


_ROUNDINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "round_prefer_floor": lambda place: np.ceil(place - 0.5),
    "round_prefer_ceil": lambda place: np.floor(place + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}
