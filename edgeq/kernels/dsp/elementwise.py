"""DSP extension rows of operations that work element by element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType
from edgeq.kernels.affine import AffineForm, affine_form
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp.common import HEADERS, MOST_SHIFT
from edgeq.kernels.linear import LinearSum, Scheme, linear_sum
from edgeq.kernels.portable.conversion import quantize_facts
from edgeq.kernels.portable.elementwise import elementwise_note
from edgeq.ops._elementwise import centred
from edgeq.ops.add import Add
from edgeq.ops.mul import Mul
from edgeq.ops.quantize import Quantize
from edgeq.plan.program import Data

FILES = (*HEADERS, "edgeq_elementwise_dsp.h")
NUMBERS = (*FILES, "edgeq_quantize_dsp.h")
WORD = 4  # codes
DIGIT = 8  # bits
LEAST = -128  # code
SCHEMES = (Scheme((DIGIT,), signed=True), Scheme((DIGIT, DIGIT), signed=True))
DIGITS = 3  # of 8 bits: factors of 24 bits, whose products with codes fit a word


# ---- Sums ---------------------------------------------------------------------------------


def joined(form: LinearSum) -> tuple[int, int, int, int]:
    """Return P, Q, C and n of ``(P * x0 + Q * x1 + C) >> n``, P and Q of three digits.

    >>> joined(LinearSum(((1, -2), (3, 4)), (5, 6), (8,), 7))
    (66304, -130048, 329216, 23)
    """
    first, second, constant = 0, 0, 0
    for (p, q), c in zip(form.digits, form.constants, strict=True):
        first, second, constant = (n << DIGIT for n in (first, second, constant))
        first, second, constant = first + p, second + q, constant + c
    more = DIGIT * (DIGITS - len(form.digits))
    bits = form.fraction + DIGIT * (DIGITS - 1)
    return first << more, second << more, constant << more, bits


def linear_facts(op: Add, io: Operands) -> Facts:
    """Return the facts of a sum that has a linear form."""
    form = linear_sum(op, io, SCHEMES)
    note = f"{elementwise_note(op, io)}; linear form proven on all pairs of codes"
    if form is None:
        raise ValueError("a sum without a linear form")
    first, second, constant, bits = joined(form)
    constants = {
        "COUNT": io.y.elements,
        "X0_FACTOR": first,
        "X1_FACTOR": second,
        "OFFSET": constant,
    }
    return Facts(constants, flags={"bits": bits}, note=note)


def add_facts(op: Add, io: Operands) -> Facts:
    """Return the facts of a linear sum whose codes are multiplied 256-fold."""
    facts = linear_facts(op, io)
    raised = {name: facts.constants[name] << DIGIT for name in ("X0_FACTOR", "X1_FACTOR")}
    return replace(facts, constants={**facts.constants, **raised})


def has_linear_form(op: Add, io: Operands) -> bool:
    """Tell whether a sum of two arrays has a linear form, saturated to its whole type."""
    sizes = {tensor.elements for tensor in (*io.ins, io.y)}
    if io.x.dtype is not DType.INT8 or len(sizes) != 1 or io.y.elements < WORD:
        return False
    whole = (op.arithmetic.low, op.arithmetic.high) == (io.y.dtype.min, io.y.dtype.max)
    return whole and linear_sum(op, io, SCHEMES) is not None


# ---- A constant for each channel ----------------------------------------------------------


def affine_factors(form: AffineForm) -> np.ndarray:
    """Return what the functions read: the factors of four channels, then their constants."""
    factors, constants = (_number(digits) for digits in (form.digits, form.constants))
    both = np.stack([factors.reshape(-1, WORD), constants.reshape(-1, WORD)], axis=1)
    words: np.ndarray = both.ravel().astype(np.int32)
    return words


def _number(digits: Sequence[np.ndarray]) -> np.ndarray:
    """Return the numbers whose digits these are, the highest first; one that is missing is 0."""
    number = np.zeros(digits[0].shape, np.int64)
    for digit in digits:
        number = (number << DIGIT) + digit
    return number << DIGIT * (DIGITS - len(digits))


def affine_facts(op: Add | Mul, io: Operands) -> Facts:
    """Return the facts of a sum or product with a constant for each channel."""
    form = affine_form(op, io, LEAST)
    note = f"{elementwise_note(op, io)}; affine forms proven on all codes"
    if form is None:
        raise ValueError("a constant without an affine form")
    channels = io.y.shape[-1]
    return Facts(
        {"ROWS": io.y.elements // channels, "CHANNELS": channels},
        (Data("factors", affine_factors(form), "factors and constants of four channels"),),
        {"bits": form.fraction + DIGIT * (DIGITS - 1)},
        None,
        note,
    )


def channel_facts(op: Add | Mul, io: Operands) -> Facts:
    """Return the facts of affine functions whose codes are multiplied 256-fold."""
    facts = affine_facts(op, io)
    words = facts.data[0].array.reshape(-1, 2, WORD).copy()
    words[:, 0] <<= DIGIT
    return replace(facts, data=(replace(facts.data[0], array=words.ravel()),))


def is_affine(op: Add | Mul, io: Operands) -> bool:
    """Tell whether there is an affine form for each channel, channels by fours."""
    whole = (op.arithmetic.low, op.arithmetic.high) == (io.y.dtype.min, io.y.dtype.max)
    if not whole or io.y.shape == () or io.y.shape[-1] % WORD:
        return False
    form = affine_form(op, io, LEAST)
    # 256 times a factor is still a word.
    return form is not None and int(np.abs(_number(form.digits)).max()) < 1 << 23


def product_facts(op: Mul, io: Operands) -> Facts:
    """Return the facts of a product with a constant for each channel, rounded as it stands."""
    requant = op.arithmetic.requant
    second, channels = io.ins[1], io.y.shape[-1]
    right = -requant.shift[0]
    constants = {
        "ROWS": io.y.elements // channels,
        "CHANNELS": channels,
        "X_ZERO": io.x.zero_point,
        "MULTIPLIER": 2 * requant.multiplier[0] - (1 << 32),
        "ADDEND": (1 << (right - 1)) + (io.y.zero_point << right),
        "SHIFT": right,
    }
    ready = centred(second.array, second).astype(np.int16).reshape(-1)
    return Facts(
        constants,
        (Data("ready", ready, "second operand less its zero point"),),
        {"rounding": requant.rounding.value},
        None,
        elementwise_note(op, io),
    )


def multiplies_channels(op: Mul, io: Operands) -> bool:
    """Tell whether products of codes have a factor that a few instructions rescale with."""
    x0, x1 = io.ins
    fits = io.x.dtype is DType.INT8 and x1.is_constant and x0.elements == io.y.elements
    channels = io.y.shape[-1] if io.y.shape else 0
    if not fits or x1.shape[-1:] != (channels,) or x1.elements != channels or channels % WORD:
        return False
    requant = op.arithmetic.requant
    whole = (op.arithmetic.low, op.arithmetic.high) == (io.y.dtype.min, io.y.dtype.max)
    if requant.rounding is Rounding.FLOAT32 or not whole:
        return False
    return 1 <= -requant.shift[0] <= MOST_SHIFT and requant.multiplier[0] >= 1 << 30


# ---- Codes of numbers ---------------------------------------------------------------------


def number_facts(op: Quantize, io: Operands) -> Facts:
    """Return the facts of float32 numbers that become int8 codes."""
    facts = quantize_facts(op, io)
    constants = {name: facts.constants[name] for name in ("COUNT", "Y_ZERO")}
    return Facts(constants, flags=facts.flags, note=facts.note)


def to_int8(op: Quantize, io: Operands) -> bool:
    """Tell whether the codes are int8."""
    return io.y.dtype is DType.INT8


ROWS: tuple[Kernel, ...] = (
    Kernel("dsp/add_s8", Add, add_facts, has_linear_form, (), ("x0", "x1", "y"), 0, FILES),
    *(
        Kernel("dsp/affine_s8", op, channel_facts, is_affine, (1,), in_place=0, headers=FILES)
        for op in (Add, Mul)
    ),
    Kernel(
        "dsp/mul_channels_s8",
        Mul,
        product_facts,
        multiplies_channels,
        packed=(1,),
        in_place=0,
        headers=FILES,
    ),
    Kernel("dsp/quantize_s8", Quantize, number_facts, to_int8, headers=NUMBERS),
)
