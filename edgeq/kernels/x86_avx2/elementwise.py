"""AVX2 rows of sums and products."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.affine import affine_form
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.linear import LinearSum, Scheme, linear_sum
from edgeq.kernels.portable.elementwise import clamp, elementwise_note, zeros
from edgeq.kernels.requant import requant_facts
from edgeq.kernels.x86_avx2.common import HEADERS as FIXED_HEADERS
from edgeq.ops._elementwise import centred
from edgeq.ops.add import Add
from edgeq.ops.base import Op
from edgeq.ops.mul import Mul
from edgeq.plan.program import Data

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
        **clamp(op),
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


# ---- A constant for each channel, and products --------------------------------------------


def _whole_channels(op: Op, io: Operands, vector: int) -> bool:
    """Tell whether the second input is a constant for each of whole vectors of channels."""
    x0, x1 = io.ins
    shaped = io.y.shape != () and x1.shape[-1:] == io.y.shape[-1:] == (x1.elements,)
    fits = io.x.dtype is DType.INT8 and x1.is_constant and x0.elements == io.y.elements
    return fits and shaped and x1.elements % vector == 0


def _adds_channels(op: Add, io: Operands) -> bool:
    return _whole_channels(op, io, VECTOR) and affine_form(op, io, 0) is not None


def channel_sum_facts(op: Add, io: Operands) -> Facts:
    """Return the facts of a sum with a constant for each channel, as affine forms."""
    form = affine_form(op, io, 0)
    constants = {"COUNT": io.y.elements, "CHANNELS": io.y.shape[-1], **clamp(op)}
    data: tuple[Data, ...] = ()
    if form is not None:
        constants["FRACTION"] = form.fraction
        names = ("highest", "middle", "lowest") if len(form.digits) == 3 else ("highest", "lowest")
        digits = zip(names, form.digits, strict=True)
        data = (
            *(Data(name, _digit_lanes(a), f"{name} digits of the factors") for name, a in digits),
            Data("offset", _lanes(form.constants[0]), "what the highest products are added to"),
            Data("more", _lanes(form.constants[1]), "what is added to the products below"),
        )
    note = f"{elementwise_note(op, io)}; affine forms proven on all codes"
    return Facts(constants, data, {}, None, note)


def _lanes(values: np.ndarray) -> np.ndarray:
    """Return numbers of 16 bits as bytes: of each 32 channels the even ones, then the odd ones."""
    pairs = values.astype("<i2").reshape(-1, VECTOR // 2, 2).transpose(0, 2, 1)
    return np.ascontiguousarray(pairs).view(np.int8).ravel()


def _digit_lanes(digits: np.ndarray) -> np.ndarray:
    """Return digits in the same order, each in the byte of its channel's code."""
    wide = digits.astype(np.int32)
    return _lanes(np.where(np.arange(len(wide)) % 2, wide << 8, wide & 255))


def _multiplies(op: Mul, io: Operands) -> bool:
    sizes = {tensor.elements for tensor in (*io.ins, io.y)}
    return io.x.dtype is DType.INT8 and len(sizes) == 1 and io.y.elements >= VECTOR // 2


def product_facts(op: Mul, io: Operands) -> Facts:
    """Return the facts of a product of two arrays of one shape."""
    requant = requant_facts(op.arithmetic.requant)
    constants = {"COUNT": io.y.elements, **zeros(io), **requant.constants, **clamp(op)}
    flags = {"requant": requant.flag}
    return Facts(constants, requant.data, flags, None, elementwise_note(op, io))


def _multiplies_channels(op: Mul, io: Operands) -> bool:
    return _whole_channels(op, io, VECTOR // 2)


def channel_product_facts(op: Mul, io: Operands) -> Facts:
    """Return the facts of a product with a constant for each channel."""
    facts = product_facts(op, io)
    second = io.ins[1]
    ready = centred(second.array, second).astype("<i2").reshape(-1).view(np.int8)
    data = (*facts.data, Data("ready", ready, "second operand less its zero point, 16 bits"))
    constants = {"CHANNELS": io.y.shape[-1], **facts.constants}
    return Facts(constants, data, facts.flags, None, facts.note)


PAIR = ("x0", "x1", "y")
FIXED = (*FIXED_HEADERS, *HEADERS)

ROWS = (
    Kernel(
        "x86_avx2/add_s8",
        Add,
        add_facts,
        _is_linear,
        roles=PAIR,
        in_place=0,
        headers=HEADERS,
        fixed=("FRACTION",),
    ),
    Kernel(
        "x86_avx2/affine_s8",
        Add,
        channel_sum_facts,
        _adds_channels,
        packed=(1,),
        in_place=0,
        headers=HEADERS,
        fixed=("FRACTION",),
    ),
    Kernel(
        "x86_avx2/mul_channels_s8",
        Mul,
        channel_product_facts,
        _multiplies_channels,
        packed=(1,),
        in_place=0,
        headers=FIXED,
    ),
    Kernel(
        "x86_avx2/mul_s8", Mul, product_facts, _multiplies, roles=PAIR, in_place=0, headers=FIXED
    ),
)
