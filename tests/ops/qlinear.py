"""Operands of the operations that ONNX Runtime defines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeq.ir.types import DType
from edgeq.ops.base import Op
from tests.kernel_harness import check_layer
from tests.ops.elementwise_cases import coded
from tests.ops.window_cases import extremes, result

SHAPES = (((2, 7, 9, 5), (2, 7, 9, 5)), ((2, 7, 9, 5), (5,)), ((7, 1, 5), (2, 1, 9, 1)))
# With 0.06 float32 makes ties of what is none.
Y_SCALES = (0.0637, 0.06)


def check_two(
    op: Op, shapes: tuple[tuple[int, ...], ...], y_scale: float, constant: bool, kernel: str | None
) -> None:
    """Fail unless generated C adds or multiplies like the reference."""
    rng = np.random.default_rng(0)
    a = coded("a", shapes[0], scale=0.03, zero=3)
    b = coded("b", shapes[1], scale=0.05, zero=-8)
    if constant:
        b = replace(b, data=rng.integers(-128, 128, b.shape).astype(np.int8))
    y = coded("y", np.broadcast_shapes(*shapes), scale=y_scale, zero=7)
    free = (a,) if constant else (a, b)
    runs = [tuple(rng.integers(-128, 128, t.shape).astype(np.int8) for t in free) for _ in "12"]
    check_layer(op, {"a": a, "b": b, "y": y}, runs, numerics="onnx", kernel=kernel)


def check_one(op: Op, kernel: str) -> None:
    """Fail unless generated C computes an image like the reference, to codes of several scales."""
    rng = np.random.default_rng(1)
    x = coded("x", (2, 7, 9, 5), scale=0.037, zero=-11)
    for scale, zero in ((1 / 256, -128), (0.037, -11), (0.041, 3)):
        y = result(op, x, DType.INT8, scale, zero)
        check_layer(op, {"x": x, "y": y}, extremes(x, rng), numerics="onnx", kernel=kernel)
