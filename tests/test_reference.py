"""The reference runs what it is given, refuses what does not fit, and samples every code."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq import reference
from edgeq.errors import ModelError
from edgeq.ir.types import DType
from edgeq.ops.add import Add
from edgeq.ops.dequantize import Dequantize
from edgeq.ops.quantize import Quantize
from edgeq.ops.relu import Relu
from edgeq.ops.reshape import Reshape
from edgeq.passes.lower_arithmetic import lower_arithmetic
from tests.passes.nets import Net, quant
from tests.small_networks import float_network, network, pair


def test_every_tensor_is_returned_and_constants_are_themselves() -> None:
    graph = lower_arithmetic(network())
    (x,) = reference.sample_inputs(graph)
    found = reference.run_tensors(graph, [x])
    assert set(found) == set(graph.tensors)
    assert found["x"] is x
    assert found["first_weights"] is graph.tensors["first_weights"].array
    for name, tensor in graph.tensors.items():
        assert (found[name].shape, found[name].dtype) == (tensor.shape, tensor.dtype.numpy)
    np.testing.assert_array_equal(reference.run(graph, [x])[0], found["y"])


def test_outputs_are_in_the_order_of_the_graph() -> None:
    graph = lower_arithmetic(pair())
    arrays = reference.sample_inputs(graph)
    found = reference.run_tensors(graph, arrays)
    first, second = reference.run(graph, arrays)
    np.testing.assert_array_equal(first, found[graph.outputs[0]])
    np.testing.assert_array_equal(second, found[graph.outputs[1]])


def test_a_float_graph_computes_in_float() -> None:
    (y,) = reference.run(float_network(), [np.array([[1, 2, 3]], np.float32)])
    assert y.dtype == np.float32
    assert y.tolist() == [[8, 26]]


def test_inputs_are_not_written() -> None:
    net = Net()
    x = net.input((4,))
    graph = lower_arithmetic(net.graph(net.op(Reshape, x, shape=(2, 2)), net.op(Relu, x)))
    codes = np.array([-3, -1, 1, 3], np.int8)
    codes.flags.writeable = False
    view, _ = reference.run(graph, [codes])
    assert not np.shares_memory(view, codes)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ([], "0 inputs given, the model has 1"),
        ([np.zeros((1, 6, 6, 3), np.int8)] * 2, "2 inputs given"),
        ([np.zeros((6, 6, 3), np.int8)], r"input 0 \('x'\) is int8 \(6, 6, 3\), expected int8"),
        ([np.zeros((1, 6, 6, 3), np.uint8)], "is uint8 .* expected int8"),
    ],
)
def test_inputs_that_do_not_fit(arrays: list[np.ndarray], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        reference.run(lower_arithmetic(network()), arrays)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_inputs_that_are_no_numbers(value: float) -> None:
    with pytest.raises(ModelError, match="holds NaN or infinity"):
        reference.run(float_network(), [np.array([[1, value, 3]], np.float32)])


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
def test_samples_reach_every_code_and_are_repeatable(dtype: DType) -> None:
    net = Net(dtype, quant(0.5, 7))
    graph = net.graph(net.op(Relu, net.input((5000,))), net.op(Relu, net.input((5000,))))
    first, second = reference.sample_inputs(graph, 1)
    assert set(first.tolist()) == set(range(dtype.min, dtype.max + 1))
    assert (first != second).any()
    np.testing.assert_array_equal(reference.sample_inputs(graph, 1), (first, second))
    assert (reference.sample_inputs(graph, 2)[0] != first).any()


def test_float_samples_are_what_their_reader_can_represent() -> None:
    net = Net()
    x = net.input((5000,), dtype=DType.FLOAT32, params=None)
    codes = net.op(Quantize, x, dtype=DType.INT8, params=quant(0.5, -128))
    unread = net.input((5000,), dtype=DType.FLOAT32, params=None)
    y = net.op(Dequantize, net.op(Add, codes, codes), dtype=DType.FLOAT32, params=None)
    graph = net.graph(y)
    read, free = reference.sample_inputs(graph)
    assert (read >= 0).all()
    assert read.max() > 126
    assert read.max() <= 127.5
    assert np.abs(free).max() <= 1
    assert unread in graph.inputs
    assert read.dtype == free.dtype == np.float32
