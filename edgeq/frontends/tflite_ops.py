"""One function for each .tflite operator: node to operations."""

from __future__ import annotations

from collections.abc import Callable

from edgeq.frontends.tflite_node import Node
from edgeq.ir.types import DType
from edgeq.ops._accumulate import ScaleProduct
from edgeq.ops._spatial import Padding, Pair, same_padding
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.arg_max import ArgMax
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.base import Op
from edgeq.ops.concat import Concat
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.dequantize import Dequantize
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.hard_swish import HardSwish
from edgeq.ops.log_softmax import LogSoftmax
from edgeq.ops.logistic import Logistic
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.mean import Mean
from edgeq.ops.mul import Mul
from edgeq.ops.pack import Pack
from edgeq.ops.pad import Pad
from edgeq.ops.quantize import Quantize
from edgeq.ops.relu import Relu
from edgeq.ops.requantize import Requantize
from edgeq.ops.reshape import Reshape
from edgeq.ops.resize_bilinear import ResizeBilinear
from edgeq.ops.resize_nearest import ResizeNearest
from edgeq.ops.shape import ShapeOf
from edgeq.ops.softmax import Softmax
from edgeq.ops.split import Split
from edgeq.ops.tanh import Tanh
from edgeq.ops.transpose import Transpose

CONVERTERS: dict[str, Callable[[Node], list[Op]]] = {}


def _converts(*codes: str) -> Callable[[Callable[[Node], list[Op]]], Callable[[Node], list[Op]]]:
    def enter(function: Callable[[Node], list[Op]]) -> Callable[[Node], list[Op]]:
        CONVERTERS.update((code, function) for code in codes)
        return function

    return enter


def _padding(node: Node, kind: str, window: Pair, stride: Pair, dilation: Pair) -> Padding:
    code = node.option(kind, "Padding", 0)
    if code not in (0, 1):
        raise node.error(f"padding {code}")
    shape = node.tensor(0).shape
    if len(shape) != 4:
        raise node.error(f"input has shape {shape}, expected 4 dimensions")
    if min(*window, *stride, *dilation) < 1:
        raise node.error("window, stride and dilation must be >= 1")
    return same_padding(shape[1:3], window, stride, dilation) if code == 0 else Padding()


def _convolution(node: Node, kind: str, cls: type[Conv2D] | type[DepthwiseConv2D]) -> list[Op]:
    node.expect(3, optional=1)
    weights = node.tensor(1).shape
    if len(weights) != 4:
        raise node.error(f"weights have shape {weights}, expected 4 dimensions")
    stride = (node.option(kind, "StrideH", 1), node.option(kind, "StrideW", 1))
    dilation = (
        node.option(kind, "DilationHFactor", 1),
        node.option(kind, "DilationWFactor", 1),
    )
    uint8 = node.tensor(0).dtype is DType.UINT8
    return [
        cls(
            inputs=node.present,
            outputs=node.outputs,
            source=node.source,
            stride=stride,
            dilation=dilation,
            padding=_padding(node, kind, weights[1:3], stride, dilation),
            activation=node.activation(kind),
            scale_product=ScaleProduct.FLOAT32 if uint8 else ScaleProduct.FLOAT64,
        )
    ]


@_converts("CONV_2D")
def _conv2d(node: Node) -> list[Op]:
    return _convolution(node, "Conv2DOptions", Conv2D)


@_converts("DEPTHWISE_CONV_2D")
def _depthwise_conv2d(node: Node) -> list[Op]:
    return _convolution(node, "DepthwiseConv2DOptions", DepthwiseConv2D)


@_converts("FULLY_CONNECTED")
def _fully_connected(node: Node) -> list[Op]:
    kind = "FullyConnectedOptions"
    node.expect(3, optional=1)
    if node.option(kind, "WeightsFormat", 0) != 0:
        raise node.error("shuffled weights are not supported")
    quant = node.tensor(1).quant
    per_channel = quant is not None and quant.per_channel
    return [
        FullyConnected(
            inputs=node.present,
            outputs=node.outputs,
            source=node.source,
            keep_dims=bool(node.option(kind, "KeepNumDims", False)),
            activation=node.activation(kind),
            scale_product=ScaleProduct.FLOAT64 if per_channel else ScaleProduct.FLOAT32,
        )
    ]


