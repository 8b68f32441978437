"""Float network to integer graph, as in Jacob et al. 2017: the paper's own scheme, in short.

``real = scale * (code - zero point)`` with one scale for each array (section 2.1): uint8
activations over the ranges seen, uint8 weights over their own range, int32 biases (2.4, 3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from dataset import PIXEL
from network import Conv, Dense, Depthwise, Layer, MaxPool, Network

from edgeq.ir.graph import Graph, Operands, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ir.verify import verify
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.softmax import Softmax

Range = tuple[float, float]
Tensors = list[Tensor]

PROBABILITY = QuantParams.per_tensor(1 / 256)


def affine(low: float, high: float, first: int = 0) -> QuantParams:
    """Return the code that spreads ``first``..255 over a range, with 0.0 exactly on one code."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / (255 - first)
    return QuantParams.per_tensor(scale, round(first - low / scale))


def weights_tensor(name: str, weights: np.ndarray) -> Tensor:
    """Quantize weights; code 0 stays unused, so that as int8 they never are -128 (3, app. B)."""
    quant = affine(float(weights.min()), float(weights.max()), first=1)
    codes = np.rint(weights.astype(np.float64) / quant.scale[0]) + quant.zero_point[0]
    return Tensor(name, weights.shape, DType.UINT8, quant, np.clip(codes, 1, 255))


def bias_tensor(name: str, bias: np.ndarray, x: Tensor, weights: Tensor) -> Tensor:
    """Quantize a bias in the scale of the accumulator it is added to (2.4)."""
    scale = x.scale * weights.scale
    codes = np.rint(bias.astype(np.float64) / scale)
    return Tensor(name, bias.shape, DType.INT32, QuantParams.per_tensor(scale), codes)


def quantize(network: Network, ranges: Mapping[str, Range]) -> Graph:
    """Return the integer graph of a trained network; ``ranges`` are those of its answers."""
    x = Tensor("image", (1, 8, 8, 1), DType.UINT8, QuantParams.per_tensor(PIXEL))
    tensors, ops = [x], []
    for name, layer in network.items():
        constants = _constants(name, layer, x)
        # The largest of some codes is one of them: pooling keeps its input's code.
        quant = x.quant if isinstance(layer, MaxPool) else affine(*ranges[name])
        make, fields = OPS[type(layer)], attributes(layer)
        x, op = _apply(make, name, [x, *constants], quant, fields)
        tensors += [*constants, x]
        ops.append(op)
    x, op = _apply(Softmax, "probabilities", [x], PROBABILITY, {})
    named = {tensor.name: tensor for tensor in (*tensors, x)}
    return verify(Graph("digits", named, (*ops, op), ("image",), (x.name,), numerics="gemmlowp"))


OPS: Mapping[type[Layer], Callable[..., Op]] = {
    Conv: Conv2D,
    Depthwise: DepthwiseConv2D,
    MaxPool: MaxPool2D,
    Dense: FullyConnected,
}


def attributes(layer: Layer) -> dict[str, Any]:
    if isinstance(layer, (Conv, Depthwise)):
        padding = Padding(layer.pad, layer.pad, layer.pad, layer.pad)
        stride = (layer.stride, layer.stride)
        return {"stride": stride, "padding": padding, "activation": Activation.RELU}
    return {"window": (2, 2), "stride": (2, 2)} if isinstance(layer, MaxPool) else {}


def _constants(name: str, layer: Layer, x: Tensor) -> Tensors:
    if not layer.parameters:
        return []
    weights = weights_tensor(f"{name}_weights", layer.parameters["weights"])
    return [weights, bias_tensor(f"{name}_bias", layer.parameters["bias"], x, weights)]


def _apply(
    make: Callable[..., Op], name: str, ins: Tensors, quant: QuantParams, attributes: dict[str, Any]
) -> tuple[Tensor, Op]:
    """Return the operation and the tensor it writes."""
    op = make(inputs=tuple(t.name for t in ins), outputs=(name,), source=name, **attributes)
    (shape,) = op.shapes(Operands(tuple(ins), ()))
    return Tensor(name, shape, DType.UINT8, quant), op
