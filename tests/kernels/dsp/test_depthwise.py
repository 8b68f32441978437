"""Depthwise 3x3 windows with the DSP extension: on boards, and the C twin on this machine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.ir.profiles import Numerics
from edgeq.kernels.dsp.depthwise import depthwise_3x3_facts
from edgeq.ops._spatial import Padding
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.select import select
from edgeq.targets import Target, target
from tests.kernel_harness import WARNINGS, Case, check_layers, one_op_graph
from tests.kernels.dsp.test_product import ALL_BUT_FLOAT, SANITIZED, TARGETS, TWIN, named
from tests.kernels.neon.layers import ROUNDINGS, depthwise_case

ROW = "dsp/depthwise_conv2d_3x3_s8"
SAME = Padding(1, 1, 1, 1)

TOO_FEW = ((1, 2), (3, 2), (4, 2))  # width and stride of two windows


def sizes() -> list[Case]:
    """Return images of every parity, down to a few pixels, and channels round the word of four."""
    return [
        depthwise_case(
            (1, (width + stride) % 5 + 1, width, 4 + (width + 2 * stride) % 6),
            (3, 3),
            row=None if (width, stride) in TOO_FEW else ROW,
            padding=SAME,
            stride=(stride, stride),
            zeros=(-3, zero),
        )
        for width in range(1, 10)
        for stride in (1, 2)
        for zero in (-128, 5)
    ]


def strips() -> list[Case]:
    """Return images of few rows, with padding above or below or not."""
    return [
        depthwise_case(
            (1, out - top - bottom + 2 if stride == 1 else 2 * out + 1 - top - bottom, 6, 4),
            (3, 3),
            row=ROW,
            padding=Padding(top, bottom, 1, 1),
            stride=(stride, stride),
            zeros=(7, -128),
        )
        for top in (0, 1)
        for bottom in (0, 1)
        for stride in (1, 2)
        for out in (1, 2, 3, 4)
        if stride == 2 or out + 2 > top + bottom
    ]


def shapes() -> list[Case]:
    """Return paddings on each side, several images, and windows without padding."""
    pads = (Padding(), Padding(0, 1, 0, 1), Padding(2, 2, 2, 2), Padding(1, 0, 2, 1))
    return [
        depthwise_case((2, 6, 7, 6), (3, 3), row=ROW, padding=pad, stride=stride)
        for pad in pads
        for stride in ((1, 1), (2, 2))
    ]


def far(numerics: Numerics) -> Case:
    """Return a layer whose codes change only at sums too large for a plain line."""
    case = depthwise_case(
        (1, 4, 5, 6),
        (3, 3),
        row=ROW,
        padding=SAME,
        numerics=numerics,
        zero=0,
        zeros=(-3, -128),
        scale=2e4,
    )
    # Codes are 5e-7 of sums: those of 509 millions are halfway between two.
    bias = replace(case.tensors["b"], data=np.full(6, 509_000_000, np.int32))
    return replace(case, tensors={**case.tensors, "b": bias})


def numbers() -> list[Case]:
    """Return all roundings, weights with zero points, extremes of codes and zero points."""
    cases = [
        depthwise_case(
            (1, 4, 5, 6),
            (3, 3),
            row=ROW,
            padding=SAME,
            numerics=n,
            zero=zero,
            zeros=(-3, after),
            extreme=extreme,
        )
        for n in ROUNDINGS
        for zero in (None, 3)
        for after in (-128, 5)
        for extreme in (False, True)
    ]
    cases += [
        depthwise_case(
            (1, 4, 4, 4), (3, 3), row=ROW, padding=SAME, zero=zero, zeros=zeros, extreme=True
        )
        for zero in (-128, 127, None)
        for zeros in ((-128, 127), (127, -128))
    ]
    cases += [
        depthwise_case((1, 4, 5, 6), (3, 3), row=ROW, padding=SAME, zeros=zeros, scale=0.05)
        for zeros in ((-3, -128), (-128, 127))
    ]
    return [*cases, *map(far, ALL_BUT_FLOAT)]


def test_forms() -> None:
    """Every form of rescaling occurs in the cases, and the short one after every rounding."""
    found = set()
    for case in numbers():
        [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
        assert isinstance(op, DepthwiseConv2D)
        rounding = op.arithmetic.requant.rounding.value
        found.add((rounding, depthwise_3x3_facts(op, io).flags["form"]))
    short = {(r.name, "plain") for r in ROUNDINGS}
    # After a ReLU no number is rounded the other way.
    short.add(("gemmlowp", "half_up"))
    assert found == short | {(r.name, r.name) for r in ALL_BUT_FLOAT}


@pytest.mark.parametrize("processor", TARGETS, ids=named)
@pytest.mark.parametrize("cases", [sizes, strips, shapes, numbers])
def test_layers(cases, processor: Target | str) -> None:
    check_layers(cases(), processor)


def test_the_twin_has_no_undefined_behaviour() -> None:
    check_layers([*sizes(), *strips(), *shapes()], replace(TWIN, cflags=(*SANITIZED, *WARNINGS)))


def test_what_it_does_not_take_is_left_to_others() -> None:
    cases = [
        depthwise_case((1, 6, 6, 4), (3, 3), numerics=ROUNDINGS[-1], zero=3, scale=400.0),
        depthwise_case((1, 6, 6, 3), (3, 3)),
        depthwise_case((1, 6, 6, 4), (5, 3)),
        depthwise_case((1, 6, 6, 4), (3, 3), stride=(2, 1)),
        depthwise_case((1, 6, 6, 4), (3, 3), dilation=(2, 2)),
        depthwise_case((1, 6, 6, 4), (3, 3), scale=0.004),
    ]
    for case in cases:
        [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
        row = select(op, io, target("cortex-m4").isas)
        assert row is not None and row.id != ROW
