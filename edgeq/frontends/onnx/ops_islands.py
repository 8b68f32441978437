"""Float operators between DequantizeLinear and QuantizeLinear: one operation on codes each."""

from __future__ import annotations

import numpy as np

from edgeq.frontends.nchw import arithmetic, convolution
from edgeq.frontends.onnx import quantized
from edgeq.frontends.onnx.codes import (
    HIGH,
    LOW,
    Code,
    Coded,
    bias_of,
    give_codes,
    held_code,
    is_coded,
    mark,
)
from edgeq.frontends.onnx.converter import CONVERTERS, converts_islands
from edgeq.frontends.onnx.functions import FUNCTIONS, WITH_ATTRIBUTES
from edgeq.frontends.onnx.node import Node
from edgeq.frontends.onnx.ops_arithmetic import clip_bounds, softmax_of
from edgeq.frontends.onnx.ops_quantized import together
from edgeq.frontends.onnx.targets import Target, is_whole, target_of, under, wanted
from edgeq.numerics import onnx
from edgeq.ops.activation import Activation
from edgeq.ops.qlinear_global_average_pool import QLinearGlobalAveragePool
from edgeq.ops.qlinear_softmax import QLinearSoftmax
from edgeq.ops.relu import Relu

# What a bias's scale may be off from the product of those of input and weights, as a part of it:
# writers form the product in float32 or float64, and their roundings stay far below this.
SCALE_SLACK = np.float32(1e-5)


def _weights(node: Node, index: int) -> Coded:
    """Return constant weights that were codes."""
    found = node.islands.coded.get(node.input(index))
    if found is None:
        raise node.unsupported("with weights that are not constant codes")
    return found


def _bias(node: Node, index: int, held: Coded, channels: int) -> str | None:
    """Return the bias in int32, whose scale is the product of those of input and weights."""
    if not node.has(index):
        return None
    name = node.input(index)
    with np.errstate(all="ignore"):
        step = np.float32(held_code(node, 0).scale) * np.ravel(held.scale).astype(np.float32)
    coded = node.islands.coded.get(name)
    if coded is None:
        return bias_of(node, _quantized(node, index, step), channels, name)
    # ONNX Runtime takes the codes as they are.
    if not _is_step(np.ravel(coded.scale), step) or coded.zero.any():
        raise node.unsupported("with biases of another scale than that of the sums")
    return bias_of(node, coded.codes, channels, name)


def _is_step(scale: np.ndarray, step: np.ndarray) -> bool:
    """Tell whether the scales of a bias are those of the sums, ``step``."""
    with np.errstate(all="ignore"):
        near = np.abs(scale - step) <= SCALE_SLACK * step
    return bool(np.logical_and(near, np.isfinite(step)).all())


def _quantized(node: Node, index: int, step: np.ndarray) -> np.ndarray:
    real = node.weights(index, "biases")
    with np.errstate(all="ignore"):
        codes = np.rint(np.ravel(real) / step)
    if not (np.abs(codes) < 2**31).all():
        raise node.unsupported("with biases beyond 32 bits at the scale of the sums")
    return codes.astype(np.int32)


@converts_islands("Conv")
def conv(node: Node) -> None:
    """Image, constant weights, optional bias."""
    node.expect(3, optional=1)
    target, held = wanted(node), _weights(node, 1)
    bias = _bias(node, 2, held, held.codes.shape[0] if held.codes.ndim else 0)
    quantized.conv(node, target, held, node.inputs[1], bias)
    quantized.settle(node, target, real=True)


@converts_islands("MatMul")
def mat_mul(node: Node) -> None:
    """Rows, and a matrix that is constant or computed."""
    node.expect(2)
    if is_coded(node, node.inputs[1]):
        held_code(node, 0)
        target = wanted(node)
        quantized.product(node, target, 1)
    else:
        held = _weights(node, 1)
        added = _added(node, held)
        target = wanted(node if added is None else added[0])
        bias = None
        if added is not None:
            with_bias = quantized.reading(node, [*node.inputs, added[1]])
            bias = _bias(with_bias, 2, held, held.codes.shape[-1])
            node.islands.done.add(added[0].index)
        quantized.dense(node, target, held, node.inputs[1], bias)
    quantized.settle(node, target, real=True)


def _added(node: Node, held: Coded) -> tuple[Node, str] | None:
    """Return the Add that alone reads a product with a matrix, and the constant row that it adds.

    ONNX Runtime makes a Gemm of both, whose bias it quantizes.
    """
    name = node.outputs[0]
    readers = node.islands.readers.get(name, [])
    if len(readers) != 1 or readers[0].code != "Add" or name in node.islands.outputs:
        return None
    others = [other for other in readers[0].inputs if other != name]
    row = node.build.constants.get(others[0]) if len(others) == 1 else None
    if row is None or row.shape != held.codes.shape[1:] or len(node.value().seen) < 2:
        return None
    return readers[0], others[0]


