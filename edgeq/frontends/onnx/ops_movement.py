"""Operators that move elements and compute nothing, as ONNX states them."""

from __future__ import annotations

from dataclasses import replace

from edgeq.frontends.nchw import movement as shared
from edgeq.frontends.nchw.values import identity
from edgeq.frontends.onnx.converter import converts
from edgeq.frontends.onnx.folding import new_shape, slices
from edgeq.frontends.onnx.node import Node
from edgeq.ir.types import Shape, elements


@converts("Identity", "Dropout")
def same(node: Node) -> None:
    """One array; that a Dropout was there, and its ratio, mean nothing once trained."""
    if not node.inputs or not node.outputs:
        raise node.error("has no input or no output")
    if node.code == "Dropout" and node.has(2) and any(node.numbers(2, "training modes")):
        raise node.unsupported("in training mode")
    if any(node.outputs[1:]):
        raise node.unsupported("with a mask as a second output")
    node.give(node.value())


@converts("Transpose")
def transpose(node: Node) -> None:
    """One array."""
    node.expect(1)
    perm = node.integers("perm")
    shared.turn(node, identity(len(node.value().seen))[::-1] if perm is None else perm)


@converts("Reshape", "Flatten")
def reshape(node: Node) -> None:
    """One array."""
    shared.reshape(node, new_shape(node, node.value().seen))


@converts("DepthToSpace", "SpaceToDepth")
def blocks(node: Node) -> None:
    """One image: channels become pixels of a block, or pixels of a block channels."""
    node.expect(1)
    shape, size = node.value().seen, node.integer("blocksize", 0)
    mode = node.text("mode", "DCR")
    if len(shape) != 4 or size < 1 or mode not in ("DCR", "CRD"):
        raise node.error(f"blocks of {size} in {shape}, mode {mode}")
    n, channels, height, width = shape
    block = (size, size)
    if node.code == "SpaceToDepth":
        rows, columns = height // size, width // size
        parts, perm = (n, channels, rows, size, columns, size), (0, 3, 5, 1, 2, 4)
        result = (n, channels * size * size, rows, columns)
    else:
        rest = channels // (size * size)
        before = mode == "DCR"
        parts = (n, *block, rest, height, width) if before else (n, rest, *block, height, width)
        perm = (0, 3, 4, 1, 5, 2) if before else (0, 1, 4, 2, 5, 3)
        result = (n, rest, height * size, width * size)
    if elements(parts) != elements(shape):
        raise node.error(f"blocks of {size} do not divide {shape}")
    cut, turned = (node.build.fresh(f"{node.outputs[0]}:{what}") for what in ("cut", "turned"))
    shared.reshape(replace(node, outputs=(cut,)), parts)
    shared.turn(replace(node, inputs=(cut,), outputs=(turned,)), perm)
    shared.reshape(replace(node, inputs=(turned,)), result)


@converts("Squeeze")
def squeeze(node: Node) -> None:
    """One array."""
    shape = node.value().seen
    new_shape(node, shape)  # raises for what is no 1
    axes = node.whole(1, "axes") if node.has(1) else node.integers("axes")
    ones = [axis for axis, extent in enumerate(shape) if extent == 1]
    shared.squeeze(node, node.axes(axes or ones, len(shape)))


@converts("Unsqueeze")
def unsqueeze(node: Node) -> None:
    """One array."""
    rank = len(new_shape(node, node.value().seen))
    axes = node.whole(1, "axes") if node.has(1) else node.integers("axes")
    shared.unsqueeze(node, node.axes(axes or (), rank))


@converts("Concat")
def concat(node: Node) -> None:
    """Any number of arrays."""
    node.expect(max(1, len(node.inputs)))
    shared.concat(node, node.integer("axis", 1 if node.opset < 4 else 0))


@converts("Split")
def split(node: Node) -> None:
    """One array, and the sizes of its pieces, which are an attribute or an input, or alike."""
    node.expect(2, max(1, len(node.outputs)), optional=1)
    shape = node.value().seen
    axis = node.axis(node.integer("axis", 0), len(shape))
    sizes = node.whole(1, "sizes") if node.has(1) else node.integers("split")
    shared.split(node, axis, _equal(node, shape[axis]) if sizes is None else sizes)


def _equal(node: Node, extent: int) -> Shape:
    """Return the sizes of equal pieces, of which the last may be smaller."""
    count = len(node.outputs)
    size = -(-extent // count)
    last = extent - (count - 1) * size
    if last < 1 or (last != size and node.opset < 18):
        raise node.error(f"{extent} elements in {count} equal pieces")
    return (*(size for _ in range(count - 1)), last)


@converts("Slice")
def slice_of(node: Node) -> None:
    """One array, and the range along each axis."""
    shared.cut(node, slices(node, node.value().seen))


@converts("Gather")
def gather(node: Node) -> None:
    """One array, and the one constant index along an axis at which it is read."""
    node.expect(2)
    index = node.array(1)
    if index is None or index.size != 1 or index.dtype.kind != "i" or index.ndim > 1:
        raise node.unsupported("of other than one constant index")
    at = int(index.reshape(()))
    shared.pick(node, node.integer("axis", 0), at, keep=index.ndim > 0)


@converts("Pad")
def pad(node: Node) -> None:
    """One array, its paddings, and what they hold; old files hold both as attributes."""
    shared.border(node, *paddings(node))


def paddings(node: Node) -> tuple[list[tuple[int, int]], float]:
    """Return how many elements a Pad adds before and after each dimension, and what they hold."""
    if node.text("mode", "constant") != "constant":
        raise node.unsupported(f"in mode {node.text('mode', '')}")
    rank = len(node.value().seen)
    if node.opset < 11:
        node.expect(1)
        flat, fill = node.integers("pads"), node.real("value", 0.0)
    else:
        node.expect(4, optional=2)
        flat = node.whole(1, "paddings")
        fills = node.numbers(2, "pad values") if node.has(2) else (0.0,)
        if len(fills) != 1:
            raise node.error(f"{len(fills)} pad values")
        fill = float(fills[0])
    listed = node.whole(3, "axes") if node.opset >= 11 and node.has(3) else identity(rank)
    node.axes(listed, rank)
    if flat is None or len(flat) != 2 * len(listed):
        raise node.error(f"{len(flat or ())} paddings for {len(listed)} dimensions")
    pairs = [(0, 0)] * rank
    for i, axis in enumerate(listed):
        pairs[node.axis(axis, rank)] = (flat[i], flat[len(listed) + i])
    return pairs, fill
