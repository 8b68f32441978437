"""An operation of one input against LiteRT, after the flip to int8, and as generated C."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgeq.ir.graph import Operands, Tensor
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ops.base import Op
from tests.kernel_harness import check_layer
from tests.litert import run_litert
from tests.ops.elementwise_cases import coded, evaluate, tflite

NAMES = {"inputs": ("x",), "outputs": ("y",)}


def result(
    op: Op, x: Tensor, dtype: DType | None = None, scale: float = 0.0, zero: int = 0
) -> Tensor:
    """Return an output tensor for ``op``; the code of ``x`` where no scale is given."""
    shape = op.shapes(Operands((x,), (x,)))[0]
    y = replace(x, name="y", shape=shape, dtype=dtype or x.dtype)
    if scale:
        return coded("y", shape, y.dtype, scale, zero)
    return y if y.dtype.is_quantized else replace(y, quant=None)


def litert(
    code: str,
    tensors: Sequence[Tensor],
    array: np.ndarray,
    version: int = 2,
    resolver: str = "ref",
    **options: Any,
) -> np.ndarray:
    """Return what LiteRT computes; constant operands are between the input and the output."""
    return run_litert(tflite(code, tensors, version, **options), [array], resolver)[0]


def flip(tensor: Tensor) -> Tensor:
    """Return a uint8 tensor as int8, any other as it is."""
    if tensor.dtype is not DType.UINT8 or tensor.quant is None:
        return tensor
    quant = QuantParams.per_tensor(tensor.scale, tensor.zero_point - 128)
    return replace(tensor, dtype=DType.INT8, quant=quant)


def flip_codes(array: np.ndarray) -> np.ndarray:
    """Return uint8 codes as int8 or back, other arrays as they are."""
    if array.dtype.itemsize != 1:
        return array
    other = np.int8 if array.dtype == np.uint8 else np.uint8
    return (array ^ array.dtype.type(-128 if other is np.uint8 else 128)).view(other)


def check_codes(
    op: Op, x: Tensor, y: Tensor, array: np.ndarray, want: np.ndarray, *, kernel: bool = True
) -> None:
    """Fail unless the reference gives ``want``, and so do its int8 form and the C of that."""
    np.testing.assert_array_equal(evaluate(op, (x, y), [array]), want, strict=True)
    unsigned = x.dtype is DType.UINT8
    if unsigned:
        op = op.flipped(Operands((x,), (y,)))
        flipped = y.dtype is DType.UINT8
        x, y, array = flip(x), flip(y), flip_codes(array)
        got = evaluate(op, (x, y), [array])
        np.testing.assert_array_equal(flip_codes(got) if flipped else got, want, strict=True)
    if kernel:
        check_layer(op, {"x": x, "y": y}, [(array,)], numerics="tflite-ref")


def extremes(x: Tensor, rng: np.random.Generator) -> list[tuple[np.ndarray]]:
    """Return inputs of a kernel: random codes, and only the least or the largest."""
    low, high = x.dtype.min, x.dtype.max
    arrays = [rng.integers(low, high + 1, x.shape), np.full(x.shape, low), np.full(x.shape, high)]
    near = rng.integers(-3, 4, x.shape)
    return [(array.astype(x.dtype.numpy),) for array in (*arrays, near)]


def random_codes(rng: np.random.Generator, x: Tensor) -> np.ndarray:
    """Return codes over the whole range of the type."""
    return rng.integers(x.dtype.min, x.dtype.max + 1, x.shape).astype(x.dtype.numpy)
