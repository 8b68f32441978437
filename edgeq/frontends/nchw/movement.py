"""What moves elements and computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgeq.frontends.nchw.node import IMAGE_RANKS, Node
from edgeq.frontends.nchw.values import Value, identity, without
from edgeq.ir.types import Shape
from edgeq.ops.concat import Concat
from edgeq.ops.pad import Pad
from edgeq.ops.slice import Slice
from edgeq.ops.split import Split

Range = tuple[int, int, int]


def turn(node: Node, perm: Shape) -> None:
    """Transpose input 0: only the order in which it is read changes."""
    value = node.whole_value()
    if tuple(sorted(perm)) != identity(len(value.shape)):
        raise node.error(f"{perm} does not order {len(value.shape)} dimensions")
    node.give(value.transposed(perm))


def reshape(node: Node, shape: Shape) -> None:
    """Reshape input 0. Where rows of another order result, what reads them decides what moves."""
    value = node.value()
    if value.plain:
        node.give(node.view(value.tensor, shape, identity(len(shape))))
    elif shape == value.seen:
        node.give(value)
    else:
        array = replace(value, flat=None)
        inward, outward = array.regrouped(shape)
        if len(shape) > 2 or array.only_ones_move(inward):
            node.give(node.view(node.arranged(array, inward), shape, outward))
        else:
            node.give(value.reshaped(shape))


def squeeze(node: Node, gone: Shape) -> None:
    """Drop dimensions of extent 1 of input 0; those that remain stay in their order."""
    value = node.whole_value()
    shape = tuple(extent for axis, extent in enumerate(value.shape) if axis not in gone)
    node.give(node.view(value.tensor, shape, without(value.order, frozenset(gone))))


def unsqueeze(node: Node, added: Shape) -> None:
    """Add dimensions of extent 1: where the file puts them, or before the other pixels."""
    value = node.whole_value()
    rank, extents = len(value.shape) + len(added), iter(value.shape)
    shape = tuple(1 if axis in added else next(extents) for axis in range(rank))
    old = [axis for axis in range(rank) if axis not in added]
    kept = tuple(old[axis] for axis in value.order)
    plain = kept == tuple(sorted(kept))
    order = identity(rank) if plain else (*kept[:1], *added, *kept[1:])
    node.give(node.view(value.tensor, shape, order))


def concat(node: Node, axis: int) -> None:
    """Join all inputs along a dimension."""
    values = [node.whole_value(index) for index in range(len(node.inputs))]
    rank = len(values[0].shape)
    if any(len(value.shape) != rank for value in values):
        raise node.error("inputs differ in their number of dimensions")
    axis = node.axis(axis, rank)
    orders = [value.order for value in values if not value.plain]
    order = orders[0] if orders else identity(rank)
    inputs = [node.arranged(value, order) for value in values]
    made = node.emit(Concat, inputs, axis=order.index(axis))
    total = sum(value.shape[axis] for value in values)
    shape = (*values[0].shape[:axis], total, *values[0].shape[axis + 1 :])
    node.give(Value(made, shape, order))


def split(node: Node, axis: int, sizes: Shape) -> None:
    """Cut input 0 along a dimension into pieces of ``sizes``, one for each output."""
    value = node.whole_value()
    stored = value.order.index(axis)
    made = node.emit_all(Split, [value.tensor], node.outputs, axis=stored, sizes=sizes)
    for index, (name, size) in enumerate(zip(made, sizes, strict=True)):
        shape = (*value.shape[:axis], size, *value.shape[axis + 1 :])
        node.give(Value(name, shape, value.order), index)


def cut(node: Node, ranges: Sequence[Range]) -> None:
    """Take begin, end and step along each dimension of input 0, within it."""
    value = node.whole_value()
    shape = tuple(len(range(*entry)) for entry in ranges)
    if 0 in shape:
        raise node.unsupported(f"that leaves nothing of {value.shape}")
    made = node.emit(
        Slice,
        [value.tensor],
        begin=tuple(ranges[axis][0] for axis in value.order),
        size=tuple(shape[axis] for axis in value.order),
        strides=tuple(ranges[axis][2] for axis in value.order),
    )
    node.give(Value(made, shape, value.order))


def pick(node: Node, axis: int, at: int, *, keep: bool) -> None:
    """Take what is at one place along a dimension of input 0; that one may stay, of extent 1."""
    value = node.whole_value()
    rank = len(value.shape)
    axis = node.axis(axis, rank)
    at = node.axis(at, value.shape[axis])
    stored = value.order.index(axis)
    begin = tuple(at if i == stored else 0 for i in range(rank))
    size = tuple(1 if i == stored else extent for i, extent in enumerate(value.stored))
    made = node.emit(Slice, [value.tensor], begin=begin, size=size)
    shape = tuple(1 if i == axis else extent for i, extent in enumerate(value.shape))
    if keep:
        node.give(Value(made, shape, value.order))
        return
    kept = (*shape[:axis], *shape[axis + 1 :])
    node.give(node.view(made, kept, without(value.order, frozenset({axis}))))


def border(node: Node, pairs: Sequence[tuple[int, int]], fill: int | float) -> None:
    """Put elements ``fill`` before and after those of input 0, along each dimension."""
    value = node.whole_value()
    rank = len(value.shape)
    if any(min(pair) < 0 for pair in pairs):
        raise node.unsupported("with negative paddings")
    if rank in IMAGE_RANKS and any(map(any, pairs[2:])) and not any(pairs[0] + pairs[1]):
        # A border round an image: the layer behind it takes it over, in its own order.
        rows = ((0, 0), *((0, 0) for _ in range(4 - rank)), *pairs[2:], (0, 0))
        made = node.emit(Pad, [node.rows(node.image())], paddings=rows, value=fill)
        node.give_image(made, rank)
        return
    borders = tuple(pairs[axis] for axis in value.order)
    made = node.emit(Pad, [value.tensor], paddings=borders, value=fill)
    grown = zip(value.shape, pairs, strict=True)
    shape = tuple(before + extent + after for extent, (before, after) in grown)
    node.give(Value(made, shape, value.order))
