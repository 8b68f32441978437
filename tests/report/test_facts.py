"""Figures of networks that have views, shared constants, and parts inside a whole."""

from __future__ import annotations

import numpy as np

from edgeq import api
from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.types import DType
from edgeq.ops.add import Add
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.reshape import Reshape
from edgeq.report import facts
from edgeq.targets import target
from tests.small_networks import codes


def graph() -> Graph:
    """Return x -> dense -> view -> view -> dense (the same weights), plus the second view."""
    weights = Tensor("w", (4, 4), DType.INT8, codes("", 1).quant, np.eye(4, dtype=np.int8))
    ops = (
        FullyConnected(inputs=("x", "w"), outputs=("a",)),
        Reshape(inputs=("a",), outputs=("view",), shape=(4, 1)),
        Reshape(inputs=("view",), outputs=("row",), shape=(1, 4)),
        FullyConnected(inputs=("row", "w"), outputs=("b",)),
        Add(inputs=("row", "b"), outputs=("y",)),
    )
    shapes = {"x": (1, 4), "a": (1, 4), "view": (4, 1), "row": (1, 4), "b": (1, 4), "y": (1, 4)}
    tensors = {name: codes(name, *shape) for name, shape in shapes.items()}
    return Graph("views", {**tensors, "w": weights}, ops, ("x",), ("y",))


def test_a_constant_that_is_used_twice_counts_once() -> None:
    assert facts.parameters(graph()) == 16
    assert facts.contents(graph())["macs"] == 32


def test_memory_is_in_use_as_long_as_a_view_of_it_is_read() -> None:
    network = graph()
    lowered = api.lower(network)
    program = api.program_of(network, lowered, target("portable"))
    found = facts.network(network, lowered, program)
    assert [layer["kind"] for layer in found["layers"]] == [
        "fully_connected",
        "fully_connected",
        "add",
    ]
    spans = {buffer["name"]: (buffer["first"], buffer["last"]) for buffer in found["buffers"]}
    assert spans["a"] == (0, 2)
    assert spans["b"] == (1, 2)
    assert spans["y"] == (2, 3)
