"""Slices: what a begin, an end and bit masks say becomes a box, then a reshape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeq.frontends.tflite.converter import ANY, converts
from edgeq.frontends.tflite.node import Node
from edgeq.ir.types import Shape
from edgeq.ops.base import Op
from edgeq.ops.reshape import Reshape
from edgeq.ops.slice import Slice

_OPTIONS = "StridedSliceOptions"


@dataclass(frozen=True, slots=True)
class _Cut:
    """One dimension of a slice; ``kept``: it stays a dimension of the output."""

    begin: int
    size: int
    stride: int
    kept: bool = True


@converts("SLICE", types=ANY)
def slice_(node: Node) -> list[Op]:
    """One array, the first index and the size in each dimension; size -1 is all that is left."""
    node.expect(3)
    x = node.tensor(0).shape
    begin, size = node.integers(1, "begins"), node.integers(2, "sizes")
    if not len(begin) == len(size) == len(x):
        raise node.error(f"{len(begin)} begins and {len(size)} sizes for {len(x)} dimensions")
    rows = zip(x, begin, size, strict=True)
    left = tuple(extent - first if count == -1 else count for extent, first, count in rows)
    return [Slice(**node.data_ports, begin=begin, size=left)]


@converts("STRIDED_SLICE", types=ANY)
def strided_slice(node: Node) -> list[Op]:
    """One array, and for each dimension the first index, the last (exclusive) and the step."""
    node.expect(4)
    x = node.tensor(0)
    cuts = _cuts(node, x.shape)
    sizes = tuple(cut.size for cut in cuts)
    fields: dict[str, Any] = {
        "begin": tuple(cut.begin for cut in cuts),
        "size": sizes,
        "strides": tuple(cut.stride for cut in cuts),
        "source": node.source,
    }
    kept = tuple(cut.size for cut in cuts if cut.kept)
    if kept == sizes:
        return [Slice(inputs=node.inputs[:1], outputs=node.outputs, **fields)]
    between = node.create(x, sizes, "slice")
    return [
        Slice(inputs=node.inputs[:1], outputs=(between,), **fields),
        Reshape(inputs=(between,), outputs=node.outputs, source=node.source, shape=kept),
    ]


def _cuts(node: Node, shape: Shape) -> tuple[_Cut, ...]:
    """Return what is cut out of each dimension; those that are not mentioned are whole."""
    if node.option(_OPTIONS, "EllipsisMask", 0) or node.option(_OPTIONS, "NewAxisMask", 0):
        raise node.unsupported("with an ellipsis or a new axis")
    begins, ends, strides = (
        node.integers(index, what) for index, what in ((1, "begins"), (2, "ends"), (3, "strides"))
    )
    count = len(begins)
    if not count == len(ends) == len(strides) <= len(shape):
        raise node.error(
            f"{count} begins, {len(ends)} ends, {len(strides)} strides of {len(shape)} dimensions"
        )
    named = tuple(
        _cut(node, axis, shape[axis], (begins[axis], ends[axis], strides[axis]))
        for axis in range(count)
    )
    return named + tuple(_Cut(0, extent, 1) for extent in shape[count:])


def _cut(node: Node, axis: int, extent: int, given: tuple[int, int, int]) -> _Cut:
    begin, end, stride = given
    masked = {
        name: bool(node.option(_OPTIONS, name, 0) >> axis & 1)
        for name in ("BeginMask", "EndMask", "ShrinkAxisMask")
    }
    if stride < 1:
        raise node.unsupported("with a stride below 1")
    if node.option(_OPTIONS, "Offset", False):
        end += begin
    if masked["ShrinkAxisMask"]:
        # LiteRT lets the begin mask win here.
        return _Cut(0 if masked["BeginMask"] else node.axis(begin, extent), 1, 1, kept=False)
    first = 0 if masked["BeginMask"] else _inside(begin, extent)
    last = extent if masked["EndMask"] else _inside(end, extent)
    size = max(-(-(last - first) // stride), 0)
    if size == 0:
        raise node.error(f"elements {begin} to {end} of {extent} are none")
    return _Cut(first, size, stride)


def _inside(index: int, extent: int) -> int:
    """Return an index, from the end when negative, limited to 0..extent."""
    return min(max(index + extent if index < 0 else index, 0), extent)
