"""Single operators in the profile of each of LiteRT's engines: engine, reference and C agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.frontends.tflite.side_by_side import SideBySide

PROFILES = {"tflite": "builtin", "xnnpack": "xnnpack"}
BYTES = ("int8", "uint8")
# Whole vectors of 8 and of 16 values, and what is left behind them.
LENGTHS = (1, 7, 16, 33, 250)

Step = Callable[[SideBySide, str, int], None]


def _code(net: SideBySide, dtype: str, low: float = 0.02, high: float = 0.3) -> dict[str, Any]:
    info = np.iinfo(dtype)
    middle = int(net.rng.integers(info.min, info.max, endpoint=True))
    zero = int(net.rng.choice([info.min, info.max, middle, middle]))
    return {"scale": float(np.float32(net.rng.uniform(low, high))), "zero_point": zero}


def _pair(code: str) -> Step:
    def step(net: SideBySide, dtype: str, length: int) -> None:
        options = (f"{code.capitalize()}Options", {})
        operands = [net.x((length,), dtype, **_code(net, dtype)) for _ in range(2)]
        net.op(code, operands, (length,), dtype, options=options, **_code(net, dtype, 0.2, 0.6))

    return step


def _quantize(net: SideBySide, dtype: str, length: int) -> None:
    code = _code(net, dtype)
    x = net.x((length,), "float32")
    # Multiples of half a step, of which many are ties.
    steps = np.round(net.arrays[-1] * 40) / 2
    net.arrays[-1] = (steps * np.float32(code["scale"])).astype(np.float32)
    net.op("QUANTIZE", [x], (length,), dtype, options=("QuantizeOptions", {}), **code)


def _requantize(net: SideBySide, dtype: str, length: int) -> None:
    given = _code(net, dtype)
    # Ratios with few bits: ties.
    ratio = float(net.rng.choice([0.5, 0.25, 0.375, 0.7, 1.5]))
    wanted = {**_code(net, dtype), "scale": float(np.float32(given["scale"] / ratio))}
    x = net.x((length,), dtype, **given)
    net.op("QUANTIZE", [x], (length,), dtype, options=("QuantizeOptions", {}), **wanted)


def _dequantize(net: SideBySide, dtype: str, length: int) -> None:
    x = net.x((length,), dtype, **_code(net, dtype))
    net.op("DEQUANTIZE", [x], (length,), "float32", options=("DequantizeOptions", {}))


def _leaky(net: SideBySide, dtype: str, length: int) -> None:
    x = net.x((length,), dtype, **_code(net, dtype))
    alpha = float(net.rng.choice([0.1, 0.3, 0.001, -0.2]))
    options = ("LeakyReluOptions", {"alpha": alpha})
    net.op("LEAKY_RELU", [x], (length,), dtype, options=options, **_code(net, dtype))


def _softmax(net: SideBySide, dtype: str, length: int) -> None:
    x = net.x((3, length), dtype, **_code(net, dtype))
    zero = 0 if dtype == "uint8" else -128
    options = ("SoftmaxOptions", {"beta": 1.0})
    net.op("SOFTMAX", [x], (3, length), dtype, options=options, scale=1 / 256, zero_point=zero)


def _reduction(code: str, keep: bool) -> Step:
    def step(net: SideBySide, dtype: str, length: int) -> None:
        x = net.x((2, 3, 2, length), dtype, **_code(net, dtype))
        result = (2, 1, 1, length) if keep else (2, length)
        options = ("ReducerOptions", {"keep_dims": keep})
        net.op(code, [x, net.ints(1, 2)], result, dtype, options=options, **_code(net, dtype))

    return step


def _ties(code: str) -> Step:
    def step(net: SideBySide, dtype: str, length: int) -> None:
        given, wanted = _code(net, dtype), _code(net, dtype)
        # Many of the results lie between two codes.
        ratio = float(net.rng.choice([0.5, 0.75, 1.0, 1.5]))
        wanted["scale"] = float(np.float32(given["scale"] / ratio))
        x = net.x((length, 4), dtype, **given)
        options = ("ReducerOptions", {"keep_dims": False})
        net.op(code, [x, net.ints(1)], (length,), dtype, options=options, **wanted)

    return step


def _resize(net: SideBySide, dtype: str, length: int) -> None:
    depth, size = length % 19 + 1, (length % 5 + 2, length % 7 + 5)
    mode = ({}, {"align_corners": True}, {"half_pixel_centers": True})[length % 3]
    code = _code(net, dtype)
    x = net.x((1, 4, 3, depth), dtype, **code)
    options = ("ResizeBilinearOptions", mode)
    operands = [x, net.ints(*size)]
    net.op("RESIZE_BILINEAR", operands, (1, *size, depth), dtype, options=options, **code)


def _weights(net: SideBySide, dtype: str, shape: tuple[int, ...], x: Any, axis: int) -> list[int]:
    """Return weights and bias, per channel where they are int8."""
    low, count = 1 if dtype == "uint8" else -127, shape[axis]
    codes = net.rng.integers(low, low + 255, shape).astype(dtype)
    scales: Any = np.float32(2.0**-7)
    if dtype == "int8":
        scales = 2.0 ** -net.rng.integers(6, 9, count).astype(np.float32)
    zero, along = (120, 0) if dtype == "uint8" else (0, axis)
    bias = net.rng.integers(-2000, 2000, count).astype(np.int32)
    return [
        net.const(codes, scale=scales, zero_point=zero, axis=along),
        net.const(bias, scale=np.float32(x["scale"]) * scales),
    ]


def _depthwise(net: SideBySide, dtype: str, length: int) -> None:
    depth, code = length % 41 + 1, _code(net, dtype)
    # Powers of two: sums that lie between two codes.
    code["scale"] = 2.0**-5
    weights = _weights(net, dtype, (1, 3, 3, depth), code, 3)
    operands = [net.x((1, 6, 5, depth), dtype, **code), *weights]
    table = {"padding": "SAME", "stride_h": 1, "stride_w": 1, "depth_multiplier": 1}
    options = ("DepthwiseConv2DOptions", table)
    wanted = {**_code(net, dtype), "scale": 2.0**-2}
    net.op("DEPTHWISE_CONV_2D", operands, (1, 6, 5, depth), dtype, options=options, **wanted)


def _transposed(net: SideBySide, dtype: str, length: int) -> None:
    outs, code = length % 21 + 1, {**_code(net, dtype), "scale": 2.0**-5}
    kernel = ((3, 3), (2, 1))[length % 2]
    weights, _ = _weights(net, dtype, (outs, *kernel, 5), code, 0)
    operands = [net.ints(1, 6, 4, outs), weights, net.x((1, 3, 2, 5), dtype, **code)]
    options = ("TransposeConvOptions", {"padding": "SAME", "stride_h": 2, "stride_w": 2})
    wanted = {**_code(net, dtype), "scale": 2.0**-2}
    net.op("TRANSPOSE_CONV", operands, (1, 6, 4, outs), dtype, options=options, **wanted)


STEPS: dict[str, Step] = {
    "add": _pair("ADD"),
    "sub": _pair("SUB"),
    "mul": _pair("MUL"),
    "quantize": _quantize,
    "requantize": _requantize,
    "dequantize": _dequantize,
    "leaky": _leaky,
    "softmax": _softmax,
    "mean of images": _reduction("MEAN", True),
    "mean": _reduction("MEAN", False),
    "sum": _reduction("SUM", True),
    "mean of ties": _ties("MEAN"),
    "sum of ties": _ties("SUM"),
    "resize": _resize,
    "depthwise": _depthwise,
    "transposed": _transposed,
}


@pytest.mark.parametrize("numerics", PROFILES)
@pytest.mark.parametrize("dtype", BYTES)
@pytest.mark.parametrize("kind", STEPS)
def test_operators_equal_the_engine(kind: str, dtype: str, numerics: str) -> None:
    net = SideBySide(5)
    for length in LENGTHS:
        STEPS[kind](net, dtype, length)
    net.check(PROFILES[numerics], numerics)
