from __future__ import annotations

import numpy as np
import pytest

from edgeq import reference
from edgeq.numerics import onnx
from edgeq.ops.qlinear_add import FloatTerms, QLinearAdd, RealTerms, Terms
from tests.kernel_harness import one_op_graph
from tests.ops.elementwise_cases import coded
from tests.ops.qlinear import SHAPES, Y_SCALES, check_two

LINE = np.arange(-128, 128)


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("y_scale", Y_SCALES)
def test_c(y_scale: float, fused: bool, constant: bool) -> None:
    for origin, shapes in zip((0, 128, 128), SHAPES, strict=True):
        op = QLinearAdd(inputs=("a", "b"), outputs=("y",), origin=origin, fused=fused)
        check_two(op, shapes, y_scale, constant, "portable/qlinear_add_s8")


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("y_scale", Y_SCALES)
def test_every_sum(y_scale: float, fused: bool) -> None:
    a = coded("a", (256, 1), scale=0.03, zero=3)
    b = coded("b", (1, 256), scale=0.05, zero=-8)
    y = coded("y", (256, 256), scale=y_scale, zero=7)
    op = QLinearAdd(inputs=("a", "b"), outputs=("y",), fused=fused)
    graph = one_op_graph(op, {"a": a, "b": b, "y": y}, "onnx")
    # Scales of simple ratios are added in floating point, others in integers.
    float_form = RealTerms if fused else FloatTerms
    assert isinstance(graph.ops[0].arithmetic, float_form if y_scale == 0.06 else Terms)
    codes = LINE.astype(np.int8)
    [got] = reference.run(graph, [codes[:, None], codes[None, :]])
    if fused:
        factor, second = onnx.sum_parts((0.03, 0.05, y_scale), (3, -8, 7), LINE)
        real = (LINE[:, None] * np.float64(factor) + second[None, :]).astype(np.float32)
        wanted = np.rint(real)
    else:
        first = (LINE - 3).astype(np.float32) * np.float32(0.03)
        second = (LINE + 8).astype(np.float32) * np.float32(0.05)
        wanted = np.rint((first[:, None] + second[None, :]) / np.float32(y_scale)) + 7
    np.testing.assert_array_equal(got, np.clip(wanted, -128, 127).astype(np.int8))
