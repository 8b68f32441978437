"""Cut a layer into pieces that several threads compute at the same time.

A piece is an operation of the same kind on a run of the layer's own memory: rows of an image,
pixels, channels of a fully connected layer, or any run of an elementwise one. So its kernel is an
ordinary one, and pieces write apart from each other whatever kernel they get.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.quant import Requant
from edgeq.ir.types import elements
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.plan.bands import ELEMENTWISE, Reach, band, in_bands, row_bytes

GRAIN = 8  # pixels or channels: no piece ends inside what kernels compute together
LEAST_MACS = 1 << 16  # waking a thread costs as much as this many multiplies, at least
LEAST_ELEMENTS = 1 << 13  # the same for layers that do not multiply


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """An operation on parts of tensors; ``starts`` are the bytes before those that are cut."""

    op: Op
    io: Operands
    starts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


Rule = Callable[[Any, Operands, int], Iterable[Piece]]


def pieces(op: Op, io: Operands, most: int) -> tuple[Piece, ...]:
    """Return a layer in up to ``most`` pieces; in one where it has no rule or too little work."""
    least = LEAST_MACS if op.macs(io) else LEAST_ELEMENTS
    count = min(most, (op.macs(io) or io.outs[0].elements) // least)
    rule = RULES.get(type(op))
    if rule is None or count < 2:
        return (Piece(op, io),)
    found = tuple(rule(op, io, count))
    return found if len(found) > 1 else (Piece(op, io),)


def bounds(total: int, count: int, grain: int = 1) -> list[int]:
    """Return the ends of up to ``count`` runs of about the same length, multiples of ``grain``.

    >>> bounds(7, 4), bounds(100, 3, 8), bounds(9, 4, 8)
    ([0, 1, 3, 5, 7], [0, 32, 64, 100], [0, 8, 9])
    """
    units = -(-total // grain)
    count = min(units, count)
    return [min(total, grain * (units * i // count)) for i in range(count + 1)]


def _part(tensor: Tensor, shape: tuple[int, ...], first: int) -> tuple[Tensor, int]:
    """Return a run of a tensor and the bytes before it; ``first`` counts elements."""
    return replace(tensor, shape=shape), first * tensor.dtype.bytes


def _piece(op: Op, io: Operands, x: tuple[Tensor, int], y: tuple[Tensor, int]) -> Piece:
    """Return a piece with other first operands."""
    starts = {x[0].name: x[1], y[0].name: y[1]}
    return Piece(op, Operands((x[0], *io.ins[1:]), (y[0],)), starts)


def _rows(op: Op, io: Operands, count: int) -> Iterator[Piece]:
    """Cut an image into rows: each piece reads those that its windows reach."""
    if not in_bands(op, io):
        return
    reach = Reach.of(op, io)
    for rows in pairwise(bounds(io.y.shape[1], count)):
        part, short = band(op, io, rows)
        first = reach.seen(rows)[0] * row_bytes(io.x)
        starts = dict.fromkeys(reach.sources, first)
        yield Piece(part, short, {**starts, io.y.name: rows[0] * row_bytes(io.y)})


def _pixels(op: Conv2D, io: Operands, count: int) -> Iterator[Piece]:
    """Cut a pointwise convolution anywhere between pixels, other ones into rows."""
    if op.kernel(io) != (1, 1) or op.stride != (1, 1) or op.padding.any:
        yield from _rows(op, io, count)
        return
    depth, channels = io.x.shape[3], io.y.shape[3]
    for begin, end in pairwise(bounds(elements(io.x.shape[:3]), count, GRAIN)):
        x = _part(io.x, (1, 1, end - begin, depth), begin * depth)
        y = _part(io.y, (1, 1, end - begin, channels), begin * channels)
        yield _piece(op, io, x, y)


def _products(op: FullyConnected, io: Operands, count: int) -> Iterator[Piece]:
    """Cut a matrix product between its rows, or one of a single row between its outputs."""
    outs, depth = io.ins[1].shape
    rows = io.x.elements // depth
    plain = replace(op, keep_dims=False)
    if rows > 1:
        for begin, end in pairwise(bounds(rows, count, GRAIN)):
            x = _part(io.x, (end - begin, depth), begin * depth)
            y = _part(io.y, (end - begin, outs), begin * outs)
            yield _piece(plain, io, x, y)
        return
    for begin, end in pairwise(bounds(outs, count, GRAIN)):
        constants = tuple(_channels(tensor, begin, end) for tensor in io.ins[1:])
        numbers = replace(op.arithmetic, requant=_of_channels(op.arithmetic.requant, begin, end))
        row = replace(io.x, shape=(1, depth))
        out, start = _part(io.y, (1, end - begin), begin)
        parts = Operands((row, *constants), (out,))
        yield Piece(plain.with_arithmetic(numbers), parts, {out.name: start})


def _channels(tensor: Tensor, begin: int, end: int) -> Tensor:
    data, quant = tensor.array[begin:end], tensor.quant
    if quant is not None and quant.axis == 0:
        quant = replace(quant, scale=quant.scale[begin:end], zero_point=quant.zero_point[begin:end])
    return replace(tensor, shape=data.shape, data=data, quant=quant)


def _of_channels(requant: Requant, begin: int, end: int) -> Requant:
    if requant.channels == 1:
        return requant
    return replace(
        requant,
        multiplier=requant.multiplier[begin:end],
        shift=requant.shift[begin:end],
        scale=requant.scale[begin:end],
    )


def _runs(op: Op, io: Operands, count: int) -> Iterator[Piece]:
    """Cut an elementwise operation on tensors of one shape anywhere."""
    tensors = (*io.ins, *io.outs)
    if not op.is_plain or any(t.is_constant or t.shape != io.y.shape for t in tensors):
        return
    for begin, end in pairwise(bounds(io.y.elements, count, 8 * GRAIN)):
        parts = [_part(tensor, (end - begin,), begin) for tensor in tensors]
        ins, outs = tuple(t for t, _ in parts[:-1]), tuple(t for t, _ in parts[-1:])
        yield Piece(op, Operands(ins, outs), {tensor.name: start for tensor, start in parts})


RULES: Mapping[type[Op], Rule] = MappingProxyType(
    {
        Conv2D: _pixels,
        DepthwiseConv2D: _rows,
        AveragePool2D: _rows,
        MaxPool2D: _rows,
        FullyConnected: _products,
        **dict.fromkeys(ELEMENTWISE, _runs),
    }
)
