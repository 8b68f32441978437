"""Float networks for tests of the quantizer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.types import DType, Shape
from edgeq.ir.verify import verify
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.base import Op
from edgeq.ops.concat import Concat
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.logistic import Logistic
from edgeq.ops.pad import Pad
from edgeq.ops.relu import Relu
from edgeq.ops.reshape import Reshape
from edgeq.ops.softmax import Softmax

SAME = Padding(1, 1, 1, 1)
Sample = tuple[np.ndarray, ...]


def real(name: str, *shape: int) -> Tensor:
    """Return a computed float32 tensor."""
    return Tensor(name, shape, DType.FLOAT32)


def constant(name: str, data: np.ndarray) -> Tensor:
    """Return a float32 constant."""
    return Tensor(name, data.shape, DType.FLOAT32, None, data.astype(np.float32))


def graph_of(ops: list[Op], tensors: list[Tensor], inputs: str, outputs: str) -> Graph:
    """Return a verified float graph; ``inputs`` and ``outputs`` are names with spaces between."""
    named = {tensor.name: tensor for tensor in tensors}
    return verify(Graph("net", named, tuple(ops), tuple(inputs.split()), tuple(outputs.split())))


def random(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return normal numbers, of a spread that keeps sums of products near 1."""
    fan_in = max(1, int(np.prod(shape[1:])))
    return (rng.normal(size=shape) / np.sqrt(fan_in)).astype(np.float32)


def residual(seed: int = 0) -> Graph:
    """Return conv, ReLU, depthwise, add, pool, fully connected, softmax."""
    rng = np.random.default_rng(seed)
    tensors = [
        real("x", 1, 8, 8, 3),
        *(constant("w0", random(rng, 8, 3, 3, 3)), constant("b0", random(rng, 8) / 4)),
        *(real("a", 1, 8, 8, 8), real("r", 1, 8, 8, 8), real("d", 1, 8, 8, 8)),
        *(constant("w1", random(rng, 1, 3, 3, 8)), constant("b1", random(rng, 8) / 4)),
        *(real("s", 1, 8, 8, 8), real("p", 1, 1, 1, 8), real("f", 1, 8)),
        *(constant("w2", random(rng, 5, 8)), real("l", 1, 5), real("y", 1, 5)),
    ]
    ops: list[Op] = [
        Conv2D(inputs=("x", "w0", "b0"), outputs=("a",), padding=SAME, source="conv"),
        Relu(inputs=("a",), outputs=("r",), source="relu"),
        DepthwiseConv2D(inputs=("r", "w1", "b1"), outputs=("d",), padding=SAME, source="dw"),
        Add(inputs=("r", "d"), outputs=("s",), activation=Activation.RELU, source="add"),
        AveragePool2D(inputs=("s",), outputs=("p",), window=(8, 8), source="pool"),
        Reshape(inputs=("p",), outputs=("f",), shape=(1, 8), source="flat"),
        FullyConnected(inputs=("f", "w2"), outputs=("l",), source="dense"),
        Softmax(inputs=("l",), outputs=("y",), source="softmax"),
    ]
    return graph_of(ops, tensors, "x", "y")


def joined() -> Graph:
    """Return a logistic of one input beside the other, padded; the ranges differ."""
    tensors = [
        *(real("x", 1, 4), real("z", 1, 4), real("g", 1, 4)),
        *(real("c", 1, 8), real("y", 1, 10)),
    ]
    ops: list[Op] = [
        Logistic(inputs=("x",), outputs=("g",), source="gate"),
        Concat(inputs=("g", "z"), outputs=("c",), axis=1, source="join"),
        Pad(inputs=("c",), outputs=("y",), paddings=((0, 0), (1, 1)), value=1.5, source="pad"),
    ]
    return graph_of(ops, tensors, "x z", "y g")


def dense(w: np.ndarray, bias: np.ndarray | None = None) -> Graph:
    """Return one fully connected layer."""
    tensors = [real("x", 1, w.shape[1]), constant("w", w), real("y", 1, w.shape[0])]
    names: tuple[str, ...] = ("x", "w")
    if bias is not None:
        tensors.append(constant("b", bias))
        names = ("x", "w", "b")
    op = FullyConnected(inputs=names, outputs=("y",), source="dense")
    return graph_of([op], tensors, "x", "y")


def samples(graph: Graph, count: int = 8, seed: int = 1) -> Iterator[Sample]:
    """Yield random samples one at a time."""
    rng = np.random.default_rng(seed)
    shapes: list[Shape] = [graph.tensors[name].shape for name in graph.inputs]
    for _ in range(count):
        yield tuple(rng.normal(size=shape).astype(np.float32) for shape in shapes)
