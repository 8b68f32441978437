from __future__ import annotations

import numpy as np
import pytest

from edgeq import reference
from edgeq.ops.mul import Mul
from edgeq.ops.qlinear_mul import QLinearMul
from tests.kernel_harness import one_op_graph
from tests.ops.elementwise_cases import coded
from tests.ops.qlinear import SHAPES, Y_SCALES, check_two


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("y_scale", Y_SCALES)
def test_c(y_scale: float, constant: bool) -> None:
    for origin, shapes in zip((0, 128, 128), SHAPES, strict=True):
        op = QLinearMul(inputs=("a", "b"), outputs=("y",), origin=origin)
        # Otherwise a requantizer has the same stairs, and it is a plain product.
        kernel = "portable/qlinear_mul_s8" if y_scale == Y_SCALES[1] else None
        check_two(op, shapes, y_scale, constant, kernel)


@pytest.mark.parametrize("scales", [(0.03, 0.05, 0.06), (0.0317, 0.0571, 0.4093), (0.5, 0.5, 8.0)])
@pytest.mark.parametrize("origin", [0, 128])
def test_every_product(scales: tuple[float, float, float], origin: int) -> None:
    codes = np.arange(-128, 128).astype(np.int8)
    a = coded("a", (256, 1), scale=scales[0], zero=3)
    b = coded("b", (1, 256), scale=scales[1], zero=-8)
    y = coded("y", (256, 256), scale=scales[2], zero=7)
    op = QLinearMul(inputs=("a", "b"), outputs=("y",), origin=origin)
    graph = one_op_graph(op, {"a": a, "b": b, "y": y}, "onnx")
    assert isinstance(graph.ops[0], Mul | QLinearMul)
    order = [codes[:, None] if name == "a" else codes[None, :] for name in graph.inputs]
    [got] = reference.run(graph, order)
    sa, sb, sy = (np.float32(scale) for scale in scales)
    product = (codes[:, None].astype(np.int32) - 3) * (codes[None, :].astype(np.int32) + 8)
    wanted = np.rint(product.astype(np.float32) * (sa * sb / sy) + np.float32(7 + origin)) - origin
    np.testing.assert_array_equal(got, np.clip(wanted, -128, 127).astype(np.int8))
