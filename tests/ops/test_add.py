from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq import reference
from edgeq.errors import ModelError, QuantizationError
from edgeq.ir.graph import Graph
from edgeq.ir.profiles import Numerics, profile
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType
from edgeq.ir.verify import verify
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from tests.kernel_harness import check_layer, compile_layer, one_op_graph
from tests.litert import run_litert
from tests.ops.elementwise_cases import (
    by_name,
    coded,
    evaluate,
    every_pair,
    random_codes,
    tensors,
    tflite,
)

COUNT = 1000
SHAPES = (
    ((2, 3, 4, 5), (2, 3, 4, 5)),
    ((2, 3, 4, 5), (5,)),
    ((2, 3, 4, 5), (1, 1, 1, 1)),
    ((4, 1), (2, 1, 3)),
    ((1, 1, 1, 6), (2, 3, 5, 6)),
)


def add(*names: str, activation: Activation = Activation.NONE) -> Add:
    return Add(inputs=names or ("a", "b"), outputs=("y",), activation=activation)


def option(activation: Activation) -> dict[str, dict[str, str]]:
    return {"AddOptions": {"fused_activation_function": activation.name}}


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
@given(st.data(), st.sampled_from(Activation), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_equals_litert(dtype: DType, data: st.DataObject, kind: Activation, seed: int) -> None:
    a, b, y = data.draw(tensors("aby", dtype, COUNT))
    rng = np.random.default_rng(seed)
    arrays = [random_codes(rng, a), random_codes(rng, b)]
    expected = run_litert(tflite("ADD", (a, b, y), **option(kind)), arrays)[0]
    got = evaluate(add(activation=kind), (a, b, y), arrays)
    np.testing.assert_array_equal(got, expected)


# Scales at which one bit less of headroom, one more, or float32 factors change some sum.
LAST_BIT = ((0.16666667, 0.24691358, 0.14942528), (0.14432989, 0.33333334, 0.20289855))


@pytest.mark.parametrize("scales", LAST_BIT)
def test_last_bits_equal_litert(scales: tuple[float, float, float]) -> None:
    found = [coded(n, (256, 256), scale=s) for n, s in zip("aby", scales, strict=True)]
    arrays = every_pair()
    expected = run_litert(tflite("ADD", found, **option(Activation.NONE)), arrays)[0]
    np.testing.assert_array_equal(evaluate(add(), found, arrays), expected)


@pytest.mark.parametrize("shapes", SHAPES)
def test_broadcasting_equals_litert(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    rng = np.random.default_rng(1)
    a, b = coded("a", shapes[0], scale=0.3, zero=-7), coded("b", shapes[1], scale=0.11, zero=90)
    y = coded("y", np.broadcast_shapes(*shapes), scale=0.35, zero=3)
    arrays = [random_codes(rng, a), random_codes(rng, b)]
    expected = run_litert(tflite("ADD", (a, b, y), **option(Activation.NONE)), arrays)[0]
    np.testing.assert_array_equal(evaluate(add(), (a, b, y), arrays), expected)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 15, 16, 17, 33])
def test_kernel_of_one_shape(count: int) -> None:
    rng = np.random.default_rng(count)
    found = (
        coded("a", (count,), scale=0.7, zero=-128),
        coded("b", (count,), scale=0.2, zero=127),
        coded("y", (count,), scale=0.4, zero=5),
    )
    runs = [[random_codes(rng, t) for t in found[:2]] for _ in range(20)]
    check_layer(add(), by_name(*found), runs, kernel="portable/add_s8")


