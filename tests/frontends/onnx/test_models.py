"""Networks as exporters write them, which the package ``onnx`` brings along without weights."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgeq.ir.graph import Graph
from tests.frontends.onnx.one_model import kinds, same_as_runtime

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def with_weights(name: str) -> bytes:
    """Return the file of a network with random weights, of sizes that keep what it computes."""
    found = onnx.load(LIGHT / f"light_{name}.onnx")
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in found.graph.initializer}
    variances = {n.input[4] for n in found.graph.node if n.op_type == "BatchNormalization"}
    rng = np.random.default_rng(0)
    nodes = list(found.graph.node)
    del found.graph.node[:]
    for node in nodes:
        if node.op_type != "ConstantOfShape":
            found.graph.node.append(node)
            continue
        [output] = node.output
        shape = shapes[node.input[0]]
        spread = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.1
        array = (rng.normal(size=shape) * spread).astype(np.float32)
        array = np.abs(array) + np.float32(1) if output in variances else array
        found.graph.initializer.append(numpy_helper.from_array(array, output))
    data: bytes = found.SerializeToString()
    return data


def counted(graph: Graph) -> dict[str, int]:
    """Return how often an image is moved, scaled, and convolved channel by channel."""
    found = Counter(kinds(graph))
    return {kind: found[kind] for kind in ("transpose", "mul", "depthwise_conv2d")}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("squeezenet", {"transpose": 1, "mul": 0, "depthwise_conv2d": 0}),
        # One for each of 16 shuffles of channels.
        ("shufflenet", {"transpose": 17, "mul": 0, "depthwise_conv2d": 16}),
    ],
)
def test_networks(name: str, expected: dict[str, int]) -> None:
    assert counted(same_as_runtime(with_weights(name))) == expected
