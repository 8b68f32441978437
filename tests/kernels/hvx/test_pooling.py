"""HVX pooling and means against the reference."""

from __future__ import annotations

from dataclasses import replace

from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.average_pool2d import AveragePool2D
from edgeq.ops.max_pool2d import MaxPool2D
from edgeq.targets import Target
from tests.kernel_harness import Case
from tests.kernels.hvx.forms import check, each_form
from tests.kernels.layers import SAME, WINDOWS, mean, on, pool
from tests.kernels.neon.layers import ROUNDINGS

FITTING = [w for w in WINDOWS if w[0][1] * w[0][2] * w[0][3] >= 128]


def in_lines(case: Case) -> bool:
    """Tell whether rows of few channels fill vectors, and windows share what is in them."""
    widths = [case.tensors[name].shape[2] for name in "xy"]
    channels = case.tensors["x"].shape[3]
    return channels < 128 <= min(widths) * channels and case.op.window[1] > 1


@each_form
def test_maxima(form: Target) -> None:
    cases = [pool(MaxPool2D, x, window, **changes) for x, window, changes in FITTING]
    cases += [
        pool(MaxPool2D, (2, 5, 6, c), (3, 2), padding=SAME, activation=Activation.RELU)
        for c in (5, 22, 43, 64, 127, 128, 129, 200, 256)
    ]
    cases += [
        pool(MaxPool2D, (1, 7, 9, c), (3, 3), stride=(2, 2), padding=padding)
        for c in (26, 33, 64)
        for padding in (Padding(), SAME, Padding(0, 1, 0, 1), Padding(2, 2, 2, 2))
    ]
    lines = [case for case in cases if in_lines(case)]
    assert 0 < len(lines) < len(cases)
    others = [case for case in cases if case not in lines]
    found = [replace(case, kernel="hvx/max_pool2d_lines_s8") for case in lines]
    check([*found, *on("hvx", others)], form)


@each_form
def test_averages(form: Target) -> None:
    cases = [
        pool(AveragePool2D, x, window, round_half_up=up, **changes)
        for x, window, changes in FITTING
        for up in (False, True)
    ]
    cases += [
        pool(AveragePool2D, (1, 5, 6, c), window, activation=Activation.RELU6, round_half_up=up)
        for c in (5, 127, 128, 129, 200, 256)
        for window, up in (((2, 3), False), ((3, 3), True))
    ]
    cases += [
        pool(AveragePool2D, (1, 5, 6, c), (4, 3), padding=Padding(2, 1, 1, 2))
        for c in (5, 127, 128, 129, 256)
    ]
    cases += [pool(AveragePool2D, (1, 15, 17, 3), window) for window in ((15, 17), (6, 6))]
    check(on("hvx", cases), form)


@each_form
def test_averages_of_large_windows(form: Target) -> None:
    inside = [pool(AveragePool2D, (1, 20, 20, c), (20, 20)) for c in (9, 130)]
    cases = [replace(case, kernel="hvx/average_pool2d_long_s8") for case in inside]
    across = pool(AveragePool2D, (1, 20, 20, 9), (20, 20), padding=SAME)
    check([*cases, replace(across, kernel="portable/average_pool2d_s8")], form)


@each_form
def test_means(form: Target) -> None:
    cases = [
        mean((1, 7, 7, 128), (1, 2), zeros=(-128, 127)),
        mean((1, 7, 7, 33), (1, 2), zeros=(127, -128)),
        mean((2, 3, 5, 7), (0, 2)),
        mean((1, 2, 300, 130), (1,)),
        mean((3, 255, 16), (1,)),
        mean((2, 15, 17, 5), (1, 2), scales=(0.5, 0.004)),
        *(mean((1, 6, 5, 12), (1, 2), numerics=n) for n in ROUNDINGS[:3]),
    ]
    check(on("hvx", cases), form)
