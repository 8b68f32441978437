"""Operators that move elements and compute nothing."""

from __future__ import annotations

from dataclasses import replace

from edgeq.frontends.onnx.converter import converts
from edgeq.frontends.onnx.folding import new_shape, slices
from edgeq.frontends.onnx.node import Node
from edgeq.frontends.onnx.values import Value, identity, without
from edgeq.ir.types import Shape
from edgeq.ops.concat import Concat
from edgeq.ops.pad import Pad
from edgeq.ops.slice import Slice
from edgeq.ops.split import Split


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
    """One array: only the order in which it is read changes."""
    node.expect(1)
    value = node.whole_value()
    rank = len(value.shape)
    perm = node.integers("perm")
    perm = identity(rank)[::-1] if perm is None else perm
    if tuple(sorted(perm)) != identity(rank):
        raise node.error(f"{perm} does not order {rank} dimensions")
    node.give(value.transposed(perm))


@converts("Reshape", "Flatten")
def reshape(node: Node) -> None:
    """One array. Where rows of another order result, what reads them decides what moves."""
    value = node.value()
    shape = new_shape(node, value.seen)
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


@converts("Squeeze")
def squeeze(node: Node) -> None:
    """One array; the dimensions that remain stay in their order."""
    value = node.whole_value()
    shape = new_shape(node, value.shape)
    axes = node.whole(1, "axes") if node.has(1) else node.integers("axes")
    ones = [axis for axis, extent in enumerate(value.shape) if extent == 1]
    gone = frozenset(node.axes(axes or ones, len(value.shape)))
    node.give(node.view(value.tensor, shape, without(value.order, gone)))


@converts("Unsqueeze")
def unsqueeze(node: Node) -> None:
    """One array; new dimensions stand where the file puts them, or before the other pixels."""
    value = node.whole_value()
    shape = new_shape(node, value.shape)
    axes = node.whole(1, "axes") if node.has(1) else node.integers("axes")
    added = node.axes(axes or (), len(shape))
    old = [axis for axis in range(len(shape)) if axis not in added]
    kept = tuple(old[axis] for axis in value.order)
    at = 0 if kept == tuple(sorted(kept)) else 1
    order = identity(len(shape)) if at == 0 else (*kept[:1], *added, *kept[1:])
    node.give(node.view(value.tensor, shape, order))


@converts("Concat")
def concat(node: Node) -> None:
    """Any number of arrays."""
    node.expect(max(1, len(node.inputs)))
    values = [node.whole_value(index) for index in range(len(node.inputs))]
    rank = len(values[0].shape)
    if any(len(value.shape) != rank for value in values):
        raise node.error("inputs differ in their number of dimensions")
    axis = node.axis(node.integer("axis", 1 if node.opset < 4 else 0), rank)
    orders = [value.order for value in values if not value.plain]
    order = orders[0] if orders else identity(rank)
    inputs = [node.arranged(value, order) for value in values]
    made = node.emit(Concat, inputs, axis=order.index(axis))
    total = sum(value.shape[axis] for value in values)
    shape = (*values[0].shape[:axis], total, *values[0].shape[axis + 1 :])
    node.give(Value(made, shape, order))


@converts("Split")
def split(node: Node) -> None:
    """One array, and the sizes of its pieces, which are an attribute or an input, or alike."""
    node.expect(2, max(1, len(node.outputs)), optional=1)
    value = node.whole_value()
    axis = node.axis(node.integer("axis", 0), len(value.shape))
    sizes = node.whole(1, "sizes") if node.has(1) else node.integers("split")
    sizes = _equal(node, value.shape[axis]) if sizes is None else sizes
    stored = value.order.index(axis)
    made = node.emit_all(Split, [value.tensor], node.outputs, axis=stored, sizes=sizes)
    for index, (name, size) in enumerate(zip(made, sizes, strict=True)):
        shape = (*value.shape[:axis], size, *value.shape[axis + 1 :])
        node.give(Value(name, shape, value.order), index)


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
    value = node.whole_value()
    ranges = slices(node, value.shape)
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


@converts("Gather")
def gather(node: Node) -> None:
    """One array, and the one constant index along an axis at which it is read."""
    node.expect(2)
    value = node.whole_value()
    rank = len(value.shape)
    axis = node.axis(node.integer("axis", 0), rank)
    index = node.array(1)
    if index is None or index.size != 1 or index.dtype.kind != "i" or index.ndim > 1:
        raise node.unsupported("of other than one constant index")
    at = node.axis(int(index.reshape(())), value.shape[axis])
    stored = value.order.index(axis)
    begin = tuple(at if i == stored else 0 for i in range(rank))
    size = tuple(1 if i == stored else extent for i, extent in enumerate(value.stored))
    made = node.emit(Slice, [value.tensor], begin=begin, size=size)
    shape = tuple(1 if i == axis else extent for i, extent in enumerate(value.shape))
    if index.ndim:
        node.give(Value(made, shape, value.order))
        return
    kept = (*shape[:axis], *shape[axis + 1 :])
    node.give(node.view(made, kept, without(value.order, frozenset({axis}))))


@converts("Pad")
def pad(node: Node) -> None:
    """One array, its paddings, and what they hold; old files hold both as attributes."""
    if node.text("mode", "constant") != "constant":
        raise node.unsupported(f"in mode {node.text('mode', '')}")
    value = node.whole_value()
    rank = len(value.shape)
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
    if min(flat, default=0) < 0:
        raise node.unsupported("with negative paddings")
    pairs = [(0, 0)] * rank
    for i, axis in enumerate(listed):
        pairs[node.axis(axis, rank)] = (flat[i], flat[len(listed) + i])
    if rank == 4 and any(pairs[2] + pairs[3]) and not any(pairs[0] + pairs[1]):
        # A border round an image: the layer behind it takes it over, in its own order.
        value = node.image()
    borders = tuple(pairs[axis] for axis in value.order)
    made = node.emit(Pad, [value.tensor], paddings=borders, value=fill)
    grown = zip(value.shape, pairs, strict=True)
    shape = tuple(before + extent + after for extent, (before, after) in grown)
    node.give(Value(made, shape, value.order))
