"""NEON rows of elementwise operations, 32 and 64 bit."""

from __future__ import annotations

from typing import Any

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.linear import LinearSum, Scheme, linear_sum
from edgeq.kernels.neon.common import HEADERS, neon_requant
from edgeq.kernels.portable.elementwise import elementwise_note, unit_of
from edgeq.ops.add import Add
from edgeq.ops.base import Op

LINEAR_HEADER = "edgeq_linear_neon.h"
VECTOR = 16  # codes
SCHEMES = (Scheme((8,), signed=True), Scheme((8, 8), signed=True))
CENTRED_BITS = 7
"""How far codes less their zero point are shifted up in 16 bits."""


def _same_shape(op: Op, io: Operands) -> bool:
    sizes = {tensor.elements for tensor in (*io.ins, io.y)}
    return io.x.dtype is DType.INT8 and len(sizes) == 1 and io.y.elements >= VECTOR


def _adds(op: Add, io: Operands) -> bool:
    """Tell whether a sum has a form here: of terms rescaled in float32, only a linear one."""
    if not _same_shape(op, io):
        return False
    in_floats = op.arithmetic.total.rounding is Rounding.FLOAT32
    return not in_floats or linear_sum(op, io, SCHEMES) is not None


def add_facts(op: Add, io: Operands) -> Facts:
    """Return the facts of a sum: a linear form where one is proven, or else all three roundings."""
    form = linear_sum(op, io, SCHEMES)
    note = elementwise_note(op, io)
    clamp = {"LOW": op.arithmetic.low, "HIGH": op.arithmetic.high}
    count = {"COUNT": io.y.elements}
    if form is None:
        facts = _rounded_facts(op, io)
        constants = {**count, **facts.constants, **clamp}
        return Facts(constants, (), facts.flags, None, f"{note}; no linear form holds")
    constants = {**count, **_linear_constants(form), **clamp}
    flags = {"digits": len(form.digits)}
    return Facts(constants, (), flags, None, f"{note}; linear form proven on all pairs of codes")


def _linear_constants(form: LinearSum) -> dict[str, int]:
    """Return the digits, numbered 2 for the highest, and what is added to the highest two."""
    offset, more = form.constants[:2]
    digits = {
        f"X{operand}_DIGIT_{2 - level}": pair[operand]
        for operand in (0, 1)
        for level, pair in enumerate(form.digits)
    }
    return {**digits, "MORE": more, "OFFSET": offset, "FRACTION": form.fraction}


def _rounded_facts(op: Add, io: Operands) -> Facts:
    """Return the facts of a sum of terms that are rescaled one by one.

    The operand of the larger scale only moves, and so may the other.
    """
    constants: dict[str, int] = {}
    flags: dict[str, Any] = {}
    for name, tensor, requant in zip(("x0", "x1"), io.ins, op.arithmetic.terms, strict=True):
        upper = name.upper()
        unit = unit_of(requant) >> CENTRED_BITS
        constants[f"{upper}_CENTRE"] = tensor.zero_point << CENTRED_BITS
        flags[name] = bool(unit)
        if unit:
            constants[f"{upper}_UNIT"] = unit
        else:
            constants[f"{upper}_MULTIPLIER"] = requant.multiplier[0]
            constants[f"{upper}_SHIFT"] = requant.shift[0]
    total = neon_requant(op.arithmetic.total, 1)
    constants |= {**total.constants, "Y_ZERO": io.y.zero_point}
    return Facts(constants, (), {"digits": 0, "moves": flags, "requant": total.flag})


ROWS: tuple[Kernel, ...] = (
    Kernel(
        "neon/add_s8",
        Add,
        add_facts,
        _adds,
        roles=("x0", "x1", "y"),
        in_place=0,
        headers=(*HEADERS, LINEAR_HEADER),
    ),
)
