"""Pooling and means with the DSP extension: on boards, and the C twin on this machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeq.ops.activation import Activation
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.plan.select import select
from edgeq.targets import Target, target
from tests.kernel_harness import WARNINGS, Case, check_layers, one_op_graph
from tests.kernels.dsp.test_product import SANITIZED, TARGETS, TWIN, named
from tests.kernels.layers import POOLS, SAME, WINDOWS, mean, on, pool
from tests.kernels.neon.layers import ROUNDINGS

CHANNELS = (8, 9, 11, 15, 16, 17, 24)


def windows() -> list[Case]:
    """Return channels round the tile, windows and paddings."""
    cases = [pool(c, (2, 5, 6, n), (3, 3), padding=SAME) for n in CHANNELS for c in POOLS]
    cases += [pool(MaxPool2D, (1, 5, 6, n), (2, 2), stride=(2, 2)) for n in (4, 5, 6, 7, 8)]
    cases += [pool(c, x, w, **options) for x, w, options in WINDOWS for c in POOLS]
    clamps = (Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1)
    cases += [pool(AveragePool2D, (1, 5, 5, 9), (3, 3), activation=a) for a in clamps]
    return on("dsp", cases)


def averages() -> list[Case]:
    """Return windows of every kind of count, both roundings, over whole images and parts."""
    cases = [
        pool(AveragePool2D, (1, 2 * n, n, 8), (rows, n), round_half_up=half_up)
        for n in (1, 2, 3, 4, 5, 7, 8, 11)
        for rows in (n, 2 * n)
        for half_up in (False, True)
    ]
    cases += [
        pool(AveragePool2D, (2, 16, 16, 12), (16, 16), round_half_up=half_up)
        for half_up in (False, True)
    ]
    return on("dsp", cases)


def means() -> list[Case]:
    """Return axes, roundings and zero points."""
    by_axes = [mean((3, 4, 5, 18), axes) for axes in ((1,), (2,), (0, 2), (0, 1), (0, 1, 2))]
    rounded = [
        mean((1, 7, 7, 9), (1, 2), zeros, scales, numerics=r)
        for r in ROUNDINGS
        for zeros in ((-128, 127), (127, -128))
        for scales in ((0.05, 0.04), (3.0, 0.04))
    ]
    return on("dsp", [*by_axes, *rounded, mean((2, 16, 16, 8), (1, 2))])


@pytest.mark.parametrize("processor", TARGETS, ids=named)
@pytest.mark.parametrize("cases", [windows, averages, means])
def test_layers(cases, processor: Target | str) -> None:
    check_layers(cases(), processor)


def test_the_twin_has_no_undefined_behaviour() -> None:
    flags = (*SANITIZED, *WARNINGS)
    check_layers([*windows(), *averages(), *means()], replace(TWIN, cflags=flags))


def test_what_it_does_not_take_is_portable() -> None:
    cases = [
        pool(AveragePool2D, (1, 5, 5, 7), (3, 3)),
        pool(AveragePool2D, (1, 20, 20, 8), (18, 18)),
        pool(MaxPool2D, (1, 5, 5, 3), (3, 3)),
        pool(MaxPool2D, (1, 5, 5, 8), (3, 3), activation=Activation.RELU6),
        mean((1, 5, 5, 7), (1, 2)),
        mean((1, 5, 24), (2,)),
        mean((1, 257, 1, 8), (1, 2)),
    ]
    for case in cases:
        [(op, io)] = one_op_graph(case.op, case.tensors, case.numerics).walk()
        row = select(op, io, target("cortex-m4").isas)
        assert row is not None and row.id.startswith("portable/")
