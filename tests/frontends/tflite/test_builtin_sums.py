"""Sums and products of whole vectors in LiteRT's builtin kernels: rounding, wrapping."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.frontends.tflite.side_by_side import SideBySide

Options = tuple[str, dict[str, Any]]

# Whole vectors of 8 and of 16 codes, and what is left behind them; all pairs of codes.
LENGTHS = (7, 8, 16, 33, 65536)
# Scales whose sums are often ties, but for a last bit of a factor.
TIES = ((3.0, 1.0, 2.0), (5.0, 39.0, 26.0))
# The first scale times 2^-18 and less, as far as LiteRT has factors; outputs of large codes.
SMALL = ((2.6e-6, 1.0, 2.0), (5.3e-9, 1.0, 2.0))
LARGE = ((1.0, 0.7, 0.002),)


def _pairs(net: SideBySide, dtype: str, length: int) -> None:
    """Make the last two inputs all pairs of codes, shuffled, or some of them."""
    codes = np.arange(np.iinfo(dtype).min, np.iinfo(dtype).max + 1)
    pairs = net.rng.permutation(65536)[:length]
    net.arrays[-2:] = [codes[part].astype(dtype) for part in (pairs // 256, pairs % 256)]


def _check(
    code: str, dtype: str, scales: tuple[float, float, float], activation: str, *lengths: int
) -> None:
    net = SideBySide(len(lengths))
    kind = np.iinfo(dtype)
    options = (f"{code.capitalize()}Options", {"fused_activation_function": activation})
    for length in lengths:
        zeros = net.rng.integers(kind.min, kind.max, 3, endpoint=True).tolist()
        first, second, result = (
            {"scale": float(np.float32(scale * 0.0173)), "zero_point": zero}
            for scale, zero in zip(scales, zeros, strict=True)
        )
        operands = [net.x((length,), dtype, **first), net.x((length,), dtype, **second)]
        _pairs(net, dtype, length)
        net.op(code, operands, (length,), dtype, options=options, **result)
    net.check("builtin", "tflite")


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("scales", [*TIES, *SMALL, *LARGE])
def test_sums_of_all_pairs_of_codes(scales: tuple[float, float, float], dtype: str) -> None:
    _check("ADD", dtype, scales, "NONE", *LENGTHS)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("activation", ["RELU6", "RELU_N1_TO_1"])
def test_sums_that_are_clamped(activation: str, dtype: str) -> None:
    _check("ADD", dtype, TIES[0], activation, 65536)
    _check("ADD", dtype, LARGE[0], activation, 65536)


# Vectors beside rows, one number beside all or beside rows of its own, loops that take no vectors.
SHAPES = (
    ((2, 25), (25,)),
    ((33,), (1,)),
    ((2, 1), (2, 17)),
    ((2, 3, 17), (2, 1, 17)),
    ((3, 1, 9), (3, 4, 1)),
    ((2, 3, 17), (3, 1)),
    ((2, 3, 2, 9), (1, 3, 1, 9)),
)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("code", ["ADD", "SUB", "MUL"])
def test_operands_that_broadcast(code: str, dtype: str) -> None:
    net, kind = SideBySide(3), np.iinfo(dtype)
    options: Options = (f"{code.capitalize()}Options", {})
    for first, second in SHAPES:
        for scales in (TIES[1], (1.0, 0.7, 0.002)):
            zeros = net.rng.integers(kind.min, kind.max, 3, endpoint=True).tolist()
            coded = [
                {"scale": float(np.float32(scale * 0.0173)), "zero_point": zero}
                for scale, zero in zip(scales, zeros, strict=True)
            ]
            operands = [net.x(first, dtype, **coded[0]), net.x(second, dtype, **coded[1])]
            shape = np.broadcast_shapes(first, second)
            net.op(code, operands, shape, dtype, options=options, **coded[2])
    net.check("builtin", "tflite")


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("activation", ["NONE", "RELU6"])
def test_products_of_all_pairs_of_codes(activation: str, dtype: str) -> None:
    for factor in (0.4, 0.7, 3.0, 20.0):
        _check("MUL", dtype, (1.0, 1.0, 0.0173 / factor), activation, 65536)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("code", ["ADD", "MUL"])
def test_a_constant_number_beside_all(code: str, dtype: str) -> None:
    net = SideBySide(4)
    options: Options = (f"{code.capitalize()}Options", {})
    for value in (3, 100):
        x = net.x((33,), dtype, scale=1.0, zero_point=7)
        number = net.const(np.array([value], dtype), scale=1.0, zero_point=60)
        net.op(code, [x, number], (33,), dtype, options=options, scale=0.001, zero_point=11)
    net.check("builtin", "tflite")
