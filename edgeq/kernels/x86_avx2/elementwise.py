"""AVX2 rows of elementwise operations."""

from __future__ import annotations

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.linear import LinearSum, Scheme, linear_sum
from edgeq.kernels.portable.elementwise import elementwise_note
from edgeq.ops.add import Add

HEADERS = ("edgeq_vectors_avx2.h",)
VECTOR = 32  # codes
DIGIT_BITS = 7
SCHEMES = tuple(Scheme((DIGIT_BITS,) * count, signed=False) for count in (1, 2, 3))


def _is_linear(op: Add, io: Operands) -> bool:
    sizes = {tensor.elements for tensor in (*io.ins, io.y)}
    fits = io.x.dtype is DType.INT8 and len(sizes) == 1 and io.y.elements >= VECTOR
    return fits and linear_sum(op, io, SCHEMES) is not None


def add_facts(op: Add, io: Operands) -> Facts:
    """Return the facts of a sum that is a linear form."""
    form = linear_sum(op, io, SCHEMES)
    digits = _digits(form) if form is not None else {}
    constants = {
        "COUNT": io.y.elements,
        **digits,
        "LOW": op.arithmetic.low,
        "HIGH": op.arithmetic.high,
    }
    note = f"{elementwise_note(op, io)}; linear form proven on all pairs of codes"
    return Facts(constants, (), {"digits": len(form.digits) if form else 0}, None, note)


def _digits(form: LinearSum) -> dict[str, int]:
    """Return the digits and what is added to their sums, numbered from the lowest."""
    constants: dict[str, int] = {}
    pairs = zip(reversed(form.digits), reversed(form.constants), strict=True)
    for number, ((first, second), offset) in enumerate(pairs):
        constants |= {f"X0_DIGIT_{number}": first, f"X1_DIGIT_{number}": second}
        if offset:
            constants[f"OFFSET_{number}"] = offset
    return {**constants, "FRACTION": form.fraction}


ROWS = (
    Kernel(
        "x86_avx2/add_s8",
        Add,
        add_facts,
        _is_linear,
        roles=("x0", "x1", "y"),
        in_place=0,
        headers=HEADERS,
    ),
)
