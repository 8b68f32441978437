"""Layers that multiply and add, with random or extreme codes, for the AVX2 kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from edgeq.ir.graph import Tensor
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import QuantParams, Rounding
from edgeq.ir.types import DType
from edgeq.ops.base import Op
from edgeq.targets import target
from tests.kernel_harness import check_layer

TARGET = target("x86-avx2")
needs_avx2 = pytest.mark.skipif(not TARGET.is_native, reason="the processor has no AVX2")
ROUNDINGS = tuple(Numerics(r.value, "for tests", r) for r in Rounding)


def weights(
    rng: np.random.Generator, shape: Sequence[int], axis: int, zero: int | None = None
) -> Tensor:
    """Return weights: with a zero point, or without and with a scale for each channel."""
    codes = rng.integers(-128 if zero is not None else -127, 128, tuple(shape), dtype=np.int8)
    if zero is not None:
        quant = QuantParams.per_tensor(0.02, zero)
    else:
        scales = rng.uniform(0.001, 0.04, shape[axis]).astype(np.float32)
        count = len(scales)
        quant = QuantParams(tuple(map(float, scales)), (0,) * count, axis)
    return Tensor("w", tuple(shape), DType.INT8, quant, codes)


def tensors(
    rng: np.random.Generator,
    x: Sequence[int],
    w: Tensor,
    y: Sequence[int],
    zeros: tuple[int, int] = (-3, 5),
    scale: float = 1.0,
) -> dict[str, Tensor]:
    """Return input, weights, bias and output; ``scale`` is the output's."""
    bias = rng.integers(-5000, 5000, y[-1], dtype=np.int32)
    found = (
        Tensor("x", tuple(x), DType.INT8, QuantParams.per_tensor(0.5, zeros[0])),
        w,
        Tensor("b", (y[-1],), DType.INT32, None, bias),
        Tensor("y", tuple(y), DType.INT8, QuantParams.per_tensor(scale, zeros[1])),
    )
    return {tensor.name: tensor for tensor in found}


def check(
    op: Op,
    found: Mapping[str, Tensor],
    kernel: str,
    rng: np.random.Generator,
    numerics: str | Numerics = "gemmlowp",
) -> None:
    """Compare C with the reference on random and on extreme inputs, between guard zones."""
    shape = found["x"].shape
    runs = [
        [rng.integers(-128, 128, shape, dtype=np.int8)],
        [np.full(shape, -128, np.int8)],
        [np.full(shape, 127, np.int8)],
        [rng.choice(np.array([-128, 127], np.int8), shape)],
    ]
    compiled = check_layer(
        op, found, runs, numerics=numerics, target=TARGET, kernel=f"x86_avx2/{kernel}"
    )
    # The arrays are read and written in place: from addresses without any alignment too.
    memory = np.zeros(found["x"].bytes + 1, np.int8)
    memory[1:] = runs[0][0].reshape(-1)
    moved = memory[1:].reshape(shape)
    np.testing.assert_array_equal(compiled(moved), compiled(runs[0][0]))
