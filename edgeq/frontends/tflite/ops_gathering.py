"""Operators that take elements from chosen places: repeated, reversed, mirrored, by an index."""

from __future__ import annotations

from edgeq.frontends.tflite.chain import Step, chain, numbers
from edgeq.frontends.tflite.converter import ANY, converts
from edgeq.frontends.tflite.node import Node
from edgeq.ir.types import DType
from edgeq.ops.base import Op
from edgeq.ops.cast import Cast
from edgeq.ops.gather import Gather
from edgeq.ops.reshape import Reshape
from edgeq.ops.slice import Slice
from edgeq.ops.split import Split
from edgeq.ops.tile import Tile

_REFLECT, _SYMMETRIC = 0, 1
# Each place is an entry of a constant table.
MAX_PLACES = 1 << 16


@converts("GATHER", types=ANY)
def gather(node: Node) -> list[Op]:
    """One array, and indices of any shape into one of its dimensions."""
    node.expect(2)
    if node.option("GatherOptions", "BatchDims", 0):
        raise node.unsupported("with batch dimensions")
    indices = node.tensor(1)
    if indices.dtype not in (DType.INT32, DType.INT64):
        raise node.unsupported(f"with {indices.dtype.value} indices")
    if indices.dtype is DType.INT64 and not indices.is_constant:
        raise node.unsupported("with int64 indices that are computed at run time")
    axis = node.axis(node.option("GatherOptions", "Axis", 0), len(node.tensor(0).shape))
    return [Gather(**node.ports, axis=axis)]


@converts("UNPACK", types=ANY)
def unpack(node: Node) -> list[Op]:
    """One array; each index of one dimension is an output."""
    count = len(node.outputs)
    node.expect(1, max(1, count))
    x = node.tensor(0)
    axis = node.axis(node.option("UnpackOptions", "Axis", 0), len(x.shape))
    if x.shape[axis] != count:
        raise node.error(f"{count} outputs of {x.shape[axis]} elements")
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    pieces = tuple(node.create(x, (*before, 1, *after), f"piece{i}") for i in range(count))
    views = [
        Reshape(inputs=(piece,), outputs=(y,), source=node.source, shape=(*before, *after))
        for piece, y in zip(pieces, node.outputs, strict=True)
    ]
    split = Split(inputs=node.inputs, outputs=pieces, source=node.source, axis=axis)
    return [split, *views]


@converts("REVERSE_V2", types=ANY)
def reverse(node: Node) -> list[Op]:
    """One array, and the dimensions to read backwards."""
    node.expect(2)
    x = node.tensor(0).shape
    axes = {node.axis(axis, len(x)) for axis in node.integers(1, "axes")}
    begin = tuple(extent - 1 if axis in axes else 0 for axis, extent in enumerate(x))
    strides = tuple(-1 if axis in axes else 1 for axis in range(len(x)))
    return [Slice(**node.data_ports, begin=begin, size=x, strides=strides)]


@converts("TILE", types=ANY)
def tile(node: Node) -> list[Op]:
    """One array, and how often each of its dimensions is there."""
    node.expect(2)
    return [Tile(**node.data_ports, multiples=node.integers(1, "multiples"))]


@converts("BROADCAST_TO", types=ANY)
def broadcast_to(node: Node) -> list[Op]:
    """One array, and a shape that it becomes as in NumPy."""
    node.expect(2)
    x, shape = node.tensor(0).shape, node.integers(1, "extents")
    padded = (1,) * (len(shape) - len(x)) + x
    pairs = list(zip(padded, shape, strict=False))
    if len(padded) != len(shape) or any(extent not in (1, whole) for extent, whole in pairs):
        raise node.error(f"shape {x} does not broadcast to {shape}")
    multiples = tuple(whole // extent for extent, whole in pairs)
    return chain(node, [(Reshape, {"shape": padded}), (Tile, {"multiples": multiples})])


def _mirrored(extent: int, before: int, after: int, *, twice: bool) -> list[int]:
    """Return the places of a dimension with its mirror images; ``twice``: the edge too.

    >>> _mirrored(3, 2, 1, twice=False), _mirrored(3, 2, 1, twice=True)
    ([2, 1, 0, 1, 2, 1], [1, 0, 0, 1, 2, 2])
    """
    first = 0 if twice else 1
    left = range(first, first + before)
    right = range(extent - 1 - first, extent - 1 - first - after, -1)
    return [*reversed(left), *range(extent), *right]


@converts("MIRROR_PAD", types=ANY)
def mirror_pad(node: Node) -> list[Op]:
    """One array, and how far its mirror images reach out; one dimension after the other."""
    node.expect(2)
    x, flat = node.tensor(0).shape, node.integers(1, "paddings")
    mode = int(node.option("MirrorPadOptions", "Mode", _REFLECT))
    if len(flat) != 2 * len(x) or mode not in (_REFLECT, _SYMMETRIC):
        raise node.error(f"{len(flat)} paddings for {len(x)} dimensions, mode {mode}")
    steps: list[Step] = []
    for axis, (extent, before, after) in enumerate(zip(x, flat[::2], flat[1::2], strict=True)):
        if not 0 <= min(before, after) <= max(before, after) <= extent - (mode == _REFLECT):
            raise node.error(f"paddings ({before}, {after}) of {extent} elements")
        if extent + before + after > MAX_PLACES:
            raise node.unsupported(f"with more than {MAX_PLACES} elements along a dimension")
        if before or after:
            places = _mirrored(extent, before, after, twice=mode == _SYMMETRIC)
            steps.append((Gather, {"axis": axis, "more": (numbers(node, places, f"at{axis}"),)}))
    return chain(node, steps or [(Reshape, {"shape": x})])


@converts("CAST", types=tuple(dtype for dtype in ANY if not dtype.is_float))
def cast(node: Node) -> list[Op]:
    """One array; its output's type says what its numbers become."""
    node.expect(1)
    return [Cast(**node.ports)]
