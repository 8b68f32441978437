"""Operations one by one, and how their weights are spread."""

from __future__ import annotations

import json

import numpy as np
import pytest

from edgeq import api
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ops.fully_connected import FullyConnected
from edgeq.options import Options
from edgeq.report import facts
from edgeq.report.operations import BINS, operations, weights
from edgeq.targets import target
from tests.report.test_facts import graph as views
from tests.small_networks import MACS, PARAMETERS, codes, float_network, network


def planned(graph: Graph, name: str, stream: str = "auto") -> dict[str, object]:
    lowered = api.lower(graph)
    program = api.program_of(graph, lowered, target(name), options=Options(1, stream))
    return facts.network(graph, lowered, program)


def one_layer(array: np.ndarray, scale: tuple[float, ...], axis: int | None = 0) -> Graph:
    """Return a fully connected layer of these weights."""
    params = QuantParams(scale, (0,) * len(scale), axis)
    w = Tensor("w", array.shape, DType.INT8, params, array.astype(np.int8))
    tensors = {"x": codes("x", 1, array.shape[1]), "y": codes("y", 1, array.shape[0]), "w": w}
    op = FullyConnected(inputs=("x", "w"), outputs=("y",))
    return Graph("one", tensors, (op,), ("x",), ("y",))


@pytest.mark.parametrize("name", ["portable", "cortex-m4"])
def test_operations_add_up_to_the_network(name: str) -> None:
    found = planned(network(), name)
    rows = found["operations"]
    json.dumps(found)
    assert sum(row["macs"] for row in rows) == MACS
    assert sum(row["parameters"] for row in rows) == PARAMETERS
    assert [row["kind"] for row in rows] == ["conv2d", "conv2d", "add", "fully_connected"]
    assert rows[0]["attributes"]["activation"] == "relu"
    assert rows[2]["inputs"] == ["a", "b"]
    layers = {layer["index"]: layer for layer in found["layers"]}
    for row in rows:
        layer = layers[row["layer"]]
        assert layer["kernel"] in (*row["kernels"], "stage")
    assert sum(layer["flash_data"] for layer in layers.values()) == found["flash_data"]
    assert max(layer["ram"] for layer in layers.values()) <= found["arena"]


def test_the_kernels_of_a_stage_are_those_of_its_operations() -> None:
    found = planned(network(), "cortex-m4", "always")
    assert "stage" in [layer["kernel"] for layer in found["layers"]]
    assert all(row["kernels"] and "stage" not in row["kernels"] for row in found["operations"])


def test_a_view_runs_in_no_layer() -> None:
    rows = planned(views(), "portable")["operations"]
    assert [row["layer"] for row in rows] == [0, None, None, 1, 2]
    assert rows[1]["kernels"] == []


def test_scales_are_from_the_least_to_the_largest() -> None:
    array = np.arange(-6, 6).reshape(3, 4)
    (row,) = operations(one_layer(array, (0.5, 0.25, 2.0)))
    assert row["weights"]["scale"] == [0.25, 2.0]
    assert (row["weights"]["per_channel"], row["weights"]["shape"]) == (True, [3, 4])


def test_ranges_are_of_real_numbers_by_channel() -> None:
    array = np.array([[-127, 127, 0, 1], [-2, 4, 0, 0], [0, 0, 0, 0]])
    (row,) = weights(one_layer(array, (0.5, 0.25, 1.0)))
    assert (row["low"], row["high"]) == ([-63.5, -0.5, 0.0], [63.5, 1.0, 0.0])
    assert row["range"] == [-63.5, 63.5]
    assert row["channel_ratio"] == 63.5  # a channel of zeros has no range to compare
    assert row["zeros"] == 7 / 12
    assert row["histogram_range"] == [-128.5, 127.5]
    assert (len(row["histogram"]), sum(row["histogram"])) == (BINS, 12)
    assert (row["histogram"][0], row["histogram"][-1]) == (1, 1)


@pytest.mark.parametrize(("top", "bits"), [(1, 2), (7, 4), (8, 5), (31, 6), (127, 8)])
def test_a_histogram_is_as_wide_as_the_codes_need(top: int, bits: int) -> None:
    (row,) = weights(one_layer(np.array([[-top, top, 0, 0]]), (1.0,), None))
    half = 2 ** (bits - 1)
    assert row["histogram_range"] == [-half - 0.5, half - 0.5]
    assert len(row["histogram"]) == min(BINS, 2**bits)
    assert sum(row["histogram"]) == 4


def test_float_weights_have_ranges_too() -> None:
    (row,) = weights(float_network())
    assert (row["low"], row["high"]) == ([0.0, 3.0], [2.0, 5.0])
    assert row["scale"] is None
    assert sum(row["histogram"]) == 6
    same = Tensor("w", (2, 3), DType.FLOAT32, None, np.full((2, 3), 0.5, np.float32))
    graph = float_network()
    (row,) = weights(graph.with_ops(graph.ops, {**graph.tensors, "w": same}))
    assert (row["channel_ratio"], sum(row["histogram"])) == (1.0, 6)
