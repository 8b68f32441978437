"""Depthwise convolution with a 3x3 window against the reference, all tables that have a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from edgeq.kernels.neon.depthwise_3x3 import edges_of, row_of
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.plan.select import select
from edgeq.targets import Target, target
from tests.kernel_harness import WARNINGS, Case, check_layers, one_op_graph
from tests.kernels.neon.layers import ROUNDINGS, depthwise_case

SAME = Padding(1, 1, 1, 1)
SAME_2 = Padding(0, 1, 0, 1)
KERNEL = (3, 3)


def quick(name: str, isas: tuple[str, ...]) -> Target:
    return replace(target(name), isas=isas, cflags=("-O1", *WARNINGS))


TARGETS = [
    quick("aarch64", ("aarch64", "neon", "portable")),
    quick("armv7-neon", ("neon", "portable")),
]


def scaled(case: Case, divisors: Iterable[int]) -> Case:
    """Return the layer with the weights of each channel divided, in turn, by one of these."""
    w = case.tensors["w"]
    by = np.resize(np.array(list(divisors), np.int16), w.shape[3])
    smaller = np.fix(w.array / by).astype(np.int8)
    return replace(case, tensors={**case.tensors, "w": replace(w, data=smaller)})


def with_outliers(case: Case, zero: int, outlier: int, taps: Iterable[int]) -> Case:
    """Return the layer with weights near their zero point, but for some taps of one channel."""
    w = case.tensors["w"]
    codes = np.clip(zero + w.array.astype(np.int16) // 6, -128, 127).astype(np.int8)
    codes.reshape(9, -1)[list(taps), w.shape[3] // 2] = outlier
    return replace(case, tensors={**case.tensors, "w": replace(w, data=codes)})


def sizes() -> list[Case]:
    """Return widths around every loop, with each stride and padding."""
    layers = [
        depthwise_case((1, 4, width, 16), KERNEL, padding=padding, stride=stride)
        for width in range(2, 12)
        for stride, padding in (((1, 1), SAME), ((2, 2), SAME_2), ((2, 2), SAME))
    ]
    others = (
        ((1, 1), Padding()),
        ((2, 2), Padding()),
        ((1, 2), SAME),
        ((2, 1), SAME_2),
        ((1, 1), Padding(2, 2, 2, 2)),
        ((3, 1), Padding(0, 2, 1, 3)),
    )
    layers += [
        depthwise_case((2, 5, width, 24), KERNEL, padding=padding, stride=stride)
        for width in (3, 4, 9)
        for stride, padding in others
    ]
    return [*layers, depthwise_case((1, 1, 1, 8), KERNEL, padding=SAME)]


def blocks() -> list[Case]:
    """Return images of more bytes than one pass over the channels takes."""
    return [
        depthwise_case((2, 9, 40, 64), KERNEL, padding=SAME),
        depthwise_case((1, 9, 60, 72), KERNEL, padding=SAME_2, stride=(2, 2)),
    ]


def chains() -> list[Case]:
    """Return weights that need from one chain to five, alone and side by side, and 16 bits."""
    layers = [
        scaled(depthwise_case((1, 4, 5, c), KERNEL, padding=SAME, extreme=True), (divisor,))
        for c in (8, 16)
        for divisor in (1, 2, 3, 4, 5)
    ]
    mixed = depthwise_case((1, 4, 9, 200), KERNEL, padding=SAME)
    layers += [scaled(mixed, np.repeat((1, 2, 3, 4, 9), 16)), scaled(mixed, range(1, 12))]
    layers += [
        with_outliers(
            depthwise_case((1, 4, 5, c), KERNEL, zero=zero, padding=SAME), zero, outlier, taps
        )
        for c in (8, 32)
        for zero, outlier in ((60, -128), (-60, 127), (-127, 127), (127, -128))
        for taps in ((4,), (0, 8), (1, 3, 4, 6))
    ]
    return [
        *layers,
        *(
            depthwise_case((1, 4, 9, c), KERNEL, zero=zero, zeros=zeros, padding=SAME, extreme=True)
            for c in (8, 24)
            for zero in (-128, -1, 0, 3, 127)
            for zeros in ((-128, 127), (127, -128))
        ),
    ]


def channels() -> list[Case]:
    """Return channels around the panels of 8 and 16, weights with and without a zero point."""
    return [
        depthwise_case((1, 3, 4, c), KERNEL, zero=zero, padding=SAME, stride=stride)
        for c in (8, 9, 15, 16, 17, 23, 24, 25, 31, 33, 67)
        for zero, stride in ((None, (1, 1)), (30, (1, 1)), (None, (2, 2)))
    ]


def roundings() -> list[Case]:
    """Return every rounding, with shifts to both sides, with and without a cut at the zero."""
    return [
        depthwise_case(
            (1, 4, 4, c),
            KERNEL,
            zero=zero,
            zeros=(7, y_zero),
            numerics=numerics,
            scale=scale,
            padding=SAME,
            activation=activation,
        )
        for c, zero in ((9, 0), (24, None), (24, 1))
        for numerics in ROUNDINGS
        for scale in (0.004, 20.0)
        for activation, y_zero in (
            (Activation.NONE, 5),
            (Activation.NONE, -128),
            (Activation.RELU, -20),
            (Activation.RELU6, -128),
        )
    ]


@pytest.mark.parametrize("chosen", TARGETS, ids=lambda t: t.name)
@pytest.mark.parametrize(
    "cases", [sizes, blocks, chains, channels, roundings], ids=lambda cases: cases.__name__
)
def test_the_layers_equal_the_reference(cases, chosen: Target) -> None:
    row = f"{chosen.isas[0]}/depthwise_conv2d_3x3_s8"
    check_layers([replace(case, kernel=row) for case in cases()], chosen)


@pytest.mark.parametrize(
    "case",
    [
        depthwise_case((1, 9, 9, 8), (3, 2)),
        depthwise_case((1, 9, 9, 8), KERNEL, dilation=(1, 2)),
        depthwise_case((1, 9, 9, 8), KERNEL, stride=(1, 3)),
        depthwise_case((1, 9, 9, 8), KERNEL, stride=(2, 2), padding=Padding(0, 0, 2, 0)),
        depthwise_case((1, 9, 9, 8), KERNEL, padding=Padding(0, 0, 0, 9)),
    ],
)
def test_what_it_does_not_take_goes_to_the_row_of_any_window(case: Case) -> None:
    [(lowered, io)] = one_op_graph(case.op, case.tensors).walk()
    row = select(lowered, io, TARGETS[0].isas)
    assert row is not None
    assert row.id == "neon/depthwise_conv2d_s8"


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("left", [0, 1])
@pytest.mark.parametrize("in_w", range(1, 14))
def test_every_pixel_finds_its_columns(in_w: int, stride: int, left: int) -> None:
    out_w = (in_w + left + 1 - 3) // stride + 1
    row = row_of(in_w, out_w, stride, left)
    held = dict(row.first)
    turns = [(pixel, turn) for turn in range(row.repeats) for pixel in row.loop]
    turns += [(pixel, row.repeats) for pixel in row.rest]
    for p, (pixel, turn) in enumerate(turns):
        moved = turn * len(row.loop)
        held |= {n: c if c is None else c + moved * stride for n, c in pixel.loads}
        columns = [p * stride - left + i for i in range(3)]
        assert [held[name] for name in pixel.columns] == [
            c if 0 <= c < in_w else None for c in columns
        ]
        assert pixel.out + moved == p
    assert len(turns) == out_w


def test_edges_are_rows_that_can_lie_outside() -> None:
    case = depthwise_case((1, 8, 8, 8), KERNEL, stride=(2, 2), padding=SAME_2)
    [(op, io)] = one_op_graph(case.op, case.tensors).walk()
    assert [(e.above, e.below) for e in edges_of(op, io)] == [(False, False)] * 2 + [(False, True)]
