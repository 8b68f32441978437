"""Sums and products in vectors of LiteRT's builtin kernels (``runtime/NUMERICS.md``, 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.quant import Requant, Rounding
from edgeq.numerics import requantize
from edgeq.ops._vector_rows import Rows

BITS = 20
"""How far codes are moved up before they are rescaled."""
WORD = (-32768, 32767)


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """What becomes of the elements of whole vectors.

    ``terms`` are the rescaled terms of each code of either operand of a sum, from the least on.
    With ``wraps`` the code of the output wraps at 16 bits before it is clamped; with ``saturates``
    what is rescaled is cut to 16 bits before the zero point is added.
    """

    rows: Rows
    wraps: bool
    terms: tuple[np.ndarray, ...] = ()
    saturates: bool = False

    def wrapped(self, codes: np.ndarray) -> np.ndarray:
        """Return codes of the output that are not clamped yet, wrapped where they do."""
        return wrapped(codes, self.rows.moved) if self.wraps else codes


def wrapped(codes: np.ndarray, moved: int) -> np.ndarray:
    """Return int32 ``codes`` whose lowest 16 bits, ``moved`` up, are those of an int16 number."""
    return ((codes + (32768 + moved)) & 65535) - (32768 + moved)


def sum_vectors(
    terms: tuple[Requant, Requant],
    total: Requant,
    limits: tuple[int, int],
    io: Operands,
    rows: Rows,
) -> Vectors | None:
    """Return how whole vectors of codes are added, or ``None`` where no sum differs.

    ``limits`` clamp the output.
    """
    term = _shifted_after if rows.unsigned else _shifted_before
    codes = [_codes(tensor) - np.int32(tensor.zero_point) for tensor in io.ins]
    tables = [term(*pair) for pair in zip(codes, terms, strict=True)]
    plain = [requantize(x << BITS, each) for x, each in zip(codes, terms, strict=True)]
    wanted, found = (
        requantize(np.add.outer(*_present(each, io)), total) + np.int32(io.y.zero_point)
        for each in (plain, tables)
    )
    around = wrapped(found, rows.moved)
    if np.array_equal(np.clip(wanted, *limits), np.clip(around, *limits)):
        return None
    return Vectors(rows, not np.array_equal(around, found), (tables[0], tables[1]))


def product_vectors(
    requant: Requant, limits: tuple[int, int], io: Operands, rows: Rows
) -> Vectors | None:
    """Return how whole vectors of codes are multiplied, or ``None`` where no product differs.

    ``limits`` clamp the output.
    """
    codes = [_codes(tensor) - np.int32(tensor.zero_point) for tensor in io.ins]
    scaled = requantize(np.multiply.outer(*_present(codes, io)), requant)
    zero = np.int32(io.y.zero_point)
    vectors = Vectors(rows, wraps=True, saturates=not (rows.unsigned and rows.stays))
    found = product_codes(scaled, vectors, zero)
    same = np.array_equal(np.clip(scaled + zero, *limits), np.clip(found, *limits))
    return None if same else vectors


def product_codes(scaled: np.ndarray, vectors: Vectors, zero: np.int32) -> np.ndarray:
    """Return the codes of rescaled products in whole vectors, not clamped yet."""
    narrow = np.clip(scaled, *WORD) if vectors.saturates else scaled
    return vectors.wrapped(narrow + zero)


def _codes(tensor: Tensor) -> np.ndarray:
    return np.arange(tensor.dtype.min, tensor.dtype.max + 1, dtype=np.int32)


def _present(tables: Sequence[np.ndarray], io: Operands) -> list[np.ndarray]:
    """Return what tables hold for the codes that operands can have."""
    return [
        table[np.unique(tensor.array).astype(np.int32) - tensor.dtype.min]
        if tensor.is_constant
        else table
        for table, tensor in zip(tables, io.ins, strict=True)
    ]


def _shifted_before(codes: np.ndarray, requant: Requant) -> np.ndarray:
    """Return terms of int8 codes: those that are moved down are so before they are multiplied."""
    shift = BITS + requant.shift[0]
    moved = codes << shift if shift >= 0 else codes >> -shift
    return requantize(moved, _unshifted(requant))


def _shifted_after(codes: np.ndarray, requant: Requant) -> np.ndarray:
    """Return terms of uint8 codes: the shift behind the product rounds towards minus infinity."""
    return requantize(codes << BITS, _unshifted(requant)) >> np.int32(-requant.shift[0])


def _unshifted(requant: Requant) -> Requant:
    return replace(requant, rounding=Rounding.GEMMLOWP, shift=(0,))
