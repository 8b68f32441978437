from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.quant import QuantParams, Rounding
from edgeq.ir.types import DType
from edgeq.ops.activation import Activation
from edgeq.ops.transpose_conv2d import TransposeConv2D
from tests.kernel_harness import PORTABLE, Case, check_layers, one_op_graph
from tests.ops.elementwise_cases import by_name, coded, random_codes
from tests.ops.pairs import rounded

# Kernel, stride, input, depth, outputs, size, crop.
LAYERS = (
    ((1, 1), (1, 1), (1, 1), 1, 1, (1, 1), (0, 0)),
    ((2, 2), (2, 2), (3, 2), 4, 3, (6, 4), (0, 0)),
    ((3, 3), (2, 2), (3, 4), 2, 5, (6, 8), (0, 0)),
    ((3, 3), (2, 2), (3, 4), 17, 2, (7, 9), (1, 1)),
    ((4, 2), (2, 3), (2, 3), 3, 2, (9, 12), (2, 1)),
    ((2, 3), (3, 1), (2, 4), 2, 2, (3, 2), (1, 2)),
    ((5, 5), (1, 1), (4, 3), 1, 4, (4, 3), (2, 2)),
)


def _case(number: int, layer: tuple[Any, ...]) -> Case:
    kernel, stride, image, depth, outs, size, crop = layer
    rng = np.random.default_rng(number)
    x = coded("x", (1 + number % 2, *image, depth), scale=0.1, zero=(-128, 127, 5)[number % 3])
    y = coded("y", (x.shape[0], *size, outs), scale=0.3, zero=(127, -128, -9)[number % 3])
    shape = (outs, *kernel, depth)
    codes = rng.integers(-127, 128, shape).astype(np.int8)
    params = QuantParams.per_tensor(0.01, (0, -7, 99)[number % 3])
    if number % 4 == 3:
        params = QuantParams(tuple(rng.uniform(0.005, 0.02, outs).tolist()), (0,) * outs, 0)
    w = Tensor("w", shape, DType.INT8, params, codes)
    bias = Tensor("b", (outs,), DType.INT32, None, rng.integers(-999, 999, outs).astype(np.int32))
    op = TransposeConv2D(
        inputs=("x", "w", "b") if number % 2 else ("x", "w"),
        outputs=("y",),
        size=size,
        stride=stride,
        crop=crop,
        activation=list(Activation)[number % 4],
    )
    tensors = by_name(x, w, *((bias,) if number % 2 else ()), y)
    runs = [[random_codes(rng, x)] for _ in range(2)]
    name, rounding = "portable/transpose_conv2d_s8", list(Rounding)[number % 4]
    return Case(op, tensors, runs, name, rounded(rounding))


def test_kernel_of_every_window_and_rounding() -> None:
    cases = [_case(number, layer) for number, layer in enumerate(LAYERS * 4)]
    check_layers(cases, PORTABLE)


def test_each_pixel_spreads_over_a_window() -> None:
    x, w = np.zeros((1, 2, 2, 1), np.float32), np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    x[0, 1, 0, 0] = 2
    found = [
        Tensor("x", x.shape, DType.FLOAT32),
        Tensor("w", w.shape, DType.FLOAT32, data=w),
        Tensor("b", (1,), DType.FLOAT32, data=np.ones(1, np.float32)),
    ]
    op = TransposeConv2D(
        inputs=("x", "w", "b"), outputs=("y",), size=(5, 5), stride=(2, 2), crop=(0, 0)
    )
    io = Operands(tuple(found), (Tensor("y", (1, 5, 5, 1), DType.FLOAT32),))
    (y,) = op.evaluate_float(io, [x, w, np.ones(1, np.float32)])
    expected = np.ones((5, 5))
    expected[2:5, 0:3] += 2 * np.arange(9).reshape(3, 3)
    np.testing.assert_array_equal(y[0, :, :, 0], expected)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stride": (0, 1)}, "stride"),
        ({"size": (0, 4)}, "size"),
        ({"crop": (3, 0)}, "crop"),
        ({"stride": (1 << 20, 1 << 20)}, "spreads"),
    ],
)
def test_refusals(fields: dict[str, Any], message: str) -> None:
    case = _case(1, LAYERS[2])
    op = TransposeConv2D(**{"inputs": ("x", "w"), "outputs": ("y",), "size": (6, 8), **fields})
    with pytest.raises(ModelError, match=message):
        one_op_graph(op, case.tensors)
