"""Operators that state codes, scales and zero points themselves: the QOperator form."""

from __future__ import annotations

import numpy as np

from edgeq.frontends.nchw import convolution
from edgeq.frontends.nchw.values import Value
from edgeq.frontends.onnx import quantized
from edgeq.frontends.onnx.codes import (
    Code,
    Coded,
    bias_of,
    code_of,
    codes_in,
    give_codes,
    scales_of,
    zeros_of,
)
from edgeq.frontends.onnx.converter import converts_codes
from edgeq.frontends.onnx.functions import FUNCTIONS, leaky_relu
from edgeq.frontends.onnx.node import Node
from edgeq.frontends.onnx.ops_arithmetic import softmax_of
from edgeq.frontends.onnx.ops_movement import concat as move_together
from edgeq.frontends.onnx.targets import Target, under
from edgeq.ops.base import Op
from edgeq.ops.qlinear_add import QLinearAdd
from edgeq.ops.qlinear_global_average_pool import QLinearGlobalAveragePool
from edgeq.ops.qlinear_mul import QLinearMul
from edgeq.ops.qlinear_softmax import QLinearSoftmax

_MS = "com.microsoft::"


def _target(node: Node, scale: int) -> Target:
    return Target(code_of(node, scale, scale + 1), node.outputs[0])


def _held(node: Node, index: int) -> Coded:
    """Return a constant in codes, its scales and zero points being the next two inputs."""
    codes = node.array(index)
    if codes is None:
        raise node.unsupported("with weights that are computed at run time")
    scale, zero = scales_of(node, index + 1), zeros_of(node, index + 2)
    if codes.dtype != zero.dtype or codes.size == 0:
        raise node.error(
            f"codes of {codes.dtype.name} {codes.shape}, zero points {zero.dtype.name}"
        )
    many = max(scale.size, zero.size) > 1
    return Coded(codes, scale, zero, 0 if many else None)


@converts_codes("QLinearConv")
def conv(node: Node) -> None:
    """Image, weights, output, optional bias in int32."""
    node.expect(9, optional=1)
    codes_in(node, 0, code_of(node, 1, 2))
    held, target = _held(node, 3), _target(node, 6)
    bias = None
    if node.has(8):
        bias = bias_of(node, _constant(node, 8), held.codes.shape[0], node.inputs[8])
    quantized.conv(node, target, held, node.inputs[3], bias)
    quantized.settle(node, target, real=False)


def _constant(node: Node, index: int) -> np.ndarray:
    found = node.array(index)
    if found is None:
        raise node.unsupported("with biases that are computed at run time")
    return found


@converts_codes("QLinearMatMul")
def mat_mul(node: Node) -> None:
    """Rows, a matrix that is constant or computed, output."""
    node.expect(8)
    first = code_of(node, 1, 2)
    codes_in(node, 0, first)
    target = _target(node, 6)
    if node.array(3) is None:
        codes_in(node, 3, code_of(node, 4, 5))
        quantized.product(node, target, 3)
    else:
        quantized.dense(node, target, _by_column(node, 3), node.inputs[3], None)
    quantized.settle(node, target, real=False)


def _by_column(node: Node, index: int) -> Coded:
    held = _held(node, index)
    axis = None if held.axis is None else held.codes.ndim - 1
    return Coded(held.codes, held.scale, held.zero, axis)


@converts_codes(f"{_MS}QGemm")
def gemm(node: Node) -> None:
    """Rows, a constant matrix, optional bias in int32, output."""
    node.expect(9, optional=3)
    codes_in(node, 0, code_of(node, 1, 2))
    if node.integer("transA", 0) or node.real("alpha", 1.0) != 1.0:
        raise node.unsupported("with transA or alpha")
    held, target = _by_column(node, 3), _target(node, 7)
    if node.integer("transB", 0):
        held = Coded(held.codes.T, held.scale, held.zero, held.axis)
    bias = None
    if node.has(6):
        bias = bias_of(node, _constant(node, 6), held.codes.shape[-1], node.inputs[6])
    quantized.dense(node, target, held, node.inputs[3], bias)
    quantized.settle(node, target, real=False)


