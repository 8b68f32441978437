"""Functions of one int16 code on lines between 513 values, as LiteRT fills and reads such tables.

Every step is float32, so that the values are LiteRT's; neighbours are 128 codes apart. Lines that
rise or fall by more than half the range wrap, as LiteRT's do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.ops._elementwise import CODES
from edgeq.ops._lookup import Lookup, RealFunction, with_float32_table
from edgeq.ops.base import Arrays, Op

STEPS = 512
_LOW, _HIGH = np.float32(-32768), np.float32(32767)


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Finished numbers of int16 codes: the 513 values that the lines join."""

    values: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve(Lookup):
    """A function by a table of all 8-bit codes, or by lines between some 16-bit ones."""

    CODES: ClassVar[tuple[DType, ...]] = CODES

    def evaluate(self, io: Operands, arrays: Arrays) -> tuple[np.ndarray, ...]:
        """Look every code up."""
        if isinstance(self.arithmetic, Lines):
            return (_on_lines(arrays[0], self.arithmetic.values),)
        return Lookup.evaluate(self, io, arrays)


def with_curve(op: Lookup, io: Operands, function: RealFunction) -> Op:
    """Return ``op`` with a table or lines of ``function``, which takes float64, returns float32."""
    fill = with_lines if io.x.dtype is DType.INT16 else with_float32_table
    return fill(op, io, function)


def with_lines(op: Lookup, io: Operands, function: RealFunction) -> Op:
    """Return ``op`` with values of ``function``, which takes float64 and returns float32.

    Each value but the last is moved by half of what the line to the next is off in the middle.
    """
    narrow = np.float32
    with np.errstate(all="ignore"):
        first, last = (narrow(io.x.scale) * end for end in (_LOW, _HIGH))
        step = (last - first) / narrow(STEPS)
        ends = [narrow(io.y.scale) * end for end in (_LOW, _HIGH)]
        factor = narrow(65536) / (ends[1] - ends[0])
        places = np.arange(STEPS + 1).astype(narrow)
        real = function((first + places * step).astype(np.float64)) * factor
        middle = function((first + places[:-1] * step + step / narrow(2)).astype(np.float64))
        here = _rounded(real[:-1])
        off = _rounded((real[1:] + here) / narrow(2)) - _rounded(middle * factor)
        final = _rounded(function(np.array([last], np.float64)) * factor)
        found = np.concatenate((here - _rounded(off / narrow(2)), final))
        # What is no number any more became 0 in LiteRT.
        values = np.nan_to_num(np.clip(found, _LOW, _HIGH), nan=0.0).astype(np.int16)
    values.flags.writeable = False
    return op.with_arithmetic(Lines(values))


def _rounded(x: np.ndarray) -> np.ndarray:
    away = np.floor(np.abs(x.astype(np.float64)) + 0.5)
    return np.copysign(away, x).astype(np.float32)


def _on_lines(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    place = codes.astype(np.int32)
    entry = 256 + (place >> 7)
    start = values[entry].astype(np.int32)
    slope = (values[entry + 1].astype(np.int32) - start).astype(np.int16).astype(np.int32)
    return np.asarray(start + ((slope * (place & 127) + 64) >> 7)).astype(np.int16)
