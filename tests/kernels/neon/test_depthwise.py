"""NEON depthwise convolution of any window against the reference, 32 and 64 bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeq.ir.quant import Rounding
from edgeq.kernels.neon.depthwise import depthwise_requant, packed_taps
from edgeq.ops._spatial import Padding
from edgeq.ops.activation import Activation
from edgeq.ops.depthwise_conv2d import DepthwiseConv2D
from edgeq.plan import select as selection
from edgeq.targets import target
from tests.kernel_harness import WARNINGS, Case, check_layers, one_op_graph
from tests.kernels.neon.layers import IO, ROUNDINGS, depthwise_case, sums_case

TARGETS = [
    replace(target(name), isas=("neon", "portable"), cflags=("-O1", *WARNINGS))
    for name in ("aarch64", "armv7-neon")
]
ROW = "neon/depthwise_conv2d_s8"
SAME = Padding(1, 1, 1, 1)


def windows() -> list[Case]:
    """Return windows of many shapes, with strides, dilations, and more padding than image."""
    odd = Padding(0, 1, 1, 0)
    return [
        *(
            depthwise_case((2, 26, 9, 10), kernel, padding=odd)
            for kernel in ((1, 1), (1, 2), (3, 4), (5, 5), (2, 7), (25, 1), (11, 9))
        ),
        *(
            depthwise_case((1, 51, 15, 8), kernel, dilation=(2, 3), stride=(3, 2))
            for kernel in ((1, 2), (3, 3), (5, 5))
        ),
        depthwise_case((1, 1, 1, 8), (3, 2), padding=SAME),
        *(
            depthwise_case((2, 20, 1, 24), (9, 1), padding=Padding(4, 4, 0, 0), stride=stride)
            for stride in ((1, 1), (2, 2))
        ),
        depthwise_case((1, 2, 1, 17), (5, 5), padding=Padding(3, 2, 2, 3)),
    ]


def extremes() -> list[Case]:
    """Return channels around both panels, zero points at both ends, and weights of -128."""
    return [
        *(depthwise_case((1, 4, 3, c), (3, 2), padding=SAME) for c in (8, 9, 15, 16, 17, 24, 67)),
        *(
            depthwise_case((1, 3, 4, c), (2, 3), zero=zero, zeros=zeros, padding=SAME, extreme=True)
            for c in (11, 19)
            for zero in (-128, -1, 0, 3, 127)
            for zeros in ((-128, 127), (127, -128))
        ),
        *(depthwise_case((1, 3, 4, c), (2, 3), padding=SAME, extreme=True) for c in (8, 16)),
    ]


def roundings() -> list[Case]:
    """Return every rounding, with shifts to both sides, with and without a cut at the zero."""
    return [
        depthwise_case(
            (1, 4, 4, c),
            (3, 2),
            zero=zero,
            zeros=(7, y_zero),
            numerics=numerics,
            scale=scale,
            padding=SAME,
            activation=activation,
        )
        for c, zero in ((9, 0), (18, None))
        for numerics in ROUNDINGS
        for scale in (0.004, 20.0)
        for activation, y_zero in (
            (Activation.NONE, 5),
            (Activation.NONE, -128),
            (Activation.RELU, -128),
            (Activation.RELU, -20),
            (Activation.RELU6, -128),
        )
    ]


def repeats() -> list[Case]:
    """Return many filters for one channel."""
    return [
        sums_case(
            DepthwiseConv2D(**IO, stride=(2, 2), padding=SAME),
            (1, 9, 7, 1),
            (1, *kernel, out),
            (1, (9 + 2 - kernel[0]) // 2 + 1, (7 + 2 - kernel[1]) // 2 + 1, out),
            axis=3,
            zero=zero,
            scale=20.0,
        )
        for out in (8, 13, 16, 21)
        for kernel in ((3, 3), (10, 8))
        for zero in (None, 50)
    ]


@pytest.fixture
def only_general(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the row for one channel, which takes layers that this one can compute too."""
    rows = selection.table
    monkeypatch.setattr(
        selection, "table", lambda isa: tuple(r for r in rows(isa) if "single" not in r.id)
    )


@pytest.mark.usefixtures("only_general")
@pytest.mark.parametrize("chosen", TARGETS, ids=lambda t: t.name)
def test_the_layers_equal_the_reference(chosen) -> None:
    cases = [*windows(), *extremes(), *roundings(), *repeats()]
    check_layers([replace(case, kernel=ROW) for case in cases], chosen)


@pytest.mark.parametrize(
    "case",
    [
        depthwise_case((1, 9, 9, 7), (3, 3)),
        depthwise_case((1, 20, 20, 8), (16, 8)),
        sums_case(DepthwiseConv2D(**IO), (1, 9, 9, 8), (1, 3, 3, 16), (1, 7, 7, 16), axis=3),
    ],
)
def test_what_it_does_not_take_is_portable(case: Case) -> None:
    [(lowered, io)] = one_op_graph(case.op, case.tensors).walk()
    row = selection.select(lowered, io, TARGETS[0].isas)
    assert row is not None
    assert row.id.startswith("portable/depthwise")


def test_half_up_replaces_half_away_only_where_negative_numbers_end_at_the_zero_point() -> None:
    for activation, expected in (
        (Activation.NONE, Rounding.GEMMLOWP),
        (Activation.RELU, Rounding.HALF_UP),
    ):
        case = depthwise_case((1, 4, 4, 8), (3, 3), activation=activation)
        [(op, io)] = one_op_graph(case.op, case.tensors).walk()
        assert depthwise_requant(op, io).rounding is expected


def test_taps_are_packed_by_panel() -> None:
    w = np.arange(3 * 20).reshape(3, 20)
    packed = packed_taps(w, 16).reshape(2, 3, 16)
    for panel, start in enumerate((0, 4)):
        np.testing.assert_array_equal(packed[panel], w[:, start : start + 16])
