"""Slices: what a begin, an end and bit masks say becomes a box, then a reshape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeq.frontends.tflite.chain import Step, chain
from edgeq.frontends.tflite.converter import ANY, converts
from edgeq.frontends.tflite.node import Node
from edgeq.ir.types import Shape
from edgeq.ops.base import Op
from edgeq.ops.reshape import Reshape
from edgeq.ops.slice import Slice

_OPTIONS = "StridedSliceOptions"


@dataclass(frozen=True, slots=True)
class _Cut:
    """One dimension of a slice.

    ``kept``: it stays a dimension of the output; ``new``: it is one of the output alone.
    """

    begin: int
    size: int
    stride: int
    kept: bool = True
    new: bool = False


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
    plan = _plan(node, node.tensor(0).shape)
    cuts = [cut for cut in plan if not cut.new]
    box: dict[str, Any] = {
        "begin": tuple(cut.begin for cut in cuts),
        "size": tuple(cut.size for cut in cuts),
        "strides": tuple(cut.stride for cut in cuts),
    }
    kept = tuple(cut.size for cut in plan if cut.kept)
    view: list[Step] = [] if kept == box["size"] else [(Reshape, {"shape": kept})]
    return chain(node, [(Slice, box), *view])


def _plan(node: Node, shape: Shape) -> list[_Cut]:
    """Return what each dimension of input and output comes from.

    Dimensions that nothing mentions are whole: those that the ellipsis stands for, or the last.
    """
    rows = list(zip(*_parameters(node), strict=True))
    new, dots = (int(node.option(_OPTIONS, name, 0)) for name in ("NewAxisMask", "EllipsisMask"))
    places = [place for place in range(len(rows)) if dots >> place & 1]
    if len(places) > 1:
        raise node.error("has several ellipses")
    named = sum(1 for place in range(len(rows)) if not (new | dots) >> place & 1)
    if named > len(shape):
        raise node.error(f"begins, ends and strides of {named} dimensions for {len(shape)}")
    plan: list[_Cut] = []
    left, missing = iter(shape), len(shape) - named
    for place, row in enumerate(rows):
        if dots >> place & 1:
            plan += [_Cut(0, next(left), 1) for _ in range(missing)]
        elif new >> place & 1:
            plan.append(_Cut(0, 1, 1, new=True))
        else:
            plan.append(_cut(node, place, next(left), row))
    return plan + [_Cut(0, extent, 1) for extent in left]


def _parameters(node: Node) -> list[tuple[int, ...]]:
    """Return begins, ends and strides, as many of each."""
    found = [node.integers(1, "begins"), node.integers(2, "ends"), node.integers(3, "strides")]
    if len({len(values) for values in found}) != 1:
        counts = ", ".join(
            f"{len(values)} {what}"
            for values, what in zip(found, ("begins", "ends", "strides"), strict=True)
        )
        raise node.error(counts)
    return found


def _cut(node: Node, place: int, extent: int, given: tuple[int, ...]) -> _Cut:
    begin, end, stride = given
    masked = {
        name: bool(node.option(_OPTIONS, name, 0) >> place & 1)
        for name in ("BeginMask", "EndMask", "ShrinkAxisMask")
    }
    if stride == 0:
        raise node.error("has a stride of 0")
    if node.option(_OPTIONS, "Offset", False):
        end += begin
    if masked["ShrinkAxisMask"]:
        if stride < 0:
            raise node.unsupported("with a dimension that goes, and a stride below 0 there")
        # LiteRT lets the begin mask win here.
        return _Cut(0 if masked["BeginMask"] else node.axis(begin, extent), 1, 1, kept=False)
    whole = (0, extent) if stride > 0 else (extent - 1, -1)
    first = whole[0] if masked["BeginMask"] else _inside(begin, extent, stride)
    last = whole[1] if masked["EndMask"] else _inside(end, extent, stride)
    size = max(-(-(last - first) // stride), 0)
    if size == 0:
        raise node.error(f"elements {begin} to {end} of {extent} are none")
    return _Cut(first, size, stride)


def _inside(index: int, extent: int, stride: int) -> int:
    """Return an index, from the end when negative, limited to where the stride may lead."""
    low, high = (0, extent) if stride > 0 else (-1, extent - 1)
    return min(max(index + extent if index < 0 else index, low), high)
