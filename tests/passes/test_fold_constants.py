"""What depends on no input is computed at compile time, with the same bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from edgeq.errors import ModelError
from edgeq.ir.graph import Graph
from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.base import Op
from edgeq.ops.concat import Concat
from edgeq.ops.dequantize import Dequantize
from edgeq.ops.fully_connected import FullyConnected
from edgeq.ops.mul import Mul
from edgeq.ops.pack import Pack
from edgeq.ops.pad import Pad
from edgeq.ops.relu import Relu
from edgeq.ops.reshape import Reshape
from edgeq.ops.shape import ShapeOf
from edgeq.ops.slice import Slice
from edgeq.ops.sub import Sub
from edgeq.passes import fold_constants as module
from edgeq.passes.fold_constants import fold_constants
from edgeq.passes.lower_arithmetic import lower_arithmetic
from edgeq.passes.remove_dead import remove_dead
from edgeq.reference import run
from tests.passes.nets import Net, graphs, kinds, outputs, quant, same


@given(graphs())
def test_outputs_stay(graph: Graph) -> None:
    after = fold_constants(graph)
    same(graph, after)
    for op, io in after.walk():
        copies = isinstance(op, Reshape) and op.outputs[0] in after.outputs
        assert copies or not all(tensor.is_constant for tensor in io.ins)
    assert not any(after.tensors[name].is_constant for name in after.outputs)


@given(graphs())
def test_folding_again_changes_nothing(graph: Graph) -> None:
    once = fold_constants(graph)
    again = fold_constants(once)
    assert [(op.KIND, op.inputs, op.outputs) for op in once.ops] == [
        (op.KIND, op.inputs, op.outputs) for op in again.ops
    ]


def test_arithmetic_on_constants_is_that_of_the_profile() -> None:
    rng = np.random.default_rng(1)
    weights = rng.integers(-3, 4, (64, 16)).astype(np.int8)
    codes = rng.integers(-128, 128, (1, 16)).astype(np.int8)
    found = []
    for numerics in ("gemmlowp", "single"):
        net = Net()
        y = net.op(FullyConnected, net.const(codes, quant()), net.const(weights, quant(2**-4)))
        graph = net.graph(net.op(Concat, net.input((1, 1)), y, axis=1), numerics=numerics)
        after = fold_constants(graph)
        assert kinds(after) == ["concat"]
        same(graph, after)
        found.append(after.tensors[y].array)
    assert (found[0] != found[1]).any()


@pytest.mark.parametrize("numerics", ["tflite", "xnnpack"])
def test_arithmetic_on_int16_constants_is_that_of_int16(numerics: str) -> None:
    # Optimized libraries have kernels of their own for bytes alone; XNNPACK's sums differ.
    rng = np.random.default_rng(2)
    net = Net(DType.INT16, quant(0.3))
    first, second = (rng.integers(-(2**15), 2**15, (1, 4000)).astype(np.int16) for _ in range(2))
    y = net.op(Add, net.const(first, quant(0.37)), net.const(second, quant(0.2)))
    graph = net.graph(net.op(Concat, net.input((1, 1)), y, axis=1), numerics=numerics)
    after = fold_constants(graph)
    assert kinds(after) == ["concat"]
    same(graph, after)


def test_shapes_are_constants_whatever_they_are_shapes_of() -> None:
    net = Net()
    x = net.input((1, 5, 7, 2))
    shape = net.op(ShapeOf, x, dtype=DType.INT32, params=None)
    batch = net.op(Slice, shape, begin=(0,), size=(1,))
    scalar = net.op(Reshape, batch, shape=())
    packed = net.op(Pack, scalar, net.const(np.array(70, np.int32)), axis=0)
    graph = net.graph(packed, net.op(Reshape, x, shape=(1, 70)))
    after = remove_dead(fold_constants(graph))
    assert kinds(after) == ["reshape", "reshape"]
    same(graph, after)
    np.testing.assert_array_equal(outputs(after)[0], [1, 70])


def test_dequantized_weights_of_a_float_network() -> None:
    net = Net(DType.FLOAT32, None)
    codes = net.const(np.arange(-4, 4, dtype=np.int8).reshape(2, 4), quant(0.5, 1))
    weights = net.op(Dequantize, codes, dtype=DType.FLOAT32, params=None)
    graph = net.graph(net.op(FullyConnected, net.input((1, 4)), weights))
    after = fold_constants(graph)
    assert kinds(after) == ["fully_connected"]
    expected = (np.arange(-4, 4).reshape(2, 4) - 1) * np.float32(0.5)
    np.testing.assert_array_equal(after.tensors[weights].array, expected)
    same(graph, after)


def test_a_constant_output_is_a_copy_and_its_readers_are_folded_too() -> None:
    net = Net()
    x = net.input((2,))
    held = net.const(np.array([-3, 4], np.int8), quant())
    clamped = net.op(Relu, held)
    graph = net.graph(net.op(Relu, x), clamped, net.op(Relu, clamped), held)
    after = fold_constants(graph)
    assert sorted(kinds(after)) == ["relu", "reshape", "reshape", "reshape"]
    same(graph, after)


def _switched_off(scale: float) -> tuple[Graph, str]:
    """Return a product and a sum of which no more is left than ``scale``, in codes of 0.5."""
    net = Net(DType.INT8, quant(2.0**-100))
    x = net.input((2, 3))
    y = net.input((2, 3), params=quant(scale))
    total = net.op(Add, x, y, params=quant(0.5, 3), activation=Activation.RELU)
    gates = net.op(Mul, total, net.input((2, 3), params=quant()), params=quant())
    return net.graph(net.op(Relu, gates)), total


def test_a_sum_that_cannot_reach_half_a_code_is_constant() -> None:
    graph, total = _switched_off(2.0**-100)
    after = fold_constants(graph)
    assert kinds(after) == ["reshape"]
    same(graph, after)
    np.testing.assert_array_equal(outputs(after)[0], np.zeros((2, 3)))
    once = fold_constants(replace(graph, outputs=(total,)))
    np.testing.assert_array_equal(outputs(once)[0], np.full((2, 3), 3))


@pytest.mark.parametrize(("scale", "known"), [(1 / 1030, True), (1 / 510, False), (1.0, False)])
def test_a_sum_that_reaches_it_is_computed(scale: float, known: bool) -> None:
    graph, _ = _switched_off(scale)
    after = fold_constants(graph)
    assert ("add" not in kinds(after)) == known
    same(graph, after)


def test_a_product_with_zeros_is_constant() -> None:
    for codes, folds in (([5, 5], True), ([5, 6], False)):
        net = Net()
        x = net.input((3, 2))
        zeros = net.const(np.array(codes, np.int8), quant(0.1, 5))
        graph = net.graph(net.op(Mul, x, zeros, params=quant(0.5, -9)))
        after = fold_constants(graph)
        assert kinds(after) == (["reshape"] if folds else ["mul"])
        same(graph, after)


def test_huge_constants_are_left_to_run_time(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Net()
    held = net.const(np.zeros((2, 2), np.int8), quant())
    padded = net.op(Pad, held, paddings=((0, 8), (0, 8)))
    graph = net.graph(net.op(Concat, padded, net.input((1, 10)), axis=0))
    assert kinds(fold_constants(graph)) == ["concat"]
    monkeypatch.setattr(module, "MAX_BYTES", 99)
    assert kinds(fold_constants(graph)) == ["pad", "concat"]


def test_what_cannot_be_computed_says_so() -> None:
    net = Net(DType.FLOAT32, None)
    held = net.const(np.ones(2, np.float32))
    graph = net.graph(net.op(Relu, net.input((2,))), net.op(Relu, held))
    graph = graph.with_ops((graph.ops[0], _Opaque(inputs=(held,), outputs=graph.ops[1].outputs)))
    with pytest.raises(ModelError, match="no float arithmetic"):
        fold_constants(graph)


class _Opaque(Relu):
    def evaluate_float(self, io: object, arrays: object) -> tuple[np.ndarray, ...]:
        raise self.error("has no float arithmetic")


def test_a_name_that_is_taken_is_not_used() -> None:
    net = Net()
    held = net.const(np.array([1, 2], np.int8), quant())
    graph = net.graph(net.op(Relu, net.input((2,))), held)
    old = graph.ops[0].outputs[0]
    taken = dict(graph.tensors)
    taken[f"{held}:constant"] = replace(taken.pop(old), name=f"{held}:constant")
    ops = (replace(graph.ops[0], outputs=(f"{held}:constant",)),)
    clash = replace(graph, ops=ops, tensors=taken, outputs=(f"{held}:constant", held))
    same(clash, fold_constants(clash))


@pytest.mark.parametrize("cls", [Add, Sub])
def test_constants_that_broadcast_are_computed_as_they_would_be(cls: type[Op]) -> None:
    """Lowering puts the smaller operand of a sum second, with its scale."""
    values = np.arange(-50, 50, dtype=np.int8)
    results = []
    for known in (True, False):
        net = Net()
        x = net.input((100,), params=quant(0.3, 7))
        a = net.const(np.array([100], np.int8), quant(0.1, -20))
        b = net.const(values, quant(0.3, 7)) if known else x
        y = net.op(cls, a, b, params=quant(0.5, 3))
        graph = fold_constants(net.graph(net.op(Add, x, y, params=quant(0.5, 3))))
        assert kinds(graph) == (["add"] if known else [cls.KIND, "add"])
        results.append(run(lower_arithmetic(graph), [values])[0])
    np.testing.assert_array_equal(*results)