@_converts("AVERAGE_POOL_2D", "MAX_POOL_2D")
def _pool(node: Node) -> list[Op]:
    kind = "Pool2DOptions"
    node.expect(1)
    window = (node.option(kind, "FilterHeight", 1), node.option(kind, "FilterWidth", 1))
    stride = (node.option(kind, "StrideH", 1), node.option(kind, "StrideW", 1))
    fields = {
        "inputs": node.inputs,
        "outputs": node.outputs,
        "source": node.source,
        "window": window,
        "stride": stride,
        "padding": _padding(node, kind, window, stride, (1, 1)),
        "activation": node.activation(kind),
    }
    if node.code == "MAX_POOL_2D":
        return [MaxPool2D(**fields)]
    return [AveragePool2D(**fields, round_half_up=node.tensor(0).dtype is DType.UINT8)]


@_converts("ADD")
def _add(node: Node) -> list[Op]:
    node.expect(2)
    activation = node.activation("AddOptions")
    return [
        Add(inputs=node.inputs, outputs=node.outputs, source=node.source, activation=activation)
    ]


@_converts("MUL")
def _mul(node: Node) -> list[Op]:
    node.expect(2)
    activation = node.activation("MulOptions")
    return [
        Mul(inputs=node.inputs, outputs=node.outputs, source=node.source, activation=activation)
    ]


@_converts("QUANTIZE")
def _quantize(node: Node) -> list[Op]:
    node.expect(1)
    cls = Quantize if node.tensor(0).dtype.is_float else Requantize
    return [cls(inputs=node.inputs, outputs=node.outputs, source=node.source)]


_ACTIVATIONS = {
    "RELU": Activation.RELU,
    "RELU6": Activation.RELU6,
    "RELU_N1_TO_1": Activation.RELU_N1_TO_1,
}


@_converts(*_ACTIVATIONS)
def _relu(node: Node) -> list[Op]:
    node.expect(1)
    activation = _ACTIVATIONS[node.code]
    return [
        Relu(inputs=node.inputs, outputs=node.outputs, source=node.source, activation=activation)
    ]


_UNARY: dict[str, type[Op]] = {
    "LOGISTIC": Logistic,
    "TANH": Tanh,
    "HARD_SWISH": HardSwish,
    "LOG_SOFTMAX": LogSoftmax,
    "DEQUANTIZE": Dequantize,
    "SHAPE": ShapeOf,
}


@_converts(*_UNARY)
def _unary(node: Node) -> list[Op]:
    node.expect(1)
    cls = _UNARY[node.code]
    return [cls(inputs=node.inputs, outputs=node.outputs, source=node.source)]


@_converts("SOFTMAX")
def _softmax(node: Node) -> list[Op]:
    node.expect(1)
    beta = float(node.option("SoftmaxOptions", "Beta", 1.0))
    return [Softmax(inputs=node.inputs, outputs=node.outputs, source=node.source, beta=beta)]


@_converts("ARG_MAX")
def _arg_max(node: Node) -> list[Op]:
    node.expect(2)
    axes = node.integers(1, "axes")
    if len(axes) != 1:
        raise node.error(f"{len(axes)} axes, expected 1")
    axis = node.axis(axes[0], len(node.tensor(0).shape))
    return [ArgMax(inputs=node.inputs[:1], outputs=node.outputs, source=node.source, axis=axis)]


@_converts("MEAN")
def _mean(node: Node) -> list[Op]:
    node.expect(2)
    rank = len(node.tensor(0).shape)
    axes = tuple(sorted({node.axis(a, rank) for a in node.integers(1, "axes")}))
    keep = bool(node.option("ReducerOptions", "KeepDims", False))
    return [
        Mean(
            inputs=node.inputs[:1],
            outputs=node.outputs,
            source=node.source,
            axes=axes,
            keep_dims=keep,
        )
    ]


