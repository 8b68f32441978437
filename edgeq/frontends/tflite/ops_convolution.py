"""Convolutions, fully connected layers and pooling."""

from __future__ import annotations

from edgeq.frontends.tflite.converter import CODES, converts
from edgeq.frontends.tflite.node import Node
from edgeq.ir.types import DType
from edgeq.ops._accumulate import ScaleProduct
from edgeq.ops._spatial import Padding, Pair, same_padding
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.transpose_conv2d import TransposeConv2D

_SAME, _VALID = 0, 1
_ROW_MAJOR = 0


def _padding(node: Node, kind: str, window: Pair, stride: Pair, dilation: Pair) -> Padding:
    code = node.required(kind, "Padding")
    if code not in (_SAME, _VALID):
        raise node.error(f"padding {code} is not known")
    image = node.image()
    if min(*window, *stride, *dilation) < 1:
        raise node.error("window, stride and dilation must be >= 1")
    if code == _VALID:
        return Padding()
    return same_padding((image[1], image[2]), window, stride, dilation)


def _check_weight_codes(node: Node, *, per_channel_only: bool = False) -> None:
    """Raise for weight codes that no runtime computes with.

    int8 weights are symmetric (a per-tensor fully connected layer alone takes a zero point), and
    uint8 weights have one scale.
    """
    x, quant = node.tensor(0), node.tensor(1).quant
    if quant is None or x.dtype.is_float:
        return
    if x.dtype is DType.UINT8 and quant.per_channel:
        raise node.unsupported("of uint8 with weight scales per channel")
    symmetric = quant.per_channel or not per_channel_only
    if x.dtype is DType.INT8 and symmetric and any(quant.zero_point):
        raise node.error("int8 weights have a zero point other than 0")


def _convolution(node: Node, kind: str, cls: type[Conv2D] | type[DepthwiseConv2D]) -> list[Op]:
    node.expect(3, optional=1)
    weights = node.tensor(1).shape
    if len(weights) != 4:
        raise node.error(f"weights have shape {weights}, expected 4 dimensions")
    _check_weight_codes(node)
    narrow = len(node.present) == 3 and node.tensor(2).dtype is DType.INT32
    if cls is DepthwiseConv2D and node.tensor(0).dtype is DType.INT16 and narrow:
        raise node.unsupported("of int16 data with an int32 bias")
    window = (weights[1], weights[2])
    stride = (node.required(kind, "StrideH"), node.required(kind, "StrideW"))
    dilation = (node.required(kind, "DilationHFactor"), node.required(kind, "DilationWFactor"))
    uint8 = node.tensor(0).dtype is DType.UINT8
    return [
        cls(
            inputs=node.present,
            outputs=node.outputs,
            source=node.source,
            stride=stride,
            dilation=dilation,
            padding=_padding(node, kind, window, stride, dilation),
            activation=node.activation(kind),
            scale_product=ScaleProduct.FLOAT32 if uint8 else ScaleProduct.FLOAT64,
        )
    ]


@converts("CONV_2D", types=CODES)
def conv_2d(node: Node) -> list[Op]:
    """Input, weights [O,KH,KW,I], optional bias."""
    return _convolution(node, "Conv2DOptions", Conv2D)


@converts("DEPTHWISE_CONV_2D", types=CODES)
def depthwise_conv_2d(node: Node) -> list[Op]:
    """Input, weights [1,KH,KW,O], optional bias; the shapes give the depth multiplier."""
    return _convolution(node, "DepthwiseConv2DOptions", DepthwiseConv2D)


@converts("TRANSPOSE_CONV", types=CODES, data=2)
def transpose_conv(node: Node) -> list[Op]:
    """Shape of the output, weights [O,KH,KW,I], input, optional bias.

    A shape that is an input of the network can only be what the output's tensor says.
    """
    kind = "TransposeConvOptions"
    node.expect(4, optional=1)
    known = node.tensor(0).is_constant
    size = node.integers(0, "extents") if known else node.output().shape
    weights = node.tensor(1).shape
    if len(size) != 4 or len(weights) != 4 or min(size) < 1:
        raise node.error(f"output {size} and weights {weights}, expected 4 dimensions")
    stride = (int(node.required(kind, "StrideH")), int(node.required(kind, "StrideW")))
    code = node.required(kind, "Padding")
    if code not in (_SAME, _VALID) or min(stride) < 1:
        raise node.error(f"padding {code}, stride {stride}")
    if node.tensor(2).dtype is DType.UINT8 and _per_channel(node):
        raise node.unsupported("of uint8 with weight scales per channel")
    crop = [
        _cropped(extent, window, step, code == _SAME)
        for extent, window, step in zip(size[1:3], weights[1:3], stride, strict=True)
    ]
    uint8 = node.tensor(2).dtype is DType.UINT8
    present = (node.inputs[2], node.inputs[1], *(name for name in node.inputs[3:] if name))
    return [
        TransposeConv2D(
            inputs=present,
            outputs=node.outputs,
            source=node.source,
            size=(size[1], size[2]),
            stride=stride,
            crop=(crop[0], crop[1]),
            activation=node.activation(kind),
            scale_product=ScaleProduct.FLOAT32 if uint8 else ScaleProduct.FLOAT64,
            same=code == _SAME,
        )
    ]


def _per_channel(node: Node) -> bool:
    quant = node.tensor(1).quant
    return quant is not None and quant.per_channel


def _cropped(extent: int, window: int, stride: int, same: bool) -> int:
    """Return what a convolution of the output would be padded with in front.

    >>> _cropped(4, 3, 2, True), _cropped(5, 3, 2, False)
    (0, 0)
    """
    count = -(-extent // stride) if same else -(-(extent - window + 1) // stride)
    return max((count - 1) * stride + window - extent, 0) // 2


@converts("FULLY_CONNECTED", types=CODES)
def fully_connected(node: Node) -> list[Op]:
    """Input, weights [O,I], optional bias."""
    kind = "FullyConnectedOptions"
    node.expect(3, optional=1)
    if node.option(kind, "WeightsFormat", _ROW_MAJOR) != _ROW_MAJOR:
        raise node.unsupported("with shuffled weights")
    _check_weight_codes(node, per_channel_only=True)
    return [
        FullyConnected(
            inputs=node.present,
            outputs=node.outputs,
            source=node.source,
            keep_dims=bool(node.option(kind, "KeepNumDims", False)),
            activation=node.activation(kind),
            scale_product=ScaleProduct.FLOAT64,
        )
    ]


def _pool(node: Node) -> dict[str, object]:
    kind = "Pool2DOptions"
    node.expect(1)
    window = (node.required(kind, "FilterHeight"), node.required(kind, "FilterWidth"))
    stride = (node.required(kind, "StrideH"), node.required(kind, "StrideW"))
    return {
        **node.ports,
        "window": window,
        "stride": stride,
        "padding": _padding(node, kind, window, stride, (1, 1)),
        "activation": node.activation(kind),
    }


@converts("MAX_POOL_2D", types=CODES)
def max_pool_2d(node: Node) -> list[Op]:
    """One image."""
    return [MaxPool2D(**_pool(node))]  # type: ignore[arg-type]


@converts("AVERAGE_POOL_2D", types=CODES)
def average_pool_2d(node: Node) -> list[Op]:
    """One image."""
    facts = _pool(node)
    uint8 = node.tensor(0).dtype is DType.UINT8
    return [AveragePool2D(**facts, round_half_up=uint8)]  # type: ignore[arg-type]
