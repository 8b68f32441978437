"""Matrix products, transposed convolutions, norms and sums, as LiteRT computes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeq.errors import UnsupportedError
from tests.frontends.tflite.one_op import OneOp, ints
from tests.frontends.tflite.side_by_side import SideBySide

BYTES = ("int8", "uint8")


def _code(net: SideBySide, dtype: str, low: float, high: float) -> dict[str, Any]:
    info = np.iinfo(dtype)
    middle = int(net.rng.integers(info.min, info.max, endpoint=True))
    zero = int(net.rng.choice([info.min, info.max, middle, middle]))
    return {"scale": float(np.float32(net.rng.uniform(low, high))), "zero_point": zero}


@pytest.mark.parametrize(("adj_x", "adj_y"), [(False, False), (True, False), (False, True)])
def test_matrix_products_equal_litert(adj_x: bool, adj_y: bool) -> None:
    net = SideBySide(1)
    for batch_a, batch_b, m, k, n in (
        ((1,), (1,), 1, 1, 1),
        ((2,), (2,), 3, 7, 5),
        ((2, 3), (2, 3), 2, 16, 4),
        ((2, 3), (1, 3), 4, 5, 3),
        ((1, 1), (2, 2), 1, 9, 17),
        ((), (), 3, 4, 2),
        ((2,), (), 3, 33, 2),
    ):
        a = (*batch_a, *((k, m) if adj_x else (m, k)))
        b = (*batch_b, *((n, k) if adj_y else (k, n)))
        operands = [
            net.x(a, **_code(net, "int8", 0.01, 0.1)),
            net.x(b, **_code(net, "int8", 0.01, 0.1)),
        ]
        result = (*np.broadcast_shapes(batch_a, batch_b), m, n)
        options = ("BatchMatMulOptions", {"adj_x": adj_x, "adj_y": adj_y})
        quant = _code(net, "int8", 0.5, 2.0)
        net.op("BATCH_MATMUL", operands, result, version=2, options=options, **quant)
    net.check()


# Kernel, stride, input, depth, outputs, padding, and what the output has more than the least.
WINDOWS = (
    ((1, 1), (1, 1), (2, 3), 3, 2, "VALID", (0, 0)),
    ((2, 2), (2, 2), (3, 2), 4, 3, "SAME", (0, 0)),
    ((3, 3), (2, 2), (3, 4), 2, 5, "SAME", (0, 0)),
    ((3, 3), (2, 2), (3, 4), 2, 1, "VALID", (0, 0)),
    ((4, 2), (2, 3), (2, 3), 1, 2, "VALID", (1, 2)),
    ((5, 3), (1, 2), (4, 2), 3, 2, "SAME", (0, 0)),
    ((2, 3), (3, 1), (2, 4), 2, 2, "SAME", (0, 0)),
)


@pytest.mark.parametrize("kind", ["int8 per channel", "int8", "uint8"])
def test_transposed_convolutions_equal_litert(kind: str) -> None:
    net, dtype = SideBySide(2), kind.split()[0]
    for number, (kernel, stride, image, depth, outs, padding, more) in enumerate(WINDOWS * 2):
        if padding == "SAME":
            size = [n * s for n, s in zip(image, stride, strict=True)]
        else:
            size = [(n - 1) * s + k for n, s, k in zip(image, stride, kernel, strict=True)]
        size = [n + extra for n, extra in zip(size, more, strict=True)]
        x = _code(net, dtype, 0.01, 0.1)
        low = 1 if dtype == "uint8" else -127
        w = net.rng.integers(low, low + 255, (outs, *kernel, depth)).astype(dtype)
        scales: Any = float(np.float32(net.rng.uniform(0.005, 0.02)))
        if "channel" in kind:
            scales = net.rng.uniform(0.005, 0.02, outs).astype(np.float32)
        zero = int(net.rng.integers(100, 150)) if dtype == "uint8" else 0
        operands = [
            net.ints(1, *size, outs),
            net.const(w, scale=scales, zero_point=zero, axis=0),
            net.x((1, *image, depth), dtype, **x),
        ]
        if number % 2:
            bias = net.rng.integers(-2000, 2000, outs).astype(np.int32)
            operands.append(net.const(bias, scale=np.float32(x["scale"]) * scales))
        table = {"padding": padding, "stride_h": stride[0], "stride_w": stride[1]}
        net.op(
            "TRANSPOSE_CONV",
            operands,
            (1, *size, outs),
            dtype,
            version=3,
            options=("TransposeConvOptions", table),
            **_code(net, dtype, 0.05, 0.3),
        )
    net.check()


@pytest.mark.parametrize("dtype", BYTES)
def test_norms_equal_litert(dtype: str) -> None:
    net = SideBySide(3)
    zero = 128 if dtype == "uint8" else 0
    for shape in ((7,), (1, 1), (5, 3), (2, 3, 16), (1, 2, 2, 100)) * 3:
        x = net.x(shape, dtype, **_code(net, dtype, 0.01, 0.5))
        options = ("L2NormOptions", {})
        net.op(
            "L2_NORMALIZATION", [x], shape, dtype, options=options, scale=1 / 128, zero_point=zero
        )
    quiet = net.x((4, 4), dtype, zero_point=3 + zero)
    net.arrays[-1] = np.full((4, 4), 3 + zero, dtype)
    options = ("L2NormOptions", {})
    net.op(
        "L2_NORMALIZATION", [quiet], (4, 4), dtype, options=options, scale=1 / 128, zero_point=zero
    )
    net.check()


def _sums(dtype: str) -> SideBySide:
    net = SideBySide(4)
    for shape, axes, keep in (
        ((300, 6), (1,), False),
        ((7,), (0,), True),
        ((5, 40), (0,), False),
        ((2, 3, 4, 9), (1, 2), True),
        ((2, 3, 4, 9), (0, 2), False),
        ((2, 3, 4, 9), (3,), False),
        ((3, 4), (0, 1), True),
    ) * 3:
        # Ratios of small integers: sums that lie between two codes.
        y = _code(net, dtype, 0.1, 0.5)
        ratio = int(net.rng.integers(1, 12)) / (2 * int(net.rng.integers(3, 20)))
        x = {**_code(net, dtype, 0.1, 0.5), "scale": float(np.float32(y["scale"] * ratio))}
        result = [
            1 if axis in axes else extent
            for axis, extent in enumerate(shape)
            if keep or axis not in axes
        ]
        operands = [net.x(shape, dtype, **x), net.ints(*axes)]
        options = ("ReducerOptions", {"keep_dims": keep})
        net.op("SUM", operands, result, dtype, options=options, **y)
    return net


def test_sums_equal_litert() -> None:
    """Of int8, its reference kernel gives -1 nearly everywhere: the other one counts."""
    _sums("int8").check("builtin")
    _sums("uint8").check("ref")


def test_refusals() -> None:
    unsigned = OneOp().x(2, 2, dtype="uint8").x(2, 2, dtype="uint8").y(2, 2, dtype="uint8")
    error = unsigned.refusal("BATCH_MATMUL")
    assert isinstance(error, UnsupportedError) and "BATCH_MATMUL of uint8 data" in str(error)
    apart = OneOp().x(2, 3).x(2, 3).y(2, 3).refusal("BATCH_MATMUL")
    assert "rows of 3 times columns of 2" in str(apart)
    fused = {"L2NormOptions": {"fused_activation_function": "RELU"}}
    norm = OneOp().x(2).y(2, scale=1 / 128).refusal("L2_NORMALIZATION", **fused)
    assert "with a fused activation" in str(norm)
    table = {"padding": "VALID", "stride_h": 0, "stride_w": 1}
    still = OneOp().const(ints(1, 2, 2, 1)).const(np.ones((1, 1, 1, 1), np.int8), scale=0.5)
    still = still.x(1, 2, 2, 1).y(1, 2, 2, 1)
    assert "stride (0, 1)" in str(still.refusal("TRANSPOSE_CONV", TransposeConvOptions=table))
