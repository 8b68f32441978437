"""NEON rows of sums and products, 32 and 64 bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType
from edgeq.kernels.affine import affine_form
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.linear import LinearSum, Scheme, linear_sum
from edgeq.kernels.neon.common import HEADERS, neon_requant
from edgeq.kernels.portable.elementwise import clamp, elementwise_note, unit_of, zeros
from edgeq.ops._elementwise import centred
from edgeq.ops.add import Add
from edgeq.ops.base import Op
from edgeq.ops.mul import Mul
from edgeq.plan.program import Data

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
    count = {"COUNT": io.y.elements}
    if form is None:
        facts = _rounded_facts(op, io)
        constants = {**count, **facts.constants, **clamp(op)}
        return Facts(constants, (), facts.flags, None, f"{note}; no linear form holds")
    constants = {**count, **_linear_constants(form), **clamp(op)}
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


# ---- A constant for each channel ----------------------------------------------------------


def _whole_channels(op: Op, io: Operands) -> bool:
    """Tell whether the second input is a constant for each of whole vectors of channels."""
    x0, x1 = io.ins
    shaped = io.y.shape != () and x1.shape[-1:] == io.y.shape[-1:] == (x1.elements,)
    fits = io.x.dtype is DType.INT8 and x1.is_constant and x0.elements == io.y.elements
    return fits and shaped and x1.elements % VECTOR == 0


def _adds_channels(op: Add, io: Operands) -> bool:
    return _whole_channels(op, io) and affine_form(op, io, -128) is not None


def channel_sum_facts(op: Add, io: Operands) -> Facts:
    """Return the facts of a sum with a constant for each channel, as affine forms."""
    form = affine_form(op, io, -128)
    constants = {"COUNT": io.y.elements, "CHANNELS": io.y.shape[-1], **clamp(op)}
    data: tuple[Data, ...] = ()
    if form is not None:
        constants["FRACTION"] = form.fraction
        names = ("highest", "middle", "lowest") if len(form.digits) == 3 else ("highest", "lowest")
        digits = zip(names, form.digits, strict=True)
        data = (
            *(Data(name, array, f"{name} digits of the factors") for name, array in digits),
            Data("offset", form.constants[0], "what the highest products are added to"),
            Data("more", form.constants[1], "what is added to the products below"),
        )
    note = f"{elementwise_note(op, io)}; affine forms proven on all codes"
    return Facts(constants, data, {}, None, note)


def product_facts(op: Mul, io: Operands) -> Facts:
    """Return the facts of a product of two arrays of one shape."""
    requant = neon_requant(op.arithmetic.requant, 1)
    constants = {"COUNT": io.y.elements, **zeros(io), **requant.constants, **clamp(op)}
    flags = {"requant": requant.flag}
    return Facts(constants, requant.data, flags, None, elementwise_note(op, io))


def channel_product_facts(op: Mul, io: Operands) -> Facts:
    """Return the facts of a product with a constant for each channel."""
    facts = product_facts(op, io)
    constants = {name: value for name, value in facts.constants.items() if name != "X1_ZERO"}
    second = io.ins[1]
    ready = centred(second.array, second).astype(np.int16).reshape(-1)
    data = (*facts.data, Data("ready", ready, "second operand less its zero point"))
    constants = {"CHANNELS": io.y.shape[-1], **constants}
    return Facts(constants, data, facts.flags, None, facts.note)


PAIR = ("x0", "x1", "y")
LINEAR = (*HEADERS, LINEAR_HEADER)

ROWS: tuple[Kernel, ...] = (
    Kernel(
        "neon/add_s8",
        Add,
        add_facts,
        _adds,
        roles=PAIR,
        in_place=0,
        headers=LINEAR,
        fixed=("FRACTION",),
    ),
    Kernel(
        "neon/affine_s8",
        Add,
        channel_sum_facts,
        _adds_channels,
        packed=(1,),
        in_place=0,
        headers=LINEAR,
        fixed=("FRACTION",),
    ),
    Kernel(
        "neon/mul_channels_s8",
        Mul,
        channel_product_facts,
        _whole_channels,
        packed=(1,),
        in_place=0,
        headers=HEADERS,
    ),
    Kernel("neon/mul_s8", Mul, product_facts, _same_shape, roles=PAIR, in_place=0, headers=HEADERS),
)
