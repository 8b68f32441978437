"""Portable rows of the operations that ONNX Runtime defines in float32."""

from __future__ import annotations

import numpy as np

from edgeq.ir.graph import Operands
from edgeq.kernels.base import Facts, Kernel
from edgeq.kernels.portable._broadcast import loop_constants, loops
from edgeq.kernels.portable.elementwise import (
    elementwise_note,
    lookup_facts,
    loop_flags,
    operand_zeros,
)
from edgeq.kernels.portable.pooling import window_constants
from edgeq.kernels.portable.softmax import row_constants
from edgeq.ops.qlinear_add import FloatTerms, QLinearAdd, RealTerms, Terms
from edgeq.ops.qlinear_average_pool2d import QLinearAveragePool2D
from edgeq.ops.qlinear_mul import QLinearMul
from edgeq.ops.qlinear_softmax import QLinearSoftmax
from edgeq.ops.table import Table
from edgeq.plan.program import Data


def add_facts(op: QLinearAdd, io: Operands) -> Facts:
    """Return the facts of two operands that broadcast."""
    terms: Terms | RealTerms | FloatTerms = op.arithmetic
    found = loops(io.ins[0].shape, io.ins[1].shape, io.y.shape)
    data = [Data("second", terms.second, "what each code of the second operand adds")]
    flags = {**loop_flags(found), "packed": False, "held": "float"}
    first = Data("first", terms.first, "what each code of the first operand adds")
    if isinstance(terms, RealTerms):
        numbers = {"ORIGIN": terms.origin}
        flags.update(form="real", kind="double", factor=terms.factor)
    elif isinstance(terms, FloatTerms):
        numbers = {"Y_ZERO": terms.zero}
        flags.update(form="float", kind="float", scale=terms.scale)
        data.insert(0, first)
    else:
        numbers = {"BITS": terms.bits, "HALF": (1 << (terms.bits - 1)) - 1}
        flags.update(form="integer", kind="int32_t", held="int32_t")
        data.insert(0, first)
    constants = {**loop_constants(found), **numbers}
    return Facts(constants, tuple(data), flags, None, elementwise_note(op, io))


def add_constant_facts(op: QLinearAdd, io: Operands) -> Facts:
    """Return the facts of a constant second operand, whose terms are looked up here."""
    facts = add_facts(op, io)
    ready = op.arithmetic.second[io.ins[1].array.astype(np.intp) + 128]
    data = (*facts.data[:-1], Data("ready", ready, "second operand, ready for use"))
    return Facts(facts.constants, data, {**facts.flags, "packed": True}, None, facts.note)


def mul_facts(op: QLinearMul, io: Operands) -> Facts:
    """Return the facts of two operands that broadcast."""
    found = loops(io.ins[0].shape, io.ins[1].shape, io.y.shape)
    constants = {**loop_constants(found), **operand_zeros(io)}
    data = Data("thresholds", op.arithmetic, "the least product of each code from -127 on")
    return Facts(constants, (data,), loop_flags(found), None, elementwise_note(op, io))


def average_pool2d_facts(op: QLinearAveragePool2D, io: Operands) -> Facts:
    """Return the facts of an average pool."""
    constants = {
        **window_constants(op, io),
        "X_ZERO": io.x.zero_point,
        "Y_ZERO": io.y.zero_point,
        "ORIGIN": op.origin,
    }
    flags = {
        "padded": op.padding.any,
        "count_padding": op.count_padding,
        "x_scale": op.arithmetic.x,
        "y_scale": op.arithmetic.y,
    }
    size = "x".join(map(str, io.x.shape[1:]))
    note = f"{op.window[0]}x{op.window[1]} average pool in float32, {size}"
    return Facts(constants, (), flags, None, note)


def softmax_facts(op: QLinearSoftmax, io: Operands) -> Facts:
    """Return the facts of a softmax."""
    constants = {**row_constants(io), "Y_ZERO": io.y.zero_point}
    data = Data("exps", op.arithmetic.table, "exponential of each distance from the largest code")
    flags = {"steps": op.arithmetic.steps}
    return Facts(constants, (data,), flags, None, f"softmax of {io.x.shape[-1]}, in float32")


def _constant_second(op: QLinearAdd, io: Operands) -> bool:
    x0, x1 = io.ins
    return x1.is_constant and x0.elements == io.y.elements


def _constant_scalar(op: QLinearAdd, io: Operands) -> bool:
    return _constant_second(op, io) and io.ins[1].elements == 1


ROWS = (
    Kernel("portable/lookup_s8", Table, lookup_facts, in_place=0),
    Kernel("portable/lookup_s8", QLinearAdd, lookup_facts, _constant_scalar, (1,), in_place=0),
    Kernel(
        "portable/qlinear_add_s8",
        QLinearAdd,
        add_constant_facts,
        _constant_second,
        packed=(1,),
        roles=("x0", "y"),
        in_place=0,
    ),
    Kernel("portable/qlinear_add_s8", QLinearAdd, add_facts, roles=("x0", "x1", "y"), in_place=0),
    Kernel("portable/qlinear_mul_s8", QLinearMul, mul_facts, roles=("x0", "x1", "y"), in_place=0),
    Kernel("portable/qlinear_average_pool2d_s8", QLinearAveragePool2D, average_pool2d_facts),
    Kernel("portable/qlinear_softmax_s8", QLinearSoftmax, softmax_facts, in_place=0),
)
