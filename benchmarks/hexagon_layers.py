"""Networks of one layer each, in the sizes whose packets are counted on Hexagon."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType, Shape
from edgeq.ir.verify import verify
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.logistic import Logistic
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.mul import Mul

SAME = Padding(1, 1, 1, 1)
# One row and column less than at stride 1: the last window ends where the image does.
SAME_BY_TWO = Padding(0, 1, 0, 1)
SCALE = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    """A layer in a network, and the most packets that it may take of each multiply or byte."""

    kind: str
    graph: Graph
    goal: float


def samples() -> Iterable[Sample]:
    """Yield the layers of every kind."""
    for size, channels, outputs in ((14, 256, 256), (28, 128, 128), (7, 1024, 1024)):
        yield _conv("pointwise", (1, size, size, channels), outputs, 1, 0.0055)
    yield _conv("pointwise", (1, 25, 5, 64), 64, 1, 0.0075)
    yield _conv("pointwise", (1, 56, 56, 64), 128, 1, 0.0075)
    yield _conv("3x3", (1, 28, 28, 32), 64, 3, 0.0055)
    yield _conv("3x3", (1, 14, 14, 128), 128, 3, 0.0055)
    for size, channels in ((56, 128), (14, 512), (112, 32)):
        for stride in (1, 2):
            yield _depthwise((1, size, size, channels), stride)
    # In networks the sum has the larger scale, and a linear form of both codes; here not always.
    for scale in (0.067, SCALE):
        yield _add((1, 56, 56, 64), scale)
    yield _mul((1, 56, 56, 64))
    yield _table((1, 32, 32, 64))


def _conv(kind: str, shape: Shape, outputs: int, kernel: int, goal: float) -> Sample:
    w = (outputs, kernel, kernel, shape[3])
    padding = SAME if kernel > 1 else Padding()
    op = Conv2D(
        inputs=("x", "w", "bias"), outputs=("y",), padding=padding, activation=Activation.RELU6
    )
    y = (*shape[:3], outputs)
    title = f"{kind} {shape[1]}x{shape[2]}, {shape[3]} to {outputs}"
    return Sample(title, _network(op, shape, y, _weights(w, 0, outputs)), goal)


def _depthwise(shape: Shape, stride: int) -> Sample:
    channels = shape[3]
    op = DepthwiseConv2D(
        inputs=("x", "w", "bias"),
        outputs=("y",),
        stride=(stride, stride),
        padding=SAME if stride == 1 else SAME_BY_TWO,
        activation=Activation.RELU6,
    )
    y = (1, shape[1] // stride, shape[2] // stride, channels)
    title = f"depthwise 3x3, stride {stride}, {shape[1]}x{shape[2]}x{channels}"
    graph = _network(op, shape, y, _weights((1, 3, 3, channels), 3, channels))
    return Sample(title, graph, 0.030)


def _add(shape: Shape, scale: float) -> Sample:
    op = Add(inputs=("x", "other"), outputs=("y",))
    more = {"other": _codes("other", shape, 0.031, 3), "y": _codes("y", shape, scale, 2)}
    graph = _network(op, shape, shape, more)
    title = f"residual add, {shape[1]}x{shape[2]}x{shape[3]}, scales {SCALE} and 0.031 to {scale}"
    return Sample(title, graph, 0.20)


def _mul(shape: Shape) -> Sample:
    op = Mul(inputs=("x", "other"), outputs=("y",))
    more = {"other": _codes("other", shape, 0.031, 3), "y": _codes("y", shape, 0.3, 2)}
    title = f"product, {shape[1]}x{shape[2]}x{shape[3]}"
    return Sample(title, _network(op, shape, shape, more), 0.20)


def _table(shape: Shape) -> Sample:
    op = Logistic(inputs=("x",), outputs=("y",))
    graph = _network(op, shape, shape, {"y": _codes("y", shape, 1 / 256, -128)})
    return Sample(f"table lookup, {shape[1] * shape[2] * shape[3]:,} bytes", graph, 0.07)


def _codes(name: str, shape: Shape, scale: float = SCALE, zero: int = -4) -> Tensor:
    return Tensor(name, shape, DType.INT8, QuantParams.per_tensor(scale, zero))


def _weights(shape: Shape, axis: int, channels: int) -> dict[str, Tensor]:
    rng = np.random.default_rng(0)
    terms = int(np.prod(shape)) // channels
    # Outputs that use the codes there are, each channel with a shift of its own.
    scales = tuple(float(s) for s in rng.uniform(0.2, 1.0, channels) / 50 / terms**0.5)
    wide = QuantParams(tuple(s * SCALE for s in scales), (0,) * channels, 0)
    w = rng.integers(-127, 128, shape)
    bias = rng.integers(-1000, 1000, channels)
    return {
        "w": Tensor("w", shape, DType.INT8, QuantParams(scales, (0,) * channels, axis), w),
        "bias": Tensor("bias", (channels,), DType.INT32, wide, bias),
    }


def _network(op: Op, x: Shape, y: Shape, more: dict[str, Tensor]) -> Graph:
    """Return a network of a layer between others: what it reads and writes is in the arena."""
    tensors = {"x": _codes("x", x), "y": _codes("y", y), **more}
    ops: list[Op] = []
    ports = [name for name in (*op.inputs, "y") if not tensors[name].is_constant]
    for name in ports:
        inner = tensors[name]
        tensors[f"port_{name}"] = Tensor(f"port_{name}", inner.shape, inner.dtype, inner.quant)
        ends = (f"port_{name}", name) if name != "y" else (name, f"port_{name}")
        pool = MaxPool2D(inputs=ends[:1], outputs=ends[1:], window=(3, 3), padding=SAME)
        ops.append(pool)
    ops.insert(len(ops) - 1, op)
    inputs = tuple(f"port_{name}" for name in ports[:-1])
    return verify(Graph("layer", tensors, tuple(ops), inputs, ("port_y",), "gemmlowp"))
