"""Layers without weights for the kernels of vector processors: sums, pooling, means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Tensor
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import QuantParams
from edgeq.ir.types import DType
from edgeq.ops._spatial import Padding, output_size
from edgeq.ops.activation import Activation
from edgeq.ops.add import Add
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.ops.mean import Mean
from edgeq.ops.mul import Mul
from tests.kernel_harness import Case
from tests.kernels.neon.layers import EXTREMES, runs_of

IO = {"inputs": ("x",), "outputs": ("y",)}
SAME = Padding(1, 1, 1, 1)
SCALES = ((0.0394, 0.1042, 0.0509), (0.05, 0.05, 0.04), (0.2, 0.1, 0.15), (0.01, 0.3, 0.35))
"""Of two inputs and their sum."""
UNEVEN = [s for s in SCALES if s[0] != s[1]]
"""Ties to even, of inputs of one scale, have no affine form."""
FACTORS = ((0.05, 0.04, 0.3), (0.05, 0.04, 0.02), (0.5, 0.5, 0.1))
"""Of two inputs and their product; the last is for shifts to the left."""
ALL = np.arange(-128, 128).astype(np.int8)
POOLS = (AveragePool2D, MaxPool2D)
WINDOWS = (
    ((1, 8, 9, 20), (2, 2), {"stride": (2, 2)}),
    ((1, 8, 9, 20), (3, 2), {"stride": (1, 2), "padding": Padding(1, 0, 1, 0)}),
    ((2, 7, 7, 33), (3, 3), {"padding": SAME}),
    ((1, 9, 8, 16), (5, 5), {"stride": (2, 1), "padding": Padding(2, 2, 2, 2)}),
    ((1, 7, 4, 32), (7, 1), {"stride": (7, 1)}),
    ((1, 9, 3, 16), (3, 3), {"stride": (3, 3)}),
    ((1, 2, 2, 12), (3, 3), {"padding": Padding(1, 2, 2, 1)}),
    ((1, 5, 5, 16), (1, 1), {"stride": (2, 2)}),
    ((1, 6, 11, 24), (2, 5), {"stride": (3, 4), "padding": Padding(0, 0, 3, 2)}),
)


def add_case(
    count: int,
    zeros: tuple[int, int, int] = (-3, 4, 5),
    scales: tuple[float, float, float] = SCALES[0],
    numerics: str | Numerics = "gemmlowp",
    activation: Activation = Activation.NONE,
    kernel: str | None = None,
    cls: type[Add] | type[Mul] = Add,
) -> Case:
    """Return a sum or product; one of all pairs of codes has both codes in order."""
    tensors = {
        name: Tensor(name, (count,), DType.INT8, QuantParams.per_tensor(scale, zero))
        for name, scale, zero in zip(("a", "b", "y"), scales, zeros, strict=True)
    }
    op = cls(inputs=("a", "b"), outputs=("y",), activation=activation)
    if count == 1 << 16:
        runs = [[np.repeat(ALL, 256), np.tile(ALL, 256)]]
    else:
        rng = np.random.default_rng(count)
        runs = [[rng.integers(-128, 128, count, dtype=np.int8) for _ in "ab"] for _ in range(2)]
        runs += [[rng.choice(EXTREMES, count) for _ in "ab"]]
    return Case(op, tensors, runs, kernel, numerics)


def all_pairs(**options: object) -> Case:
    """Return a sum or product of every pair of codes."""
    return add_case(1 << 16, **options)  # type: ignore[arg-type]


def channels_case(
    cls: type[Add] | type[Mul],
    channels: int,
    rows: int = 256,
    zeros: tuple[int, int, int] = (-3, 4, 5),
    scales: tuple[float, float, float] = SCALES[0],
    numerics: str | Numerics = "gemmlowp",
    activation: Activation = Activation.NONE,
) -> Case:
    """Return a sum or product with a constant for each channel, of every code."""
    constants = np.random.default_rng(channels).choice(ALL, channels)
    shapes = ((rows, channels), (channels,), (rows, channels))
    arrays = (None, constants, None)
    tensors = {
        name: Tensor(name, shape, DType.INT8, QuantParams.per_tensor(scale, zero), array)
        for name, shape, scale, zero, array in zip(
            ("a", "b", "y"), shapes, scales, zeros, arrays, strict=True
        )
    }
    op = cls(inputs=("a", "b"), outputs=("y",), activation=activation)
    codes = np.resize(ALL, (channels, rows)).T if rows < 256 else np.tile(ALL, (channels, 1)).T
    return Case(op, tensors, [[np.ascontiguousarray(codes[:rows])]], None, numerics)


def case_of(
    op: AveragePool2D | MaxPool2D | Mean,
    x: Sequence[int],
    y: Sequence[int],
    codes: tuple[QuantParams, QuantParams],
    numerics: str | Numerics = "gemmlowp",
) -> Case:
    """Return a layer of one input, without the kernel that it needs."""
    tensors = {
        name: Tensor(name, tuple(shape), DType.INT8, quant)
        for name, shape, quant in zip("xy", (x, y), codes, strict=True)
    }
    return Case(op, tensors, runs_of(np.random.default_rng(3), x), None, numerics)


def pool(
    cls: type[AveragePool2D] | type[MaxPool2D],
    x: Sequence[int],
    window: tuple[int, int],
    **changes: object,
) -> Case:
    """Return a pooling layer."""
    op = cls(**IO, window=window, **changes)  # type: ignore[arg-type]
    size = output_size((x[1], x[2]), window, op.stride, (1, 1), op.padding)
    same = QuantParams.per_tensor(0.05, -7)
    return case_of(op, x, (x[0], *size, x[3]), (same, same))


def mean(
    x: Sequence[int],
    axes: tuple[int, ...],
    zeros: tuple[int, int] = (-3, 5),
    scales: tuple[float, float] = (0.05, 0.04),
    numerics: str | Numerics = "gemmlowp",
) -> Case:
    """Return a mean over some axes."""
    y = [extent for axis, extent in enumerate(x) if axis not in axes]
    codes = [QuantParams.per_tensor(s, z) for s, z in zip(scales, zeros, strict=True)]
    op = Mean(inputs=IO["inputs"], outputs=IO["outputs"], axes=axes)
    return case_of(op, x, y, (codes[0], codes[1]), numerics)


def on(isa: str, cases: Sequence[Case]) -> list[Case]:
    """Return layers that must be given the rows of ``isa`` that have their operation's name."""
    return [replace(case, kernel=f"{isa}/{case.op.KIND}_s8") for case in cases]
