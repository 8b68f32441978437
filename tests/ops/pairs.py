"""Layers of two operands that broadcast, in all roundings: one build for many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgeq.ir.graph import Graph
from edgeq.ir.profiles import Numerics
from edgeq.ir.quant import ROUNDINGS, Rounding
from edgeq.ir.types import DType, Shape
from edgeq.ops.base import Op
from tests.kernel_harness import PORTABLE, Case, check_layers
from tests.ops.elementwise_cases import by_name, coded, every_pair, random_codes

SHAPES: tuple[tuple[Shape, Shape], ...] = (
    ((1,), (1,)),
    ((17,), (17,)),
    ((2, 3), (3,)),
    ((3, 1), (2, 1, 4)),
    ((2, 3, 4, 5), (1, 1, 1, 1)),
    ((1, 1, 1, 6), (2, 3, 5, 6)),
    ((2, 1, 3, 1, 2), (2, 4, 1, 5, 1)),
)

Scales = tuple[float, float, float]


def rounded(rounding: Rounding) -> Numerics:
    """Return a profile of one rounding."""
    return Numerics(rounding.value, "", rounding)


def pair_case(
    op: Op,
    shapes: tuple[Shape, Shape],
    kernel: str,
    *,
    dtypes: tuple[DType, DType] = (DType.INT8, DType.INT8),
    scales: Scales = (0.3, 0.11, 0.35),
    zeros: tuple[int, int, int] = (-128, 127, -7),
    rounding: Rounding = Rounding.GEMMLOWP,
) -> Case:
    """Return a layer of inputs ``a`` and ``b`` and output ``y``, with two runs of random codes."""
    rng = np.random.default_rng(len(shapes[0]) + 10 * len(shapes[1]))
    x, y = dtypes
    limit = zeros if x is DType.INT8 else (0, 0, 0)
    named = zip("ab", shapes, scales[:2], limit[:2], strict=True)
    ins = [coded(name, shape, x, scale, zero) for name, shape, scale, zero in named]
    out = coded("y", np.broadcast_shapes(*shapes), y, scales[2], limit[2])
    runs = [[random_codes(rng, each) for each in ins] for _ in range(2)]
    return Case(op, by_name(*ins, out), runs, kernel, rounded(rounding))


def constant_case(op: Op, kernel: str, *, first: bool, y: DType = DType.INT8) -> Case:
    """Return a layer of which one operand is a constant element."""
    rng = np.random.default_rng(5)
    x, c = coded("x", (300,), scale=0.3, zero=9), coded("c", (1,), scale=0.37, zero=-30)
    c = replace(c, data=random_codes(rng, c))
    op = replace(op, inputs=("c", "x") if first else ("x", "c"))
    out = coded("y", (300,), y, 0.2)
    return Case(op, by_name(x, c, out), [[random_codes(rng, x)] for _ in range(2)], kernel)


def every_pair_cases(op: Op, kernel: str, scales: Sequence[Scales], y: DType) -> list[Case]:
    """Return layers of all pairs of codes, in every rounding."""
    return [
        replace(
            pair_case(
                op,
                ((256, 256), (256, 256)),
                kernel,
                dtypes=(DType.INT8, y),
                scales=each,
                zeros=(-3, 77, -20),
                rounding=rounding,
            ),
            runs=[every_pair()] * 2,
        )
        for each in scales
        for rounding in ROUNDINGS
    ]


def check_pairs(
    op: Op,
    kernel: str,
    y: DType = DType.INT8,
    scales: Sequence[Scales] = ((0.1, 0.3, 0.61),),
    shapes: Sequence[tuple[Shape, Shape]] = SHAPES,
) -> None:
    """Fail unless the kernel equals the reference on all pairs of codes and all shapes."""
    cases = [pair_case(op, each, kernel, dtypes=(DType.INT8, y)) for each in shapes]
    cases += [constant_case(op, "portable/lookup_s8", first=False, y=y)]
    cases += every_pair_cases(op, kernel, scales, y)
    check_layers(cases, PORTABLE)


def float_answer(op: Op, *values: Sequence[float], y: DType = DType.FLOAT32) -> list[object]:
    """Return what an operation gives on float32 vectors."""
    names = "abc"[: len(values)]
    arrays = [np.array(each, np.float32) for each in values]
    found = [coded(n, a.shape, DType.FLOAT32) for n, a in zip(names, arrays, strict=True)]
    out = coded("y", arrays[0].shape, y)
    io = Graph("g", by_name(*found, out), (op,), tuple(names), ("y",)).operands(op)
    (got,) = op.evaluate_float(io, arrays)
    assert got.dtype == y.numpy
    found_list: list[object] = got.tolist()
    return found_list