@_converts("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
def _reshape(node: Node) -> list[Op]:
    # The output's shape in the file is what a shape operand would compute.
    shape = node.output().shape
    return [Reshape(inputs=node.inputs[:1], outputs=node.outputs, source=node.source, shape=shape)]


@_converts("CONCATENATION")
def _concat(node: Node) -> list[Op]:
    kind = "ConcatenationOptions"
    if node.activation(kind) is not Activation.NONE:
        raise node.error("a concatenation with a fused activation is not supported")
    axis = node.axis(node.option(kind, "Axis", 0), len(node.output().shape))
    return [Concat(inputs=node.present, outputs=node.outputs, source=node.source, axis=axis)]


@_converts("SPLIT", "SPLIT_V")
def _split(node: Node) -> list[Op]:
    explicit = node.code == "SPLIT_V"
    value, axis_at = (0, 2) if explicit else (1, 0)
    node.expect(3 if explicit else 2, len(node.outputs))
    axes = node.integers(axis_at, "axes")
    if len(axes) != 1:
        raise node.error(f"{len(axes)} axes, expected 1")
    axis = node.axis(axes[0], len(node.tensor(value).shape))
    sizes = tuple(
        node.output(i).shape[axis] if axis < len(node.output(i).shape) else 0
        for i in range(len(node.outputs))
    )
    inputs = (node.inputs[value],)
    return [
        Split(inputs=inputs, outputs=node.outputs, source=node.source, axis=axis, sizes=sizes)
    ]


@_converts("PAD", "PADV2")
def _pad(node: Node) -> list[Op]:
    node.expect(3, optional=1)
    flat = node.integers(1, "paddings")
    if len(flat) != 2 * len(node.tensor(0).shape):
        raise node.error(f"{len(flat)} paddings for {len(node.tensor(0).shape)} dimensions")
    quant = node.tensor(0).quant
    value = 0 if quant is None else quant.zero_point[0]
    if len(node.present) == 3:
        value = node.integers(2, "pad values")[0]
    pads = tuple(zip(flat[::2], flat[1::2], strict=True))
    inputs = node.inputs[:1]
    return [
        Pad(inputs=inputs, outputs=node.outputs, source=node.source, paddings=pads, value=value)
    ]


@_converts("TRANSPOSE")
def _transpose(node: Node) -> list[Op]:
    node.expect(2)
    rank = len(node.tensor(0).shape)
    perm = tuple(node.axis(axis, rank) for axis in node.integers(1, "permutation"))
    return [Transpose(inputs=node.inputs[:1], outputs=node.outputs, source=node.source, perm=perm)]


def _resize(node: Node, kind: str) -> dict[str, object]:
    node.expect(2)
    size = node.integers(1, "sizes")
    if len(size) != 2:
        raise node.error(f"{len(size)} sizes, expected 2")
    return {
        "inputs": node.inputs[:1],
        "outputs": node.outputs,
        "source": node.source,
        "size": size,
        "align_corners": bool(node.option(kind, "AlignCorners", False)),
        "half_pixel_centers": bool(node.option(kind, "HalfPixelCenters", False)),
    }


@_converts("RESIZE_BILINEAR")
def _resize_bilinear(node: Node) -> list[Op]:
    return [ResizeBilinear(**_resize(node, "ResizeBilinearOptions"))]  # type: ignore[arg-type]


@_converts("RESIZE_NEAREST_NEIGHBOR")
def _resize_nearest(node: Node) -> list[Op]:
    return [ResizeNearest(**_resize(node, "ResizeNearestNeighborOptions"))]  # type: ignore[arg-type]


@_converts("PACK")
def _pack(node: Node) -> list[Op]:
    axis = node.axis(node.option("PackOptions", "Axis", 0), len(node.output().shape))
    return [Pack(inputs=node.present, outputs=node.outputs, source=node.source, axis=axis)]
