"""Portable rows of operations that only move elements; they take any type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.types import DType, Shape, elements
from edgeq.kernels.base import Facts, Kernel
from edgeq.ops.base import Op
from edgeq.ops.cast import Cast
from edgeq.ops.concat import Concat
from edgeq.ops.gather import Gather
from edgeq.ops.pack import Pack
from edgeq.ops.pad import Pad
from edgeq.ops.reshape import Reshape
from edgeq.ops.slice import Slice
from edgeq.ops.split import Split
from edgeq.ops.tile import Tile
from edgeq.ops.transpose import Transpose
from edgeq.plan.program import Data


@dataclass(frozen=True, slots=True)
class Level:
    """One loop of a gather, by the names of its C variable and constants.

    ``run`` marks the innermost level when its elements are neighbours in the input too, ``still``
    one that reads the same elements again and again.
    """

    index: str
    count: str
    step: str
    run: bool
    still: bool


@dataclass(frozen=True, slots=True)
class Border:
    """One loop of a pad: what precedes and follows its items; no name where there is nothing."""

    index: str
    count: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a row: its parameter, and the names of its offset, size and table (or none)."""

    role: str
    offset: str
    size: str
    table: str = ""


def strides(shape: Shape) -> Shape:
    """Return how many elements apart neighbours in each dimension are.

    >>> strides((2, 3, 4))
    (12, 4, 1)
    """
    return tuple(elements(shape[axis + 1 :]) for axis in range(len(shape)))


