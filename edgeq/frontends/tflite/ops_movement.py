"""Operators that move elements and compute nothing."""

from __future__ import annotations

from edgeq.frontends.tflite.converter import ANY, converts
from edgeq.frontends.tflite.node import Node
from edgeq.ir.types import Shape, elements
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op
from edgeq.ops.concat import Concat
from edgeq.ops.pack import Pack
from edgeq.ops.pad import Pad
from edgeq.ops.reshape import Reshape
from edgeq.ops.shape import ShapeOf
from edgeq.ops.split import Split
from edgeq.ops.transpose import Transpose


@converts("RESHAPE", types=ANY)
def reshape(node: Node) -> list[Op]:
    """One array, and its new shape where that is not an option.

    The output's own shape is what the operand would compute; they are compared where it is known.
    """
    node.expect(2, optional=1)
    shape = node.output().shape
    if len(node.present) == 2 and node.tensor(1).is_constant:
        wanted = node.integers(1, "extents")
        # Old files write the shape of a scalar as a single 0.
        if wanted != (0,) and _resolved(wanted, node.tensor(0).elements) != shape:
            raise node.error(f"output has shape {shape}, expected {wanted}")
    return [Reshape(**node.data_ports, shape=shape)]


def _resolved(sizes: Shape, total: int) -> Shape:
    """Return sizes with the one that is -1, if any, as what makes up ``total``."""
    rest = elements(size for size in sizes if size != -1)
    return tuple(total // rest if size == -1 and rest > 0 else size for size in sizes)


@converts("SQUEEZE", types=ANY)
def squeeze(node: Node) -> list[Op]:
    """One array; the output's shape says which dimensions go."""
    node.expect(1)
    return [Reshape(**node.data_ports, shape=node.output().shape)]


@converts("EXPAND_DIMS", types=ANY)
def expand_dims(node: Node) -> list[Op]:
    """One array, and where the new dimension goes."""
    node.expect(2)
    x = node.tensor(0).shape
    axis = node.one_axis(1, len(x) + 1)
    return [Reshape(**node.data_ports, shape=(*x[:axis], 1, *x[axis:]))]


@converts("CONCATENATION", types=ANY)
def concatenation(node: Node) -> list[Op]:
    """Any number of arrays."""
    kind = "ConcatenationOptions"
    node.expect(max(1, len(node.inputs)))
    if node.activation(kind) is not Activation.NONE:
        raise node.unsupported("with a fused activation")
    axis = node.axis(node.option(kind, "Axis", 0), len(node.tensor(0).shape))
    return [Concat(**node.ports, axis=axis)]


@converts("PACK", types=ANY)
def pack(node: Node) -> list[Op]:
    """Any number of arrays of one shape."""
    node.expect(max(1, len(node.inputs)))
    axis = node.axis(node.option("PackOptions", "Axis", 0), len(node.tensor(0).shape) + 1)
    return [Pack(**node.ports, axis=axis)]


@converts("SPLIT", types=ANY, data=1)
def split(node: Node) -> list[Op]:
    """Cut: the axis, and one array that goes into equal pieces."""
    node.expect(2, max(1, len(node.outputs)))
    x = node.tensor(1).shape
    axis, count = node.one_axis(0, len(x)), len(node.outputs)
    if x[axis] % count:
        raise node.error(f"{x[axis]} elements in {count} equal pieces")
    ports = {**node.ports, "inputs": node.inputs[1:]}
    return [Split(**ports, axis=axis, sizes=(x[axis] // count,) * count)]


@converts("SPLIT_V", types=ANY)
def split_v(node: Node) -> list[Op]:
    """One array, the sizes of its pieces, one of which may be -1, and the axis."""
    node.expect(3, max(1, len(node.outputs)))
    x = node.tensor(0).shape
    axis = node.one_axis(2, len(x))
    sizes = node.integers(1, "sizes", len(node.outputs))
    if sizes.count(-1) == 1:
        rest = x[axis] - sum(size for size in sizes if size != -1)
        sizes = tuple(rest if size == -1 else size for size in sizes)
    if len(sizes) != len(node.outputs):
        raise node.error(f"{len(sizes)} sizes for {len(node.outputs)} outputs")
    return [Split(**node.data_ports, axis=axis, sizes=sizes)]


def _paddings(node: Node) -> tuple[tuple[int, int], ...]:
    flat = node.integers(1, "paddings")
    rank = len(node.tensor(0).shape)
    if len(flat) != 2 * rank:
        raise node.error(f"{len(flat)} paddings for {rank} dimensions")
    return tuple(zip(flat[::2], flat[1::2], strict=True))


@converts("PAD", types=ANY)
def pad(node: Node) -> list[Op]:
    """One array, and its paddings, which hold the real number 0."""
    node.expect(2)
    quant = node.output().quant
    value = 0 if quant is None else quant.zero_point[0]
    return [Pad(**node.data_ports, paddings=_paddings(node), value=value)]


@converts("PADV2", types=ANY)
def pad_v2(node: Node) -> list[Op]:
    """One array, its paddings, and the value that they hold, as a code of the output."""
    node.expect(3)
    values = node.values(2, "pad values", 1)
    if values.size != 1:
        raise node.error("has no pad value")
    code, y = node.tensor(2), node.output()
    if code.dtype is not y.dtype:
        raise node.error(f"the pad value is {code.dtype.value} for {y.dtype.value} output")
    if y.quant is not None and code.quant != y.quant:
        raise node.unsupported("with a pad value of another code than the output")
    return [Pad(**node.data_ports, paddings=_paddings(node), value=values[0].item())]


@converts("TRANSPOSE", types=ANY)
def transpose(node: Node) -> list[Op]:
    """One array, and which of its dimensions each one of the output is."""
    node.expect(2)
    rank = len(node.tensor(0).shape)
    perm = tuple(node.axis(axis, rank) for axis in node.integers(1, "permutation"))
    return [Transpose(**node.data_ports, perm=perm)]


@converts("SHAPE", types=ANY)
def shape_of(node: Node) -> list[Op]:
    """One array; what is computed is known before it runs."""
    node.expect(1)
    return [ShapeOf(**node.ports)]
