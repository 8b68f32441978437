"""Depthwise windows of any size with Helium: on a board, and the C twin on this machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeq.ops._spatial import Padding
from edgeq.plan.select import select
from edgeq.targets import Target, target
from tests.kernel_harness import WARNINGS, Case, check_layers, one_op_graph
from tests.kernels.mve.test_product import ALL_BUT_FLOAT, SANITIZED, TARGETS, TWIN, named
from tests.kernels.neon.layers import ROUNDINGS, depthwise_case

ROW = "mve/depthwise_conv2d_s8"


def sizes() -> list[Case]:
    """Return images round the four windows and the eight columns that are copied at a time."""
    return [
        depthwise_case(
            (1, height, width, channels),
            (5, 5),
            row=ROW,
            padding=Padding(2, 2, 2, 2),
            stride=(stride, stride),
            zeros=(-3, -128),
        )
        for height, width, channels in (
            (1, 1, 1),
            (1, 4, 4),
            (2, 3, 4),
            (3, 2, 5),
            (3, 3, 16),
            (4, 4, 7),
            (5, 7, 8),
            (7, 8, 9),
            (3, 17, 3),
        )
        for stride in (1, 2)
    ]


def windows() -> list[Case]:
    """Return windows of many sizes, steps and paddings, and columns that become rows."""
    kernels = ((1, 3), (2, 2), (3, 5), (4, 4), (5, 1), (7, 7), (9, 2), (1, 1), (13, 3), (1, 16))
    cases = [
        depthwise_case(
            (2, 12, 12, 5),
            (height, width),
            row=ROW,
            padding=Padding(height // 2, (height - 1) // 2, width // 2, (width - 1) // 2),
            stride=(stride, stride),
            scale=60.0,
        )
        for height, width in kernels
        for stride in (1, 2)
    ]
    cases += [
        depthwise_case((2, 17, 1, 8), (9, 1), row=ROW, padding=Padding(4, 3, 0, 0), stride=s)
        for s in ((1, 1), (2, 2))
    ]
    cases += [
        depthwise_case((2, 9, 11, 4), (3, 3), row=ROW, padding=Padding(2, 1, 1, 2), **steps)
        for steps in ({"dilation": (2, 2)}, {"stride": (2, 1)}, {"stride": (3, 3)})
    ]
    return cases


def numbers() -> list[Case]:
    """Return all roundings, extremes of codes and zero points."""
    cases = [
        depthwise_case(
            (1, 4, 5, 6),
            (4, 5),
            row=ROW,
            padding=Padding(2, 1, 2, 2),
            numerics=n,
            zeros=(-3, after),
            scale=100.0,
        )
        for n in ALL_BUT_FLOAT
        for after in (-128, 5)
    ]
    cases += [
        depthwise_case(
            (1, 4, 4, 4),
            (5, 5),
            row=ROW,
            padding=Padding(2, 2, 2, 2),
            zeros=zeros,
            scale=scale,
            extreme=True,
        )
        for scale in (20.0, 400.0)
        for zeros in ((-128, 127), (127, -128))
    ]
    return cases


@pytest.mark.parametrize("processor", TARGETS, ids=named)
@pytest.mark.parametrize("cases", [sizes, windows, numbers])
def test_layers(cases, processor: Target | str) -> None:
    check_layers(cases(), processor)


def test_the_twin_has_no_undefined_behaviour() -> None:
    check_layers([*sizes(), *windows()], replace(TWIN, cflags=(*SANITIZED, *WARNINGS)))


def test_what_it_does_not_take_is_left_to_others() -> None:
    cases = [
        depthwise_case((1, 6, 6, 4), (5, 5), numerics=ROUNDINGS[-1]),
        depthwise_case((1, 6, 6, 3), (5, 5), zero=3, extreme=True),
        # Codes of a window that are further apart than a byte tells.
        depthwise_case((1, 6, 64, 3), (5, 5)),
        depthwise_case((1, 36, 33, 3), (2, 2)),
        depthwise_case((1, 65, 64, 3), (60, 1)),
        depthwise_case((1, 6, 6, 4), (5, 5), scale=0.004),
    ]
    for case in cases:
        [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
        row = select(op, io, target("cortex-m55").isas)
        assert row is not None and row.id.split("/")[0] in ("dsp", "portable")
