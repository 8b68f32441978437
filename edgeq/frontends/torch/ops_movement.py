"""Operators that move elements and compute nothing, as ATen states them."""

from __future__ import annotations

from dataclasses import replace

from edgeq.frontends.nchw import movement as shared
from edgeq.frontends.nchw.movement import Range
from edgeq.frontends.nchw.values import identity
from edgeq.frontends.torch.converter import converts
from edgeq.frontends.torch.node import Node
from edgeq.ir.types import Shape


@converts("clone", "contiguous", "detach", "alias", "lift_fresh_copy", "_to_copy", "to", "type_as")
def same(node: Node) -> None:
    """One array; torch's memory formats mean nothing here."""
    kind = node.arguments.get("dtype")
    if kind is not None and str(kind) != "torch.float32":
        raise node.unsupported(f"to {kind}")
    node.give(node.value())


@converts("getitem")
def get_item(node: Node) -> None:
    """One of several outputs of another node."""
    node.give(node.value())


@converts("dropout")
def dropout(node: Node) -> None:
    """One array; that a dropout was there means nothing once trained."""
    if node.arguments.get("train") is not False:
        raise node.unsupported("in training mode")
    node.give(node.value())


@converts("expand")
def expand(node: Node) -> None:
    """One array, to its own shape."""
    if node.value().seen != node.shape:
        raise node.unsupported(f"from {node.value().seen} to {node.shape}")
    node.give(node.value())


@converts("permute")
def permute(node: Node) -> None:
    """One array, and the order of its dimensions."""
    rank = len(node.value().seen)
    shared.turn(node, tuple(node.axis(axis, rank) for axis in node.integers("dims") or ()))


@converts("transpose")
def transpose(node: Node) -> None:
    """One array, and two dimensions that change places."""
    rank = len(node.value().seen)
    first, second = (node.axis(node.integer(name), rank) for name in ("dim0", "dim1"))
    order = list(identity(rank))
    order[first], order[second] = second, first
    shared.turn(node, tuple(order))


@converts("t")
def turn(node: Node) -> None:
    """One matrix, or a row, which stays as it is."""
    shared.turn(node, identity(len(node.value().seen))[::-1])


@converts("view", "_unsafe_view", "reshape", "flatten", "unflatten")
def reshape(node: Node) -> None:
    """One array, to the shape that torch has found."""
    shared.reshape(node, node.shape)


@converts("squeeze")
def squeeze(node: Node) -> None:
    """One array, and the dimensions to drop where their extent is 1; without them, all."""
    shape = node.value().seen
    axes = node.integers("dim")
    listed = range(len(shape)) if axes is None else node.axes(axes, max(len(shape), 1))
    shared.squeeze(node, tuple(axis for axis in listed if axis < len(shape) and shape[axis] == 1))


@converts("unsqueeze")
def unsqueeze(node: Node) -> None:
    """One array, and where a dimension is added."""
    rank = len(node.value().seen) + 1
    shared.unsqueeze(node, (node.axis(node.integer("dim"), rank),))


@converts("cat", "concat", "concatenate")
def cat(node: Node) -> None:
    """Any number of arrays."""
    shared.concat(node, node.integer("dim", 0))


@converts("stack")
def stack(node: Node) -> None:
    """Any number of arrays, side by side along a new dimension."""
    at = node.axis(node.integer("dim", 0), len(node.value().seen) + 1)
    names = []
    for index, name in enumerate(node.inputs):
        made = node.build.fresh(f"{node.outputs[0]}:{index}")
        shared.unsqueeze(replace(node, inputs=(name,), outputs=(made,)), (at,))
        names.append(made)
    shared.concat(replace(node, inputs=tuple(names)), at)


@converts("split", "split_with_sizes", "chunk", "tensor_split")
def split(node: Node) -> None:
    """One array, cut into pieces whose sizes torch has found."""
    axis = node.axis(node.integer("dim", 0), len(node.value().seen))
    shared.split(node, axis, tuple(shape[axis] for shape in node.shapes))


@converts("unbind")
def unbind(node: Node) -> None:
    """One array, cut into all that stands along a dimension."""
    for index, name in enumerate(node.outputs):
        shared.pick(replace(node, outputs=(name,)), node.integer("dim", 0), index, keep=False)


@converts("select")
def select(node: Node) -> None:
    """One array, and one place along a dimension."""
    shared.pick(node, node.integer("dim"), node.integer("index"), keep=False)


@converts("slice", "narrow")
def slice_of(node: Node) -> None:
    """One array, and the range along one dimension."""
    shape = node.value().seen
    axis = node.axis(node.integer("dim", 0), len(shape))
    start, step = node.integer("start", 0), node.integer("step", 1)
    end = node.arguments.get("end")
    if node.code == "narrow":
        start = node.axis(start, shape[axis])
        end = start + node.integer("length")
    found: list[Range] = [(0, extent, 1) for extent in shape]
    first, last, _ = slice(start, end).indices(shape[axis])
    found[axis] = (first, max(first, last), step)
    shared.cut(node, found)


def _pairs(node: Node) -> list[tuple[int, int]]:
    """Return the paddings of all dimensions, which torch lists from the last one on."""
    shape: Shape = node.value().seen
    flat = node.integers("pad") or ()
    pairs = [(0, 0)] * len(shape)
    for index in range(len(flat) // 2):
        pairs[-1 - index] = (flat[2 * index], flat[2 * index + 1])
    return pairs


@converts("pad", "constant_pad_nd")
def pad(node: Node) -> None:
    """One array, its paddings, and what they hold."""
    mode = node.arguments.get("mode") or "constant"
    if mode != "constant":
        raise node.unsupported(f"in mode {mode}")
    shared.border(node, _pairs(node), node.number("value", 0.0))