@converts_codes(f"{_MS}QLinearAdd", f"{_MS}QLinearMul")
def combine(node: Node) -> None:
    """Two arrays that broadcast, output."""
    node.expect(8, optional=1)
    cls: type[Op] = QLinearAdd if node.code.endswith("Add") else QLinearMul
    target = _target(node, 6)
    codes = [code_of(node, index + 1, index + 2) for index in (0, 3)]
    quantized.same_code(node, target.code, codes)
    operands = [_operand(node, place, code) for place, code in zip((0, 3), codes, strict=True)]
    quantized.combine(node, target, cls, operands, origin=target.code.origin)
    quantized.settle(node, target, real=False)


def _operand(node: Node, index: int, code: Code) -> Value | Coded:
    if node.array(index) is not None:
        return _held(node, index)
    codes_in(node, index, code)
    return node.whole_value(index)


def _unary(node: Node) -> Target:
    """Return where a node of one array goes to; its inputs are array, scales and zero points."""
    node.expect(5, optional=1)
    code, target = code_of(node, 1, 2), _target(node, 3)
    codes_in(node, 0, code)
    quantized.same_code(node, target.code, [code])
    return target


@converts_codes(f"{_MS}QLinearAveragePool")
def average_pool(node: Node) -> None:
    """One image, output."""
    _refuse_last(node)
    target = _unary(node)
    quantized.average_pool(node, target, target.code.origin)
    quantized.settle(node, target, real=False)


@converts_codes(f"{_MS}QLinearGlobalAveragePool")
def global_average_pool(node: Node) -> None:
    """One image, output."""
    _refuse_last(node)
    target = _unary(node)
    out = under(node, target)
    convolution.whole_average(out, QLinearGlobalAveragePool, kind=target.code.kind)
    quantized.settle(node, target, real=False)


def _refuse_last(node: Node) -> None:
    if node.integer("channels_last", 0):
        raise node.unsupported("with channels_last")


@converts_codes(f"{_MS}QLinearSoftmax")
def softmax(node: Node) -> None:
    """One array, output; the rules of an axis are those of the operator set it names."""
    target = _unary(node)
    out = under(node, target)
    softmax_of(out, QLinearSoftmax, node.integer("opset", 13), kind=target.code.kind)
    quantized.settle(node, target, real=False)


@converts_codes(f"{_MS}QLinearSigmoid", f"{_MS}QLinearLeakyRelu")
def unary(node: Node) -> None:
    """One array, output."""
    target = _unary(node)
    sigmoid = node.code.endswith("Sigmoid")
    quantized.table(node, target, FUNCTIONS["Sigmoid"] if sigmoid else leaky_relu(node))
    quantized.settle(node, target, real=False)


@converts_codes(f"{_MS}QLinearConcat")
def concat(node: Node) -> None:
    """Output, then array, scale and zero point of each."""
    count = len(node.inputs) - 2
    if count < 3 or count % 3:
        raise node.error(f"has {len(node.inputs)} inputs")
    target = _target(node, 0)
    for index in range(2, len(node.inputs), 3):
        code = code_of(node, index + 1, index + 2)
        codes_in(node, index, code)
        quantized.same_code(node, target.code, [code])
    places = range(2, len(node.inputs), 3)
    together(node, target, [node.inputs[index] for index in places])
    quantized.settle(node, target, real=False)


def together(node: Node, target: Target, names: list[str]) -> None:
    """Join arrays in codes under the code of ``target``, along the axis of the node."""
    moved = [recoded(node, target, name, place) for place, name in enumerate(names)]
    move_together(quantized.reading(under(node, target), moved))


def recoded(node: Node, target: Target, name: str, place: int) -> str:
    """Return the name of a value that holds another one under the code of ``target``."""
    made = node.build.fresh(f"{node.outputs[0]}:part{place}")
    part = quantized.reading(node, [name])
    quantized.table(part, Target(target.code, made), lambda real: real)
    give_codes(quantized.writing(part, made), node.build.values[made], target.code, real=False)
    return made
