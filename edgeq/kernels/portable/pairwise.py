"""Portable rows of operations on pairs of elements that have no faster rows elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Requant
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable._broadcast import loop_constants, loops
from edgeq.kernels.portable.convolution import s8, s16
from edgeq.kernels.portable.elementwise import (
    clamp,
    elementwise_note,
    lookup_facts,
    loop_flags,
    operand_zeros,
    term_facts,
    zeros,
)
from edgeq.kernels.requant import requant_facts
from edgeq.ops import compare, squared_difference
from edgeq.ops._elementwise import BYTES
from edgeq.ops.add import headroom
from edgeq.ops.base import Op
from edgeq.ops.compare import Compare, Relation
from edgeq.ops.div import ENDLESS, Div
from edgeq.ops.integer import Calculation, Integer
from edgeq.ops.maximum import Maximum
from edgeq.ops.minimum import Minimum
from edgeq.ops.prelu import Prelu
from edgeq.ops.select import Select
from edgeq.ops.squared_difference import SquaredDifference
from edgeq.ops.sub import Sub
from edgeq.plan.program import Data

_OPERATORS: Mapping[Relation, str] = {
    Relation.EQUAL: "==",
    Relation.NOT_EQUAL: "!=",
    Relation.LESS: "<",
    Relation.LESS_EQUAL: "<=",
    Relation.GREATER: ">",
    Relation.GREATER_EQUAL: ">=",
}


def _pairs(op: Op, io: Operands, *parts: Facts, **flags: Any) -> Facts:
    """Return the facts of the loops over two operands, joined with those of the arithmetic."""
    found = loops(io.ins[0].shape, io.ins[1].shape, io.y.shape)
    constants = loop_constants(found)
    data = tuple(item for part in parts for item in part.data)
    flags.update(loop_flags(found))
    for part in parts:
        constants.update(part.constants)
        flags.update(part.flags)
    return Facts(constants, data, flags, None, elementwise_note(op, io))


def rescalings(**requants: Requant) -> Facts:
    """Return the facts of several requantizers; ``total`` needs no prefix in the template."""
    constants: dict[str, int] = {}
    flags: dict[str, Any] = {}
    data: list[Data] = []
    for name, requant in requants.items():
        prefix = "" if name == "total" else f"{name}_"
        found = requant_facts(requant, prefix)
        constants.update(found.constants)
        flags[f"{prefix}requant"] = found.flag
        data += found.data
    return Facts(constants, tuple(data), flags)


def _bounds(op: Op, io: Operands) -> Facts:
    return Facts({**zeros(io), **clamp(op)})


def sub_facts(op: Sub, io: Operands) -> Facts:
    """Return the facts of a difference."""
    terms = Facts(*term_facts(op.arithmetic.terms, headroom(io.x)))
    return _pairs(op, io, _bounds(op, io), terms, rescalings(total=op.arithmetic.total))


def squared_difference_facts(op: SquaredDifference, io: Operands) -> Facts:
    """Return the facts of the square of a difference."""
    first, second = op.arithmetic.terms
    numbers = rescalings(x0=first, x1=second, total=op.arithmetic.total)
    unit = Facts({"UNIT": 1 << squared_difference.HEADROOM})
    return _pairs(op, io, _bounds(op, io), unit, numbers)


def div_facts(op: Div, io: Operands) -> Facts:
    """Return the facts of a quotient."""
    numbers = op.arithmetic
    constants = {"MULTIPLIER": numbers.multiplier, "SHIFT": numbers.shift, "ENDLESS": ENDLESS}
    return _pairs(op, io, _bounds(op, io), Facts(constants))


def prelu_facts(op: Prelu, io: Operands) -> Facts:
    """Return the facts of a rectified linear unit with learned slopes."""
    numbers = rescalings(positive=op.arithmetic.positive, negative=op.arithmetic.negative)
    return _pairs(op, io, _bounds(op, io), numbers)


def plain_facts(op: Minimum | Maximum, io: Operands) -> Facts:
    """Return the facts of an operation on elements as they are."""
    return _pairs(op, io)


def compare_facts(op: Compare, io: Operands) -> Facts:
    """Return the facts of a comparison of elements as they are."""
    return _pairs(op, io, operator=_OPERATORS[op.relation])


def compare_codes_facts(op: Compare, io: Operands) -> Facts:
    """Return the facts of a comparison of what codes stand for."""
    first, second = op.arithmetic
    constants = {"UNIT": 1 << compare.HEADROOM, **operand_zeros(io)}
    numbers = rescalings(x0=first, x1=second)
    return _pairs(op, io, Facts(constants), numbers, operator=_OPERATORS[op.relation])


_SIGNS: Mapping[Calculation, str] = {
    Calculation.ADD: "+",
    Calculation.SUBTRACT: "-",
    Calculation.MULTIPLY: "*",
}


def integer_facts(op: Integer, io: Operands) -> Facts:
    """Return the facts of a sum, product or quotient of whole numbers."""
    unsigned = "uint64_t" if io.x.dtype is DType.INT64 else "uint32_t"
    sign, rest = _SIGNS.get(op.calculation, ""), op.calculation is Calculation.FLOOR_MOD
    return _pairs(op, io, operator=sign, unsigned=unsigned, rest=rest)


def select_facts(op: Select, io: Operands) -> Facts:
    """Return the facts of a choice."""
    return Facts({"COUNT": io.y.elements}, note=elementwise_note(op, io))


def _codes(op: Compare, io: Operands) -> bool:
    return op.arithmetic is not None


def _scalar(op: Op, io: Operands) -> bool:
    """Accept 8-bit codes beside one constant element; commutative operations have that second."""
    x, constant = io.ins
    return x.dtype in BYTES and constant.is_constant and constant.elements == 1


def _scalar_first(op: Op, io: Operands) -> bool:
    return _scalar(op, Operands(io.ins[::-1], io.outs))


def _rows(op: type[Op], *rows: tuple[str, Any, Any]) -> tuple[Kernel, ...]:
    """Return rows of one operation: by table beside one constant element, then ``rows``."""
    table, roles = "portable/lookup_s8", ("x0", "x1", "y")
    return (
        Kernel(table, op, lookup_facts, _scalar, packed=(1,)),
        *(Kernel(name, op, facts, accepts, roles=roles) for name, facts, accepts in rows),
    )


def _any(op: Op, io: Operands) -> bool:
    return True


ROWS = (
    *_rows(Sub, ("portable/sub_s8", sub_facts, s8), ("portable/sub_s16", sub_facts, s16)),
    *_rows(SquaredDifference, ("portable/squared_difference_s8", squared_difference_facts, s8)),
    Kernel("portable/lookup_s8", Div, lookup_facts, _scalar_first, packed=(0,)),
    *_rows(Div, ("portable/div_s8", div_facts, s8), ("portable/div_s16", div_facts, s16)),
    *_rows(Prelu, ("portable/prelu_s8", prelu_facts, s8)),
    *_rows(Minimum, ("portable/minimum", plain_facts, _any)),
    *_rows(Maximum, ("portable/maximum", plain_facts, _any)),
    *_rows(
        Compare,
        ("portable/compare_codes", compare_codes_facts, _codes),
        ("portable/compare", compare_facts, _any),
    ),
    Kernel("portable/integer", Integer, integer_facts, roles=("x0", "x1", "y")),
    Kernel("portable/select", Select, select_facts, roles=("which", "x", "z", "y")),
)
