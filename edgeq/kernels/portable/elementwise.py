"""Portable rows of operations that work element by element."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.quant import Requant, Rounding
from edgeq.ir.types import DType
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable._broadcast import Loop, loop_constants, loops
from edgeq.kernels.portable.convolution import s8
from edgeq.kernels.requant import requant_facts
from edgeq.ops._elementwise import BYTES, centred
from edgeq.ops._rescaling import Rescales
from edgeq.ops._vectors import Vectors
from edgeq.ops.abs import Abs
from edgeq.ops.add import HEADROOM, Add, headroom, scaled_term
from edgeq.ops.base import Op
from edgeq.ops.elu import Elu
from edgeq.ops.gelu import Gelu
from edgeq.ops.hard_swish import HardSwish
from edgeq.ops.leaky_relu import LeakyRelu
from edgeq.ops.logistic import Logistic
from edgeq.ops.mul import Mul
from edgeq.ops.neg import Neg
from edgeq.ops.relu import Relu
from edgeq.ops.requantize import Requantize
from edgeq.ops.tanh import Tanh
from edgeq.plan.program import Data

Binary = Add | Mul


def size_text(tensor: Tensor) -> str:
    """Return the extents of a tensor as comments name them."""
    return "x".join(map(str, tensor.shape)) or "1"


def elementwise_note(op: Op, io: Operands) -> str:
    """Return the name of an operation and the sizes of its inputs."""
    sizes = " and ".join(size_text(tensor) for tensor in io.ins)
    return f"{op.KIND.replace('_', ' ')}, {sizes}"


def operand_zeros(io: Operands) -> dict[str, int]:
    """Return the zero points of two operands."""
    return {"X0_ZERO": io.ins[0].zero_point, "X1_ZERO": io.ins[1].zero_point}


def zeros(io: Operands) -> dict[str, int]:
    """Return the zero points of two operands and the output."""
    return {**operand_zeros(io), "Y_ZERO": io.y.zero_point}


def clamp(op: Op) -> dict[str, int]:
    """Return the least and largest code of the output."""
    return {"LOW": op.arithmetic.low, "HIGH": op.arithmetic.high}


# ---- Two operands -------------------------------------------------------------------------


def unit_of(requant: Requant, bits: int = HEADROOM) -> int:
    """Return what one code is worth in a sum when rescaling it is exact, or else 0.

    A factor that is a power of two only moves the zero ``bits`` below each code: the operand of
    the larger scale always has one.
    """
    if requant.rounding is Rounding.FLOAT32:
        unit = requant.scale[0] * (1 << bits)
        exact = unit >= 1 and np.frexp(unit)[0] == 0.5
        return int(unit) if exact else 0
    shift = requant.shift[0] - 1
    exact = requant.multiplier[0] == 1 << 30 and shift + bits >= 0
    return 1 << (shift + bits) if exact else 0


def term_facts(
    terms: Sequence[Requant], bits: int = HEADROOM
) -> tuple[dict[str, int], tuple[Data, ...], dict[str, Any]]:
    """Return constants, data and flags of the two rescalings into a sum."""
    constants: dict[str, int] = {}
    flags: dict[str, Any] = {}
    data: tuple[Data, ...] = ()
    for name, requant in zip(("x0", "x1"), terms, strict=True):
        unit = unit_of(requant, bits)
        facts = requant_facts(requant, f"{name}_")
        constants[f"{name.upper()}_UNIT"] = unit or 1 << bits
        flags[f"{name}_exact"] = bool(unit)
        if not unit:
            constants.update(facts.constants)
            flags[f"{name}_requant"] = facts.flag
            data += facts.data
    return constants, data, flags


def _add_parts(op: Add, io: Operands) -> tuple[dict[str, int], dict[str, Any], tuple[Data, ...]]:
    constants, data, flags = term_facts(op.arithmetic.terms, headroom(io.x))
    total = requant_facts(op.arithmetic.total)
    constants = {**zeros(io), **constants, **total.constants, **clamp(op)}
    return constants, {**flags, "requant": total.flag}, (*data, *total.data)


def _mul_parts(op: Mul, io: Operands) -> tuple[dict[str, int], dict[str, Any], tuple[Data, ...]]:
    requant = requant_facts(op.arithmetic.requant)
    constants = {**zeros(io), **requant.constants, **clamp(op)}
    return constants, {"requant": requant.flag}, requant.data


_PARTS: Mapping[type[Op], Any] = {Add: _add_parts, Mul: _mul_parts}


def binary_facts(op: Binary, io: Operands) -> Facts:
    """Return the facts of two operands of one shape."""
    return _vectored(op, io, {"COUNT": io.y.elements}, {})


def _vectored(op: Binary, io: Operands, sizes: dict[str, int], flags: dict[str, Any]) -> Facts:
    """Return facts with what is otherwise in whole vectors at the beginning of each row."""
    constants, own, data = _PARTS[type(op)](op, io)
    constants, vectors = {**sizes, **constants}, op.arithmetic.vectors
    if vectors is not None:
        constants["BODY"] = vectors.rows.count
        data = (*data, *_tables(vectors, own))
    flags = {**own, **flags, **_vector_flags(vectors), "least": io.x.dtype.min}
    return Facts(constants, data, flags, None, elementwise_note(op, io))


def _vector_flags(vectors: Vectors | None) -> dict[str, Any]:
    """Return what else becomes of codes of whole vectors.

    ``wrap`` is added before the lowest 16 bits are taken; 0 where codes do not wrap.
    """
    if vectors is None:
        return {"vectors": False, "wrap": 0, "saturates": False}
    wrap = 32768 + vectors.rows.moved if vectors.wraps else 0
    return {"vectors": True, "wrap": wrap, "saturates": vectors.saturates}


def _tables(vectors: Vectors, flags: Mapping[str, Any]) -> Iterator[Data]:
    """Return the terms of all codes of operands whose rescaling is not exact."""
    for name, terms in zip(("x0", "x1"), vectors.terms, strict=False):
        if not flags[f"{name}_exact"]:
            yield Data(f"{name}_terms", terms, f"{name}: the term of each code, in whole vectors")


def broadcast_facts(op: Binary, io: Operands) -> Facts:
    """Return the facts of two operands that broadcast."""
    found = loops(io.ins[0].shape, io.ins[1].shape, io.y.shape)
    return _vectored(op, io, loop_constants(found), {**loop_flags(found), "packed": False})


def loop_flags(found: tuple[Loop, ...]) -> dict[str, Any]:
    """Return the loops round the innermost one, and the operands that stay in that one."""
    still = tuple(name for name in ("x0", "x1") if getattr(found[-1], name) == 0)
    return {"outer": found[:-1], "still": still}


def constant_facts(op: Binary, io: Operands) -> Facts:
    """Return the facts of a constant second operand, whose part is worked out here."""
    facts = broadcast_facts(op, io)
    second = io.ins[1]
    if isinstance(op, Add):
        packed = scaled_term(second.array, second, op.arithmetic.terms[1])
    else:
        packed = centred(second.array, second).astype(np.int16)
    # What only the second operand needed is inside the array now.
    unneeded = {"X1_ZERO", "X1_UNIT", "X1_MULTIPLIER", "X1_SHIFT"}
    constants = {name: value for name, value in facts.constants.items() if name not in unneeded}
    data = tuple(item for item in facts.data if not item.name.startswith("x1_"))
    ready = Data("ready", packed, f"second operand, ready for use [{size_text(second)}]")
    flags = {**facts.flags, "packed": True}
    return Facts(constants, (*data, ready), flags, None, facts.note)


def _same_shape(op: Op, io: Operands) -> bool:
    return len({tensor.elements for tensor in (*io.ins, io.y)}) == 1


def _constant_scalar(op: Op, io: Operands) -> bool:
    return s8(op, io) and io.ins[1].is_constant and io.ins[1].elements == 1


def _constant_second(op: Op, io: Operands) -> bool:
    x0, x1 = io.ins
    return x1.is_constant and x0.elements == io.y.elements


def _binary_rows(op: type[Op]) -> tuple[Kernel, ...]:
    """Return the rows of an operation: by table beside one constant element, then the others."""
    return (
        Kernel("portable/lookup_s8", op, lookup_facts, _constant_scalar, packed=(1,), in_place=0),
        *_typed_rows(op, DType.INT8),
        *_typed_rows(op, DType.INT16),
    )


def _typed_rows(op: type[Op], dtype: DType) -> tuple[Kernel, ...]:
    """Return the rows of codes of one type."""
    roles, one, bits = ("x0", "x1", "y"), ("x0", "y"), 8 * dtype.bytes
    wide, shaped = f"portable/{op.KIND}_broadcast_s{bits}", f"portable/{op.KIND}_s{bits}"

    def among(accepts: Callable[[Op, Operands], bool]) -> Callable[[Op, Operands], bool]:
        return lambda op, io: io.x.dtype is dtype and accepts(op, io)

    return (
        Kernel(shaped, op, binary_facts, among(_same_shape), roles=roles, in_place=0, general=True),
        Kernel(
            wide, op, constant_facts, among(_constant_second), packed=(1,), roles=one, in_place=0
        ),
        Kernel(
            wide,
            op,
            broadcast_facts,
            among(lambda op, io: True),
            roles=roles,
            in_place=0,
            general=True,
        ),
    )


# ---- One operand --------------------------------------------------------------------------


def lookup_facts(op: Op, io: Operands) -> Facts:
    """Return the facts of a function of one 8-bit code: the reference's answer to each code."""
    x = next(tensor for tensor in io.ins if not tensor.is_constant)
    codes = np.arange(x.dtype.min, x.dtype.max + 1).astype(x.dtype.numpy)
    table = op.evaluate(io, [t.data.reshape(-1) if t.data is not None else codes for t in io.ins])[
        0
    ]
    data = Data("table", table, f"{op.KIND}: the answer to each code")
    counts = {"COUNT": io.y.elements, "FIRST": x.dtype.min}
    return Facts(counts, (data,), {}, None, elementwise_note(op, io))


