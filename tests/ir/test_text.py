"""The dump: one line for each thing, the same for equal graphs, another for different ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.ir.graph import Graph, Tensor
from edgeq.ir.quant import QuantParams, Requant, Rounding
from edgeq.ir.text import graph_text, value_text
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.passes.pipeline import run_passes
from tests.small_networks import network


def test_one_line_for_each_port_constant_and_operation() -> None:
    graph = network()
    lines = graph_text(graph).splitlines()
    assert lines[:3] == [
        "graph small, numerics gemmlowp",
        "  input   x: int8 1x6x6x3 scale (0.25) zero (3)",
        "  output  y: int8 1x5 scale (2.0) zero (0)",
    ]
    constants = [name for name in sorted(graph.tensors) if graph.tensors[name].is_constant]
    assert [line.split()[1] for line in lines if line.startswith("  const")] == [
        f"{name}:" for name in constants
    ]
    operations = [line for line in lines if line.startswith("  op ")]
    assert [line.split("(")[0] for line in operations] == [f"  op {op.KIND}" for op in graph.ops]
    assert "stride=(1, 1)" in operations[0]
    assert "activation=relu" in operations[0]
    assert "padding=Padding(top=1, bottom=1, left=1, right=1)" in operations[0]
    results = [line for line in lines if line.startswith("    -> ")]
    assert results[0] == "    -> a: int8 1x6x6x4 scale (0.5) zero (-128)"


def test_equal_graphs_give_equal_text_whatever_the_order_of_their_tensors() -> None:
    graph = network()
    backwards = dict(reversed(graph.tensors.items()))
    assert graph_text(network()) == graph_text(graph)
    assert graph_text(replace(graph, tensors=backwards)) == graph_text(graph)


def _with(graph: Graph, tensor: Tensor) -> Graph:
    return replace(graph, tensors={**graph.tensors, tensor.name: tensor})


def test_whatever_differs_shows() -> None:
    graph = network()
    bias = graph.tensors["first_bias"]
    other = bias.array.copy()
    other[-1] += 1
    y = graph.tensors["y"]
    changed = (
        _with(graph, replace(bias, data=other)),
        _with(graph, replace(y, quant=QuantParams.per_tensor(np.nextafter(2.0, 3)))),
        replace(graph, numerics="single"),
        replace(graph, ops=(replace(graph.ops[0], activation=Activation.NONE), *graph.ops[1:])),
        run_passes(graph),
    )
    texts = {graph_text(graph), *map(graph_text, changed)}
    assert len(texts) == len(changed) + 1


def test_the_source_is_no_part_of_it() -> None:
    graph = network()
    moved = replace(graph, ops=tuple(replace(op, source="elsewhere") for op in graph.ops))
    assert graph_text(moved) == graph_text(graph)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (float(np.float32(0.1)), "0.10000000149011612"),
        (None, "None"),
        ("a'b", '"a\'b"'),
        (Rounding.HALF_UP, "half_up"),
        ((1, 2, 3, 4), "(1, 2, 3, 4)"),
        (((1, 2),) * 5, "((1, 2), (1, 2), (1, 2), (1, 2), (1, 2))"),
        ({"k": (1,)}, "{k: (1)}"),
        (Padding(1, 2, 3, 4), "Padding(top=1, bottom=2, left=3, right=4)"),
        (
            Requant(Rounding.SINGLE, (5,), (-1,)),
            "Requant(rounding=single, multiplier=(5), shift=(-1), scale=(), tail=0)",
        ),
    ],
)
def test_values(value: object, text: str) -> None:
    assert value_text(value) == text


def test_long_values_are_told_apart_by_their_hash() -> None:
    texts = {value_text(tuple(range(n, n + 5))) for n in range(10)}
    assert len(texts) == 10
    assert all(text.startswith("(5 values)#") for text in texts)
    a, b = np.zeros((2, 3), np.int8), np.zeros((2, 3), np.int8)
    b[1, 2] = 1
    assert value_text(a) != value_text(b)
    assert value_text(a).startswith("int8[2, 3]#")
    assert value_text(b.T) == value_text(b.T.copy())