@converts_islands("Gemm")
def gemm(node: Node) -> None:
    """Rows, a constant matrix, optional bias."""
    node.expect(3, optional=1)
    scaled = node.real("alpha", 1.0) != 1.0 or (node.has(2) and node.real("beta", 1.0) != 1.0)
    if node.integer("transA", 0) or scaled:
        raise node.unsupported("with transA, alpha or beta")
    target, held = wanted(node), _weights(node, 1)
    if held.codes.ndim != 2:
        raise node.error(f"weights have shape {held.codes.shape}, expected 2 dimensions")
    if node.integer("transB", 0):
        axis = None if held.axis is None else 1 - held.axis
        held = Coded(held.codes.T, held.scale, held.zero, axis)
    bias = _bias(node, 2, held, held.codes.shape[1])
    quantized.dense(node, target, held, node.inputs[1], bias)
    quantized.settle(node, target, real=True)


@converts_islands("AveragePool")
def average_pool(node: Node) -> None:
    """One image."""
    node.expect(1)
    target = wanted(node)
    quantized.same_code(node, target.code, [held_code(node, 0)])
    quantized.average_pool(node, target, quantized.UNSIGNED)
    quantized.settle(node, target, real=True)


@converts_islands("GlobalAveragePool")
def global_average_pool(node: Node) -> None:
    """One image."""
    node.expect(1)
    target = wanted(node)
    out = under(node, target)
    convolution.whole_average(out, QLinearGlobalAveragePool, kind=target.code.kind)
    quantized.settle(node, target, real=True)


@converts_islands("Softmax")
def softmax(node: Node) -> None:
    """One array."""
    node.expect(1)
    target = wanted(node)
    softmax_of(under(node, target), QLinearSoftmax, node.opset, kind=target.code.kind)
    quantized.settle(node, target, real=True)


@converts_islands(*FUNCTIONS, *WITH_ATTRIBUTES)
def unary(node: Node) -> None:
    """One array."""
    node.expect(1)
    plain = FUNCTIONS.get(node.code)
    quantized.tabled(node, WITH_ATTRIBUTES[node.code](node) if plain is None else plain)


@converts_islands("Relu", "Clip")
def clamp(node: Node) -> None:
    """One array: bounds become codes, since rounding keeps the order of numbers."""
    low, high = (0.0, None) if node.code == "Relu" else clip_bounds(node)
    node_of_x = quantized.reading(node, node.inputs[:1])
    held, target = held_code(node, 0), target_of(node)
    if target is not None and (target.code.scale, target.code.zero) != (held.scale, held.zero):

        def clamped(real: np.ndarray) -> np.ndarray:
            return np.clip(real, low, high) if (low, high) != (None, None) else real

        quantized.table(node_of_x, target, clamped)
        quantized.settle(node, target, real=True)
        return
    bounds = (
        LOW if low is None else _bound(low, held),
        HIGH if high is None else _bound(high, held),
    )
    clamp_codes(node_of_x, held, *bounds, real=True)


def _bound(number: float, code: Code) -> int:
    stated = code.zero + code.origin
    found = onnx.quantized(np.array(number), code.scale, stated, code.bounds)
    return int(found) - code.origin


def clamp_codes(node: Node, code: Code, low: int, high: int, *, real: bool) -> None:
    """Clamp input 0, in ``code``, between two int8 codes."""
    value = node.value()
    if is_whole(low, high):
        give_codes(node, value, code, real=real)
        return
    if (low, high) == (code.zero, HIGH):
        made = arithmetic.each(node, value, Relu, activation=Activation.RELU)
        give_codes(node, made, code, real=real)
        return
    target = Target(code, node.outputs[0])
    quantized.look_up(node, target, np.clip(np.arange(LOW, HIGH + 1), low, high))
    quantized.settle(node, target, real=real)


@converts_islands("Resize", "Upsample")
def resize(node: Node) -> None:
    """One image, whose nearest codes are copied."""
    if node.text("mode", "nearest") != "nearest":
        raise node.unsupported("with interpolation, in floating point")
    move(node)


@converts_islands("Concat")
def concat(node: Node) -> None:
    """Any number of arrays."""
    node.expect(max(1, len(node.inputs)))
    codes = [held_code(node, index) for index in range(len(node.inputs))]
    found = target_of(node)
    if found is None and len(set(codes)) > 1:
        raise node.unsupported("of several codes, in floating point: its result is not quantized")
    target = found or Target(codes[0], node.outputs[0])
    quantized.same_code(node, target.code, codes)
    together(node, target, list(node.inputs))
    quantized.settle(node, target, real=True)


@converts_islands("Identity", "Dropout", "Transpose", "Reshape", "Flatten", "Squeeze")
@converts_islands("Unsqueeze", "Split", "Slice", "Gather", "MaxPool", "GlobalMaxPool")
@converts_islands("DepthToSpace", "SpaceToDepth")
def move(node: Node) -> None:
    """One array, whose codes move and stay what they are."""
    unsigned = held_code(node, 0).origin != 0
    real = node.inputs[0] in node.islands.real
    CONVERTERS[node.code](node)
    for index, name in enumerate(node.outputs):
        if name:
            mark(node, unsigned, real=real, index=index)
