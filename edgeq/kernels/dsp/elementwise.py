"""DSP extension rows of operations that work element by element."""

from __future__ import annotations

from edgeq.ir.graph import Operands
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.dsp.common import HEADERS
from edgeq.kernels.linear import LinearSum, Scheme, linear_sum
from edgeq.kernels.portable.elementwise import elementwise_note, quantize_facts
from edgeq.ops.add import Add
from edgeq.ops.quantize import Quantize

FILES = (*HEADERS, "edgeq_elementwise_dsp.h")
NUMBERS = (*FILES, "edgeq_quantize_dsp.h")
WORD = 4  # codes
DIGIT = 8  # bits
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


def add_facts(op: Add, io: Operands) -> Facts:
    """Return the facts of a sum that has a linear form."""
    form = linear_sum(op, io, SCHEMES)
    note = f"{elementwise_note(op, io)}; linear form proven on all pairs of codes"
    if form is None:
        raise ValueError("a sum without a linear form")
    first, second, constant, bits = joined(form)
    constants = {
        "COUNT": io.y.elements,
        "X0_FACTOR": first << DIGIT,
        "X1_FACTOR": second << DIGIT,
        "OFFSET": constant,
    }
    return Facts(constants, flags={"bits": bits}, note=note)


def _adds(op: Add, io: Operands) -> bool:
    sizes = {tensor.elements for tensor in (*io.ins, io.y)}
    if io.x.dtype is not DType.INT8 or len(sizes) != 1 or io.y.elements < WORD:
        return False
    whole = (op.arithmetic.low, op.arithmetic.high) == (io.y.dtype.min, io.y.dtype.max)
    return whole and linear_sum(op, io, SCHEMES) is not None


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
    Kernel("dsp/add_s8", Add, add_facts, _adds, (), ("x0", "x1", "y"), 0, FILES),
    Kernel("dsp/quantize_s8", Quantize, number_facts, to_int8, headers=NUMBERS),
)
