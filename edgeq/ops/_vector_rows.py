"""How LiteRT's builtin kernels walk over two operands of 8 bits: rows, of which vectors are taken.

Scalar code takes what is left behind the last whole vector of a row (``runtime/NUMERICS.md``, 5).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType, Shape, elements
from edgeq.ops._elementwise import BYTES

SIGNED_VECTOR, UNSIGNED_VECTOR = 16, 8
"""Codes that a kernel takes at once, of int8 and of uint8."""
MIDDLE = 128

Pairs = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of ``length`` elements of the output, of which ``count`` are in whole vectors.

    ``unsigned``: the form of uint8 codes. ``stays``: one operand is the same for a row. ``moved``
    is what has been taken from the codes when uint8 became int8.
    """

    length: int
    count: int
    unsigned: bool
    stays: bool
    moved: int

    def inside(self, shape: Shape) -> np.ndarray:
        """Return which elements of an output of ``shape`` are in whole vectors."""
        return np.arange(elements(shape)).reshape(shape) % self.length < self.count


def rows_of(io: Operands, flipped: bool, *, sums: bool = False) -> Rows | None:
    """Return how a kernel walks, ``None`` where it takes no vectors.

    ``flipped``: the codes have been uint8. ``sums`` where an operand stays for a row have the form
    of uint8.
    """
    shape = _row(io.ins[0].shape, io.ins[1].shape) if io.x.dtype in BYTES else None
    if shape is None:
        return None
    length, stays = shape
    unsigned = flipped or io.x.dtype is DType.UINT8 or (stays and sums)
    count = length - length % (UNSIGNED_VECTOR if unsigned else SIGNED_VECTOR)
    return Rows(length, count, unsigned, stays, MIDDLE if flipped else 0) if count else None


def _row(first: Shape, second: Shape) -> tuple[int, bool] | None:
    """Return the length of rows, and whether one operand stays; ``None``: single elements.

    LiteRT has five loops, from the inside: dimensions that are alike, those along which one operand
    stays, alike, the other stays, alike.

    >>> _row((2, 3, 17), (17,)), _row((2, 3, 17), (2, 1, 1)), _row((2, 3, 17), (3, 1))
    ((17, False), (51, True), None)
    """
    rank = max(len(first), len(second))
    a, b = ((1,) * (rank - len(shape)) + tuple(shape) for shape in (first, second))
    pairs: Pairs = list(zip(a, b, strict=True))
    alike = _run(pairs, _alike)
    if pairs and pairs[-1][0] != 1:
        pairs = [pair[::-1] for pair in pairs]
    stays = _run(pairs, lambda pair: pair[0] == 1)
    for continues in (_alike, lambda pair: pair[1] == 1, _alike):
        _run(pairs, continues)
    if pairs:
        return None
    return (alike, False) if alike > 1 else (stays, stays > 1)


def _alike(pair: tuple[int, int]) -> bool:
    return pair[0] == pair[1]


def _run(pairs: Pairs, continues: Callable[[tuple[int, int]], bool]) -> int:
    """Take dimensions from the end as long as they continue; return the second operand's size."""
    found = 1
    while pairs and continues(pairs[-1]):
        found *= pairs.pop()[1]
    return found
