"""Functions of float32 numbers: every bit that ONNX Runtime computes."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from edgeq.numerics import mlas

EDGES = (0.0, -0.0, 0.921875, 3.725, 3.925, 9.0, 18.0, 30.0, -30.0, 1e30, -1e30, 1e-30, -1e-38)


def onnx_runtime(code: str, x: np.ndarray) -> np.ndarray:
    """Return what one operator makes of a row of numbers."""
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in "xy"]
    graph = helper.make_graph([helper.make_node(code, ["x"], ["y"])], "one", ports[:1], ports[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    [found] = session.run(None, {"x": x})
    return np.asarray(found)


@pytest.mark.parametrize(
    ("code", "function"), [("Sigmoid", mlas.logistic), ("Tanh", mlas.tanh), ("Erf", mlas.erf)]
)
def test_every_bit(code: str, function: Callable[[np.ndarray], np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    drawn = [rng.normal(size=60_000) * spread for spread in (0.1, 1, 3, 8)]
    x = np.concatenate([*drawn, EDGES]).astype(np.float32)
    found = function(x)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.view(np.int32), onnx_runtime(code, x).view(np.int32))


def test_a_product_and_a_sum_are_rounded_once() -> None:
    rng = np.random.default_rng(1)
    a, b, c = (rng.normal(size=4000).astype(np.float32) for _ in range(3))
    # Sums just beside ties of float32, by less than float64 holds.
    a[:2000], b[:2000] = np.float32(1 + 2**-12), np.float32(1 + 2**-12)
    c[:1000], c[1000:2000] = np.float32(2**-40), np.float32(-(2**-60))
    for left, right, added, found in zip(a, b, c, mlas.fused(a, b, c), strict=True):
        exact = Fraction(float(left)) * Fraction(float(right)) + Fraction(float(added))
        distance = abs(Fraction(float(found)) - exact)
        for beside in (-math.inf, math.inf):
            other = np.nextafter(found, np.float32(beside))
            assert distance <= abs(Fraction(float(other)) - exact)