def merge(counts: Sequence[int], steps: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return (count, step) of the fewest loops that read the same elements in the same order.

    >>> merge((2, 1, 3, 4), (12, 12, 4, 1))
    ((24, 1),)
    >>> merge((4, 2, 3), (1, 12, 4))
    ((4, 1), (6, 4))
    """
    loops: list[tuple[int, int]] = []
    for count, step in zip(counts, steps, strict=True):
        if count == 1:
            continue
        if loops and loops[-1][1] == count * step:
            loops[-1] = (loops[-1][0] * count, step)
        else:
            loops.append((count, step))
    return tuple(loops) or ((1, 1),)


def dimensions(shape: Shape) -> str:
    """Return a shape as comments write it.

    >>> dimensions((1, 8, 8, 3)), dimensions(())
    ('1x8x8x3', 'scalar')
    """
    return "x".join(map(str, shape)) or "scalar"


def _gather(
    counts: Sequence[int], steps: Sequence[int]
) -> tuple[dict[str, int], tuple[Level, ...]]:
    """Return the constants and loops that read elements at these steps."""
    loops = merge(counts, steps)
    constants: dict[str, int] = {}
    levels = []
    for depth, (count, step) in enumerate(loops):
        run = step == 1 and depth == len(loops) - 1
        constants[f"COUNT{depth}"] = count
        if not run and step:
            constants[f"STEP{depth}"] = step
        levels.append(Level(f"i{depth}", f"COUNT{depth}", f"STEP{depth}", run, not step))
    return constants, tuple(levels)


def reshape_facts(op: Reshape, io: Operands) -> Facts:
    """Return the facts of a copy."""
    note = f"reshape {dimensions(io.x.shape)} to {dimensions(io.y.shape)}"
    return Facts(constants={"ELEMENTS": io.x.elements}, note=note)


def transpose_facts(op: Transpose, io: Operands) -> Facts:
    """Return the facts of a transpose."""
    apart = strides(io.x.shape)
    constants, levels = _gather(io.y.shape, [apart[axis] for axis in op.perm])
    note = f"transpose {dimensions(io.x.shape)} to {dimensions(io.y.shape)}"
    return Facts(constants=constants, flags={"levels": levels, "start": False}, note=note)


def tile_facts(op: Tile, io: Operands) -> Facts:
    """Return the facts of a repetition: loops that do not move on in the input."""
    pairs = zip(op.multiples, io.x.shape, strict=True)
    counts = [count for pair in pairs for count in pair]
    steps = [step for apart in strides(io.x.shape) for step in (0, apart)]
    constants, levels = _gather(counts, steps)
    note = f"repetition of {dimensions(io.x.shape)} to {dimensions(io.y.shape)}"
    return Facts(constants=constants, flags={"levels": levels, "start": False}, note=note)


def slice_facts(op: Slice, io: Operands) -> Facts:
    """Return the facts of a slice."""
    apart = strides(io.x.shape)
    steps = [step * stride for step, stride in zip(op.steps, apart, strict=True)]
    start = op.start(io)
    constants, levels = _gather(io.y.shape, steps)
    if start:
        constants["START"] = start
    note = f"slice {dimensions(io.x.shape)} to {dimensions(io.y.shape)}"
    return Facts(constants, flags={"levels": levels, "start": bool(start)}, note=note)


def borders(shape: Shape, paddings: Sequence[tuple[int, int]]) -> tuple[tuple[int, int, int], ...]:
    """Return (count, before, after) of the fewest loops that write a padded tensor in order.

    Counts of the innermost and all borders are in elements of the output, others in items.

    >>> borders((1, 4, 4, 3), ((0, 0), (1, 1), (0, 2), (0, 0)))
    ((4, 18, 18), (12, 0, 6))
    """
    loops: list[tuple[int, int, int]] = []
    for count, (before, after) in zip(reversed(shape), reversed(paddings), strict=True):
        if loops and loops[0][1:] == (0, 0):
            inner = loops[0][0]
            loops[0] = (count * inner, before * inner, after * inner)
        else:
            loops.insert(0, (count, before, after))
    if len(loops) > 1 and loops[0] == (1, 0, 0):
        del loops[0]
    item = 1
    result: list[tuple[int, int, int]] = []
    for count, before, after in reversed(loops):
        result.insert(0, (count, before * item, after * item))
        item *= before + count + after
    return tuple(result) or ((1, 0, 0),)


def pad_facts(op: Pad, io: Operands) -> Facts:
    """Return the facts of a pad."""
    constants: dict[str, int] = {}
    levels = []
    for depth, sizes in enumerate(borders(io.x.shape, op.paddings)):
        named = zip(("COUNT", "BEFORE", "AFTER"), sizes, strict=True)
        present = {name: size for name, size in named if size}
        constants.update((f"{name}{depth}", size) for name, size in present.items())
        before, after = (f"{n}{depth}" if n in present else "" for n in ("BEFORE", "AFTER"))
        levels.append(Border(f"i{depth}", f"COUNT{depth}", before, after))
    # The one integer without a literal of its own in C.
    value = "INT64_MIN" if op.value == -(2**63) else op.value
    return Facts(
        constants=constants,
        flags={"levels": tuple(levels), "value": value, "is_float": io.y.dtype.is_float},
        note=f"pad {dimensions(io.x.shape)} to {dimensions(io.y.shape)}",
    )


def _rows(
    op: Op, io: Operands, tensors: Sequence[Tensor], letter: str, count: int
) -> tuple[dict[str, int], tuple[Piece, ...], bool]:
    """Return constants, pieces and whether they may be in place already.

    ``tensors`` lie side by side in each of ``count`` rows.
    """
    placed = op.parts(io) is not None
    constants = {} if placed else {"ROWS": count, "ROW": sum(t.elements for t in tensors) // count}
    pieces, offset = [], 0
    for index, tensor in enumerate(tensors):
        size = tensor.elements // count
        constants.update({f"OFFSET{index}": offset, f"SIZE{index}": size})
        role = letter if len(tensors) == 1 else f"{letter}{index}"
        pieces.append(Piece(role, f"OFFSET{index}", f"SIZE{index}"))
        offset += size
    return constants, tuple(pieces), placed


def concat_facts(op: Concat, io: Operands) -> Facts:
    """Return the facts of a concatenation."""
    constants, pieces, placed = _rows(op, io, io.ins, "x", elements(io.y.shape[: op.axis]))
    data = tuple(
        Data(f"table{index}", table, f"codes of input {index} in the output's scale")
        for index, table in enumerate(op.arithmetic)
        if table is not None
    )
    if data:
        constants["LOWEST"] = io.x.dtype.min
    tables = [f"table{i}" if table is not None else "" for i, table in enumerate(op.arithmetic)]
    pieces = tuple(replace(p, table=name) for p, name in zip(pieces, tables, strict=True))
    note = f"concatenation of {len(io.ins)} to {dimensions(io.y.shape)}"
    return Facts(constants, data, flags={"pieces": pieces, "placed": placed}, note=note)


def pack_facts(op: Pack, io: Operands) -> Facts:
    """Return the facts of a pack: a concatenation along a dimension of 1."""
    constants, pieces, placed = _rows(op, io, io.ins, "x", elements(io.x.shape[: op.axis]))
    note = f"pack of {len(io.ins)} to {dimensions(io.y.shape)}"
    return Facts(constants, flags={"pieces": pieces, "placed": placed}, note=note)


def split_facts(op: Split, io: Operands) -> Facts:
    """Return the facts of a split."""
    constants, pieces, placed = _rows(op, io, io.outs, "y", elements(io.x.shape[: op.axis]))
    note = f"split of {dimensions(io.x.shape)} into {len(io.outs)}"
    return Facts(constants, flags={"pieces": pieces, "placed": placed}, note=note)


def gather_facts(op: Gather, io: Operands) -> Facts:
    """Return the facts of slices in the order of indices, which may be computed."""
    x, indices = io.ins
    inner, extent = elements(x.shape[op.axis + 1 :]), x.shape[op.axis]
    known = indices.is_constant
    constants = {
        "OUTER": elements(x.shape[: op.axis]),
        "COUNT": indices.elements,
        "EXTENT": extent,
        **({} if inner == 1 else {"INNER": inner}),
        **({} if known else {"LAST": extent - 1}),
    }
    narrow = np.int16 if extent <= 1 << 15 else np.int32
    packed = (indices.array.reshape(-1).astype(narrow),) if known else ()
    data = tuple(Data("indices", each, f"places along dimension {op.axis}") for each in packed)
    note = f"gather of {indices.elements} from {dimensions(x.shape)}"
    return Facts(constants, data, flags={"known": known, "single": inner == 1}, note=note)


def _known(op: Gather, io: Operands) -> bool:
    return io.ins[1].is_constant


def cast_facts(op: Cast, io: Operands) -> Facts:
    """Return the facts of numbers that change their type."""
    constants = {"COUNT": io.y.elements, **({"OFFSET": op.offset} if op.offset else {})}
    flags = {
        "offset": bool(op.offset),
        "truth": io.y.dtype is DType.BOOL,
        "narrow": io.y.dtype is DType.INT8,
    }
    note = f"{io.x.dtype.value} as {io.y.dtype.value}, {dimensions(io.y.shape)}"
    return Facts(constants, flags=flags, note=note)


# No roles: the planner numbers the operands of rows that take any number of them.
ROWS = (
    Kernel("portable/reshape", Reshape, reshape_facts),
    Kernel("portable/strided_copy", Transpose, transpose_facts),
    Kernel("portable/strided_copy", Slice, slice_facts),
    Kernel("portable/strided_copy", Tile, tile_facts),
    Kernel("portable/gather", Gather, gather_facts, _known, packed=(1,)),
    Kernel("portable/gather", Gather, gather_facts, roles=("x", "indices", "y")),
    Kernel("portable/cast", Cast, cast_facts),
    Kernel("portable/pad", Pad, pad_facts),
    Kernel("portable/concat", Concat, concat_facts, roles=()),
    Kernel("portable/concat", Pack, pack_facts, roles=()),
    Kernel("portable/split", Split, split_facts, roles=()),
)
