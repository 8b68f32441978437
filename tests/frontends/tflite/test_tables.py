"""Functions of one code, as LiteRT's tables and kernels have them, on all codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.frontends.tflite.one_op import OneOp
from tests.frontends.tflite.side_by_side import SideBySide

BYTES = ("int8", "uint8")


def _every_code(net: SideBySide, code: str, dtype: str, options: Any, most: float = 0.5) -> None:
    """Add one operator on all codes of a scale and zero point, to another."""
    info = np.iinfo(dtype)
    quants: list[dict[str, Any]] = [
        {
            "scale": float(np.float32(net.rng.uniform(0.002, most))),
            "zero_point": int(net.rng.choice([info.min, info.max, *net.rng.integers(-99, 99, 2)])),
        }
        for _ in range(2)
    ]
    for quant in quants:
        quant["zero_point"] = max(quant["zero_point"], int(info.min))
    x = net.x((256,), dtype, **quants[0])
    net.arrays[-1] = np.arange(info.min, info.max + 1).astype(dtype)
    version = 1 if code in ("ELU", "NEG") else 2
    net.op(code, [x], (256,), dtype, version=version, options=options, **quants[1])


@pytest.mark.parametrize("dtype", BYTES)
def test_tables_equal_litert(dtype: str) -> None:
    net = SideBySide(1)
    for number in range(12):
        alpha = (0.0, 0.01, 0.2, 0.3, 1.0, 1.5, -0.25)[number % 7]
        _every_code(net, "LEAKY_RELU", dtype, ("LeakyReluOptions", {"alpha": alpha}))
        options = ("GeluOptions", {"approximate": bool(number % 2)})
        _every_code(net, "GELU", dtype, options, 0.1)
        if dtype == "int8":
            _every_code(net, "ABS", dtype, ("AbsOptions", {}))
            _every_code(net, "NEG", dtype, ("NegOptions", {}))
    net.check()


def test_exponentials_equal_litert() -> None:
    """LiteRT's reference resolver has no ELU."""
    net = SideBySide(2)
    for _ in range(12):
        _every_code(net, "ELU", "int8", None, 0.1)
    net.check("builtin")


@pytest.mark.parametrize("dtype", BYTES)
def test_hard_swish_equals_litert_at_any_ratio_of_scales(dtype: str) -> None:
    """Far apart, LiteRT's 16-bit shifts go beyond 15, where they give 1 for zero."""
    net, info = SideBySide(3), np.iinfo(dtype)
    for exponent in range(-6, 23):
        x_scale = float(np.float32(net.rng.uniform(0.5, 1) * 2.0 ** -(exponent % 12)))
        for y_scale, zero in ((x_scale * 2.0**exponent, info.max), (x_scale, info.min)):
            code = {"scale": x_scale, "zero_point": int(net.rng.integers(info.min, info.max))}
            x = net.x((256,), dtype, **code)
            net.arrays[-1] = np.arange(info.min, info.max + 1).astype(dtype)
            y = {"scale": y_scale, "zero_point": int(zero)}
            net.op("HARD_SWISH", [x], (256,), dtype, version=1, **y)
    tiny = {"scale": 2.0**-20, "zero_point": int(info.max)}
    net.op("HARD_SWISH", [net.x((64,), dtype, **tiny)], (64,), dtype, version=1, **tiny)
    net.check()


def test_refusals() -> None:
    wide = OneOp().x(2, dtype="uint8").y(2, dtype="uint8").refusal("ABS")
    assert "ABS of uint8 data" in str(wide)
    endless = OneOp().x(2).y(2).refusal("LEAKY_RELU", LeakyReluOptions={"alpha": float("inf")})
    assert "alpha is inf" in str(endless)
    assert "has no LeakyReluOptions" in str(OneOp().x(2).y(2).refusal("LEAKY_RELU"))