def offset_facts(op: Rescales, io: Operands) -> Facts:
    """Return the facts of a clamp, after codes moved to another zero point."""
    offset = io.y.zero_point - io.x.zero_point
    constants = {"COUNT": io.y.elements, "OFFSET": offset, **clamp(op)}
    return Facts(constants, (), {}, None, elementwise_note(op, io))


def flip_facts(op: Op, io: Operands) -> Facts:
    """Return the facts of codes that change between uint8 and int8."""
    names = f"{io.x.dtype.value} to {io.y.dtype.value}"
    return Facts({"COUNT": io.y.elements}, (), {}, None, f"{names}, {size_text(io.y)}")


def requantize_facts(op: Rescales, io: Operands) -> Facts:
    """Return the facts of codes that change their scale."""
    requant = requant_facts(op.arithmetic.requant, row=io.y.elements)
    constants = {
        "COUNT": io.y.elements,
        "X_ZERO": io.x.zero_point,
        "Y_ZERO": io.y.zero_point,
        **requant.constants,
        **clamp(op),
    }
    return Facts(constants, requant.data, {"requant": requant.flag}, None, elementwise_note(op, io))


def _is_flip(op: Requantize, io: Operands) -> bool:
    return op.is_flip(io)


def _is_offset(op: Rescales, io: Operands) -> bool:
    numbers = op.arithmetic
    return bool(numbers.is_offset)


def _bytes(op: Op, io: Operands) -> bool:
    return io.x.dtype in BYTES and io.y.dtype in BYTES


ROWS = (
    *_binary_rows(Add),
    *_binary_rows(Mul),
    Kernel("portable/offset_clamp", Relu, offset_facts, _is_offset, in_place=0),
    Kernel("portable/lookup_s8", Relu, lookup_facts, _bytes, in_place=0),
    Kernel("portable/requantize", Relu, requantize_facts, in_place=0),
    Kernel("portable/flip_sign", Requantize, flip_facts, _is_flip, in_place=0),
    Kernel("portable/offset_clamp", Requantize, offset_facts, _is_offset, in_place=0),
    Kernel("portable/lookup_s8", Requantize, lookup_facts, _bytes, in_place=0),
    Kernel("portable/requantize", Requantize, requantize_facts, in_place=0, general=True),
    *(
        Kernel("portable/lookup_s8", op, lookup_facts, _bytes, in_place=0)
        for op in (Logistic, Tanh, HardSwish, LeakyRelu, Abs, Neg, Elu, Gelu)
    ),
)