@pytest.mark.parametrize(("first", "second"), [(0.5, 0.5), (0.25, 1.0), (0.1, 0.3), (1.0, 2**-23)])
@pytest.mark.parametrize("rounding", Rounding)
def test_every_pair_of_codes(
    first: float, second: float, rounding: Rounding, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Numerics("chosen", "", rounding)
    monkeypatch.setattr("tests.kernel_harness.profile", lambda name: chosen)
    found = (
        coded("a", (256, 256), scale=first, zero=-3),
        coded("b", (256, 256), scale=second, zero=77),
        coded("y", (256, 256), scale=0.61, zero=-20),
    )
    op = add(activation=Activation.RELU6)
    check_layer(op, by_name(*found), [every_pair()], kernel="portable/add_s8")


@pytest.mark.parametrize("shapes", [*SHAPES[1:], ((3, 1, 4), (2, 1, 5, 1)), ((1,), (1, 1))])
def test_kernel_that_broadcasts(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    rng = np.random.default_rng(2)
    a, b = coded("a", shapes[0], scale=0.3, zero=-7), coded("b", shapes[1], scale=0.11, zero=90)
    y = coded("y", np.broadcast_shapes(*shapes), scale=0.35, zero=3)
    runs = [[random_codes(rng, a), random_codes(rng, b)] for _ in range(3)]
    same = y.elements == a.elements == b.elements
    kernel = "portable/add_s8" if same else "portable/add_broadcast_s8"
    check_layer(add(), by_name(a, b, y), runs, kernel=kernel)


@pytest.mark.parametrize(
    ("shape", "kernel"),
    [
        ((1, 1, 1), "portable/lookup_s8"),
        ((5,), "portable/add_broadcast_s8"),
        ((3, 1, 1), "portable/add_broadcast_s8"),
        ((2, 3, 4, 5), "portable/add_s8"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_kernel_with_a_constant(shape: tuple[int, ...], kernel: str, first: bool) -> None:
    rng = np.random.default_rng(3)
    x, y = coded("x", (2, 3, 4, 5), scale=0.3, zero=9), coded("y", (2, 3, 4, 5), scale=0.2)
    c = coded("c", shape, scale=0.37, zero=-30)
    c = replace(c, data=random_codes(rng, c))
    op = add("c", "x") if first else add("x", "c")
    check_layer(op, by_name(x, c, y), [[random_codes(rng, x)] for _ in range(3)], kernel=kernel)


def test_a_small_input_meets_a_large_constant() -> None:
    rng = np.random.default_rng(4)
    c = coded("c", (3, 5), scale=0.37, zero=-30)
    c = replace(c, data=random_codes(rng, c))
    x, y = coded("x", (5,), scale=0.3, zero=9), coded("y", (3, 5), scale=0.2)
    kernel = "portable/add_broadcast_s8"
    check_layer(add("x", "c"), by_name(x, c, y), [[random_codes(rng, x)]], kernel=kernel)


def test_an_array_added_to_itself_and_over_a_dead_input() -> None:
    tensors_ = by_name(*(coded(name, (33,), scale=0.1 * i + 0.1) for i, name in enumerate("xuvy")))
    ops = (
        Add(inputs=("x", "x"), outputs=("u",)),
        Add(inputs=("u", "x"), outputs=("v",)),
        Add(inputs=("v", "x"), outputs=("y",)),
    )
    graph = verify(Graph("chain", tensors_, ops, ("x",), ("y",)))
    lowered = graph.with_ops(op.lower(io, profile("gemmlowp")) for op, io in graph.walk())
    codes = np.arange(-16, 17, dtype=np.int8)
    compiled = compile_layer(lowered)
    np.testing.assert_array_equal(compiled(codes), reference.run(lowered, [codes])[0])
    places = compiled.program.places
    assert places["v"] == places["u"]


def test_float_sum() -> None:
    op = add(activation=Activation.RELU6)
    found = [coded(name, (3,), DType.FLOAT32) for name in "aby"]
    io = Graph("g", by_name(*found), (op,), ("a", "b"), ("y",)).operands(op)
    arrays = [np.array([-3, 1, 5], np.float32), np.array([1, 0.25, 5], np.float32)]
    (y,) = op.evaluate_float(io, arrays)
    assert y.dtype == np.float32
    assert y.tolist() == [0, 1.25, 6]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": coded("a", (4,), DType.UINT8)}, "'b' is int8, not uint8"),
        ({"a": coded("a", (3,))}, "do not broadcast"),
        ({"a": coded("a", (4,), DType.INT16)}, "'b' is int8, not int16"),
        ({"a": coded("a", (4,), DType.INT32)}, "expected one of int8, uint8, int16, float32"),
    ],
)
def test_operands_that_do_not_fit(change: dict, message: str) -> None:
    found = {name: coded(name, (4,)) for name in "aby"} | change
    with pytest.raises(ModelError, match=message):
        one_op_graph(add(), found)


def test_an_output_scale_that_leaves_32_bits() -> None:
    found = by_name(*(coded(name, (4,)) for name in "ab"), coded("y", (4,), scale=2**-24))
    with pytest.raises(QuantizationError, match="32 bits"):
        one_op_graph(add(), found)
