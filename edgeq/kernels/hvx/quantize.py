"""HVX rows between float32 numbers and codes, without such numbers: from their bits.

Quotients are proven on every threshold: the code of a number without its sign grows with its bits,
so that two ways of computing it agree everywhere when they agree on where each code begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.hvx.common import HEADERS, VECTOR, aligned
from edgeq.kernels.hvx.elementwise import shuffled
from edgeq.kernels.portable.conversion import dequantize_facts, quantize_facts
from edgeq.ops._float_codes import LIMIT
from edgeq.ops.dequantize import Dequantize
from edgeq.ops.quantize import Quantize

INFINITY = 0x7F800000
SMALLEST = 1 << 23  # bits of the first number with a whole significand
NEIGHBOURS = sorted(range(-6, 7), key=abs)
"""Which factors beside that of 1 / scale are tried."""
MOST_MENDS = 4
Bits = np.ndarray


@dataclass(frozen=True, slots=True)
class Division:
    """Numbers of ``edgeq_quotients_s32x32``, and what numbers of some bits have too much or little.

    ``mends`` are (bits, change) of twice the quotient.
    """

    factor: int
    start: int
    nearest: bool
    least: int
    mends: tuple[tuple[int, int], ...]

    def codes(self, bits: Bits) -> Bits:
        """Return the codes of numbers without sign, from ``least`` on, without ``mends``."""
        significand = ((bits & (SMALLEST - 1)) | SMALLEST) << 7
        product = (significand * self.factor + (1 << 30 if self.nearest else 0)) >> 31
        total = product + 32 + (product >> 25 & 32)
        shift = np.maximum(self.start - (bits >> 23), 20)
        return ((total >> shift) + 1) >> 1


@lru_cache(maxsize=64)
def division(scale: float, reach: int) -> Division | None:
    """Return the numbers that give codes 0..``reach`` of quotients by ``scale``, or ``None``."""
    wanted = np.arange(1, reach + 1)
    begins = _begins(lambda bits: _reference(bits, scale), wanted, 0)
    if begins[0] <= SMALLEST or begins[-1] >= INFINITY:
        return None
    fraction, exponent = np.frexp(1 / np.float64(np.float32(scale)))
    near, start = round(float(fraction) * 2**31), 156 - int(exponent)
    best: Division | None = None
    for factor in (near + step for step in NEIGHBOURS):
        for nearest in (False, True):
            if not 1 << 30 <= factor < 1 << 31:
                continue
            tried = Division(factor, start, nearest, int(begins[0]), ())
            found = _mended(tried, wanted, begins)
            if found is not None and (best is None or len(found.mends) < len(best.mends)):
                best = found
        if best is not None and not best.mends:
            break
    return best


def _reference(bits: Bits, scale: float) -> Bits:
    """Return what ``edgeq.ops.quantize`` rounds numbers without sign to."""
    with np.errstate(over="ignore"):
        quotient = np.minimum(bits.astype(np.uint32).view(np.float32) / np.float32(scale), LIMIT)
    whole = np.trunc(quotient)
    return whole.astype(np.int64) + (quotient - whole >= 0.5)


def _begins(codes: Callable[[Bits], Bits], wanted: Bits, below: int) -> Bits:
    """Return the first bits of each code, or of a larger one, after ``below``."""
    low, high = np.full(len(wanted), below), np.full(len(wanted), INFINITY)
    while (high - low > 1).any():
        middle = (low + high) >> 1
        reached = codes(middle) >= wanted
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return high


def _mended(tried: Division, wanted: Bits, begins: Bits) -> Division | None:
    """Return a division that is right everywhere, or ``None`` when too many codes are wrong."""
    found = _begins(tried.codes, wanted[1:], tried.least - 1)
    mends = []
    for here, there in zip(found.tolist(), begins[1:].tolist(), strict=True):
        # Codes that begin early are taken back, late ones brought forward: twice the quotient.
        mends += [(bits, -2) for bits in range(here, there)]
        mends += [(bits, 2) for bits in range(there, here)]
        if len(mends) > MOST_MENDS:
            return None
    return Division(tried.factor, tried.start, tried.nearest, tried.least, tuple(mends))


def _division(op: Quantize, io: Operands) -> Division | None:
    zero = io.y.zero_point
    return division(op.arithmetic.scale, max(127 - zero, zero + 128))


def integer_facts(op: Quantize, io: Operands) -> Facts:
    """Return the facts of a division in integers."""
    found = _division(op, io)
    if found is None:  # such layers are not accepted
        return Facts()
    constants = {
        "COUNT": io.y.elements,
        "Y_ZERO": io.y.zero_point,
        "FACTOR": found.factor,
        "START": found.start,
        "NEAREST": int(found.nearest),
        "LEAST": found.least,
    }
    for number, (bits, change) in enumerate(found.mends):
        constants |= {f"MEND{number}": bits, f"CHANGE{number}": change}
    note = f"{quantize_facts(op, io).note}; proven on all numbers"
    return Facts(constants, (), {"mends": tuple(range(len(found.mends)))}, None, note)


def _divides(op: Quantize, io: Operands) -> bool:
    fits = io.y.dtype is DType.INT8 and io.y.elements >= VECTOR and not op.arithmetic.half_even
    return fits and _division(op, io) is not None


def table_facts(op: Dequantize, io: Operands) -> Facts:
    """Return the facts of 256 numbers, in tables of one of their bytes each."""
    codes = np.arange(256).astype(np.uint8).view(np.int8)
    numbers = op.evaluate(io, [codes])[0].astype("<f4").view(np.uint8).reshape(-1, 4)
    tables = np.concatenate([shuffled(numbers[:, i].copy()) for i in range(4)])
    data = (aligned("table", tables, "the number of each code, a table for each byte"),)
    return Facts({"COUNT": io.y.elements}, data, {}, None, dequantize_facts(op, io).note)


def _tables(op: Dequantize, io: Operands) -> bool:
    one_scale = io.x.quant is not None and not io.x.quant.per_channel
    return io.x.dtype is DType.INT8 and one_scale and io.y.elements >= VECTOR


ROWS = (
    Kernel(
        "hvx/dequantize_s8",
        Dequantize,
        table_facts,
        _tables,
        headers=(*HEADERS, "edgeq_lookup_hvx.h"),
    ),
    Kernel(
        "hvx/quantize_s8",
        Quantize,
        integer_facts,
        _divides,
        headers=(*HEADERS, "edgeq_quantize_hvx.h"),
    ),
)
