"""Small networks of a few layers, for tests of what works on any network."""

from __future__ import annotations

import numpy as np

from edgeq.frontends.npz import graph_bytes
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ir.verify import verify
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.base import Op
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.fully_connected import FullyConnected

# Elements of the constants of ``network``: two convolutions and a fully connected layer.
PARAMETERS = (3 * 3 * 3 * 4 + 4) + (4 * 4 + 4) + (6 * 6 * 4 * 5 + 5)
MACS = 36 * 4 * 27 + 36 * 4 * 4 + 5 * 144


def codes(name: str, *shape: int, scale: float = 0.25, zero: int = 0) -> Tensor:
    """Return a computed int8 tensor; the scale is a float32, as those of files are."""
    return Tensor(name, shape, DType.INT8, QuantParams.per_tensor(float(np.float32(scale)), zero))


def _layer(rng: np.random.Generator, name: str, *shape: int) -> tuple[Tensor, Tensor]:
    """Return weights of ``shape`` and their bias."""
    weights = rng.integers(-127, 128, shape).astype(np.int8)
    bias = rng.integers(-500, 500, shape[:1]).astype(np.int32)
    params = QuantParams.per_tensor(float(np.float32(0.01)))
    return (
        Tensor(f"{name}_weights", shape, DType.INT8, params, weights),
        Tensor(f"{name}_bias", shape[:1], DType.INT32, None, bias),
    )


def network(seed: int = 0) -> Graph:
    """Return convolution, pointwise convolution, residual sum, fully connected layer."""
    rng = np.random.default_rng(seed)
    first, second = _layer(rng, "first", 4, 3, 3, 3), _layer(rng, "second", 4, 1, 1, 4)
    third = _layer(rng, "third", 5, 144)
    x, a = codes("x", 1, 6, 6, 3, zero=3), codes("a", 1, 6, 6, 4, scale=0.5, zero=-128)
    b, c = codes("b", 1, 6, 6, 4, scale=0.6, zero=5), codes("c", 1, 6, 6, 4, scale=0.7)
    y = codes("y", 1, 5, scale=2.0)
    padding = Padding(1, 1, 1, 1)
    ops: tuple[Op, ...] = (
        Conv2D(
            inputs=("x", first[0].name, first[1].name),
            outputs=("a",),
            source="op 0 'first'",
            padding=padding,
            activation=Activation.RELU,
        ),
        Conv2D(inputs=("a", second[0].name, second[1].name), outputs=("b",), source="op 1"),
        Add(inputs=("a", "b"), outputs=("c",), source="op 2 'sum'"),
        FullyConnected(inputs=("c", third[0].name, third[1].name), outputs=("y",), source="op 3"),
    )
    tensors = {t.name: t for t in (x, a, b, c, y, *first, *second, *third)}
    return verify(Graph("small", tensors, ops, ("x",), ("y",)))


def pair() -> Graph:
    """Return a network of two inputs and two outputs."""
    tensors = [codes("p", 1, 4), codes("q", 1, 4, scale=0.5), codes("s", 1, 4, scale=0.75)]
    weights, bias = _layer(np.random.default_rng(1), "last", 3, 4)
    tensors += [weights, bias, codes("t", 1, 3, scale=0.2, zero=-7)]
    ops = (
        Add(inputs=("p", "q"), outputs=("s",), source="op 0"),
        FullyConnected(inputs=("s", weights.name, bias.name), outputs=("t",), source="op 1"),
    )
    return verify(Graph("pair", {t.name: t for t in tensors}, ops, ("p", "q"), ("t", "s")))


def float_network() -> Graph:
    """Return a network that computes in floating point."""
    weights = np.arange(6, dtype=np.float32).reshape(2, 3)
    tensors = (
        Tensor("x", (1, 3), DType.FLOAT32),
        Tensor("w", (2, 3), DType.FLOAT32, None, weights),
        Tensor("y", (1, 2), DType.FLOAT32),
    )
    op = FullyConnected(inputs=("x", "w"), outputs=("y",), source="op 0 'dense'")
    return verify(Graph("floats", {t.name: t for t in tensors}, (op,), ("x",), ("y",)))


def model_bytes(graph: Graph) -> bytes:
    """Return the network as a file."""
    return graph_bytes(graph)
