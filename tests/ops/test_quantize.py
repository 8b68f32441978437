from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq import reference
from edgeq.errors import ModelError
from edgeq.ir.graph import Graph
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import Rounding
from edgeq.ir.types import DType
from edgeq.ops.quantize import Quantize
from tests.kernel_harness import check_layer, compile_layer, one_op_graph
from tests.litert import run_litert
from tests.ops.elementwise_cases import by_name, coded, evaluate, scales, tflite, zeros

TYPES = (DType.INT8, DType.UINT8, DType.INT16)
OP = Quantize(inputs=("x",), outputs=("y",))
SPECIAL = np.array(
    [np.nan, -np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45, -1e-45, 0.0, -0.0], np.float32
)


def near_ties(rng: np.random.Generator, dtype: DType, scale: float, count: int) -> np.ndarray:
    """Return numbers at ties, one step beside them, and beyond the range of the codes."""
    codes = rng.integers(2 * dtype.min - 300, 2 * dtype.max + 300, count) + 0.5
    ties = (codes * scale).astype(np.float32)
    side = np.where(rng.random(count) < 0.5, np.inf, -np.inf).astype(np.float32)
    beside = np.nextafter(ties, side)
    pick = rng.integers(0, 3, count)
    anywhere = rng.uniform(dtype.min, dtype.max, count).astype(np.float32) * np.float32(scale)
    return np.choose(pick, [ties, beside, anywhere])


@pytest.mark.parametrize("dtype", TYPES)
@given(st.data(), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_equals_litert(dtype: DType, data: st.DataObject, seed: int) -> None:
    scale = data.draw(scales(1e-5, 100.0))
    zero = 0 if dtype is DType.INT16 else data.draw(zeros(dtype))
    x = coded("x", (1000,), DType.FLOAT32)
    y = coded("y", (1000,), dtype, scale, zero)
    numbers = near_ties(np.random.default_rng(seed), dtype, scale, 1000)
    expected = run_litert(tflite("QUANTIZE", (x, y), QuantizeOptions={}), [numbers])[0]
    np.testing.assert_array_equal(evaluate(OP, (x, y), [numbers]), expected)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("scale", [2.0**-7, 0.1, 1.0, 37.5])
@pytest.mark.parametrize("rounding", [Rounding.GEMMLOWP, Rounding.FLOAT32])
def test_kernel(
    dtype: DType, scale: float, rounding: Rounding, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Numerics("chosen", "", rounding)
    monkeypatch.setattr("tests.kernel_harness.profile", lambda name: chosen)
    found = by_name(
        coded("x", (5000,), DType.FLOAT32), coded("y", (5000,), dtype, scale, dtype.max - 100)
    )
    numbers = near_ties(np.random.default_rng(7), dtype, scale, 5000)
    check_layer(OP, found, [[numbers]], kernel="portable/quantize")


@pytest.mark.parametrize("count", [1, 7, 8, 9, 17])
def test_kernel_sizes(count: int) -> None:
    found = by_name(coded("x", (count,), DType.FLOAT32), coded("y", (count,), scale=0.3, zero=3))
    rng = np.random.default_rng(count)
    check_layer(OP, found, [[near_ties(rng, DType.INT8, 0.3, count)] for _ in range(10)])


@pytest.mark.parametrize("rounding", [Rounding.GEMMLOWP, Rounding.FLOAT32])
@pytest.mark.parametrize("dtype", TYPES)
def test_nan_and_infinity(
    dtype: DType, rounding: Rounding, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Numerics("chosen", "", rounding)
    monkeypatch.setattr("tests.kernel_harness.profile", lambda name: chosen)
    zero, low, high = dtype.max - 100, dtype.min, dtype.max
    expected = [zero, zero, high, low, high, low, zero, zero, zero, zero]
    x, y = coded("x", SPECIAL.shape, DType.FLOAT32), coded("y", SPECIAL.shape, dtype, 0.5, zero)
    graph = one_op_graph(OP, by_name(x, y))
    op = graph.ops[0]
    assert op.evaluate(graph.operands(op), [SPECIAL])[0].tolist() == expected
    assert compile_layer(graph)(SPECIAL).tolist() == expected


def test_ties_go_away_from_zero_or_to_the_even_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999997], np.float32)
    pair = coded("x", (7,), DType.FLOAT32), coded("y", (7,))
    assert evaluate(OP, pair, [numbers]).tolist() == [-3, -2, -1, 1, 2, 3, 0]
    chosen = Numerics("chosen", "", Rounding.FLOAT32)
    monkeypatch.setattr("tests.kernel_harness.profile", lambda name: chosen)
    assert evaluate(OP, pair, [numbers]).tolist() == [-2, -2, 0, 0, 2, 2, 0]


def test_a_graph_that_is_not_lowered_quantizes_too() -> None:
    found = by_name(coded("x", (2,), DType.FLOAT32), coded("y", (2,), scale=0.5, zero=1))
    graph = Graph("g", found, (OP,), ("x",), ("y",))
    (y,) = OP.evaluate_float(graph.operands(OP), [np.array([1, -1], np.float32)])
    assert y.tolist() == [3, -1]
    assert not graph.is_float


def test_reference_rejects_nan() -> None:
    graph = one_op_graph(OP, by_name(coded("x", (1,), DType.FLOAT32), coded("y", (1,))))
    with pytest.raises(ModelError, match="NaN"):
        reference.run(graph, [np.array([np.nan], np.float32)])


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (coded("x", (2,)), coded("y", (2,)), "input is int8"),
        (coded("x", (2,), DType.FLOAT32), coded("y", (2,), DType.FLOAT32), "output is float32"),
    ],
)
def test_types_that_do_not_fit(x: object, y: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        one_op_graph(OP, {"x": x, "y": y})
