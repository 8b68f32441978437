"""Portable rows of functions that LiteRT fills tables of, on 8-bit and on int16 codes."""

from __future__ import annotations

from edgeq.ir.graph import Operands
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable.convolution import s16
from edgeq.kernels.portable.elementwise import elementwise_note, lookup_facts
from edgeq.ops._elementwise import BYTES
from edgeq.ops._lines import Curve
from edgeq.ops.base import Op
from edgeq.ops.exp import Exp
from edgeq.ops.gelu import Gelu
from edgeq.ops.log import Log
from edgeq.ops.rsqrt import Rsqrt
from edgeq.ops.sqrt import Sqrt
from edgeq.plan.program import Data


def lines_facts(op: Curve, io: Operands) -> Facts:
    """Return the facts of a function on lines."""
    values = Data("lines", op.arithmetic.values, f"{op.KIND}: values 128 codes apart")
    return Facts({"COUNT": io.y.elements}, (values,), {}, None, elementwise_note(op, io))


def _bytes(op: Op, io: Operands) -> bool:
    return io.x.dtype in BYTES


ROWS = (
    *(
        Kernel("portable/lookup_s8", op, lookup_facts, _bytes, in_place=0)
        for op in (Exp, Log, Rsqrt, Sqrt)
    ),
    *(
        Kernel("portable/lines_s16", op, lines_facts, s16, in_place=0)
        for op in (Exp, Gelu, Log, Rsqrt)
    ),
)
