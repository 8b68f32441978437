"""Layers that multiply and add, with random or extreme codes, for the ARM kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeq.ir import quant
from edgeq.ir.graph import Tensor
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ops.conv2d import Conv2D
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.ops.fully_connected import FullyConnected
from tests.kernel_harness import Case

ROUNDINGS = tuple(Numerics(r.value, "for tests", r) for r in quant.ROUNDINGS)
IO = {"inputs": ("x", "w", "b"), "outputs": ("y",)}
EXTREMES = np.array([-128, 127], np.int8)


def weights(
    rng: np.random.Generator, shape: Sequence[int], axis: int, zero: int | None, extreme: bool
) -> Tensor:
    """Return weights: with a zero point, or without and with a scale for each channel.

    ``extreme`` ones are only the least and the largest code.
    """
    low = -128 if zero is not None else -127
    if extreme:
        codes = rng.choice(np.array([low, 127], np.int8), tuple(shape))
    else:
        codes = rng.integers(low, 128, tuple(shape), dtype=np.int8)
    if zero is not None:
        return Tensor("w", tuple(shape), DType.INT8, QuantParams.per_tensor(0.02, zero), codes)
    scales = tuple(map(float, rng.uniform(0.001, 0.04, shape[axis]).astype(np.float32)))
    quant = QuantParams(scales, (0,) * len(scales), axis)
    return Tensor("w", tuple(shape), DType.INT8, quant, codes)


def runs_of(rng: np.random.Generator, shape: Sequence[int]) -> list[list[np.ndarray]]:
    """Return random codes, all of the least, all of the largest, and random ones of both."""
    size = tuple(shape)
    return [
        [rng.integers(-128, 128, size, dtype=np.int8)],
        [np.full(size, -128, np.int8)],
        [np.full(size, 127, np.int8)],
        [rng.choice(EXTREMES, size)],
    ]


def sums_case(
    op: Conv2D | DepthwiseConv2D | FullyConnected,
    x: Sequence[int],
    w: Sequence[int],
    y: Sequence[int],
    *,
    axis: int = 0,
    kernel: str | None = None,
    zero: int | None = None,
    zeros: tuple[int, int] = (-3, 5),
    scale: float = 1.0,
    numerics: str | Numerics = "gemmlowp",
    extreme: bool = False,
    seed: int = 7,
) -> Case:
    """Return a layer of sums of products; ``scale`` is the output's, ``zero`` the weights'."""
    rng = np.random.default_rng(seed)
    tensors = (
        Tensor("x", tuple(x), DType.INT8, QuantParams.per_tensor(0.5, zeros[0])),
        weights(rng, w, axis, zero, extreme),
        Tensor("b", (y[-1],), DType.INT32, None, rng.integers(-5000, 5000, y[-1], dtype=np.int32)),
        Tensor("y", tuple(y), DType.INT8, QuantParams.per_tensor(scale, zeros[1])),
    )
    named = {tensor.name: tensor for tensor in tensors}
    return Case(op, named, runs_of(rng, x), kernel, numerics)


def conv_case(
    x: Sequence[int],
    out: int,
    kernel: tuple[int, int],
    *,
    row: str | None = None,
    zero: int | None = None,
    zeros: tuple[int, int] = (-3, 5),
    scale: float = 40.0,
    numerics: str | Numerics = "gemmlowp",
    extreme: bool = False,
    **op: object,
) -> Case:
    """Return a convolution of an image ``x``; ``row`` is the kernel that must be chosen."""
    layer = Conv2D(**IO, **op)  # type: ignore[arg-type]
    y = (x[0], *_size(layer, x, kernel), out)
    return sums_case(
        layer,
        x,
        (out, *kernel, x[3]),
        y,
        kernel=row,
        zero=zero,
        zeros=zeros,
        scale=scale,
        numerics=numerics,
        extreme=extreme,
    )


def depthwise_case(
    x: Sequence[int],
    kernel: tuple[int, int],
    *,
    row: str | None = None,
    zero: int | None = None,
    zeros: tuple[int, int] = (-3, 5),
    scale: float = 20.0,
    numerics: str | Numerics = "gemmlowp",
    extreme: bool = False,
    **op: object,
) -> Case:
    """Return a depthwise convolution of an image ``x`` with one filter for each channel."""
    layer = DepthwiseConv2D(**IO, **op)  # type: ignore[arg-type]
    y = (x[0], *_size(layer, x, kernel), x[3])
    return sums_case(
        layer,
        x,
        (1, *kernel, x[3]),
        y,
        axis=3,
        kernel=row,
        zero=zero,
        zeros=zeros,
        scale=scale,
        numerics=numerics,
        extreme=extreme,
    )


def fully_connected_case(
    rows: int, depth: int, out: int, *, row: str | None = None, **options: object
) -> Case:
    """Return a fully connected layer of ``rows`` times ``depth`` codes."""
    layer = FullyConnected(**IO)
    settings = {"scale": 40.0, **options}
    return sums_case(layer, (rows, depth), (out, depth), (rows, out), kernel=row, **settings)  # type: ignore[arg-type]


def _size(
    op: Conv2D | DepthwiseConv2D, x: Sequence[int], kernel: tuple[int, int]
) -> tuple[int, ...]:
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, op.dilation, strict=True)]
    pads = (op.padding.top + op.padding.bottom, op.padding.left + op.padding.right)
    sizes = zip(x[1:3], pads, spans, op.stride, strict=True)
    return tuple((n + p - span) // s + 1 for n, p, span, s in sizes)
