"""Sum of two arrays of codes, as ONNX Runtime's QLinearAdd rounds it.

ONNX Runtime adds in float32. Each operand has 256 codes, so all sums are known: two tables of
terms in fixed point, whose sum is rounded half to even, mostly give the same 65,536 answers. That
is checked for each layer, not assumed; a layer where none do, as happens where the scales have a
simple ratio and float32 makes ties of what is none, adds in floating point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import Shape
from edgeq.numerics import onnx
from edgeq.ops._elementwise import broadcast_shape, check_int8
from edgeq.ops.base import Arrays, Op, register

CODES = np.arange(-128, 128)

Scales = tuple[float, float, float]
Zeros = tuple[int, int, int]

_REPAIRS = 64
_LARGEST = 2.0**29  # of a term: two and a rounding fit int32


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """Finished numbers: ``clamp(round_half_even((first[a] + second[b]) / 2**bits))``.

    Terms of codes from -128 on, as int32; the zero points are in the second.
    """

    first: np.ndarray
    second: np.ndarray
    bits: int

    def answers(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return the codes of two arrays of terms that broadcast."""
        total = first + second
        half = (1 << (self.bits - 1)) - 1
        rounded = (total + half + ((total >> self.bits) & 1)) >> self.bits
        return np.clip(rounded, -128, 127)


@dataclass(frozen=True, slots=True, eq=False)
class RealTerms:
    """Finished numbers: ``clamp(round_half_even(float32(a * factor + second[b])))``.

    Of codes from -128 on; the product and nearly every sum are exact in float64.
    """

    factor: float
    second: np.ndarray
    origin: int

    def answers(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return the codes of two arrays of terms that broadcast."""
        real = (first + second.astype(np.float64)).astype(np.float32)
        return onnx.rounded(real, (self.origin - 128, self.origin + 127)) - self.origin

    @property
    def first(self) -> np.ndarray:
        """Return the term of each code of the first operand, as float64."""
        terms: np.ndarray = (CODES + self.origin) * np.float64(self.factor)
        return terms


@dataclass(frozen=True, slots=True, eq=False)
class FloatTerms:
    """Finished numbers: ``clamp(round_half_even((first[a] + second[b]) / scale) + zero)``.

    Of codes from -128 on, every step in float32: DequantizeLinear, Add and QuantizeLinear.
    """

    first: np.ndarray
    second: np.ndarray
    scale: float
    zero: int

    def answers(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return the codes of two arrays of terms that broadcast."""
        return onnx.quantized(first + second, self.scale, self.zero, (-128, 127))


@register("qlinear_add")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QLinearAdd(Op):
    """Inputs: two int8 arrays that broadcast as in NumPy. Output: their sum; no profile changes it.

    Which operand comes first decides where float32 rounds. ``origin`` is what has been taken from
    the codes that the rule is stated in: 128 where they were uint8. Without ``fused`` the rule is
    that of an Add between DequantizeLinear and QuantizeLinear.
    """

    origin: int = 0
    fused: bool = True

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` when types do not fit."""
        check_int8(self, io, 2, self.origin)

    def shapes(self, io: Operands) -> tuple[Shape, ...]:
        """Return the common shape."""
        return (broadcast_shape(self, io),)

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the terms; raise ``QuantizationError`` where a factor leaves float32."""
        a, b, y = (*io.ins, io.y)
        scales = (a.scale, b.scale, y.scale)
        zeros = (a.zero_point, b.zero_point, y.zero_point)
        found = self._fused(scales, zeros) if self.fused else _unfused(scales, zeros)
        if not (np.isfinite(found.first).all() and np.isfinite(found.second).all()):
            raise QuantizationError(
                f"a sum of scales {scales} leaves float32", where=self.source or self.KIND
            )
        return self.with_arithmetic(_terms(scales, zeros, found) or found)

    def _fused(self, scales: Scales, zeros: Zeros) -> RealTerms:
        stated = (zeros[0] + self.origin, zeros[1] + self.origin, zeros[2] + self.origin)
        factor, second = onnx.sum_parts(scales, stated, CODES + self.origin)
        return RealTerms(float(factor), second, self.origin)

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Compute in integers."""
        terms: Terms | RealTerms | FloatTerms = self.arithmetic
        first = terms.first[arrays[0].astype(np.intp) + 128]
        second = terms.second[arrays[1].astype(np.intp) + 128]
        return (terms.answers(first, second).astype(np.int8),)


def _unfused(scales: Scales, zeros: Zeros) -> FloatTerms:
    first, second = (onnx.dequantized(CODES, scales[i], zeros[i]) for i in range(2))
    return FloatTerms(first, second, float(np.float32(scales[2])), zeros[2])


def _terms(scales: Scales, zeros: Zeros, reals: RealTerms | FloatTerms) -> Terms | None:
    """Return integer terms that give every sum of two codes, ``None`` when none were found."""
    wanted = reals.answers(reals.first[:, None], reals.second[None, :])
    sa, sb, total = (np.float64(np.float32(scale)) for scale in scales)
    with np.errstate(all="ignore"):
        first = (CODES - zeros[0]) * (sa / total)
        second = (CODES - zeros[1]) * (sb / total) + zeros[2]
    largest = max(np.abs(first).max(), np.abs(second).max(), 1.0)
    bits = min(int(np.floor(np.log2(_LARGEST / largest))), 20) if np.isfinite(largest) else 0
    if bits < 1:
        return None
    a, b = (np.rint(np.ldexp(term, bits)).astype(np.int32) for term in (first, second))
    return _repaired(Terms(a, b, bits), wanted)


def _repaired(terms: Terms, wanted: np.ndarray) -> Terms | None:
    """Move single terms by what the sums that come out wrong lack.

    Float32 rounds a sum that is very near a tie to the tie; few of the 65,536 are.
    """
    for _ in range(_REPAIRS):
        found = terms.answers(terms.first[:, None], terms.second[None, :])
        wrong = np.argwhere(found != wanted)
        if not wrong.size:
            return terms
        a, b = (int(place) for place in wrong[0])
        lack = _lack(terms, a, b, int(wanted[a, b]), bool(found[a, b] < wanted[a, b]))
        rows, columns = terms.first.copy(), terms.second.copy()
        rows[a] += lack
        columns[b] += lack
        row = terms.answers(rows[a], terms.second) != wanted[a]
        column = terms.answers(terms.first, columns[b]) != wanted[:, b]
        by_row = np.count_nonzero(row) - np.count_nonzero(found[a] != wanted[a])
        by_column = np.count_nonzero(column) - np.count_nonzero(found[:, b] != wanted[:, b])
        if by_row <= by_column:
            terms = Terms(rows, terms.second, terms.bits)
        else:
            terms = Terms(terms.first, columns, terms.bits)
    return None


def _lack(terms: Terms, a: int, b: int, code: int, below: bool) -> int:
    """Return the least that makes the sum of codes ``a`` and ``b`` round to ``code``."""
    half, odd = 1 << (terms.bits - 1), code & 1
    edge = (code << terms.bits) + (odd - half if below else half - odd)
    return edge - int(terms.first[a]) - int(terms.second[b])
