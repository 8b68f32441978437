"""Graph to program: order, layers, arguments, ports."""

from __future__ import annotations

import numpy as np
import pytest

import edgeq
from edgeq import reference
from edgeq.errors import ModelError, UnsupportedError
from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops.add import Add
from edgeq.ops.concat import Concat
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.relu import Relu
from edgeq.ops.reshape import Reshape
from edgeq.ops.transpose import Transpose
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.passes.pipeline import run_passes
from edgeq.plan import plan as module
from edgeq.plan.layers import layers
from edgeq.plan.memory import Placement
from edgeq.plan.plan import least_order, plan
from edgeq.plan.program import Place
from edgeq.plan.text import program_text
from edgeq.targets import target
from tests.passes.nets import Net, quant
from tests.plan.oracle import check_program

PORTABLE = target("portable")


def chain() -> Net:
    net = Net()
    net.op(Relu, net.op(Transpose, net.input((4, 4)), perm=(1, 0)))
    return net


def branches() -> Graph:
    """Return a graph whose given order keeps two large tensors alive, where one is enough."""
    net = Net()
    x = net.input((1, 1, 8, 2))
    large = [net.conv(x, out=32) for _ in range(2)]
    small = [net.conv(name, out=1) for name in large]
    return lower_arithmetic(net.graph(net.op(Add, *small)))


def test_layers_are_named_numbered_and_in_order() -> None:
    graph = lower_arithmetic(chain().graph("t2.0"))
    program = plan(graph, PORTABLE, "hash")
    assert [(call.index, call.symbol, call.kernel) for call in program.calls] == [
        (0, "l00_strided_copy", "portable/strided_copy"),
        (1, "l01_offset_clamp", "portable/offset_clamp"),
    ]
    assert (program.name, program.target, program.model_hash) == ("net", "portable", "hash")
    assert program.numerics == graph.numerics
    assert program.alignment == PORTABLE.alignment


def test_the_better_order_is_taken_and_the_given_one_on_a_tie() -> None:
    graph = branches()
    order = least_order(graph, layers(graph, PORTABLE, 1))
    assert order != tuple(range(len(graph.ops)))
    program = plan(graph, PORTABLE, "")
    check_program(graph, program)
    given = [op.outputs for op in graph.ops]
    assert [call.outputs for call in program.calls] == [given[index] for index in order]
    again = plan(graph.with_ops(graph.ops[index] for index in order), PORTABLE, "")
    assert again.arena == program.arena


@pytest.mark.parametrize(("better", "chosen"), [(True, [1, 0]), (False, [0, 1])])
def test_what_counts_is_the_arena(
    better: bool, chosen: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = Net()
    x = net.input((16,))
    graph = lower_arithmetic(net.graph(net.op(Relu, x), net.op(Relu, x)))
    monkeypatch.setattr(module, "least_order", lambda graph, found: (1, 0))
    place, found = module.place_in, []

    def second_is_smaller(*args: object, **options: int) -> Placement:
        placement = place(*args, **options)
        found.append(placement)
        slack = 0 if better and len(found) == 2 else 8
        return Placement(
            placement.offsets, placement.arena + slack, placement.lower_bound, "greedy", False
        )

    monkeypatch.setattr(module, "place_in", second_is_smaller)
    program = plan(graph, PORTABLE, "")
    given = [op.outputs for op in graph.ops]
    assert [given.index(call.outputs) for call in program.calls] == chosen


def test_a_wrong_placement_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = lower_arithmetic(chain().graph("t2.0"))
    monkeypatch.setattr(
        module,
        "place_in",
        lambda needed, *rest, alignment: Placement(
            {b.name: 0 for b in needed}, 64, 0, "greedy", True
        ),
    )
    with pytest.raises(edgeq.VerifyError, match="overlap"):
        plan(graph, PORTABLE, "")


def test_the_order_search_knows_scratch() -> None:
    net = Net()
    x = net.input((1, 4, 4, 8))
    graph = lower_arithmetic(net.graph(net.conv(x, size=3), net.op(Relu, x)))
    program = plan(graph, PORTABLE, "")
    scratch = program.calls[[c.kind for c in program.calls].index("conv2d")].scratch_bytes
    assert scratch > 0
    assert program.arena >= scratch + sum(port.bytes for port in program.inputs)
    assert program.arena >= program.lower_bound


def test_constants_are_arguments_in_place() -> None:
    net = Net()
    held = net.const(np.arange(4, dtype=np.int8).reshape(1, 4), quant())
    y = net.op(Concat, net.input((1, 4)), held, axis=0)
    program = plan(lower_arithmetic(net.graph(y)), PORTABLE, "")
    (call,) = program.calls
    assert [a.name for a in call.arguments] == ["x0", "x1", "y"]
    assert call.arguments[1].place == Place("data", symbol="l00_x1")
    assert [data.name for data in program.data] == ["l00_x1"]
    np.testing.assert_array_equal(program.data[0].array, net.tensors[held].array)


def test_ports_state_what_they_are() -> None:
    net = chain()
    program = plan(lower_arithmetic(net.graph("t2.0")), PORTABLE, "")
    (x,), (y,) = program.inputs, program.outputs
    assert (x.name, x.shape, x.dtype, x.bytes) == ("in0", (4, 4), DType.INT8, 16)
    assert (y.name, y.quant) == ("t2.0", net.tensors["t2.0"].quant)
    assert {x.offset % PORTABLE.alignment, y.offset % PORTABLE.alignment} == {0}
    assert x.offset != y.offset


@pytest.mark.parametrize("which", ["input", "constant"])
def test_an_output_that_nothing_writes_is_refused(which: str) -> None:
    net = Net()
    x = net.input((4,))
    held = net.const(np.arange(4, dtype=np.int8), quant())
    name = x if which == "input" else held
    graph = lower_arithmetic(net.graph(net.op(Relu, x), name))
    with pytest.raises(ModelError, match=f"no operation writes output '{name}'"):
        plan(graph, PORTABLE, "")


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
def test_inputs_and_constants_as_outputs(dtype: DType) -> None:
    net = Net(dtype, quant(0.5, 5))
    x = net.input((4,))
    held = net.const(np.arange(4).astype(dtype.numpy), quant(0.5, 5))
    y = net.op(Relu, x)
    view = net.op(Reshape, x, shape=(2, 2))
    graph = net.graph(x, held, y, view)
    compiled = edgeq.compile(graph, "portable")
    arrays = reference.sample_inputs(graph, 1)
    kept = arrays[0].copy()
    expected = reference.run(lower_arithmetic(graph), arrays)
    for want, have in zip(expected, compiled(*arrays), strict=True):
        np.testing.assert_array_equal(have, want, strict=True)
    np.testing.assert_array_equal(arrays[0], kept)


def test_layers_without_a_kernel_are_all_named() -> None:
    net = Net(DType.FLOAT32, None)
    x, w = net.input((1, 4)), net.const(np.ones((4, 4), np.float32))
    y = net.op(FullyConnected, net.op(FullyConnected, x, w, source="first"), w, source="second")
    graph = net.graph(y)
    with pytest.raises(UnsupportedError, match="first; second"):
        plan(graph, PORTABLE, "")


def test_plans_are_the_same_every_time() -> None:
    found = {program_text(plan(run_passes(branches()), PORTABLE, "")) for _ in range(3)}
    assert len(found) == 1
