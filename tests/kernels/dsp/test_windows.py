"""Depthwise windows of any size with the DSP extension: on boards, and the C twin here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeq.kernels.dsp.windows import depthwise_facts
from edgeq.ops._spatial import Padding
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan.select import select
from edgeq.targets import Target, target
from tests.kernel_harness import WARNINGS, Case, check_layers, one_op_graph
from tests.kernels.dsp.test_product import ALL_BUT_FLOAT, SANITIZED, TARGETS, TWIN, named
from tests.kernels.neon.layers import ROUNDINGS, depthwise_case

ROW = "dsp/depthwise_conv2d_s8"

TOO_FEW = ((1, 2), (3, 2), (4, 2))  # width and stride of two windows


def sizes() -> list[Case]:
    """Return images of every parity, down to a few pixels, and channels round the word of four."""
    return [
        depthwise_case(
            (1, (width + stride) % 5 + 1, width, 4 + (width + 2 * stride) % 6),
            (5, 5),
            row=None if (width, stride) in TOO_FEW else ROW,
            padding=Padding(2, 2, 2, 2),
            stride=(stride, stride),
            zeros=(-3, -128),
        )
        for width in (*range(1, 10), 13)
        for stride in (1, 2)
    ]


def windows() -> list[Case]:
    """Return windows of even and odd sizes, several images, and columns that become rows."""
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
        depthwise_case(
            (2, 17, 1, 8), (9, 1), row=ROW, padding=Padding(4, 3, 0, 0), stride=(stride, stride)
        )
        for stride in (1, 2)
    ]
    return cases


def strips() -> list[Case]:
    """Return images of few rows, with padding above or below or not."""
    return [
        depthwise_case(
            (1, (out - 1) * stride + 5 - top - bottom, 6, 4),
            (5, 5),
            row=ROW,
            padding=Padding(top, bottom, 2, 2),
            stride=(stride, stride),
            zeros=(7, -128),
        )
        for top in (0, 2)
        for bottom in (0, 1)
        for stride in (1, 2)
        for out in (1, 2, 3)
    ]


def numbers() -> list[Case]:
    """Return all roundings, weights with zero points, extremes of codes and zero points."""
    cases = [
        depthwise_case(
            (1, 4, 5, 6),
            (4, 5),
            row=ROW,
            padding=Padding(2, 1, 2, 2),
            numerics=n,
            zeros=(-3, after),
            extreme=extreme,
            scale=100.0,
        )
        for n in ALL_BUT_FLOAT
        for after in (-128, 5)
        for extreme in (False, True)
    ]
    cases += [
        depthwise_case(
            (1, 4, 4, 4), (5, 5), row=ROW, zeros=zeros, padding=Padding(2, 2, 2, 2), extreme=True
        )
        for zeros in ((-128, 127), (127, -128))
    ]
    cases += [
        depthwise_case(
            (1, 4, 5, 6), (5, 5), row=ROW, padding=Padding(2, 2, 2, 2), zeros=zeros, scale=0.05
        )
        for zeros in ((-3, -128), (-128, 127))
    ]
    return cases


def test_forms() -> None:
    """Every form of rescaling and every count of windows occurs in the cases."""
    forms, counts = set(), set()
    for case in [*sizes(), *windows(), *numbers()]:
        [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
        assert isinstance(op, DepthwiseConv2D)
        flags = depthwise_facts(op, io).flags
        forms.add(flags["form"])
        counts.add((flags["stride"], flags["count"]))
    assert forms == {"line", "steep", *(n.name for n in ALL_BUT_FLOAT)}
    assert counts == {(stride, count) for stride in (1, 2) for count in (1, 3, 5)}


@pytest.mark.parametrize("processor", TARGETS, ids=named)
@pytest.mark.parametrize("cases", [sizes, windows, strips, numbers])
def test_layers(cases, processor: Target | str) -> None:
    check_layers(cases(), processor)


def test_the_twin_has_no_undefined_behaviour() -> None:
    cases = [*sizes(), *windows(), *strips()]
    check_layers(cases, replace(TWIN, cflags=(*SANITIZED, *WARNINGS)))


@pytest.mark.parametrize(("kernel", "least"), [((5, 5), 3), ((1, 3), 8), ((1, 5), 7), ((5, 1), 7)])
def test_few_windows_are_portable(kernel: tuple[int, int], least: int) -> None:
    for windows in (1, least - 1, least):
        image = (1, kernel[0] + windows - 1, 1, 4) if kernel[1] == 1 else None
        case = depthwise_case(image or (1, kernel[0], kernel[1] + windows - 1, 4), kernel)
        [(op, io)] = one_op_graph(case.op, case.tensors).walk()
        row = select(op, io, target("cortex-m4").isas)
        assert row is not None and (row.id == ROW) == (windows == least), windows


def test_what_it_does_not_take_is_portable() -> None:
    cases = [
        depthwise_case((1, 6, 6, 4), (5, 5), numerics=ROUNDINGS[-1], zero=3, scale=400.0),
        depthwise_case((1, 6, 6, 4), (5, 5), zero=3, extreme=True),
        depthwise_case((1, 6, 6, 3), (5, 5)),
        depthwise_case((1, 6, 6, 4), (5, 5), stride=(2, 1)),
        depthwise_case((1, 9, 9, 4), (3, 3), dilation=(2, 2)),
        depthwise_case((1, 18, 4, 4), (17, 1)),
        depthwise_case((1, 10, 16, 4), (9, 15)),
        depthwise_case((1, 6, 6, 4), (5, 5), scale=0.004),
    ]
    for case in cases:
        [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
        row = select(op, io, target("cortex-m4").isas)
        assert row is not None and row.id.startswith("portable/depthwise")
