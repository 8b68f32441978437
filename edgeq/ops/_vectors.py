"""Sums as LiteRT's builtin kernels form them in vectors (``runtime/NUMERICS.md``, 5).

Scalar code, which takes what is left behind the last whole vector, rounds as the reference does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeq.ir.quant import Requant, Rounding
from edgeq.numerics import requantize

BITS = 20
"""How far codes are moved up before they are rescaled."""
SIGNED_VECTOR, UNSIGNED_VECTOR = 16, 8
"""Codes that a kernel takes at once, of int8 and of uint8."""
MIDDLE = 128


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """The first ``count`` sums: the rescaled term of each code of either operand, from -128 on.

    With ``wraps`` the code of the output wraps at 16 bits before it is clamped; ``moved`` is what
    has been taken from that code when uint8 became int8.
    """

    count: int
    terms: tuple[np.ndarray, np.ndarray]
    wraps: bool
    moved: int

    def wrapped(self, codes: np.ndarray) -> np.ndarray:
        """Return codes of the output that are not clamped yet, wrapped where they do."""
        return wrapped(codes, self.moved) if self.wraps else codes


def wrapped(codes: np.ndarray, moved: int) -> np.ndarray:
    """Return int32 ``codes`` whose lowest 16 bits, ``moved`` up, are those of an int16 number."""
    return ((codes + (32768 + moved)) & 65535) - (32768 + moved)


def sum_vectors(
    terms: tuple[Requant, Requant],
    total: Requant,
    zeros: Sequence[int],
    limits: tuple[int, int],
    elements: int,
    unsigned: bool,
) -> Vectors | None:
    """Return how whole vectors of int8 codes are added, or ``None`` where no sum differs.

    ``zeros`` are the zero points of both operands and the output, ``limits`` the output's clamp,
    ``unsigned`` says that the codes have been uint8.
    """
    vector = UNSIGNED_VECTOR if unsigned else SIGNED_VECTOR
    count = elements - elements % vector
    if not count:
        return None
    term = _shifted_after if unsigned else _shifted_before
    codes = [np.arange(-128, 128, dtype=np.int32) - np.int32(zero) for zero in zeros[:2]]
    tables = [term(*pair) for pair in zip(codes, terms, strict=True)]
    plain = [requantize(x << BITS, each) for x, each in zip(codes, terms, strict=True)]
    wanted, found = (
        requantize(np.add.outer(*each), total) + np.int32(zeros[2]) for each in (plain, tables)
    )
    moved = MIDDLE if unsigned else 0
    around = wrapped(found, moved)
    if np.array_equal(np.clip(wanted, *limits), np.clip(around, *limits)):
        return None
    return Vectors(count, (tables[0], tables[1]), not np.array_equal(around, found), moved)


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
