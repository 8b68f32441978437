"""HVX rows of products of codes, and of sums and products with a constant for each channel."""

from __future__ import annotations

from math import lcm

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType
from edgeq.kernels.affine import affine_form
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.hvx.common import HEADERS, VECTOR, aligned
from edgeq.kernels.portable.elementwise import clamp, elementwise_note, zeros
from edgeq.kernels.rescale import rescale_facts
from edgeq.ops.add import Add
from edgeq.ops.mul import Mul
from edgeq.plan.program import Data, Scratch

LARGEST_PRODUCT = 255 * 255
LONGEST_TURN = 2048  # bytes after which channels and vectors begin together
FEWEST_CHANNELS = 8  # worth a vector that holds nothing else
NAMES = {2: ("highest", "lowest"), 3: ("highest", "middle", "lowest")}


# ---- A constant for each channel ----------------------------------------------------------


def _turn(channels: int) -> int:
    """Return the codes after which the constants repeat: whole vectors, or else one pixel."""
    whole = lcm(channels, VECTOR)
    return whole if whole <= LONGEST_TURN else channels


def _lanes(array: np.ndarray, turn: int) -> np.ndarray:
    """Return the constants of each code of a turn, and of some more that fill the last vector."""
    length = -(-turn // VECTOR) * VECTOR
    return np.resize(np.resize(array, turn), length)


def _halves(array: np.ndarray, turn: int) -> np.ndarray:
    """Return the same, those of bytes at even places first in each vector."""
    lanes = _lanes(array, turn).reshape(-1, VECTOR // 2, 2)
    return lanes.transpose(0, 2, 1).ravel()


def affine_facts(op: Add | Mul, io: Operands) -> Facts:
    """Return the facts of a constant for each channel: an affine form of the code."""
    form = affine_form(op, io, -128)
    count, turn = io.y.elements, _turn(io.y.shape[-1])
    constants = {"COUNT": count, "TURN": turn, "WHOLE": count - count % turn, **clamp(op)}
    data: tuple[Data, ...] = ()
    names: tuple[str, ...] = ()
    if form is not None:
        constants["FRACTION"] = form.fraction
        names = NAMES[len(form.digits)]
        data = (
            *(
                aligned(name, _lanes(array, turn), f"{name} digits of the factors")
                for name, array in zip(names, form.digits, strict=True)
            ),
            aligned("offset", _halves(form.constants[0], turn), "added to the highest products"),
            aligned("more", _halves(form.constants[1], turn), "added to the products below"),
        )
    note = f"{elementwise_note(op, io)}; affine forms proven on all codes"
    return Facts(constants, data, {"digits": names, "ragged": turn % VECTOR != 0}, None, note)


def _affine(op: Add | Mul, io: Operands) -> bool:
    if io.y.elements < VECTOR or not io.y.shape:
        return False
    channels = io.y.shape[-1]
    worth = _turn(channels) % VECTOR == 0 or channels >= FEWEST_CHANNELS
    return worth and affine_form(op, io, -128) is not None


# ---- Products -----------------------------------------------------------------------------


def _product(op: Mul, io: Operands) -> Facts:
    found = rescale_facts(
        op.arithmetic.requant,
        LARGEST_PRODUCT,
        io.y.zero_point,
        op.arithmetic.low,
        op.arithmetic.high,
    )
    constants = {"COUNT": io.y.elements, **zeros(io), **clamp(op), **found.constants}
    return Facts(constants, found.data, {"rescale": found.flag}, None, elementwise_note(op, io))


def product_facts(op: Mul, io: Operands) -> Facts:
    """Return the facts of a product of two arrays of one shape."""
    return _product(op, io)


def turning_facts(op: Mul, io: Operands) -> Facts:
    """Return the facts of a product whose second operand repeats: it is written out for a vector.

    A constant is so already; any other is in scratch memory.
    """
    facts, second = _product(op, io), io.ins[1]
    period = second.elements
    length = period + VECTOR
    constants = {**facts.constants, "PERIOD": period, "STEP": VECTOR % period}
    flags = {**facts.flags, "constant": second.is_constant}
    if not second.is_constant:
        return Facts(constants, (), flags, Scratch("turn", DType.INT8, length), facts.note)
    codes = np.resize(second.array, length)
    data = Data("turn", codes, "second operand, and its beginning once more")
    return Facts(constants, (data,), flags, None, facts.note)


def _multiplies(op: Mul, io: Operands) -> bool:
    integers = op.arithmetic.requant.rounding is not Rounding.FLOAT32
    return integers and io.x.dtype is DType.INT8 and io.y.elements >= VECTOR


def _same_shape(op: Mul, io: Operands) -> bool:
    return _multiplies(op, io) and len({t.elements for t in (*io.ins, io.y)}) == 1


def _repeats(op: Mul, io: Operands) -> bool:
    """Tell whether the second operand is the last dimensions of the first, whole."""
    first, second = io.ins
    inner = tuple(second.shape)
    while inner[:1] == (1,):
        inner = inner[1:]
    ends = len(inner) == 0 or io.y.shape[-len(inner) :] == inner
    return _multiplies(op, io) and first.elements == io.y.elements and ends


def _repeats_constant(op: Mul, io: Operands) -> bool:
    return io.ins[1].is_constant and _repeats(op, io)


PAIR = ("x0", "x1", "y")
FILES = (*HEADERS, "edgeq_sums_hvx.h", "edgeq_lookup_hvx.h")

ROWS = (
    *(
        Kernel("hvx/affine_s8", op, affine_facts, _affine, packed=(1,), in_place=0, headers=FILES)
        for op in (Add, Mul)
    ),
    Kernel("hvx/mul_s8", Mul, product_facts, _same_shape, roles=PAIR, in_place=0, headers=FILES),
    Kernel(
        "hvx/mul_turns_s8",
        Mul,
        turning_facts,
        _repeats_constant,
        packed=(1,),
        roles=("x0", "y"),
        in_place=0,
        headers=FILES,
    ),
    Kernel("hvx/mul_turns_s8", Mul, turning_facts, _repeats, roles=PAIR, in_place=0, headers=FILES),
)
