"""Any function of one int8 code: the file's own float32 function, worked out for all 256 codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.profiles import Numerics
from edgeq.ir.types import DType
from edgeq.ops._lookup import Lookup
from edgeq.ops.base import Op, register, require


@register("table")
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table(Lookup):
    """Input and output: int8 codes of the same shape.

    ``codes[i]`` is the answer to code ``i - 128``; no profile changes it.
    """

    codes: tuple[int, ...]

    def check(self, io: Operands) -> None:
        """Raise ``ModelError`` unless there are 256 int8 answers and int8 operands."""
        Lookup.check(self, io)
        int8 = io.x.dtype is DType.INT8
        require(self, int8, f"input is {io.x.dtype.value}, expected int8")
        require(self, len(self.codes) == 256, f"{len(self.codes)} codes, expected 256")
        inside = all(-128 <= code <= 127 for code in self.codes)
        require(self, inside, "a code is outside int8")

    def lower(self, io: Operands, numerics: Numerics) -> Op:
        """Fill in the table."""
        table = np.array(self.codes, np.int8)
        table.flags.writeable = False
        return self.with_arithmetic(table)
