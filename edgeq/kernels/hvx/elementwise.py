"""HVX rows of operations that work element by element."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.hvx.common import HEADERS, VECTOR, aligned
from edgeq.kernels.linear import LinearSum, Scheme, linear_sum
from edgeq.kernels.portable import ROWS as PORTABLE
from edgeq.kernels.portable.elementwise import (
    clamp,
    elementwise_note,
    flip_facts,
    lookup_facts,
    unit_of,
)
from edgeq.kernels.rescale import rescale_facts
from edgeq.ops.add import HEADROOM, Add
from edgeq.ops.base import Op
from edgeq.ops.requantize import Requantize

SCHEMES = (Scheme((8,), signed=True), Scheme((8, 8), signed=True))
LARGEST_TERM = 255 << HEADROOM
# Functions of one code: those of a table, and those that only move and clamp it.
OF_ONE_CODE = ("portable/lookup_s8", "portable/offset_clamp")


def _adds(op: Add, io: Operands) -> bool:
    """Tell whether a sum has a form here: of terms rescaled in float32, only a linear one."""
    sizes = {tensor.elements for tensor in (*io.ins, io.y)}
    if io.x.dtype is not DType.INT8 or len(sizes) != 1 or io.y.elements < VECTOR:
        return False
    in_floats = op.arithmetic.total.rounding is Rounding.FLOAT32
    return not in_floats or linear_sum(op, io, SCHEMES) is not None


def add_facts(op: Add, io: Operands) -> Facts:
    """Return the facts of a sum: a linear form where one is proven, or else all three roundings."""
    form = linear_sum(op, io, SCHEMES)
    note = elementwise_note(op, io)
    if form is None:
        return replace(_rounded_facts(op, io), note=f"{note}; no linear form holds")
    constants = {"COUNT": io.y.elements, **_digits(form), **clamp(op)}
    note = f"{note}; linear form proven on all pairs of codes"
    return Facts(constants, (), {"digits": len(form.digits)}, None, note)


def _rounded_facts(op: Add, io: Operands) -> Facts:
    """Return the facts of a sum of terms that are rescaled one by one.

    The operand of the larger scale only moves, and so may the other.
    """
    numbers = op.arithmetic
    constants = {"COUNT": io.y.elements}
    flags: dict[str, object] = {"digits": 0}
    for name, tensor, requant in zip(("x0", "x1"), io.ins, numbers.terms, strict=True):
        upper, unit = name.upper(), unit_of(requant)
        constants[f"{upper}_ZERO"] = tensor.zero_point
        constants[f"{upper}_BITS"] = unit.bit_length() - 1 if unit else HEADROOM
        flags[name] = None
        if not unit:
            found = rescale_facts(requant, LARGEST_TERM, 0, -128, 127)
            constants |= {f"{upper}_{key}": value for key, value in found.constants.items()}
            flags[name] = found.flag
    total = rescale_facts(
        numbers.total, 2 * LARGEST_TERM, io.y.zero_point, numbers.low, numbers.high
    )
    constants |= {"Y_ZERO": io.y.zero_point, **clamp(op), **total.constants}
    return Facts(constants, (), {**flags, "rescale": total.flag})


def _digits(form: LinearSum) -> dict[str, int]:
    """Return the digits and what is added to their sums, numbered from the lowest."""
    constants: dict[str, int] = {}
    pairs = zip(reversed(form.digits), reversed(form.constants), strict=True)
    for number, ((first, second), offset) in enumerate(pairs):
        constants |= {f"X0_DIGIT_{number}": first, f"X1_DIGIT_{number}": second}
        if offset:
            constants[f"OFFSET_{number}"] = offset
    return {**constants, "FRACTION": form.fraction}


def shuffled(table: np.ndarray) -> np.ndarray:
    """Return 256 answers as the instruction reads them: of each 128 the halves interleaved.

    >>> shuffled(np.arange(256).astype(np.uint8))[[0, 1, 2, 3, 128, 129]].tolist()
    [0, 64, 1, 65, 128, 192]
    """
    return table.reshape(2, 2, 64).transpose(0, 2, 1).ravel()


def table_facts(op: Op, io: Operands) -> Facts:
    """Return the facts of a function of one 8-bit code, in tables of 32 answers."""
    facts = lookup_facts(op, io)
    found = facts.data[0]
    # Codes are read as numbers without sign.
    table = shuffled(np.roll(found.array, facts.constants["FIRST"]).view(np.uint8))
    return replace(
        facts,
        constants={"COUNT": facts.constants["COUNT"]},
        data=(aligned("table", table, found.comment),),
    )


def _is_of_one_code(op: Op, io: Operands) -> bool:
    rows = (row for row in PORTABLE if row.op is type(op) and row.accepts(op, io))
    row = next(rows, None)
    is_byte = io.x.dtype.bytes == 1
    return row is not None and row.id in OF_ONE_CODE and is_byte and io.y.elements >= VECTOR


def _is_flip(op: Requantize, io: Operands) -> bool:
    return op.is_flip(io) and io.y.elements >= VECTOR


ROWS = (
    Kernel(
        "hvx/add_s8",
        Add,
        add_facts,
        _adds,
        roles=("x0", "x1", "y"),
        in_place=0,
        headers=(*HEADERS, "edgeq_sums_hvx.h", "edgeq_lookup_hvx.h"),
    ),
    Kernel("hvx/flip_sign", Requantize, flip_facts, _is_flip, in_place=0, headers=HEADERS),
    *(
        Kernel(
            "hvx/lookup_8",
            op,
            table_facts,
            _is_of_one_code,
            packed=packed,
            in_place=0,
            headers=(*HEADERS, "edgeq_lookup_hvx.h"),
        )
        for op, packed in dict.fromkeys((r.op, r.packed) for r in PORTABLE if r.id in OF_ONE_CODE)
    ),
)
