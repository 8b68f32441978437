"""Inputs that are outputs get a copy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from edgeq import reference
from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops.relu import Relu
from edgeq.passes.pipeline import run_passes
from edgeq.passes.separate_ports import separate_ports
from tests.passes.nets import Net, graphs, kinds, outputs, quant


def _equal(before: Graph, after: Graph) -> None:
    for want, have in zip(outputs(before), outputs(after), strict=True):
        np.testing.assert_array_equal(have, want, strict=True)


@given(graphs())
def test_graphs_without_such_a_port_stay(graph: Graph) -> None:
    after = separate_ports(graph)
    assert (after.inputs, after.outputs, after.ops) == (graph.inputs, graph.outputs, graph.ops)


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
def test_an_input_that_is_an_output_is_copied(dtype: DType) -> None:
    net = Net(dtype, quant(0.5, 7))
    x, z = net.input((3,)), net.input((2,))
    y = net.op(Relu, x)
    graph = net.graph(z, y, x)
    after = separate_ports(graph)
    assert kinds(after) == ["relu", "reshape", "reshape"]
    assert after.inputs == graph.inputs
    assert after.outputs == (f"{z}:output", y, f"{x}:output")
    _equal(graph, after)
    # No later pass takes the copies away.
    lowered = run_passes(graph)
    assert not set(lowered.outputs) & set(lowered.inputs)
    arrays = reference.sample_inputs(graph)
    for want, have in zip(outputs(graph), reference.run(lowered, arrays), strict=True):
        np.testing.assert_array_equal(have, want, strict=True)


def test_a_name_that_is_taken_is_not_used() -> None:
    net = Net()
    x = net.input((3,))
    net.tensors["in0:output"] = net.tensors[x].__class__("in0:output", (3,), DType.INT8, quant())
    net.ops.append(Relu(inputs=(x,), outputs=("in0:output",)))
    graph = net.graph(x, "in0:output")
    after = separate_ports(graph)
    assert after.outputs == ("in0:output'", "in0:output")
    _equal(graph, after)
