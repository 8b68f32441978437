from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.errors import ModelError, QuantizationError
from edgeq.ir.graph import Graph
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from edgeq.ops.mul import Mul
from tests.kernel_harness import check_layer, one_op_graph
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
    ((2, 3, 4, 5), (2, 1, 1, 5)),
    ((2, 3, 4, 5), (5,)),
    ((2, 3, 4, 5), (1, 1, 1, 1)),
    ((4, 1), (2, 1, 3)),
)


def mul(*names: str, activation: Activation = Activation.NONE) -> Mul:
    return Mul(inputs=names or ("a", "b"), outputs=("y",), activation=activation)


def option(activation: Activation) -> dict[str, dict[str, str]]:
    return {"MulOptions": {"fused_activation_function": activation.name}}


@pytest.mark.parametrize("dtype", [DType.INT8, DType.UINT8])
@given(st.data(), st.sampled_from(Activation), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_equals_litert(dtype: DType, data: st.DataObject, kind: Activation, seed: int) -> None:
    a, b, y = data.draw(tensors("aby", dtype, COUNT))
    rng = np.random.default_rng(seed)
    arrays = [random_codes(rng, a), random_codes(rng, b)]
    expected = run_litert(tflite("MUL", (a, b, y), **option(kind)), arrays)[0]
    got = evaluate(mul(activation=kind), (a, b, y), arrays)
    np.testing.assert_array_equal(got, expected)


def test_last_bits_equal_litert() -> None:
    """A factor formed in float64 would change some product at these scales."""
    scales = (0.0033542041, 0.0059965588, 0.0013223685)
    found = [coded(n, (256, 256), scale=s) for n, s in zip("aby", scales, strict=True)]
    arrays = every_pair()
    expected = run_litert(tflite("MUL", found, **option(Activation.NONE)), arrays)[0]
    np.testing.assert_array_equal(evaluate(mul(), found, arrays), expected)


@pytest.mark.parametrize("shapes", SHAPES)
def test_broadcasting_equals_litert(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    rng = np.random.default_rng(1)
    a, b = coded("a", shapes[0], scale=0.3, zero=-7), coded("b", shapes[1], scale=0.11, zero=90)
    y = coded("y", np.broadcast_shapes(*shapes), scale=2.5, zero=3)
    arrays = [random_codes(rng, a), random_codes(rng, b)]
    expected = run_litert(tflite("MUL", (a, b, y), **option(Activation.NONE)), arrays)[0]
    np.testing.assert_array_equal(evaluate(mul(), (a, b, y), arrays), expected)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 15, 16, 17, 33])
def test_kernel_of_one_shape(count: int) -> None:
    rng = np.random.default_rng(count)
    found = (
        coded("a", (count,), scale=0.7, zero=-128),
        coded("b", (count,), scale=0.02, zero=127),
        coded("y", (count,), scale=0.9, zero=5),
    )
    runs = [[random_codes(rng, t) for t in found[:2]] for _ in range(20)]
    check_layer(mul(), by_name(*found), runs, kernel="portable/mul_s8")


@pytest.mark.parametrize("factor", [2**-12, 0.013, 0.7, 1.0, 11.0])
@pytest.mark.parametrize("rounding", Rounding)
def test_every_pair_of_codes(
    factor: float, rounding: Rounding, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Numerics("chosen", "", rounding)
    monkeypatch.setattr("tests.kernel_harness.profile", lambda name: chosen)
    found = (
        coded("a", (256, 256), scale=factor, zero=-3),
        coded("b", (256, 256), scale=0.5, zero=77),
        coded("y", (256, 256), scale=0.5, zero=-20),
    )
    op = mul(activation=Activation.RELU_N1_TO_1)
    check_layer(op, by_name(*found), [every_pair()], kernel="portable/mul_s8")


@pytest.mark.parametrize("shapes", [*SHAPES[1:], ((3, 1, 4), (2, 1, 5, 1)), ((1, 1, 6), (2, 3, 6))])
def test_kernel_that_broadcasts(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    rng = np.random.default_rng(2)
    a, b = coded("a", shapes[0], scale=0.3, zero=-7), coded("b", shapes[1], scale=0.11, zero=90)
    y = coded("y", np.broadcast_shapes(*shapes), scale=2.5, zero=3)
    runs = [[random_codes(rng, a), random_codes(rng, b)] for _ in range(3)]
    check_layer(mul(), by_name(a, b, y), runs, kernel="portable/mul_broadcast_s8")


@pytest.mark.parametrize(
    ("shape", "kernel"),
    [
        ((), "portable/lookup_s8"),
        ((5,), "portable/mul_broadcast_s8"),
        ((3, 1, 1), "portable/mul_broadcast_s8"),
        ((2, 3, 4, 5), "portable/mul_s8"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_kernel_with_a_constant(shape: tuple[int, ...], kernel: str, first: bool) -> None:
    rng = np.random.default_rng(3)
    x, y = coded("x", (2, 3, 4, 5), scale=0.3, zero=9), coded("y", (2, 3, 4, 5), scale=2.0)
    c = coded("c", shape, scale=0.37, zero=-128)
    c = replace(c, data=random_codes(rng, c))
    op = mul("c", "x") if first else mul("x", "c")
    check_layer(op, by_name(x, c, y), [[random_codes(rng, x)] for _ in range(3)], kernel=kernel)


@given(st.data(), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_the_order_of_the_operands_does_not_matter(data: st.DataObject, seed: int) -> None:
    a, b, y = data.draw(tensors("aby", DType.INT8, 64))
    rng = np.random.default_rng(seed)
    first, second = random_codes(rng, a), random_codes(rng, b)
    one = evaluate(mul("a", "b"), (a, b, y), [first, second])
    other = evaluate(mul("b", "a"), (b, a, y), [second, first])
    np.testing.assert_array_equal(one, other)


def test_float_product() -> None:
    op = mul(activation=Activation.RELU)
    found = [coded(name, (3,), DType.FLOAT32) for name in "aby"]
    io = Graph("g", by_name(*found), (op,), ("a", "b"), ("y",)).operands(op)
    arrays = [np.array([-3, 1, 5], np.float32), np.array([1, 0.25, 5], np.float32)]
    (y,) = op.evaluate_float(io, arrays)
    assert y.dtype == np.float32
    assert y.tolist() == [0, 0.25, 25]


def test_operands_that_do_not_fit() -> None:
    found = by_name(coded("a", (4,)), coded("b", (4,)), coded("y", (4,), DType.UINT8))
    with pytest.raises(ModelError, match="'y' is uint8, not int8"):
        one_op_graph(mul(), found)


@pytest.mark.parametrize("scale", [2**-16, 2**-40])
def test_an_output_scale_that_leaves_32_bits(scale: float) -> None:
    found = by_name(*(coded(name, (4,)) for name in "ab"), coded("y", (4,), scale=scale))
    with pytest.raises(QuantizationError):
        one_op_graph(mul(), found)
