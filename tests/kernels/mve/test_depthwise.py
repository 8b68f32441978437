"""Depthwise 3x3 windows with the Helium: on boards, and the C twin on this machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeq.kernels.mve.depthwise import depthwise_3x3_facts
from edgeq.ops._spatial import Padding
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.select import select
from edgeq.targets import Target, target
from tests.kernel_harness import WARNINGS, Case, check_layers, one_op_graph
from tests.kernels.mve.test_product import ALL_BUT_FLOAT, SANITIZED, TARGETS, TWIN, named
from tests.kernels.neon.layers import ROUNDINGS, depthwise_case

ROW = "mve/depthwise_conv2d_3x3_s8"
SAME = Padding(1, 1, 1, 1)


def sizes() -> list[Case]:
    """Return images of every parity, down to one pixel, and several counts of channels."""
    return [
        depthwise_case((1, height, width, channels), (3, 3), row=ROW, padding=SAME, stride=stride)
        for height, width, channels in (
            (1, 1, 1),
            (1, 4, 4),
            (2, 3, 4),
            (3, 2, 5),
            (4, 4, 7),
            (5, 6, 8),
            (7, 5, 9),
            (3, 17, 3),
        )
        for stride in ((1, 1), (2, 2))
    ]


def shapes() -> list[Case]:
    """Return paddings on each side, several images, and windows without padding."""
    pads = (Padding(), Padding(0, 1, 0, 1), Padding(2, 2, 2, 2), Padding(1, 0, 2, 1))
    return [
        depthwise_case((2, 6, 7, 6), (3, 3), row=ROW, padding=pad, stride=stride)
        for pad in pads
        for stride in ((1, 1), (2, 2))
    ]


def numbers() -> list[Case]:
    """Return all roundings, extremes of codes and zero points."""
    cases = [
        depthwise_case(
            (1, 4, 5, 6),
            (3, 3),
            row=ROW,
            padding=SAME,
            numerics=n,
            stride=stride,
            zeros=(-3, after),
            extreme=extreme,
        )
        for n in ROUNDINGS
        for stride in ((1, 1), (2, 2))
        for after in (-128, 5)
        for extreme in (False, True)
    ]
    cases += [
        depthwise_case(
            (1, 4, 4, 4), (3, 3), row=ROW, padding=SAME, zeros=zeros, scale=scale, extreme=True
        )
        for scale in (20.0, 200.0)
        for zeros in ((-128, 127), (127, -128))
    ]
    return cases


def test_forms() -> None:
    """Every form of rescaling occurs in the cases, and the short one after every rounding."""
    found = set()
    for case in numbers():
        [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
        assert isinstance(op, DepthwiseConv2D)
        rounding = op.arithmetic.requant.rounding.value
        found.add((rounding, depthwise_3x3_facts(op, io).flags["form"]))
    short = {(r.name, "line") for r in ROUNDINGS}
    assert found == short | {(r.name, r.name) for r in ALL_BUT_FLOAT}


@pytest.mark.parametrize("processor", TARGETS, ids=named)
@pytest.mark.parametrize("cases", [sizes, shapes, numbers])
def test_layers(cases, processor: Target | str) -> None:
    check_layers(cases(), processor)


def test_the_twin_has_no_undefined_behaviour() -> None:
    check_layers([*sizes(), *shapes()], replace(TWIN, cflags=(*SANITIZED, *WARNINGS)))


def test_what_it_does_not_take_is_left_to_others() -> None:
    cases = [
        depthwise_case((1, 6, 6, 4), (3, 3), numerics=ROUNDINGS[-1], extreme=True, scale=400.0),
        depthwise_case((1, 6, 6, 3), (3, 3), zero=3, extreme=True),
        depthwise_case((1, 4, 66, 3), (3, 3), stride=(2, 2)),
        depthwise_case((1, 64, 65, 3), (3, 3)),
        depthwise_case((1, 6, 6, 4), (5, 3)),
        depthwise_case((1, 6, 6, 4), (3, 3), stride=(2, 1)),
        depthwise_case((1, 6, 6, 4), (3, 3), dilation=(2, 2)),
        depthwise_case((1, 6, 6, 4), (3, 3), scale=0.004),
    ]
    for case in cases:
        [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
        row = select(op, io, target("cortex-m55").isas)
        assert row is not None and row.id != ROW
