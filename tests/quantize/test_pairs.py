"""An integer network and the float network it was made from."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import QuantizationError
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.types import DType
from edgeq.ops.fully_connected import FullyConnected
from edgeq.quantize import Config, quantize
from edgeq.quantize.pairs import check_pair
from tests.quantize import float_nets
from tests.small_networks import network


def dense(outputs: int = 2, name: str = "y", weights: str = "w") -> Graph:
    """Return a fully connected layer of three inputs in floating point."""
    array = np.arange(3 * outputs, dtype=np.float32).reshape(outputs, 3)
    tensors = {
        "x": Tensor("x", (1, 3), DType.FLOAT32),
        weights: Tensor(weights, (outputs, 3), DType.FLOAT32, None, array),
        name: Tensor(name, (1, outputs), DType.FLOAT32),
    }
    op = FullyConnected(inputs=("x", weights), outputs=(name,))
    return Graph("dense", tensors, (op,), ("x",), (name,))


def integers(graph: Graph) -> Graph:
    return quantize(graph, [(np.ones((1, 3), np.float32),)], Config())


@pytest.mark.parametrize("config", [Config(), Config(per_channel=False), Config(float_io=True)])
def test_what_edgeq_quantized_belongs_together(config: Config) -> None:
    floats = float_nets.residual()
    check_pair(floats, quantize(floats, float_nets.samples(floats), config))


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (network(), "the inputs differ: 1x3 in floats, 1x6x6x3 in integers"),
        (integers(dense(name="z")), "no tensor of the one has a name of the other"),
        (integers(dense(3)), "tensor 'w' is 2x3 in floats, 3x3 in integers"),
        (integers(dense(weights="v")), "tensor 'w' is 2x3 in floats, absent in integers"),
    ],
)
def test_what_does_not_belong_together_is_named(other: Graph, what: str) -> None:
    with pytest.raises(QuantizationError, match=what):
        check_pair(dense(), other)
