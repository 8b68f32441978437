"""Float operators of two arrays between DequantizeLinear and QuantizeLinear.

Add and Mul are fused to operations on codes; the others stay in float32, where an array and a
constant number give a table, and the larger or smaller of two numbers is that of their codes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeq.frontends.nchw.values import Value
from edgeq.frontends.onnx import quantized
from edgeq.frontends.onnx.codes import HIGH, LOW, Code, Coded, give_codes, held_code, is_coded
from edgeq.frontends.onnx.converter import converts_islands
from edgeq.frontends.onnx.functions import BINARY
from edgeq.frontends.onnx.node import Node
from edgeq.frontends.onnx.ops_quantized import recoded
from edgeq.frontends.onnx.targets import Target, wanted
from edgeq.ops.base import Op
from edgeq.ops.maximum import Maximum
from edgeq.ops.minimum import Minimum
from edgeq.ops.qlinear_add import QLinearAdd
from edgeq.ops.qlinear_mul import QLinearMul

_FUSED: dict[str, type[Op]] = {"Add": QLinearAdd, "Mul": QLinearMul}
_EXTREMES: dict[str, type[Op]] = {"Max": Maximum, "Min": Minimum}


def _held(node: Node) -> list[Coded | None]:
    """Return the constants in codes; raise unless both inputs are codes, or such constants."""
    found = [node.islands.coded.get(name) for name in node.inputs]
    pairs = zip(node.inputs, found, strict=True)
    if not all(held is not None or is_coded(node, name) for name, held in pairs):
        raise node.unsupported("of codes and float values together")
    return found


def _operands(node: Node, held: list[Coded | None]) -> list[Value | Coded]:
    return [node.whole_value(i) if part is None else part for i, part in enumerate(held)]


@converts_islands("Add", "Mul")
def fused(node: Node) -> None:
    """Two arrays that broadcast, or one and a constant number."""
    node.expect(2)
    if node.index in node.islands.done:
        [place] = [i for i in range(2) if is_coded(node, node.inputs[i])]
        give_codes(node, node.value(place), held_code(node, place), real=True)
        return
    coded = [node.islands.coded.get(name) for name in node.inputs]
    # Int8 constants meet what has become uint8: ONNX Runtime leaves that in floating point.
    floats = any(part is not None and part.codes.dtype != np.uint8 for part in coded)
    number = _number(node)
    is_plain = number is not None and coded[number[0]] is None
    if number is not None and (is_plain or (floats and node.code == "Mul")):
        _tabled(node, *number)
        return
    held, target = _held(node), wanted(node)
    if floats and node.code == "Mul":
        raise node.unsupported("of int8 constants, in floating point")
    fields: dict[str, Any] = {"fused": False} if floats else {"origin": quantized.UNSIGNED}
    quantized.combine(node, target, _FUSED[node.code], _operands(node, held), **fields)
    quantized.settle(node, target, real=True)


@converts_islands("Sub", "Sum")
def in_floats(node: Node) -> None:
    """Two arrays that broadcast, or a difference from a constant number."""
    node.expect(2)
    number = _number(node) if node.code == "Sub" else None
    if number is not None:
        _tabled(node, *number)
        return
    held = _held(node)
    if node.code == "Sub":
        node, held[1] = _opposite(node, held[1])
    target = wanted(node)
    quantized.combine(node, target, QLinearAdd, _operands(node, held), fused=False)
    quantized.settle(node, target, real=True)


def _opposite(node: Node, held: Coded | None) -> tuple[Node, Coded | None]:
    """Return the node with the opposite numbers as its second input.

    Codes and zero point with every bit turned, ``-1 - code``, are the opposite exactly.
    """
    if held is not None:
        return node, Coded(~held.codes, held.scale, ~held.zero, held.axis)
    part = quantized.reading(node, node.inputs[1:])
    code, name = held_code(part, 0), node.build.fresh(f"{node.outputs[0]}:opposite")
    stated = -1 - code.zero
    turned = Target(Code(code.scale, stated, code.origin), name)
    quantized.look_up(part, turned, -1 - np.arange(LOW, HIGH + 1))
    out = quantized.writing(part, name)
    give_codes(out, node.build.values[name], turned.code, real=False)
    return quantized.reading(node, [node.inputs[0], name]), None


@converts_islands("Div", "Pow")
def by_number(node: Node) -> None:
    """One array and a constant number."""
    node.expect(2)
    number = _number(node)
    if number is None:
        raise node.unsupported("of two arrays, in floating point")
    _tabled(node, *number)


@converts_islands("PRelu")
def prelu(node: Node) -> None:
    """One array, and the one constant factor of what is below zero."""
    node.expect(2)
    number = _number(node)
    if number is None or number[0] == 0:
        raise node.unsupported("with other than one constant slope, in floating point")
    _, slope = number
    rest = quantized.reading(node, node.inputs[:1])
    quantized.tabled(rest, lambda x: np.where(x > 0, x, x * slope))


@converts_islands("Max", "Min")
def extreme(node: Node) -> None:
    """Two arrays that broadcast, or one and a constant number: rounding keeps their order."""
    node.expect(2)
    number = _number(node)
    if number is not None:
        _tabled(node, *number)
        return
    if not all(is_coded(node, name) for name in node.inputs):
        raise node.unsupported("with a constant array, in floating point")
    target = wanted(node)
    codes = [held_code(node, index) for index in range(2)]
    quantized.same_code(node, target.code, codes)
    names = [recoded(node, target, name, place) for place, name in enumerate(node.inputs)]
    part = quantized.reading(node, names)
    quantized.combine(part, target, _EXTREMES[node.code], _operands(part, [None, None]))
    quantized.settle(node, target, real=True)


def _tabled(node: Node, place: int, number: np.ndarray) -> None:
    """Combine an array with the number that input ``place`` is."""
    compute = BINARY[node.code]
    rest = quantized.reading(node, [node.inputs[1 - place]])
    if place == 1:
        quantized.tabled(rest, lambda x: compute(x, number))
    else:
        quantized.tabled(rest, lambda x: compute(number, x))


def _number(node: Node) -> tuple[int, np.ndarray] | None:
    """Return which input is a constant number, and the number."""
    for index in range(2):
        array = node.array(index)
        if array is not None and array.size == 1 and array.dtype == np.float32:
            rank = len(node.value(1 - index).seen)
            if array.ndim <= rank:
                return index, array.reshape(())
    return None
